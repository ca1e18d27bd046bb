"""Many writers at once: each position of a boundary is followed by one checked append."""

from __future__ import annotations

import asyncio
from collections import Counter

from mabeam.core.errors import Conflict
from mabeam.core.ports import NEW, EventStore, Write
from mabeam.core.subjects import Filter
from support.events import fresh_id, write
from support.reading import read_all
from support.worlds import World

WRITERS = 6


async def attempt(store: EventStore, *writes: Write) -> int:
    """Return the position, or 0 after a conflict."""
    try:
        return await store.append(*writes)
    except Conflict:
        return 0


class TestRaces:
    async def test_one_of_many_founds_an_entity(self, world: World) -> None:
        stores = [await world.open() for _ in range(3)]
        for entity in range(5):
            outcomes = await asyncio.gather(
                *(
                    attempt(stores[number % 3], write(f"session/{entity}", expect=NEW))
                    for number in range(WRITERS)
                )
            )
            assert sorted(map(bool, outcomes)) == [False] * (WRITERS - 1) + [True]
            assert await stores[0].head() == entity + 1

    async def test_no_accepted_append_is_lost_and_none_is_accepted_beside_another(
        self, world: World
    ) -> None:
        accepted: dict[int, tuple[int, str]] = {}

        async def work(store: EventStore) -> None:
            done = tail = 0
            while done < 5:
                one = write(expect=tail)
                position = await attempt(store, one)
                if position:
                    accepted[position] = (tail, one.events[0].id)
                    done, tail = done + 1, position
                else:
                    tail = (await read_all(store, Filter("session", "1"), after=tail))[-1].position

        _ = await asyncio.gather(*[work(await world.open()) for _ in range(WRITERS)])
        recorded = await read_all(await world.open())
        assert {one.position: one.id for one in recorded} == {
            position: id_ for position, (_, id_) in accepted.items()
        }
        in_order = sorted(accepted)
        assert [accepted[position][0] for position in in_order] == [0, *in_order[:-1]]

    async def test_speech_is_never_refused(self, world: World) -> None:
        stores = [await world.open() for _ in range(3)]
        appends = [write(f"session/{number % 4}", 1 + number % 3) for number in range(30)]
        lasts = await asyncio.gather(
            *(stores[number % 3].append(one) for number, one in enumerate(appends))
        )
        by_position = {one.position: one.id for one in await read_all(stores[0])}
        assert len(by_position) == sum(len(one.events) for one in appends)
        for last, one in zip(lasts, appends, strict=True):
            first = last - len(one.events) + 1
            assert [by_position[place] for place in range(first, last + 1)] == [
                event.id for event in one.events
            ]

    async def test_of_appends_that_share_a_boundary_one_succeeds(self, world: World) -> None:
        stores = [await world.open() for _ in range(3)]
        for turn in range(5):
            pairs = [("a", "b"), ("b", "c"), ("c", "a")]
            attempts: list[list[Write]] = []
            for pair in pairs:
                commit = fresh_id()
                attempts.append(
                    [write(f"session/{turn}-{one}", expect=NEW, commit=commit) for one in pair]
                )
            outcomes = await asyncio.gather(
                *(attempt(store, *one) for store, one in zip(stores, attempts, strict=True))
            )
            assert sum(map(bool, outcomes)) == 1
            wanted = {
                event.id for one in attempts[outcomes.index(max(outcomes))] for event in one.events
            }
            recorded = await read_all(stores[0], after=2 * turn)
            assert {one.id for one in recorded} == wanted

    async def test_boundaries_do_not_hinder_each_other(self, world: World) -> None:
        async def work(store: EventStore, entity: int) -> int:
            tail: int = NEW
            for _ in range(5):
                tail = await store.append(write(f"session/{entity}", expect=tail))
            return tail

        lasts = await asyncio.gather(
            *[work(await world.open(), entity) for entity in range(WRITERS)]
        )
        assert max(lasts) == 5 * WRITERS
        counted = Counter(one.entity for one in await read_all(await world.open()))
        assert set(counted.values()) == {5}
