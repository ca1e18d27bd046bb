"""What it costs to be looked at: the same log bare, measured, and traced.

Tracing is that of the OpenTelemetry SDK, with no span sampled or all of them, and these handed
to nobody: what an exporter costs comes on top, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from psutil import Process

from bench.figures import Figure, Sample, alternate, timed
from bench.load import write_elsewhere
from bench.sizes import Sizes
from mabeam.agents.author import Author, agent_source
from mabeam.app.composition import open_store
from mabeam.app.telemetry import metrics, tracing
from mabeam.core.auction.events import BidPlaced
from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Boundary
from mabeam.core.telemetry import SILENCE, Telemetry
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD

__all__ = ["measure_telemetry"]

_SPACE: Final = "bench"
_WAYS: Final = ("metrics", "traces, none sampled", "traces, all sampled")
_AUTHOR: Final = Author(SystemClock(), SystemIds())
_NAMES: Final = (f"lot-{number}" for number in itertools.count())

Run = Callable[[EventStore], Awaitable[None]]


async def measure_telemetry(sizes: Sizes) -> list[Figure]:
    """Append, read and follow with and without anybody who looks on."""
    async with EmbeddedServer() as server, _stores(server.url) as stores:
        process = Process(server.pid)
        history = await write_elsewhere(server.url, _SPACE, sizes.history // 5)
        jobs: list[tuple[str, int, Callable[[], Run]]] = [
            ("append one by one", sizes.one_by_one, lambda: _appending(1, sizes.one_by_one)),
            (
                f"append over {sizes.boundaries} boundaries",
                sizes.pipelined,
                lambda: _appending(sizes.boundaries, sizes.pipelined),
            ),
            ("read", history, lambda: partial(_read, until=history)),
            ("follow into the state", history, lambda: partial(_fold, until=history)),
        ]
        # Folding begins with the first event, so it must come before others are appended.
        found = {
            name: await alternate(
                sizes.repetitions,
                *(partial(_timed, process, count, make, store) for store in stores),
            )
            for name, count, make in reversed(jobs)
        }
    return [figure for name, _, _ in jobs for figure in _figures(name, found[name])]


@asynccontextmanager
async def _stores(url: str) -> AsyncGenerator[Sequence[EventStore]]:
    """Open the space bare and in each of the ways, each on a connection of its own."""
    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    sampled = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    ways: list[Telemetry] = [SILENCE, metrics(), tracing(unsampled), tracing(sampled)]
    async with AsyncExitStack() as stack:
        stores: list[EventStore] = []
        for way in ways:
            store = await stack.enter_async_context(open_store(_SPACE, url))
            stores.append(await stack.enter_async_context(way.observing(store)))
        yield stores


async def _timed(
    process: Process, count: int, make: Callable[[], Run], store: EventStore
) -> Sample:
    return await timed(process, count, make()(store))


def _figures(name: str, samples: Sequence[Sequence[Sample]]) -> list[Figure]:
    bare, *others = samples
    figures: list[Figure] = []
    for way, taken in zip(_WAYS, others, strict=True):
        figures += [
            Figure(
                name=f"{name}, {way}",
                unit="events/s",
                ours=tuple(sample.per_second for sample in taken),
                raw=tuple(sample.per_second for sample in bare),
                against="the same log, nobody looks on",
            ),
            Figure(
                name="  of which client",
                unit="us CPU",
                ours=tuple(sample.client_us for sample in taken),
                raw=tuple(sample.client_us for sample in bare),
            ),
        ]
    return figures


def _appending(boundaries: int, count: int) -> Run:
    """Return a run that appends bids, each lane to a session of its own."""
    lanes: list[list[Write]] = []
    for size in (count // boundaries for _ in range(boundaries)):
        boundary = Boundary("session", next(_NAMES))
        bids = [BidPlaced(amount=n + 1, note="as much as it is worth") for n in range(size)]
        lanes.append([_AUTHOR.says(boundary, (bid,), source=agent_source("coder")) for bid in bids])

    async def append(store: EventStore, lane: list[Write]) -> None:
        for write in lane:
            _ = await store.append(write)

    async def run(store: EventStore) -> None:
        _ = await asyncio.gather(*(append(store, lane) for lane in lanes))

    return run


async def _read(store: EventStore, until: int) -> None:
    async for _ in store.read(until=until):
        pass


async def _fold(store: EventStore, until: int) -> None:
    async with Live(WORLD, store) as live:
        _ = await live.wait_for(until)
