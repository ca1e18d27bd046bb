"""Real databases keep the rows as they are, and the queries of the documentation run on both."""

from __future__ import annotations

import re
import sqlite3
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
import pytest

from mabeam.core.tables import Row
from mabeam.projections.tables import TABLES
from support.sql_tables import Connect, contents, keep
from support.story import told
from support.tabled import Tabled

PAGE: Final = Path(__file__).parents[3] / "docs" / "how-to" / "query-with-sql.md"
QUERIES: Final = re.findall(r'ask\("""\n(.*?)\n"""\)', PAGE.read_text("utf-8"), re.DOTALL)


class Database(NamedTuple):
    """A database, and how its driver marks the place of a value."""

    connect: Connect
    mark: str


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return Database(partial(sqlite3.connect, tmp_path / "team.db"), "?")
    url: str = request.getfixturevalue("postgres_url")
    return Database(partial(psycopg.connect, url), "%s")


def story() -> tuple[Tabled, list[Row]]:
    """Return the tables of a history in which everything happens, and its rows."""
    tabled = Tabled()
    rows = [row for recorded in told().log for row in tabled.apply(recorded)]
    return tabled, rows


def test_a_database_keeps_the_rows_as_they_are_and_no_name_needs_quotes(
    database: Database,
) -> None:
    tabled, rows = story()
    keep(database.connect, rows, database.mark)
    for table in TABLES:
        columns = ", ".join(column.name for column in table.columns)
        query = f"SELECT {columns} FROM {table.name}"  # noqa: S608 - names of our own
        found = contents(database.connect, query)
        assert sorted(found, key=str) == sorted(
            (tuple(row.values()) for row in tabled.all(table.name)), key=str
        )


@pytest.mark.postgres
def test_every_query_of_the_page_gives_the_same_on_both_databases(
    tmp_path: Path, postgres_url: str
) -> None:
    small = partial(sqlite3.connect, tmp_path / "team.db")
    large = partial(psycopg.connect, postgres_url)
    _, rows = story()
    keep(small, rows, "?")
    keep(large, rows, "%s")
    assert len(QUERIES) > 10
    for query in QUERIES:
        found = contents(small, query)
        assert found, query
        assert contents(large, query) == found, query


def test_there_is_a_query_for_each_table() -> None:
    asked = set(re.findall(r"(?:FROM|JOIN) (\w+)", "\n".join(QUERIES)))
    assert asked == {table.name for table in TABLES}
