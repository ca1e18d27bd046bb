"""The tables of a space, as a database has them, are the rows of the pure fold."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.app.projecting import SPACE_TABLES, open_tables
from mabeam.core.envelope import encode, wire_subject
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.infra.sql import Database, open_database
from mabeam.projections.keeping import catch_up
from projections.test_folds import MESSAGES, SPACE, Message
from support.reading import read_all
from support.story import everything
from support.tallies import Content, content


async def rows_of(store: MemoryStore) -> Content:
    """Return what the tables must hold."""
    applied = SPACE_TABLES.apply(SPACE_TABLES.fold.initial, await read_all(store))
    assert [one.failure for one in applied if one.failure is not None] == []
    found: Content = {table.name: Counter() for table in SPACE_TABLES.tables}
    for row in SPACE_TABLES.last_rows(row for one in applied for row in one.rows):
        found[row.table][row.values] += 1
    return found


async def holds_the_fold(url: str, messages: list[Message], cut: int) -> None:
    """Apply a history in two processes, the second from where the first has left off."""
    store, checkpoints = MemoryStore(SPACE, page_max=3), MemoryCheckpoints()
    for part in (messages[:cut], messages[cut:]):
        for subject, body in part:
            store.publish_raw(subject, body)
        async with open_tables(store, url, checkpoints=checkpoints) as upkeep:
            await catch_up(upkeep)
        async with open_database(url) as database:
            assert await content(database, SPACE_TABLES.tables) == await rows_of(store)


@settings(max_examples=25)
@given(MESSAGES, st.integers(0, 20))
def test_sqlite_holds_the_rows_of_any_history(messages: list[Message], cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'tables.db'}"
        asyncio.run(holds_the_fold(url, messages, cut))


async def test_both_databases_hold_the_rows_of_a_history_with_everything_in_it(
    database: Database, database_url: str
) -> None:
    readable = [one.envelope for one in everything().log if one.envelope.subject]
    messages = [(wire_subject(SPACE, one), encode(one, 1_000_000)) for one in readable]
    await holds_the_fold(database_url, messages, len(messages) // 2)
    found = await content(database, SPACE_TABLES.tables)
    assert [name for name, rows in found.items() if not rows] == ["unreadable"]
