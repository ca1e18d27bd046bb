"""A line between client and server that a test can cut, or make deaf in one direction."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

__all__ = ["Proxy"]

_CHUNK_BYTES = 65_536


class Proxy:
    """Forwards connections to a server.

    Attributes:
        is_deaf: Swallow what the server says; it still hears everything. A connection that
            has lost bytes must be cut before it is of use again.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.is_deaf = False
        self._port = port
        self._host = host
        self._server: asyncio.Server | None = None
        self._server_port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect."""
        assert self._server_port
        return f"nats://127.0.0.1:{self._server_port}"

    def cut(self) -> None:
        """End all connections at once, without a word."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def open(self) -> None:
        """Listen, and again at the same place after `shut`."""
        port = self._server_port
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self._server_port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """End all connections, and let nobody make another."""
        assert self._server is not None
        self._server.close()
        self.cut()

    async def __aenter__(self) -> Self:
        """Start listening."""
        await self.open()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop listening and end all connections."""
        assert self._server is not None
        self.shut()
        _ = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for pump in (
            self._pump(reader, far_writer, from_server=False),
            self._pump(far_reader, writer, from_server=True),
        ):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if not (from_server and self.is_deaf):
                    writer.write(chunk)
                    await writer.drain()
        writer.transport.abort()
