"""What keeps a log safe over the years: checks, backups, archives and mirrors."""

from __future__ import annotations

from mabeam.app.upkeep.backup import Manifest, back_up, export, restore
from mabeam.app.upkeep.files import read_manifest

__all__ = ["Manifest", "back_up", "export", "read_manifest", "restore"]
