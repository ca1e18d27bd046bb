"""Openings and words made of plain fields, as the command line and scenario files have them."""

from __future__ import annotations

from typing import Final

from mabeam.core import catalogue
from mabeam.core.asking import kinds_of_speech, opening_of, speech_of

__all__ = ["kinds_of_speech", "opening_of", "speech_of"]

# Importing the catalogue registers every protocol that comes with mabeam.
_REGISTERED: Final = catalogue.DOMAINS
