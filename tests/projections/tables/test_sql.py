"""Real databases keep the rows as they are, and the queries of the documentation run on both."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest

from mabeam.app.projecting import open_tables
from mabeam.core.tables import Value
from mabeam.infra.memory import MemoryStore
from mabeam.projections.keeping import catch_up
from mabeam.projections.tables import TABLES
from support.reading import read_all
from support.story import told
from support.tabled import Tabled

PAGE: Final = Path(__file__).parents[3] / "docs" / "how-to" / "query-with-sql.md"
QUERIES: Final = re.findall(r'ask\("""\n(.*?)\n"""\)', PAGE.read_text("utf-8"), re.DOTALL)


async def fill(*urls: str) -> Tabled:
    """Bring a history in which everything happens into databases; return what they must hold."""
    store = MemoryStore("rehearsal")
    for subject, body in told().wire:
        store.publish_raw(subject, body)
    for url in urls:
        async with open_tables(store, url) as upkeep:
            await catch_up(upkeep)
    return Tabled(await read_all(store))


def answers(url: str, query: str) -> list[tuple[Value, ...]]:
    """Return what a query gives."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as small:
            return [tuple(row) for row in small.execute(query)]
    with psycopg.connect(url) as large:
        return large.execute(query.encode()).fetchall()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where to find a new database in a file."""
    return f"sqlite:///{tmp_path}/team.db"


@pytest.mark.parametrize(
    "kind", ["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.postgres)]
)
async def test_a_database_keeps_the_rows_as_they_are_and_no_name_needs_quotes(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(kind)
    tabled = await fill(url)
    for table in TABLES:
        columns = ", ".join(column.name for column in table.columns)
        found = answers(url, f"SELECT {columns} FROM {table.name}")  # noqa: S608 - names of our own
        wanted = [tuple(row.values()) for row in tabled.all(table.name)]
        assert sorted(found, key=str) == sorted(wanted, key=str)


@pytest.mark.postgres
async def test_every_query_of_the_page_gives_the_same_on_both_databases(
    sqlite_url: str, postgres_url: str
) -> None:
    await fill(sqlite_url, postgres_url)
    assert len(QUERIES) > len(TABLES) // 2
    for query in QUERIES:
        found = answers(sqlite_url, query)
        assert found, query
        assert answers(postgres_url, query) == found, query


def test_there_is_a_query_for_each_table() -> None:
    asked = set(re.findall(r"(?:FROM|JOIN) (\w+)", "\n".join(QUERIES)))
    assert asked == {table.name for table in TABLES}
