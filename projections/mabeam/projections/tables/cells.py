"""What stands in a cell: values that every database takes, whatever an event held.

Anybody may publish anything, and what a database refuses would stop its read model for
everybody. So a number beyond its column becomes nothing, which no valid bid or ballot is, and
U+0000, which PostgreSQL keeps neither in text nor in JSON, becomes U+FFFD.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from mabeam.core.tables import Column
from mabeam.projections.plain import plain

__all__ = [
    "LATEST",
    "ORIGIN",
    "decimal",
    "instant",
    "json",
    "place",
    "text",
    "text_or_none",
    "whole",
]

ORIGIN: Final = (
    Column("position", "integer", "Position of the event that the row comes from.", is_key=True),
    Column("recorded_at", "instant", "When the log recorded that event."),
)
"""Where a row comes from that stands for one event and never changes."""

LATEST: Final = (
    Column("position", "integer", "Position of the event that last changed the row."),
    Column("recorded_at", "instant", "When the log recorded that event."),
)
"""Where a row comes from that shows how things are now."""

_INTEGERS: Final = range(-(2**63), 2**63)
_PLACES_MAX: Final = 200
_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def text(value: str) -> str:
    """Return a text as databases take it."""
    return value.replace("\0", "\ufffd") if "\0" in value else value


def text_or_none(value: str) -> str | None:
    """Return a text, or nothing where events leave it empty."""
    return text(value) if value else None


def whole(number: int | None) -> int | None:
    """Return a whole number if 64 bits hold it."""
    return number if number is None or number in _INTEGERS else None


def place(position: int) -> int | None:
    """Return a position; states write 0 where there is none yet."""
    return whole(position) if position > 0 else None


def decimal(number: Decimal | None) -> str | None:
    """Write an exact number without exponent, unless it has no or hundreds of digits."""
    if number is None or not number.is_finite():
        return None
    digits, size = len(number.as_tuple().digits), number.adjusted()
    return f"{number:f}" if digits <= _PLACES_MAX and abs(size) <= _PLACES_MAX else None


def json(value: object) -> str:
    """Write any part of an event or state as JSON; equal parts give equal text."""
    written = msgspec.json.encode(plain(value)).decode()
    return _NUL.sub(r"\1\\ufffd", written) if "\\u0000" in written else written


def instant(at_ns: int) -> str:
    """Write a time of the log as RFC 3339 in UTC, to the microsecond; texts sort like times."""
    seconds, rest_ns = divmod(at_ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest_ns // 1_000:06}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """Write a second; events come by the thousand in each."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
