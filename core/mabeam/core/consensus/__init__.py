"""Consensus: agents agree on a number."""

from mabeam.core.consensus.events import (
    BallotCast,
    ConsensusDecided,
    ConsensusOpened,
    Contribution,
)
from mabeam.core.consensus.protocol import CONSENSUS
from mabeam.core.consensus.tallies import TALLIES, Tally, median, trimmed

__all__ = [
    "CONSENSUS",
    "TALLIES",
    "BallotCast",
    "ConsensusDecided",
    "ConsensusOpened",
    "Contribution",
    "Tally",
    "median",
    "trimmed",
]
