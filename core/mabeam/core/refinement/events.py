"""Facts of iterative refinement. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from mabeam.core.consensus.events import Contribution
from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Speech

__all__ = [
    "FeedbackGiven",
    "RefinementDecided",
    "RefinementOpened",
    "RefinementSpeech",
    "RoundClosed",
    "RoundSummary",
    "ValueOffered",
]


@event_type("mabeam.refinement.opened.v1", kind="session")
class RefinementOpened(Opening, frozen=True, kw_only=True):
    """Named participants are asked for a number, and again when they have heard each other.

    Attributes:
        question: What is asked, for people.
        low: Least value that the outcome may have; an offer may lie outside.
        high: Greatest value that the outcome may have.
        step: The outcome is ``low`` plus whole steps; None for up to nine decimal places.
        default: Taken when nothing is agreed; None to leave it undecided.
        tolerance: The offers agree when the greatest is at most so much above the least.
        rounds_max: After so many rounds it ends.
        round_ms: A round closes after so long at the latest, on the log's clock; 0 for no limit
            but that of the session.
        gives_feedback: Whether a round waits until everybody has judged every other offer.
        must_converge: Whether nothing is decided where the last offers do not agree. Else the
            rule makes a number of them all the same.
    """

    low: Decimal
    high: Decimal
    question: str = ""
    step: Decimal | None = None
    default: Decimal | None = None
    tolerance: Decimal = Decimal(0)
    rounds_max: int = 5
    round_ms: int = 0
    gives_feedback: bool = False
    must_converge: bool = False
    rule: Policy = Policy("weighted_mean")


class RefinementSpeech(Speech, frozen=True, kw_only=True):
    """Base of what participants say.

    Attributes:
        round: The round in which it is said, from 1; in another one it does not count.
    """

    round: int


@event_type("mabeam.refinement.value_offered.v1", kind="session")
class ValueOffered(RefinementSpeech, frozen=True, kw_only=True):
    """What the number should be, in the light of what was said so far.

    Attributes:
        value: The number, as decimal text.
        note: Why, for people.
    """

    value: Decimal
    note: str = ""


@event_type("mabeam.refinement.feedback_given.v1", kind="session")
class FeedbackGiven(RefinementSpeech, frozen=True, kw_only=True):
    """What a participant thinks of another's offer in this round.

    Attributes:
        about: Whose offer.
        score: From 0, of no use, to 100.
        note: Why, for people.
    """

    about: str
    score: int
    note: str = ""


class RoundSummary(msgspec.Struct, frozen=True, gc=False):
    """What one round came to.

    Attributes:
        number: Which, from 1.
        offers: How many offers stand at its end.
        low: The least of them.
        high: The greatest.
        reason: ``complete`` when all have said what was asked of them, else ``time``.
    """

    number: int
    offers: int
    low: Decimal | None
    high: Decimal | None
    reason: Literal["complete", "time"]


@event_type("mabeam.refinement.round_closed.v1", kind="session")
class RoundClosed(Announcement, frozen=True, kw_only=True):
    """A round is over. Said by protocol code alone.

    Attributes:
        summary: What it came to.
        is_agreed: Whether the offers agree, within the tolerance.
    """

    summary: RoundSummary
    is_agreed: bool


@event_type("mabeam.refinement.decided.v1", kind="session")
class RefinementDecided(Decision, frozen=True, kw_only=True):
    """What the number is. Said by protocol code alone.

    Attributes:
        value: The number; None when nothing was decided.
        is_agreed: Whether the last offers agree, within the tolerance.
        rounds: Certificate: what each closed round came to.
        contributions: Certificate: every offer counted, by the agents' names, with the weight
            it had.
        mean: Certificate: the exact number before clamping and rounding, as a fraction.
        dropped: Certificate: whose offers were dropped as extreme, by name.
    """

    value: Decimal | None = None
    is_agreed: bool = False
    rounds: tuple[RoundSummary, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    mean: str = ""
    dropped: tuple[str, ...] = ()
