"""Bidders: what an agent says in auctions, from what a lot is worth to it.

Each decides from the session alone, so one that is started anew goes on where it stood.
All bid for themselves and honestly, in that they never bid above their value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Final

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.auction import (
    AuctionDecided,
    AuctionOpened,
    BidCommitted,
    BidderWithdrew,
    BidPlaced,
    BidRevealed,
    ClockAuctionDecided,
    ClockAuctionOpened,
    CommitsClosed,
    CommittedAuctionDecided,
    CommittedAuctionOpened,
    DemandStated,
    DutchAuctionDecided,
    DutchAuctionOpened,
    EnglishAuctionDecided,
    EnglishAuctionOpened,
    MultiUnitAuctionDecided,
    MultiUnitAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
    bid_wanted,
    commitment_of,
)
from mabeam.core.auction.english import Outcry
from mabeam.core.auction.falling import FallingClock
from mabeam.core.auction.multi_unit import AMOUNTS_MAX
from mabeam.core.auction.rising import RisingClock, is_in
from mabeam.core.auction.ticking import price_of
from mabeam.core.combinatorial import BundlesAwarded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.session.events import Opening
from mabeam.core.session.state import SessionState
from mabeam.projections.world import World

__all__ = [
    "BudgetedBidder",
    "ClockBidder",
    "CommittingBidder",
    "DutchBidder",
    "OutcryBidder",
    "ShadingBidder",
    "TruthfulBidder",
    "worth_of",
]

ANY: Final = "*"
_PERCENT: Final = 100
_ONE_LOT: Final = (
    AuctionDecided,
    ClockAuctionDecided,
    CommittedAuctionDecided,
    DutchAuctionDecided,
    EnglishAuctionDecided,
)


class Bidder(AgentPolicy, frozen=True, kw_only=True):
    """Base of bidders.

    Attributes:
        value: What a lot is worth to it, in minor units; 0 for nothing.
        values: The same by a word that occurs in the lot, ``*`` for any; the first one that
            occurs counts.
    """

    value: int = 0
    values: dict[str, int] = {}

    def worth(self, lot: str) -> int:
        """Return what a lot is worth to it."""
        found = worth_of(self.values, lot)
        return self.value if found is None else found


def worth_of(values: Mapping[str, int], lot: str) -> int | None:
    """Return what the first word that occurs in a lot says of it, None if none does."""
    text = lot.casefold()
    for word, amount in values.items():
        if word == ANY or word.casefold() in text:
            return amount
    return None


class TruthfulBidder(Bidder, frozen=True, kw_only=True, tag="truthful_bidder"):
    """Bids its value under seal: best where what one pays does not depend on one's bid.

    Attributes:
        amounts: For several units, what the first, the second and so on are worth to it;
            empty for one unit of its value.
    """

    amounts: tuple[int, ...] = ()

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Bid when the auction is opened."""
        del heard
        if not _is_asked(me, session, event):
            return ()
        if isinstance(event, MultiUnitAuctionOpened):
            amounts = (self.amounts or (self.worth(event.lot),))[: min(event.units, AMOUNTS_MAX)]
            wanted = tuple(amount for amount in amounts if amount > 0)
            return (DemandStated(amounts=wanted),) if wanted else ()
        return _bid(self.worth(event.lot)) if isinstance(event, AuctionOpened) else ()


class ShadingBidder(Bidder, frozen=True, kw_only=True, tag="shading_bidder"):
    """Bids less than its value under seal, as is best where the winner pays its own bid.

    With 0, the share is (n-1)/n of its value among n named bidders, which is the equilibrium
    of the first-price auction if all values are independent and uniformly distributed from 0
    (Vickrey 1961); where everybody may bid, it is that among two.

    Attributes:
        percent: The share of its value that it bids, 1 to 100; 0 for that of the equilibrium.
    """

    percent: int = 0

    def __post_init__(self) -> None:
        """Refuse a share that is none.

        Raises:
            Rejected: It is not between 0 and 100.
        """
        _check_percent(self.percent, 0)

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Bid when the auction is opened."""
        del heard
        if not isinstance(event, AuctionOpened) or not _is_asked(me, session, event):
            return ()
        worth = self.worth(event.lot)
        if not worth:
            return ()
        if self.percent:
            note = f"worth {worth}, shaded to {self.percent} %"
            return _bid(max(1, worth * self.percent // _PERCENT), note)
        bidders = max(len(event.participants), 2)
        return _bid(max(1, worth * (bidders - 1) // bidders))


class BudgetedBidder(Bidder, frozen=True, kw_only=True, tag="budgeted_bidder"):
    """Bids its value under seal, or what is left of its budget over all auctions of the space.

    What it owes for what it has won, in any form and in bundles, is spent, and what it has bid
    in sealed auctions that are not decided yet, or is about to bid in those opened earlier, is
    set aside. So it never owes more than its budget, at the cost of bidding less than it could
    while much is set aside; but a policy beside it that bids in other forms must be given
    money of its own. Each answer takes time in proportion to the sessions of the space.

    Attributes:
        budget: What it may spend in all, in minor units.
    """

    budget: int

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Bid when the auction is opened."""
        if not isinstance(event, AuctionOpened) or not _is_asked(me, session, event):
            return ()
        left = self.left(me, heard.world, session)
        return _bid(min(self.worth(event.lot), left))

    def left(self, me: str, world: World, session: SessionState) -> int:
        """Return what may be bid in a session, if nothing more is bid elsewhere."""
        others = (entity.state for entity in world.sessions.values())
        left = self.budget
        for other in sorted(others, key=lambda state: state.opened_at):
            if other.opened_at != session.opened_at:
                left -= self._set_aside(me, other, session, left)
        return max(left, 0)

    def _set_aside(self, me: str, other: SessionState, session: SessionState, left: int) -> int:
        if other.outcome is not None:
            return _paid(me, other)
        if not isinstance(other.opening, AuctionOpened):
            return 0
        word = other.spoken.get(me)
        if word is not None:
            assert isinstance(word.speech, BidPlaced)
            return word.speech.amount
        is_awaited = other.phase == "open" and other.opened_at < session.opened_at
        is_asked = not other.weights or me in other.weights
        return min(self.worth(other.opening.lot), left) if is_awaited and is_asked else 0


class OutcryBidder(Bidder, frozen=True, kw_only=True, tag="outcry_bidder"):
    """Beats every bid of others in open outcry by the least that is asked, up to its value."""

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Bid when the auction is opened and when somebody else leads; withdraw at last."""
        del heard
        opening, outcry = session.opening, session.course
        if session.phase != "open" or not isinstance(opening, EnglishAuctionOpened):
            return ()
        assert isinstance(outcry, Outcry)
        if outcry.over_id or outcry.leader == me or me in outcry.withdrawn:
            return ()
        if not isinstance(event, EnglishAuctionOpened | BidPlaced):
            return ()
        wanted = bid_wanted(opening, outcry)
        if wanted <= self.worth(opening.lot):
            return (BidPlaced(amount=wanted),)
        return (BidderWithdrew(),)


class ClockBidder(Bidder, frozen=True, kw_only=True, tag="clock_bidder"):
    """Stays in on a rising clock as long as the price is within its limit.

    Attributes:
        percent: The share of its value that is its limit, 1 to 100. All of it is best.
    """

    percent: int = _PERCENT

    def __post_init__(self) -> None:
        """Refuse a share that is none.

        Raises:
            Rejected: It is not between 1 and 100.
        """
        _check_percent(self.percent, 1)

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Answer every price."""
        del heard
        opening, state = session.opening, session.course
        if session.phase != "open" or not isinstance(opening, ClockAuctionOpened):
            return ()
        assert isinstance(state, RisingClock)
        number, stay = state.clock.round, state.stays.get(me)
        has_answered = stay is not None and stay.round == number
        if not _is_price(event, number) or has_answered or not is_in(state, me):
            return ()
        price = price_of(opening, number)
        limit = self.worth(opening.lot) * self.percent // _PERCENT
        return (PriceAnswered(price=price, accepts=price <= limit),)


class DutchBidder(Bidder, frozen=True, kw_only=True, tag="dutch_bidder"):
    """Stops a falling clock at the first price within its limit.

    Attributes:
        percent: The share of its value that is its limit, 1 to 100. As under the first price,
            less than all of it is best.
    """

    percent: int = _PERCENT

    def __post_init__(self) -> None:
        """Refuse a share that is none.

        Raises:
            Rejected: It is not between 1 and 100.
        """
        _check_percent(self.percent, 1)

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Stop the clock, or say no to its price where that is waited for."""
        del heard
        opening, state = session.opening, session.course
        if session.phase != "open" or not isinstance(opening, DutchAuctionOpened):
            return ()
        assert isinstance(state, FallingClock)
        number = state.clock.round
        if not _is_price(event, number) or state.stopped_by or state.passed.get(me) == number:
            return ()
        price = price_of(opening, number)
        accepts = price <= self.worth(opening.lot) * self.percent // _PERCENT
        return (PriceAnswered(price=price, accepts=accepts),) if accepts or session.weights else ()


class CommittingBidder(Bidder, frozen=True, kw_only=True, tag="committing_bidder"):
    """Commits to its value under seal, and reveals it when that is asked.

    The salt follows from the secret, the session and the agent, so it need not be kept
    anywhere; who knows the secret can read the bids.

    Attributes:
        secret: At least 16 characters that nobody else knows.
        percent: The share of its value that it bids, 1 to 100.
    """

    secret: str
    percent: int = _PERCENT

    def __post_init__(self) -> None:
        """Refuse a secret that is easily guessed, and a share that is none.

        Raises:
            Rejected: It is too short, or the share is not between 1 and 100.
        """
        _check_percent(self.percent, 1)
        if len(self.secret) < _SECRET_LENGTH_MIN:
            raise Rejected(
                "policy.secret",
                "the secret is too short",
                field="secret",
                value=f"{len(self.secret)} characters",
                allowed=f"at least {_SECRET_LENGTH_MIN} characters",
            )

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Commit when the auction is opened, reveal when commits have closed."""
        opening, sealed = session.opening, session.course
        if session.phase != "open" or not isinstance(opening, CommittedAuctionOpened):
            return ()
        if not isinstance(event, CommittedAuctionOpened | CommitsClosed):
            return ()
        name, seal = heard.entity, sealed.seals.get(me)
        amount = self.worth(opening.lot) * self.percent // _PERCENT
        salt = sha256(f"{self.secret}\n{name}\n{me}".encode()).hexdigest()
        if not sealed.closed_id:
            is_due = seal is None and amount >= max(opening.reserve, 1)
            commitment = commitment_of(name, me, amount, salt)
            return (BidCommitted(commitment=commitment),) if is_due else ()
        is_due = seal is not None and not seal.revealed_at
        return (BidRevealed(amount=amount, salt=salt),) if is_due else ()


_SECRET_LENGTH_MIN: Final = 16


def _is_asked(me: str, session: SessionState, event: Event) -> bool:
    """Tell whether a session is being opened in which the agent has not spoken yet."""
    return isinstance(event, Opening) and session.phase == "open" and me not in session.spoken


def _bid(amount: int, note: str = "") -> Sequence[Answer]:
    """Bid, also below the reserve: nobody need wait for one that has spoken."""
    return (BidPlaced(amount=amount, note=note),) if amount >= 1 else ()


def _is_price(event: Event, number: int) -> bool:
    """Tell whether an event shows the price of a round, or may be all that is heard of it."""
    shown = isinstance(event, PriceAnnounced) and event.round == number
    return shown or isinstance(event, Opening)


def _paid(me: str, state: SessionState) -> int:
    """Return what an agent owes by a decision."""
    decision = state.decision
    if isinstance(decision, MultiUnitAuctionDecided):
        return sum(award.pays for award in decision.awards if award.agent == me)
    if isinstance(decision, BundlesAwarded):
        return sum(ceil(Fraction(one.amount)) for one in decision.payments if one.agent == me)
    if isinstance(decision, _ONE_LOT) and decision.winner == me:
        return decision.price or 0
    return 0


def _check_percent(percent: int, least: int) -> None:
    if not least <= percent <= _PERCENT:
        raise Rejected(
            "policy.percent",
            "no such share",
            field="percent",
            value=percent,
            allowed=f"{least} to {_PERCENT}",
        )
