"""Sealed-bid auctions of several units of one good: pure functions that know no events.

A bidder states what its first unit is worth to it, then its second, and so on; the amounts
must not rise. The highest amounts win a unit each. What is paid for them differs:

- discriminatory: each winning amount is paid as it was bid;
- uniform: every unit costs the highest amount that did not win, or the reserve. It is
  truthful for who wants a single unit; who wants several gains by asking for fewer;
- Vickrey: the m-th unit that somebody wins costs the m-th of the amounts that it keeps from
  winning, the lowest first. Truthful bidding is a dominant strategy.

Vickrey (1961); Vijay Krishna, Auction Theory (2nd ed. 2010), chapters 12 and 13; Lawrence
Ausubel and Peter Cramton, Demand Reduction and Inefficiency in Multi-Unit Auctions (2002).
The work of all grows with n log n of the amounts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import msgspec

__all__ = [
    "Allotment",
    "DemandBid",
    "UnitClearing",
    "allot",
    "discriminatory",
    "uniform",
    "unit_efficiency",
    "vickrey",
]


class DemandBid(msgspec.Struct, frozen=True):
    """What each further unit is worth to a bidder, in minor units, none more than the last."""

    bidder: str
    amounts: tuple[int, ...]


class Allotment(msgspec.Struct, frozen=True):
    """What a bidder gets and what it pays in all, in minor units."""

    bidder: str
    units: int
    pays: int


class UnitClearing(msgspec.Struct, frozen=True):
    """What a clearing comes to.

    Attributes:
        allotments: Those of the winners, in the order of their best amounts.
        lowest_accepted: The least amount that won a unit, or None.
        highest_rejected: The greatest that counted and won none, or None.
        tied: Bidders between whom a tie at the margin decided.
    """

    allotments: tuple[Allotment, ...]
    lowest_accepted: int | None
    highest_rejected: int | None
    tied: tuple[str, ...]


class Won(msgspec.Struct, frozen=True):
    """How many units each bidder won, and by which amounts.

    Attributes:
        units: Units of each winner, in the order of their best amounts.
        accepted: Bidder and amount of each unit that was won, the highest first.
        rejected: Bidder and amount of each that counted and was not, the highest first.
    """

    units: dict[str, int]
    accepted: tuple[tuple[str, int], ...]
    rejected: tuple[tuple[str, int], ...]


Pricing = Callable[[str, int, Won], int]
TieKey = Callable[[str], object]


def allot(bids: Sequence[DemandBid], units: int, reserve: int, tie_key: TieKey) -> Won:
    """Find the winning amounts.

    Args:
        bids: At most one of each bidder.
        units: How many units there are.
        reserve: Amounts below it do not count.
        tie_key: Orders bidders of equal amounts; the least comes first.
    """
    offered = [
        (-amount, tie_key(bid.bidder), index, bid.bidder)
        for bid in bids
        for index, amount in enumerate(bid.amounts)
        if amount >= reserve
    ]
    ranked = tuple((bidder, -negative) for negative, _, _, bidder in sorted(offered, key=_order))
    return Won(
        dict(Counter(bidder for bidder, _ in ranked[:units])), ranked[:units], ranked[units:]
    )


def discriminatory(
    bids: Sequence[DemandBid], units: int, reserve: int, tie_key: TieKey
) -> UnitClearing:
    """Clear so that each winning amount is paid as it was bid."""

    def pays(bidder: str, _won: int, outcome: Won) -> int:
        return sum(amount for winner, amount in outcome.accepted if winner == bidder)

    return _clear(bids, units, reserve, tie_key, pays)


def uniform(bids: Sequence[DemandBid], units: int, reserve: int, tie_key: TieKey) -> UnitClearing:
    """Clear so that every unit costs the highest amount that did not win, or the reserve."""

    def pays(_bidder: str, won: int, outcome: Won) -> int:
        price = outcome.rejected[0][1] if outcome.rejected else reserve
        return won * price

    return _clear(bids, units, reserve, tie_key, pays)


def vickrey(bids: Sequence[DemandBid], units: int, reserve: int, tie_key: TieKey) -> UnitClearing:
    """Clear so that each winner pays the amounts of others that would win without it."""

    def pays(bidder: str, won: int, outcome: Won) -> int:
        displaced = [amount for other, amount in outcome.rejected if other != bidder][:won]
        return sum(displaced) + reserve * (won - len(displaced))

    return _clear(bids, units, reserve, tie_key, pays)


def unit_efficiency(
    values: Mapping[str, Sequence[int]], won: Mapping[str, int], units: int
) -> Fraction:
    """Return the share of the greatest possible value that an allotment realises, 0 to 1.

    Args:
        values: What each further unit is truly worth to each bidder, none more than the last.
        won: How many units each bidder got.
        units: How many there are.
    """
    realised = sum(sum(values[bidder][:count]) for bidder, count in won.items())
    every = sorted((value for each in values.values() for value in each), reverse=True)
    best = sum(every[:units])
    return Fraction(realised, best) if best else Fraction(1)


def _order(offered: tuple[int, object, int, str]) -> tuple[int, object, int]:
    return offered[:3]


def _clear(
    bids: Sequence[DemandBid], units: int, reserve: int, tie_key: TieKey, pays: Pricing
) -> UnitClearing:
    won = allot(bids, units, reserve, tie_key)
    accepted, rejected = won.accepted, won.rejected
    lowest = accepted[-1][1] if accepted else None
    highest = rejected[0][1] if rejected else None
    at_margin = {b for b, amount in (*accepted, *rejected) if amount == lowest == highest}
    return UnitClearing(
        tuple(Allotment(b, count, pays(b, count, won)) for b, count in won.units.items()),
        lowest,
        highest,
        tuple(sorted(at_margin)) if len(at_margin) > 1 else (),
    )
