"""Reading every event of a log in order to check it, and in order to back it up."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from psutil import Process

from bench.figures import Figure, Sample, alternate, timed
from bench.load import write_elsewhere
from bench.sizes import Sizes
from mabeam.app.custody import back_up, look_at
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.jetstream import Connection, connect, open_store

__all__ = ["measure_check"]

_SPACE: Final = "bench"


async def measure_check(sizes: Sizes) -> list[Figure]:
    """Write a history, then read it, check it and back it up."""
    async with EmbeddedServer() as server:
        connection = await connect(server.url)
        try:
            store = await open_store(connection, _SPACE)
            events = await write_elsewhere(server.url, _SPACE, sizes.history)

            async def read() -> None:
                async for _ in store.read():
                    pass

            ways = (partial(_check, connection), partial(_back_up, connection), read)
            process = Process(server.pid)
            samples = await alternate(
                sizes.repetitions, *(partial(_timed, process, events, way) for way in ways)
            )
        finally:
            await connection.close()
    *ours, plain = samples
    return [
        Figure(
            name=f"{name} of {events:,} events",
            unit="events/s",
            ours=tuple(sample.per_second for sample in found),
            raw=tuple(sample.per_second for sample in plain),
            against="reading them",
        )
        for name, found in zip(("check", "backup"), ours, strict=True)
    ]


async def _check(connection: Connection) -> None:
    async for check in look_at(connection, _SPACE):
        assert check.verdict != "fail", check


async def _back_up(connection: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _ = await back_up(connection, _SPACE, Path(folder) / "backup")


async def _timed(server: Process, events: int, way: Callable[[], Awaitable[None]]) -> Sample:
    return await timed(server, events, way())
