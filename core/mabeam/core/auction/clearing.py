"""Sealed-bid second-price clearing: a pure function that knows no events.

The highest bid wins and pays the second-highest, or the reserve if that is more. Truthful
bidding is a dominant strategy: a bid decides only whether one wins, never what one pays.
William Vickrey, Counterspeculation, Auctions, and Competitive Sealed Tenders, Journal of
Finance 16 (1961). The work grows with n log n of the bids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

__all__ = ["Bid", "Clearing", "second_price"]


class Bid(msgspec.Struct, frozen=True):
    """A bidder and an amount in minor units."""

    bidder: str
    amount: int


class Clearing(msgspec.Struct, frozen=True):
    """What a clearing comes to.

    Attributes:
        ranking: Counted bids, the highest first, ties as broken.
        winner: The first of them, or None.
        price: What the winner pays, or None.
        tied: Bidders who share the highest amount, if more than one.
        price_is_reserve: Whether the reserve, not the second bid, sets the price.
    """

    ranking: tuple[Bid, ...]
    winner: str | None
    price: int | None
    tied: tuple[str, ...]
    price_is_reserve: bool


def second_price(bids: Sequence[Bid], reserve: int, tie_key: Callable[[Bid], object]) -> Clearing:
    """Clear one lot among sealed bids.

    Args:
        bids: At most one of each bidder.
        reserve: Bids below it do not count.
        tie_key: Orders equal bids; the least comes first.
    """
    counted = [bid for bid in bids if bid.amount >= reserve]
    ranking = tuple(sorted(counted, key=lambda bid: (-bid.amount, tie_key(bid))))
    if not ranking:
        return Clearing((), None, None, (), price_is_reserve=False)
    best = ranking[0]
    tied = tuple(bid.bidder for bid in ranking if bid.amount == best.amount)
    second = ranking[1].amount if len(ranking) > 1 else reserve
    return Clearing(
        ranking,
        best.bidder,
        second,
        tied if len(tied) > 1 else (),
        price_is_reserve=len(ranking) == 1,
    )
