"""Every append ends in a known outcome, though answers are lost and ids are stolen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from mabeam.core.errors import (
    ConfigurationError,
    Conflict,
    EventTooLarge,
    NotFound,
    OutcomeUnknown,
    StoreFull,
    StoreUnavailable,
)
from mabeam.core.ports import ANY, NEW, Write
from mabeam.infra.jetstream import Connection, JetStreamStore, open_store
from mabeam.infra.jetstream.replies import WAITS_MAX
from mabeam.infra.jetstream.turns import Turns
from support.events import fresh_id, said, write
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.reading import positions, read_all
from support.waiting import until

pytestmark = pytest.mark.jetstream

Open = Callable[[str], Awaitable[Connection]]


@pytest.fixture
async def proxy(nats_server: NatsServer) -> AsyncGenerator[Proxy]:
    async with Proxy(nats_server.port) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: Proxy, on: Open, space: str, store: JetStreamStore) -> JetStreamStore:
    """The space of `store`, over a line that can be cut."""
    return await open_store(await on(proxy.url), space, create=False)


async def until_head(store: JetStreamStore, position: int) -> None:
    async def is_there() -> bool:
        return await store.head() >= position

    await until(is_there)


class TestALostAnswer:
    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_an_append_whose_answer_was_lost_is_recorded_once(
        self,
        proxy: Proxy,
        far: JetStreamStore,
        store: JetStreamStore,
        expect: int | None,
        count: int,
    ) -> None:
        proxy.is_deaf = True
        append = write(count=count, expect=expect)
        waiting = asyncio.ensure_future(far.append(append))
        await until_head(store, count)
        proxy.is_deaf = False
        proxy.cut()
        assert await waiting == count
        assert await store.head() == count

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_it_is_found_however_far_the_boundary_has_moved_since(
        self,
        proxy: Proxy,
        far: JetStreamStore,
        store: JetStreamStore,
        expect: int | None,
        count: int,
    ) -> None:
        proxy.is_deaf = True
        waiting = asyncio.ensure_future(far.append(write(count=count, expect=expect)))
        await until_head(store, count)
        for _ in range(20):
            _ = await store.append(write())
        proxy.is_deaf = False
        proxy.cut()
        assert await waiting == count

    async def test_one_that_was_never_recorded_meets_the_conflict(
        self, proxy: Proxy, far: JetStreamStore, store: JetStreamStore
    ) -> None:
        assert await store.append(write(expect=NEW)) == 1
        proxy.is_deaf = True
        waiting = asyncio.ensure_future(far.append(write(expect=NEW)))
        # The refusal is swallowed; what comes behind it on the line is too.
        await asyncio.sleep(0.05)
        assert await store.append(write(expect=1)) == 2
        proxy.is_deaf = False
        proxy.cut()
        with pytest.raises(Conflict) as raised:
            _ = await waiting
        assert (raised.value.boundary, raised.value.expected, raised.value.actual) == (
            "session/1",
            0,
            2,
        )

    async def test_when_nobody_can_be_asked_the_outcome_is_unknown(
        self, proxy: Proxy, on: Open, space: str, store: JetStreamStore
    ) -> None:
        far = await open_store(await on(proxy.url), space, create=False, patience_seconds=0.5)
        proxy.is_deaf = True
        append = write(expect=NEW)
        with pytest.raises(OutcomeUnknown) as raised:
            _ = await far.append(append)
        assert raised.value.boundary == "session/1"
        assert raised.value.commit_id == append.events[0].commitid
        assert await store.head() == 1

    async def test_what_could_not_be_sent_is_certainly_not_recorded(
        self, on: Open, breakable_server: NatsServer, space: str
    ) -> None:
        connection = await on(breakable_server.url)
        store = await open_store(connection, space, patience_seconds=0.3)
        await asyncio.to_thread(breakable_server.stop)
        await until(lambda: not connection.is_up)
        for append in (write(), write(expect=NEW), write(count=2)):
            with pytest.raises(StoreUnavailable):
                _ = await store.append(append)
        with pytest.raises(StoreUnavailable):
            _ = await store.head()
        with pytest.raises(StoreUnavailable):
            _ = await read_all(store)


class TestAStolenId:
    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [ANY, NEW])
    async def test_whoever_uses_up_our_id_does_not_swallow_our_event(
        self,
        store: JetStreamStore,
        space: str,
        connection: Connection,
        expect: int | None,
        count: int,
    ) -> None:
        ours = write(count=count, expect=expect)
        theirs = said(
            "session/2", actor="eve", id=ours.events[-1].id, commit=ours.events[0].commitid
        )
        assert await store.append(Write((theirs,))) == 1
        assert await store.append(ours) == 1 + count
        recorded = await read_all(store)
        assert [one.actor for one in recorded] == ["eve", *["ann"] * count]

    async def test_a_copy_of_our_event_by_another_is_not_ours(
        self, store: JetStreamStore, space: str, connection: Connection
    ) -> None:
        """The body says all that ours says; only the subject tells who spoke."""
        ours = write()
        body = msgspec.json.encode(ours.events[0])
        fields = f"NATS/1.0\r\nNats-Msg-Id: {ours.events[0].id}\r\n\r\n".encode()
        subject = f"mabeam.{space}.session.1.said.eve"
        reply, answer = connection.replies.expect(subject, seconds=5)
        connection.wire.send(subject.encode(), reply, fields, body)
        assert json.loads(await answer)["seq"] == 1
        assert await store.append(ours) == 2
        forged, genuine = await read_all(store)
        assert forged.problem is not None
        assert genuine.problem is None


class TestLimits:
    async def test_the_log_is_full_for_one_and_for_many_and_nothing_is_half_written(
        self, connection: Connection, space: str
    ) -> None:
        store = await open_store(connection, space, max_bytes=20_000)
        head = 0
        with suppress(StoreFull):
            while True:
                head = await store.append(write(expect=ANY))
        assert head > 10
        for append in (write(), write(expect=head), write("session/2", expect=NEW)):
            with pytest.raises(StoreFull):
                _ = await store.append(append)
        assert await store.head() == head

    async def test_a_batch_that_does_not_fit_leaves_nothing(
        self, connection: Connection, space: str
    ) -> None:
        store = await open_store(connection, space, max_bytes=20_000)
        head = await store.append(write(count=10))
        for append in (write(count=100), write(count=100, expect=head)):
            with pytest.raises(StoreFull):
                _ = await store.append(append)
            assert await store.head() == head
        assert await store.append(write(count=5, expect=head)) == head + 5
        assert positions(await read_all(store)) == list(range(1, head + 6))

    async def test_after_room_was_made_the_same_append_succeeds(
        self, connection: Connection, space: str
    ) -> None:
        store = await open_store(connection, space, max_bytes=5_000)
        append = write(count=100)
        with pytest.raises(StoreFull):
            _ = await store.append(append)
        store = await open_store(connection, space, max_bytes=500_000)
        assert await store.append(append) == 100

    async def test_an_event_too_large_is_not_sent_and_the_line_stays(
        self, connection: Connection, store: JetStreamStore
    ) -> None:
        with pytest.raises(EventTooLarge) as raised:
            _ = await store.append(Write((said(text="x" * 2_000_000),)))
        limit = raised.value.limit
        assert limit < connection.body_bytes_max
        empty = len(msgspec.json.encode(said(text="")))
        for text in (limit - empty, limit - empty - 1):
            # The longest names make the longest headers.
            _ = await store.append(Write((said(text="x" * text),), ANY))
        with pytest.raises(EventTooLarge):
            _ = await store.append(Write((said(text="x" * (limit - empty + 1)),)))
        assert await store.head() == 2
        assert connection.wire.stats["reconnects"] == 0

    async def test_the_longest_names_fit_beside_the_largest_body(
        self, connection: Connection, store: JetStreamStore
    ) -> None:
        commit = fresh_id()

        def longest(text: str) -> Write:
            event = said(
                f"{'k' * 16}/{'e' * 80}",
                text,
                event=f"test.{'v' * 48}.v1",
                actor="a" * 64,
                id="i" * 127 + text[:1],
                commit=commit,
            )
            return Write((event,), NEW)

        with pytest.raises(EventTooLarge) as raised:
            _ = await store.append(longest("x" * 2_000_000))
        room = raised.value.limit - len(msgspec.json.encode(longest("").events[0])) - 1
        largest = longest("x" * room)
        _ = await store.append(Write((*largest.events, *longest("y" * room).events), NEW))
        assert await store.head() == 2
        assert connection.wire.stats["reconnects"] == 0

    async def test_a_missing_stream_is_reported_when_patience_ends(
        self, connection: Connection, space: str
    ) -> None:
        store = await open_store(connection, space, patience_seconds=0.2)
        _ = await connection.ask(f"$JS.API.STREAM.DELETE.mabeam_{space}", seconds=5)
        for append in (write(), write(count=2), write(expect=NEW)):
            with pytest.raises(StoreUnavailable):
                _ = await store.append(append)
        with pytest.raises(NotFound):
            _ = await store.head()

    async def test_a_stream_without_batches_is_a_matter_of_configuration(
        self, connection: Connection, space: str
    ) -> None:
        store = await open_store(connection, space)
        info = await connection.ask(f"$JS.API.STREAM.INFO.mabeam_{space}", seconds=5)
        settings: dict[str, Any] = json.loads(info)["config"] | {"allow_atomic": False}
        body = json.dumps(settings).encode()
        _ = await connection.ask(f"$JS.API.STREAM.UPDATE.mabeam_{space}", body, seconds=5)
        with pytest.raises(ConfigurationError):
            _ = await store.append(write(count=2))
        assert await store.head() == 0


def newer(conflict: Conflict, seen: int) -> int:
    """Return where the boundary is, which must be further than what was seen of it."""
    assert conflict.actual is not None
    assert conflict.actual > seen
    return conflict.actual


class TestManyAtOnce:
    async def test_many_writers_of_one_boundary_accept_each_position_once(
        self, on: Open, nats_server: NatsServer, space: str, store: JetStreamStore
    ) -> None:
        stores = [await open_store(await on(nats_server.url), space) for _ in range(4)]

        async def add(store: JetStreamStore) -> list[int]:
            """Append ten times, each behind what was there before."""
            taken: list[int] = []
            seen = 0
            while len(taken) < 10:
                try:
                    seen = await store.append(write(expect=seen))
                except Conflict as conflict:
                    seen = newer(conflict, seen)
                else:
                    taken.append(seen)
            return taken

        takers = [add(store) for store in stores for _ in range(2)]
        taken = [position for one in await asyncio.gather(*takers) for position in one]
        assert sorted(taken) == list(range(1, 81))
        assert await store.head() == 80

    async def test_more_batches_than_the_server_takes_at_once_are_all_recorded(
        self, on: Open, nats_server: NatsServer, space: str
    ) -> None:
        stores = [await open_store(await on(nats_server.url), space) for _ in range(5)]
        ends = await asyncio.gather(
            *(store.append(write(f"session/{n}", 2)) for n in range(30) for store in stores)
        )
        assert sorted(ends) == list(range(2, 301, 2))

    async def test_more_appends_than_may_be_in_flight_wait_for_room(
        self, store: JetStreamStore
    ) -> None:
        count = WAITS_MAX + 500
        ends = await asyncio.gather(*(store.append(write(f"session/{n}")) for n in range(count)))
        assert sorted(ends) == list(range(1, count + 1))

    async def test_one_who_gives_up_does_not_hold_up_the_others(
        self, store: JetStreamStore
    ) -> None:
        appends = [asyncio.ensure_future(store.append(write(expect=NEW))) for _ in range(5)]
        await asyncio.sleep(0)
        for one in appends[:4]:
            _ = one.cancel()
        _ = await asyncio.gather(*appends, return_exceptions=True)
        assert await store.append(write("session/2", expect=NEW)) > 0


class TestTurns:
    async def test_idle_boundaries_are_forgotten(self) -> None:
        turns = Turns()
        await turns.take(["a", "b"])
        second = asyncio.ensure_future(turns.take(["b"]))
        third = asyncio.ensure_future(turns.take(["a", "b"]))
        await asyncio.sleep(0)
        _ = third.cancel()
        _ = await asyncio.gather(third, return_exceptions=True)
        turns.give_back(["a", "b"])
        await second
        turns.give_back(["b"])
        assert len(turns) == 0
