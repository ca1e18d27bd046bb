"""Read models as tables, for people who live in SQL: what a table is, and what a row says.

Nothing here knows a database. A projection gives rows, a store in `infra` keeps them.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.errors import Rejected

__all__ = ["Column", "ColumnType", "Row", "Table", "Value", "check_row", "key_of"]

Value: TypeAlias = str | int | bool | None
"""What may stand in a column. Exact numbers beyond integers are written as text."""

ColumnType: TypeAlias = Literal["text", "integer", "boolean", "json", "decimal", "instant"]
"""``integer`` has 64 bits, ``instant`` is RFC 3339 in UTC, ``decimal`` is exact and written as
text, ``json`` is a JSON text."""


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    Attributes:
        name: Its name, in lower case.
        type: What it holds.
        meaning: What it says, with its unit, for the documented schema.
        is_key: Whether it is part of the primary key.
        is_optional: Whether it may hold nothing.
    """

    name: str
    type: ColumnType
    meaning: str
    is_key: bool = False
    is_optional: bool = False


class Table(msgspec.Struct, frozen=True):
    """A table of a read model.

    Attributes:
        name: Its name, in lower case.
        meaning: What one of its rows is.
        columns: In their order; at least one is a key.
        indexes: Columns that are looked up together, for each index.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...] = ()


class Row(msgspec.Struct, frozen=True):
    """A whole row. It replaces the one that has the same key, if there is one.

    Attributes:
        table: Name of the table.
        values: A value for each column, in the order of the table.
    """

    table: str
    values: tuple[Value, ...]


_INTEGER_MAX: Final = 2**63 - 1
_HALF: Final = re.compile("[\ud800-\udfff]")
_KINDS: Final[dict[ColumnType, type]] = {
    "text": str,
    "integer": int,
    "boolean": bool,
    "json": str,
    "decimal": str,
    "instant": str,
}
_ALLOWED: Final[dict[type, str]] = {
    bool: "true or false",
    int: f"a whole number from {-_INTEGER_MAX - 1} to {_INTEGER_MAX}",
    str: "text without the character NUL and without halves of characters",
}


def key_of(table: Table, row: Row) -> tuple[Value, ...]:
    """Return the values that tell a row of a table from all others."""
    pairs = zip(table.columns, row.values, strict=True)
    return tuple(value for column, value in pairs if column.is_key)


def check_row(table: Table, row: Row) -> None:
    """Refuse a row that not every database would keep as it is.

    Raises:
        Rejected: It has too few or too many values, or one that its column cannot hold.
    """
    if len(row.values) != len(table.columns):
        raise Rejected(
            "row.length",
            "a row has as many values as its table has columns",
            field=table.name,
            value=len(row.values),
            allowed=str(len(table.columns)),
        )
    for column, value in zip(table.columns, row.values, strict=True):
        if value is None:
            fits = column.is_optional
        else:
            fits = type(value) is _KINDS[column.type] and _is_storable(value)
        if not fits:
            raise Rejected(
                "row.value",
                "the column cannot hold it",
                field=f"{table.name}.{column.name}",
                value="nothing" if value is None else repr(value),
                allowed=_ALLOWED[_KINDS[column.type]],
            )


def _is_storable(value: str | int) -> bool:
    if isinstance(value, int):
        return -_INTEGER_MAX - 1 <= value <= _INTEGER_MAX
    return "\0" not in value and (value.isascii() or not _HALF.search(value))
