"""How a stranger checks the awards of several units: from their effects, not their making.

It uses none of the clearing rules. That the right amounts won is checked by comparing every
winner's least accepted amount with every refused one. A Vickrey payment is checked as what
the winner costs the others, by what they and the seller would have without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mabeam.core.auction.checks import disproved, prove
from mabeam.core.auction.events import MultiUnitAuctionDecided, UnitAward

__all__ = ["check_awards"]


def check_awards(
    decision: MultiUnitAuctionDecided, reserve: int, keys: Mapping[str, tuple[int, bytes]]
) -> None:
    """Check units, margins and payments of a decision whose bids are known to be right.

    Args:
        decision: What is to be checked.
        reserve: Least price of a unit.
        keys: By what equal amounts of each agent are ordered; the least comes first.

    Raises:
        Rejected: Something does not follow.
    """
    awards = decision.awards
    accepted = [a for one in awards for a in one.amounts[: one.units]]
    rejected = [a for one in awards for a in one.amounts[one.units :] if a >= reserve]
    for one in awards:
        if not 0 <= one.units <= len(one.amounts):
            raise disproved("awards", one, f"0 to {len(one.amounts)} units")
    _check_allotted(decision, accepted, rejected, reserve)
    _check_ties(awards, min(accepted), keys)
    prove(
        (
            ("lowest_accepted", decision.lowest_accepted, min(accepted)),
            ("highest_rejected", decision.highest_rejected, max(rejected, default=None)),
        )
    )
    price = _PAYMENTS[decision.rule.name, decision.rule.version]
    for one in awards:
        prove((("awards", one.pays, price(one, awards, decision.units, reserve)),))


def _check_allotted(
    decision: MultiUnitAuctionDecided,
    accepted: Sequence[int],
    rejected: Sequence[int],
    reserve: int,
) -> None:
    due = min(decision.units, len(accepted) + len(rejected))
    if len(accepted) != due or min(accepted) < max(reserve, *rejected, 0):
        raise disproved("awards", decision.awards, f"{due} units to the highest amounts")


def _check_ties(
    awards: Sequence[UnitAward], lowest: int, keys: Mapping[str, tuple[int, bytes]]
) -> None:
    """Check that nobody before an agent in the order of ties was refused what that one won."""
    won = [one.agent for one in awards if lowest in one.amounts[: one.units]]
    refused = [one.agent for one in awards if lowest in one.amounts[one.units :]]
    for winner in won:
        for loser in refused:
            if winner != loser and keys[loser] < keys[winner]:
                raise disproved("awards", winner, f"{loser} first, ties as declared")


def _as_bid(one: UnitAward, _awards: Sequence[UnitAward], _units: int, _reserve: int) -> int:
    return sum(one.amounts[: one.units])


def _at_one_price(one: UnitAward, awards: Sequence[UnitAward], _units: int, reserve: int) -> int:
    refused = (a for other in awards for a in other.amounts[other.units :])
    return one.units * max(reserve, *refused, 0)


def _as_harm(one: UnitAward, awards: Sequence[UnitAward], units: int, reserve: int) -> int:
    """Return by how much others and seller, who keeps units at the reserve, are worse off."""
    others = [other for other in awards if other.agent != one.agent]
    have = sum(sum(other.amounts[: other.units]) for other in others)
    kept = units - sum(other.units for other in awards)
    could = sorted((a for other in others for a in other.amounts), reverse=True)
    best = [a for a in could if a >= reserve][:units]
    return sum(best) + reserve * (units - len(best)) - have - reserve * kept


_PAYMENTS: Final[
    dict[tuple[str, int], Callable[[UnitAward, Sequence[UnitAward], int, int], int]]
] = {
    ("discriminatory", 1): _as_bid,
    ("uniform", 1): _at_one_price,
    ("vickrey", 1): _as_harm,
}
