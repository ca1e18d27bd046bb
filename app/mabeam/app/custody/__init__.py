"""What keeps a log safe over the years: checks, backups, archives and mirrors."""

from __future__ import annotations

from mabeam.app.custody.archive import Archived, archive
from mabeam.app.custody.backup import Manifest, back_up, export, restore
from mabeam.app.custody.check import Check
from mabeam.app.custody.files import read_manifest
from mabeam.app.custody.reading import look_at

__all__ = [
    "Archived",
    "Check",
    "Manifest",
    "archive",
    "back_up",
    "export",
    "look_at",
    "read_manifest",
    "restore",
]
