"""Consensus: agents agree on a number."""

from mabeam.core.consensus.events import (
    BallotCast,
    ConsensusDecided,
    ConsensusOpened,
    Contribution,
)
from mabeam.core.consensus.protocol import CONSENSUS

__all__ = ["CONSENSUS", "BallotCast", "ConsensusDecided", "ConsensusOpened", "Contribution"]
