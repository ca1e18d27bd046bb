"""Facts of votes on a number. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Decision, Opening, Speech

__all__ = ["BallotCast", "ConsensusDecided", "ConsensusOpened", "Contribution"]


@event_type("mabeam.consensus.opened.v1", kind="session")
class ConsensusOpened(Opening, frozen=True, kw_only=True):
    """Participants are asked for a number.

    Attributes:
        question: What is asked, for people.
        low: Least value that the outcome may have; a ballot may lie outside.
        high: Greatest value that the outcome may have.
        step: The outcome is ``low`` plus whole steps; None for up to nine decimal places.
        default: Taken when the quorum is missed; None to leave it undecided.
    """

    low: Decimal
    high: Decimal
    question: str = ""
    step: Decimal | None = None
    default: Decimal | None = None
    rule: Policy = Policy("weighted_mean")


@event_type("mabeam.consensus.ballot_cast.v1", kind="session")
class BallotCast(Speech, frozen=True, kw_only=True):
    """A voter's latest word on what the number should be.

    Attributes:
        value: The number, as decimal text.
        note: Why, for people.
    """

    value: Decimal
    note: str = ""


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """What one ballot adds to the mean.

    Attributes:
        agent: Who cast it.
        weight: How much it weighs.
        value: The number on it.
        position: Where the ballot stands.
    """

    agent: str
    weight: int
    value: Decimal
    position: int


@event_type("mabeam.consensus.decided.v1", kind="session")
class ConsensusDecided(Decision, frozen=True, kw_only=True):
    """What the number is. Said by protocol code alone.

    Attributes:
        value: The number; None when nothing was decided.
        contributions: Certificate: every ballot counted, by the agents' names, with the
            weight it had.
        mean: Certificate: the exact number before clamping and rounding, as a fraction: a
            mean or a median, as the rule has it.
        dropped: Certificate: voters whose ballots were dropped as extreme, by name.
    """

    value: Decimal | None = None
    contributions: tuple[Contribution, ...] = ()
    mean: str = ""
    dropped: tuple[str, ...] = ()
