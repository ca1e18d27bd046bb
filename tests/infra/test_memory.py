"""What the store in memory owes beyond the conformance suite: its clock and its limits."""

from __future__ import annotations

import asyncio

import pytest

from mabeam.core.errors import Rejected
from mabeam.core.ports import EventStore
from mabeam.infra.memory import MemoryStore
from support.events import append_each, write
from support.reading import next_delivery, positions, read_all


class HandClock:
    """A clock that a test sets."""

    def __init__(self, now_ns: int) -> None:
        self.now = now_ns

    def now_ns(self) -> int:
        return self.now


async def times(store: EventStore) -> list[int]:
    return [one.recorded_ns for one in await read_all(store)]


class TestRecordTime:
    async def test_it_is_the_clocks(self) -> None:
        clock = HandClock(7)
        store = MemoryStore("s", clock=clock)
        _ = await store.append(write(count=2))
        clock.now = 9
        _ = await store.append(write())
        assert await times(store) == [7, 7, 9]

    async def test_it_stands_still_while_the_clock_has_jumped_back(self) -> None:
        clock = HandClock(100)
        store = MemoryStore("s", clock=clock)
        _ = await store.append(write())
        clock.now = 40
        assert await store.now_ns() == 100
        _ = await store.append(write())
        clock.now = 101
        _ = await store.append(write())
        assert await times(store) == [100, 100, 101]
        assert [await store.position_at(instant) for instant in (100, 101, 102)] == [0, 2, 3]

    async def test_what_was_told_as_now_is_never_after_the_next_event(self) -> None:
        clock = HandClock(100)
        store = MemoryStore("s", clock=clock)
        told = await store.now_ns()
        clock.now = 40
        _ = await store.append(write())
        assert await times(store) == [told]


class TestLimits:
    def test_a_space_has_a_legal_name(self) -> None:
        with pytest.raises(Rejected):
            _ = MemoryStore("no space")

    async def test_pages_are_no_greater_than_was_asked(self) -> None:
        store = MemoryStore("s", page_max=3)
        await append_each(store, 7)
        pages = [positions(page) async for page in store.read()]
        assert pages == [[1, 2, 3], [4, 5, 6], [7]]

    async def test_a_consumer_is_not_handed_more_than_it_settles(self) -> None:
        """As on a server: a thousand unsettled events are enough for everybody."""
        store = MemoryStore("s")
        _ = await store.append(write("session/1", 1_000))
        _ = await store.append(write("session/1"))
        async with store.consume("worker") as deliveries:
            handed = [await next_delivery(deliveries) for _ in range(1_000)]
            waiting = asyncio.ensure_future(next_delivery(deliveries))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not waiting.done()
            await handed[0].ack()
            assert (await waiting).recorded.position == 1_001


class TestSharedWork:
    async def test_an_acknowledgement_after_a_retry_settles_for_good(self) -> None:
        store = MemoryStore("s")
        await append_each(store, 2)
        async with store.consume("worker") as deliveries:
            first = await next_delivery(deliveries)
            await first.retry()
            await first.ack()
            assert (await next_delivery(deliveries)).recorded.position == 2

    async def test_a_retry_after_an_acknowledgement_is_void(self) -> None:
        store = MemoryStore("s")
        await append_each(store, 2)
        async with store.consume("worker") as deliveries:
            first = await next_delivery(deliveries)
            await first.ack()
            await first.retry()
            assert (await next_delivery(deliveries)).recorded.position == 2
