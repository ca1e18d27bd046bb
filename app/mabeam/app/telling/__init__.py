"""Recorded events in words, for people who watch a team or read its history."""

from __future__ import annotations

from mabeam.app.telling import markets
from mabeam.app.telling.events import asides, tell
from mabeam.app.telling.words import shown, type_in_words

__all__ = ["asides", "markets", "shown", "tell", "type_in_words"]
