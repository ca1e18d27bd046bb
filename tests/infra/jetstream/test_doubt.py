"""A server that is alive and serves nobody is left, where there is another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mabeam.infra.embedded.configuration import LOOPBACK
from mabeam.infra.jetstream import Connection, connect, connection, open_store
from mabeam.infra.jetstream.publisher import Message, Publisher
from support.events import write
from support.nats_server import NatsServer, free_port
from support.proxy import Proxy
from support.waiting import until

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

WATCH_SECONDS = 0.1
# Far more than it takes to leave a server.
PATIENCE_SECONDS = 60.0


@pytest.fixture
def lonely_servers(tmp_path: Path) -> Iterator[list[NatsServer]]:
    """Two servers, each one of three of which the others were never started."""
    servers: list[NatsServer] = []
    for name in ("lonely", "forlorn"):
        routes = [f"nats://{LOOPBACK}:{free_port()}" for _ in range(2)]
        cluster = {"name": name, "listen": f"{LOOPBACK}:{free_port()}", "routes": routes}
        server = NatsServer(tmp_path / name, settings={"server_name": name, "cluster": cluster})
        servers.append(server)
        server.launch()
    for server in servers:
        server.await_listening()
    yield servers
    for server in servers:
        server.kill()


@pytest.fixture
def lonely_server(lonely_servers: list[NatsServer]) -> NatsServer:
    return lonely_servers[0]


@pytest.fixture(autouse=True)
def short_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DOUBT_SECONDS", 0.5)


@asynccontextmanager
async def connected(*servers: NatsServer | Proxy) -> AsyncGenerator[Connection]:
    """Connect to the first of the servers, and let the others be known."""
    for _ in range(50):
        line = await connect([one.url for one in servers], watch_seconds=WATCH_SECONDS)
        if is_at(line, servers[0]):
            break
        await line.close()
    else:
        raise AssertionError("never connected to the first server")
    try:
        yield line
    finally:
        await line.close()


def is_at(line: Connection, server: NatsServer | Proxy) -> bool:
    """Tell whether a connection is to this server now."""
    present = line.wire.connected_url
    return present is not None and present.geturl() == server.url


async def test_what_one_server_does_not_answer_another_does(
    lonely_server: NatsServer, nats_server: NatsServer, space: str
) -> None:
    async with connected(lonely_server, nats_server) as line:
        store = await open_store(line, space)
        assert await store.append(write()) == 1
        assert line.appends.seconds == line.requests.seconds == 0


async def test_what_one_server_does_not_record_another_does(
    lonely_server: NatsServer, nats_server: NatsServer, space: str
) -> None:
    async with connected(nats_server) as line:
        _ = await open_store(line, space)
    async with connected(lonely_server, nats_server) as line:
        message = Message(f"mabeam.{space}.session.1.said.ann", b"", b"{}")
        publisher = Publisher(line)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        answer = await publisher.publish(message, deadline)
        assert answer.seq == 1
        assert line.appends.seconds == 0


async def test_a_server_is_tried_again_only_behind_all_others(
    lonely_servers: list[NatsServer], nats_server: NatsServer, space: str
) -> None:
    returned_to_first: list[bool] = []
    async with connected(*lonely_servers, nats_server) as line:
        _ = line.on_return(lambda: returned_to_first.append(is_at(line, lonely_servers[0])))
        store = await open_store(line, space, patience_seconds=PATIENCE_SECONDS)
        assert await store.append(write()) == 1
    assert not any(returned_to_first[: len(lonely_servers)])


async def test_a_server_that_could_not_be_reached_is_tried_again(
    lonely_server: NatsServer, nats_server: NatsServer, space: str
) -> None:
    """One that can be reached and serves nobody is no better."""
    async with Proxy(nats_server.port) as proxy, connected(proxy, lonely_server) as line:
        store = await open_store(line, space, patience_seconds=PATIENCE_SECONDS)
        proxy.shut()
        appending = asyncio.ensure_future(store.append(write()))
        # Back at the same one, for the other was tried in vain.
        await until(lambda: line.wire.stats["reconnects"] > 1 and is_at(line, lonely_server))
        await proxy.open()
        assert await appending == 1


async def test_the_only_server_is_not_left(lonely_server: NatsServer, space: str) -> None:
    async with connected(lonely_server) as line:
        opening = asyncio.ensure_future(open_store(line, space))
        await until(lambda: line.requests.seconds > 2)
        assert line.wire.stats["reconnects"] == 0
        opening.cancel()
        _ = await asyncio.gather(opening, return_exceptions=True)


async def test_a_line_to_a_server_that_is_silent_when_greeted_is_not_left_open(
    nats_server: NatsServer,
) -> None:
    """A halted server lets clients connect, and says nothing. What is left open is a warning."""
    greeted: list[asyncio.StreamReader] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append(reader)
        # Nothing comes but the end, when the client gives the line up for good.
        _ = await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, LOOPBACK, 0)
    url = f"nats://{LOOPBACK}:{silent.sockets[0].getsockname()[1]}"
    async with silent:
        line = await connect([url, nats_server.url], deadline_seconds=PATIENCE_SECONDS)
        while greeted:
            # Greeted at the first connection it is closed in order, and tried last thereafter.
            await line.close()
            greeted.clear()
            line = await connect([url, nats_server.url], deadline_seconds=PATIENCE_SECONDS)
        while not greeted:
            await line.wire.start_over()
            await until(lambda: bool(greeted) or line.is_up)
        await until(lambda: line.is_up)
        await until(lambda: all(reader.at_eof() for reader in greeted))
        await line.close()
