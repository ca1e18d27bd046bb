"""Append: all or nothing, at consecutive positions, where the boundaries are as expected."""

from __future__ import annotations

import msgspec
import pytest

from mabeam.core.envelope import Envelope
from mabeam.core.errors import Conflict, EventTooLarge, Rejected, StoreFull
from mabeam.core.ports import NEW, EventStore, Write
from support.events import fresh_id, said, write
from support.reading import ids, positions, read_all
from support.worlds import Kind

UNUSUAL_NAMES = [
    "two words",
    "dots.in.it",
    "*",
    ">",
    "=20",
    "a=b",
    "größe",
    "日本",
    "🙂",
    "quote\"and'",
    "a/b",
    "%41",
    "$JS",
]

# Names of which a careless filter takes one for the other.
NEIGHBOURS = [
    ("session/1", "session/10"),
    ("session/1", "sessions/1"),
    ("session/a", "session/a.b"),
    ("session/a b", "session/a=20b"),
    ("session/a", "session/*"),
    ("session/a", "session/>"),
    ("session/a", "session/A"),
    ("session/a", "variable/a"),
]

ILLEGAL = {
    "empty id": said(id=""),
    "id with a space": said(id="a b"),
    "id with a line break": said(id="a\r\nNats-Rollup: all"),
    "id beyond ASCII": said(id="ä"),
    "id too long": said(id="x" * 129),
    "empty type": said(event=""),
    "type with a space": said(event="test.said so.v1"),
    "type with a wildcard": said(event="test.>.v1"),
    "type with an empty word": said(event="test..v1"),
    "type's word too long": said(event=f"test.{'x' * 49}.v1"),
    "no actor": said(actor=""),
    "actor with a line break": said(actor="a\nb"),
    "actor too long": said(actor="x" * 65),
    "actor too long once escaped": said(actor="." * 22),
    "actor with a space at the end": said(actor="ann "),
    "empty subject": said(""),
    "subject without an entity": said("session"),
    "empty entity": said("session/"),
    "empty kind": said("/1"),
    "kind too long": said(f"{'x' * 17}/1"),
    "entity too long": said(f"session/{'x' * 81}"),
    "entity with a NUL": said("session/\x00"),
    "entity that is no text": said("session/\ud800"),
}


TWICE = said("session/1", commit="c")

NO_APPENDS = {
    "no write": [],
    "a write without events": [Write(())],
    "a write without events beside another": [write(), Write(())],
    "several entities in one write": [
        Write((said("session/1", commit="c"), said("session/2", commit="c")))
    ],
    "several commits in one write": [Write((said(commit="c"), said(commit="d")))],
    "several commits in several writes": [
        write("session/1", commit="c"),
        write("session/2", commit="d"),
    ],
    "one entity in two writes": [write(commit="c"), write(commit="c")],
    "one id twice in a write": [Write((TWICE, TWICE))],
    "one id twice in two writes": [
        Write((TWICE,)),
        Write((said("session/2", id=TWICE.id, commit="c"),)),
    ],
    "more than a thousand events": [write(count=1_001)],
}


def sized(size: int, empty: Envelope | None = None) -> Envelope:
    """Return an event of exactly so many bytes on the wire."""
    empty = said(text="") if empty is None else empty
    padding = "x" * (size - len(msgspec.json.encode(empty)))
    data = msgspec.Raw(msgspec.json.encode({"text": padding}))
    return msgspec.structs.replace(empty, data=data)


async def fill(store: EventStore) -> None:
    """Append until the store refuses, or for far longer than it should take."""
    for _ in range(100):
        _ = await store.append(Write((sized(50_000),)))


class TestWhatIsRecorded:
    async def test_the_first_event_stands_at_position_one(self, store: EventStore) -> None:
        assert await store.append(write()) == 1
        assert await store.head() == 1

    async def test_an_event_comes_back_as_it_was_written(self, store: EventStore) -> None:
        event = Envelope(
            specversion="1.0",
            id="!id~" + fresh_id(),
            source="//host/services/Größe 7",
            type="com.example.note",
            subject="variable/temperature ü",
            time="2026-01-02T03:04:05.000000006Z",
            datacontenttype="application/json",
            dataschema="https://example.com/schema#/a",
            correlationid="run ☃",
            causationid="cause",
            commitid=fresh_id(),
            epoch=2**53 + 1,
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            tracestate="vendor=1",
            data=msgspec.Raw(b'{"text":"\xe2\x98\x83 \\u2603","big":123456789012345678901}'),
        )
        position = await store.append(Write((event,)))
        (recorded,) = await read_all(store)
        assert recorded.envelope == event
        assert recorded.problem is None
        assert recorded.position == position
        assert (recorded.kind, recorded.entity) == ("variable", "temperature ü")
        assert recorded.actor == "Größe 7"

    async def test_an_event_without_payload_is_recorded(self, store: EventStore) -> None:
        event = msgspec.structs.replace(said(), data=msgspec.UNSET)
        _ = await store.append(Write((event,)))
        (recorded,) = await read_all(store)
        assert recorded.envelope == event

    async def test_positions_count_over_all_boundaries(self, store: EventStore) -> None:
        appended = [await store.append(write(f"session/{number}")) for number in range(5)]
        assert appended == [1, 2, 3, 4, 5]

    async def test_events_of_one_append_stand_together_in_the_order_given(
        self, store: EventStore
    ) -> None:
        _ = await store.append(write("session/0"))
        commit = fresh_id()
        writes = [
            write("session/2", 3, commit=commit),
            write("session/1", 1, commit=commit, expect=NEW),
            write("variable/1", 2, commit=commit),
        ]
        assert await store.append(*writes) == 7
        recorded = await read_all(store, after=1)
        assert positions(recorded) == [2, 3, 4, 5, 6, 7]
        assert ids(recorded) == [event.id for one in writes for event in one.events]

    async def test_a_thousand_events_can_be_one_append(self, store: EventStore) -> None:
        assert await store.append(write("session/1", 1_000, expect=NEW)) == 1_000
        assert len(await read_all(store)) == 1_000

    @pytest.mark.parametrize("name", UNUSUAL_NAMES)
    async def test_unusual_names_come_back(self, store: EventStore, name: str) -> None:
        actor = name.replace("/", "|")
        event = said(f"{name[0]}/{name}", actor=actor)
        _ = await store.append(Write((event,), NEW))
        (recorded,) = await read_all(store)
        assert recorded.problem is None
        assert recorded.envelope == event
        assert str(recorded.boundary) == event.subject
        assert (recorded.entity, recorded.actor) == (name, actor)


class TestSpaces:
    async def test_spaces_do_not_meet(self, kind: Kind, store: EventStore) -> None:
        """Neither events nor expectations nor the ids of messages."""
        one = write(expect=NEW)
        assert await store.append(write("session/2")) == 1
        assert await store.append(one) == 2
        async with kind.world() as elsewhere:
            other = await elsewhere.open()
            assert await other.append(one) == 1
            assert ids(await read_all(other)) == [one.events[0].id]
            assert positions(await other.latest()) == [1]
        assert await store.head() == 2


class TestExpectations:
    async def test_any_takes_the_boundary_as_it_is(self, store: EventStore) -> None:
        assert await store.append(write()) == 1
        assert await store.append(write()) == 2

    async def test_new_takes_a_boundary_without_events(self, store: EventStore) -> None:
        _ = await store.append(write("session/other"))
        assert await store.append(write(expect=NEW)) == 2

    async def test_a_position_is_that_of_the_boundarys_last_event(self, store: EventStore) -> None:
        first = await store.append(write())
        _ = await store.append(write("session/other"))
        second = await store.append(write(expect=first))
        assert second == 3
        assert await store.append(write(expect=second)) == 4

    async def test_the_last_event_counts_whoever_said_whatever(self, store: EventStore) -> None:
        first = await store.append(write(actor="ann"))
        second = await store.append(Write((said(event="test.sang.v1", actor="bob"),)))
        with pytest.raises(Conflict):
            _ = await store.append(write(expect=first, actor="ann"))
        assert await store.append(write(expect=second, actor="ann")) == 3

    async def test_several_events_need_their_boundary_once(self, store: EventStore) -> None:
        first = await store.append(write(count=3, expect=NEW))
        assert await store.append(write(count=3, expect=first)) == 6

    @pytest.mark.parametrize("expect", [NEW, 1, 3, 99])
    async def test_another_position_is_a_conflict(self, store: EventStore, expect: int) -> None:
        _ = await store.append(write())
        _ = await store.append(write())
        _ = await store.append(write("session/other"))
        with pytest.raises(Conflict) as raised:
            _ = await store.append(write(expect=expect))
        assert raised.value.boundary == "session/1"
        assert raised.value.expected == expect
        assert raised.value.actual in {2, None}
        assert await store.head() == 3

    async def test_a_position_on_a_boundary_without_events_is_a_conflict(
        self, store: EventStore
    ) -> None:
        _ = await store.append(write("session/other"))
        with pytest.raises(Conflict) as raised:
            _ = await store.append(write(expect=1))
        assert raised.value.actual in {0, None}
        assert await store.head() == 1

    @pytest.mark.parametrize(("one", "other"), NEIGHBOURS)
    async def test_a_neighbour_does_not_count(
        self, store: EventStore, one: str, other: str
    ) -> None:
        first = await store.append(write(one, expect=NEW))
        second = await store.append(write(other, expect=NEW))
        third = await store.append(write(one, expect=first))
        assert await store.append(write(other, expect=second)) == 4
        with pytest.raises(Conflict):
            _ = await store.append(write(one, expect=second))
        assert await store.append(write(one, expect=third)) == 5

    async def test_the_same_attempt_succeeds_with_the_right_expectation(
        self, store: EventStore
    ) -> None:
        """A refused event was not recorded, so its id must not stand in its own way."""
        _ = await store.append(write())
        refused = write(expect=NEW)
        with pytest.raises(Conflict):
            _ = await store.append(refused)
        assert await store.append(Write(refused.events, 1)) == 2
        assert ids(await read_all(store, after=1)) == [refused.events[0].id]


class TestSeveralWrites:
    async def test_all_boundaries_as_expected_are_recorded(self, store: EventStore) -> None:
        first = await store.append(write("session/1"))
        commit = fresh_id()
        last = await store.append(
            write("session/1", 2, expect=first, commit=commit),
            write("session/2", 2, expect=NEW, commit=commit),
            write("session/3", commit=commit),
        )
        assert last == 6

    @pytest.mark.parametrize("stale", [0, 1, 2])
    @pytest.mark.parametrize("count", [1, 3])
    async def test_one_stale_boundary_keeps_all_out(
        self, store: EventStore, stale: int, count: int
    ) -> None:
        tails = [await store.append(write(f"session/{number}")) for number in range(3)]
        tails[stale] -= 1
        commit = fresh_id()
        writes = [
            write(f"session/{number}", count, expect=tail, commit=commit)
            for number, tail in enumerate(tails)
        ]
        with pytest.raises(Conflict) as raised:
            _ = await store.append(*writes)
        assert raised.value.boundary == f"session/{stale}"
        assert raised.value.expected == tails[stale]
        assert await store.head() == 3
        assert len(await read_all(store)) == 3

    async def test_what_was_kept_out_can_be_appended_again(self, store: EventStore) -> None:
        tail = await store.append(write("session/1"))
        commit = fresh_id()
        fresh, stale = (write(f"session/{one}", 2, expect=NEW, commit=commit) for one in (2, 1))
        with pytest.raises(Conflict):
            _ = await store.append(fresh, stale)
        assert await store.append(fresh, Write(stale.events, tail)) == 5

    async def test_speech_beside_a_stale_boundary_is_kept_out_too(self, store: EventStore) -> None:
        _ = await store.append(write("session/1"))
        commit = fresh_id()
        with pytest.raises(Conflict):
            _ = await store.append(
                write("session/2", commit=commit), write("session/1", expect=NEW, commit=commit)
            )
        assert await store.head() == 1


class TestRefusals:
    @pytest.mark.parametrize("event", ILLEGAL.values(), ids=ILLEGAL.keys())
    async def test_an_illegal_event_is_rejected(self, store: EventStore, event: Envelope) -> None:
        with pytest.raises(Rejected) as raised:
            _ = await store.append(Write((event,)))
        assert raised.value.code
        assert raised.value.field
        assert raised.value.allowed
        assert await store.head() == 0

    @pytest.mark.parametrize("where", [0, 1, 2])
    async def test_one_illegal_event_keeps_all_out(self, store: EventStore, where: int) -> None:
        commit = fresh_id()
        events = [said(commit=commit) for _ in range(3)]
        events[where] = msgspec.structs.replace(events[where], id="a b")
        with pytest.raises(Rejected):
            _ = await store.append(
                write("session/2", expect=NEW, commit=commit), Write(tuple(events), NEW)
            )
        assert await store.head() == 0

    @pytest.mark.parametrize("writes", NO_APPENDS.values(), ids=NO_APPENDS.keys())
    async def test_writes_that_are_no_append_are_rejected(
        self, store: EventStore, writes: list[Write]
    ) -> None:
        with pytest.raises(Rejected) as raised:
            _ = await store.append(*writes)
        assert raised.value.code.startswith("append.")
        assert await store.head() == 0

    async def test_an_event_of_the_greatest_size_is_taken_and_one_byte_more_is_not(
        self, store: EventStore
    ) -> None:
        with pytest.raises(EventTooLarge) as raised:
            _ = await store.append(Write((sized(16_000_000),)))
        assert raised.value.size == 16_000_000
        limit = raised.value.limit
        with pytest.raises(EventTooLarge) as raised:
            _ = await store.append(Write((sized(limit + 1),), NEW))
        assert (raised.value.size, raised.value.limit) == (limit + 1, limit)
        assert await store.head() == 0
        # With an expectation, and with the longest names and id, for those need room too.
        greatest = sized(
            limit,
            said(f"{'k' * 16}/{'e' * 80}", "", event="e" * 48, actor="a" * 64, id="i" * 128),
        )
        assert await store.append(Write((greatest,), NEW)) == 1
        (recorded,) = await read_all(store)
        assert recorded.envelope == greatest

    async def test_one_event_that_is_too_large_keeps_all_out(self, store: EventStore) -> None:
        commit = fresh_id()
        large = msgspec.structs.replace(sized(16_000_000), commitid=commit)
        with pytest.raises(EventTooLarge):
            _ = await store.append(Write((said(commit=commit), large, said(commit=commit))))
        assert await store.head() == 0

    async def test_several_events_may_together_exceed_the_size_of_one(
        self, store: EventStore
    ) -> None:
        commit = fresh_id()
        events = (msgspec.structs.replace(sized(400_000), commitid=commit) for _ in range(4))
        assert await store.append(Write(tuple(events), NEW)) == 4

    async def test_a_full_log_says_so_and_takes_nothing_half(self, kind: Kind) -> None:
        async with kind.world(bytes_max=1_000_000) as world:
            store = await world.open()
            with pytest.raises(StoreFull):
                await fill(store)
            recorded = await store.head()
            assert recorded > 1
            commit = fresh_id()
            several = (msgspec.structs.replace(sized(50_000), commitid=commit) for _ in range(9))
            with pytest.raises(StoreFull):
                _ = await store.append(Write(tuple(several)))
            assert positions(await read_all(store)) == list(range(1, recorded + 1))
