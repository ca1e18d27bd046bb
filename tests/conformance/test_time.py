"""Head, positions of instants, and the log's own clock."""

from __future__ import annotations

from itertools import pairwise

from mabeam.core.ports import EventStore
from support.events import write
from support.reading import read_all
from support.worlds import World

YEAR_2200_NS = 7_258_118_400 * 10**9
DAY_NS = 86_400 * 10**9


class TestHead:
    async def test_it_is_zero_before_the_first_event(self, store: EventStore) -> None:
        assert await store.head() == 0

    async def test_it_is_the_position_of_the_last_event(self, store: EventStore) -> None:
        assert await store.append(write()) == await store.head() == 1
        assert await store.append(write("session/2", 3)) == await store.head() == 4

    async def test_every_process_sees_it(self, world: World) -> None:
        one, other = await world.open(), await world.open()
        assert await one.append(write()) == await other.head() == 1


class TestSpace:
    async def test_a_store_knows_its_space(self, world: World, store: EventStore) -> None:
        assert store.space == world.space


class TestPositionAt:
    async def test_before_everything_it_is_zero(self, store: EventStore) -> None:
        assert await store.position_at(await store.now_ns()) == 0
        _ = await store.append(write())
        assert await store.position_at(0) == 0
        assert await store.position_at(1) == 0

    async def test_in_the_future_it_is_the_head(self, store: EventStore) -> None:
        _ = await store.append(write(count=3))
        assert await store.position_at(await store.now_ns() + DAY_NS) == 3
        assert await store.position_at(YEAR_2200_NS) == 3
        assert await store.position_at(10 * YEAR_2200_NS) == 3

    async def test_before_1970_it_is_zero(self, store: EventStore) -> None:
        _ = await store.append(write())
        assert await store.position_at(-10 * YEAR_2200_NS) == 0

    async def test_it_is_the_last_event_recorded_before_an_instant(self, store: EventStore) -> None:
        for number in range(6):
            _ = await store.append(write(count=1 + number % 3))
        times = [one.recorded_ns for one in await read_all(store)]
        for instant in {near for time in times for near in (time - 1, time, time + 1)}:
            expected = sum(time < instant for time in times)
            assert await store.position_at(instant) == expected

    async def test_between_two_appends_the_clock_names_the_first(self, store: EventStore) -> None:
        _ = await store.append(write())
        (first,) = await read_all(store)
        between = max(await store.now_ns(), first.recorded_ns + 1)
        while await store.now_ns() <= between:
            pass
        _ = await store.append(write())
        assert await store.position_at(between) == 1


class TestClock:
    async def test_it_never_goes_back(self, store: EventStore) -> None:
        times = [await store.now_ns() for _ in range(50)]
        assert all(earlier <= later for earlier, later in pairwise(times))

    async def test_it_is_the_one_that_gives_events_their_record_time(
        self, store: EventStore
    ) -> None:
        told = [await store.now_ns()]
        for _ in range(10):
            _ = await store.append(write())
            told.append(await store.now_ns())
        times = [one.recorded_ns for one in await read_all(store)]
        for before, recorded, behind in zip(told[:-1], times, told[1:], strict=True):
            assert before <= recorded <= behind
