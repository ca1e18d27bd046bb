"""The pairwise matrix, kept current with every ballot.

Each row of the matrix is one large integer with a lane of 64 bits for each option, so that
a ballot costs about as many additions as there are options, whatever the number of pairs.
All rules by pairs and Borda's follow from the matrix alone; majorities, plurality and
approval follow from the first groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import unpack
from typing import Final, Self, TypeAlias

import msgspec

from mabeam.core.errors import Rejected
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
        lanes: Place of each option, and a one in its lane, by option.
        everybody: A one in every lane.
        rows: The weight that prefers an option to each other one, packed, by place.
        firsts: The weight that has each option in its first group, packed.
        weight: The weight of all ballots in it.
    """

    options: tuple[str, ...]
    lanes: dict[str, tuple[int, int]]
    everybody: int
    rows: tuple[int, ...]
    firsts: int = 0
    weight: int = 0

    def added(self, ranking: Ranking, weight: int = 1) -> Self:
        """Return the tally with one more ballot. A negative weight takes one back."""
        lanes, rows = self.lanes, [*self.rows]
        below = self.everybody
        for group in ranking:
            # Most groups hold one option, and this is done for every ballot.
            if len(group) == 1:
                place, lane = lanes[group[0]]
                below -= lane
                rows[place] += below if weight == 1 else below * weight
                continue
            below -= sum([lanes[option][1] for option in group])
            for option in group:
                rows[lanes[option][0]] += below * weight
        firsts = sum([lanes[option][1] for option in ranking[0]]) if ranking else 0
        return type(self)(
            self.options,
            lanes,
            self.everybody,
            tuple(rows),
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
        """Return how much weight prefers one option to another, for each pair.

        Raises:
            Rejected: The ballots weigh too much together.
        """
        return tuple(self._unpacked(row) for row in self.rows)

    def first_groups(self) -> tuple[int, ...]:
        """Return how much weight has each option in its first group.

        Raises:
            Rejected: The ballots weigh too much together.
        """
        return self._unpacked(self.firsts)

    def _unpacked(self, packed: int) -> tuple[int, ...]:
        if self.weight >> LANE:
            raise Rejected(
                "vote.weight",
                "no such votes can be added up",
                field="weight",
                value=self.weight,
                allowed=f"0 to {2**LANE - 1}, all ballots together",
            )
        count = len(self.options)
        return unpack(f"<{count}Q", packed.to_bytes(count * LANE // 8, "little"))


def empty_tally(options: Iterable[str]) -> Tally:
    """Return the tally of no ballots."""
    named = tuple(options)
    lanes = {option: (place, 1 << (LANE * place)) for place, option in enumerate(named)}
    everybody = sum(one for _, one in lanes.values())
    return Tally(named, lanes, everybody, (0,) * len(named))


def pairwise_of(profile: Profile) -> Matrix:
    """Return the matrix of all ballots."""
    tally = empty_tally(profile.options)
    for ranking, weight in profile.grouped():
        tally = tally.added(ranking, weight)
    return tally.matrix()
