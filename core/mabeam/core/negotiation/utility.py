"""What outcomes are worth to a party: linear-additive utilities, exactly.

The worth of an outcome is the sum over its issues of the issue's weight times the worth of
its value there. Of a range, the worth is stated at both ends and linear between them.
Ralph Keeney and Howard Raiffa, Decisions with Multiple Objectives, Wiley 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final

import msgspec

from mabeam.core.checking import check_within, plain
from mabeam.core.errors import Rejected
from mabeam.core.negotiation.space import Issue, OptionsIssue, Outcome, values_of

__all__ = ["Evaluation", "Table", "check_evaluations", "table", "utility"]

_CODE: Final = "negotiation.utility"
_ENDS: Final = 2


class Evaluation(msgspec.Struct, frozen=True):
    """What an issue is worth to a party.

    Attributes:
        weight: How much the issue matters, 0 or more.
        values: Worth of each option in their order; of a range, worth at its low and high end.
    """

    weight: Decimal
    values: tuple[Decimal, ...]


class Table(msgspec.Struct, frozen=True):
    """The worth of all outcomes, in their order, in whole numbers.

    Attributes:
        scale: How many of them make 1.
        units: Worth of each outcome times the scale.
    """

    scale: int
    units: tuple[int, ...]


def check_evaluations(issues: Sequence[Issue], evaluations: Sequence[Evaluation]) -> None:
    """Refuse utilities that do not fit the issues.

    Raises:
        Rejected: One is missing or too many, or is no number to reckon with.
    """
    _all_worths(issues, evaluations)


def utility(
    issues: Sequence[Issue], evaluations: Sequence[Evaluation], outcome: Outcome
) -> Fraction:
    """Return what one outcome is worth.

    Raises:
        Rejected: The evaluations do not fit the issues.
    """
    return sum(
        (
            worths[values_of(issue).index(value)]
            for issue, worths, value in zip(
                issues, _all_worths(issues, evaluations), outcome, strict=True
            )
        ),
        Fraction(0),
    )


def _all_worths(
    issues: Sequence[Issue], evaluations: Sequence[Evaluation]
) -> list[tuple[Fraction, ...]]:
    check_within(_CODE, "evaluations", len(evaluations), len(issues), len(issues))
    return [_worths(issue, one) for issue, one in zip(issues, evaluations, strict=True)]


@lru_cache(maxsize=256)
def _worths(issue: Issue, evaluation: Evaluation) -> tuple[Fraction, ...]:
    """Return the worth of each value of an issue.

    Raises:
        Rejected: The evaluation does not fit the issue.
    """
    wanted = len(issue.options) if isinstance(issue, OptionsIssue) else _ENDS
    check_within(_CODE, f"values of {issue.name}", len(evaluation.values), wanted, wanted)
    weight = plain(_CODE, f"weight of {issue.name}", evaluation.weight)
    if weight < 0:
        raise Rejected(
            _CODE, "a weight below 0", field=issue.name, value=evaluation.weight, allowed="0 up"
        )
    values = tuple(plain(_CODE, f"value of {issue.name}", value) for value in evaluation.values)
    if isinstance(issue, OptionsIssue):
        return tuple(weight * value for value in values)
    low, high = values
    steps = len(values_of(issue)) - 1
    rise = (high - low) / steps if steps else Fraction(0)
    return tuple(weight * (low + rise * number) for number in range(steps + 1))


@lru_cache(maxsize=16)
def table(issues: tuple[Issue, ...], evaluations: tuple[Evaluation, ...]) -> Table:
    """Return what every outcome is worth. The work grows with the number of outcomes.

    Raises:
        Rejected: The evaluations do not fit the issues.
    """
    worths = _all_worths(issues, evaluations)
    scale = lcm(*(worth.denominator for issue in worths for worth in issue))
    units = [0]
    for issue in worths:
        steps = [worth.numerator * (scale // worth.denominator) for worth in issue]
        units = [unit + step for unit in units for step in steps]
    return Table(scale, tuple(units))
