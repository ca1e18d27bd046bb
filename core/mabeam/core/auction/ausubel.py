"""Ausubel's ascending auction of several units: a pure function that knows no events.

The price rises. Whenever the others together want so little that some units are certain for
a bidder, it has clinched them, and pays for each the price at that moment. With private
values that do not rise from unit to unit, bidding sincerely is an ex post equilibrium, and
its outcome is that of the multi-unit Vickrey auction, though nobody reveals the values that
win. Lawrence Ausubel, An Efficient Ascending-Bid Auction for Multiple Objects, American
Economic Review 94 (2004).

The work grows with the number of bidders times the number of prices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

__all__ = ["Clinch", "ausubel"]


class Clinch(msgspec.Struct, frozen=True):
    """Units that became certain for a bidder, and what each costs, in minor units."""

    bidder: str
    units: int
    price: int


def ausubel(
    values: Mapping[str, Sequence[int]],
    units: int,
    start: int,
    tie_key: Callable[[str], Any],
    *,
    step: int = 1,
) -> tuple[Clinch, ...]:
    """Run the auction among bidders who bid sincerely; return what was clinched, in order.

    At a price each wants the units that are worth more to it than the price. Those that are
    worth just as much are given, at the end, as far as units are left.

    Args:
        values: What each further unit is worth to each bidder, none more than the last.
        units: How many units there are.
        start: The first price; units worth less are not wanted.
        tie_key: Orders bidders for the units that are left; the least comes first.
        step: By how much the price rises. Only with 1 are the payments exactly Vickrey's.
    """
    order = sorted(values, key=tie_key)
    wanted = {bidder: _worth(values[bidder], start - 1) for bidder in order}
    clinched = dict.fromkeys(order, 0)
    found: list[Clinch] = []
    price = start
    while sum(wanted.values()) > units:
        former, wanted = wanted, {bidder: _worth(values[bidder], price) for bidder in order}
        left = units - sum(wanted.values())
        if left > 0:
            # Who has just left its last units gets what is left at the price it left at.
            for bidder in order:
                given = min(left, former[bidder] - wanted[bidder])
                wanted[bidder] += given
                left -= given
        found += _clinch(wanted, clinched, units, price)
        price += step
    return (*found, *_clinch(wanted, clinched, units, start))


def _worth(values: Sequence[int], price: int) -> int:
    return sum(value > price for value in values)


def _clinch(
    wanted: Mapping[str, int], clinched: dict[str, int], units: int, price: int
) -> list[Clinch]:
    found: list[Clinch] = []
    total = sum(wanted.values())
    for bidder, wants in wanted.items():
        certain = min(max(0, units - (total - wants)), wants)
        if certain > clinched[bidder]:
            found.append(Clinch(bidder, certain - clinched[bidder], price))
            clinched[bidder] = certain
    return found
