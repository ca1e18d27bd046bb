"""Sealed-bid clearing of one lot: pure functions that know no events.

Under the second price the highest bid wins and pays the second-highest, or the reserve if
that is more. Truthful bidding is a dominant strategy: a bid decides only whether one wins,
never what one pays. William Vickrey, Counterspeculation, Auctions, and Competitive Sealed
Tenders, Journal of Finance 16 (1961).

Under the first price the highest bid wins and pays what it bid. Nobody should bid its value
there: who shades its bid gains what it shades, as long as it still wins. Vijay Krishna,
Auction Theory (2nd ed. 2010), chapter 2.

The work of both grows with n log n of the bids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import msgspec

__all__ = ["Bid", "Clearing", "TieKey", "efficiency", "first_price", "second_price"]


class Bid(msgspec.Struct, frozen=True):
    """A bidder and an amount in minor units."""

    bidder: str
    amount: int


TieKey: TypeAlias = Callable[[Bid], object]
"""Orders equal bids; the least comes first."""


class Clearing(msgspec.Struct, frozen=True):
    """What a clearing comes to.

    Attributes:
        ranking: Counted bids, the highest first, ties as broken.
        winner: The first of them, or None.
        price: What the winner pays, or None.
        tied: Bidders who share the highest amount, if more than one.
        price_is_reserve: Whether the reserve, not a bid, sets the price.
    """

    ranking: tuple[Bid, ...]
    winner: str | None
    price: int | None
    tied: tuple[str, ...]
    price_is_reserve: bool


def second_price(bids: Sequence[Bid], reserve: int, tie_key: TieKey) -> Clearing:
    """Clear one lot among sealed bids; the winner pays the second bid.

    Args:
        bids: At most one of each bidder.
        reserve: Bids below it do not count.
        tie_key: Orders equal bids; the least comes first.
    """
    ranking = _ranked(bids, reserve, tie_key)
    second = ranking[1].amount if len(ranking) > 1 else reserve
    return _cleared(ranking, second, price_is_reserve=len(ranking) == 1)


def first_price(bids: Sequence[Bid], reserve: int, tie_key: TieKey) -> Clearing:
    """Clear one lot among sealed bids; the winner pays its own bid.

    Args:
        bids: At most one of each bidder.
        reserve: Bids below it do not count.
        tie_key: Orders equal bids; the least comes first.
    """
    ranking = _ranked(bids, reserve, tie_key)
    return _cleared(ranking, ranking[0].amount if ranking else None, price_is_reserve=False)


def efficiency(values: Mapping[str, int], winner: str | None) -> Fraction:
    """Return the share of the greatest possible value that an award realises, from 0 to 1.

    Args:
        values: What the lot is truly worth to each bidder; 0 to anybody else.
        winner: Who got it, or None.
    """
    best = max(values.values(), default=0)
    if best <= 0:
        return Fraction(1)
    realised = 0 if winner is None else values.get(winner, 0)
    return Fraction(max(realised, 0), best)


def _ranked(bids: Sequence[Bid], reserve: int, tie_key: TieKey) -> tuple[Bid, ...]:
    counted = [bid for bid in bids if bid.amount >= reserve]
    return tuple(sorted(counted, key=lambda bid: (-bid.amount, tie_key(bid))))


def _cleared(ranking: tuple[Bid, ...], price: int | None, *, price_is_reserve: bool) -> Clearing:
    if not ranking:
        return Clearing((), None, None, (), price_is_reserve=False)
    best = ranking[0]
    tied = tuple(bid.bidder for bid in ranking if bid.amount == best.amount)
    return Clearing(
        ranking,
        best.bidder,
        price,
        tied if len(tied) > 1 else (),
        price_is_reserve=price_is_reserve,
    )
