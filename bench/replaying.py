"""Replaying a history into the state of the whole space, against merely counting messages.

The parts are measured by doing more and more: take messages off the wire; make envelopes of
them; decode their payloads; fold them. What a part costs is the CPU time that it adds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, cast

from immutables import Map
from psutil import Process

from bench.figures import Figure, Sample, alternate, timed
from bench.load import write_elsewhere
from bench.plain import Plain, plain
from bench.sizes import Sizes
from mabeam.core.envelope import Recorded
from mabeam.core.subjects import subject_filter
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.jetstream import JetStreamStore, connect, open_store
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.feed import Feed
from mabeam.infra.jetstream.topology import stream_name
from mabeam.projections.projection import Projection
from mabeam.projections.world import WORLD

__all__ = ["measure_replay"]

_SPACE: Final = "bench"
_PARTS: Final = ("wire", "envelope", "payload and counting", "the whole state beyond that")

Counts = Map[str, int]


def _count(counts: Counts, recorded: Recorded) -> Counts:
    name = type(recorded.data).__name__
    return counts.set(name, counts.get(name, 0) + 1)


def _count_page(counts: Counts, page: Sequence[Recorded]) -> Counts:
    more = Counter(type(recorded.data).__name__ for recorded in page)
    return counts.update({name: counts.get(name, 0) + count for name, count in more.items()})


BY_TYPE: Final[Projection[Counts]] = Projection("by-type", 1, Map(), _count, _count_page)
"""A simple fold."""


async def measure_replay(sizes: Sizes) -> list[Figure]:
    """Write a history, then replay it."""
    async with EmbeddedServer() as server, plain(server.url) as baseline:
        connection = await connect(server.url)
        try:
            store = await open_store(connection, _SPACE)
            events = await write_elsewhere(server.url, _SPACE, sizes.history)
            ways = _Replays(store, Api(connection), baseline, events)
            runs = (ways.wire, ways.envelopes, ways.counts, ways.world, ways.count)
            process = Process(server.pid)
            samples = await alternate(
                sizes.repetitions, *(partial(_timed, process, events, run) for run in runs)
            )
        finally:
            await connection.close()
    *stages, raw = samples
    folds = {"counts by type": (stages[-2], 150_000), "the whole state": (stages[-1], 100_000)}
    return [
        *(
            Figure(
                name=f"replay of {events:,} events into {fold}",
                unit="events/s",
                ours=tuple(sample.per_second for sample in taken),
                raw=tuple(sample.per_second for sample in raw),
                against="push subscription that counts",
                ours_min=ours_min,
                ratio_min=0.8,
            )
            for fold, (taken, ours_min) in folds.items()
        ),
        *_parts([tuple(sample.client_us for sample in stage) for stage in (*stages, raw)]),
    ]


async def _timed(server: Process, events: int, run: Callable[[], Awaitable[None]]) -> Sample:
    return await timed(server, events, run())


def _parts(cpu_us: Sequence[tuple[float, ...]]) -> list[Figure]:
    """Return what each part costs: what it adds to the parts before it."""
    *stages, count = cpu_us
    before = (0.0,) * len(count)
    figures: list[Figure] = []
    for part, until in zip(_PARTS, stages, strict=True):
        added = tuple(b - a for a, b in zip(before, until, strict=True))
        figures.append(Figure(name=f"  of which {part}", unit="us CPU", ours=added))
        before = until
    total = Figure(name="  all together", unit="us CPU", ours=stages[-1], raw=count)
    return [*figures, total]


class _Replays:
    """Ways through one history, of which each but the last does more than the one before."""

    def __init__(self, store: JetStreamStore, api: Api, baseline: Plain, events: int) -> None:
        self._store = store
        self._api = api
        self._baseline = baseline
        self._events = events

    async def wire(self) -> None:
        """Take the messages off the wire and make nothing of them."""
        feed = Feed(
            self._api,
            stream_name(_SPACE),
            subject_filter(_SPACE),
            after=0,
            until=self._events,
            is_whole=True,
            decoder=_nothing,
        )
        while await feed.page():
            pass
        feed.close()

    async def envelopes(self) -> None:
        """Read the log as anybody does."""
        async for _ in self._store.read():
            pass

    async def counts(self) -> None:
        """Decode what the events say, too, and count them by their type: a simple fold."""
        counts = BY_TYPE.initial
        async for page in self._store.read():
            counts = BY_TYPE.advance(counts, page)
        assert sum(counts.values()) == self._events

    async def world(self) -> None:
        """Fold everything."""
        world = WORLD.initial
        async for page in self._store.read():
            world = WORLD.advance(world, page)
        assert world.position == self._events

    async def count(self) -> None:
        """Let nats-py count the messages."""
        await self._baseline.count(stream_name(_SPACE), subject_filter(_SPACE), self._events)


def _nothing(position: int, recorded_ns: int, subject: str, body: bytes) -> Recorded:  # noqa: ARG001 - as a decoder is called
    return cast("Recorded", None)
