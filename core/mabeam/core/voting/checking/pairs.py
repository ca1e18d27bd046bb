"""Checks of counts by pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import groupby, permutations, product
from math import factorial, prod
from typing import Final, TypeVar

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.checking.proof import (
    expect,
    expect_leader,
    expect_only,
    numbers,
    preferring,
)
from mabeam.core.voting.count import Count, Dropped, Lock
from mabeam.core.voting.tally import Matrix

__all__ = [
    "check_borda",
    "check_copeland",
    "check_debian",
    "check_kemeny",
    "check_minimax",
    "check_ranked_pairs",
    "check_schulze",
]

_LOCKS_MAX: Final = 20_000
WeightT = TypeVar("WeightT", int, tuple[int, int])


def check_borda(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check the points against the matrix, and who has most.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "totals", "pairwise")
    matrix = _checked_matrix(profile, count)
    points = numbers("totals", count.totals, profile.options)
    for a, option in enumerate(profile.options):
        due = sum(matrix[a][b] - matrix[b][a] for b in range(len(matrix)))
        expect("totals", points[option], due)
    expect_leader(count, _extreme(points, 1), ties)


def check_copeland(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check each option's wins less losses against the matrix, and who has most.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "totals", "pairwise")
    matrix = _checked_matrix(profile, count)
    scores = numbers("totals", count.totals, profile.options)
    for a, option in enumerate(profile.options):
        wins = sum(1 for b, found in enumerate(matrix[a]) if found > matrix[b][a])
        losses = sum(1 for b, found in enumerate(matrix[a]) if found < matrix[b][a])
        expect("totals", scores[option], wins - losses)
    expect_leader(count, _extreme(scores, 1), ties)


def check_minimax(profile: Profile, ties: TieKey, count: Count, strength: str) -> None:
    """Check each option's worst defeat against the matrix, and whose is weakest.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "totals", "pairwise")
    weights = _weights(_checked_matrix(profile, count), strength)
    worst = numbers("totals", count.totals, profile.options)
    for a, option in enumerate(profile.options):
        due = max((weight for (_, loser), weight in weights.items() if loser == a), default=0)
        expect("totals", worst[option], due)
    expect_leader(count, _extreme(worst, -1), ties)


def check_schulze(profile: Profile, ties: TieKey, count: Count, strength: str) -> None:
    """Check the strengths of the paths, level by level, and who is beaten by none.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "pairwise", "paths")
    weights = _weights(_checked_matrix(profile, count), strength)
    span = range(len(profile.options))
    widest = _widest(span, weights)
    due = tuple(tuple(widest.get((a, b), 0) for b in span) for a in span)
    expect("paths", count.paths, due)
    paths = count.paths
    leaders = [profile.options[a] for a in span if all(paths[b][a] <= paths[a][b] for b in span)]
    expect_leader(count, leaders, ties)


def check_ranked_pairs(profile: Profile, ties: TieKey, count: Count, strength: str) -> None:
    """Check that each majority is taken up in its turn, and kept unless it closes a circle.

    Raises:
        Rejected: It is not; or the winner is beaten by a locked majority; or those who win
            under some order of equal majorities are not those that are said to be tied.
    """
    expect_only(count, "pairwise", "locks")
    weights = _weights(_checked_matrix(profile, count), strength)
    options = profile.options
    due = sorted(
        weights,
        key=lambda pair: (
            -weights[pair],
            ties(options[pair[0]]),
            _Falling(ties(options[pair[1]])),
        ),
    )
    kept = _kept(due)
    locks = tuple(Lock(options[a], options[b], (a, b) in kept) for a, b in due)
    expect("locks", count.locks, locks)
    leaders = _unbeaten(options, kept)
    expect("winners", count.winners, (min(leaders, key=ties),))
    levels = [list(level) for _, level in groupby(due, key=lambda pair: weights[pair])]
    if len(due) * prod(factorial(min(len(level), 20)) for level in levels) <= _LOCKS_MAX:
        leaders = {
            option
            for orders in product(*map(permutations, levels))
            for option in _unbeaten(options, _kept(pair for level in orders for pair in level))
        }
    expect("tied", count.tied, tuple(sorted(leaders)) if len(leaders) > 1 else ())


def check_kemeny(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check the cost of the order, and by all beginnings of orders that none costs less.

    Raises:
        Rejected: One does, or the order is not the first of the cheapest by the ties.
    """
    expect_only(count, "pairwise", "order", "cost")
    matrix = _checked_matrix(profile, count)
    options = profile.options
    expect("order", sorted(count.order), sorted(options))
    places = [options.index(option) for option in count.order]
    cost = sum(matrix[b][a] for n, a in enumerate(places) for b in places[n + 1 :])
    expect("cost", count.cost, cost)
    everybody = frozenset(range(len(options)))
    nobody: frozenset[int] = frozenset()

    @cache
    def cheapest(placed: frozenset[int]) -> int:
        return min(
            (step(placed, a) + cheapest(placed | {a}) for a in everybody - placed), default=0
        )

    def step(placed: frozenset[int], a: int) -> int:
        return sum(matrix[b][a] for b in everybody - placed - {a})

    expect("cost", count.cost, cheapest(nobody))
    placed = nobody
    for n, a in enumerate(places):
        best = [
            b
            for b in everybody - placed
            if step(placed, b) + cheapest(placed | {b}) == cheapest(placed)
        ]
        expect("order", options[a], min((options[b] for b in best), key=ties))
        if n == 0:
            expect_leader(count, [options[b] for b in best], ties)
        placed |= {a}


def check_debian(
    profile: Profile,
    ties: TieKey,
    count: Count,
    quorum: Fraction,
    ratio: Callable[[str], Fraction],
) -> None:
    """Check who passes against the default option, and of these who is beaten by none.

    Dropping the weakest defeats comes to the same as comparing the strongest paths, so the
    winners are found by these.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "pairwise", "dropped")
    matrix = _checked_matrix(profile, count)
    default = profile.options.index(profile.default)
    dropped: list[Dropped] = []
    left: list[int] = []
    for a, option in enumerate(profile.options):
        votes, against = matrix[a][default], matrix[default][a]
        has_quorum = votes >= quorum
        if a == default or (has_quorum and votes >= ratio(option) * against and votes > against):
            left.append(a)
        else:
            reason = "ratio_missed" if has_quorum else "quorum_missed"
            dropped.append(Dropped(option, reason, votes, against))
    expect("dropped", count.dropped, tuple(dropped))
    weights = {
        (a, b): (matrix[a][b], -matrix[b][a])
        for a in left
        for b in left
        if matrix[a][b] > matrix[b][a]
    }
    widest = _widest(left, weights)
    nothing = (0, 0)
    leaders = [
        profile.options[a]
        for a in left
        if all(widest.get((b, a), nothing) <= widest.get((a, b), nothing) for b in left)
    ]
    expect_leader(count, leaders, ties)


class _Falling:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[int, bytes]) -> None:
        self.key = key

    def __lt__(self, other: _Falling) -> bool:
        return other.key < self.key


def _checked_matrix(profile: Profile, count: Count) -> Matrix:
    found = preferring(profile)
    expect("pairwise", count.pairwise, tuple(map(tuple, found)))
    return count.pairwise


def _weights(matrix: Matrix, strength: str) -> dict[tuple[int, int], int]:
    span = range(len(matrix))
    return {
        (a, b): matrix[a][b] - (matrix[b][a] if strength == "margins" else 0)
        for a in span
        for b in span
        if matrix[a][b] > matrix[b][a]
    }


def _widest(
    among: Iterable[int], weights: Mapping[tuple[int, int], WeightT]
) -> dict[tuple[int, int], WeightT]:
    """Return the strongest path for each pair, by adding majorities, the strongest first.

    A majority that first connects two options is the weakest of their strongest path.
    """
    widest: dict[tuple[int, int], WeightT] = {}
    reached: dict[int, set[int]] = {a: {a} for a in among}
    for above, below in sorted(weights, key=weights.__getitem__, reverse=True):
        for a, known in reached.items():
            if above in known:
                gained = reached[below] - known
                widest.update(dict.fromkeys(((a, b) for b in gained), weights[above, below]))
                known.update(gained)
    return widest


def _reached(start: int, ways: Mapping[int, Sequence[int]]) -> set[int]:
    reached: set[int] = set()
    waiting = [start]
    while waiting:
        for after in ways.get(waiting.pop(), ()):
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    return reached


def _kept(majorities: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    ways: dict[int, list[int]] = {}
    kept: set[tuple[int, int]] = set()
    for above, below in majorities:
        if above not in _reached(below, ways):
            ways.setdefault(above, []).append(below)
            kept.add((above, below))
    return kept


def _unbeaten(options: Sequence[str], kept: set[tuple[int, int]]) -> set[str]:
    beaten = {below for _, below in kept}
    return {option for place, option in enumerate(options) if place not in beaten}


def _extreme(scores: Mapping[str, Fraction], sign: int) -> list[str]:
    best = max(sign * score for score in scores.values())
    return [option for option, score in scores.items() if sign * score == best]
