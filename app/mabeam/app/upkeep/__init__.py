"""What keeps a log safe over the years: checks, backups, archives and mirrors."""

from __future__ import annotations

from mabeam.app.upkeep.archive import Archived, archive
from mabeam.app.upkeep.backup import Manifest, back_up, export, restore
from mabeam.app.upkeep.check import Check
from mabeam.app.upkeep.files import read_manifest
from mabeam.app.upkeep.reading import look_at

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
