"""Read models in SQL are what a fold from zero gives, whoever keeps them and whatever happens."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
import sqlalchemy as sa

from mabeam.core.errors import (
    ConfigurationError,
    Conflict,
    NotFound,
    StoreUnavailable,
)
from mabeam.core.ports import Build, Checkpoint, Page, Step
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.core.tables import Column, Table
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.infra.sql import Database, SqlReadModel, open_database
from mabeam.projections import applying
from mabeam.projections.keeping import catch_up, keep, rebuild
from mabeam.projections.progress import status
from mabeam.projections.upkeep import Upkeep
from support.keeping import keeping, reached, upkeep_of
from support.tallies import TABLES, TALLY, Digest, content, expected, speak, tally
from support.waiting import until


async def test_tables_follow_the_log(database: Database) -> None:
    store = MemoryStore("team", page_max=3)
    await speak(store, "one", "two", "three", "four")
    upkeep = upkeep_of(database, store)
    async with keeping(upkeep):
        await reached(upkeep, 4)
        assert await content(database, TABLES) == await expected(TALLY, store)
        await speak(store, "five", "sixsix", about="variable/x")
        await reached(upkeep, 6)
        assert await content(database, TABLES) == await expected(TALLY, store)


async def test_a_space_without_events_serves_empty_tables(database: Database) -> None:
    upkeep = upkeep_of(database, MemoryStore("team"))
    async with keeping(upkeep):
        await reached(upkeep, 0)
        assert await content(database, TABLES) == await expected(TALLY, upkeep.store)


async def test_what_stands_at_every_checkpoint_is_the_fold_up_to_it(database: Database) -> None:
    store = MemoryStore("team", page_max=2)
    upkeep = upkeep_of(database, store)
    await speak(store, *"abcdefg")
    model = SqlReadModel(database, "team", "tally", TABLES)
    seen: list[int] = []

    class Watched(SqlReadModel):
        async def write(self, number: int, epoch: int, step: Step) -> None:
            await super().write(number, epoch, step)
            found = await content(database, TABLES, f"_{number}")
            assert found == await expected(TALLY, store, step.position)
            seen.append(step.position)

    watched = Watched(database, "team", "tally", TABLES)
    async with keeping(dataclasses.replace(upkeep, model=watched)):
        await reached(upkeep, 7)
    assert seen == [2, 4, 6, 7]
    assert (await model.builds())[0].position == 7


class TestRebuild:
    async def test_readers_see_the_former_tables_until_the_new_ones_are_complete(
        self, database: Database
    ) -> None:
        store = MemoryStore("team", page_max=2)
        await speak(store, "one", "two", "three")
        former, later = upkeep_of(database, store), upkeep_of(database, store, tally(2), "two")
        seen: list[bool] = []

        class Watched(SqlReadModel):
            async def write(self, number: int, epoch: int, step: Step) -> None:
                await super().write(number, epoch, step)
                found = await content(database, TABLES)
                seen.append(found == await expected(TALLY, store))

        watched = Watched(database, "team", "tally", TABLES)
        async with keeping(former) as serving:
            await reached(former, 3)
            build = await rebuild(dataclasses.replace(later, model=watched))
            assert (build.number, build.version, build.position) == (2, 2, 3)
            assert seen == [True, True]
            assert await content(database, TABLES) == await expected(tally(2), store)
            async with asyncio.timeout(30):
                await serving
        assert [one.state for one in await later.model.builds()] == ["retired", "serving"]

    async def test_the_same_version_may_be_rebuilt_beside_itself(self, database: Database) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "two", "three")
        upkeep = upkeep_of(database, store)
        async with keeping(upkeep):
            await reached(upkeep, 3)
            harm = sa.text("UPDATE heard_1 SET word = 'harm'")
            await database.transact(lambda c: c.execute(harm))
            await rebuild(upkeep_of(database, store, holder="two"))
            await speak(store, "four")
            await reached(upkeep, 4)
            assert await content(database, TABLES) == await expected(TALLY, store)

    async def test_a_rebuild_that_was_interrupted_is_gone_on_with(self, database: Database) -> None:
        store = MemoryStore("team")
        upkeep = upkeep_of(database, store)
        await catch_up(upkeep)
        begun = await upkeep.model.begin(1, anew=True)
        assert (await rebuild(upkeep)).number == begun.number == 2

    async def test_tables_that_no_reader_sees_go_when_the_next_are_made(
        self, database: Database
    ) -> None:
        upkeep = upkeep_of(database, MemoryStore("team"))
        await catch_up(upkeep)
        await rebuild(upkeep)
        await rebuild(upkeep)
        assert [one.number for one in await upkeep.model.builds()] == [2, 3]
        names = await database.transact(lambda c: sa.inspect(c).get_table_names())
        assert {name for name in names if name.startswith("tally")} == {"tally_2", "tally_3"}

    async def test_other_tables_of_the_same_version_are_built_anew(
        self, database: Database
    ) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "two")
        await catch_up(upkeep_of(database, store))
        more = Table("more", "nothing yet", (Column("key", "text", "its name", is_key=True),))
        wider = dataclasses.replace(TALLY, tables=(*TABLES, more))
        upkeep = upkeep_of(database, store, wider)
        assert (await catch_up(upkeep)).number == 2
        assert await content(database, wider.tables) == await expected(wider, store)

    async def test_columns_of_other_names_take_the_place_of_the_former(
        self, database: Database
    ) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "two")
        await catch_up(upkeep_of(database, store))
        *others, last = TABLES[0].columns
        columns = (*others, msgspec.structs.replace(last, name="latest"))
        renamed = msgspec.structs.replace(TABLES[0], columns=columns, indexes=())
        other = dataclasses.replace(TALLY, tables=(renamed, TABLES[1]))
        await catch_up(upkeep_of(database, store, other))
        assert await content(database, other.tables) == await expected(other, store)

    @pytest.mark.postgres
    async def test_what_was_granted_on_a_view_outlives_a_switch(self, postgres_url: str) -> None:
        async with open_database(postgres_url) as database:
            store = MemoryStore("team")
            upkeep = upkeep_of(database, store)
            await catch_up(upkeep)
            grant = "GRANT SELECT ON heard TO PUBLIC"
            await database.transact(lambda c: c.exec_driver_sql(grant))
            await rebuild(upkeep)
            asked = sa.text(
                "SELECT relacl::text, obj_description(oid) FROM pg_class WHERE relname = 'heard'"
            )
            granted, meaning = await database.transact(lambda c: c.execute(asked).one())
            assert "=r/" in granted
            assert meaning == "one word"

    async def test_a_build_that_is_gone_is_kept_no_longer(self, database: Database) -> None:
        upkeep = upkeep_of(database, MemoryStore("team"))
        await catch_up(upkeep)
        await applying.Applier(upkeep, 7).run()
        with pytest.raises(NotFound, match="build 7"):
            await upkeep.model.write(7, 0, Step(0, 1))

    async def test_an_earlier_version_does_not_take_over_by_itself(
        self, database: Database
    ) -> None:
        store = MemoryStore("team")
        await speak(store, "one")
        await catch_up(upkeep_of(database, store, tally(2)))
        with pytest.raises(ConfigurationError, match=r"version 2 .* serves, this is version 1"):
            await keep(upkeep_of(database, store))
        assert (await rebuild(upkeep_of(database, store))).number == 2
        assert await content(database, TABLES) == await expected(TALLY, store)


class TestSeveral:
    async def test_one_is_active_and_another_takes_over(self, database: Database) -> None:
        store = MemoryStore("team")
        one, two = upkeep_of(database, store), upkeep_of(database, store, holder="two")
        await speak(store, "one")
        async with keeping(two):
            async with keeping(one):
                await reached(one, 1)
                assert (await one.model.builds())[0].holder in {"one", "two"}
            await speak(store, "two")
            await reached(two, 2)
        assert await content(database, TABLES) == await expected(TALLY, store)

    async def test_who_was_superseded_writes_nothing(self, database: Database) -> None:
        store = MemoryStore("team")
        model = upkeep_of(database, store).model
        await model.begin(1)
        # Long enough for a busy machine to ask again before it is over.
        first = await model.claim(1, "first", 2)
        assert (await model.claim(1, "second", 60)).holder == "first"

        async def is_taken() -> bool:
            return (await model.claim(1, "second", 60)).holder == "second"

        await until(is_taken)
        with pytest.raises(Conflict):
            await model.write(1, first.epoch, Step(0, 3))
        with pytest.raises(Conflict):
            await model.serve(1, first.epoch)
        await model.release(1, first.epoch, "late")
        assert (await model.claim(1, "first", 60)).holder == "second"
        assert (await model.builds())[0].failure == ""

    async def test_no_step_is_recorded_twice(self, database: Database) -> None:
        model = upkeep_of(database, MemoryStore("team")).model
        await model.begin(1)
        epoch = (await model.claim(1, "one", 60)).epoch
        await model.write(1, epoch, Step(0, 3))
        with pytest.raises(Conflict) as raised:
            await model.write(1, epoch, Step(0, 3))
        assert (raised.value.expected, raised.value.actual) == (0, 3)

    async def test_nothing_is_written_behind_a_pause(self, database: Database) -> None:
        store = MemoryStore("team")
        upkeep = upkeep_of(database, store)
        await speak(store, "one")
        async with keeping(upkeep):
            await reached(upkeep, 1)
            await upkeep.model.pause(is_paused=True)
            paused = (await status(store, upkeep.model)).builds[0]
            assert (paused.condition, paused.build.holder) == ("paused", "")
            with pytest.raises(Conflict):
                await upkeep.model.write(1, paused.build.epoch - 1, Step(1, 2))
            await speak(store, "two")
            assert (await upkeep.model.claim(1, "two", 60)).holder == ""
            assert (await status(store, upkeep.model)).builds[0].lag == 1
            await upkeep.model.pause(is_paused=False)
            await reached(upkeep, 2)
        assert await content(database, TABLES) == await expected(TALLY, store)


class TestOthers:
    async def test_a_database_keeps_the_tables_of_one_space(self, database: Database) -> None:
        await catch_up(upkeep_of(database, MemoryStore("team")))
        with pytest.raises(ConfigurationError, match="space 'team', not of 'other'"):
            await catch_up(upkeep_of(database, MemoryStore("other")))

    async def test_tables_of_another_log_are_left_alone(self, database: Database) -> None:
        store = MemoryStore("team")
        await speak(store, "one", "two", "three")
        await catch_up(upkeep_of(database, store))
        shorter = MemoryStore("team")
        await speak(shorter, "else")
        with pytest.raises(ConfigurationError, match=r"position 3, but the log .* ends at 1"):
            await keep(upkeep_of(database, shorter))

    async def test_nothing_can_be_paused_that_is_not_there(self, database: Database) -> None:
        with pytest.raises(NotFound):
            await upkeep_of(database, MemoryStore("team")).model.pause(is_paused=True)
        assert await upkeep_of(database, MemoryStore("team")).model.builds() == ()

    async def test_a_name_that_is_taken_is_told(self, database: Database) -> None:
        await database.transact(lambda c: c.exec_driver_sql("CREATE TABLE tally (a integer)"))
        with pytest.raises(ConfigurationError, match="tally"):
            await catch_up(upkeep_of(database, MemoryStore("team")))


class TestCheckpoints:
    async def test_a_start_begins_with_the_state_at_the_checkpoint(
        self, database: Database
    ) -> None:
        store, checkpoints = Counting("team", page_max=2), MemoryCheckpoints()
        options: dict[str, Any] = {
            "checkpoints": checkpoints,
            "codec": Digest(),
            "checkpoint_every": 4,
        }
        await speak(store, *"abcdef")
        await catch_up(upkeep_of(database, store, **options))
        saved = await checkpoints.load("counts", 1, until=5)
        assert saved is not None
        assert saved.position == 4
        await speak(store, *"gh")
        store.first = []
        await catch_up(upkeep_of(database, store, **options))
        assert store.first == [7]
        assert await content(database, TABLES) == await expected(TALLY, store)

    @pytest.mark.parametrize("state", [b"", b"no state"])
    async def test_states_that_cannot_be_read_only_cost_time(
        self, database: Database, state: bytes
    ) -> None:
        store, checkpoints = MemoryStore("team", page_max=2), MemoryCheckpoints()
        options: dict[str, Any] = {"checkpoints": checkpoints, "codec": Digest()}
        await speak(store, *"abcdef")
        await catch_up(upkeep_of(database, store, **options))
        await checkpoints.save(Checkpoint("counts", 1, 6, state))
        await speak(store, *"gh")
        await catch_up(upkeep_of(database, store, **options))
        assert await content(database, TABLES) == await expected(TALLY, store)

    def test_they_need_a_codec(self) -> None:
        store = MemoryStore("team")
        with pytest.raises(ValueError, match="codec"):
            Upkeep(TALLY, store, cast("Any", None), "one", checkpoints=MemoryCheckpoints())


class Counting(MemoryStore):
    """A log that remembers where each reading and following of it began."""

    def __init__(self, space: str, *, page_max: int) -> None:
        super().__init__(space, page_max=page_max)
        self.first: list[int] = []

    def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncGenerator[Page]:
        self.first.append(after + 1)
        return super().read(wanted, after=after, until=until)

    @asynccontextmanager
    async def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AsyncGenerator[AsyncIterator[Page]]:
        self.first.append(after + 1)
        async with super().follow(wanted, after=after) as pages:
            yield pages


class TestOutages:
    async def test_a_database_out_of_reach_is_waited_for(self, database: Database) -> None:
        store = MemoryStore("team", page_max=2)
        await speak(store, *"abcdef")
        upkeep = upkeep_of(database, store)
        lost = Lossy(database, "team", "tally", TABLES)
        async with keeping(dataclasses.replace(upkeep, model=lost)):
            await reached(upkeep, 6)
        assert lost.refusals == 0
        assert await content(database, TABLES) == await expected(TALLY, store)

    async def test_it_gives_up_in_the_end(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(applying, "OUTAGE_SECONDS", 0.0)
        upkeep = upkeep_of(database, MemoryStore("team"))
        lost = Lossy(database, "team", "tally", TABLES)
        lost.refusals = 1_000
        with pytest.raises(StoreUnavailable):
            await keep(dataclasses.replace(upkeep, model=lost))


class Lossy(SqlReadModel):
    """Tables whose answers are lost, at times before and at times behind the deed."""

    refusals = 6

    async def write(self, number: int, epoch: int, step: Step) -> None:
        if self.refusals:
            self.refusals -= 1
            if self.refusals % 2:
                await super().write(number, epoch, step)
            raise StoreUnavailable("lost")
        await super().write(number, epoch, step)

    async def claim(self, number: int, holder: str, seconds: float) -> Build:
        if self.refusals % 3 == 1:
            self.refusals -= 1
            raise StoreUnavailable("lost")
        return await super().claim(number, holder, seconds)

    async def release(self, number: int, epoch: int, failure: str = "") -> None:
        if self.refusals:
            raise StoreUnavailable("lost")
        await super().release(number, epoch, failure)
