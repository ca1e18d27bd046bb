"""Thousands of races: no append is accepted beside another, and none that was accepted is lost.

The conformance suite asks the same of every store, some dozens of times. A window of
microseconds in a server shows only in thousands.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

import pytest

from mabeam.core.errors import Conflict, Fenced
from mabeam.core.ports import ANY, NEW, EventStore, Guard
from mabeam.core.subjects import Boundary, Filter
from support.events import fresh_id, write
from support.jetstream_worlds import JetStreamKind, JetStreamWorld
from support.ledger import Ledger
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.reading import read_all

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

RACES_MIN: Final = 2_000
CHANGES_MIN: Final = 2_000
WRITERS: Final = 4
BOUNDARIES: Final = 40
ROUNDS: Final = 55

Step = Callable[[EventStore, int, random.Random], Awaitable[None]]


@pytest.fixture(params=["file", "memory-stream", "replicated"])
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[JetStreamWorld]:
    if request.param == "replicated":
        cluster: NatsCluster = request.getfixturevalue("nats_cluster")
        kind = JetStreamKind(cluster.url, replicas=3)
    else:
        server: NatsServer = request.getfixturevalue("nats_server")
        kind = JetStreamKind(server.url, storage="file" if request.param == "file" else "memory")
    async with kind.world() as world:
        yield world


class Field:
    """Writers in several processes, as far as connections go, over the same boundaries."""

    def __init__(self, world: JetStreamWorld) -> None:
        self.world = world
        self.ledger = Ledger()
        self.tails: dict[int, int] = {}

    @property
    def sees_speech(self) -> bool:
        """Whether an expectation also sees speech on its way; only one server knows of all."""
        return self.world.replicas == 1

    @property
    def has_slow_batches(self) -> bool:
        """Whether each batch is staged on the disk, which takes some hundredfold the time."""
        return self.world.replicas == 1 and self.world.storage == "file"

    async def run(self, step: Step, boundaries: int = BOUNDARIES) -> None:
        """Have each writer take its steps on each boundary, all at once; then judge."""
        stores = [await self.world.open() for _ in range(WRITERS)]

        async def work(writer: int, number: int) -> None:
            chance = random.Random(writer * 1_000 + number)
            for _ in range(ROUNDS):
                await step(stores[writer], number, chance)

        async with asyncio.timeout(100), asyncio.TaskGroup() as group:
            for number in range(boundaries):
                for writer in range(WRITERS):
                    _ = group.create_task(work(writer, number))
        await self.judge()

    async def judge(self) -> None:
        """Hold everything against the log, as a process that knew nothing of it reads it."""
        log = await read_all(await self.world.open())
        self.ledger.check(log, sees_speech=self.sees_speech)

    async def contend(
        self, store: EventStore, number: int, count: int, chance: random.Random
    ) -> None:
        """Append behind the position that all writers of the boundary know."""
        tail = self.tails.get(number, NEW)
        expect = tail if chance.random() < 0.9 else NEW
        outcome = await self.ledger.append(store, write(f"session/{number}", count, expect=expect))
        if isinstance(outcome, int):
            self.learn(number, outcome)
        elif outcome.actual is not None:
            self.learn(number, outcome.actual)

    def learn(self, number: int, position: int) -> None:
        self.tails[number] = max(self.tails.get(number, NEW), position)


@pytest.fixture
def field(world: JetStreamWorld) -> Field:
    return Field(world)


class TestOneBoundary:
    async def test_of_writers_who_expect_the_same_one_succeeds(self, field: Field) -> None:
        async def step(store: EventStore, number: int, chance: random.Random) -> None:
            await field.contend(store, number, 1, chance)

        await field.run(step)
        assert field.ledger.races >= RACES_MIN
        assert field.ledger.refusals >= RACES_MIN

    async def test_batches_and_single_events_keep_each_other_out(self, field: Field) -> None:
        async def step(store: EventStore, number: int, chance: random.Random) -> None:
            # Batches are slow on an unreplicated file stream; a few of many are enough.
            count = 3 if chance.random() < (0.02 if field.has_slow_batches else 0.3) else 1
            await field.contend(store, number, count, chance)

        await field.run(step)
        assert field.ledger.races >= RACES_MIN

    async def test_whoever_expects_nothing_is_never_refused(self, field: Field) -> None:
        async def step(store: EventStore, number: int, chance: random.Random) -> None:
            if chance.random() < 0.3:
                spoken = await field.ledger.append(store, write(f"session/{number}", expect=ANY))
                assert isinstance(spoken, int)
                field.learn(number, spoken)
            else:
                await field.contend(store, number, 1, chance)

        await field.run(step, BOUNDARIES * 2)
        assert field.ledger.races >= RACES_MIN

    async def test_an_append_sent_by_two_at_once_is_recorded_once(self, field: Field) -> None:
        """The same events from two connections: a retry that overtakes what it repeats."""
        stores = [await field.world.open() for _ in range(2)]

        async def twice(number: int) -> None:
            tail: int = NEW
            for turn in range(ROUNDS):
                one = write(f"session/{number}", 1, expect=(tail, ANY)[turn % 2])
                outcomes = await asyncio.gather(*(field.ledger.append(s, one) for s in stores))
                assert outcomes[0] == outcomes[1]
                assert isinstance(outcomes[0], int)
                tail = outcomes[0]

        async with asyncio.timeout(100), asyncio.TaskGroup() as group:
            for number in range(BOUNDARIES):
                _ = group.create_task(twice(number))
        log = await read_all(stores[0])
        assert len(log) == len({one.id for one in log}) == BOUNDARIES * ROUNDS


class TestSeveralBoundaries:
    async def test_appends_that_overlap_in_one_boundary_keep_each_other_out(
        self, field: Field
    ) -> None:
        """Dynamic consistency: a decision over several tags moves a boundary for each of them."""
        tags = 24

        async def step(store: EventStore, number: int, chance: random.Random) -> None:
            chosen = chance.sample(range(tags), 2)
            if chance.random() < 0.5:
                chosen.reverse()
            commit = fresh_id()
            writes = [
                write(f"tag/{tag}", expect=field.tails.get(tag, NEW), commit=commit)
                for tag in chosen
            ]
            outcome = await field.ledger.append(store, *writes)
            if isinstance(outcome, int):
                field.learn(chosen[0], outcome - 1)
                field.learn(chosen[1], outcome)
            elif outcome.actual is not None:
                field.learn(int(outcome.boundary.removeprefix("tag/")), outcome.actual)

        await field.run(step, (4 if field.has_slow_batches else BOUNDARIES))
        assert field.ledger.races >= (100 if field.has_slow_batches else RACES_MIN)

    async def test_writers_of_different_boundaries_do_not_hinder_each_other(
        self, field: Field
    ) -> None:
        store = await field.world.open()

        async def alone(number: int) -> None:
            tail: int = NEW
            for _ in range(20):
                outcome = await field.ledger.append(store, write(f"session/{number}", expect=tail))
                assert isinstance(outcome, int)
                tail = outcome

        async with asyncio.timeout(100), asyncio.TaskGroup() as group:
            for number in range(200):
                _ = group.create_task(alone(number))
        await field.judge()
        assert field.ledger.refusals == 0


class TestOwnership:
    async def test_no_event_of_a_former_owner_stands_behind_the_next(self, field: Field) -> None:
        """Each agent is taken over again and again, by owners who all believe it is theirs."""
        owners: dict[int, int] = {}

        async def step(store: EventStore, number: int, chance: random.Random) -> None:
            owner = Boundary("agent", f"a{number}")
            epoch = owners.get(number, NEW)
            if chance.random() < 0.4:
                taken = await field.ledger.append(store, write(str(owner), expect=epoch))
                if isinstance(taken, int):
                    owners[number] = taken
                return
            count = 2 if chance.random() < (0.02 if field.has_slow_batches else 0.3) else 1
            said = write(f"session/{number}", count)
            _ = await field.ledger.append(store, said, guards=[Guard(owner, epoch)])

        await field.run(step)
        assert sum(tail > 0 for tail in owners.values()) == BOUNDARIES
        changes = await read_all(await field.world.open(), Filter(kind="agent"))
        assert len(changes) >= CHANGES_MIN
        assert field.ledger.fenced >= 100

    async def test_guards_crosswise_admit_one_of_two(self, field: Field) -> None:
        """Each writes where the other guards: both together would break what both have seen."""
        stores = [await field.world.open() for _ in range(2)]
        turns = 200 if field.has_slow_batches else 2_000

        async def cross(turn: int) -> None:
            sides = [Boundary("session", f"{turn}-{side}") for side in "ab"]
            outcomes = await asyncio.gather(
                *(
                    field.ledger.append(
                        stores[side],
                        write(str(sides[side]), 2, expect=NEW),
                        guards=[Guard(sides[1 - side], NEW)],
                    )
                    for side in range(2)
                )
            )
            assert all(isinstance(one, int | Fenced | Conflict) for one in outcomes)
            assert sum(isinstance(one, int) for one in outcomes) <= 1

        async with asyncio.timeout(100):
            for start in range(0, turns, 20):
                _ = await asyncio.gather(*(cross(turn) for turn in range(start, start + 20)))
        assert field.ledger.refusals >= turns
        await field.judge()
