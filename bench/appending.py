"""Appending, one by one and side by side, against nats-py with the same bodies.

Ours sends the event's id as message id, so that a retried append is recognised, and checks
names and size; with an expectation it also compares and sets. The baseline does nothing of
the kind: its messages have no headers at all.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from psutil import Process

from bench.figures import Figure, Sample, alternate, timed
from bench.plain import Plain, plain
from bench.sizes import Sizes
from mabeam.agents.author import Author, agent_source
from mabeam.app.composition import open_store
from mabeam.core.auction.events import BidPlaced
from mabeam.core.envelope import encode, wire_subject
from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Boundary
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.system import SystemClock, SystemIds

__all__ = ["lanes_of", "measure_one_by_one", "measure_pipelined"]

_SPACE: Final = "bench"
_BODY_BYTES_MAX: Final = 1_000_000
_AUTHOR: Final = Author(SystemClock(), SystemIds())

Lane = list[Write]
"""Writes to one boundary, in order."""

Publish = Callable[[Sequence[tuple[str, bytes]]], Awaitable[None]]


async def measure_one_by_one(sizes: Sizes) -> list[Figure]:
    """Append one event when the one before is recorded."""
    count = sizes.one_by_one
    async with _both() as (server, store, baseline):
        runs = _runs(server, store, baseline.one_by_one, 1, count)
        samples = await alternate(sizes.repetitions, *runs)
    return _figures("append one by one", "await js.publish", 0.8, samples)


async def measure_pipelined(sizes: Sizes) -> list[Figure]:
    """Append to many boundaries at once, to each of them one by one."""
    many, count = sizes.boundaries, sizes.pipelined
    async with _both() as (server, store, baseline):
        runs = _runs(server, store, baseline.pipelined, many, count)
        samples = await alternate(sizes.repetitions, *runs)
    return _figures(f"append over {many} boundaries", "publish_async", 2.0, samples)


@asynccontextmanager
async def _both() -> AsyncGenerator[tuple[Process, EventStore, Plain]]:
    async with (
        EmbeddedServer() as server,
        open_store(_SPACE, server.url) as store,
        plain(server.url) as baseline,
    ):
        yield Process(server.pid), store, baseline


def _runs(
    server: Process, store: EventStore, publish: Publish, boundaries: int, count: int
) -> tuple[Callable[[], Awaitable[Sample]], ...]:
    def lanes() -> list[Lane]:
        return lanes_of(boundaries, count)

    return (
        lambda: timed(server, count, _side_by_side(_append, store, lanes())),
        lambda: timed(server, count, _side_by_side(_append_expecting, store, lanes())),
        lambda: timed(server, count, publish(_messages(lanes()))),
    )


def _figures(
    name: str, against: str, ratio_min: float, samples: tuple[tuple[Sample, ...], ...]
) -> list[Figure]:
    *ours, raw = samples
    figures: list[Figure] = []
    for kind, mine in zip(("speech", "compare-and-set"), ours, strict=True):
        figures += [
            Figure(
                name=f"{name}, {kind}",
                unit="events/s",
                ours=tuple(sample.per_second for sample in mine),
                raw=tuple(sample.per_second for sample in raw),
                against=against,
                ratio_min=ratio_min,
            ),
            Figure(
                name="  of which client",
                unit="us CPU",
                ours=tuple(sample.client_us for sample in mine),
                raw=tuple(sample.client_us for sample in raw),
            ),
            Figure(
                name="  of which server",
                unit="us CPU",
                ours=tuple(sample.server_us for sample in mine),
                raw=tuple(sample.server_us for sample in raw),
            ),
        ]
    return figures


async def _side_by_side(
    append: Callable[[EventStore, Lane], Awaitable[None]], store: EventStore, lanes: list[Lane]
) -> None:
    await asyncio.gather(*(append(store, lane) for lane in lanes))


async def _append(store: EventStore, lane: Lane) -> None:
    for write in lane:
        await store.append(write)


async def _append_expecting(store: EventStore, lane: Lane) -> None:
    position = 0
    for write in lane:
        position = await store.append(Write(write.events, position))


def _messages(lanes: list[Lane]) -> list[tuple[str, bytes]]:
    """Return the same events as plain messages, each lane's first, then each lane's second."""
    writes = (write for turn in itertools.zip_longest(*lanes) for write in turn if write)
    events = (write.events[0] for write in writes)
    return [
        (f"plain.{wire_subject(_SPACE, event)}", encode(event, _BODY_BYTES_MAX)) for event in events
    ]


def lanes_of(boundaries: int, count: int) -> list[Lane]:
    """Make bids, of which each lane has its own session, that nobody has bid in before."""
    lanes: list[Lane] = [[] for _ in range(boundaries)]
    names = [next(_NAMES) for _ in range(boundaries)]
    for number in range(count):
        at = number % boundaries
        boundary = Boundary("session", names[at])
        bid = BidPlaced(amount=number + 1, note="as much as the task is worth to me")
        lanes[at].append(_AUTHOR.says(boundary, (bid,), source=agent_source("coder")))
    return lanes


_NAMES: Final = (f"lot-{number}" for number in itertools.count())
