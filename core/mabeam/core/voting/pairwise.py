"""Rules by pairs: Copeland, Minimax, Schulze, Ranked Pairs, Kemeny.

Each elects an option that beats all others one to one whenever there is one, and none can
promise a voter that turning up never hurts (Moulin, Condorcet's principle implies the no
show paradox, Journal of Economic Theory 45, 1988).

Everything follows from the pairwise matrix. Schulze and ranked pairs take time with the
third and fourth power of the options, Kemeny with two to their power.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, permutations, product
from math import factorial, prod
from typing import Any, Final, Literal, TypeAlias

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.count import Count, Lock, leading
from mabeam.core.voting.scoring import leaders_of, listed
from mabeam.core.voting.tally import Matrix, pairwise_of

__all__ = [
    "Strength",
    "copeland",
    "kemeny",
    "minimax",
    "ranked_pairs",
    "ranked_pairs_winners",
    "schulze",
    "strengths_of",
    "strongest_paths",
]

Strength: TypeAlias = Literal["winning_votes", "margins"]
"""How strong a majority is: by who is for it, or by how many more are for it than against."""

_LOCKS_MAX: Final = 20_000
"""How many majorities are taken up at most, over all orders of equal ones, to find all winners."""


def strengths_of(matrix: Matrix, strength: Strength) -> Matrix:
    """Return how strong each majority is; 0 where there is none."""
    against = 1 if strength == "margins" else 0
    span = range(len(matrix))
    return tuple(
        tuple(
            matrix[a][b] - against * matrix[b][a] if matrix[a][b] > matrix[b][a] else 0
            for b in span
        )
        for a in span
    )


def copeland(profile: Profile, ties: TieKey) -> Count:
    """Elect the option with the most majorities, less those against it."""
    matrix = pairwise_of(profile)
    span = range(len(matrix))
    score = {
        option: sum((matrix[a][b] > matrix[b][a]) - (matrix[a][b] < matrix[b][a]) for b in span)
        for a, option in enumerate(profile.options)
    }
    return _led(leaders_of(score), ties, totals=listed(score), pairwise=matrix)


def minimax(profile: Profile, ties: TieKey, strength: Strength = "winning_votes") -> Count:
    """Elect the option whose worst defeat is weakest (Simpson 1969, Kramer 1977)."""
    matrix = pairwise_of(profile)
    strong = strengths_of(matrix, strength)
    worst = {option: max(row[a] for row in strong) for a, option in enumerate(profile.options)}
    least = min(worst.values())
    leaders = {option for option, found in worst.items() if found == least}
    return _led(leaders, ties, totals=listed(worst), pairwise=matrix)


def schulze(profile: Profile, ties: TieKey, strength: Strength = "winning_votes") -> Count:
    """Elect an option with a path to each other at least as strong as the path back.

    A path is as strong as its weakest majority. The elected is in the Smith set, and clones
    of an option change nothing (Schulze, Social Choice and Welfare 36, 2011).
    """
    matrix = pairwise_of(profile)
    paths = strongest_paths(strengths_of(matrix, strength))
    return _led(undefeated(profile.options, paths), ties, pairwise=matrix, paths=paths)


def strongest_paths(strong: Matrix) -> Matrix:
    """Return how strong the strongest path from one option to another is."""
    paths = [list(row) for row in strong]
    span = range(len(paths))
    for via in span:
        through = paths[via]
        for a in span:
            reach, row = paths[a][via], paths[a]
            if a == via or not reach:
                continue
            for b in span:
                if b != a:
                    row[b] = max(row[b], min(reach, through[b]))
    return tuple(map(tuple, paths))


def undefeated(options: Sequence[str], paths: Matrix) -> set[str]:
    """Return the options to which no path is stronger than the path from them."""
    span = range(len(paths))
    return {
        option for a, option in enumerate(options) if all(paths[a][b] >= paths[b][a] for b in span)
    }


def ranked_pairs(profile: Profile, ties: TieKey, strength: Strength = "winning_votes") -> Count:
    """Lock majorities, the strongest first, leaving out what would close a circle.

    Equal majorities are taken in the order of the ties of who wins them, then of who loses
    them against. Tideman, Independence of clones as a criterion for voting rules, Social
    Choice and Welfare 4 (1987).
    """
    matrix = pairwise_of(profile)
    options, strong = profile.options, strengths_of(matrix, strength)
    places = sorted(range(len(options)), key=lambda place: ties(options[place]))
    taken = {place: rank for rank, place in enumerate(places)}
    majorities = sorted(
        _majorities(strong),
        key=lambda pair: (-strong[pair[0]][pair[1]], taken[pair[0]], -taken[pair[1]]),
    )
    kept = _locked(len(options), majorities)
    leaders = {option for place, option in enumerate(options) if not _is_below(place, kept)}
    found = ranked_pairs_winners(profile, strength)
    return Count(
        winners=(min(leaders, key=ties),),
        tied=leading(leaders if found is None else set(found)),
        pairwise=matrix,
        locks=tuple(Lock(options[a], options[b], (a, b) in kept) for a, b in majorities),
    )


def ranked_pairs_winners(
    profile: Profile, strength: Strength = "winning_votes"
) -> tuple[str, ...] | None:
    """Return all options that ranked pairs elect under some order of equal majorities.

    None if that would take too many orders.
    """
    strong = strengths_of(pairwise_of(profile), strength)
    falling = sorted(_majorities(strong), key=lambda pair: -strong[pair[0]][pair[1]])
    levels = [list(level) for _, level in groupby(falling, key=lambda p: strong[p[0]][p[1]])]
    orders = prod(factorial(min(len(level), 20)) for level in levels)
    if orders * len(falling) > _LOCKS_MAX:
        return None
    size = len(profile.options)
    found: set[str] = set()
    for chosen in product(*(permutations(level) for level in levels)):
        kept = _locked(size, [pair for level in chosen for pair in level])
        found.update(o for place, o in enumerate(profile.options) if not _is_below(place, kept))
    return tuple(sorted(found))


def kemeny(profile: Profile, ties: TieKey) -> Count:
    """Find the order of all options from which the ballots differ least; elect its first.

    What counts is the weight against each pair of it (Kemeny, Mathematics without Numbers,
    Daedalus 88, 1959). The least cost of each set of options is found from its subsets.
    """
    matrix = pairwise_of(profile)
    size = len(matrix)
    # What it costs to put an option before the others of a set, and the least for each set.
    least = [0] * (1 << size)
    first: list[list[int]] = [[] for _ in least]
    for chosen in range(1, 1 << size):
        members = [place for place in range(size) if chosen >> place & 1]
        costs = {
            place: least[chosen & ~(1 << place)] + sum(matrix[other][place] for other in members)
            for place in members
        }
        least[chosen] = min(costs.values())
        first[chosen] = [place for place in members if costs[place] == least[chosen]]
    order: list[str] = []
    rest = (1 << size) - 1
    while rest:
        place = min(first[rest], key=lambda one: ties(profile.options[one]))
        order.append(profile.options[place])
        rest &= ~(1 << place)
    leaders = {profile.options[place] for place in first[-1]}
    return _led(leaders, ties, pairwise=matrix, order=tuple(order), cost=least[-1])


def _led(leaders: set[str], ties: TieKey, **proof: Any) -> Count:  # noqa: ANN401 - fields of the count
    return Count(winners=(min(leaders, key=ties),), tied=leading(leaders), **proof)


def _majorities(strong: Matrix) -> list[tuple[int, int]]:
    return [(a, b) for a, row in enumerate(strong) for b, found in enumerate(row) if found]


def _locked(size: int, majorities: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    reaches = [1 << place for place in range(size)]
    kept: set[tuple[int, int]] = set()
    for above, below in majorities:
        if reaches[below] >> above & 1:
            continue
        kept.add((above, below))
        for place in range(size):
            if reaches[place] >> above & 1:
                reaches[place] |= reaches[below]
    return kept


def _is_below(place: int, kept: set[tuple[int, int]]) -> bool:
    return any(below == place for _, below in kept)
