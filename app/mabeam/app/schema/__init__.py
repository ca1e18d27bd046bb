"""Schemas and reference for services without mabeam, generated from the event types."""

from __future__ import annotations

from mabeam.app.schema.compatibility import Change, changes, unreadable_changes
from mabeam.app.schema.files import check, export, files
from mabeam.app.schema.golden import grow, missing
from mabeam.app.schema.reference import reference
from mabeam.app.schema.tables import tables_reference

__all__ = [
    "Change",
    "changes",
    "check",
    "export",
    "files",
    "grow",
    "missing",
    "reference",
    "tables_reference",
    "unreadable_changes",
]
