"""What openings, words and certificates are held against: bounds, and facts that must agree."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact

__all__ = ["DIGITS_MAX", "Fact", "check_facts", "check_text", "check_within", "disproved", "plain"]

DIGITS_MAX: Final = 30
"""How many digits a decimal may have on either side of its point."""

Fact: TypeAlias = tuple[str, object, object]
"""Name of a field, what a decision states, and what is so."""


def check_within(code: str, field: str, value: int, low: int, high: int) -> None:
    """Refuse a whole number out of its range.

    Raises:
        Rejected: It is below or above.
    """
    if not low <= value <= high:
        raise Rejected(code, "out of range", field=field, value=value, allowed=f"{low} to {high}")


def check_text(code: str, field: str, text: str, length_max: int, *, least: int = 0) -> None:
    """Refuse a text that is too short or too long.

    Raises:
        Rejected: It has fewer or more characters than it may.
    """
    if not least <= len(text) <= length_max:
        allowed = f"{least} to {length_max} characters"
        raise Rejected(code, "a text of the wrong length", field=field, value=text, allowed=allowed)


def plain(code: str, field: str, number: Decimal) -> Fraction:
    """Return a decimal as an exact fraction, if it is one to reckon with.

    Raises:
        Rejected: It is not finite or has too many digits.
    """
    # A short text such as 1e999999 would otherwise become an integer of a million digits.
    size = len(str(number)) if number.is_finite() else DIGITS_MAX * 3
    if size > DIGITS_MAX * 2 or not -DIGITS_MAX <= number.adjusted() <= DIGITS_MAX:
        allowed = f"a number of at most {DIGITS_MAX} digits"
        raise Rejected(code, "no number to reckon with", field=field, value=number, allowed=allowed)
    return exact(number)


def check_facts(code: str, facts: Iterable[Fact]) -> None:
    """Refuse a decision that states what is not so.

    Raises:
        Rejected: A field differs; the error names the first of them.
    """
    for field, stated, due in facts:
        if stated != due:
            raise disproved(code, field, stated, str(due))


def disproved(code: str, field: str, value: object, allowed: str) -> Rejected:
    """Return the refusal of a decision whose certificate does not prove it."""
    return Rejected(
        code,
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )
