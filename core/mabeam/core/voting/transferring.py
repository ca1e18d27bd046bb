"""Single transferable vote: several winners, in proportion to any solid coalition.

Droop's quota in whole weights, and Gregory's transfer of a surplus in exact fractions: when
somebody is elected, every ballot that supports them goes on with the same part of its value
(the weighted inclusive method). Whoever has k quotas of voters that put the same options
first gets k of these elected (Woodall, Properties of preferential election rules, Voting
Matters 3, 1994). Like all eliminations it can punish more support.

Ballots rank one option in each place. The digits of the fractions can double with every
seat, so seats are few.
"""

from __future__ import annotations

from fractions import Fraction

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.count import Count, Round, leading
from mabeam.core.voting.scoring import listed

__all__ = ["droop_quota", "single_transferable_vote"]


def droop_quota(weight: int, seats: int) -> int:
    """Return the least whole weight that not more can reach than there are seats."""
    return weight // (seats + 1) + 1


def single_transferable_vote(profile: Profile, ties: TieKey) -> Count:
    """Fill the seats, one step a round: elect who reached the quota, or drop the last.

    Of several who reached it the first is who has most, then by the ties. Of those tied for
    the fewest the last by the ties drops. When no more are left than seats, all are elected.
    """
    quota = Fraction(droop_quota(profile.weight, profile.seats))
    piles: list[tuple[tuple[str, ...], Fraction]] = [
        (tuple(group[0] for group in ranking), Fraction(weight))
        for ranking, weight in profile.grouped()
    ]
    left, elected = list(profile.options), list[str]()
    rounds: list[Round] = []
    while len(elected) < profile.seats and len(left) > profile.seats - len(elected):
        votes, exhausted = _votes(piles, left), _exhausted(piles, left)
        most = max(votes.values())
        wins = most >= quota
        extreme = most if wins else min(votes.values())
        tied = [option for option in left if votes[option] == extreme]
        chosen = min(tied, key=ties) if wins else max(tied, key=ties)
        value = (most - quota) / most if wins else Fraction(1)
        piles = [
            (ranking, value * worth if _supported(ranking, left) == chosen else worth)
            for ranking, worth in piles
        ]
        rounds.append(
            Round(
                listed(votes),
                elected=(chosen,) if wins else (),
                eliminated=() if wins else (chosen,),
                tied=leading(set(tied)),
                exhausted=str(exhausted),
                value=str(value) if wins else "",
            )
        )
        left.remove(chosen)
        elected += [chosen] if wins else []
    if len(elected) < profile.seats:
        votes = _votes(piles, left)
        rest = tuple(sorted(left, key=lambda option: (-votes[option], ties(option))))
        rounds.append(Round(listed(votes), elected=rest, exhausted=str(_exhausted(piles, left))))
        elected += rest
    return Count(
        winners=tuple(elected),
        tied=next((round_.tied for round_ in rounds if round_.tied), ()),
        rounds=tuple(rounds),
        level=str(quota),
    )


def _supported(ranking: tuple[str, ...], left: list[str]) -> str:
    return next((option for option in ranking if option in left), "")


def _votes(piles: list[tuple[tuple[str, ...], Fraction]], left: list[str]) -> dict[str, Fraction]:
    votes = dict.fromkeys(left, Fraction(0))
    for ranking, worth in piles:
        option = _supported(ranking, left)
        if option:
            votes[option] += worth
    return votes


def _exhausted(piles: list[tuple[tuple[str, ...], Fraction]], left: list[str]) -> Fraction:
    return sum((w for ranking, w in piles if not _supported(ranking, left)), start=Fraction(0))
