"""Vickrey-Clarke-Groves for identical units and any wishes: a pure function.

Where a further unit may be worth more than the one before it (two or none), amounts unit by
unit cannot say so. Here a bidder states what one unit, two units and so on are worth to it
together. The allotment of greatest value is found by dynamic programming, and each winner
pays what the others lose by it. Truthful bidding is a dominant strategy. Vickrey (1961);
Clarke (1971); Groves (1973). The work grows with the square of the bidders and of the units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mabeam.core.auction.units import Allotment

__all__ = ["vickrey_of_totals"]


def vickrey_of_totals(
    totals: Mapping[str, Sequence[int]], units: int, tie_key: Callable[[str], Any]
) -> tuple[Allotment, ...]:
    """Return the allotment of greatest value, and what each pays, in the order of ties.

    Args:
        totals: What one unit, two units and so on are worth to each bidder together; what is
            not listed is worth no more than the last.
        units: How many units there are.
        tie_key: Orders bidders; of equally good allotments the first gets the most.
    """
    order = sorted(totals, key=tie_key)
    worth = {bidder: [0, *totals[bidder]][: units + 1] for bidder in order}
    best = _best(worth, order, units)
    found: list[Allotment] = []
    left = units
    for index, bidder in enumerate(order):
        own, after = worth[bidder], best[index + 1]
        value, won = max(
            (own[count] + after[left - count], count)
            for count in range(min(left, len(own) - 1) + 1)
        )
        assert value == best[index][left]
        left -= won
        others = [other for other in order if other != bidder]
        without = _best(worth, others, units)[0][units]
        pays = without - (best[0][units] - own[won])
        if won:
            found.append(Allotment(bidder, won, pays))
    return tuple(found)


def _best(worth: Mapping[str, Sequence[int]], order: Sequence[str], units: int) -> list[list[int]]:
    """Return for each suffix of the bidders, and each number of units, the greatest value."""
    rows = [[0] * (units + 1)]
    for bidder in reversed(order):
        after, own = rows[0], worth[bidder]
        rows.insert(
            0,
            [
                max(own[n] + after[left - n] for n in range(min(left, len(own) - 1) + 1))
                for left in range(units + 1)
            ],
        )
    return rows
