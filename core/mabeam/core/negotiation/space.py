"""What is negotiated about: issues, and the outcomes that they span.

An outcome has one value for each issue, as text, in the order of the issues. The outcomes
themselves have an order too, that of counting with the last issue as the lowest digit, so
each has a number and the n-th is found without listing the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import product
from math import prod
from typing import Final, TypeAlias

import msgspec

from mabeam.core.checking import check_text, check_within, plain
from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact, on_grid, to_decimal

__all__ = [
    "ISSUES_MAX",
    "OUTCOMES_MAX",
    "TEXT_LENGTH_MAX",
    "Issue",
    "OptionsIssue",
    "Outcome",
    "RangeIssue",
    "as_value",
    "check_issues",
    "normal",
    "number_of",
    "outcome_at",
    "outcomes",
    "values_of",
]

ISSUES_MAX: Final = 20
OUTCOMES_MAX: Final = 100_000
TEXT_LENGTH_MAX: Final = 100
_CODE: Final = "negotiation.issues"
_PLACES: Final = 30
_LISTED_MAX: Final = 10

Outcome: TypeAlias = tuple[str, ...]


class OptionsIssue(msgspec.Struct, frozen=True, tag="options"):
    """Something to choose from.

    Attributes:
        name: What it is about.
        options: At least one, each another.
    """

    name: str
    options: tuple[str, ...]


class RangeIssue(msgspec.Struct, frozen=True, tag="range"):
    """A number in a range, on a grid.

    Attributes:
        name: What it is about.
        low: Least value.
        high: Greatest value, a whole number of steps above the least.
        step: Above 0.
    """

    name: str
    low: Decimal
    high: Decimal
    step: Decimal


Issue: TypeAlias = OptionsIssue | RangeIssue


def check_issues(issues: Sequence[Issue]) -> None:
    """Refuse issues that nobody can negotiate about.

    Raises:
        Rejected: There are none or too many of them, one has no values, two share a name,
            or they span more than 100,000 outcomes.
    """
    check_within(_CODE, "issues", len(issues), 1, ISSUES_MAX)
    names = [issue.name for issue in issues]
    _check_different("names of issues", names)
    outcomes_count = 1
    for issue in issues:
        check_text(_CODE, "name of an issue", issue.name, TEXT_LENGTH_MAX, least=1)
        if isinstance(issue, RangeIssue):
            outcomes_count *= _steps(issue) + 1
        else:
            check_within(_CODE, f"options of {issue.name}", len(issue.options), 1, OUTCOMES_MAX)
            _check_different(f"options of {issue.name}", issue.options)
            for option in issue.options:
                check_text(_CODE, f"option of {issue.name}", option, TEXT_LENGTH_MAX, least=1)
            outcomes_count *= len(issue.options)
        check_within(_CODE, "number of outcomes", outcomes_count, 1, OUTCOMES_MAX)


def _check_different(field: str, texts: Sequence[str]) -> None:
    if len(set(texts)) != len(texts):
        raise Rejected(_CODE, "named twice", field=field, value=texts, allowed="each once")


def _steps(issue: RangeIssue) -> int:
    low, high, step = (
        plain(_CODE, f"{field} of {issue.name}", number)
        for field, number in (("low", issue.low), ("high", issue.high), ("step", issue.step))
    )
    # With more places, values of the range would be written alike.
    is_too_fine = any((number * 10**_PLACES).denominator != 1 for number in (low, step))
    if is_too_fine or step <= 0 or high < low or ((high - low) / step).denominator != 1:
        raise Rejected(
            _CODE,
            "no such range",
            field=issue.name,
            value=_allowed(issue),
            allowed=f"a step above 0, a whole number of them from low to high, {_PLACES} places",
        )
    return int((high - low) / step)


@lru_cache(maxsize=256)
def values_of(issue: Issue) -> tuple[str, ...]:
    """Return the values of an issue in their order."""
    if isinstance(issue, OptionsIssue):
        return issue.options
    low, step = exact(issue.low), exact(issue.step)
    return tuple(
        f"{to_decimal(low + step * number, _PLACES):f}" for number in range(_steps(issue) + 1)
    )


@lru_cache(maxsize=256)
def _numbers(issue: Issue) -> dict[str, int]:
    return {value: number for number, value in enumerate(values_of(issue))}


def normal(issues: Sequence[Issue], values: Sequence[str]) -> Outcome:
    """Return an outcome as it is written here: numbers without idle zeros.

    Raises:
        Rejected: A value is missing, is too many, or is none of its issue's.
    """
    if len(values) != len(issues):
        raise Rejected(
            "negotiation.outcome",
            "one value for each issue is wanted",
            field="values",
            value=values,
            allowed=", ".join(issue.name for issue in issues),
        )
    return tuple(_normal(issue, value) for issue, value in zip(issues, values, strict=True))


def _normal(issue: Issue, value: str) -> str:
    written = value
    if isinstance(issue, RangeIssue) and len(value) <= TEXT_LENGTH_MAX:
        try:
            number = plain("negotiation.outcome", issue.name, Decimal(value))
        except InvalidOperation:
            number = None
        if number is not None and on_grid(number, exact(issue.low), exact(issue.step)):
            written = f"{to_decimal(number, _PLACES):f}"
    if written not in _numbers(issue):
        raise Rejected(
            "negotiation.outcome",
            "no such value",
            field=issue.name,
            value=value,
            allowed=_allowed(issue),
        )
    return written


def _allowed(issue: Issue) -> str:
    if isinstance(issue, RangeIssue):
        return f"{issue.low} to {issue.high} in steps of {issue.step}"
    listed, more = issue.options[:_LISTED_MAX], len(issue.options) - _LISTED_MAX
    return ", ".join(listed) + (f" and {more} more" if more > 0 else "")


def outcomes(issues: Sequence[Issue]) -> Iterator[Outcome]:
    """Yield all outcomes in their order."""
    return product(*map(values_of, issues))


def outcome_at(issues: Sequence[Issue], number: int) -> Outcome:
    """Return the outcome of a number, counted from 0."""
    found: list[str] = []
    for issue in reversed(issues):
        values = values_of(issue)
        number, digit = divmod(number, len(values))
        found.append(values[digit])
    return tuple(reversed(found))


def number_of(issues: Sequence[Issue], outcome: Outcome) -> int:
    """Return the number of an outcome, counted from 0."""
    sizes = [len(values_of(issue)) for issue in issues]
    return sum(
        _numbers(issue)[value] * prod(sizes[place + 1 :])
        for place, (issue, value) in enumerate(zip(issues, outcome, strict=True))
    )


def as_value(issues: Sequence[Issue], outcome: Outcome) -> Decimal | None:
    """Return the number that an outcome is, where the only issue is a range of numbers."""
    is_number = len(issues) == 1 and isinstance(issues[0], RangeIssue) and bool(outcome)
    return Decimal(outcome[0]) if is_number else None
