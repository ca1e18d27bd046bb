"""Facts of votes on options. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Decision, Opening, Speech
from mabeam.core.voting.ballots import Ranking
from mabeam.core.voting.count import Count

__all__ = ["Shortfall", "VoteCast", "VoteDecided", "VoteOpened", "VoteStanding"]

Shortfall: TypeAlias = Literal["", "quorum", "majority"]


@event_type("mabeam.vote.opened.v1", kind="session")
class VoteOpened(Opening, frozen=True, kw_only=True):
    """Participants are asked to choose among options.

    Attributes:
        options: What can be chosen.
        question: What is asked, for people.
        seats: How many options are to be elected.
        default: The option that holds when the quorum or a required majority is missed; empty
            to leave it undecided.
        tie_order: Options whose order breaks ties, the one that wins them first; empty for
            an order that nobody could choose.
        early: Whether it also closes as soon as no ballot that is still to come can change
            who is elected. It takes named participants, whose first ballots count.
    """

    options: tuple[str, ...]
    question: str = ""
    seats: int = 1
    default: str = ""
    tie_order: tuple[str, ...] = ()
    early: bool = False
    rule: Policy = Policy("majority")


@event_type("mabeam.vote.cast.v1", kind="session")
class VoteCast(Speech, frozen=True, kw_only=True):
    """A voter's latest ballot.

    Attributes:
        ranking: Groups of options, the best first; those in a group are tied, those not named
            are tied behind. Who approves options names them all in the first group, who
            wants one names that alone. Empty for a blank ballot.
        confidence: How sure the voter is, from 0 to 1; only some rules count it.
        note: Why, for people.
    """

    ranking: Ranking = ()
    confidence: Decimal = Decimal(1)
    note: str = ""


class VoteStanding(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How an option came off.

    Attributes:
        option: Its name.
        reason: ``elected``, ``default``, or why it lost: ``fewer_votes``, ``no_majority``,
            ``beaten``, ``eliminated``, ``quorum_missed``, ``ratio_missed``, ``tie_lost``,
            ``tie_unresolved``, ``no_quorum``.
        score: What it had where that was decided, as text: votes, points, or votes for and
            against as ``12:9``.
        by: Who beat it, if it was one.
        round: In which round it was elected or eliminated; 0 where there are none.
    """

    option: str
    reason: str
    score: str = ""
    by: str = ""
    round: int = 0


@event_type("mabeam.vote.decided.v1", kind="session")
class VoteDecided(Decision, frozen=True, kw_only=True):
    """Which options are chosen. Said by protocol code alone.

    Attributes:
        winner: The chosen option, the first of several; empty when none is chosen.
        winners: All chosen options, in the order of election.
        shortfall: What was missed, if anything: the quorum, or a majority that the rule
            requires.
        standings: How each option came off, in the order of the opening.
        support: The share of the counted weight that stands behind the winner, as a fraction;
            empty where the rule knows none.
        count: Certificate: what the ballots come to under the rule; None without a quorum.
    """

    winner: str = ""
    winners: tuple[str, ...] = ()
    shortfall: Shortfall = ""
    standings: tuple[VoteStanding, ...] = ()
    support: str = ""
    count: Count | None = None
