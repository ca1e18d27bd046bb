"""A small projection into tables, independent of the one that mabeam ships, and its oracle.

It counts what is said about each entity and keeps every word. Some words are poison: on one
the fold fails, on another the rows, another one does not fit its column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa
from immutables import Map

from mabeam.core.envelope import Recorded
from mabeam.core.errors import MalformedEvent
from mabeam.core.ports import EventStore, Write
from mabeam.core.tables import Column, Row, Table
from mabeam.infra.sql.database import Database
from mabeam.projections.projection import Projection
from mabeam.projections.tabulation import TableProjection
from support.events import said
from support.reading import read_all

__all__ = [
    "TALLY",
    "Content",
    "Counts",
    "Digest",
    "checkpoint",
    "content",
    "expected",
    "rows_of",
    "speak",
    "tally",
    "word",
]

Counts = Map[str, int]
Content = dict[str, Counter[tuple[Any, ...]]]

TABLES = (
    Table(
        "tally",
        "how much was said about an entity",
        (
            Column("entity", "text", "kind and name, 100 % of it's name", is_key=True),
            Column("words", "integer", "how many words were said"),
            Column("last", "text", "the last of them", is_optional=True),
        ),
        indexes=(("words", "last"),),
    ),
    Table(
        "heard",
        "one word",
        (
            Column("position", "integer", "where it stands", is_key=True),
            Column("word", "text", "what was said"),
            Column("is_long", "boolean", "whether it has more than five letters"),
        ),
    ),
)


def word(recorded: Recorded) -> str:
    """Return what was said; nothing for what is no word."""
    data = recorded.envelope.data
    if recorded.problem is not None or data is msgspec.UNSET:
        return ""
    text: str = msgspec.json.decode(data)["text"]
    return text


def tally(
    version: int = 1, *, bad: Collection[str] = ("crooked", "poison")
) -> TableProjection[Counts]:
    """Return the projection; on ``crooked`` its fold fails, on ``poison`` its rows."""

    def apply(counts: Counts, recorded: Recorded) -> Counts:
        if word(recorded) == "crooked" and "crooked" in bad:
            raise ValueError("crooked")
        entity = str(recorded.boundary)
        return counts.set(entity, counts.get(entity, 0) + 1)

    def rows(before: Counts, recorded: Recorded, after: Counts) -> tuple[Row, ...]:
        text = word(recorded)
        if text == "poison" and "poison" in bad:
            raise LookupError("poison")
        entity = str(recorded.boundary)
        assert before.get(entity, 0) + 1 == after[entity]
        return (
            Row("tally", (entity, after[entity], text or None)),
            Row("heard", (recorded.position, text * version, len(text) > 5)),
        )

    return TableProjection("tally", version, TABLES, Projection("counts", 1, Map(), apply), rows)


TALLY = tally()


class Digest:
    """The codec of the counts."""

    def encode(self, state: Counts) -> bytes:
        """Write counts."""
        return msgspec.json.encode(dict(state))

    def decode(self, raw: bytes) -> Counts:
        """Read counts."""
        try:
            return Map(msgspec.json.decode(raw, type=dict[str, int]))
        except msgspec.DecodeError as error:
            raise MalformedEvent(str(error)) from error


async def speak(store: EventStore, *words: str, about: str = "session/1") -> int:
    """Say something, one word after the other; return the position of the last one."""
    position = 0
    for text in words:
        position = await store.append(Write((said(about, text),)))
    return position


def rows_of(
    projection: TableProjection[Counts], log: list[Recorded], left_out: Collection[int] = ()
) -> Content:
    """Return what the tables must hold after these events, by folding all of them."""
    found: Content = {table.name: Counter() for table in projection.tables}
    rows: list[Row] = []
    for one in projection.apply(projection.fold.initial, log):
        if one.recorded.position not in left_out:
            rows.extend(one.rows)
    for row in projection.last_rows(rows):
        found[row.table][row.values] += 1
    return found


async def expected(
    projection: TableProjection[Counts],
    store: EventStore,
    until: int | None = None,
    left_out: Collection[int] = (),
) -> Content:
    """Return what the tables must hold at a position of the log."""
    return rows_of(projection, await read_all(store, until=until), left_out)


async def content(database: Database, tables: Collection[Table], suffix: str = "") -> Content:
    """Return what the tables, or the views on them, do hold."""
    return await database.transact(lambda connection: _content(connection, tables, suffix))


async def checkpoint(database: Database, number: int) -> tuple[int, int, Content]:
    """Return at one moment a build's position, how many events it has parked, and its rows."""

    def read(connection: sa.Connection) -> tuple[int, int, Content]:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        position, parked = (
            connection.execute(sa.text(text), {"number": number}).scalar_one()
            for text in (
                "SELECT position FROM mabeam_builds WHERE number = :number",
                "SELECT count(*) FROM mabeam_poison WHERE number = :number AND is_parked",
            )
        )
        return position, parked, _content(connection, TABLES, f"_{number}")

    return await database.transact(read)


def _content(connection: sa.Connection, tables: Collection[Table], suffix: str) -> Content:
    found: Content = {}
    for table in tables:
        columns = [sa.column(column.name, _type(column)) for column in table.columns]
        query = sa.select(*columns).select_from(sa.table(table.name + suffix))
        found[table.name] = Counter(tuple(row) for row in connection.execute(query).all())
    return found


def _type(column: Column) -> sa.types.TypeEngine[Any]:
    return sa.Boolean() if column.type == "boolean" else sa.types.NullType()
