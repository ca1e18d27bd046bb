"""Guards: an append is recorded only while other boundaries stand where the writer saw them."""

from __future__ import annotations

import asyncio

import pytest

from mabeam.core.errors import Conflict, Fenced, Rejected
from mabeam.core.ports import ANY, NEW, EventStore, Guard
from mabeam.core.subjects import Boundary, Filter
from support.events import fresh_id, write
from support.reading import ids, read_all
from support.worlds import World

OWNER = Boundary("agent", "coder")


async def take_over(store: EventStore, epoch: int = NEW) -> int:
    """Record a new owner, and return the position under which it may write."""
    return await store.append(write(str(OWNER), expect=epoch))


class TestAGuardThatHolds:
    @pytest.mark.parametrize("count", [1, 3])
    async def test_the_append_is_recorded(self, store: EventStore, count: int) -> None:
        epoch = await take_over(store)
        assert await store.append(write(count=count), guards=[Guard(OWNER, epoch)]) == 1 + count

    async def test_it_may_stand_beside_an_expectation(self, store: EventStore) -> None:
        epoch = await take_over(store)
        last = await store.append(write(count=2, expect=NEW), guards=[Guard(OWNER, epoch)])
        assert last == 3
        with pytest.raises(Conflict):
            _ = await store.append(write(count=2, expect=NEW), guards=[Guard(OWNER, epoch)])

    async def test_several_may_hold_at_once(self, store: EventStore) -> None:
        other = Boundary("agent", "tester")
        epoch = await take_over(store)
        guards = [Guard(other, NEW), Guard(OWNER, epoch)]
        assert await store.append(write(count=2), guards=guards) == 3

    async def test_it_may_hold_because_nothing_is_there(self, store: EventStore) -> None:
        assert await store.append(write(), guards=[Guard(OWNER, NEW)]) == 1

    async def test_a_repeated_append_is_recorded_once(self, store: EventStore) -> None:
        epoch = await take_over(store)
        one = write()
        assert await store.append(one, guards=[Guard(OWNER, epoch)]) == 2
        assert await store.append(one, guards=[Guard(OWNER, epoch)]) == 2
        assert await store.head() == 2

    async def test_one_writer_may_pipeline_under_it(self, store: EventStore) -> None:
        epoch = await take_over(store)
        appends = [write(f"session/{number % 5}") for number in range(40)]
        lasts = await asyncio.gather(
            *(store.append(one, guards=[Guard(OWNER, epoch)]) for one in appends)
        )
        assert sorted(lasts) == list(range(2, 42))


class TestAGuardThatMoved:
    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_the_writer_is_told_and_nothing_is_recorded(
        self, store: EventStore, expect: int | None, count: int
    ) -> None:
        epoch = await take_over(store)
        now = await take_over(store, epoch)
        spare = 0 if expect is ANY else 1
        late = write(count=count + spare, expect=expect)
        with pytest.raises(Fenced) as caught:
            _ = await store.append(late, guards=[Guard(OWNER, epoch)])
        error = caught.value
        assert (error.boundary, error.expected, error.actual) == ("agent/coder", epoch, now)
        assert await store.head() == now

    async def test_it_is_told_even_where_another_writer_was_first(self, store: EventStore) -> None:
        epoch = await take_over(store)
        _ = await take_over(store, epoch)
        _ = await store.append(write())
        with pytest.raises(Fenced):
            _ = await store.append(write(count=2, expect=NEW), guards=[Guard(OWNER, epoch)])

    async def test_of_several_one_is_enough(self, store: EventStore) -> None:
        other = Boundary("agent", "tester")
        epoch = await take_over(store)
        _ = await store.append(write(str(other)))
        guards = [Guard(OWNER, epoch), Guard(other, NEW)]
        with pytest.raises(Fenced) as caught:
            _ = await store.append(write(count=2), guards=guards)
        assert caught.value.boundary == "agent/tester"

    async def test_a_position_that_never_was_holds_nothing(self, store: EventStore) -> None:
        epoch = await take_over(store)
        with pytest.raises(Fenced) as caught:
            _ = await store.append(write(), guards=[Guard(OWNER, epoch + 5)])
        assert caught.value.actual == epoch

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_what_was_recorded_before_is_recognised(
        self, world: World, expect: int | None, count: int
    ) -> None:
        """The answer was lost, another took over, and the former owner tries once more."""
        store = await world.open()
        epoch = await take_over(store)
        one = write(count=count + 1, expect=expect)
        last = await store.append(one, guards=[Guard(OWNER, epoch)])
        now = await take_over(store, epoch)
        for _ in range(3):
            _ = await store.append(write(), guards=[Guard(OWNER, now)])
        again = await world.open()
        assert await again.append(one, guards=[Guard(OWNER, epoch)]) == last

    async def test_a_deposed_owner_never_gets_in_again(self, world: World) -> None:
        stores = [await world.open(), await world.open()]
        epoch = await take_over(stores[0])
        now = await take_over(stores[1], epoch)
        late = write()
        for _ in range(5):
            with pytest.raises(Fenced):
                _ = await stores[0].append(late, guards=[Guard(OWNER, epoch)])
            _ = await stores[1].append(write(), guards=[Guard(OWNER, now)])
        recorded = await read_all(stores[1], Filter(kind="session"))
        assert late.events[0].id not in ids(recorded)
        assert len(recorded) == 5


NO_GUARDS = {
    "on what is written": ([write(count=2)], [Guard(Boundary("session", "1"), NEW)]),
    "twice on one boundary": ([write(count=2)], [Guard(OWNER, 1), Guard(OWNER, 1)]),
    "beside an expectation, for one event": ([write(expect=NEW)], [Guard(OWNER, NEW)]),
    "more than events": ([write()], [Guard(OWNER, NEW), Guard(Boundary("agent", "b"), NEW)]),
    "on a nameless entity": ([write()], [Guard(Boundary("agent", ""), NEW)]),
}


@pytest.mark.parametrize("name", NO_GUARDS)
async def test_what_cannot_be_a_guard_is_refused(store: EventStore, name: str) -> None:
    writes, guards = NO_GUARDS[name]
    with pytest.raises(Rejected) as caught:
        _ = await store.append(*writes, guards=guards)
    assert caught.value.field in {"guards", "entity"}
    assert caught.value.allowed
    assert await store.head() == 0


class TestRacesForOwnership:
    async def test_no_event_of_a_former_owner_stands_behind_the_next(self, world: World) -> None:
        """Owners write as fast as they can while others depose them."""
        store = await world.open()
        epoch = await take_over(store)
        owners: dict[str, int] = {}

        async def own(mine: EventStore, epoch: int) -> None:
            while True:
                one = write("session/1")
                owners[one.events[0].id] = epoch
                try:
                    _ = await mine.append(one, guards=[Guard(OWNER, epoch)])
                except Fenced:
                    return

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for _ in range(12):
                mine = await world.open()
                _ = group.create_task(own(mine, epoch))
                await asyncio.sleep(0.01)
                epoch = await take_over(mine, epoch)
            _ = await take_over(store, epoch)
        current = 0
        for recorded in await read_all(store):
            if recorded.boundary == OWNER:
                current = recorded.position
            else:
                assert owners[recorded.id] == current

    async def test_conditions_on_two_boundaries_admit_one_of_two_writers(
        self, world: World
    ) -> None:
        """Each writes where the other guards: both together would break what both have seen."""
        stores = [await world.open() for _ in range(2)]
        for turn in range(10):
            sides = [Boundary("session", f"{turn}-{side}") for side in "ab"]
            outcomes = await asyncio.gather(
                *(
                    stores[side].append(
                        write(str(sides[side]), 2, expect=NEW, commit=fresh_id()),
                        guards=[Guard(sides[1 - side], NEW)],
                    )
                    for side in range(2)
                ),
                return_exceptions=True,
            )
            assert sum(isinstance(outcome, int) for outcome in outcomes) <= 1
            assert all(isinstance(outcome, int | Fenced) for outcome in outcomes)
