"""Facts of negotiations. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.negotiation.space import Issue
from mabeam.core.negotiation.utility import Evaluation
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Speech

__all__ = [
    "AmountRequested",
    "BargainingDecided",
    "BargainingOpened",
    "Gain",
    "Judgement",
    "Move",
    "NegotiationDecided",
    "NegotiationOpened",
    "OfferAccepted",
    "OfferMade",
    "Offered",
    "ResourceDecided",
    "ResourceEnd",
    "ResourceOpened",
    "Share",
    "SharesProposed",
    "SingleTextDecided",
    "SingleTextOpened",
    "TalksEnd",
    "TextJudged",
    "TextProposed",
    "TurnPassed",
    "UtilityDeclared",
    "WalkedAway",
]

ResourceEnd: TypeAlias = Literal["agreement", "ruling", "deadlock", "deadline"]
TalksEnd: TypeAlias = Literal["agreement", "walked_away", "rounds", "deadline"]


@event_type("mabeam.negotiation.opened.v1", kind="session")
class NegotiationOpened(Opening, frozen=True, kw_only=True):
    """Parties make each other offers in turns, in the order in which they are named.

    Attributes:
        subject: What it is about, for people.
        issues: What is to be settled; together they span at most 100,000 outcomes.
        rounds: Every party has so many turns.
        turn_ms: A turn passes to the next party after so long, on the log's clock.
    """

    subject: str = ""
    issues: tuple[Issue, ...]
    rounds: int = 20
    turn_ms: int = 5_000
    rule: Policy = Policy("alternating_offers")


class Move(Speech, frozen=True, kw_only=True):
    """Base of what a party says in its turn."""


@event_type("mabeam.negotiation.offer_made.v1", kind="session")
class OfferMade(Move, frozen=True, kw_only=True):
    """A party offers an outcome, and with it turns down the offer that stands.

    Attributes:
        values: One for each issue, in their order.
        note: Why, for people.
    """

    values: tuple[str, ...]
    note: str = ""


@event_type("mabeam.negotiation.offer_accepted.v1", kind="session")
class OfferAccepted(Move, frozen=True, kw_only=True):
    """A party accepts the offer that stands. When all others have, it is agreed.

    Attributes:
        offer: Number of the offer, which must be the one that stands; 0 for whichever does.
        note: Why, for people.
    """

    offer: int = 0
    note: str = ""


@event_type("mabeam.negotiation.walked_away.v1", kind="session")
class WalkedAway(Move, frozen=True, kw_only=True):
    """A party ends the negotiation without an agreement.

    Attributes:
        reason: Why, for people.
    """

    reason: str = ""


@event_type("mabeam.negotiation.turn_passed.v1", kind="session")
class TurnPassed(Announcement, frozen=True, kw_only=True):
    """A party let its turn go by. Said by protocol code alone.

    Attributes:
        turn: Which turn of the negotiation it was, from 0.
        agent: Whose.
    """

    turn: int
    agent: str


class Offered(msgspec.Struct, frozen=True, gc=False):
    """An offer.

    Attributes:
        number: The how-manyth it is, from 1.
        agent: Who made it.
        values: What it says, one for each issue.
        position: Where it stands.
    """

    number: int
    agent: str
    values: tuple[str, ...]
    position: int


@event_type("mabeam.negotiation.decided.v1", kind="session")
class NegotiationDecided(Decision, frozen=True, kw_only=True):
    """What the parties agreed on, or how they came apart. Said by protocol code alone.

    Attributes:
        ended: ``agreement``, or why there is none.
        ended_by: Whose word ended it; empty where time or rounds did.
        agreement: The outcome, one value for each issue; empty for none.
        number: The same as a number where the only issue is a range of numbers.
        offer: Number of the agreed offer, 0 for none.
        offered_by: Who made it.
        accepted_by: Who accepted the offer that stood last, in the order in which they did.
        turns: How many turns were over.
        passed: How many of them passed unused.
        offers_count: How many offers were made.
        offers: Certificate: the latest of them, at most 64.
        offers_digest: Certificate: digest of all of them, in their order.
    """

    ended: TalksEnd
    ended_by: str = ""
    agreement: tuple[str, ...] = ()
    number: Decimal | None = None
    offer: int = 0
    offered_by: str = ""
    accepted_by: tuple[str, ...] = ()
    turns: int = 0
    passed: int = 0
    offers_count: int = 0
    offers: tuple[Offered, ...] = ()
    offers_digest: str = ""


@event_type("mabeam.single_text.opened.v1", kind="session")
class SingleTextOpened(Opening, frozen=True, kw_only=True):
    """A text is proposed, judged by all, changed in one place, judged again.

    Attributes:
        subject: What it is about, for people.
        issues: What is to be settled; together they span at most 100,000 outcomes.
        start: The first text, one value for each issue; empty for the first of all outcomes.
        rounds: So many texts are proposed.
        round_ms: A round ends after so long at the latest, on the log's clock; who has said
            nothing by then has rejected its text.
    """

    subject: str = ""
    issues: tuple[Issue, ...]
    start: tuple[str, ...] = ()
    rounds: int = 50
    round_ms: int = 5_000
    rule: Policy = Policy("single_text")


@event_type("mabeam.single_text.text_judged.v1", kind="session")
class TextJudged(Speech, frozen=True, kw_only=True):
    """A party accepts or rejects the text of a round.

    Attributes:
        round: The round that is meant.
        accept: Whether it would have this text rather than the one that is kept.
        note: Why, for people.
    """

    round: int
    accept: bool
    note: str = ""


@event_type("mabeam.single_text.text_proposed.v1", kind="session")
class TextProposed(Announcement, frozen=True, kw_only=True):
    """A round begins. Said by protocol code alone.

    Attributes:
        round: Its number, from 1.
        values: The text to be judged, one value for each issue.
        kept: The text that all have accepted last; empty for none.
    """

    round: int
    values: tuple[str, ...]
    kept: tuple[str, ...] = ()


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What became of the text of a round.

    Attributes:
        round: Its number, from 1.
        outcome: Number of the text among all outcomes, in their order from 0.
        accepted_by: Who accepted it, in the order of their names.
        kept: Whether that was everybody.
    """

    round: int
    outcome: int
    accepted_by: tuple[str, ...]
    kept: bool


@event_type("mabeam.single_text.decided.v1", kind="session")
class SingleTextDecided(Decision, frozen=True, kw_only=True):
    """The text that all have accepted last. Said by protocol code alone.

    Attributes:
        agreement: The text, one value for each issue; empty for none.
        number: The same as a number where the only issue is a range of numbers.
        kept_in: The round in which all accepted it, 0 for none.
        rounds: How many texts were proposed.
        judgements: Certificate: the latest of them that are settled, at most 200.
    """

    agreement: tuple[str, ...] = ()
    number: Decimal | None = None
    kept_in: int = 0
    rounds: int = 0
    judgements: tuple[Judgement, ...] = ()


@event_type("mabeam.bargaining.opened.v1", kind="session")
class BargainingOpened(Opening, frozen=True, kw_only=True):
    """Parties state openly what outcomes are worth to them, and a solution decides.

    Attributes:
        subject: What it is about, for people.
        issues: What is to be settled.
        rule: ``nash``, ``kalai``, ``kalai_smorodinsky`` or ``max_welfare``.
    """

    subject: str = ""
    issues: tuple[Issue, ...]
    rule: Policy = Policy("nash")


@event_type("mabeam.bargaining.utility_declared.v1", kind="session")
class UtilityDeclared(Speech, frozen=True, kw_only=True):
    """A party's latest word on what outcomes are worth to it.

    Attributes:
        evaluations: One for each issue, in their order.
        reservation: What no agreement is worth to it.
        note: Why, for people.
    """

    evaluations: tuple[Evaluation, ...]
    reservation: Decimal = Decimal(0)
    note: str = ""


class Gain(msgspec.Struct, frozen=True, gc=False):
    """What a party has of an outcome. The numbers are fractions, as text.

    Attributes:
        agent: The party.
        utility: What the outcome is worth to it.
        gain: The same less what no agreement is worth to it.
        ideal: The greatest gain that any rational outcome gives it.
        position: Where it said so.
    """

    agent: str
    utility: str
    gain: str
    ideal: str
    position: int


@event_type("mabeam.bargaining.decided.v1", kind="session")
class BargainingDecided(Decision, frozen=True, kw_only=True):
    """What the solution makes of the utilities. Said by protocol code alone.

    Attributes:
        agreement: The outcome, one value for each issue; empty for none.
        number: The same as a number where the only issue is a range of numbers.
        gains: Certificate: what each party has of it, in the order of their names.
        criterion: Certificate: what is greatest there, as fractions; the first counts first.
        outcomes_count: How many outcomes there are.
        rational_count: How many of them leave nobody worse off than no agreement.
        equals: Numbers of the outcomes that are equally good, the agreement among them; at
            most 100 of them are listed.
        equals_count: How many there are.
    """

    agreement: tuple[str, ...] = ()
    number: Decimal | None = None
    gains: tuple[Gain, ...] = ()
    criterion: tuple[str, ...] = ()
    outcomes_count: int = 0
    rational_count: int = 0
    equals: tuple[int, ...] = ()
    equals_count: int = 0


@event_type("mabeam.resource.opened.v1", kind="session")
class ResourceOpened(Opening, frozen=True, kw_only=True):
    """Parties ask for amounts of something of which there is not enough for all.

    Attributes:
        resource: What it is.
        amount: How much there is, in whole units.
        rounds: Everybody may ask so many times; then it is a deadlock.
        round_ms: A round ends after so long at the latest, on the log's clock; the latest
            word of who has said nothing in it stands.
        escalate_to: Who is to decide a deadlock.
        ruling_ms: So long it is asked for, in a vote of its own, whether the proportional
            shares are given all the same; 0 to name it only, for people and agents.
    """

    resource: str
    amount: int
    rounds: int = 5
    round_ms: int = 5_000
    escalate_to: str = ""
    ruling_ms: int = 0
    rule: Policy = Policy("proportional_concession")


@event_type("mabeam.resource.amount_requested.v1", kind="session")
class AmountRequested(Speech, frozen=True, kw_only=True):
    """How much a party asks for in this round.

    Attributes:
        amount: In whole units.
        note: Why, for people.
    """

    amount: int
    note: str = ""


class Share(msgspec.Struct, frozen=True, gc=False):
    """How much a party asked for, and how much it would have.

    Attributes:
        agent: The party.
        requested: Its latest request.
        amount: Its share.
    """

    agent: str
    requested: int
    amount: int


@event_type("mabeam.resource.shares_proposed.v1", kind="session")
class SharesProposed(Announcement, frozen=True, kw_only=True):
    """A round ended with more asked for than there is. Said by protocol code alone.

    Attributes:
        round: Number of the round that ended, from 1.
        shares: What each would have in proportion to its request.
    """

    round: int
    shares: tuple[Share, ...]


@event_type("mabeam.resource.decided.v1", kind="session")
class ResourceDecided(Decision, frozen=True, kw_only=True):
    """Who gets how much, or that they blocked each other. Said by protocol code alone.

    Attributes:
        resource: What it is.
        amount: How much there was.
        ended: ``agreement``, ``ruling`` where a deadlock was decided by whom it was escalated
            to, ``deadlock`` after the last round, or ``deadline``.
        rounds: How many rounds were begun.
        requested: How much was asked for in the end, all together.
        shares: What each gets; in a deadlock, what each would have in proportion to its
            request, as a proposal for who decides.
        escalated_to: Who is to decide a deadlock, or has decided it.
    """

    resource: str
    amount: int
    ended: ResourceEnd
    rounds: int = 0
    requested: int = 0
    shares: tuple[Share, ...] = ()
    escalated_to: str = ""
