"""Appending, one by one and side by side, against nats-py with the same bodies.

Ours sends the event's id as message id, so that a retried append is recognised, and checks
names and size; with an expectation it also compares and sets. The baseline does nothing of
the kind: its messages have no headers at all.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from bench.figures import Figure, alternate
from bench.plain import plain
from bench.sizes import Sizes
from mabeam.agents.author import Author, agent_source
from mabeam.app.composition import open_store, server_address
from mabeam.core.auction.events import BidPlaced
from mabeam.core.envelope import encode, wire_subject
from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Boundary
from mabeam.infra.system import SystemClock, SystemIds

__all__ = ["measure_one_by_one", "measure_pipelined"]

_SPACE: Final = "bench"
_BODY_BYTES_MAX: Final = 1_000_000
_AUTHOR: Final = Author(SystemClock(), SystemIds())

Lane = list[Write]
"""Writes to one boundary, in order."""


async def measure_one_by_one(sizes: Sizes) -> list[Figure]:
    """Append one event when the one before is recorded."""
    count = sizes.one_by_one
    async with server_address() as url, open_store(_SPACE, url) as store, plain(url) as baseline:
        spoken, checked, raw = await alternate(
            sizes.repetitions,
            lambda: _ours(store, 1, count, by_expectation=False),
            lambda: _ours(store, 1, count, by_expectation=True),
            lambda: _raw(baseline.one_by_one, count),
        )
    return [
        _figure("append one by one, speech", spoken, raw, "await js.publish", 0.8),
        _figure("append one by one, compare-and-set", checked, raw, "await js.publish", 0.8),
    ]


async def measure_pipelined(sizes: Sizes) -> list[Figure]:
    """Append to many boundaries at once, to each of them one by one."""
    count, many = sizes.pipelined, sizes.boundaries
    async with server_address() as url, open_store(_SPACE, url) as store, plain(url) as baseline:
        spoken, checked, raw = await alternate(
            sizes.repetitions,
            lambda: _ours(store, many, count, by_expectation=False),
            lambda: _ours(store, many, count, by_expectation=True),
            lambda: _raw(baseline.pipelined, count),
        )
    where = f"over {many} boundaries"
    return [
        _figure(f"append {where}, speech", spoken, raw, "publish_async", 2.0),
        _figure(f"append {where}, compare-and-set", checked, raw, "publish_async", 2.0),
    ]


def _figure(
    name: str, ours: tuple[float, ...], raw: tuple[float, ...], against: str, ratio_min: float
) -> Figure:
    return Figure(
        name=name, unit="events/s", ours=ours, raw=raw, against=against, ratio_min=ratio_min
    )


async def _ours(store: EventStore, boundaries: int, count: int, *, by_expectation: bool) -> float:
    lanes = _lanes(boundaries, count)
    append = _append_expecting if by_expectation else _append
    began = time.perf_counter()
    await asyncio.gather(*(append(store, lane) for lane in lanes))
    return count / (time.perf_counter() - began)


async def _append(store: EventStore, lane: Lane) -> None:
    for write in lane:
        await store.append(write)


async def _append_expecting(store: EventStore, lane: Lane) -> None:
    position = 0
    for write in lane:
        position = await store.append(Write(write.events, position))


async def _raw(
    publish: Callable[[Sequence[tuple[str, bytes]]], Awaitable[None]], count: int
) -> float:
    events = [write.events[0] for lane in _lanes(count, count) for write in lane]
    messages = [
        (f"plain.{wire_subject(_SPACE, event)}", encode(event, _BODY_BYTES_MAX)) for event in events
    ]
    began = time.perf_counter()
    await publish(messages)
    return count / (time.perf_counter() - began)


def _lanes(boundaries: int, count: int) -> list[Lane]:
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
