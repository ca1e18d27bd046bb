"""Latest: the last word of each actor about each entity, now and as of the past."""

from __future__ import annotations

import pytest

from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Filter
from support.events import fresh_id, said
from support.reading import positions, read_all
from support.worlds import World

# Of (entity, event, actor), some come twice and some thrice.
SPOKEN = [
    ("session/1", "test.said.v1", "ann"),
    ("session/1", "test.said.v1", "bob"),
    ("session/1", "test.said.v1", "ann"),
    ("session/1", "test.sang.v1", "ann"),
    ("session/a b", "test.said.v1", "a.b"),
    ("variable/1", "test.said.v1", "ann"),
    ("session/1", "test.said.v2", "ann"),
    ("session/a b", "test.said.v1", "a.b"),
    ("session/1", "test.said.v1", "bob"),
]


async def speak(store: EventStore) -> None:
    for subject, event, actor in SPOKEN:
        _ = await store.append(Write((said(subject, event=event, actor=actor),)))


def last_places(upto: int, kind: str = "") -> list[int]:
    """Work out from the list which events are the last of their kind."""
    last: dict[tuple[str, str, str], int] = {}
    for place, (subject, event, actor) in enumerate(SPOKEN[:upto], 1):
        if subject.startswith(kind):
            last[subject, event.split(".")[1], actor] = place
    return sorted(last.values())


class TestLatest:
    async def test_of_nothing_there_is_no_last(self, store: EventStore) -> None:
        assert list(await store.latest()) == []
        assert list(await store.latest(at=0)) == []
        assert list(await store.latest(Filter(kind="session"), at=5)) == []

    async def test_it_is_the_last_of_each_entity_event_and_actor_in_order(
        self, store: EventStore
    ) -> None:
        await speak(store)
        assert last_places(9) == [4, 6, 7, 8, 9]
        assert positions(await store.latest()) == [4, 6, 7, 8, 9]

    @pytest.mark.parametrize("at", [0, *range(1, len(SPOKEN) + 1), 99])
    async def test_it_can_be_asked_as_of_any_position(self, store: EventStore, at: int) -> None:
        await speak(store)
        assert positions(await store.latest(at=at)) == last_places(at)
        narrowed = await store.latest(Filter(kind="session"), at=at)
        assert positions(narrowed) == last_places(at, "session")

    async def test_a_filter_narrows_it(self, store: EventStore) -> None:
        await speak(store)
        for wanted, expected in {
            Filter(kind="session", entity="1"): [4, 7, 9],
            Filter(entity="1", event="said"): [6, 7, 9],
            Filter(actor="ann"): [4, 6, 7],
            Filter(actor="a.b"): [8],
            Filter(entity="a b"): [8],
            Filter("session", "1", "said", "bob"): [9],
            Filter(entity="*"): [],
        }.items():
            assert positions(await store.latest(wanted)) == expected, wanted

    async def test_the_events_come_whole(self, store: EventStore) -> None:
        await speak(store)
        recorded = {one.position: one for one in await read_all(store)}
        assert list(await store.latest()) == [recorded[place] for place in last_places(9)]

    async def test_it_has_room_for_more_subjects_than_one_answer_of_the_server(
        self, world: World, store: EventStore
    ) -> None:
        """A server answers for 1,024 subjects at a time."""
        for half in range(2):
            commit = fresh_id()
            events = (
                said(f"session/{number}", "x", actor="ann", commit=commit)
                for number in range(half * 650, half * 650 + 650)
            )
            _ = await store.append(*(Write((event,)) for event in events))
        _ = await store.append(Write((said("session/0"),)))
        assert positions(await store.latest()) == list(range(2, 1_302))
        assert positions(await store.latest(at=1_300)) == list(range(1, 1_301))
        assert positions(await store.latest(Filter(kind="session"), at=1_100)) == list(
            range(1, 1_101)
        )
        assert positions(await (await world.open()).latest(Filter(event="said"))) == list(
            range(2, 1_302)
        )
