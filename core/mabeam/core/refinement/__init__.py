"""Iterative refinement: a team comes closer to one number, round after round."""

from mabeam.core.refinement.course import Rounds
from mabeam.core.refinement.events import (
    FeedbackGiven,
    RefinementDecided,
    RefinementOpened,
    RoundClosed,
    RoundSummary,
    ValueOffered,
)
from mabeam.core.refinement.protocol import REFINEMENT

__all__ = [
    "REFINEMENT",
    "FeedbackGiven",
    "RefinementDecided",
    "RefinementOpened",
    "RoundClosed",
    "RoundSummary",
    "Rounds",
    "ValueOffered",
]
