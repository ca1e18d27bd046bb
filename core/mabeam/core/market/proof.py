"""Whether the decision of a call market is proved. It must not use what made it.

The equilibrium is checked by counting who would trade at its prices, never by sorting; what
trades and at what price by the definition of the rule; payments of VCG by the welfare of the
others with and without each trader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, TypeAlias, cast

import msgspec

from mabeam.core.ids import order_key
from mabeam.core.market.events import (
    CallMarketDecided,
    CallMarketOpened,
    Exchange,
    Payment,
    SheetPlaced,
    Side,
    Status,
)
from mabeam.core.market.limits import disproved, proved_fraction
from mabeam.core.market.rules import order_of, share_of
from mabeam.core.session.events import Alternative, Decision, Outcome
from mabeam.core.session.protocol import Hearing, terms

__all__ = ["verify_call"]


class _Line(msgspec.Struct, frozen=True, gc=False):
    """An order, as its sheet says it."""

    agent: str
    index: int
    side: Side
    price: int
    quantity: int


Lines: TypeAlias = tuple[_Line, ...]


class _Book(msgspec.Struct, frozen=True):
    """The orders of a hearing, the best first, and what the certificate says of them."""

    buys: Lines
    sells: Lines
    low: Fraction
    high: Fraction
    quantity: int


class _Due(msgspec.Struct, frozen=True):
    """What must trade: pieces of each order, and its prices, None where those are others.

    Where some give up pieces alike, ``ranked`` tells what would trade if they did not.
    """

    bought: list[int]
    sold: list[int]
    pays: Fraction | None = None
    gets: Fraction | None = None
    at_one_price: bool = False
    drawn: str = ""
    ranked: tuple[list[int], list[int]] | None = None


def verify_call(hearing: Hearing[CallMarketOpened], decision: Decision) -> None:
    """Check the decision of a call market by its certificate.

    Raises:
        Rejected: The decision has another outcome, trade, price or payment than the sheets,
            the rule and the ties allow, or is about other positions, another rule or good.
    """
    if not isinstance(decision, CallMarketDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a call market")
    opening = hearing.opening
    _compare(*terms(hearing, decision), ("good", decision.good, opening.good))
    buys, sells = _lines(hearing, "buy"), _lines(hearing, "sell")
    book = _verify_equilibrium(buys, sells, decision)
    if book is None:
        due = _Due([0] * len(buys), [0] * len(sells))
    else:
        due = _RULES[opening.rule.name](hearing, book)
    outcome: Outcome = "decided"
    if not hearing.has_quorum():
        outcome = "no_quorum"
    elif opening.tie_break == "refuse" and _contested(buys, sells, due):
        outcome = "tie_unresolved"
    _compare(("outcome", decision.outcome, outcome))
    lost = (*_losers(hearing, decision, (buys, sells), due), *hearing.invalid())
    _compare(("alternatives", decision.alternatives, lost))
    if outcome != "decided":
        nothing = msgspec.structs.replace(
            decision, price="", volume=0, average="", surplus="0", exchanges=(), payments=()
        )
        _compare(("exchanges", decision, nothing))
        return
    _verify_trade(hearing, decision, (buys, sells), due)


def _compare(*facts: tuple[str, object, object]) -> None:
    for field, stated, so in facts:
        if stated != so:
            raise disproved(field, stated, so)


def _lines(hearing: Hearing[CallMarketOpened], side: Side) -> Lines:
    lines = (
        _Line(spoken.agent, index, order.side, order.price, order.quantity)
        for spoken in hearing.spoken.values()
        for index, order in enumerate(cast("SheetPlaced", spoken.speech).orders)
        if order.side == side
    )
    sign = -1 if side == "buy" else 1
    return tuple(
        sorted(
            lines,
            key=lambda one: (
                sign * one.price,
                hearing.tie_key(hearing.spoken[one.agent]),
                one.index,
            ),
        )
    )


def _verify_equilibrium(buys: Lines, sells: Lines, decision: CallMarketDecided) -> _Book | None:
    """Check the certificate of the equilibrium, and return what follows; None without trade."""
    if not any(bid.price >= ask.price for bid in buys[:1] for ask in sells[:1]):
        status: Status = "no_trade" if buys or sells else "no_participants"
        reason = "price_gap_too_large"
        if not buys or not sells:
            reason = "" if not buys and not sells else "no_buyers" if sells else "no_sellers"
        _compare(
            ("low", (decision.low, decision.high), ("", "")),
            ("efficient", decision.efficient, 0),
            ("welfare", decision.welfare, "0"),
            ("status", decision.status, status),
            ("reason", decision.reason, reason),
        )
        return None
    low, high = proved_fraction("low", decision.low), proved_fraction("high", decision.high)
    for price in (low, high):
        if not _clears(buys, sells, price):
            raise disproved("low", decision.low, "prices at which the market clears")
    if _wanted(buys, low) <= _offered(sells, low, more=True):
        raise disproved("low", decision.low, "the least price at which the market clears")
    if _offered(sells, high) <= _wanted(buys, high, more=True):
        raise disproved("high", decision.high, "the greatest price at which the market clears")
    wanted, offered = _wanted(buys, low), _offered(sells, low)
    gained = sum((one.price - low) * one.quantity for one in buys if one.price > low)
    saved = sum((low - one.price) * one.quantity for one in sells if one.price < low)
    status = "balanced"
    if low == high and wanted != offered:
        status = "excess_demand" if wanted > offered else "excess_supply"
    _compare(
        ("efficient", decision.efficient, min(wanted, offered)),
        ("welfare", decision.welfare, str(gained + saved)),
        ("status", decision.status, status),
        ("reason", decision.reason, ""),
    )
    return _Book(buys, sells, low, high, min(wanted, offered))


def _wanted(buys: Lines, price: Fraction, *, more: bool = False) -> int:
    return sum(o.quantity for o in buys if o.price > price or (o.price == price and not more))


def _offered(sells: Lines, price: Fraction, *, more: bool = False) -> int:
    return sum(o.quantity for o in sells if o.price < price or (o.price == price and not more))


def _clears(buys: Lines, sells: Lines, price: Fraction) -> bool:
    """Tell whether all who gain at a price can trade, and the indifferent make up the rest."""
    return _wanted(buys, price, more=True) <= _offered(sells, price) and _offered(
        sells, price, more=True
    ) <= _wanted(buys, price)


def _first(lines: Lines, pieces: int) -> list[int]:
    """Return how much of each order is among the first pieces."""
    filled: list[int] = []
    for one in lines:
        filled.append(min(one.quantity, pieces))
        pieces -= filled[-1]
    return filled


def _price_of(lines: Lines, piece: int) -> int | None:
    """Return the price of a piece, counted from 1; None if there are not as many."""
    for one in lines:
        piece -= one.quantity
        if piece <= 0:
            return one.price
    return None


def _k_due(hearing: Hearing[CallMarketOpened], book: _Book) -> _Due:
    price = book.low + share_of(hearing.opening.rule) * (book.high - book.low)
    return _all(book, price)


def _all(book: _Book, price: Fraction | None = None) -> _Due:
    bought, sold = _first(book.buys, book.quantity), _first(book.sells, book.quantity)
    return _Due(bought, sold, price, price, at_one_price=price is not None)


def _mcafee_due(hearing: Hearing[CallMarketOpened], book: _Book) -> _Due:  # noqa: ARG001 - all rules are called alike
    bid, ask = _last_prices(book)
    excluded = (
        _price_of(book.buys, book.quantity + 1),
        _price_of(book.sells, book.quantity + 1),
    )
    if excluded[0] is not None and excluded[1] is not None:
        middle = Fraction(excluded[0] + excluded[1], 2)
        if ask <= middle <= bid:
            return _all(book, middle)
    fewer = book.quantity - 1
    return _Due(_first(book.buys, fewer), _first(book.sells, fewer), bid, ask)


def _last_prices(book: _Book) -> tuple[Fraction, Fraction]:
    bid, ask = _price_of(book.buys, book.quantity), _price_of(book.sells, book.quantity)
    assert bid is not None
    assert ask is not None
    return Fraction(bid), Fraction(ask)


def _reduction_due(hearing: Hearing[CallMarketOpened], book: _Book) -> _Due:
    bid, ask = _last_prices(book)
    if order_of(hearing.opening.rule) == "buyer":
        other = _price_of(book.sells, book.quantity + 1)
        if other is not None and other <= bid:
            return _all(book, Fraction(other))
        sold = _drawn(hearing, book.sells, book.quantity)
        return _Due(_first(book.buys, book.quantity - 1), sold, bid, bid, True, "sell")  # noqa: FBT003 - a field
    other = _price_of(book.buys, book.quantity + 1)
    if other is not None and other >= ask:
        return _all(book, Fraction(other))
    bought = _drawn(hearing, book.buys, book.quantity)
    return _Due(bought, _first(book.sells, book.quantity - 1), ask, ask, True, "buy")  # noqa: FBT003 - a field


def _lots(hearing: Hearing[CallMarketOpened], agent: str) -> bytes:
    return order_key(hearing.session, hearing.considered.closed, "lottery", agent)


def _drawn(hearing: Hearing[CallMarketOpened], lines: Lines, count: int) -> list[int]:
    loser = max((_lots(hearing, one.agent) for one in lines[:count]), default=b"")
    return [
        int(place < count and _lots(hearing, one.agent) != loser) for place, one in enumerate(lines)
    ]


def _huang_due(hearing: Hearing[CallMarketOpened], book: _Book) -> _Due:
    bid, ask = _last_prices(book)
    # The orders of the last pieces are those at whose end as many or more are counted.
    before = [
        [one for one, total in zip(lines, _totals(lines), strict=True) if total < book.quantity]
        for lines in (book.buys, book.sells)
    ]
    pieces = min(sum(one.quantity for one in lines) for lines in before)
    shares = [_losing_alike(hearing, lines, pieces) for lines in before]
    bought = [*shares[0], *[0] * (len(book.buys) - len(shares[0]))]
    sold = [*shares[1], *[0] * (len(book.sells) - len(shares[1]))]
    ranked = (
        _first(book.buys, sum(one.quantity for one in before[0])),
        _first(book.sells, sum(one.quantity for one in before[1])),
    )
    return _Due(bought, sold, bid, ask, ranked=ranked)


def _totals(lines: Lines) -> list[int]:
    totals: list[int] = []
    for one in lines:
        totals.append(one.quantity + (totals[-1] if totals else 0))
    return totals


def _losing_alike(
    hearing: Hearing[CallMarketOpened], lines: Sequence[_Line], pieces: int
) -> list[int]:
    """Find by halving the least loss of each that leaves at most so many pieces to all."""
    low, high = 0, max((one.quantity for one in lines), default=0)
    while low < high:
        loss = (low + high) // 2
        if sum(max(one.quantity - loss, 0) for one in lines) <= pieces:
            high = loss
        else:
            low = loss + 1
    shares = [max(one.quantity - low, 0) for one in lines]
    spare = pieces - sum(shares)
    # What is left over goes to those with the least keys who lost the most.
    losers = [place for place, one in enumerate(lines) if one.quantity >= low > 0]
    losers.sort(key=lambda place: _lots(hearing, lines[place].agent))
    for place in losers[:spare]:
        shares[place] += 1
    return shares


_RULES: Final[dict[str, Callable[[Hearing[CallMarketOpened], _Book], _Due]]] = {
    "average": _k_due,
    "k_double_auction": _k_due,
    "pairwise": lambda _, book: _all(book),
    "mcafee": _mcafee_due,
    "trade_reduction": _reduction_due,
    "vcg": lambda _, book: _all(book),
    "huang": _huang_due,
}


def _contested(buys: Lines, sells: Lines, due: _Due) -> set[str]:
    """Return who has an order of which more, or less, trades than of another's of its price."""
    bought, sold = due.ranked or (due.bought, due.sold)
    found: set[str] = set()
    for side, lines, filled in (("buy", buys, bought), ("sell", sells, sold)):
        at: dict[int, tuple[set[str], set[str]]] = {}
        for one, done in zip(lines, filled, strict=True):
            served, short = at.setdefault(one.price, (set(), set()))
            if done:
                served.add(one.agent)
            if done < one.quantity:
                short.add(one.agent)
        for served, short in at.values():
            if side != due.drawn and served and short and len(served | short) > 1:
                found |= served | short
    return found


def _losers(
    hearing: Hearing[CallMarketOpened],
    decision: CallMarketDecided,
    sides: tuple[Lines, Lines],
    due: _Due,
) -> Iterable[Alternative]:
    """Yield whose orders did not all trade, and why; the interval must have been checked."""
    tied = _contested(*sides, due)
    done = dict.fromkeys(hearing.spoken, 0)
    fitting: set[str] = set()
    for lines, filled in zip(sides, (due.bought, due.sold), strict=True):
        for one, pieces in zip(lines, filled, strict=True):
            done[one.agent] += pieces
            bound = decision.high if one.side == "buy" else decision.low
            if bound and (one.price - Fraction(bound)) * (1 if one.side == "buy" else -1) >= 0:
                fitting.add(one.agent)
    for agent, spoken in sorted(hearing.spoken.items()):
        orders = cast("SheetPlaced", spoken.speech).orders
        said = ", ".join(f"{one.side} {one.quantity} @ {one.price}" for one in orders)
        is_filled = done[agent] == sum(one.quantity for one in orders)
        if decision.outcome == "no_quorum":
            reason = "no_quorum"
        elif decision.outcome == "tie_unresolved" and (done[agent] or agent in tied):
            reason = "tie_unresolved"
        elif done[agent]:
            reason = "" if is_filled else "partly_filled"
        elif agent in fitting:
            reason = "tie_lost" if agent in tied else "reduced"
        else:
            reason = "" if is_filled else "priced_out"
        if reason:
            yield Alternative(agent, said or "nothing", spoken.position, reason)


def _verify_trade(
    hearing: Hearing[CallMarketOpened],
    decision: CallMarketDecided,
    sides: tuple[Lines, Lines],
    due: _Due,
) -> None:
    buys, sells = sides
    bids = {(one.agent, one.index): place for place, one in enumerate(buys)}
    asks = {(one.agent, one.index): place for place, one in enumerate(sells)}
    bought, sold = [0] * len(buys), [0] * len(sells)
    walked: list[tuple[int, int]] = []
    for one in decision.exchanges:
        bid, ask = bids.get((one.buyer, one.bid)), asks.get((one.seller, one.ask))
        if bid is None or ask is None or one.quantity < 1:
            raise disproved("exchanges", one, "orders of the sheets, and 1 piece or more")
        bought[bid] += one.quantity
        sold[ask] += one.quantity
        walked.append((bid, ask))
        _verify_prices(hearing, one, due, buys[bid].price, sells[ask].price)
    if any(now[0] < before[0] or now[1] < before[1] for before, now in pairwise(walked)):
        raise disproved("exchanges", decision.exchanges, "the best with the best, in order")
    _compare(
        ("exchanges", bought, due.bought),
        ("exchanges", sold, due.sold),
        ("exchanges", len(set(walked)), len(walked)),
    )
    _verify_payments(hearing, decision, sides, due)


def _verify_prices(
    hearing: Hearing[CallMarketOpened], one: Exchange, due: _Due, bid: int, ask: int
) -> None:
    name = hearing.opening.rule.name
    if name == "vcg":
        pays = gets = ""
    elif name == "pairwise":
        pays = gets = str(ask + share_of(hearing.opening.rule) * (bid - ask))
    else:
        pays, gets = str(due.pays), str(due.gets)
    _compare(("pays", one.pays, pays), ("gets", one.gets, gets))


def _verify_payments(
    hearing: Hearing[CallMarketOpened],
    decision: CallMarketDecided,
    sides: tuple[Lines, Lines],
    due: _Due,
) -> None:
    totals: dict[str, list[Fraction]] = {}
    for one in decision.exchanges:
        buyer = totals.setdefault(one.buyer, [Fraction(0)] * 4)
        buyer[0] += one.quantity
        buyer[2] += one.quantity * Fraction(one.pays or 0)
        seller = totals.setdefault(one.seller, [Fraction(0)] * 4)
        seller[1] += one.quantity
        seller[3] += one.quantity * Fraction(one.gets or 0)
    if hearing.opening.rule.name == "vcg":
        _externalities(sides, due, totals)
    payments = tuple(
        Payment(agent, int(got), int(gave), str(pays), str(gets))
        for agent, (got, gave, pays, gets) in sorted(totals.items())
    )
    volume = sum(due.bought)
    paid = sum((one[2] for one in totals.values()), Fraction(0))
    earned = sum((one[3] for one in totals.values()), Fraction(0))
    _compare(
        ("payments", decision.payments, payments),
        ("volume", decision.volume, volume),
        ("average", decision.average, str(paid / volume) if volume else ""),
        ("surplus", decision.surplus, str(paid - earned)),
        ("price", decision.price, str(due.pays) if due.at_one_price and volume else ""),
    )


def _externalities(
    sides: tuple[Lines, Lines], due: _Due, totals: dict[str, list[Fraction]]
) -> None:
    """Set what each agent of one side pays or gets: what others lose or gain by its presence."""
    buys, sells = sides
    value = sum(one.price * done for one, done in zip(buys, due.bought, strict=True))
    cost = sum(one.price * done for one, done in zip(sells, due.sold, strict=True))
    for agent, total in totals.items():
        own = _own(buys, due.bought, agent) - _own(sells, due.sold, agent)
        without = _greatest_welfare(
            [one for one in buys if one.agent != agent],
            [one for one in sells if one.agent != agent],
        )
        harm = without - (value - cost - own)
        total[2 if total[0] else 3] += harm if total[0] else -harm


def _own(lines: Lines, filled: Sequence[int], agent: str) -> int:
    return sum(
        one.price * done for one, done in zip(lines, filled, strict=True) if one.agent == agent
    )


def _greatest_welfare(buys: Sequence[_Line], sells: Sequence[_Line]) -> int:
    """Return the greatest welfare of orders that are sorted."""
    welfare, place = 0, 0
    left = [one.quantity for one in sells]
    for bid in buys:
        wanted = bid.quantity
        while wanted and place < len(sells) and sells[place].price < bid.price:
            pieces = min(wanted, left[place])
            welfare += (bid.price - sells[place].price) * pieces
            wanted -= pieces
            left[place] -= pieces
            place += not left[place]
    return welfare
