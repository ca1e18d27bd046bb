"""Recorded events in words, for people who watch a team or read its history."""

from __future__ import annotations

import mabeam.app.telling.markets  # noqa: F401  # pyright: ignore[reportUnusedImport]  - it registers its words
from mabeam.app.telling.events import asides, tell
from mabeam.app.telling.words import shown, type_in_words

__all__ = ["asides", "shown", "tell", "type_in_words"]
