"""Shares of what is not enough for all: a pure function that knows no events."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["proportional"]


def proportional(amount: int, claims: Sequence[int]) -> tuple[int, ...]:
    """Return what each gets: its claim if there is enough, else a part in proportion to it.

    The parts are whole and sum up to the amount. What rounding down leaves goes, one each, to
    the largest remainders, of equal ones to the larger claim, then to whoever comes first
    (the method of Hamilton). No part exceeds its claim.

    >>> proportional(100, [60, 50])
    (55, 45)
    >>> proportional(1000, [600, 600])
    (500, 500)

    Args:
        amount: What there is, 0 or more.
        claims: What each wants, 0 or more.
    """
    total = sum(claims)
    if total <= amount:
        return tuple(claims)
    parts = [amount * claim // total for claim in claims]
    order = sorted(range(len(claims)), key=lambda n: (-(amount * claims[n] % total), -claims[n], n))
    for number in order[: amount - sum(parts)]:
        parts[number] += 1
    return tuple(parts)
