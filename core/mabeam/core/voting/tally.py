"""The pairwise matrix, kept current with every ballot.

The matrix is one large integer with a lane of 64 bits for each pair, so that a ballot is
added or taken back by one addition, whatever the number of pairs. All rules by pairs and
Borda's follow from the matrix alone; majorities, plurality and approval follow from the
first groups. A ballot costs about as many additions as there are options.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import unpack
from typing import Final, Self, TypeAlias

import msgspec

from mabeam.core.voting.ballots import Profile, Ranking

__all__ = ["Matrix", "Tally", "empty_tally", "pairwise_of"]

LANE: Final = 64
"""Bits of a lane: the weights of all ballots together must stay below two to this power."""

Matrix: TypeAlias = tuple[tuple[int, ...], ...]
"""How much weight prefers the option of the row to the option of the column."""


class Tally(msgspec.Struct, frozen=True):
    """The ballots of a vote, added up.

    Attributes:
        options: What is voted on.
        columns: One in the lane of each option, by option.
        rows: How far the row of each option is shifted, by option.
        pairs: The matrix, packed.
        firsts: The weight that has each option in its first group, packed.
        weight: The weight of all ballots in it.
    """

    options: tuple[str, ...]
    columns: dict[str, int]
    rows: dict[str, int]
    pairs: int = 0
    firsts: int = 0
    weight: int = 0

    def added(self, ranking: Ranking, weight: int = 1) -> Self:
        """Return the tally with one more ballot. A negative weight takes one back."""
        columns, rows = self.columns, self.rows
        below = sum(columns.values())
        pairs = 0
        for group in ranking:
            for option in group:
                below -= columns[option]
            for option in group:
                pairs += below << rows[option]
        firsts = sum(columns[option] for option in ranking[0]) if ranking else 0
        return type(self)(
            self.options,
            columns,
            rows,
            self.pairs + pairs * weight,
            self.firsts + firsts * weight,
            self.weight + weight,
        )

    def removed(self, ranking: Ranking, weight: int = 1) -> Self:
        """Return the tally without a ballot that is in it."""
        return self.added(ranking, -weight)

    def replaced(self, before: Ranking, after: Ranking, weight: int = 1) -> Self:
        """Return the tally with one ballot in place of another of the same voter."""
        return self.added(before, -weight).added(after, weight)

    def matrix(self) -> Matrix:
        """Return how much weight prefers one option to another, for each pair."""
        size = len(self.options)
        lanes = _lanes(self.pairs, size * size)
        return tuple(lanes[row * size : (row + 1) * size] for row in range(size))

    def first_groups(self) -> tuple[int, ...]:
        """Return how much weight has each option in its first group."""
        return _lanes(self.firsts, len(self.options))


def empty_tally(options: Iterable[str]) -> Tally:
    """Return the tally of no ballots."""
    named = tuple(options)
    return Tally(
        named,
        {option: 1 << (LANE * place) for place, option in enumerate(named)},
        {option: LANE * len(named) * place for place, option in enumerate(named)},
    )


def pairwise_of(profile: Profile) -> Matrix:
    """Return the matrix of all ballots."""
    tally = empty_tally(profile.options)
    for ranking, weight in profile.grouped():
        tally = tally.added(ranking, weight)
    return tally.matrix()


def _lanes(packed: int, count: int) -> tuple[int, ...]:
    return unpack(f"<{count}Q", packed.to_bytes(count * LANE // 8, "little"))
