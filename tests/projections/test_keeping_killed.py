"""Tables kept by processes that die by kill -9 between any two of their steps."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mabeam.app.composition import open_store
from mabeam.core.errors import StoreUnavailable
from mabeam.core.ports import Build, EventStore
from mabeam.infra.sql import Database, SqlReadModel, open_database
from mabeam.projections.keeping import catch_up
from mabeam.projections.upkeep import Upkeep
from support.nats_server import NatsServer
from support.tallies import TABLES, TALLY, checkpoint, content, expected, speak
from support.waiting import until
from support.worlds import fresh_space

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

PROGRAM = Path(__file__).parents[1] / "support" / "doomed_projector.py"
KILLED = -signal.SIGKILL
END_SECONDS = 60
WORDS = ["a", "b", "poison", "d", "e", "crooked", "g", "h", "i", "j"]
LEFT_OUT = (3, 6)


@asynccontextmanager
async def projector(
    url: str, space: str, address: str, step: int = 0, when: str = "after"
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a process that keeps the tables."""
    folders = os.pathsep.join([str(PROGRAM.parents[1]), os.environ.get("PYTHONPATH", "")])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), url, space, address, str(step), when),
        env=os.environ | {"PYTHONPATH": folders},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def newest(database: Database, space: str) -> Build | None:
    builds = await SqlReadModel(database, space, TALLY.name, TABLES).builds()
    return builds[-1] if builds else None


async def must_be_the_fold(database: Database, store: EventStore) -> None:
    """See that what is recorded is the fold up to the checkpoint, wherever that is."""
    build = await newest(database, store.space)
    if build is not None:
        position, parked, found = await checkpoint(database, build.number)
        assert found == await expected(TALLY, store, position, LEFT_OUT)
        assert parked == sum(one <= position for one in LEFT_OUT)


async def must_end_well(database: Database, store: EventStore, head: int) -> Build:
    """Wait until readers see everything, and judge it."""

    async def is_complete() -> bool:
        build = await newest(database, store.space)
        return build is not None and build.state == "serving" and build.position == head

    await until(is_complete)
    assert await content(database, TABLES) == await expected(TALLY, store, None, LEFT_OUT)
    build = await newest(database, store.space)
    assert build is not None
    assert build.parked == len(LEFT_OUT)
    return build


STEPS = [(step, when) for step in range(1, 8) for when in ("within", "after")]


@pytest.mark.parametrize(("step", "when"), STEPS, ids=[f"{when}-{step}" for step, when in STEPS])
async def test_a_process_killed_at_any_step_loses_and_doubles_nothing(
    nats_server: NatsServer, tmp_path: Path, step: int, when: str
) -> None:
    space, address = fresh_space(), f"sqlite:///{tmp_path / 'tables.db'}"
    async with open_store(space, nats_server.url) as store:
        head = await speak(store, *WORDS)
        async with projector(nats_server.url, space, address, step, when) as doomed:
            # It dies at a step of its own; were there fewer steps, this would never return.
            async with asyncio.timeout(END_SECONDS):
                assert await doomed.wait() == KILLED
        async with open_database(address) as database:
            await must_be_the_fold(database, store)
            model = SqlReadModel(database, space, TALLY.name, TABLES)
            heir = Upkeep(TALLY, store, model, "heir", poison="park", lease_seconds=0.1)
            await catch_up(heir)
            await must_end_well(database, store, head)


async def test_another_process_takes_over_from_one_that_was_killed(
    nats_server: NatsServer, database: Database, database_url: str
) -> None:
    space = fresh_space()
    async with open_store(space, nats_server.url) as store:
        head = await speak(store, *WORDS)
        arguments = (nats_server.url, space, database_url)
        async with projector(*arguments) as one, projector(*arguments) as two:
            before = await must_end_well(database, store, head)
            pids = {str(one.pid): one, str(two.pid): two}
            active = pids.pop(before.holder)
            active.kill()
            head = await speak(store, "later")
            after = await must_end_well(database, store, head)
            assert after.holder in pids
            assert after.epoch > before.epoch


async def freeze(process: asyncio.subprocess.Process, database: Database, space: str) -> None:
    """Stop a process, but not within a transaction: SQLite would let nobody else in."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            await newest(database, space)
        except StoreUnavailable:
            process.send_signal(signal.SIGCONT)
        else:
            return


async def test_a_process_that_was_stopped_finds_itself_superseded(
    nats_server: NatsServer, database: Database, database_url: str
) -> None:
    space = fresh_space()
    async with open_store(space, nats_server.url) as store:
        head = await speak(store, *WORDS)
        async with projector(nats_server.url, space, database_url) as frozen:
            before = await must_end_well(database, store, head)
            assert before.holder == str(frozen.pid)
            await freeze(frozen, database, space)
            async with projector(nats_server.url, space, database_url) as other:
                head = await speak(store, *("later" for _ in range(20)))
                assert (await must_end_well(database, store, head)).holder == str(other.pid)
                frozen.send_signal(signal.SIGCONT)
                head = await speak(store, *("last" for _ in range(20)))
                assert (await must_end_well(database, store, head)).holder == str(other.pid)
            head = await speak(store, "and on")
            assert (await must_end_well(database, store, head)).holder == str(frozen.pid)


async def test_processes_killed_at_random_under_load_apply_everything_once(
    nats_server: NatsServer, database: Database, database_url: str
) -> None:
    space = fresh_space()
    chance = random.Random(7)

    async def die() -> None:
        """Run two processes, one after the other, each until it kills itself."""
        for _ in range(2):
            # Who stands by claims again and again, and each claim is a step.
            step, when = chance.randrange(2, 25), chance.choice(["within", "after"])
            async with projector(nats_server.url, space, database_url, step, when) as doomed:
                assert await doomed.wait() == KILLED

    async with open_store(space, nats_server.url) as store:
        head = await speak(store, *WORDS)
        async with asyncio.TaskGroup() as group:
            dying = {group.create_task(die()) for _ in range(2)}
            while not all(one.done() for one in dying):
                head = await speak(store, "word", "and", "so", "on", about="variable/x")
                await must_be_the_fold(database, store)
                await asyncio.wait(dying, timeout=0.2)
        async with projector(nats_server.url, space, database_url):
            await must_end_well(database, store, head)
