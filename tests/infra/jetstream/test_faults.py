"""A server that stops, crashes or freezes under load loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from mabeam.core.errors import Conflict
from mabeam.core.ports import ANY, Checkpoint, EventStore, Write
from mabeam.infra.jetstream import Connection, open_checkpoints, open_store
from support.events import write
from support.nats_server import NatsServer
from support.reading import ids, next_delivery, positions, read_all, take
from support.waiting import until

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

Open = Callable[[str], Awaitable[Connection]]
Break = Callable[[NatsServer], None]


def stop(server: NatsServer) -> None:
    server.restart()


def crash(server: NatsServer) -> None:
    server.kill()
    server.start()


class Load:
    """Writers that go on until told to stop, and what they were promised."""

    def __init__(self) -> None:
        self.promised: dict[int, str] = {}
        self.is_over = False

    async def grow(self, count: int, writers: Sequence[asyncio.Future[None]]) -> None:
        """Wait until so many events more have been acknowledged."""
        goal = len(self.promised) + count
        await until(lambda: len(self.promised) >= goal or any(writer.done() for writer in writers))
        assert len(self.promised) >= goal, "a writer failed"

    async def speak(self, store: EventStore, entity: str) -> None:
        """Append without expectation, one event or several."""
        size = 1
        while not self.is_over:
            append = write(entity, size, expect=ANY)
            self._note(await store.append(append), append)
            size = 3 if size == 1 else 1

    async def decide(self, store: EventStore, entity: str) -> None:
        """Append behind the last event of an entity that others write to as well."""
        seen = 0
        while not self.is_over:
            append = write(entity, expect=seen)
            try:
                seen = await store.append(append)
            except Conflict as conflict:
                seen = conflict.actual or 0
            else:
                self._note(seen, append)

    def _note(self, last: int, append: Write) -> None:
        for position, event in enumerate(append.events, last - len(append.events) + 1):
            assert position not in self.promised, "two appends were promised one position"
            self.promised[position] = event.id


@pytest.mark.parametrize("trouble", [stop, crash])
async def test_under_load_nothing_acknowledged_is_lost_or_doubled(
    on: Open, breakable_server: NatsServer, space: str, trouble: Break
) -> None:
    url = breakable_server.url
    stores = [await open_store(await on(url), space) for _ in range(2)]
    reader = await open_store(await on(url), space)
    load = Load()
    followed: list[str] = []

    async def follow() -> None:
        async with reader.follow() as pages:
            async for page in pages:
                followed.extend(ids(page))

    writers = [
        asyncio.ensure_future(work)
        for number, store in enumerate(stores)
        for work in (
            *(load.speak(store, f"session/{number}-{n}") for n in range(3)),
            *(load.decide(store, "variable/shared") for _ in range(2)),
            load.decide(store, f"variable/{number}"),
        )
    ]
    following = asyncio.ensure_future(follow())
    try:
        for _ in range(2):
            await load.grow(200, writers)
            await asyncio.to_thread(trouble, breakable_server)
        await load.grow(200, writers)
        load.is_over = True
        _ = await asyncio.gather(*writers)
        recorded = await read_all(reader)
        await until(lambda: len(followed) >= len(recorded))
    finally:
        for task in (*writers, following):
            _ = task.cancel()
        _ = await asyncio.gather(*writers, following, return_exceptions=True)
    assert positions(recorded) == list(range(1, len(recorded) + 1))
    there = {one.position: one.id for one in recorded}
    assert {place: there.get(place) for place in load.promised} == load.promised
    assert len(set(there.values())) == len(there), "an event was recorded twice"
    assert len(there) == len(load.promised), "something was recorded and never acknowledged"
    assert followed == ids(recorded)


async def test_a_frozen_server_delays_and_loses_nothing(
    on: Open, breakable_server: NatsServer, space: str
) -> None:
    store = await open_store(await on(breakable_server.url), space)
    breakable_server.freeze()
    waiting = [
        asyncio.ensure_future(store.append(write(f"session/{n}", n, expect=ANY)))
        for n in range(1, 4)
    ]
    reading = asyncio.ensure_future(store.head())
    done, _ = await asyncio.wait(waiting, timeout=2.5)
    assert not done
    breakable_server.thaw()
    ends = await asyncio.gather(*waiting)
    assert await reading in range(7)
    assert len(set(ends)) == 3
    assert await store.head() == max(ends) == 6


async def test_consumers_go_on_behind_a_crash_and_forget_nothing_unsettled(
    on: Open, breakable_server: NatsServer, space: str
) -> None:
    store = await open_store(await on(breakable_server.url), space)
    for _ in range(20):
        _ = await store.append(write())
    async with store.consume("worker", ack_wait_seconds=1.0) as deliveries:
        settled: set[int] = set()
        while len(settled) < 10:
            delivery = await next_delivery(deliveries)
            await delivery.ack()
            settled.add(delivery.recorded.position)
        await asyncio.to_thread(crash, breakable_server)
        for _ in range(5):
            _ = await store.append(write())
        while settled != set(range(1, 26)):
            delivery = await next_delivery(deliveries)
            await delivery.ack()
            settled.add(delivery.recorded.position)


async def test_a_follower_that_waits_hears_what_comes_behind_a_crash(
    on: Open, breakable_server: NatsServer, space: str
) -> None:
    store = await open_store(await on(breakable_server.url), space)
    async with store.follow() as pages:
        for position in range(1, 4):
            waiting = asyncio.ensure_future(take(pages, 1))
            assert await store.append(write()) == position
            assert positions(await waiting) == [position]
            await asyncio.to_thread(crash, breakable_server)


async def test_checkpoints_outlast_a_crash(
    on: Open, breakable_server: NatsServer, space: str
) -> None:
    checkpoints = await open_checkpoints(await on(breakable_server.url), space)
    saved = Checkpoint("agents", 1, 5, b"state")
    await checkpoints.save(saved)
    await asyncio.to_thread(crash, breakable_server)
    assert await checkpoints.load("agents", 1) == saved
    await asyncio.to_thread(breakable_server.stop)
    saving = asyncio.ensure_future(checkpoints.save(Checkpoint("agents", 1, 6, b"later")))
    await asyncio.to_thread(breakable_server.start)
    await saving
    loaded = await checkpoints.load("agents", 1)
    assert loaded is not None
    assert loaded.position == 6
