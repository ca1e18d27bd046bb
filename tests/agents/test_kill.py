"""Coordinators that die by kill -9 between any two of their steps, as real processes."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mabeam.app.composition import attach, open_store
from mabeam.app.space import Space
from mabeam.core.policies import Policy
from mabeam.core.variable.events import Changed
from mabeam.core.variable.types import FloatType, IntegerType
from mabeam.projections.verification import verify
from support.nats_server import NatsServer
from support.worlds import fresh_space

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

PROGRAM = Path(__file__).parents[1] / "support" / "doomed_coordinator.py"
KILLED = -9
END_SECONDS = 60
MERGE = Policy("weighted_merge")


@asynccontextmanager
async def coordinator(
    url: str, space: str, step: int = 0, when: str = "before"
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a coordinator process; it is ready when this returns."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), url, space, str(step), when),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def watching(url: str, space: str) -> AsyncGenerator[Space]:
    """Connect to a space without coordinating."""
    async with open_store(space, url) as store, attach(store, coordinate=False) as attached:
        yield attached


async def coordinate_something(space: Space) -> None:
    """Say everything that two sessions, a variable each, and a conflict need to come to an end."""
    temperature = FloatType(0, 2, 0.1, default=0.7)
    await space.variables.declare("temperature", temperature, update="coordinated")
    await space.variables.declare("budget", IntegerType(0, 1000), on_conflict=MERGE)
    base = space.variables.get("budget").position
    await space.variables.propose("budget", 200, by="coder", base=base)
    await space.variables.propose("budget", 400, by="tester", base=base)
    bidders = ("coder", "tester")
    auction = await space.sessions.open_auction("task", name="auction", bidders=bidders)
    vote = await space.sessions.open_consensus(variable="temperature", name="vote", voters=bidders)
    await auction.bid(7, by="coder")
    await auction.bid(9, by="tester")
    await vote.cast("0.2", by="coder")
    await vote.cast("0.4", by="tester")


async def must_end_well(space: Space) -> None:
    """Wait until everything has come to its end, and judge the history."""
    async with asyncio.timeout(END_SECONDS):
        world = await space.until(
            lambda world: (
                world.session("auction").state.phase == "ended"
                and world.variable("temperature").variable.state.changes == 1
                and world.variable("budget").variable.state.changes == 2
            )
        )
    assert world.session("auction").state.outcome == "decided"
    assert world.variable("temperature").variable.state.value == 0.3
    assert world.variable("budget").variable.state.value == 300
    counts = Counter[str]()
    async for page in space.store.read():
        counts.update(recorded.type for recorded in page)
    assert counts["mabeam.session.closed.v1"] == 2
    assert counts["mabeam.auction.decided.v1"] == 1
    assert counts["mabeam.consensus.decided.v1"] == 1
    assert counts["mabeam.conflict.resolved.v1"] == 1
    assert counts["mabeam.variable.changed.v1"] == 3
    assert (await verify(space.store)).divergences == ()


STEPS = [(step, when) for step in range(1, 11) for when in ("before", "after")]


@pytest.mark.parametrize(("step", "when"), STEPS, ids=[f"{when}-{step}" for step, when in STEPS])
async def test_a_coordinator_killed_at_any_step_loses_and_doubles_nothing(
    nats_server: NatsServer, step: int, when: str
) -> None:
    name = fresh_space()
    async with watching(nats_server.url, name) as space:
        async with coordinator(nats_server.url, name, step, when) as doomed:
            await coordinate_something(space)
            # It dies at a step of its own; were there fewer steps, this would never return.
            async with asyncio.timeout(END_SECONDS):
                assert await doomed.wait() == KILLED
        async with coordinator(nats_server.url, name):
            await must_end_well(space)


async def test_coordinators_killed_at_random_under_load_decide_everything_once(
    nats_server: NatsServer,
) -> None:
    name = fresh_space()
    chance = random.Random(7)
    sessions = 60
    deaths = 0

    async def killing() -> None:
        nonlocal deaths
        while True:
            step = chance.randrange(1, 40)
            async with coordinator(nats_server.url, name, step, "after") as doomed:
                died = await doomed.wait() == KILLED
                deaths += died

    async with watching(nats_server.url, name) as space:
        await space.variables.declare("x", IntegerType(0, 1000), update="coordinated")
        killers = [asyncio.create_task(killing()) for _ in range(2)]
        try:
            opened = [
                await space.sessions.open_consensus(variable="x", voters=("a", "b"))
                for _ in range(sessions)
            ]
            for session in opened:
                await asyncio.gather(session.cast(3, by="a"), session.cast(5, by="b"))
            async with asyncio.timeout(END_SECONDS):
                decided = [await session.decision() for session in opened]
        finally:
            for killer in killers:
                killer.cancel()
            await asyncio.wait(killers)
        assert [decision.value for decision in decided] == [4] * sessions
        assert deaths >= 1
        async with coordinator(nats_server.url, name), asyncio.timeout(END_SECONDS):
            last = max(state.decided_at for state in space.sessions.all().values())
            await space.until(lambda world: world.variable("x").variable.state.decided_at == last)
        ends = Counter[str]()
        async for page in space.store.read():
            for recorded in page:
                if recorded.type in {"mabeam.session.closed.v1", "mabeam.consensus.decided.v1"}:
                    ends[f"{recorded.entity} {recorded.type}"] += 1
                if isinstance(recorded.data, Changed):
                    ends[f"applied {recorded.data.session}"] += 1
        assert set(ends.values()) == {1}
        assert (await verify(space.store)).divergences == ()
