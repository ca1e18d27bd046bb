"""Schemas and reference for services without mabeam, generated from the event types."""

from __future__ import annotations

from mabeam.app.schema.files import check, export, files
from mabeam.app.schema.reference import reference
from mabeam.app.schema.tables import tables_reference

__all__ = ["check", "export", "files", "reference", "tables_reference"]
