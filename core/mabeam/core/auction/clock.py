"""Clock auctions of one lot: pure functions that know no events.

Rising clock (Japanese auction): the price goes up step by step, bidders leave for good, and
who is left pays the last price at which another was still in. Staying up to one's value is
a dominant strategy with private values, and winner and price are those of the second-price
auction but for one step. Paul Milgrom and Robert Weber, A Theory of Auctions and
Competitive Bidding, Econometrica 50 (1982).

Falling clock (Dutch auction): the price goes down step by step and the first who stops it
pays it. It is strategically the same as the first-price sealed auction: with the same stop
prices as bids the same bidder pays the same. Vickrey (1961); Krishna, chapter 2.

The award of the rising clock takes time in n log n of the bidders, whatever the rounds;
that of the falling clock in n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

__all__ = ["ClockAward", "falling_clock", "last_accepted", "rising_award", "rising_clock"]


class ClockAward(msgspec.Struct, frozen=True):
    """What a clock comes to.

    Attributes:
        winner: Who gets the lot, or None.
        price: What the winner pays, or None.
        rounds: How many prices the clock showed up to the price paid; without a sale, up to
            the last that was put to the bidders.
        tied: Bidders who were in together at the end, if more than one.
        is_undecided: Whether the clock ended, or was cut, while several were still in.
    """

    winner: str | None
    price: int | None
    rounds: int
    tied: tuple[str, ...] = ()
    is_undecided: bool = False


def rising_award(
    accepted: Mapping[str, int],
    reached: int,
    start: int,
    step: int,
    tie_key: Callable[[str], Any],
) -> ClockAward:
    """Award the lot of a rising clock.

    Args:
        accepted: The last price that each bidder accepted, of those who accepted any.
        reached: The last price that was put to all who were still in.
        start: The first price.
        step: By how much it rose each time.
        tie_key: Orders those who left at the same price as the last; the least wins.
    """
    rounds = (reached - start) // step + 1
    if not accepted:
        return ClockAward(None, None, rounds)
    # Whoever was asked a price ahead of the others has not outbid them by it.
    stays = {bidder: min(price, reached) for bidder, price in accepted.items()}
    top = max(stays.values())
    last = sorted((bidder for bidder, price in stays.items() if price == top), key=tie_key)
    if len(last) == 1:
        price = max((p for bidder, p in stays.items() if bidder != last[0]), default=start)
        return ClockAward(last[0], price, (price - start) // step + 1)
    if top == reached:
        return ClockAward(None, None, rounds, tuple(last), is_undecided=True)
    return ClockAward(last[0], top, (top - start) // step + 1, tuple(last))


def last_accepted(limit: int, start: int, step: int) -> int | None:
    """Return the last price of a rising clock that does not exceed a limit, if any."""
    return None if limit < start else start + (limit - start) // step * step


def rising_clock(
    limits: Mapping[str, int],
    start: int,
    step: int,
    tie_key: Callable[[str], Any],
    *,
    rounds_max: int | None = None,
) -> ClockAward:
    """Run a rising clock among bidders who each stay as long as a price is in their limit.

    Args:
        limits: The highest price that each bidder accepts.
        start: The first price.
        step: By how much it rises.
        tie_key: Orders bidders who leave together; the least wins.
        rounds_max: After so many prices the clock ends; None for never.
    """
    found = {bidder: last_accepted(limit, start, step) for bidder, limit in limits.items()}
    stays = {bidder: price for bidder, price in found.items() if price is not None}
    cap = None if rounds_max is None else start + step * (rounds_max - 1)
    if cap is not None:
        stays = {bidder: min(price, cap) for bidder, price in stays.items()}
    # The clock goes on until at most one accepts, which is one step above the second.
    second = sorted(stays.values())[-2] if len(stays) > 1 else start - step
    reached = second + step
    return rising_award(stays, reached if cap is None else min(reached, cap), start, step, tie_key)


def falling_clock(  # noqa: PLR0913 - the bidders, the clock's four settings, and ties
    stops: Mapping[str, int],
    start: int,
    step: int,
    reserve: int,
    tie_key: Callable[[str], Any],
    *,
    rounds_max: int | None = None,
) -> ClockAward:
    """Run a falling clock among bidders who each stop it at the first price in their limit.

    Args:
        stops: The highest price at which each bidder stops the clock.
        start: The first price.
        step: By how much it falls.
        reserve: The clock shows no price below it.
        tie_key: Orders bidders who stop at the same price; the least was first.
        rounds_max: After so many prices the clock ends; None for never.
    """
    rounds = (start - reserve) // step + 1
    rounds = rounds if rounds_max is None else min(rounds, rounds_max)
    highest = max(stops.values(), default=-1)
    number = max(0, -((highest - start) // step))
    if number >= rounds:
        return ClockAward(None, None, rounds)
    price = start - step * number
    first = sorted((bidder for bidder, stop in stops.items() if stop >= price), key=tie_key)
    return ClockAward(first[0], price, number + 1, tuple(first) if len(first) > 1 else ())
