"""Checks of counts in rounds: the books of each round are kept again, from the ballots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, TypeAlias

from mabeam.core.voting.ballots import Ballot, Profile, TieKey
from mabeam.core.voting.checking.proof import disproved, expect, expect_only, number, numbers
from mabeam.core.voting.count import Count, Round

__all__ = ["check_coombs", "check_instant_runoff", "check_single_transferable_vote"]

_SETS_MAX: Final = 256

Votes: TypeAlias = Mapping[str, Fraction]
Books: TypeAlias = Callable[[Profile, frozenset[str]], tuple[Votes, Votes]]
"""What supports each option that is left, and what the next to drop is found by."""


def check_instant_runoff(profile: Profile, ties: TieKey, count: Count, *, batch: bool) -> None:
    """Check the tally of each round, who drops in it, and who has a majority in the last.

    Raises:
        Rejected: One of these is not so.
    """
    _check_rounds(profile, ties, count, _firsts, batch=batch)


def check_coombs(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check both tallies of each round, who drops in it, and who has a majority in the last.

    Raises:
        Rejected: One of these is not so.
    """
    _check_rounds(profile, ties, count, _firsts_and_lasts, batch=False)


def check_single_transferable_vote(profile: Profile, ties: TieKey, count: Count) -> None:
    """Check quota, and the tally, the choice and the transfer of each round.

    Raises:
        Rejected: One of these is not so.
    """
    expect_only(count, "rounds", "level")
    quota = Fraction(profile.weight // (profile.seats + 1) + 1)
    expect("level", count.level, str(quota))
    worth = [Fraction(ballot.weight) for ballot in profile.ballots]
    left, elected = set(profile.options), list[str]()
    for round_ in count.rounds:
        seats = profile.seats - len(elected)
        if not seats:
            raise disproved("rounds", len(count.rounds), "rounds until all seats are filled")
        votes = dict.fromkeys((o for o in profile.options if o in left), Fraction(0))
        exhausted = Fraction(0)
        for ballot, value in zip(profile.ballots, worth, strict=True):
            choice = _choice(ballot, left)
            if choice:
                votes[choice] += value
            else:
                exhausted += value
        expect("rounds", numbers("rounds", round_.tally, votes), votes)
        expect("rounds", round_.exhausted, str(exhausted))
        if len(left) <= seats:
            expect("rounds", round_, _rest(round_, votes, ties))
            elected += round_.elected
            left.clear()
            continue
        expect("rounds", round_, _step(round_, votes, ties, quota))
        for option in round_.elected:
            part = number("rounds", round_.value)
            for place, ballot in enumerate(profile.ballots):
                if _choice(ballot, left) == option:
                    worth[place] *= part
        left.difference_update(round_.elected, round_.eliminated)
        elected += round_.elected
    expect("winners", count.winners, tuple(elected))
    expect("winners", len(elected), min(profile.seats, len(profile.options)))
    expect("tied", count.tied, _first_tied(count))


def _rest(round_: Round, votes: Votes, ties: TieKey) -> Round:
    """Return the last round, in which all who are left are elected."""
    falling = sorted(sorted(votes, key=ties), key=lambda option: -votes[option])
    return Round(round_.tally, elected=tuple(falling), exhausted=round_.exhausted)


def _step(round_: Round, votes: Votes, ties: TieKey, quota: Fraction) -> Round:
    """Return a round in which one is elected or drops."""
    reached = [option for option in votes if votes[option] >= quota]
    pool = reached or list(votes)
    extreme = max(votes[o] for o in pool) if reached else min(votes[o] for o in pool)
    tied = sorted((option for option in pool if votes[option] == extreme), key=ties)
    return Round(
        round_.tally,
        elected=(tied[0],) if reached else (),
        eliminated=() if reached else (tied[-1],),
        tied=tuple(sorted(tied)) if len(tied) > 1 else (),
        exhausted=round_.exhausted,
        value=str(1 - quota / extreme) if reached else "",
    )


def _check_rounds(
    profile: Profile, ties: TieKey, count: Count, books: Books, *, batch: bool
) -> None:
    expect_only(count, "rounds")
    left = frozenset(profile.options)
    for place, round_ in enumerate(count.rounds, start=1):
        firsts, lasts = books(profile, left)
        order = [option for option in profile.options if option in left]
        expect("rounds", numbers("rounds", round_.tally, order), firsts)
        expect("rounds", numbers("rounds", round_.last, order if lasts else ()), lasts)
        active = sum(firsts.values(), start=Fraction(0))
        expect("rounds", round_.exhausted, str(profile.weight - active))
        due = _due(round_, firsts, lasts, ties, batch=batch)
        expect("rounds", round_, due)
        is_last = place == len(count.rounds)
        if bool(round_.elected) != is_last:
            raise disproved("rounds", len(count.rounds), "rounds until there is a majority")
        left = left.difference(round_.eliminated)
    expect("winners", count.winners, count.rounds[-1].elected if count.rounds else None)
    first = _first_tied(count)
    possible = _under_some_ties(profile, frozenset(profile.options), books) if first else None
    tied = set(first) if possible is None else possible
    expect("tied", count.tied, tuple(sorted(tied)) if len(tied) > 1 else ())


def _due(round_: Round, firsts: Votes, lasts: Votes, ties: TieKey, *, batch: bool) -> Round:
    elected = _majority(firsts)
    if elected:
        return Round(round_.tally, (elected,), last=round_.last, exhausted=round_.exhausted)
    candidates = _candidates(firsts, lasts)
    together = _small_ones(firsts) if batch else ()
    out, tied = list(candidates), list[str]()
    if len(together) > 1:
        out = list(together)
    elif len(candidates) > 1 and (lasts or firsts[candidates[0]]):
        out, tied = sorted(candidates, key=ties)[-1:], list(candidates)
    return Round(
        round_.tally,
        eliminated=tuple(sorted(out)),
        tied=tuple(sorted(tied)),
        last=round_.last,
        exhausted=round_.exhausted,
    )


def _under_some_ties(profile: Profile, everybody: frozenset[str], books: Books) -> set[str] | None:
    """Return who wins under some order of the ties, round by round for all orders at once."""
    winners: set[str] = set()
    seen, now = {everybody}, {everybody}
    while now and len(seen) <= _SETS_MAX:
        after: set[frozenset[str]] = set()
        for left in now:
            firsts, lasts = books(profile, left)
            elected = _majority(firsts)
            if elected:
                winners.add(elected)
                continue
            candidates = _candidates(firsts, lasts)
            if lasts or firsts[candidates[0]]:
                after.update(left - {option} for option in candidates)
            else:
                after.add(left.difference(candidates))
        now = after - seen
        seen |= now
    return winners if len(seen) <= _SETS_MAX else None


def _majority(firsts: Votes) -> str:
    whole = sum(firsts.values(), start=Fraction(0))
    for option, votes in firsts.items():
        if votes > whole / 2 or len(firsts) == 1:
            return option
    return ""


def _candidates(firsts: Votes, lasts: Votes) -> list[str]:
    if lasts:
        most = max(lasts.values())
        return [option for option in lasts if lasts[option] == most]
    fewest = min(firsts.values())
    return [option for option in firsts if firsts[option] == fewest]


def _small_ones(firsts: Votes) -> tuple[str, ...]:
    """Return the largest set of options that together have less than any other one."""
    found: tuple[str, ...] = ()
    for bound in set(firsts.values()):
        below = tuple(option for option in firsts if firsts[option] < bound)
        if sum(firsts[o] for o in below) < bound and len(below) > len(found):
            found = below
    return found


def _first_tied(count: Count) -> tuple[str, ...]:
    return next((round_.tied for round_ in count.rounds if round_.tied), ())


def _choice(ballot: Ballot, left: frozenset[str] | set[str]) -> str:
    for group in ballot.ranking:
        if group[0] in left:
            return group[0]
    return ""


def _firsts(profile: Profile, left: frozenset[str]) -> tuple[Votes, Votes]:
    votes = {option: Fraction(0) for option in profile.options if option in left}
    for ballot in profile.ballots:
        choice = _choice(ballot, left)
        if choice:
            votes[choice] += ballot.weight
    return votes, {}


def _firsts_and_lasts(profile: Profile, left: frozenset[str]) -> tuple[Votes, Votes]:
    votes, _ = _firsts(profile, left)
    lasts = {option: Fraction(0) for option in votes}
    for ballot in profile.ballots:
        named = [group[0] for group in ballot.ranking if group[0] in left]
        if named:
            ends = left.difference(named) or {named[-1]}
            for option in ends:
                lasts[option] += Fraction(ballot.weight, len(ends))
    return votes, lasts
