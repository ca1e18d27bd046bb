"""A connection and a fresh space on the shared server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mabeam.infra.embedded.binary import find_binary
from mabeam.infra.jetstream import Access, Connection, JetStreamStore, connect, open_store
from support.nats_server import NatsServer
from support.worlds import fresh_space


@pytest.fixture
def space() -> str:
    return fresh_space()


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncGenerator[Connection]:
    connection = await connect(nats_server.url, name="test")
    yield connection
    await connection.close()


@pytest.fixture
async def store(connection: Connection, space: str) -> JetStreamStore:
    return await open_store(connection, space)


@pytest.fixture
async def on() -> AsyncGenerator[Callable[..., Awaitable[Connection]]]:
    """How to connect anywhere; what was connected is closed in the end."""
    connections: list[Connection] = []

    async def open_on(url: str, access: Access | None = None) -> Connection:
        connections.append(await connect(url, name="test", access=access, watch_seconds=0.5))
        return connections[-1]

    yield open_on
    for one in connections:
        await one.close()


@pytest.fixture
def locked_url(tmp_path: Path) -> Iterator[str]:
    """A server that knows two users: ``admin`` may do all, ``coder`` may speak as itself."""
    may = [
        "mabeam.*.*.*.*.coder",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.STREAM.MSG.GET.*",
        "$JS.API.DIRECT.GET.>",
        "$JS.API.CONSUMER.>",
        "$JS.ACK.>",
    ]
    users = f"""
        authorization {{ users: [
            {{ user: admin, password: secret }}
            {{ user: coder, password: secret, permissions {{
                publish: {json.dumps(may)}
                subscribe: ["_INBOX_coder.>"]
            }} }}
        ] }}
    """
    with server(tmp_path, users) as url:
        yield url


@pytest.fixture
def small_share_url(tmp_path: Path) -> Iterator[str]:
    """A server that may use a megabyte of the disk."""
    with server(tmp_path, share="max_file_store: 1MB") as url:
        yield url


@contextmanager
def server(folder: Path, settings: str = "", share: str = "") -> Generator[str]:
    """Run a server with settings of its own and yield its address."""
    configuration = folder / "server.conf"
    _ = configuration.write_text(
        f"""
        listen: "127.0.0.1:-1"
        ports_file_dir: "{folder}"
        feature_flags {{ js_ack_fc_v2: false }}
        jetstream {{ store_dir: "{folder / "data"}", {share} }}
        {settings}
        """
    )
    log = (folder / "log").open("wb")
    with log, subprocess.Popen([find_binary(), "-c", configuration], stdout=log, stderr=log) as run:
        while not (found := list(folder.glob("*.ports"))) or not found[0].stat().st_size:
            assert run.poll() is None, "the server did not start"
            time.sleep(0.005)
        yield json.loads(found[0].read_text())["nats"][0]
        run.terminate()
