"""Exact numbers: means that do not depend on the order of addition, and grids."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from mabeam.core.errors import Rejected

__all__ = [
    "exact",
    "in_digits",
    "in_lowest_terms",
    "on_grid",
    "to_decimal",
    "to_grid",
    "weighted_mean",
]

MAGNITUDE_MAX: Final = 400
"""No float has a greater exponent. A short text with one is a fraction of a million digits."""

_WRITTEN_OUT_MAX: Final = 60


def exact(number: float | Decimal) -> Fraction:
    """Return the number a person wrote: 0.1 is one tenth, not its binary neighbour.

    Raises:
        Rejected: It is infinite or no number at all, or a decimal beyond `MAGNITUDE_MAX`.
    """
    if isinstance(number, int):
        return Fraction(number)
    if (
        isinstance(number, Decimal)
        and number.is_finite()
        and abs(number.adjusted()) > MAGNITUDE_MAX
    ):
        raise Rejected(
            "number.too_large",
            "no number to reckon with",
            field="number",
            value=number,
            allowed=f"below 1e{MAGNITUDE_MAX}, and no nearer to 0 than 1e-{MAGNITUDE_MAX}",
        )
    try:
        return Fraction(str(number))
    except ValueError:
        raise Rejected(
            "number.not_finite",
            "no number to reckon with",
            field="number",
            value=number,
            allowed="a finite number",
        ) from None


def in_digits(number: Decimal) -> str:
    """Write a decimal in one form, whatever the form in which it was given.

    One that is not finite, or would be very long, is written as it is.

    >>> in_digits(Decimal("0.50")), in_digits(Decimal("1E+3"))
    ('0.5', '1000')
    """
    if not number.is_finite() or abs(number.adjusted()) > _WRITTEN_OUT_MAX:
        return str(number)
    # Not normalized, because that would be rounded to the precision in force.
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if number else "0"


def in_lowest_terms(text: str) -> Fraction | None:
    """Read a fraction in the one form in which it is written; None where it has another.

    >>> in_lowest_terms("-2/3"), in_lowest_terms("4/6")
    (Fraction(-2, 3), None)
    """
    # A short text such as 1e999999999 would otherwise become a number of a billion digits.
    if "e" in text.lower():
        return None
    try:
        number = Fraction(text)
        return number if str(number) == text else None
    except (ValueError, ZeroDivisionError):
        return None


def to_decimal(number: Fraction, places: int = 9) -> Decimal:
    """Return the decimal of at most so many places that is nearest, halves to even."""
    scaled = round(number * 10**places)
    while places and scaled % 10 == 0:
        scaled //= 10
        places -= 1
    # Made of its digits, because a division would be rounded to the precision in force.
    return Decimal((int(scaled < 0), Decimal(abs(scaled)).as_tuple().digits, -places))


def on_grid(number: Fraction, low: Fraction, step: Fraction | None) -> bool:
    """Tell whether a number is the low end plus a whole number of steps."""
    return step is None or ((number - low) / step).denominator == 1


def to_grid(
    number: Fraction, low: Fraction, high: Fraction, step: Fraction | None = None
) -> Fraction:
    """Clamp a number into a range and move it to the nearest step, halves to even."""
    clamped = min(max(number, low), high)
    if step is None:
        return clamped
    steps = min(round((clamped - low) / step), (high - low) // step)
    return low + steps * step


def weighted_mean(terms: Iterable[tuple[int, Fraction]]) -> Fraction:
    """Return the sum of weight times value over the sum of weights, exactly.

    Raises:
        Rejected: The weights sum to nothing.
    """
    total, weighted = 0, Fraction(0)
    for weight, value in terms:
        total += weight
        weighted += weight * value
    if total <= 0:
        raise Rejected(
            "mean.weights",
            "nothing to average",
            field="weights",
            value=total,
            allowed="a sum above 0",
        )
    return weighted / total
