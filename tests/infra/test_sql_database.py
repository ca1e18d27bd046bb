"""A database that is slow, gone or held by somebody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from mabeam.core.errors import ConfigurationError, Rejected, StoreUnavailable
from mabeam.infra.sql import database as sql
from mabeam.infra.sql import open_database


@pytest.mark.postgres
async def test_who_falls_asleep_within_a_transaction_loses_it(postgres_url: str) -> None:
    async with open_database(postgres_url) as database:
        asked = sa.text("SHOW idle_in_transaction_session_timeout")
        assert await database.transact(lambda c: c.execute(asked).scalar()) == "10s"


@pytest.mark.postgres
async def test_a_line_that_was_cut_is_told_and_made_anew(postgres_url: str) -> None:
    async with open_database(postgres_url) as database:

        def cut(connection: sa.Connection) -> None:
            pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
            with psycopg.connect(postgres_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            connection.execute(sa.text("SELECT 1"))

        with pytest.raises(StoreUnavailable):
            await database.transact(cut)
        assert await database.transact(lambda c: c.execute(sa.text("SELECT 1")).scalar()) == 1


@pytest.mark.postgres
async def test_what_the_program_cannot_hold_is_refused_like_other_rows(postgres_url: str) -> None:
    async with open_database(postgres_url) as database:
        make = sa.text("CREATE TABLE wide (name text PRIMARY KEY)")
        await database.transact(lambda c: c.execute(make))
        fill = sa.text(
            "INSERT INTO wide SELECT string_agg(md5(i::text), '') FROM generate_series(1, 999) i"
        )
        with pytest.raises(Rejected, match="index row"):
            await database.transact(lambda c: c.execute(fill))


async def test_what_sqlite_cannot_find_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        with pytest.raises(ConfigurationError, match="no such table"):
            await database.transact(lambda c: c.execute(sa.text("SELECT * FROM absent")))


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        async with open_database(f"sqlite:///{path}"):
            pass


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unable to open"):
        async with open_database(f"sqlite:///{tmp_path / 'absent' / 'a.db'}"):
            pass


async def test_a_lock_that_others_hold_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "_WAIT_SECONDS", 0.05)
    path = tmp_path / "a.db"
    async with open_database(f"sqlite:///{path}") as database:
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                await database.transact(lambda c: c.execute(sa.text("SELECT 1")))
            other.rollback()
        await database.transact(lambda c: c.execute(sa.text("SELECT 1")))


@pytest.mark.postgres
async def test_what_is_not_there_is_a_fault_of_the_settings(postgres_url: str) -> None:
    async with open_database(postgres_url) as database:
        with pytest.raises(ConfigurationError, match="absent"):
            await database.transact(lambda c: c.execute(sa.text("SELECT * FROM absent")))
