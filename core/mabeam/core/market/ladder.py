"""Supply and demand as ladders of orders, and their true equilibrium. Knows no events.

Buy orders from the dearest, sell orders from the cheapest: as long as a piece is wanted for
at least what it is offered for, it trades. Where that ends lies the greatest quantity that
can trade and the greatest welfare, and every price that lies between the orders that trade
and those that do not clears the market. The work grows with n log n of the orders, however
many pieces they are for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

import msgspec

from mabeam.core.market.events import Side, Status

__all__ = ["Equilibrium", "Ladder", "Order", "Pair", "Price", "equilibrium", "ladder"]

Price: TypeAlias = int | Fraction


class Order(msgspec.Struct, frozen=True, gc=False):
    """A wish to trade.

    Attributes:
        owner: Whose it is.
        side: Whether to buy or to sell.
        price: The most to pay, or the least to take, for a piece.
        quantity: How many pieces, 1 or more.
        index: Which of its owner's orders it is.
    """

    owner: str
    side: Side
    price: Price
    quantity: int
    index: int = 0


class Pair(msgspec.Struct, frozen=True, gc=False):
    """Pieces that one order gives to another.

    Attributes:
        buy: Place of the one in the ladder's buy orders.
        sell: Place of the other in its sell orders.
        quantity: How many.
    """

    buy: int
    sell: int
    quantity: int


class Equilibrium(msgspec.Struct, frozen=True):
    """Where supply and demand meet.

    Attributes:
        status: ``balanced`` if there is a price at which as much is offered as wanted; else
            what there is too much of at the one price that clears.
        reason: Why there is no trade: ``price_gap_too_large``, ``no_buyers``, ``no_sellers``.
        low: Least price that clears, or None without a trade.
        high: Greatest price that clears.
        quantity: The most that can trade.
        welfare: Sum of values less costs of what trades, the greatest there is.
    """

    status: Status
    reason: str
    low: Price | None
    high: Price | None
    quantity: int
    welfare: Price


class Ladder(msgspec.Struct, frozen=True):
    """Orders of both sides, the best first, and which of them trade if welfare is to be greatest.

    Attributes:
        buys: Buy orders, the dearest first.
        sells: Sell orders, the cheapest first.
        pairs: The best with the best, down to the last piece that trades.
        next_buy: Price of the first piece wanted that does not trade, or None.
        next_sell: Price of the first piece offered that does not trade, or None.
    """

    buys: tuple[Order, ...]
    sells: tuple[Order, ...]
    pairs: tuple[Pair, ...]
    next_buy: Price | None
    next_sell: Price | None

    @property
    def quantity(self) -> int:
        """The most that can trade."""
        return sum(pair.quantity for pair in self.pairs)

    @property
    def last_buy(self) -> Order:
        """The buy order of the last piece that trades. There must be one."""
        return self.buys[self.pairs[-1].buy]

    @property
    def last_sell(self) -> Order:
        """The sell order of the last piece that trades. There must be one."""
        return self.sells[self.pairs[-1].sell]

    @property
    def interval(self) -> tuple[Price, Price]:
        """The least and the greatest price that clears. Something must trade."""
        low, high = self.last_sell.price, self.last_buy.price
        if self.next_buy is not None:
            low = max(low, self.next_buy)
        if self.next_sell is not None:
            high = min(high, self.next_sell)
        return low, high


def ladder(orders: Iterable[Order], tie_key: Callable[[Order], object] | None = None) -> Ladder:
    """Sort orders and pair them.

    Args:
        orders: Any number, of either side.
        tie_key: Orders those of equal price; without it, the first comes first.
    """
    buys: list[Order] = []
    sells: list[Order] = []
    for order in orders:
        (buys if order.side == "buy" else sells).append(order)
    if tie_key is not None:
        buys.sort(key=lambda order: (-order.price, tie_key(order)))
        sells.sort(key=lambda order: (order.price, tie_key(order)))
    else:
        buys.sort(key=lambda order: -order.price)
        sells.sort(key=lambda order: order.price)
    pairs, bought, sold = _paired(buys, sells)
    return Ladder(tuple(buys), tuple(sells), tuple(pairs), _next(buys, bought), _next(sells, sold))


def _paired(
    buys: Sequence[Order], sells: Sequence[Order]
) -> tuple[list[Pair], tuple[int, int], tuple[int, int]]:
    """Return the pairs, and where on each side they end: a place, and how much of it trades."""
    pairs: list[Pair] = []
    buy = sell = bought = sold = 0
    while buy < len(buys) and sell < len(sells) and buys[buy].price >= sells[sell].price:
        quantity = min(buys[buy].quantity - bought, sells[sell].quantity - sold)
        pairs.append(Pair(buy, sell, quantity))
        bought += quantity
        sold += quantity
        if bought == buys[buy].quantity:
            buy, bought = buy + 1, 0
        if sold == sells[sell].quantity:
            sell, sold = sell + 1, 0
    return pairs, (buy, bought), (sell, sold)


def _next(side: Sequence[Order], end: tuple[int, int]) -> Price | None:
    place, _ = end
    return side[place].price if place < len(side) else None


def equilibrium(found: Ladder) -> Equilibrium:
    """Return where supply and demand of a ladder meet."""
    if not found.pairs:
        return _without_trade(found)
    low, high = found.interval
    status: Status = "balanced"
    if low == high:
        wanted = sum(order.quantity for order in found.buys if order.price >= low)
        offered = sum(order.quantity for order in found.sells if order.price <= low)
        if wanted != offered:
            status = "excess_demand" if wanted > offered else "excess_supply"
    welfare = sum(
        (found.buys[pair.buy].price - found.sells[pair.sell].price) * pair.quantity
        for pair in found.pairs
    )
    return Equilibrium(status, "", low, high, found.quantity, welfare)


def _without_trade(found: Ladder) -> Equilibrium:
    if not found.buys and not found.sells:
        return Equilibrium("no_participants", "", None, None, 0, 0)
    reason = "price_gap_too_large"
    if not found.buys:
        reason = "no_buyers"
    elif not found.sells:
        reason = "no_sellers"
    return Equilibrium("no_trade", reason, None, None, 0, 0)
