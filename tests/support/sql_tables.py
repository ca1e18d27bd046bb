"""Rows in a real database, brought there in the plainest way, to see what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Any, Final, TypeAlias

from mabeam.core.tables import ColumnType, Row, Table, Value
from mabeam.projections.tables import TABLES

__all__ = ["Connect", "contents", "keep"]

Connect: TypeAlias = Callable[[], Any]
"""Opens a connection of any driver: they all have the same methods."""

_TYPES: Final[dict[ColumnType, str]] = {"integer": "BIGINT", "boolean": "BOOLEAN"}


def keep(connect: Connect, rows: Iterable[Row], mark: str) -> None:
    """Make the tables in an empty database and bring rows into them, the later over the former.

    Args:
        connect: Opens the database.
        rows: The rows.
        mark: How the driver writes the place of a value, ``?`` or ``%s``.
    """
    with closing(connect()) as connection:
        cursor = connection.cursor()
        for table in TABLES:
            cursor.execute(_definition(table))
            for number, names in enumerate(table.indexes):
                index = f"{table.name}_{number} ON {table.name} ({', '.join(names)})"
                cursor.execute(f"CREATE INDEX {index}")
        statements = {table.name: _upsert(table, mark) for table in TABLES}
        for row in rows:
            cursor.execute(statements[row.table], row.values)
        connection.commit()


def contents(connect: Connect, query: str) -> list[tuple[Value, ...]]:
    """Return what a query gives."""
    with closing(connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        found: Sequence[Sequence[Value]] = cursor.fetchall()
        return [tuple(row) for row in found]


def _definition(table: Table) -> str:
    columns = [
        f"{column.name} {_TYPES.get(column.type, 'TEXT')}{' NOT NULL' * (not column.is_optional)}"
        for column in table.columns
    ]
    return f"CREATE TABLE {table.name} ({', '.join(columns)}, PRIMARY KEY ({_keys(table)}))"


def _upsert(table: Table, mark: str) -> str:
    marks = ", ".join([mark] * len(table.columns))
    changes = ", ".join(
        f"{column.name} = excluded.{column.name}" for column in table.columns if not column.is_key
    )
    return (
        f"INSERT INTO {table.name} VALUES ({marks}) "  # noqa: S608 - names of our own
        f"ON CONFLICT ({_keys(table)}) DO UPDATE SET {changes}"
    )


def _keys(table: Table) -> str:
    return ", ".join(column.name for column in table.columns if column.is_key)
