"""Read models as tables, for people who live in SQL: what a table is, and what a row says.

Nothing here knows a database. A projection gives rows, a store in `infra` keeps them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Column", "ColumnType", "Row", "Table", "Value"]

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
