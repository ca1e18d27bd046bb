"""Recorded events in words, for people who watch a team or read its history."""

from __future__ import annotations

from typing import Final

from mabeam.app.telling import auctions, bargains, graphs, markets, voting
from mabeam.app.telling.events import asides, tell
from mabeam.app.telling.words import shown, type_in_words

__all__ = ["FAMILIES", "asides", "shown", "tell", "type_in_words"]

FAMILIES: Final = (auctions, bargains, graphs, markets, voting)
"""Each of these registers words for the events of a family."""
