"""The core payments of least revenue that are nearest to a point, exactly, with their proof.

The point of a polyhedron that minimises a sum first and a distance second is the projection
of a point infinitely far down the sum's direction. It is found by the dual method of
D. Goldfarb and A. Idnani (Mathematical Programming 27, 1983) in fractions; what is infinite
is carried along as a pair whose first part counts more. The multipliers that the method ends
with prove the result: `objection_to_payments` checks them by additions alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias

import msgspec

__all__ = ["Demand", "Nearest", "nearest", "objection_to_payments"]

Pair: TypeAlias = tuple[Fraction, Fraction]
_NIL: Final = (Fraction(0), Fraction(0))


class Demand(msgspec.Struct, frozen=True, gc=False):
    """What some must pay together, lest others do better without them.

    Attributes:
        payers: Who pays, by number.
        least: How much they pay together at least.
    """

    payers: tuple[int, ...]
    least: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """Payments and what proves them.

    Attributes:
        payments: What each pays.
        weights: Two multipliers of each condition: those at the start, the caps, the demands,
            in this order. The first proves that no less can be raised, the second that nothing
            of equal revenue is nearer.
    """

    payments: tuple[Fraction, ...]
    weights: tuple[Pair, ...]


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A condition: what some pay together, times a sign, is not below a number."""

    payers: tuple[int, ...]
    sign: int
    least: int

    def total(self, payments: Sequence[Fraction]) -> Fraction:
        """Return what they pay together, times the sign."""
        return self.sign * sum((payments[payer] for payer in self.payers), Fraction(0))


def _rows(start: Sequence[int], caps: Sequence[int], demands: Iterable[Demand]) -> list[_Row]:
    """Return all conditions: those of the start first, then the caps, then the demands."""
    rows = [_Row((payer,), 1, one) for payer, one in enumerate(start)]
    rows += [_Row((payer,), -1, -one) for payer, one in enumerate(caps)]
    rows += [_Row(one.payers, 1, one.least) for one in demands]
    return rows


def nearest(start: Sequence[int], caps: Sequence[int], demands: Sequence[Demand]) -> Nearest | None:
    """Return payments between start and caps that meet all demands: least in sum, then nearest.

    Args:
        start: What each pays at least, and the point to be near to.
        caps: What each pays at most.
        demands: What groups pay together.

    Returns:
        None if nothing meets all demands.
    """
    rows = _rows(start, caps, demands)
    method = _Method(start, rows)
    # Each condition that is added moves the point away for good, so this ends.
    while rows and method.slack(worst := min(range(len(rows)), key=method.slack)) < _NIL:
        if not method.add(worst):
            return None
    weights = [_NIL] * len(rows)
    for row, weight in zip(method.active, method.weights, strict=True):
        weights[row] = weight
    return Nearest(tuple(method.near), tuple(weights))


class _Method:
    """The dual active set: a point, the conditions that hold it, and their multipliers.

    It starts where everybody pays the least, each held there by the infinite pull downward.
    """

    def __init__(self, start: Sequence[int], rows: list[_Row]) -> None:
        self.far = [Fraction(0)] * len(start)
        self.near = [Fraction(one) for one in start]
        self.active = list(range(len(start)))
        self.weights: list[Pair] = [(Fraction(1), Fraction(0))] * len(start)
        self._rows = rows

    def slack(self, row: int) -> Pair:
        """Return by how much a condition is met."""
        one = self._rows[row]
        return one.total(self.far), one.total(self.near) - one.least

    def add(self, row: int) -> bool:
        """Let the point meet one more condition; tell whether it can."""
        weight = _NIL
        while True:
            shares, step = self._direction(self._rows[row])
            length = sum((one * one for one in step.values()), Fraction(0))
            bounds = [
                (_scaled(self.weights[place], 1 / share), place)
                for place, share in enumerate(shares)
                if share > 0
            ]
            short, place = min(bounds, default=(None, -1))
            full = _scaled(self.slack(row), -1 / length) if length else None
            if full is None and short is None:
                return False
            taken = min(one for one in (short, full) if one is not None)
            for index, share in enumerate(shares):
                self.weights[index] = _plus(self.weights[index], _scaled(taken, -share))
            weight = _plus(weight, taken)
            for payer, move in step.items():
                self.far[payer] += taken[0] * move
                self.near[payer] += taken[1] * move
            if taken == full:
                self.active.append(row)
                self.weights.append(weight)
                return True
            del self.active[place], self.weights[place]

    def _direction(self, row: _Row) -> tuple[list[Fraction], dict[int, Fraction]]:
        """Return the combination of active conditions nearest to another, and what it leaves.

        Who is held by a condition of its own cannot move, so only the conditions on several are
        solved for, among those who can.
        """
        active = [(self._rows[one], one < 2 * len(self.near)) for one in self.active]
        held = {one.payers[0] for one, is_single in active if is_single}
        joint = [one for one, is_single in active if not is_single]
        free = [set(one.payers) - held for one in joint]
        aim = set(row.payers) - held
        solved = _solved(
            [
                [Fraction(len(one & other)) for other in free]
                + [Fraction(row.sign * len(one & aim))]
                for one in free
            ]
        )
        step = dict.fromkeys(row.payers, Fraction(row.sign))
        for one, share in zip(joint, solved, strict=True):
            for payer in one.payers:
                step[payer] = step.get(payer, Fraction(0)) - share
        shares_of_joint = iter(solved)
        shares = [
            one.sign * step.pop(one.payers[0], Fraction(0)) if is_single else next(shares_of_joint)
            for one, is_single in active
        ]
        return shares, step


def _scaled(pair: Pair, factor: Fraction) -> Pair:
    return pair[0] * factor, pair[1] * factor


def _plus(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]


def _solved(matrix: list[list[Fraction]]) -> list[Fraction]:
    """Solve a positive definite system that is given with its right side as last column."""
    size = len(matrix)
    for column in range(size):
        head = matrix[column]
        inverse = 1 / head[column]
        head[:] = [one * inverse for one in head]
        for row, line in enumerate(matrix):
            factor = line[column]
            if row != column and factor:
                line[:] = [one - factor * other for one, other in zip(line, head, strict=True)]
    return [line[-1] for line in matrix]


def objection_to_payments(
    start: Sequence[int], caps: Sequence[int], demands: Sequence[Demand], claimed: Nearest
) -> str:
    """Return why payments are not what `nearest` promises, or an empty text.

    Feasible payments p are the ones if there are weights (a, b) of the conditions, none below
    (0, 0) in lexicographic order, and other than that only where a condition is met exactly,
    such that the conditions weighted by a sum to 1 for each payer and weighted by b to p minus
    start: the conditions of Karush, Kuhn and Tucker of both stages, which suffice.
    """
    rows = _rows(start, caps, demands)
    if len(claimed.payments) != len(start) or len(claimed.weights) != len(rows):
        return "payments or weights are missing"
    sums = [[Fraction(0), Fraction(0)] for _ in start]
    for row, weight in zip(rows, claimed.weights, strict=True):
        slack = row.total(claimed.payments) - row.least
        if slack < 0:
            return f"a condition is missed by {-slack}"
        if weight < _NIL or (slack and weight != _NIL):
            return "a weight is negative, or stands at a condition that does not bind"
        for payer in row.payers:
            sums[payer][0] += row.sign * weight[0]
            sums[payer][1] += row.sign * weight[1]
    due = [[Fraction(1), p - s] for p, s in zip(claimed.payments, start, strict=True)]
    return "" if sums == due else "the weights do not balance"
