"""Spaces on a NATS server, for the conformance suite and the tests of the store itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mabeam.infra.jetstream import (
    Connection,
    JetStreamCheckpoints,
    JetStreamStore,
    connect,
    open_checkpoints,
    open_store,
)
from mabeam.infra.jetstream.replies import Unserved
from mabeam.infra.jetstream.topology import Storage
from support.worlds import fresh_space

__all__ = ["JetStreamKind", "JetStreamWorld"]

_ANSWER_SECONDS = 10
_PAUSE_SECONDS = 0.01


class JetStreamWorld:
    """A space on a server; each store in it has a connection of its own, as processes do.

    Attributes:
        replicas: On how many servers it is kept.
        storage: Where each of them keeps it.
    """

    def __init__(
        self, url: str, space: str, replicas: int, storage: Storage, bytes_max: int | None
    ) -> None:
        self._url = url
        self._space = space
        self.replicas = replicas
        self.storage: Storage = storage
        self._bytes_max = -1 if bytes_max is None else bytes_max
        self._connections: list[Connection] = []

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._space

    async def connect(self) -> Connection:
        """Connect once more."""
        connection = await connect(self._url.split(","), name=f"test of {self._space}")
        self._connections.append(connection)
        return connection

    async def open(self) -> JetStreamStore:
        """Open the space on a connection of its own."""
        return await open_store(
            await self.connect(),
            self._space,
            replicas=self.replicas,
            storage=self.storage,
            max_bytes=self._bytes_max,
        )

    async def checkpoints(self) -> JetStreamCheckpoints:
        """Open the checkpoints on a connection of their own."""
        return await open_checkpoints(
            await self.connect(), self._space, replicas=self.replicas, storage=self.storage
        )

    async def publish_raw(self, subject: str, body: bytes, message_id: str = "") -> int:
        """Publish past the store; return the position."""
        connection = await self.connect()
        fields = f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\n\r\n" if message_id else ""
        async with asyncio.timeout(_ANSWER_SECONDS):
            while True:
                reply, answer = connection.replies.expect(subject, seconds=_ANSWER_SECONDS)
                connection.wire.send(subject.encode(), reply, fields.encode(), body)
                try:
                    position: int = json.loads(await answer)["seq"]
                except Unserved:
                    # Of a cluster, not all servers know of a new stream at once.
                    await asyncio.sleep(_PAUSE_SECONDS)
                else:
                    return position

    async def disrupt(self) -> None:
        """Drop each connection; each comes back by itself."""
        for connection in self._connections:
            await connection.wire.start_over()

    async def restart(self) -> None:
        """Close all connections."""
        while self._connections:
            await self._connections.pop().close()

    async def take_down(self) -> None:
        """Close all connections and delete the streams, which nobody else has a use for."""
        connection = await self.connect()
        for stream in (f"mabeam_{self._space}", f"mabeam_{self._space}_checkpoints"):
            _ = await connection.ask(f"$JS.API.STREAM.DELETE.{stream}", seconds=_ANSWER_SECONDS)
        await self.restart()


class JetStreamKind:
    """Stores on a NATS server.

    Args:
        url: Where the server listens; the servers of a cluster separated by commas.
        replicas: On how many servers of a cluster each space is kept.
        storage: Where each of them keeps it.
    """

    examples_max = 12

    def __init__(self, url: str, replicas: int = 1, storage: Storage = "file") -> None:
        self._url = url
        self._replicas = replicas
        self._storage: Storage = storage

    @asynccontextmanager
    async def world(self, *, bytes_max: int | None = None) -> AsyncGenerator[JetStreamWorld]:
        """Make a fresh space, and delete it in the end."""
        world = JetStreamWorld(self._url, fresh_space(), self._replicas, self._storage, bytes_max)
        try:
            yield world
        finally:
            await world.take_down()
