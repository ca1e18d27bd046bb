"""Follow: what is recorded and then what comes, exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from mabeam.core.envelope import Recorded
from mabeam.core.ports import EventStore, Page
from mabeam.core.subjects import Filter
from support.events import append_each, fresh_id, write
from support.reading import positions, take
from support.worlds import World


class TestFollow:
    async def test_from_zero_it_gives_what_is_recorded_and_then_what_comes(
        self, store: EventStore
    ) -> None:
        await append_each(store, 3)
        async with store.follow() as pages:
            assert positions(await take(pages, 3)) == [1, 2, 3]
            await append_each(store, 2)
            assert positions(await take(pages, 2)) == [4, 5]

    async def test_an_event_wakes_one_who_waits(self, store: EventStore) -> None:
        async with store.follow() as pages:
            for position in range(1, 6):
                waiting = asyncio.ensure_future(take(pages, 1))
                await append_each(store, 1)
                assert positions(await waiting) == [position]

    @pytest.mark.parametrize("after", [1, 4, 5])
    async def test_it_starts_behind_a_position(self, store: EventStore, after: int) -> None:
        await append_each(store, 5)
        async with store.follow(after=after) as pages:
            await append_each(store, 2)
            assert positions(await take(pages, 7 - after)) == list(range(after + 1, 8))

    async def test_it_starts_behind_a_position_that_is_still_to_come(
        self, store: EventStore
    ) -> None:
        await append_each(store, 2)
        async with store.follow(after=4) as pages:
            await append_each(store, 4)
            assert positions(await take(pages, 2)) == [5, 6]

    async def test_events_of_one_append_are_not_torn_apart_in_order(
        self, store: EventStore
    ) -> None:
        async with store.follow() as pages:
            commit = fresh_id()
            _ = await store.append(
                write("session/1", 5, commit=commit), write("session/2", 5, commit=commit)
            )
            assert positions(await take(pages, 10)) == list(range(1, 11))

    async def test_a_filter_lets_nothing_else_through_now_and_later(
        self, store: EventStore
    ) -> None:
        await append_each(store, 3, "1")
        await append_each(store, 3, "2")
        async with store.follow(Filter(kind="session", entity="2"), after=1) as pages:
            await append_each(store, 3, "1")
            await append_each(store, 1, "2")
            assert positions(await take(pages, 4)) == [4, 5, 6, 10]

    async def test_one_who_waits_sleeps_through_what_is_not_wanted(self, store: EventStore) -> None:
        async with store.follow(Filter(entity="2")) as pages:
            waiting = asyncio.ensure_future(take(pages, 1))
            await asyncio.sleep(0)
            await append_each(store, 3, "1")
            await append_each(store, 1, "2")
            assert positions(await waiting) == [4]

    @pytest.mark.parametrize("name", ["*", ">", "two words", "dots.in.it", "größe"])
    async def test_a_filter_takes_unusual_names_literally(
        self, store: EventStore, name: str
    ) -> None:
        async with store.follow(Filter(entity=name)) as pages:
            await append_each(store, 1, "other")
            await append_each(store, 1, name)
            await append_each(store, 1, "other")
            await append_each(store, 1, name)
            assert positions(await take(pages, 2)) == [2, 4]

    async def test_every_follower_sees_everything(self, world: World) -> None:
        stores = [await world.open() for _ in range(2)]
        await append_each(stores[0], 3)
        async with AsyncExitStack() as stack:
            followers = [
                await stack.enter_async_context(stores[number % 2].follow(after=number % 3))
                for number in range(8)
            ]
            waiting = [
                asyncio.ensure_future(take(pages, 8 - number % 3))
                for number, pages in enumerate(followers)
            ]
            await append_each(stores[1], 5)
            for number, taken in enumerate(await asyncio.gather(*waiting)):
                assert positions(taken) == list(range(1 + number % 3, 9))

    async def test_a_slow_follower_loses_nothing_and_hinders_nobody(
        self, store: EventStore
    ) -> None:
        async with store.follow() as slow, store.follow() as fast:
            for _ in range(6):
                _ = await store.append(write("session/1", 1_000))
            assert positions(await take(fast, 6_000)) == list(range(1, 6_001))
            first = await anext(slow)
            _ = await store.append(write("session/1"))
            rest = await take(slow, 6_001 - len(first))
        assert positions([*first, *rest]) == list(range(1, 6_002))
        assert len(first) < 6_000

    async def test_catching_up_with_busy_writers_misses_and_repeats_nothing(
        self, world: World
    ) -> None:
        store, other = await world.open(), await world.open()
        _ = await store.append(write("session/1", 800))

        async def talk(speaker: EventStore, entity: str) -> None:
            await append_each(speaker, 60, entity)

        async with store.follow() as pages:
            talking = [asyncio.ensure_future(talk(*one)) for one in ((store, "1"), (other, "2"))]
            taken = await take(pages, 920)
            _ = await asyncio.gather(*talking)
        assert positions(taken) == list(range(1, 921))

    async def test_a_line_that_is_cut_costs_and_repeats_no_event(self, world: World) -> None:
        store, other = await world.open(), await world.open()
        _ = await store.append(write("session/1", 1_000))
        async with store.follow() as pages, other.follow(Filter(entity="2")) as narrow:
            seen = list(await take(pages, 1))
            for turn in range(3):
                talking = asyncio.ensure_future(append_each(other, 20, str(turn)))
                await world.disrupt()
                seen.extend(await take(pages, 1_000 + 20 * (turn + 1) - len(seen)))
                await talking
            assert positions(seen) == list(range(1, 1_061))
            assert positions(await take(narrow, 20)) == list(range(1_041, 1_061))

    async def test_a_follower_may_append_what_it_will_see(self, store: EventStore) -> None:
        await append_each(store, 1)
        seen: list[Recorded] = []
        async with store.follow() as pages:
            while len(seen) < 5:
                seen.extend(await take(pages, 1))
                await append_each(store, 1)
        assert positions(seen) == [1, 2, 3, 4, 5]


class TestClosing:
    async def test_a_cancelled_wait_ends_at_once_and_harms_nobody(self, store: EventStore) -> None:
        entered = asyncio.Event()

        async def wait() -> None:
            async with store.follow() as pages:
                entered.set()
                _ = await anext(pages)

        waiting = asyncio.ensure_future(wait())
        async with asyncio.timeout(20):
            _ = await entered.wait()
            _ = waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        async with store.follow() as pages:
            await append_each(store, 2)
            assert positions(await take(pages, 2)) == [1, 2]

    async def test_one_who_waits_sees_the_end_when_another_closes(self, store: EventStore) -> None:
        async def drain(pages: AsyncIterator[Page]) -> int:
            return sum([len(page) async for page in pages])

        async with asyncio.timeout(20):
            async with store.follow() as pages:
                await append_each(store, 1)
                _ = await anext(pages)
                waiting = asyncio.ensure_future(drain(pages))
                await asyncio.sleep(0)
            assert await waiting == 0

    async def test_an_error_of_the_reader_passes_through(self, store: EventStore) -> None:
        await append_each(store, 1)

        async def fail() -> None:
            async with store.follow() as pages:
                async for _ in pages:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with store.follow() as pages:
            assert positions(await take(pages, 1)) == [1]

    async def test_a_cancelled_wait_loses_no_event(self, store: EventStore) -> None:
        """A reader that waits with a deadline must find later what came too late for it."""
        seen: list[Recorded] = []
        async with store.follow() as pages:
            for _ in range(20):
                waiting = asyncio.ensure_future(anext(pages))
                await append_each(store, 1)
                _ = waiting.cancel()
                try:
                    seen.extend(await waiting)
                except asyncio.CancelledError:
                    continue
            await append_each(store, 1)
            seen.extend(await take(pages, 21 - len(seen)))
        assert positions(seen) == list(range(1, 22))
