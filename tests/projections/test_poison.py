"""Events that cannot be applied stop, are skipped or are parked, and never anything else."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from mabeam.core.errors import NotFound, ProjectionError
from mabeam.infra.memory import MemoryStore
from mabeam.infra.sql import Database
from mabeam.projections.keeping import keep, retry
from mabeam.projections.progress import status
from mabeam.projections.upkeep import PoisonPolicy
from support.keeping import keeping, reached, upkeep_of
from support.tallies import TABLES, TALLY, content, expected, speak, tally


class TestPoison:
    @pytest.mark.parametrize("bad", ["crooked", "poison", "nul\0"])
    async def test_it_stops_before_the_event_and_says_which(
        self, database: Database, bad: str
    ) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "two", bad, "four")
        upkeep = upkeep_of(database, store)
        with pytest.raises(ProjectionError) as raised:
            await keep(upkeep)
        assert raised.value.position == 3
        found = (await status(store, upkeep.model)).builds[0]
        assert found.condition == "failed"
        assert found.build.position == 2
        assert found.lag == 2
        assert found.age_seconds > 0
        assert "position 3" in found.build.failure
        assert await content(database, TABLES, "_1") == await expected(TALLY, store, 2)

    @pytest.mark.parametrize("bad", ["crooked", "poison", "nul\0"])
    @pytest.mark.parametrize("policy", ["skip", "park"])
    async def test_it_goes_on_without_the_event_and_says_which(
        self, database: Database, policy: PoisonPolicy, bad: str
    ) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "two", bad, "four")
        upkeep = upkeep_of(database, store, poison=policy)
        async with keeping(upkeep):
            await reached(upkeep, 4)
        assert await content(database, TABLES) == await expected(TALLY, store, left_out=(3,))
        (poison,) = await upkeep.model.poison(1)
        assert (poison.position, poison.type) == (3, "test.said.v1")
        assert poison.is_parked == (policy == "park")
        assert poison.reason
        build = (await upkeep.model.builds())[0]
        assert (build.parked, build.skipped) == ((1, 0) if policy == "park" else (0, 1))

    async def test_what_the_database_refuses_is_found_among_the_events_of_a_page(
        self, database_url: str, database: Database
    ) -> None:
        store = MemoryStore("team")
        upkeep = upkeep_of(database, store, poison="park")
        await upkeep.model.begin(1)
        await database.transact(lambda c: refuse(c, "refused"))
        words = ["a", "b", "refused", "c", "d", "e", "refused", "f"]
        await speak(store, *words)
        async with keeping(upkeep):
            await reached(upkeep, 8)
        assert [one.position for one in await upkeep.model.poison(1)] == [3, 7]
        assert await content(database, TABLES) == await expected(TALLY, store, left_out=(3, 7))


def refuse(connection: sa.Connection, word: str) -> None:
    """Let the database refuse a word, by a rule of its own that mabeam knows nothing of."""
    if connection.dialect.name == "postgresql":
        rule = f"ALTER TABLE heard_1 ADD CONSTRAINT no CHECK (word <> '{word}')"
        connection.exec_driver_sql(rule)
        return
    for moment in ("INSERT", "UPDATE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER no_{moment} BEFORE {moment} ON heard_1 "
            f"WHEN NEW.word = '{word}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )


def accept(connection: sa.Connection) -> None:
    """Take the rule back."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE heard_1 DROP CONSTRAINT no")
        return
    for moment in ("INSERT", "UPDATE"):
        connection.exec_driver_sql(f"DROP TRIGGER no_{moment}")


class TestRetry:
    @pytest.mark.parametrize("bad", ["crooked", "poison"])
    async def test_once_mended_the_tables_are_as_if_nothing_had_been_parked(
        self, database: Database, bad: str
    ) -> None:
        store = MemoryStore("team", page_max=2)
        await speak(store, "one", bad, "three", bad, "five")
        upkeep = upkeep_of(database, store, poison="park")
        async with keeping(upkeep):
            await reached(upkeep, 5)
        assert [one.position for one in await retry(upkeep, 1)] == [2, 4]
        mended = tally(bad=())
        later = upkeep_of(database, store, mended, "two")
        assert await retry(later, 1) == ()
        assert await content(database, TABLES) == await expected(mended, store)
        async with keeping(later):
            await speak(store, "six")
            await reached(later, 6)
        assert await content(database, TABLES) == await expected(mended, store)

    @pytest.mark.parametrize(("tried", "other"), [(2, 4), (4, 2)])
    async def test_some_of_them_may_be_tried_alone(
        self, database: Database, tried: int, other: int
    ) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "poison", "three", "poison", "five")
        upkeep = upkeep_of(database, store, poison="park")
        async with keeping(upkeep):
            await reached(upkeep, 5)
        mended = tally(bad=())
        left = await retry(upkeep_of(database, store, mended), 1, [tried])
        assert [one.position for one in left] == [other]
        assert await content(database, TABLES) == await expected(mended, store, left_out=(other,))
        with pytest.raises(NotFound, match="position 3"):
            await retry(upkeep, 1, [3])

    async def test_what_the_database_still_refuses_stays_parked_alone(
        self, database: Database
    ) -> None:
        store = MemoryStore("team")
        upkeep = upkeep_of(database, store, poison="park")
        await upkeep.model.begin(1)
        await database.transact(lambda c: refuse(c, "refused"))
        await speak(store, "a", "refused", "poison", "d")
        async with keeping(upkeep):
            await reached(upkeep, 4)
        later = upkeep_of(database, store, tally(bad=()), "two")
        assert [one.position for one in await retry(later, 1)] == [2]
        await database.transact(accept)
        assert await retry(later, 1) == ()
        assert await content(database, TABLES) == await expected(tally(bad=()), store)

    async def test_the_active_one_goes_on_behind_a_retry(self, database: Database) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "poison", "three")
        upkeep = upkeep_of(database, store, tally(bad=("crooked",)), poison="park")
        failing = upkeep_of(database, store, poison="park")
        async with keeping(failing):
            await reached(failing, 3)
        async with keeping(upkeep):
            await speak(store, "four")
            await reached(upkeep, 4)
            assert await retry(upkeep, 1) == ()
            await speak(store, "five")
            await reached(upkeep, 5)
        assert await content(database, TABLES) == await expected(tally(bad=()), store)
