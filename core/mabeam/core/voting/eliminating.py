"""Rules that drop options round by round: instant runoff and Coombs.

In each round every ballot supports the best option of its ranking that is still in the
race. Who has more than half of the weight that supports anybody is elected; else an option
is dropped: in instant runoff (Ware's method, the alternative vote) one that fewest support,
in Coombs' rule one that most rank last. Neither elects every Condorcet winner, and in both
more support can hurt (Zwicker 2016, section 2.4).

Ballots rank one option in each place. Options that a ballot leaves out share its last place
evenly. The work is linear in rounds times different ballots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, TypeAlias

import msgspec

from mabeam.core.voting.ballots import Profile, Ranking, TieKey
from mabeam.core.voting.count import Count, Round, leading
from mabeam.core.voting.scoring import listed

__all__ = ["SETS_MAX", "coombs", "coombs_winners", "instant_runoff", "instant_runoff_winners"]

SETS_MAX: Final = 256
"""How many sets of remaining options are looked at to find all that win under some ties."""

Grouped: TypeAlias = tuple[tuple[Ranking, int], ...]


class Standings(msgspec.Struct, frozen=True):
    """How the race stands.

    Attributes:
        votes: The weight that supports each option still in the race.
        last: The weight that has each last, where the rule looks at that.
        active: The weight that supports anybody.
    """

    votes: dict[str, int]
    last: dict[str, Fraction]
    active: int

    @property
    def majority(self) -> str:
        """The option with more than half of the active weight, or the only one left."""
        return next(
            (o for o, v in self.votes.items() if 2 * v > self.active or len(self.votes) == 1), ""
        )


Look: TypeAlias = Callable[[Grouped, Iterable[str]], Standings]
Worst: TypeAlias = Callable[[Standings], list[str]]


def instant_runoff(profile: Profile, ties: TieKey, *, batch: bool = False) -> Count:
    """Elect by instant runoff.

    Args:
        profile: What is counted.
        ties: Orders tied options: of those tied for the fewest votes the last one drops.
        batch: Whether options that together have less than the next one drop at once. It
            saves rounds and changes no winner.
    """
    return _in_rounds(profile, ties, _look, _fewest, batch=batch)


def instant_runoff_winners(profile: Profile) -> tuple[str, ...] | None:
    """Return all that instant runoff elects under some order of the ties.

    None if more than `SETS_MAX` sets of remaining options would have to be looked at.
    """
    return _under_some_ties(profile, _look, _fewest)


def coombs(profile: Profile, ties: TieKey) -> Count:
    """Elect by Coombs' rule."""
    return _in_rounds(profile, ties, _look_at_both_ends, _most_last, batch=False)


def coombs_winners(profile: Profile) -> tuple[str, ...] | None:
    """Return all that Coombs' rule elects under some order of the ties, or None."""
    return _under_some_ties(profile, _look_at_both_ends, _most_last)


def _in_rounds(profile: Profile, ties: TieKey, look: Look, worst: Worst, *, batch: bool) -> Count:
    grouped, whole = profile.grouped(), profile.weight
    left = list(profile.options)
    rounds: list[Round] = []
    first_tie: list[str] = []
    while True:
        race = look(grouped, left)
        round_ = Round(
            listed(race.votes),
            last=listed(race.last),
            exhausted=str(whole - race.active),
        )
        if race.majority:
            rounds.append(msgspec.structs.replace(round_, elected=(race.majority,)))
            break
        candidates = worst(race)
        out, tied = candidates, list[str]()
        if batch and len(found := _batch(race.votes)) > 1:
            out = found
        elif len(candidates) > 1 and _matters(race, candidates):
            out, tied = [max(candidates, key=ties)], candidates
        first_tie = first_tie or tied
        rounds.append(
            msgspec.structs.replace(round_, eliminated=tuple(sorted(out)), tied=leading(set(tied)))
        )
        left = [option for option in left if option not in out]
    possible = _under_some_ties(profile, look, worst) if first_tie else ()
    tied_for_all = leading(set(first_tie if possible is None else possible))
    return Count(winners=rounds[-1].elected, tied=tied_for_all, rounds=tuple(rounds))


def _under_some_ties(profile: Profile, look: Look, worst: Worst) -> tuple[str, ...] | None:
    grouped = profile.grouped()
    waiting = [frozenset(profile.options)]
    seen = set(waiting)
    found: set[str] = set()
    while waiting:
        left = waiting.pop()
        race = look(grouped, [option for option in profile.options if option in left])
        if race.majority:
            found.add(race.majority)
            continue
        candidates = worst(race)
        outs = [[one] for one in candidates] if _matters(race, candidates) else [candidates]
        for after in (left.difference(out) for out in outs):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
        if len(seen) > SETS_MAX:
            return None
    return tuple(sorted(found))


def _matters(race: Standings, candidates: list[str]) -> bool:
    # Whom nobody supports can all drop at once: nothing goes on from them to anybody.
    return bool(race.last) or any(race.votes[option] for option in candidates)


def _look(grouped: Grouped, left: Iterable[str]) -> Standings:
    votes = dict.fromkeys(left, 0)
    active = 0
    for ranking, weight in grouped:
        for group in ranking:
            if group[0] in votes:
                votes[group[0]] += weight
                active += weight
                break
    return Standings(votes, {}, active)


def _look_at_both_ends(grouped: Grouped, left: Iterable[str]) -> Standings:
    race = _look(grouped, left)
    # Whole weights by how many options share them, because fractions are slow to add.
    shared: dict[int, dict[str, int]] = {}
    for ranking, weight in grouped:
        ranked = [group[0] for group in ranking if group[0] in race.votes]
        if not ranked:
            continue
        unnamed = race.votes.keys() - ranked or ranked[-1:]
        weights = shared.setdefault(len(unnamed), {})
        for option in unnamed:
            weights[option] = weights.get(option, 0) + weight
    last = {
        option: sum(
            (Fraction(weights.get(option, 0), size) for size, weights in shared.items()),
            start=Fraction(0),
        )
        for option in race.votes
    }
    return msgspec.structs.replace(race, last=last)


def _fewest(race: Standings) -> list[str]:
    least = min(race.votes.values())
    return [option for option, votes in race.votes.items() if votes == least]


def _most_last(race: Standings) -> list[str]:
    most = max(race.last.values())
    return [option for option, votes in race.last.items() if votes == most]


def _batch(votes: dict[str, int]) -> list[str]:
    """Return the most options that together have less than the next one."""
    rising = sorted(votes, key=lambda option: (votes[option], option))
    sure, together = 0, 0
    for place, option in enumerate(rising):
        if together < votes[option]:
            sure = place
        together += votes[option]
    return rising[:sure]
