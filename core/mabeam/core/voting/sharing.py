"""The method of equal shares: a committee that is just to every group that agrees.

Each voter gets an equal part of the seats' price, and options are bought by those who
approve them, the one first for which its buyers pay least each. Every group that is large
enough for l seats, and has l approved options in common, has a member with l elected
options: extended justified representation (Peters and Skowron, Proportionality and the
limits of welfarism, EC 2020; Lackner and Skowron, Multi-Winner Voting with Approval
Preferences, Springer 2023). Seats that cannot be bought so are filled by Phragmén's
sequential rule from what is left: all voters earn evenly until somebody can be bought.

An approval ballot is its first group. A voter of weight w counts as w voters. The work grows
with seats times options times ballots, and the digits of the fractions with the seats.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from mabeam.core.voting.ballots import Profile, TieKey
from mabeam.core.voting.count import Count, Round, leading
from mabeam.core.voting.scoring import first_groups, listed

__all__ = ["equal_shares"]


def equal_shares(profile: Profile, ties: TieKey) -> Count:
    """Fill the seats; all of them, if there are as many options."""
    # Ballots that approve the same have the same budget at all times, so they are one buyer.
    weights: dict[frozenset[str], int] = {}
    for ballot in profile.ballots:
        approved = frozenset(ballot.ranking[0])
        weights[approved] = weights.get(approved, 0) + ballot.weight
    share = Fraction(profile.seats, profile.weight)
    budgets = dict.fromkeys(weights, share)
    left, rounds = list(profile.options), list[Round]()
    supported, earning = first_groups(profile), False
    while left and len(rounds) < profile.seats:
        buyers = {option: [b for b in budgets if option in b] for option in left}
        prices = {option: _price(budgets, weights, buyers[option]) for option in left}
        affordable = {option: price for option, price in prices.items() if price is not None}
        # Once nobody can be bought, all earn: what is bought after that is bought by waiting.
        earning = earning or not affordable
        if not earning:
            tied, price = _cheapest(affordable)
            chosen = min(tied, key=ties)
            for buyer in buyers[chosen]:
                budgets[buyer] -= min(budgets[buyer], price)
        else:
            waits = {
                option: _wait(budgets, weights, buyers[option])
                for option in left
                if supported[option]
            }
            tied, price = _cheapest(waits) if waits else (left, Fraction(0))
            chosen = min(tied, key=ties)
            budgets = {buyer: budget + price for buyer, budget in budgets.items()}
            budgets.update(dict.fromkeys(buyers[chosen], Fraction(0)))
        rounds.append(
            Round(
                listed({option: supported[option] for option in left}),
                elected=(chosen,),
                tied=leading(set(tied)),
                value=f"+{price}" if earning else str(price),
            )
        )
        left.remove(chosen)
    return Count(
        winners=tuple(round_.elected[0] for round_ in rounds),
        tied=next((round_.tied for round_ in rounds if round_.tied), ()),
        rounds=tuple(rounds),
        level=str(share),
    )


def _price(
    budgets: Mapping[frozenset[str], Fraction],
    weights: Mapping[frozenset[str], int],
    buyers: list[frozenset[str]],
) -> Fraction | None:
    """Return what each buyer pays for an option at most, or None if they cannot."""
    due, weight = Fraction(1), sum(weights[buyer] for buyer in buyers)
    for buyer in sorted(buyers, key=lambda one: budgets[one]):
        if budgets[buyer] * weight >= due:
            return due / weight
        due -= budgets[buyer] * weights[buyer]
        weight -= weights[buyer]
    return None


def _wait(
    budgets: Mapping[frozenset[str], Fraction],
    weights: Mapping[frozenset[str], int],
    buyers: list[frozenset[str]],
) -> Fraction:
    """Return what each voter must earn until an option can be bought."""
    held = sum((budgets[buyer] * weights[buyer] for buyer in buyers), start=Fraction(0))
    return (1 - held) / sum(weights[buyer] for buyer in buyers)


def _cheapest(prices: Mapping[str, Fraction]) -> tuple[list[str], Fraction]:
    least = min(prices.values())
    return [option for option, price in prices.items() if price == least], least
