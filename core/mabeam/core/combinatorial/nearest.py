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


def _rows(
    start: Sequence[int], caps: Sequence[int], demands: Iterable[Demand]
) -> list[tuple[list[int], int]]:
    """Return coefficients and least value of each condition."""
    count = len(start)
    unit = [[int(i == j) for j in range(count)] for i in range(count)]
    rows = [(unit[i], start[i]) for i in range(count)]
    rows += [([-one for one in unit[i]], -caps[i]) for i in range(count)]
    rows += [([int(i in one.payers) for i in range(count)], one.least) for one in demands]
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
    return Nearest(tuple(near for _, near in method.point), tuple(weights))


class _Method:
    """The dual active set: a point, the conditions that hold it, and their multipliers."""

    def __init__(self, start: Sequence[int], rows: list[tuple[list[int], int]]) -> None:
        self.point: list[Pair] = [(Fraction(-1), Fraction(one)) for one in start]
        self.active: list[int] = []
        self.weights: list[Pair] = []
        self._rows = rows

    def slack(self, row: int) -> Pair:
        """Return by how much a condition is met."""
        normal, least = self._rows[row]
        far = sum((c * p[0] for c, p in zip(normal, self.point, strict=True)), Fraction(0))
        near = sum((c * p[1] for c, p in zip(normal, self.point, strict=True)), Fraction(0))
        return far, near - least

    def add(self, row: int) -> bool:
        """Let the point meet one more condition; tell whether it can."""
        normal = self._rows[row][0]
        weight = _NIL
        while True:
            shares = self._shares(normal)
            step = self._step(normal, shares)
            length = sum((one * one for one in step), Fraction(0))
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
            if length:
                self.point = [
                    _plus(one, _scaled(taken, move))
                    for one, move in zip(self.point, step, strict=True)
                ]
            if taken == full:
                self.active.append(row)
                self.weights.append(weight)
                return True
            del self.active[place], self.weights[place]

    def _shares(self, normal: list[int]) -> list[Fraction]:
        """Return the combination of the active normals that is nearest to another."""
        normals = [self._rows[row][0] for row in self.active]
        matrix = [
            [Fraction(_dot(one, other)) for other in normals] + [Fraction(_dot(one, normal))]
            for one in normals
        ]
        return _solved(matrix)

    def _step(self, normal: list[int], shares: list[Fraction]) -> list[Fraction]:
        step = [Fraction(one) for one in normal]
        for row, share in zip(self.active, shares, strict=True):
            if share:
                for index, one in enumerate(self._rows[row][0]):
                    step[index] -= share * one
        return step


def _dot(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(map(int.__mul__, one, other))


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
    for (normal, least), weight in zip(rows, claimed.weights, strict=True):
        slack = sum(
            (c * p for c, p in zip(normal, claimed.payments, strict=True)), Fraction(-least)
        )
        if slack < 0:
            return f"a condition is missed by {-slack}"
        if weight < _NIL or (slack and weight != _NIL):
            return "a weight is negative, or stands at a condition that does not bind"
        for index, coefficient in enumerate(normal):
            sums[index][0] += coefficient * weight[0]
            sums[index][1] += coefficient * weight[1]
    due = [[Fraction(1), p - s] for p, s in zip(claimed.payments, start, strict=True)]
    return "" if sums == due else "the weights do not balance"
