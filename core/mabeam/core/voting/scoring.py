"""Rules by totals: thresholds, plurality, approval, Borda, Bucklin, capped confidence.

Definitions as in Zwicker, Introduction to the Theory of Voting, in Brandt et al. (eds.),
Handbook of Computational Social Choice, Cambridge University Press 2016. The work is linear
in the ballots. Everything is whole numbers and fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.count import Count, Round, Total, leading
from mabeam.core.voting.tally import pairwise_of

__all__ = ["approval", "borda", "bucklin", "capped_level", "confidence", "plurality", "threshold"]


def threshold(
    profile: Profile,
    ties: TieKey,
    reaches: Callable[[str, int], bool],
) -> Count:
    """Elect the option that most weight has first, among those with enough.

    With a majority of two options this is the only rule that treats voters and options
    alike and answers to every vote (May, Econometrica 20, 1952).

    Args:
        profile: What is counted.
        ties: Orders tied options.
        reaches: Whether a weight is enough for an option.
    """
    totals = first_groups(profile)
    enough = {option: votes for option, votes in totals.items() if reaches(option, votes)}
    return _led(totals, enough, ties)


def plurality(profile: Profile, ties: TieKey) -> Count:
    """Elect the option that most weight has first."""
    totals = first_groups(profile)
    return _led(totals, totals, ties)


def approval(profile: Profile, ties: TieKey) -> Count:
    """Elect the option that most weight approves: has in its first group."""
    return plurality(profile, ties)


def borda(profile: Profile, ties: TieKey) -> Count:
    """Elect the option with the most points.

    A ballot gives an option one point for each option it ranks below it, and takes one for
    each it ranks above. For complete rankings without ties the order is that of the points
    m-1, m-2 ... 0; ties and unnamed options are treated evenly.
    """
    matrix = pairwise_of(profile)
    points = {
        option: sum(matrix[row]) - sum(other[row] for other in matrix)
        for row, option in enumerate(profile.options)
    }
    return _led(points, points, ties, pairwise=matrix)


def bucklin(profile: Profile, ties: TieKey) -> Count:
    """Elect by the first ranks, then the first two, and so on, until somebody has a majority.

    Among several with a majority the one with most votes is elected. If nobody ever has
    one, because ballots name few options, the one with most votes at the end is.
    """
    votes = dict.fromkeys(profile.options, 0)
    rounds: list[Round] = []
    grouped, half = profile.grouped(), Fraction(profile.weight, 2)
    for rank in range(max(len(ranking) for ranking, _ in grouped)):
        for ranking, weight in grouped:
            for option in ranking[rank] if rank < len(ranking) else ():
                votes[option] += weight
        rounds.append(Round(listed(votes)))
        if max(votes.values()) > half:
            break
    return _led(votes, votes, ties, rounds=tuple(rounds))


def confidence(profile: Profile, ties: TieKey, cap: Fraction, least: Fraction) -> Count:
    """Elect the option with more than a share of the weight, times confidence, capped.

    No voter weighs more than the share ``cap`` of all; see `capped_level`.
    """
    raw = [ballot.weight * ballot.confidence for ballot in profile.ballots]
    level = capped_level(raw, cap)
    votes = dict.fromkeys(profile.options, Fraction(0))
    for ballot, weight in zip(profile.ballots, raw, strict=True):
        votes[ballot.ranking[0][0]] += min(weight, level)
    total = sum(votes.values())
    enough = {option: found for option, found in votes.items() if found > least * total}
    return _led(votes, enough, ties, level=str(level))


def capped_level(weights: Sequence[Fraction], cap: Fraction) -> Fraction:
    """Return the greatest level at which, cut to it, no weight exceeds its share of all.

    With too few voters for that, all must weigh the same: the level is the least weight
    above 0. It is the greatest weight where nothing need be cut, and 0 without weights.
    """
    falling = sorted((weight for weight in weights if weight > 0), reverse=True)
    rest = sum(falling, start=Fraction(0))
    if not falling or falling[0] <= cap * rest:
        return falling[0] if falling else Fraction(0)
    for cut, weight in enumerate(falling, start=1):
        rest -= weight
        level = cap * rest / (1 - cut * cap)
        if cut < len(falling) and level >= falling[cut]:
            return level
    return falling[-1]


def first_groups(profile: Profile) -> dict[str, int]:
    """Return the weight that has each option in its first group."""
    votes = dict.fromkeys(profile.options, 0)
    for ballot in profile.ballots:
        for option in ballot.ranking[0]:
            votes[option] += ballot.weight
    return votes


def listed(votes: Mapping[str, int | Fraction]) -> tuple[Total, ...]:
    """Return what each option has, for the log."""
    return tuple(Total(option, str(found)) for option, found in votes.items())


def _led(
    votes: Mapping[str, int | Fraction],
    eligible: Mapping[str, int | Fraction],
    ties: TieKey,
    **proof: Any,  # noqa: ANN401 - fields of the count
) -> Count:
    leaders = leaders_of(eligible)
    winners = (min(leaders, key=ties),) if leaders else ()
    return Count(winners=winners, tied=leading(leaders), totals=listed(votes), **proof)


def leaders_of(votes: Mapping[str, int | Fraction]) -> set[str]:
    """Return all that have the most."""
    most = max(votes.values(), default=0)
    return {option for option, found in votes.items() if found == most}
