"""The tables in words: the page `docs/reference/sql-tables.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mabeam.core.tables import Column, ColumnType, Table
from mabeam.projections.tables import TABLES

__all__ = ["tables_reference"]

_HEAD: Final = """\
# SQL tables

Every table of the read model for SQL, generated from the source by
`python -m mabeam.app.schema`. How to fill and ask them is told in
[query with SQL](../how-to/query-with-sql.md).

A row says what the fold of the log says: whether a bid is late, which registration holds, which
decision counts. Tables whose key is `position` only ever grow, by at most one row for each event.
In the others a row is replaced when things change, and `position` is that of the latest change.
Join tables by positions: each is the place of one event in the log, for ever.

Names and texts are those of the events; only U+0000, which PostgreSQL keeps nowhere, is written as
U+FFFD. A whole number beyond 64 bits and a decimal of more than 200 places are left out; no valid
bid or ballot is one.
"""
_TYPES: Final[dict[ColumnType, str]] = {
    "text": "text",
    "integer": "whole number of 64 bits",
    "boolean": "true or false",
    "json": "JSON, written as text",
    "decimal": "exact number, written as text; cast it to reckon with it",
    "instant": "time in UTC as RFC 3339, written as text, which sorts like the times",
}


def tables_reference() -> str:
    """Return the page as Markdown."""
    return "\n".join((_HEAD, *_types(), *_overview(), *_details()))


def _types() -> Iterator[str]:
    yield "| type | what it is |"
    yield "|---|---|"
    for type_, meaning in _TYPES.items():
        yield f"| {type_} | {meaning} |"
    yield ""


def _overview() -> Iterator[str]:
    yield "## All of them"
    yield ""
    yield "| table | one row is | key |"
    yield "|---|---|---|"
    for table in TABLES:
        keys = ", ".join(f"`{column.name}`" for column in table.columns if column.is_key)
        yield f"| [`{table.name}`](#{table.name}) | {table.meaning} | {keys} |"
    yield ""


def _details() -> Iterator[str]:
    for table in TABLES:
        yield f"## {table.name}"
        yield ""
        yield table.meaning
        yield ""
        yield "| column | type | empty | meaning |"
        yield "|---|---|---|---|"
        yield from map(_row, table.columns)
        yield ""
        yield from _indexes(table)


def _row(column: Column) -> str:
    empty = "key" if column.is_key else "may be" if column.is_optional else "never"
    return f"| `{column.name}` | {column.type} | {empty} | {column.meaning} |"


def _indexes(table: Table) -> Iterator[str]:
    if table.indexes:
        columns = " and ".join(f"(`{'`, `'.join(index)}`)" for index in table.indexes)
        yield f"Indexed by {columns}."
        yield ""
