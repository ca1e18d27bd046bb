"""What is lost on the way is read again; what cannot be read is never skipped in silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from mabeam.core.envelope import Recorded
from mabeam.core.errors import LogGap, StoreUnavailable
from mabeam.core.ports import Write
from mabeam.core.subjects import Filter
from mabeam.infra.jetstream import Connection, JetStreamStore, open_store
from mabeam.infra.jetstream import feed as feeds
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.feed import PULL_BYTES_MAX, WINDOW_EVENTS, Feed
from mabeam.infra.jetstream.gets import Gets
from support.events import said, write
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.reading import positions, read_all, take
from support.waiting import until

pytestmark = pytest.mark.jetstream

Open = Callable[[str], Awaitable[Connection]]


class LossyFeed(Feed):
    """A feed on whose way messages get lost.

    Attributes:
        losses: How often each position is still to be lost.
        is_deaf: Whether heartbeats tell nothing.
    """

    losses: dict[int, int]
    is_deaf = False

    def message(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        position = int(reply.split(b".")[5])
        if self.losses.get(position, 0) > 0:
            self.losses[position] -= 1
            return
        super().message(subject, reply, payload)

    def heartbeat(self, delivered: int) -> None:
        if not self.is_deaf:
            super().heartbeat(delivered)


@pytest.fixture
async def feed(
    connection: Connection, store: JetStreamStore, space: str
) -> AsyncGenerator[Callable[..., LossyFeed]]:
    feeds: list[LossyFeed] = []

    def make(losses: dict[int, int], subjects: str = ">", until: int | None = None) -> LossyFeed:
        feed = LossyFeed(
            Api(connection),
            f"mabeam_{space}",
            f"mabeam.{space}.{subjects}",
            after=0,
            until=until,
            is_whole=subjects == ">",
        )
        feed.losses = losses
        feeds.append(feed)
        return feed

    yield make
    for one in feeds:
        one.close()


async def drain(feed: Feed, count: int) -> list[int]:
    """Return the positions of so many events."""
    seen: list[int] = []
    async with asyncio.timeout(20):
        while len(seen) < count:
            seen += [event.position for event in await feed.page()]
    return seen


async def consumers_of(connection: Connection, space: str) -> list[str]:
    """Return the names of the consumers that the server keeps."""
    answer = await connection.ask(f"$JS.API.CONSUMER.NAMES.mabeam_{space}", seconds=5)
    names: list[str] = json.loads(answer)["consumers"] or []
    return names


async def delete_consumers(connection: Connection, space: str) -> None:
    """Take all consumers away from their readers."""
    for name in await consumers_of(connection, space):
        operation = f"$JS.API.CONSUMER.DELETE.mabeam_{space}.{name}"
        _ = await connection.ask(operation, seconds=5)


Make = Callable[..., LossyFeed]


class TestGaps:
    @pytest.mark.parametrize("subjects", [">", "session.*.*.*"])
    @pytest.mark.parametrize("losses", [{1: 1}, {5: 1}, {5: 3}, {2: 1, 3: 2, 9: 1}])
    async def test_a_lost_message_is_read_again(
        self, feed: Make, store: JetStreamStore, losses: dict[int, int], subjects: str
    ) -> None:
        _ = await store.append(write(count=10))
        assert await drain(feed(losses, subjects), 10) == list(range(1, 11))

    async def test_a_lost_message_at_the_end_is_noticed_by_the_heartbeat(
        self, feed: Make, store: JetStreamStore
    ) -> None:
        _ = await store.append(write(count=3))
        assert await drain(feed({3: 1}), 3) == [1, 2, 3]

    @pytest.mark.parametrize("subjects", [">", "session.*.*.*"])
    async def test_a_gap_that_stays_is_an_error(
        self, feed: Make, store: JetStreamStore, subjects: str
    ) -> None:
        _ = await store.append(write(count=10))
        lossy = feed({5: 1_000}, subjects)
        assert await drain(lossy, 4) == [1, 2, 3, 4]
        with pytest.raises(LogGap) as raised:
            _ = await drain(lossy, 1)
        assert (raised.value.expected, raised.value.found) == (5, 6)

    async def test_a_hole_in_the_log_itself_is_an_error(
        self, connection: Connection, space: str
    ) -> None:
        """The server keeps no log of ours so; this is what corrupted files would look like."""
        settings = {
            "name": f"mabeam_{space}",
            "subjects": [f"mabeam.{space}.>"],
            "allow_direct": True,
        }
        body = json.dumps(settings).encode()
        _ = await connection.ask(f"$JS.API.STREAM.CREATE.mabeam_{space}", body, seconds=5)
        store = await open_store(connection, space, create=False)
        for _ in range(5):
            _ = await store.append(write())
        operation = f"$JS.API.STREAM.MSG.DELETE.mabeam_{space}"
        _ = await connection.ask(operation, b'{"seq":3}', seconds=5)
        with pytest.raises(LogGap) as raised:
            _ = await read_all(store)
        assert (raised.value.expected, raised.value.found) == (3, 4)
        with pytest.raises(LogGap):
            async with store.follow() as pages:
                _ = await take(pages, 5)


class TestConsumersThatDie:
    async def test_a_deleted_consumer_is_replaced(
        self, connection: Connection, store: JetStreamStore, space: str
    ) -> None:
        async with store.follow() as pages:
            _ = await store.append(write(count=2))
            assert positions(await take(pages, 2)) == [1, 2]
            await delete_consumers(connection, space)
            _ = await store.append(write(count=2))
            assert positions(await take(pages, 2)) == [3, 4]

    async def test_nothing_is_left_on_the_server_behind_a_read_and_a_follow(
        self, connection: Connection, store: JetStreamStore, space: str
    ) -> None:
        _ = await store.append(write(count=2))
        _ = await read_all(store)
        async with store.follow() as pages:
            _ = await take(pages, 1)
        async for _ in store.read():
            break

        # The read that was broken off ends when Python gets round to it.
        async def is_clean() -> bool:
            return not await consumers_of(connection, space)

        await until(is_clean)

    async def test_a_cut_line_interrupts_neither_read_nor_follow(
        self, on: Open, store: JetStreamStore, space: str, nats_server: NatsServer
    ) -> None:
        for _ in range(10):
            _ = await store.append(write(count=1_000))
        async with Proxy(nats_server.port) as proxy:
            connection = await on(proxy.url)
            far = await open_store(connection, space, create=False)
            seen: list[int] = []
            async for page in far.read():
                if not seen:
                    proxy.cut()
                seen += positions(page)
            assert seen == list(range(1, 10_001))
            async with far.follow(after=5_000) as pages:
                followed = positions(await take(pages, 1))
                proxy.cut()
                followed += positions(await take(pages, 5_000 - len(followed)))
                assert followed == list(range(5_001, 10_001))
                proxy.cut()
                _ = await store.append(write())
                assert positions(await take(pages, 1)) == [10_001]
            await connection.close()

    async def test_messages_swallowed_by_the_line_are_read_again(
        self, on: Open, store: JetStreamStore, space: str, nats_server: NatsServer
    ) -> None:
        async with Proxy(nats_server.port) as proxy:
            connection = await on(proxy.url)
            far = await open_store(connection, space, create=False)
            async with far.follow() as pages:
                proxy.is_deaf = True
                _ = await store.append(write(count=5))
                proxy.is_deaf = False
                proxy.cut()
                assert positions(await take(pages, 5)) == [1, 2, 3, 4, 5]
            await connection.close()

    async def test_a_consumer_that_owes_events_and_gives_none_is_replaced(
        self, feed: Make, store: JetStreamStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Placed on a server that is far behind, it has nothing but heartbeats to send."""
        monkeypatch.setattr(feeds, "STALLED_SECONDS", 0.1)
        _ = await store.append(write(count=3))
        lossy = feed({3: 2}, "session.*.*.*", until=3)
        lossy.is_deaf = True
        assert await drain(lossy, 3) == [1, 2, 3]

    async def test_what_no_consumer_gives_ends_a_read_when_patience_ends(
        self,
        feed: Make,
        store: JetStreamStore,
        connection: Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(feeds, "STALLED_SECONDS", 0.05)
        _ = await store.append(write(count=3))
        lossy = feed({2: 1_000, 3: 1_000}, "session.*.*.*", until=3)
        lossy.is_deaf = True
        assert await lossy.page() == await read_all(store, until=1)
        with pytest.raises(StoreUnavailable):
            _ = await lossy.page(Api(connection, 0.3).deadline())

    async def test_what_a_lagging_follower_lacks_is_asked_for_again(
        self,
        connection: Connection,
        store: JetStreamStore,
        space: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        _ = await store.append(write("session/a", count=5))
        lags = iter([2, 0, 1])
        whole = Gets.group

        async def lagging(self: Gets, subjects: str, after: int, count: int) -> list[Recorded]:
            found = await whole(self, subjects, after, count)
            return found[: next(lags, len(found))]

        monkeypatch.setattr(Gets, "group", lagging)
        assert positions(await read_all(store, Filter("session", "a"))) == [1, 2, 3, 4, 5]
        assert await consumers_of(connection, space) == []

    async def test_a_stream_that_is_gone_ends_a_read_when_patience_ends(
        self, connection: Connection, space: str
    ) -> None:
        store = await open_store(connection, space, patience_seconds=0.2)
        _ = await connection.ask(f"$JS.API.STREAM.DELETE.mabeam_{space}", seconds=5)
        with pytest.raises(StoreUnavailable):
            _ = await read_all(store)
        with pytest.raises(StoreUnavailable):
            async with store.follow():
                pass


class TestSlowReaders:
    async def test_a_slow_follower_holds_few_events_and_loses_none(
        self, connection: Connection, feed: Make, store: JetStreamStore
    ) -> None:
        total = 3 * WINDOW_EVENTS
        for _ in range(total // 1_000):
            _ = await store.append(write(count=1_000))
        slow = feed({}, until=total)
        first = await slow.page()
        held = 0
        while slow.held_events > held:
            # Give it all the time it wants to take more than it should.
            held = slow.held_events
            for _ in range(20):
                _ = await store.head()
        assert held <= WINDOW_EVENTS
        seen = positions(first)
        while page := await slow.page():
            seen += positions(page)
        assert seen == list(range(1, total + 1))

    async def test_large_events_are_held_back_by_their_bytes(
        self, feed: Make, store: JetStreamStore
    ) -> None:
        size = 500_000
        total = 8 * PULL_BYTES_MAX // size
        for _ in range(total):
            _ = await store.append(Write((said(text="x" * size),)))
        slow = feed({}, until=total)
        seen = positions(await slow.page())
        held = 0
        while slow.held_events > held:
            held = slow.held_events
            for _ in range(20):
                _ = await store.head()
        # What was asked for before the limit was seen may still come.
        assert held * size <= 3 * PULL_BYTES_MAX
        while page := await slow.page():
            seen += positions(page)
        assert seen == list(range(1, total + 1))

    async def test_one_who_pauses_for_longer_than_the_consumer_lives_misses_nothing(
        self, connection: Connection, store: JetStreamStore, space: str
    ) -> None:
        async with store.follow(Filter(kind="session")) as pages:
            _ = await store.append(write(count=3))
            assert positions(await take(pages, 3)) == [1, 2, 3]
            _ = await store.append(write(count=3))
            await delete_consumers(connection, space)
            _ = await store.append(write(count=3))
            assert positions(await take(pages, 6)) == [4, 5, 6, 7, 8, 9]


class TestReplySubjects:
    @pytest.mark.parametrize(
        "reply",
        [
            b"$JS.ACK.stream.consumer.1.7.1.1700000000000000000.0",
            b"$JS.ACK.hub.ACCOUNT.stream.consumer.1.7.1.1700000000000000000.0",
            b"$JS.ACK._.ACCOUNT.stream.consumer.1.7.1.1700000000000000000.0.random",
        ],
    )
    async def test_all_forms_tell_position_and_time(
        self, connection: Connection, reply: bytes
    ) -> None:
        feed = Feed(Api(connection), "stream", "mabeam.x.>", after=6)
        feed.begin("consumer")
        feed.message(b"mabeam.x.session.1.said.ann", reply, b"{}")
        (event,) = await feed.page()
        assert (event.position, event.recorded_ns) == (7, 1_700_000_000_000_000_000)
        feed.close()
