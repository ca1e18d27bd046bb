"""Policies of traders. Each says honestly what things are worth to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, cast

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.errors import Rejected
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

_SIDES: Final[tuple[Side, ...]] = ("buy", "sell")


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
                # Prices begin at 1 there: less is bid for nothing, and asked for anything.
                price = max(self.value, 1) if self.side == "sell" else self.value
                order = OrderPlaced(side=self.side, quantity=self.quantity, price=price)
                return (order,) if price else ()
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

    def __post_init__(self) -> None:
        """Refuse to buy and sell at one price.

        Raises:
            Rejected: The spread is less than 1.
        """
        if self.spread < 1:
            raise Rejected(
                "policy.spread",
                "no such spread",
                field="spread",
                value=self.spread,
                allowed="1 or more",
            )

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
            return self._orders(_SIDES, self.orders_max)
        if isinstance(event, Traded) and any(_has_traded(me, side, event) for side in _SIDES):
            return self._anew(me, session, event)
        return ()

    def _sheet(self, opening: CallMarketOpened) -> Sequence[Answer]:
        if not shape_of(opening.rule).both_sides:
            return ()
        bid = SheetOrder("buy", self.quantity, max(self.value - self.spread, 0))
        ask = SheetOrder("sell", self.quantity, self.value + self.spread)
        return (SheetPlaced(orders=(bid, ask)),)

    def _orders(self, sides: Iterable[Side], count: int) -> Sequence[OrderPlaced]:
        prices = {"buy": self.value - self.spread, "sell": self.value + self.spread}
        found = [
            OrderPlaced(side=side, quantity=self.quantity, price=prices[side])
            for side in sides
            if prices[side] > 0
        ]
        return tuple(found[: max(count, 0)])

    def _anew(self, me: str, session: SessionState, event: Traded) -> Sequence[OrderPlaced]:
        floor = cast("Floor", session.course)
        rests = {one.side for one in floor.book.index.values() if one.agent == me}
        missing: list[Side] = [side for side in _SIDES if side not in rests]
        sides: list[Side] = [side for side in missing if _is_due(me, side, session, event)]
        entries = floor.journal.entries()
        placed = sum(1 for one in entries if isinstance(one, Resting) and one.agent == me)
        return self._orders(sides, self.orders_max - placed)


def _is_due(me: str, side: Side, session: SessionState, event: Traded) -> bool:
    """Tell whether an event asks for another offer of a side of which none rests.

    The offer that an earlier one has asked for may still be on its way to the log, unless it
    is known to be refused. A later one asks by itself.
    """
    batches = cast("Floor", session.course).batches.entries()
    last = max((one.position for one in batches if _has_traded(me, side, one)), default=0)
    if event.position <= last:
        return event.position == last
    refusal = session.refused.get(me)
    return refusal is not None and refusal.said.startswith(side) and refusal.position > last


def _has_traded(me: str, side: Side, batch: Traded) -> bool:
    if batch.side == side:
        return batch.agent == me
    return any(fill.agent == me for fill in batch.fills)


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
