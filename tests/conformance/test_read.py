"""Read: what is recorded now, in order, page by page, and then the end."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Filter
from support.events import fresh_id, said, write
from support.reading import ids, positions, read_all
from support.worlds import World

# Each name is legal, and each would be another's wildcard if it were not escaped.
SPEAKERS = [
    ("session/1", "test.said.v1", "ann"),
    ("session/1", "test.said.v2", "bob"),
    ("session/1", "test.sang.v1", "ann"),
    ("session/10", "test.said.v1", "ann"),
    ("session/*", "test.said.v1", "*"),
    ("session/>", "test.said.v1", ">"),
    ("session/a b", "test.said.v1", "two words"),
    ("session/a.b", "note", "dots.in.it"),
    ("variable/1", "com.example.note", "größe"),
    ("var.iable/=20", "test.said.v1", "日本"),
    ("*/1", "test.said.v1", "ann"),
]
NAMES = {
    "kind": ["session", "variable", "var.iable", "var", "*", ">", "none"],
    "entity": ["1", "10", "*", ">", "a b", "a=20b", "a.b", "a", "=20", " "],
    "event": ["said", "sang", "note", "v1", "test.said.v1", "*"],
    "actor": ["ann", "bob", "*", ">", "two words", "dots.in.it", "größe", "日本", "日"],
}


async def recorded_ten(store: EventStore) -> list[str]:
    """Append ten events and return their ids."""
    first, second = write("session/1", 4), write("session/2", 6)
    _ = await store.append(first)
    _ = await store.append(second)
    return [event.id for event in (*first.events, *second.events)]


class TestRead:
    async def test_an_empty_log_has_no_page(self, store: EventStore) -> None:
        assert [page async for page in store.read()] == []

    async def test_a_filter_that_nothing_matches_gives_no_page(self, store: EventStore) -> None:
        _ = await recorded_ten(store)
        assert [page async for page in store.read(Filter(kind="variable"))] == []

    async def test_pages_follow_each_other_in_order_and_none_is_empty_or_holds_all(
        self, store: EventStore
    ) -> None:
        for number in range(3):
            _ = await store.append(write(f"session/{number}", 900))
        pages = [positions(page) async for page in store.read()]
        assert all(pages)
        assert len(pages) > 1
        assert [position for page in pages for position in page] == list(range(1, 2_701))

    async def test_record_time_never_falls(self, store: EventStore) -> None:
        for number in range(20):
            _ = await store.append(write(f"session/{number % 3}", 1 + number % 2))
        times = [one.recorded_ns for one in await read_all(store)]
        assert all(earlier <= later for earlier, later in pairwise(times))

    @pytest.mark.parametrize("after", [0, 1, 4, 9, 10, 11, 99])
    async def test_it_starts_behind_a_position(self, store: EventStore, after: int) -> None:
        expected = (await recorded_ten(store))[after:]
        assert ids(await read_all(store, after=after)) == expected

    @pytest.mark.parametrize("until", [0, 1, 4, 9, 10, 11, 99])
    async def test_it_ends_with_a_position(self, store: EventStore, until: int) -> None:
        expected = (await recorded_ten(store))[:until]
        assert ids(await read_all(store, until=until)) == expected

    @pytest.mark.parametrize(("after", "until"), [(3, 3), (7, 2), (2, 7), (9, 10), (10, 12)])
    async def test_it_reads_between_two_positions(
        self, store: EventStore, after: int, until: int
    ) -> None:
        expected = (await recorded_ten(store))[after:until]
        assert ids(await read_all(store, after=after, until=until)) == expected

    @pytest.mark.parametrize("after", [0, 2, 4, 6, 8])
    @pytest.mark.parametrize("until", [3, 5, 10, None])
    async def test_bounds_are_positions_of_the_whole_log_also_under_a_filter(
        self, store: EventStore, after: int, until: int | None
    ) -> None:
        for number in range(10):
            _ = await store.append(write(f"session/{number % 2}"))
        odd = await read_all(store, Filter(kind="session", entity="0"), after=after, until=until)
        expected = [place for place in range(1, 11, 2) if after < place <= (until or 10)]
        assert positions(odd) == expected

    async def test_it_ends_with_the_head_though_the_log_grows_meanwhile(
        self, store: EventStore
    ) -> None:
        _ = await store.append(write("session/1", 1_000))
        _ = await store.append(write("session/1", 1_000))
        seen: list[int] = []
        async for page in store.read():
            seen.extend(positions(page))
            _ = await store.append(write("session/1"))
        assert seen == list(range(1, 2_001))

    async def test_it_can_be_given_up_midway(self, store: EventStore) -> None:
        for _ in range(2):
            _ = await store.append(write("session/1", 1_000))
        pages = store.read()
        first = await anext(aiter(pages))
        del pages
        assert first[0].position == 1
        assert len(await read_all(store)) == 2_000

    async def test_every_process_reads_the_same(self, world: World) -> None:
        expected = await recorded_ten(await world.open())
        assert ids(await read_all(await world.open())) == expected
        await world.restart()
        assert ids(await read_all(await world.open())) == expected


class TestFilters:
    async def test_each_name_is_taken_literally(self, store: EventStore) -> None:
        for subject, event, actor in SPEAKERS:
            _ = await store.append(Write((said(subject, event=event, actor=actor),)))
        for field, names in NAMES.items():
            for name in names:
                wanted = Filter(**{field: name})
                expected = [place for place, one in enumerate(SPEAKERS, 1) if fits(one, wanted)]
                assert positions(await read_all(store, wanted)) == expected, wanted

    async def test_names_together_narrow(self, store: EventStore) -> None:
        for subject, event, actor in SPEAKERS:
            _ = await store.append(Write((said(subject, event=event, actor=actor),)))
        for wanted, expected in {
            Filter(kind="session", entity="1"): [1, 2, 3],
            Filter(entity="1", event="said"): [1, 2, 11],
            Filter(kind="session", actor="ann"): [1, 3, 4],
            Filter(event="said", actor="ann"): [1, 4, 11],
            Filter("session", "1", "said", "ann"): [1],
            Filter("session", "*", "said", "*"): [5],
            Filter("session", "1", "said", "eve"): [],
        }.items():
            assert positions(await read_all(store, wanted)) == expected, wanted


def fits(speaker: tuple[str, str, str], wanted: Filter) -> bool:
    """Tell by the names as they were given whether an event is wanted."""
    subject, type_, actor = speaker
    kind, _, entity = subject.partition("/")
    event = {"note": "note", "com.example.note": "note", "test.sang.v1": "sang"}.get(type_, "said")
    return wanted.matches(kind, entity, event, actor)


class TestRetriedAppendsInReads:
    async def test_a_retry_leaves_no_trace(self, store: EventStore) -> None:
        commit = fresh_id()
        one, other = write("session/1", 2, commit=commit), write("session/2", 2, commit=commit)
        for _ in range(3):
            _ = await store.append(one, other)
        assert ids(await read_all(store)) == [event.id for event in (*one.events, *other.events)]
