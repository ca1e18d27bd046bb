"""A cluster that tests do anything to, and leave whole."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from mabeam.core.errors import ConfigurationError
from mabeam.infra.jetstream import Connection, JetStreamStore, connect, open_store
from support.nats_cluster import NatsCluster
from support.trial import PATIENCE_SECONDS
from support.waiting import until
from support.worlds import fresh_space

OpenStore = Callable[..., Awaitable[JetStreamStore]]


@pytest.fixture(scope="session")
def faulty_cluster(scratch_folder: Path) -> Iterator[NatsCluster]:
    """Three servers, whom each test of this folder may do anything to and makes whole again."""
    with NatsCluster(Path(tempfile.mkdtemp(dir=scratch_folder))) as cluster:
        yield cluster


@pytest.fixture
def space() -> str:
    return fresh_space()


@pytest.fixture
async def open_one(space: str) -> AsyncGenerator[OpenStore]:
    """How to open the test's space as one more process; all is closed in the end."""
    connections: list[Connection] = []

    async def open_one(urls: str | list[str], replicas: int = 1) -> JetStreamStore:
        connection = await connect(urls, name=f"client {len(connections)}", deadline_seconds=20)
        connections.append(connection)
        opened: list[JetStreamStore] = []

        async def is_opened() -> bool:
            # After a fault the servers place no new space until they see all three again.
            with suppress(ConfigurationError):
                opened.append(
                    await open_store(
                        connection, space, replicas=replicas, patience_seconds=PATIENCE_SECONDS
                    )
                )
            return bool(opened)

        await until(is_opened)
        return opened[0]

    yield open_one
    for connection in connections:
        await connection.close()


@pytest.fixture
def open_space(open_one: OpenStore) -> OpenStore:
    """The same for a space that is on all three servers."""
    return partial(open_one, replicas=3)
