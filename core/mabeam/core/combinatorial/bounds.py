"""Upper bounds by prices: what no set of bids can exceed, and how anyone can check it.

Put a price on every good. Then no set of bids is worth more than the prices of all goods and,
of each group, what its best bid offers above the prices of its bundle: weak duality of the
linear relaxation, equally the Lagrangian bound. Any prices prove some bound, however they were
found, so whoever checks it need not trust a solver. Where the relaxation is tight, as it often
is for auctions, its dual prices prove optimality. Everything is whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mabeam.core.combinatorial.winners import WinnerProblem, groups_of, value_of

__all__ = ["PRICE_SCALE", "ascend", "bound_by", "reduced"]

PRICE_SCALE: Final = 1000
"""Prices are whole numbers of this fraction of a minor unit."""

PATIENCE: Final = 6


def reduced(problem: WinnerProblem, prices: Sequence[int]) -> list[int]:
    """Return what each bid offers above the prices of its bundle, in thousandths."""
    return [
        bid.amount * PRICE_SCALE - sum(prices[good] * quantity for good, quantity in bid.uses)
        for bid in problem.bids
    ]


def bound_by(problem: WinnerProblem, prices: Sequence[int]) -> int:
    """Return what no set of bids can exceed, as these prices prove. Linear in the bids.

    Raises:
        ValueError: There is not one price, 0 or more, for each good.
    """
    if len(prices) != len(problem.capacities) or any(price < 0 for price in prices):
        raise ValueError("one price of 0 or more is needed for each good")
    return _exactly(problem, prices, reduced(problem, prices), groups_of(problem)) // PRICE_SCALE


def _exactly(
    problem: WinnerProblem, prices: Sequence[int], offers: list[int], groups: list[list[int]]
) -> int:
    stock = sum(
        price * capacity for price, capacity in zip(prices, problem.capacities, strict=True)
    )
    return stock + sum(max(0, *(offers[number] for number in group)) for group in groups)


def ascend(problem: WinnerProblem, accepted: Sequence[int], rounds: int) -> tuple[int, ...]:
    """Return prices that prove a good bound, found by following excess demand.

    A subgradient method with Polyak's steps toward a value that is known to be reached
    (M. Held, P. Wolfe, H. Crowder, Mathematical Programming 6, 1974), in whole numbers. The
    work grows with rounds times the size of the bids.
    """
    target = value_of(problem, accepted) * PRICE_SCALE
    groups = groups_of(problem)
    best = prices = [0] * len(problem.capacities)
    bound = _exactly(problem, best, reduced(problem, best), groups)
    halvings, waited = 0, 0
    for _ in range(rounds):
        offers = reduced(problem, prices)
        found = _exactly(problem, prices, offers, groups)
        waited += 1
        if found < bound:
            best, bound, waited = prices, found, 0
        if bound // PRICE_SCALE * PRICE_SCALE <= target:
            break
        if waited >= PATIENCE:
            prices, halvings, waited = best, halvings + 1, 0
            offers, found = reduced(problem, prices), bound
        excess = _excess(problem, offers, groups)
        steepness = sum(one * one for one in excess)
        if not steepness:
            break
        gap = found - target
        prices = [
            max(0, price + gap * one // (steepness << halvings))
            for price, one in zip(prices, excess, strict=True)
        ]
    return tuple(best)


def _excess(problem: WinnerProblem, offers: list[int], groups: list[list[int]]) -> list[int]:
    """Return by how much the best bids of all groups together exceed what there is."""
    excess = [-capacity for capacity in problem.capacities]
    for group in groups:
        best = max(group, key=offers.__getitem__)
        if offers[best] > 0:
            for good, quantity in problem.bids[best].uses:
                excess[good] += quantity
    return excess
