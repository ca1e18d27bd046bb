"""What is kept in the memory of servers lasts as long as one of them, and no longer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mabeam.core.errors import NotFound
from mabeam.infra.jetstream import JetStreamStore, connect, open_store
from mabeam.infra.jetstream.topology import stream_name
from support.events import write
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.reading import positions, read_all

pytestmark = [pytest.mark.jetstream, pytest.mark.slow, pytest.mark.faults]

Open = Callable[..., Awaitable[JetStreamStore]]


async def test_a_log_in_the_memory_of_one_server_ends_with_it(tmp_path: Path, space: str) -> None:
    with NatsServer(tmp_path / "n") as server:
        connection = await connect(server.url)
        store = await open_store(connection, space, storage="memory")
        assert await store.append(write()) == 1
        await asyncio.to_thread(server.restart)
        with pytest.raises(NotFound):
            _ = await open_store(connection, space, create=False)
        await connection.close()


async def test_a_log_in_the_memory_of_three_servers_outlasts_one_of_them_and_not_all(
    scratch_folder: Path, space: str
) -> None:
    with NatsCluster(Path(tempfile.mkdtemp(dir=scratch_folder))) as cluster:
        connection = await connect(cluster.urls)
        store = await open_store(connection, space, replicas=3, storage="memory")
        last = await store.append(write(count=20))
        await cluster.settled(stream_name(space))
        leader = await asyncio.to_thread(cluster.leader, stream_name(space))
        await asyncio.to_thread(leader.kill)
        assert positions(await read_all(store)) == list(range(1, last + 1))
        await asyncio.to_thread(leader.start)
        await cluster.settled(stream_name(space))

        def crash() -> None:
            for server in cluster.servers:
                server.kill()
            cluster.start()

        await asyncio.to_thread(crash)
        assert await store.head() == 0
        await connection.close()
