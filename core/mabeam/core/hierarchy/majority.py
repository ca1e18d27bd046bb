"""Majorities, direct and by delegates, which need not agree.

With three districts of three voters, two voters in each of two districts are four of nine, and
win two of three districts. No way of counting districts by majority avoids it (the referendum
or representation paradox: Nurmi, "Voting paradoxes and how to deal with them", 1999; for
districts drawn to that end it is called a gerrymander).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["delegated_majority", "direct_majority"]


def direct_majority(votes: Iterable[str]) -> str:
    """Return what more than half of the voters want, or nothing."""
    counts = Counter(votes)
    voters = sum(counts.values())
    return next((option for option, count in counts.items() if 2 * count > voters), "")


def delegated_majority(districts: Sequence[Sequence[str]]) -> str:
    """Return what more than half of those districts want that want something, or nothing."""
    wanted = (direct_majority(votes) for votes in districts)
    return direct_majority(option for option in wanted if option)
