"""What all auctions check alike: amounts, texts, and decisions against what is due."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mabeam.core.errors import Rejected

__all__ = [
    "AMOUNT_MAX",
    "LOT_LENGTH_MAX",
    "NOTE_LENGTH_MAX",
    "UNIT_LENGTH_MAX",
    "check_length",
    "check_lot",
    "check_range",
    "disproved",
    "prove",
]

AMOUNT_MAX: Final = 2**53 - 1
"""The largest amount that every JSON parser reads exactly (RFC 8259, section 6)."""

LOT_LENGTH_MAX: Final = 1000
UNIT_LENGTH_MAX: Final = 100
NOTE_LENGTH_MAX: Final = 1000


def check_range(field: str, value: int, low: int, high: int = AMOUNT_MAX) -> None:
    """Refuse a number outside its range.

    Raises:
        Rejected: It is; the code is that of its field, ``auction.reserve``.
    """
    if not low <= value <= high:
        raise Rejected(
            f"auction.{field}",
            f"no such {field}",
            field=field,
            value=value,
            allowed=f"{low} to {high}",
        )


def check_length(field: str, text: str, most: int) -> None:
    """Refuse a text that is too long.

    Raises:
        Rejected: It is; the code is that of its field.
    """
    if len(text) > most:
        raise Rejected(
            f"auction.{field}",
            f"the {field} is too long",
            field=field,
            value=f"{len(text)} characters",
            allowed=f"at most {most} characters",
        )


def check_lot(lot: str, unit: str) -> None:
    """Refuse a lot or a unit that is described at too great a length.

    Raises:
        Rejected: It is.
    """
    check_length("lot", lot, LOT_LENGTH_MAX)
    check_length("unit", unit, UNIT_LENGTH_MAX)


def prove(due: Iterable[tuple[str, object, object]]) -> None:
    """Compare what a decision states with what is due.

    Args:
        due: Name of each field, what the decision says, and what is so.

    Raises:
        Rejected: They differ.
    """
    for field, stated, expected in due:
        if stated != expected:
            raise disproved(field, stated, str(expected))


def disproved(field: str, value: object, allowed: str) -> Rejected:
    """Return the refusal of a decision that does not follow."""
    return Rejected(
        "auction.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )
