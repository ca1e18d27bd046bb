"""Consume: work shared under a name, delivered until it is settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mabeam.core.errors import ConfigurationError
from mabeam.core.ports import Delivery, EventStore
from mabeam.core.subjects import Filter
from support.events import append_each, write
from support.reading import next_delivery
from support.worlds import World

# Short enough to wait for, long enough for a busy machine to settle what it was given.
SOON_SECONDS = 0.4


async def settle(deliveries: AsyncIterator[Delivery], count: int) -> list[int]:
    """Acknowledge so many deliveries and return their positions."""
    settled: list[int] = []
    for _ in range(count):
        delivery = await next_delivery(deliveries)
        settled.append(delivery.recorded.position)
        await delivery.ack()
    return settled


class TestConsume:
    async def test_it_delivers_what_is_recorded_and_then_what_comes(
        self, store: EventStore
    ) -> None:
        await append_each(store, 3)
        async with store.consume("worker") as deliveries:
            assert sorted(await settle(deliveries, 3)) == [1, 2, 3]
            await append_each(store, 2)
            assert sorted(await settle(deliveries, 2)) == [4, 5]

    async def test_an_event_wakes_one_who_waits(self, store: EventStore) -> None:
        async with store.consume("worker") as deliveries:
            waiting = asyncio.ensure_future(settle(deliveries, 1))
            await asyncio.sleep(0)
            await append_each(store, 1)
            assert await waiting == [1]

    async def test_the_event_comes_whole(self, store: EventStore) -> None:
        one = write("session/größe 1", actor="ann.a")
        _ = await store.append(one)
        async with store.consume("worker") as deliveries:
            recorded = (await next_delivery(deliveries)).recorded
        assert recorded.envelope == one.events[0]
        assert (recorded.position, recorded.kind, recorded.actor) == (1, "session", "ann.a")
        (read,) = [one async for page in store.read() for one in page]
        assert read.recorded_ns == recorded.recorded_ns

    async def test_a_delivery_tells_how_often_it_was_handed_out(self, store: EventStore) -> None:
        await append_each(store, 2)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            first = await next_delivery(deliveries)
            await (await next_delivery(deliveries)).ack()
            await first.retry()
            again = await next_delivery(deliveries)
            left = await next_delivery(deliveries)
        assert [one.recorded.position for one in (first, again, left)] == [1, 1, 1]
        assert [one.attempt for one in (first, again, left)] == [1, 2, 3]

    async def test_a_filter_lets_nothing_else_through_now_and_later(
        self, store: EventStore
    ) -> None:
        await append_each(store, 2, "a b")
        await append_each(store, 2, "*")
        async with store.consume("worker", Filter(entity="*")) as deliveries:
            await append_each(store, 1, "a b")
            await append_each(store, 1, "*")
            assert sorted(await settle(deliveries, 3)) == [3, 4, 6]

    async def test_consumers_of_one_name_share_the_events(self, world: World) -> None:
        stores = [await world.open() for _ in range(3)]
        delivered: list[int] = []
        done = asyncio.Event()

        async def work(store: EventStore) -> None:
            async with store.consume("worker") as deliveries:
                async for delivery in deliveries:
                    delivered.append(delivery.recorded.position)
                    await delivery.ack()
                    if len(set(delivered)) == 90:
                        done.set()

        _ = await stores[0].append(write("session/1", 60))
        workers = [asyncio.ensure_future(work(store)) for store in stores]
        await append_each(stores[0], 30)
        async with asyncio.timeout(20):
            _ = await done.wait()
        for worker in workers:
            _ = worker.cancel()
        _ = await asyncio.gather(*workers, return_exceptions=True)
        assert set(delivered) == set(range(1, 91))
        assert len(delivered) < 2 * 90

    async def test_consumers_of_different_names_get_everything_each(
        self, store: EventStore
    ) -> None:
        await append_each(store, 3)
        async with store.consume("one") as one, store.consume("other") as other:
            assert sorted(await settle(one, 3)) == [1, 2, 3]
            assert sorted(await settle(other, 3)) == [1, 2, 3]

    async def test_a_name_stands_for_one_filter(self, store: EventStore) -> None:
        async with store.consume("worker", Filter(kind="session")):
            pass
        with pytest.raises(ConfigurationError):
            async with store.consume("worker", Filter(kind="variable")):
                pass

    @pytest.mark.parametrize("name", ["two words", "dots.in.it", "*", ">", "größe"])
    async def test_any_name_will_do(self, store: EventStore, name: str) -> None:
        await append_each(store, 1)
        async with store.consume(name) as deliveries, store.consume(name + "x") as others:
            assert await settle(deliveries, 1) == [1]
            assert await settle(others, 1) == [1]


class TestSettling:
    @pytest.mark.slow
    async def test_what_is_settled_is_never_delivered_again(self, world: World) -> None:
        store = await world.open()
        await append_each(store, 3)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            assert sorted(await settle(deliveries, 3)) == [1, 2, 3]
        await append_each(store, 1)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            # That the new event comes twice shows that the wait is over for the others too.
            for _ in range(2):
                assert (await next_delivery(deliveries)).recorded.position == 4

    async def test_the_log_remembers_it_when_all_processes_restart(self, world: World) -> None:
        store = await world.open()
        await append_each(store, 4)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            settled = await settle(deliveries, 2)
        await world.restart()
        store = await world.open()
        await append_each(store, 1)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            settled += await settle(deliveries, 3)
        assert sorted(settled) == [1, 2, 3, 4, 5]

    @pytest.mark.slow
    async def test_what_is_not_settled_in_time_is_delivered_again(self, store: EventStore) -> None:
        await append_each(store, 1)
        clock = asyncio.get_running_loop()
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            begun = clock.time()
            _ = await next_delivery(deliveries)
            second = await next_delivery(deliveries)
            # A lower bound only: the store may be late, but not before its time.
            assert clock.time() - begun > SOON_SECONDS * 0.8
            assert second.recorded.position == 1
            await second.ack()
            await append_each(store, 1)
            assert await settle(deliveries, 1) == [2]

    @pytest.mark.slow
    async def test_an_acknowledgement_that_comes_late_still_settles(
        self, store: EventStore
    ) -> None:
        await append_each(store, 1)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            first = await next_delivery(deliveries)
            _ = await next_delivery(deliveries)
            await first.ack()
            await append_each(store, 1)
            for _ in range(2):
                assert (await next_delivery(deliveries)).recorded.position == 2

    @pytest.mark.slow
    async def test_settling_twice_does_no_more_than_once(self, store: EventStore) -> None:
        await append_each(store, 1)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            first = await next_delivery(deliveries)
            await first.ack()
            await first.ack()
            await append_each(store, 1)
            for _ in range(2):
                assert (await next_delivery(deliveries)).recorded.position == 2

    async def test_retry_delivers_again_without_waiting(self, store: EventStore) -> None:
        await append_each(store, 1)
        async with store.consume("worker", ack_wait_seconds=3_600) as deliveries:
            for _ in range(3):
                delivery = await next_delivery(deliveries)
                assert delivery.recorded.position == 1
                await delivery.retry()
            assert await settle(deliveries, 1) == [1]

    @pytest.mark.slow
    async def test_retry_delivers_again_after_a_delay(self, store: EventStore) -> None:
        await append_each(store, 1)
        clock = asyncio.get_running_loop()
        async with store.consume("worker", ack_wait_seconds=3_600) as deliveries:
            delivery = await next_delivery(deliveries)
            begun = clock.time()
            await delivery.retry(SOON_SECONDS)
            again = await next_delivery(deliveries)
            assert clock.time() - begun > SOON_SECONDS * 0.8
            assert again.recorded.position == 1

    async def test_a_delayed_event_does_not_hold_up_the_others(self, store: EventStore) -> None:
        await append_each(store, 1)
        async with store.consume("worker") as deliveries:
            await (await next_delivery(deliveries)).retry(3_600)
            await append_each(store, 3)
            assert sorted(await settle(deliveries, 3)) == [2, 3, 4]

    @pytest.mark.slow
    async def test_retry_hands_it_to_any_process(self, world: World) -> None:
        one, other = await world.open(), await world.open()
        await append_each(one, 1)
        async with one.consume("worker", ack_wait_seconds=3_600) as deliveries:
            await (await next_delivery(deliveries)).retry(SOON_SECONDS)
        async with other.consume("worker", ack_wait_seconds=3_600) as deliveries:
            assert await settle(deliveries, 1) == [1]

    async def test_a_line_that_is_cut_costs_no_event(self, world: World) -> None:
        store, other = await world.open(), await world.open()
        await append_each(store, 40)
        settled: set[int] = set()
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            settled.update(await settle(deliveries, 10))
            await world.disrupt()
            await append_each(other, 40)
            while len(settled) < 80:
                settled.update(await settle(deliveries, 1))
        assert settled == set(range(1, 81))

    @pytest.mark.slow
    async def test_what_a_crash_left_unsettled_goes_to_another(self, world: World) -> None:
        store = await world.open()
        await append_each(store, 3)
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            settled = await settle(deliveries, 1)
            _ = await next_delivery(deliveries)
        await world.restart()
        store = await world.open()
        async with store.consume("worker", ack_wait_seconds=SOON_SECONDS) as deliveries:
            settled += await settle(deliveries, 2)
        assert sorted(settled) == [1, 2, 3]


class TestClosing:
    async def test_a_cancelled_wait_ends_at_once_and_harms_nobody(self, store: EventStore) -> None:
        entered = asyncio.Event()

        async def wait() -> None:
            async with store.consume("worker") as deliveries:
                entered.set()
                _ = await anext(deliveries)

        waiting = asyncio.ensure_future(wait())
        async with asyncio.timeout(20):
            _ = await entered.wait()
            _ = waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with store.consume("worker") as deliveries:
            await append_each(store, 1)
            assert await settle(deliveries, 1) == [1]

    async def test_one_who_waits_sees_the_end_when_another_closes(self, store: EventStore) -> None:
        async def drain(deliveries: AsyncIterator[Delivery]) -> int:
            return len([delivery async for delivery in deliveries])

        async with asyncio.timeout(20):
            async with store.consume("worker") as deliveries:
                waiting = asyncio.ensure_future(drain(deliveries))
                await asyncio.sleep(0)
            assert await waiting == 0
