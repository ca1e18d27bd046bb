"""Options that must pass a quorum and a majority against a default option.

The vote counting of the Constitution for the Debian Project, version 1.9, sections A.5 and
A.6: an option needs a number of ballots that prefer it to the default option, and must beat
that by its majority ratio; among those left, the weakest defeats within the Schwartz set are
dropped until nobody in it is defeated. A majority for another option is weaker if fewer
ballots are for it or, with as many for it, more are against it. A ratio is met when it is
just reached, as the constitution was amended in 2015 (general resolution 2015/002).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.count import Count, Dropped, leading
from mabeam.core.voting.tally import Matrix, pairwise_of

__all__ = ["debian", "dropped_options", "schwartz_sequential_dropping"]


def debian(
    profile: Profile, ties: TieKey, quorum: Fraction, ratio: Callable[[str], Fraction]
) -> Count:
    """Elect an option that passes against the default option, or else the default option.

    Args:
        profile: What is counted, with a default option.
        ties: Orders tied options.
        quorum: The least weight that must prefer an option to the default option.
        ratio: By what ratio each option must beat it.
    """
    matrix = pairwise_of(profile)
    dropped = dropped_options(profile.options, profile.default, matrix, quorum, ratio)
    out = {one.option for one in dropped}
    left = {place for place, option in enumerate(profile.options) if option not in out}
    leaders = {profile.options[place] for place in schwartz_sequential_dropping(matrix, left)}
    return Count(
        winners=(min(leaders, key=ties),),
        tied=leading(leaders),
        pairwise=matrix,
        dropped=dropped,
    )


def dropped_options(
    options: tuple[str, ...],
    default: str,
    matrix: Matrix,
    quorum: Fraction,
    ratio: Callable[[str], Fraction],
) -> tuple[Dropped, ...]:
    """Return the options that the default option keeps out, and why."""
    against = options.index(default)
    found: list[Dropped] = []
    for place, option in enumerate(options):
        votes, opposed = matrix[place][against], matrix[against][place]
        if option == default:
            continue
        if votes < quorum:
            found.append(Dropped(option, "quorum_missed", votes, opposed))
        elif votes <= opposed or votes < ratio(option) * opposed:
            found.append(Dropped(option, "ratio_missed", votes, opposed))
    return tuple(found)


def schwartz_sequential_dropping(matrix: Matrix, among: set[int]) -> set[int]:
    """Drop the weakest defeats until no option left is defeated; return who is left.

    It comes to the same as Schulze's rule by winning votes, where the weight against a
    majority tells apart those that as many are for.
    """
    defeats = {
        (a, b): (matrix[a][b], -matrix[b][a])
        for a in among
        for b in among
        if matrix[a][b] > matrix[b][a]
    }
    while True:
        schwartz = _schwartz_set(among, set(defeats))
        within = {pair: weight for pair, weight in defeats.items() if schwartz.issuperset(pair)}
        if not within:
            return schwartz
        weakest = min(within.values())
        defeats = {pair: weight for pair, weight in within.items() if weight != weakest}
        among = schwartz


def _schwartz_set(among: set[int], defeats: set[tuple[int, int]]) -> set[int]:
    reaches = {a: {a} | {b for b in among if (a, b) in defeats} for a in among}
    for via in among:
        for a in among:
            if via in reaches[a]:
                reaches[a] |= reaches[via]
    return {
        one
        for one in among
        if all(other in reaches[one] for other in among if one in reaches[other])
    }
