"""A durable consumer outlives its processes, its line and its own deletion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from mabeam.core.errors import ConfigurationError, StoreUnavailable
from mabeam.core.subjects import Filter
from mabeam.infra.jetstream import Connection, JetStreamStore, open_store
from mabeam.infra.jetstream.consuming import WINDOW_EVENTS
from support.events import append_each, write
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.reading import next_delivery
from support.waiting import until

pytestmark = pytest.mark.jetstream

Open = Callable[[str], Awaitable[Connection]]

LONG_SECONDS = 3_600.0


async def test_a_name_stands_for_one_filter(store: JetStreamStore) -> None:
    async with store.consume("worker", Filter(kind="session")):
        with pytest.raises(ConfigurationError):
            async with store.consume("worker", Filter(kind="agent")):
                pass
    async with store.consume("worker", Filter(kind="session"), ack_wait_seconds=LONG_SECONDS):
        pass


@pytest.mark.parametrize("name", ["two words", "a.b", "*", ">", "größe", "a/b"])
async def test_any_name_will_do(store: JetStreamStore, name: str) -> None:
    await append_each(store, 1)
    async with store.consume(name) as deliveries:
        assert (await next_delivery(deliveries)).recorded.position == 1


async def test_what_was_fetched_and_not_looked_at_is_handed_back_at_once(
    store: JetStreamStore,
) -> None:
    _ = await store.append(write(count=10))
    async with store.consume("worker", ack_wait_seconds=LONG_SECONDS) as deliveries:
        await (await next_delivery(deliveries)).ack()
    async with store.consume("worker", ack_wait_seconds=LONG_SECONDS) as deliveries:
        rest = [(await next_delivery(deliveries)).recorded.position for _ in range(9)]
    assert sorted(rest) == list(range(2, 11))


async def test_a_process_takes_no_more_than_its_share(store: JetStreamStore) -> None:
    total = 3 * WINDOW_EVENTS
    _ = await store.append(write(count=total))
    async with (
        store.consume("worker", ack_wait_seconds=LONG_SECONDS) as one,
        store.consume("worker", ack_wait_seconds=LONG_SECONDS) as other,
    ):
        _ = await next_delivery(one)
        seen = {(await next_delivery(other)).recorded.position for _ in range(WINDOW_EVENTS)}
    assert len(seen) == WINDOW_EVENTS


async def test_a_deleted_consumer_is_made_again(
    connection: Connection, store: JetStreamStore, space: str
) -> None:
    await append_each(store, 1)
    async with store.consume("worker") as deliveries:
        await (await next_delivery(deliveries)).ack()
        operation = f"$JS.API.CONSUMER.DELETE.mabeam_{space}.worker"
        _ = await connection.ask(operation, seconds=5)
        await append_each(store, 1)
        seen: set[int] = set()
        while 2 not in seen:
            delivery = await next_delivery(deliveries)
            seen.add(delivery.recorded.position)
            await delivery.ack()


async def test_a_cut_line_loses_no_event(
    on: Open, store: JetStreamStore, space: str, nats_server: NatsServer
) -> None:
    _ = await store.append(write(count=200))
    async with Proxy(nats_server.port) as proxy:
        connection = await on(proxy.url)
        far = await open_store(connection, space, create=False)
        async with far.consume("worker", ack_wait_seconds=0.5) as deliveries:
            seen: set[int] = set()
            while len(seen) < 200:
                delivery = await next_delivery(deliveries)
                seen.add(delivery.recorded.position)
                await delivery.ack()
                if len(seen) == 50:
                    proxy.cut()
        await connection.close()
    assert seen == set(range(1, 201))


async def test_settling_without_a_line_is_no_error_and_the_event_comes_again(
    on: Open, store: JetStreamStore, space: str, nats_server: NatsServer
) -> None:
    await append_each(store, 1)
    async with Proxy(nats_server.port) as proxy:
        connection = await on(proxy.url)
        far = await open_store(connection, space, create=False)
        async with far.consume("worker", ack_wait_seconds=0.3) as deliveries:
            first = await next_delivery(deliveries)
            proxy.cut()
            await until(lambda: not connection.is_up)
            await first.ack()
            again = await next_delivery(deliveries)
            assert again.recorded.position == 1
            await again.ack()
        await connection.close()


async def test_where_there_is_no_stream_it_does_not_begin(
    connection: Connection, space: str
) -> None:
    store = await open_store(connection, space, patience_seconds=0.2)
    _ = await connection.ask(f"$JS.API.STREAM.DELETE.mabeam_{space}", seconds=5)
    with pytest.raises(StoreUnavailable):
        async with store.consume("worker"):
            pass
