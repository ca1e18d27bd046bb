"""Policies of traders. Each says honestly what things are worth to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.events import Event
from mabeam.core.market.book import Resting
from mabeam.core.market.events import (
    CallMarketOpened,
    ContinuousMarketOpened,
    OrderPlaced,
    PostedPriceOpened,
    PurchaseMade,
    SheetOrder,
    SheetPlaced,
    Side,
    Traded,
)
from mabeam.core.market.fisher_events import (
    FisherMarketOpened,
    UtilitiesStated,
    Utility,
)
from mabeam.core.market.floor import Floor
from mabeam.core.market.rules import shape_of
from mabeam.core.market.sale import Shelf
from mabeam.core.session.events import Opening
from mabeam.core.session.state import SessionState

__all__ = ["FisherBuyer", "LimitTrader", "MarketMaker", "PostedPriceBuyer"]


class LimitTrader(AgentPolicy, frozen=True, kw_only=True, tag="limit_trader"):
    """Buys or sells at no worse than what a piece is worth to it, and says so at once.

    In call markets whose rule is truthful it can do no better. In others it could, by shading;
    it does not.

    Attributes:
        side: Whether it buys or sells.
        value: What a piece is worth to it.
        quantity: How many pieces it wants; fewer where the rule takes fewer.
        good: The good that it trades; empty for any.
    """

    side: Side
    value: int
    quantity: int = 1
    good: str = ""

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Place the one order when a market opens."""
        if session.phase != "open" or me in session.spoken:
            return ()
        match event:
            case CallMarketOpened(good=good) if self.good in {"", good}:
                quantity = min(self.quantity, shape_of(event.rule).quantity_max)
                return (SheetPlaced(orders=(SheetOrder(self.side, quantity, self.value),)),)
            case ContinuousMarketOpened(good=good) if self.good in {"", good}:
                order = OrderPlaced(side=self.side, quantity=self.quantity, price=self.value)
                return (order,)
            case _:
                return ()


class MarketMaker(AgentPolicy, frozen=True, kw_only=True, tag="market_maker"):
    """Buys a little below a value and sells a little above it, as long as others take it up.

    In a continuous market it offers anew what was taken, at most ``orders_max`` times.

    Attributes:
        value: What it takes a piece to be worth.
        spread: How far from that it offers, on both sides; 1 or more.
        quantity: How many pieces it offers at once, on each side.
        orders_max: How many orders it places in one market.
        good: The good that it trades; empty for any.
    """

    value: int
    spread: int = 1
    quantity: int = 1
    orders_max: int = 20
    good: str = ""

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Offer on both sides when a market opens, and anew after a trade of its own."""
        opening = session.opening
        if session.phase != "open":
            return ()
        if not isinstance(opening, CallMarketOpened | ContinuousMarketOpened):
            return ()
        if self.good not in {"", opening.good}:
            return ()
        if isinstance(event, Opening):
            if me in session.spoken:
                return ()
            if isinstance(opening, CallMarketOpened):
                return self._sheet(opening)
            return (self._order("buy"), self._order("sell"))
        if isinstance(event, Traded) and _is_party(me, event):
            return self._anew(me, cast("Floor", session.course))
        return ()

    def _sheet(self, opening: CallMarketOpened) -> Sequence[Answer]:
        if not shape_of(opening.rule).both_sides:
            return ()
        bid = SheetOrder("buy", self.quantity, max(self.value - self.spread, 0))
        ask = SheetOrder("sell", self.quantity, self.value + self.spread)
        return (SheetPlaced(orders=(bid, ask)),)

    def _order(self, side: Side) -> OrderPlaced:
        sign = -1 if side == "buy" else 1
        price = max(self.value + sign * self.spread, 1)
        return OrderPlaced(side=side, quantity=self.quantity, price=price)

    def _anew(self, me: str, floor: Floor) -> Sequence[Answer]:
        mine = [one for one in floor.book.index.values() if one.agent == me]
        entries = floor.journal.entries()
        placed = sum(1 for one in entries if isinstance(one, Resting) and one.agent == me)
        sides: tuple[Side, ...] = ("buy", "sell")
        missing: list[Side] = [side for side in sides if all(one.side != side for one in mine)]
        return [self._order(side) for side in missing[: max(self.orders_max - placed, 0)]]


def _is_party(me: str, event: Traded) -> bool:
    return event.agent == me or any(fill.agent == me for fill in event.fills)


class PostedPriceBuyer(AgentPolicy, frozen=True, kw_only=True, tag="posted_price_buyer"):
    """Takes what it wants at a posted price, if that is no more than it is worth to it.

    Attributes:
        value: What a piece is worth to it.
        quantity: How many pieces it wants.
        good: The good that it buys; empty for any.
    """

    value: int
    quantity: int = 1
    good: str = ""

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Buy once, when a sale opens."""
        if session.phase != "open" or me in session.spoken:
            return ()
        match event:
            case PostedPriceOpened(good=good, price=price) if self.good in {"", good}:
                left = cast("Shelf", session.course).left
                is_worth_it = price <= self.value and left > 0
                return (PurchaseMade(quantity=self.quantity),) if is_worth_it else ()
            case _:
                return ()


class FisherBuyer(AgentPolicy, frozen=True, kw_only=True, tag="fisher_buyer"):
    """States what a unit of each good is worth to it.

    Attributes:
        values: Worth of each good, by name; goods that are not named are worth nothing.
    """

    values: dict[str, int]

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """State it once, when a market opens."""
        if session.phase != "open" or me in session.spoken:
            return ()
        if not isinstance(event, FisherMarketOpened):
            return ()
        values = tuple(
            Utility(supply.good, self.values[supply.good])
            for supply in event.goods
            if self.values.get(supply.good)
        )
        return (UtilitiesStated(values=values),) if values else ()
