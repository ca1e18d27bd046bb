"""Openings and words made of plain fields, as the command line and scenario files have them."""

from mabeam.core.asking import kinds_of_speech, opening_of, speech_of

__all__ = ["kinds_of_speech", "opening_of", "speech_of"]
