"""Checks of counts by totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.checking.proof import (
    disproved,
    expect,
    expect_leader,
    expect_only,
    number,
    numbers,
    support,
)
from mabeam.core.voting.count import Count, Round

__all__ = ["check_bucklin", "check_confidence", "check_first_groups", "check_threshold"]


def check_threshold(
    profile: Profile, ties: TieKey, count: Count, reaches: Callable[[str, int], bool]
) -> None:
    """Check that the winner has most of those with enough.

    Raises:
        Rejected: It has not, or a total is not what the ballots say.
    """
    expect_only(count, "totals")
    votes = _first_groups(profile, count)
    enough = {option: found for option, found in votes.items() if reaches(option, int(found))}
    expect_leader(count, _most(enough), ties)


def check_first_groups(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check that the winner has most.

    Raises:
        Rejected: It has not, or a total is not what the ballots say.
    """
    expect_only(count, "totals")
    expect_leader(count, _most(_first_groups(profile, count)), ties)


def check_bucklin(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check each round's totals, that the last ends it, and who has most in that.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "totals", "rounds")
    longest = max(len(ballot.ranking) for ballot in profile.ballots)
    whole = profile.weight
    for depth, round_ in enumerate(count.rounds, start=1):
        expect("rounds", round_, Round(round_.tally))
        votes = numbers("rounds", round_.tally, profile.options)
        for option in profile.options:
            named = sum(
                ballot.weight
                for ballot in profile.ballots
                if any(group[0] == option for group in ballot.ranking[:depth])
            )
            expect("rounds", votes[option], named)
        is_last = any(2 * found > whole for found in votes.values()) or depth == longest
        if is_last != (depth == len(count.rounds)):
            raise disproved("rounds", len(count.rounds), "rounds until there is a majority")
    if not count.rounds:
        raise disproved("rounds", (), "at least one")
    last = count.rounds[-1].tally
    expect("totals", count.totals, last)
    expect_leader(count, _most(numbers("totals", last, profile.options)), ties)


def check_confidence(
    profile: Profile, ties: TieKey, count: Count, cap: Fraction, least: Fraction
) -> None:
    """Check that the level cuts as much as the cap requires, and no more.

    Raises:
        Rejected: It does not, or a total or the winner does not follow from it.
    """
    expect_only(count, "totals", "level")
    weights = [ballot.weight * ballot.confidence for ballot in profile.ballots]
    some = [weight for weight in weights if weight > 0]
    level = number("level", count.level)
    whole = sum((min(weight, level) for weight in weights), start=Fraction(0))
    if not some:
        is_right = level == 0
    elif level == max(some) and level <= cap * whole:
        is_right = True
    elif level == min(some):
        # All weigh the same, and are too few for that to be within the cap, or just enough.
        is_right = len(some) * cap <= 1
    else:
        is_right = min(some) < level < max(some) and level == cap * whole
    if not is_right:
        raise disproved("level", count.level, f"the greatest of at most {cap} of all")
    votes = numbers("totals", count.totals, profile.options)
    for option in profile.options:
        due = sum(
            (
                min(weight, level)
                for ballot, weight in zip(profile.ballots, weights, strict=True)
                if ballot.ranking[0][0] == option
            ),
            start=Fraction(0),
        )
        expect("totals", votes[option], due)
    enough = {option: found for option, found in votes.items() if found > least * whole}
    expect_leader(count, _most(enough), ties)


def _first_groups(profile: Profile, count: Count) -> Mapping[str, Fraction]:
    votes = numbers("totals", count.totals, profile.options)
    for option in profile.options:
        expect("totals", votes[option], support(profile, option))
    return votes


def _most(votes: Mapping[str, Fraction]) -> list[str]:
    return [o for o, found in votes.items() if all(found >= other for other in votes.values())]
