"""Policies of agents that negotiate. What outcomes are worth to an agent stays with it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import msgspec

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.checking import check_within
from mabeam.core.events import Event
from mabeam.core.negotiation import (
    AmountRequested,
    BargainingOpened,
    Claims,
    Draft,
    Evaluation,
    Issue,
    NegotiationOpened,
    OfferAccepted,
    OfferMade,
    ResourceOpened,
    SharesProposed,
    SingleTextOpened,
    Talks,
    TextJudged,
    TextProposed,
    UtilityDeclared,
    WalkedAway,
    outcome_at,
    outcomes,
    table,
    utility,
)
from mabeam.core.numbers import exact
from mabeam.core.session.events import Opening
from mabeam.core.session.state import SessionState

__all__ = [
    "ConcedingNegotiator",
    "RequestingParty",
    "StubbornNegotiator",
    "TextJudge",
    "TitForTatNegotiator",
    "UtilityDeclarer",
]


class _Negotiator(AgentPolicy, frozen=True, kw_only=True):
    """Base of those that make alternating offers; they differ in how much they aim for.

    Attributes:
        evaluations: What each issue is worth to it, in the order of the issues.
        reservation: What no agreement is worth to it; it accepts and offers nothing below.
    """

    evaluations: tuple[Evaluation, ...]
    reservation: Decimal = Decimal(0)

    def aim(
        self,
        me: str,  # noqa: ARG002 - what counts differs
        opening: NegotiationOpened,  # noqa: ARG002 - likewise
        talks: Talks,  # noqa: ARG002 - likewise
        best: Fraction,
        worst: Fraction,  # noqa: ARG002 - likewise
    ) -> Fraction:
        """Return the least worth that it would have now: its best, unless it concedes."""
        return best

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the state says it all
        heard: Heard,  # noqa: ARG002 - the state says it all
    ) -> Sequence[Answer]:
        """Accept what stands if it is worth enough, else offer what is; leave if nothing is."""
        opening, talks = session.opening, session.course
        if not isinstance(opening, NegotiationOpened) or session.phase != "open":
            return ()
        assert isinstance(talks, Talks)
        if talks.ended or talks.next != me:
            return ()
        worths = table(opening.issues, self.evaluations)
        best = Fraction(max(worths.units), worths.scale)
        worst = Fraction(min(worths.units), worths.scale)
        least = exact(self.reservation)
        if best < least:
            return (WalkedAway(reason="no outcome is better than none"),)
        aim = max(self.aim(me, opening, talks, best, worst), least)
        stands = talks.standing
        if stands is not None and self.worth(opening.issues, stands.values) >= aim:
            return (OfferAccepted(offer=stands.number),)
        return (OfferMade(values=self._offer(opening.issues, me, talks, aim)),)

    def worth(self, issues: tuple[Issue, ...], values: tuple[str, ...]) -> Fraction:
        """Return what an outcome is worth to it."""
        return utility(issues, self.evaluations, values)

    def _offer(
        self, issues: tuple[Issue, ...], me: str, talks: Talks, aim: Fraction
    ) -> tuple[str, ...]:
        """Return an outcome that is worth the aim and most like what another offered last."""
        worths = table(issues, self.evaluations)
        theirs = next((o.values for o in reversed(talks.offers) if o.agent != me), ())
        enough = aim * worths.scale
        best = max(
            (sum(map(str.__eq__, values, theirs)), -units, -number)
            for number, (values, units) in enumerate(
                zip(outcomes(issues), worths.units, strict=True)
            )
            if units >= enough
        )
        return outcome_at(issues, -best[2])


class ConcedingNegotiator(_Negotiator, frozen=True, kw_only=True, tag="conceding_negotiator"):
    """Concedes with time, from its best outcome down to its reservation in the last round.

    Peyman Faratin, Carles Sierra and Nick Jennings, Negotiation Decision Functions for
    Autonomous Agents, Robotics and Autonomous Systems 24 (1998).

    Attributes:
        exponent: With t the part of the rounds that is over, it has conceded the part t to
            this power: above 1 late (Boulware), 1 evenly, 0 at once. Below 0 it concedes early
            (Conceder): one less (one less t) to minus this power.
    """

    exponent: Annotated[int, msgspec.Meta(ge=-100, le=100)] = 1

    def aim(
        self,
        me: str,  # noqa: ARG002 - time alone counts
        opening: NegotiationOpened,
        talks: Talks,
        best: Fraction,
        worst: Fraction,
    ) -> Fraction:
        """Return what is left of its best after the concession for this round."""
        last = opening.rounds - 1
        over = Fraction(talks.turn // len(talks.parties), last) if last else Fraction(1)
        part = over**self.exponent if self.exponent >= 0 else 1 - (1 - over) ** -self.exponent
        floor = max(exact(self.reservation), worst)
        return best - part * (best - floor)


class TitForTatNegotiator(_Negotiator, frozen=True, kw_only=True, tag="tit_for_tat_negotiator"):
    """Concedes as much as who offered last has conceded to it, by its own measure.

    It looks at the latest 64 offers, which a session lists.
    """

    def aim(
        self,
        me: str,
        opening: NegotiationOpened,
        talks: Talks,
        best: Fraction,
        worst: Fraction,  # noqa: ARG002 - what the other does alone counts
    ) -> Fraction:
        """Return its best less what the latest offer is better than that one's first."""
        others = [o for o in talks.offers if o.agent != me]
        if not others:
            return best
        theirs = [o.values for o in others if o.agent == others[-1].agent]
        first, latest = (self.worth(opening.issues, theirs[place]) for place in (0, -1))
        return best - max(latest - first, Fraction(0))


class StubbornNegotiator(_Negotiator, frozen=True, kw_only=True, tag="stubborn_negotiator"):
    """Never concedes: it offers and accepts its best outcome alone."""


class TextJudge(AgentPolicy, frozen=True, kw_only=True, tag="text_judge"):
    """Accepts a single text that is worth to it what the kept one is, or more.

    Attributes:
        evaluations: What each issue is worth to it, in the order of the issues.
        reservation: What no text is worth to it.
    """

    evaluations: tuple[Evaluation, ...]
    reservation: Decimal = Decimal(0)

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - the state says it all
    ) -> Sequence[Answer]:
        """Judge the text of the round that began."""
        opening, draft = session.opening, session.course
        is_open = isinstance(opening, SingleTextOpened) and session.phase == "open"
        if not is_open or not isinstance(event, TextProposed):
            return ()
        assert isinstance(opening, SingleTextOpened)
        assert isinstance(draft, Draft)
        if event.round != draft.round or me in draft.accepts:
            return ()
        least = exact(self.reservation)
        if draft.kept:
            least = max(least, utility(opening.issues, self.evaluations, draft.kept))
        worth = utility(opening.issues, self.evaluations, draft.text)
        return (TextJudged(round=draft.round, accept=worth >= least),)


class UtilityDeclarer(AgentPolicy, frozen=True, kw_only=True, tag="utility_declarer"):
    """Says openly and truly what outcomes are worth to it, where a solution decides.

    Attributes:
        evaluations: What each issue is worth to it, in the order of the issues.
        reservation: What no agreement is worth to it.
    """

    evaluations: tuple[Evaluation, ...]
    reservation: Decimal = Decimal(0)

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - the state says it all
    ) -> Sequence[Answer]:
        """Declare once."""
        if not isinstance(event, BargainingOpened) or session.phase != "open":
            return ()
        if me in session.spoken:
            return ()
        return (UtilityDeclared(evaluations=self.evaluations, reservation=self.reservation),)


class RequestingParty(AgentPolicy, frozen=True, kw_only=True, tag="requesting_party"):
    """Asks for an amount of a resource, then for its proportional share if it may be less.

    Attributes:
        wanted: What it asks for first.
        at_least: What it never asks for less than; at most what it asks for first.
        concedes: Whether it asks for less at all.
    """

    wanted: Annotated[int, msgspec.Meta(ge=0)]
    at_least: Annotated[int, msgspec.Meta(ge=0)] = 0
    concedes: bool = True

    def __post_init__(self) -> None:
        """Refuse a least amount above what it asks for first.

        Raises:
            Rejected: It would ask for more after hearing that there is too little.
        """
        check_within("negotiation.amount", "at_least", self.at_least, 0, self.wanted)

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - the state says it all
    ) -> Sequence[Answer]:
        """Ask once in a round."""
        claims = session.course
        is_open = isinstance(session.opening, ResourceOpened) and session.phase == "open"
        if not is_open or not isinstance(event, Opening | SharesProposed):
            return ()
        assert isinstance(claims, Claims)
        if me in claims.asked:
            return ()
        shares = {share.agent: share.amount for share in claims.shares}
        amount = self.wanted
        if self.concedes and me in shares:
            amount = max(self.at_least, shares[me])
        return (AmountRequested(amount=amount),)
