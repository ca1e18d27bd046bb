"""Bargaining solutions over a finite set of outcomes: pure functions that know no events.

Each party's worth of each outcome is a whole number (or an exact fraction) on a scale that
they share where the solution compares parties. The disagreement point is what each gets
without an agreement; only outcomes that give nobody less are rational.

- *Nash*: the product of the gains is greatest. Symmetric, independent of the scale of each
  party and of irrelevant alternatives. John Nash, The Bargaining Problem, Econometrica 18
  (1950).
- *Kalai* (egalitarian): the least gain is greatest, then the second least and so on. It
  depends on the scales. Ehud Kalai, Proportional Solutions to Bargaining Situations,
  Econometrica 45 (1977).
- *Kalai-Smorodinsky*: the same for the gains over the greatest gain that each could have.
  Ehud Kalai and Meir Smorodinsky, Other Solutions to Nash's Bargaining Problem,
  Econometrica 43 (1975).
- *Greatest welfare*: the sum of the gains is greatest.

All are efficient: no outcome is better for one and worse for none. A party that gains
nothing in any rational outcome is left out of products and comparisons. Where no outcome
gives all others a gain at once, the product is 0 throughout and the sum of gains decides.
On finite sets several outcomes may be equally good: all of them are returned. The work grows
with outcomes times parties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Final, TypeAlias

import msgspec

__all__ = ["CONCEPTS", "Number", "Point", "Solution", "pareto", "rational", "solve"]

Number: TypeAlias = int | Fraction
Point: TypeAlias = Sequence[Number]
Concept: TypeAlias = Callable[[Sequence[Number], Sequence[Number]], tuple[Number, ...]]

_PAIR: Final = 2


class Solution(msgspec.Struct, frozen=True):
    """What a solution concept finds.

    Attributes:
        best: Numbers of the outcomes that are equally best, ascending; none if no outcome
            is rational.
        criterion: What is greatest there, the first part first.
        ideal: The greatest gain of each party over the rational outcomes.
        rational_count: How many outcomes are rational.
    """

    best: tuple[int, ...]
    criterion: tuple[Number, ...]
    ideal: tuple[Number, ...]
    rational_count: int


def rational(points: Sequence[Point], disagreement: Point) -> tuple[int, ...]:
    """Return the numbers of the outcomes that give no party less than no agreement."""
    return tuple(
        number
        for number, point in enumerate(points)
        if all(worth >= least for worth, least in zip(point, disagreement, strict=True))
    )


def solve(concept: str, points: Sequence[Point], disagreement: Point) -> Solution:
    """Find the best outcomes.

    Args:
        concept: One of `CONCEPTS`.
        points: What each outcome is worth to each party.
        disagreement: What each party has without an agreement.
    """
    numbers = rational(points, disagreement)
    if not numbers:
        return Solution((), (), (), 0)
    gains = {
        number: tuple(w - d for w, d in zip(points[number], disagreement, strict=True))
        for number in numbers
    }
    ideal = tuple(map(max, zip(*gains.values(), strict=True)))
    key = CONCEPTS[concept]
    keys = {number: key(gain, ideal) for number, gain in gains.items()}
    best = max(keys.values())
    return Solution(
        tuple(number for number in numbers if keys[number] == best), best, ideal, len(numbers)
    )


def _nash(gains: Sequence[Number], ideal: Sequence[Number]) -> tuple[Number, ...]:
    product = prod(g for g, most in zip(gains, ideal, strict=True) if most)
    # The sum must not break ties of products, or the scales would matter.
    return (product,) if product else (0, sum(gains))


def _kalai(gains: Sequence[Number], ideal: Sequence[Number]) -> tuple[Number, ...]:
    return tuple(sorted(g for g, most in zip(gains, ideal, strict=True) if most))


def _kalai_smorodinsky(gains: Sequence[Number], ideal: Sequence[Number]) -> tuple[Number, ...]:
    return tuple(
        sorted(Fraction(g) / Fraction(most) for g, most in zip(gains, ideal, strict=True) if most)
    )


def _max_welfare(gains: Sequence[Number], ideal: Sequence[Number]) -> tuple[Number, ...]:  # noqa: ARG001 - one signature for all
    return (sum(gains),)


CONCEPTS: Final[dict[str, Concept]] = {
    "nash": _nash,
    "kalai": _kalai,
    "kalai_smorodinsky": _kalai_smorodinsky,
    "max_welfare": _max_welfare,
}
"""What each solution makes as great as possible, of the gains and the greatest gains."""


def pareto(points: Sequence[Point]) -> tuple[int, ...]:
    """Return the numbers of the outcomes that none dominates, ascending.

    One outcome dominates another if it is better for one party and worse for none. The work
    grows with n log n for two parties, else with outcomes times efficient outcomes.
    """
    order = sorted(range(len(points)), key=lambda number: tuple(points[number]), reverse=True)
    kept: list[int] = []
    for number in order:
        point = points[number]
        # Of two parties, whoever comes later in this order is worse for the first of them.
        rivals = kept[-1:] if len(point) == _PAIR else kept
        if not any(_dominates(points[rival], point) for rival in rivals):
            kept.append(number)
    return tuple(sorted(kept))


def _dominates(one: Point, other: Point) -> bool:
    return tuple(one) != tuple(other) and all(a >= b for a, b in zip(one, other, strict=True))
