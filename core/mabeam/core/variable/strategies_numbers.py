"""Strategies for numbers: mean, median, and the choice between them.

All are exact, and moved to the nearest allowed value at the end. One proposer can drag a mean
anywhere within the range; a median stays among the values of the majority (Huber and
Ronchetti, "Robust Statistics", 2nd edition, section 1.3: their breakdown points are 0 and 1/2).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from mabeam.core.numbers import weighted_mean
from mabeam.core.variable.events import Candidate
from mabeam.core.variable.strategies import (
    STRATEGIES,
    NoParameters,
    Resolution,
    WeightParameters,
    latest,
    number_of,
    unsuitable,
)
from mabeam.core.variable.types import FloatType, IntegerType, VariableType, nearest

__all__ = ["by_compromise", "by_mean", "by_median", "median"]

CLOSE: Final = Fraction(1, 10)
"""Below this range values are so close that weights would be pedantry."""

SCATTERED: Final = Fraction(1, 2)
"""Above this variance values are so far apart that one of them may be no good."""

Numbers: TypeAlias = Literal["mean", "median", "weighted mean"]


def median(numbers: Sequence[Fraction]) -> Fraction:
    """Return the middle number, or the mean of the two in the middle; O(n log n)."""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


@STRATEGIES.register("mean", 1, NoParameters)
def by_mean(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    conflict: str,  # noqa: ARG001 - nothing is tied
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the arithmetic mean of the proposers' latest numbers."""
    numeric = _numeric("mean", type_)
    numbers = [number_of(c) for c in latest(candidates)]
    return _resolution(numeric, "mean", weighted_mean((1, n) for n in numbers), candidates)


@STRATEGIES.register("median", 1, NoParameters)
def by_median(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    conflict: str,  # noqa: ARG001 - nothing is tied
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the median of the proposers' latest numbers."""
    numeric = _numeric("median", type_)
    return _resolution(
        numeric, "median", median([number_of(c) for c in latest(candidates)]), candidates
    )


@STRATEGIES.register("compromise", 1, WeightParameters)
def by_compromise(
    parameters: WeightParameters,
    conflict: str,  # noqa: ARG001 - nothing is tied
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the mean of close numbers, the median of scattered ones, else the weighted mean.

    Close are numbers with a range below 0.1, scattered those with a population variance
    above 0.5.
    """
    numeric = _numeric("compromise", type_)
    words = latest(candidates)
    numbers = [number_of(c) for c in words]
    mean = weighted_mean((1, n) for n in numbers)
    variance = sum(((n - mean) ** 2 for n in numbers), Fraction(0)) / len(numbers)
    if max(numbers) - min(numbers) < CLOSE:
        return _resolution(numeric, "mean", mean, candidates)
    if variance > SCATTERED:
        return _resolution(numeric, "median", median(numbers), candidates)
    weighted = weighted_mean((parameters.weights.get(c.by, 1), number_of(c)) for c in words)
    return _resolution(numeric, "weighted mean", weighted, candidates)


def _numeric(strategy: str, type_: VariableType) -> FloatType | IntegerType:
    if not isinstance(type_, FloatType | IntegerType):
        raise unsuitable(strategy, type_)
    return type_


def _resolution(
    type_: FloatType | IntegerType, of: Numbers, number: Fraction, candidates: Sequence[Candidate]
) -> Resolution:
    value = nearest(type_, number)
    listed = ", ".join(str(c.value) for c in latest(candidates))
    return Resolution(value, "", f"{of} of {listed} = {number}, nearest allowed {value}")
