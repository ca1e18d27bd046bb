"""An order book with price-time priority, as a value. Knows no events.

The best price trades first, and at one price whoever came first. A trade is at the price of
the order that rested. A book is never changed: each step returns another, which shares with
the former whatever is the same, so that every earlier one can be kept and looked at.

The prices of a side are a sorted tuple and the orders at a price another: to copy either is
one call, and as books are bounded it costs less than a persistent tree. A step costs a few
microseconds, growing slowly with the number of prices and of orders at a price.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.market.events import Fill, SelfTrade, Side

__all__ = ["EMPTY_BOOK", "Book", "Half", "Matched", "Resting", "cancel", "match", "reaches", "rest"]


class Resting(msgspec.Struct, frozen=True, gc=False):
    """An order, or what is left of it.

    Attributes:
        order: Its name.
        agent: Whose it is.
        side: Its side.
        price: Its limit; None takes any price.
        quantity: How many pieces are left.
        position: Where it stands in the log.
    """

    order: str
    agent: str
    side: Side
    price: int | None
    quantity: int
    position: int = 0


class Half(msgspec.Struct, frozen=True, gc=False):
    """One side of a book.

    Attributes:
        keys: Its prices, the best last; those to sell at are negated, so that more is better.
        levels: The orders at each, by its text, the first in time first.
    """

    keys: tuple[int, ...] = ()
    levels: Map[str, tuple[Resting, ...]] = Map()


class Book(msgspec.Struct, frozen=True, gc=False):
    """All resting orders.

    Attributes:
        buys: Those who want to buy.
        sells: Those who want to sell.
        index: Each as it began to rest, by its name.
        counts: How many are of each agent.
    """

    buys: Half = Half()
    sells: Half = Half()
    index: Map[str, Resting] = Map()
    counts: Map[str, int] = Map()

    def half(self, side: Side) -> Half:
        """Return one side."""
        return self.buys if side == "buy" else self.sells

    def best(self, side: Side) -> int | None:
        """Return the best price of a side, or None if it is empty."""
        keys = self.half(side).keys
        return abs(keys[-1]) if keys else None

    def orders(self, side: Side) -> tuple[Resting, ...]:
        """Return the orders of a side by their priority."""
        half = self.half(side)
        return tuple(one for key in reversed(half.keys) for one in half.levels[str(key)])

    def left_of(self, order: str) -> Resting | None:
        """Return what is left of a resting order, or None if nothing is."""
        placed = self.index.get(order)
        if placed is None:
            return None
        level = self.half(placed.side).levels[str(_key(placed))]
        return next(one for one in level if one.order == order)


EMPTY_BOOK: Final = Book()


class Matched(msgspec.Struct, frozen=True, gc=False):
    """What comes of an incoming order.

    Attributes:
        book: The book after it, in which it does not rest yet.
        fills: What it trades with, the first first.
        left: How many of its pieces are left and may rest.
        dropped: Orders of the same agent that were in its way and are cancelled.
    """

    book: Book
    fills: tuple[Fill, ...]
    left: int
    dropped: tuple[Resting, ...] = ()


def reaches(book: Book, order: Resting) -> bool:
    """Tell whether an order meets one of the other side."""
    keys = book.half("sell" if order.side == "buy" else "buy").keys
    return bool(keys) and (order.price is None or keys[-1] >= _limit(order.side, order.price))


def match(book: Book, order: Resting, self_trade: SelfTrade) -> Matched:
    """Let an incoming order trade with those that rest.

    Args:
        book: The book.
        order: The order; what is left of it does not rest yet.
        self_trade: When it meets one of the same agent, ``cancel_oldest`` takes that one out,
            and anything else ends the order there.
    """
    if not reaches(book, order):
        return Matched(book, (), order.quantity)
    side: Side = "sell" if order.side == "buy" else "buy"
    half = book.half(side)
    count, levels = len(half.keys), half.levels.mutate()
    limit = None if order.price is None else _limit(order.side, order.price)
    met = _Met(order.quantity)
    while met.left and count and (limit is None or half.keys[count - 1] >= limit):
        key = str(half.keys[count - 1])
        level = levels[key]
        rests = _meet(level, order, self_trade, met)
        if rests:
            if rests is not level:
                levels[key] = rests
            break
        del levels[key]
        count -= 1
    after = _without(book, met.gone)
    return Matched(
        _with_half(after, side, Half(half.keys[:count], levels.finish())),
        tuple(met.fills),
        met.left,
        tuple(met.dropped),
    )


class _Met:
    """What an order has met so far: changed on the way, and seen by nobody else."""

    __slots__ = ("dropped", "fills", "gone", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.fills: list[Fill] = []
        self.gone: list[Resting] = []
        self.dropped: list[Resting] = []


def _meet(
    level: tuple[Resting, ...], order: Resting, self_trade: SelfTrade, met: _Met
) -> tuple[Resting, ...]:
    """Let an order trade with those at a price; return which of them still rest."""
    for place, one in enumerate(level):
        if not met.left:
            return level[place:]
        if one.agent == order.agent:
            if self_trade != "cancel_oldest":
                met.left = 0
                return level[place:]
            met.dropped.append(one)
        elif one.quantity > met.left:
            assert one.price is not None
            met.fills.append(Fill(one.order, one.agent, one.price, met.left))
            rests = msgspec.structs.replace(one, quantity=one.quantity - met.left)
            met.left = 0
            return (rests, *level[place + 1 :])
        else:
            assert one.price is not None
            met.fills.append(Fill(one.order, one.agent, one.price, one.quantity))
            met.left -= one.quantity
        met.gone.append(one)
    return ()


def rest(book: Book, order: Resting) -> Book:
    """Put an order with a price into the book, behind all others of that price."""
    half, key = book.half(order.side), _key(order)
    level = half.levels.get(str(key))
    keys = half.keys
    if level is None:
        at = bisect_left(keys, key)
        keys = (*keys[:at], key, *keys[at:])
    grown = Half(keys, half.levels.set(str(key), (*(level or ()), order)))
    index = book.index.set(order.order, order)
    counts = book.counts.set(order.agent, book.counts.get(order.agent, 0) + 1)
    if order.side == "buy":
        return Book(grown, book.sells, index, counts)
    return Book(book.buys, grown, index, counts)


def cancel(book: Book, order: str) -> Book:
    """Take an order out of the book. If it does not rest there, nothing happens."""
    placed = book.index.get(order)
    if placed is None:
        return book
    half, key = book.half(placed.side), _key(placed)
    level = tuple(one for one in half.levels[str(key)] if one.order != order)
    if level:
        shrunk = Half(half.keys, half.levels.set(str(key), level))
    else:
        at = bisect_left(half.keys, key)
        shrunk = Half((*half.keys[:at], *half.keys[at + 1 :]), half.levels.delete(str(key)))
    return _with_half(_without(book, [placed]), placed.side, shrunk)


def _key(order: Resting) -> int:
    assert order.price is not None
    return order.price if order.side == "buy" else -order.price


def _limit(side: Side, price: int) -> int:
    """Return the least key of the other side that an order of a price may meet."""
    return -price if side == "buy" else price


def _with_half(book: Book, side: Side, half: Half) -> Book:
    if side == "buy":
        return Book(half, book.sells, book.index, book.counts)
    return Book(book.buys, half, book.index, book.counts)


def _without(book: Book, orders: list[Resting]) -> Book:
    """Return a book whose index and counts are without some orders."""
    index, counts = book.index, book.counts
    for one in orders:
        index = index.delete(one.order)
        count = counts[one.agent] - 1
        counts = counts.set(one.agent, count) if count else counts.delete(one.agent)
    return Book(book.buys, book.sells, index, counts)
