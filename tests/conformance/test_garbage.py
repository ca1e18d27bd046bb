"""Whatever a client publishes past the store is delivered with its problem and stops nobody."""

from __future__ import annotations

import msgspec
import pytest

from mabeam.core.envelope import Recorded
from mabeam.core.errors import Conflict, MalformedEvent
from mabeam.core.ports import NEW, EventStore
from mabeam.core.subjects import Filter
from support.events import fresh_id, said, write
from support.reading import next_delivery, positions, read_all, take
from support.worlds import World

GOOD = said("session/1", event="test.said.v1", actor="ann")


def wire(**changes: object) -> bytes:
    """Return a good event's bytes with some attributes changed; None takes one away."""
    attributes = msgspec.json.decode(msgspec.json.encode(GOOD), type=dict[str, object])
    attributes["id"] = fresh_id()
    attributes.update(changes)
    kept = {name: value for name, value in attributes.items() if value is not None}
    return msgspec.json.encode(kept)


# Bodies published on session.1.said.ann, where each of them is wrong.
BODIES = {
    "nothing": b"",
    "no JSON": b"garbage",
    "no text": b"\xff\xfe\x00",
    "half a JSON": wire()[:-1],
    "two JSONs": wire() + wire(),
    "a list": b"[1,2]",
    "a number": b"1e999",
    "null": b"null",
    "deep": b"[" * 100_000,
    "another version of CloudEvents": wire(specversion="0.3"),
    "no id": wire(id=None),
    "an id that is a number": wire(id=7),
    "no type": wire(type=None),
    "no source": wire(source=None),
    "another's entity": wire(subject="session/2"),
    "another's kind": wire(subject="variable/1"),
    "another speaker": wire(source="/agents/eve"),
    "another event": wire(type="test.sang.v1"),
}

# Subjects below the space's root on which no event can stand.
SUBJECTS = {
    "too short": "session",
    "without an event": "session.1",
    "without an actor": "session.1.said",
    "too long": "session.1.said.ann.more",
    "unescaped": "session.größe.said.ann",
    "wrongly escaped": "session.=ZZ.said.ann",
    "escape of no text": "session.=FF.said.ann",
}


def assert_unreadable(one: Recorded, position: int) -> None:
    """Check the shape of what could not be read."""
    assert isinstance(one.problem, MalformedEvent)
    assert one.problem.detail
    assert (one.position, one.problem.position) == (position, position)
    assert one.envelope.type == ""
    assert one.recorded_ns > 0
    with pytest.raises(MalformedEvent):
        _ = one.data


async def between_good(world: World, store: EventStore, subject: str, body: bytes) -> None:
    """Record a message at position 2, between two good events."""
    _ = await store.append(write("session/1"))
    assert await world.publish_raw(f"mabeam.{world.space}.{subject}", body) == 2
    _ = await store.append(write("session/1"))


class TestGarbage:
    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
    async def test_a_wrong_body_is_a_problem_of_its_position_alone(
        self, world: World, store: EventStore, body: bytes
    ) -> None:
        await between_good(world, store, "session.1.said.ann", body)
        before, wrong, behind = await read_all(store)
        assert before.problem is None
        assert behind.problem is None
        assert_unreadable(wrong, 2)
        assert (wrong.kind, wrong.entity, wrong.actor) == ("session", "1", "ann")

    @pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
    async def test_a_wrong_subject_is_a_problem_of_its_position_alone(
        self, world: World, store: EventStore, subject: str
    ) -> None:
        await between_good(world, store, subject, wire())
        before, wrong, behind = await read_all(store)
        assert before.problem is None
        assert behind.problem is None
        assert_unreadable(wrong, 2)

    async def test_followers_go_on_behind_it(self, world: World, store: EventStore) -> None:
        async with store.follow() as pages:
            await between_good(world, store, "session.1.said.ann", b"garbage")
            taken = await take(pages, 3)
        assert [one.problem is None for one in taken] == [True, False, True]

    async def test_consumers_can_settle_it_and_go_on(self, world: World, store: EventStore) -> None:
        await between_good(world, store, "session.1.said.ann", b"garbage")
        problems: list[bool] = []
        async with store.consume("worker") as deliveries:
            for _ in range(3):
                delivery = await next_delivery(deliveries)
                problems.append(delivery.recorded.problem is not None)
                await delivery.ack()
        assert problems == [False, True, False]

    async def test_the_latest_word_may_be_garbage(self, world: World, store: EventStore) -> None:
        _ = await store.append(write("session/1"))
        _ = await world.publish_raw(f"mabeam.{world.space}.session.1.said.ann", b"garbage")
        (wrong,) = await store.latest(Filter(kind="session"))
        assert_unreadable(wrong, 2)
        (right,) = await store.latest(Filter(kind="session"), at=1)
        assert right.problem is None

    async def test_it_moves_its_boundary(self, world: World, store: EventStore) -> None:
        await between_good(world, store, "session.2.said.ann", b"garbage")
        with pytest.raises(Conflict):
            _ = await store.append(write("session/2", expect=NEW))
        assert await store.append(write("session/2", expect=2)) == 4

    async def test_filters_judge_it_by_its_subject(self, world: World, store: EventStore) -> None:
        await between_good(world, store, "session.2.said.eve", wire())
        assert positions(await read_all(store, Filter(actor="ann"))) == [1, 3]
        (wrong,) = await read_all(store, Filter(actor="eve"))
        assert_unreadable(wrong, 2)

    async def test_a_subject_that_is_none_passes_no_filter(
        self, world: World, store: EventStore
    ) -> None:
        await between_good(world, store, "session.1.said", wire())
        assert positions(await read_all(store, Filter(kind="session"))) == [1, 3]

    async def test_an_event_of_a_foreign_client_needs_no_more_than_cloudevents_ask(
        self, world: World, store: EventStore
    ) -> None:
        body = b'{"specversion":"1.0","id":"7","source":"eve","type":"com.acme.said","acme":[1]}'
        await between_good(world, store, "sess=2Eion.a=20b.said.eve", body)
        _, foreign, _ = await read_all(store)
        assert foreign.problem is None
        assert (foreign.id, foreign.type, foreign.actor) == ("7", "com.acme.said", "eve")
        assert (foreign.kind, foreign.entity) == ("sess.ion", "a b")
        assert foreign.envelope.subject == ""
