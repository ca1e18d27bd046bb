"""Replaying a history into the state of the whole space, against merely counting messages.

The parts are measured by doing more and more: take messages off the wire; make envelopes of
them; decode their payloads; fold them. What a part costs is the CPU time that it adds.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from bench.figures import Figure, alternate
from bench.load import write_history
from bench.plain import Plain, plain
from bench.sizes import Sizes
from mabeam.app.composition import server_address
from mabeam.core.envelope import Recorded
from mabeam.core.subjects import subject_filter
from mabeam.infra.jetstream import JetStreamStore, connect, open_store
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.feed import Feed
from mabeam.infra.jetstream.topology import stream_name
from mabeam.projections.world import WORLD

__all__ = ["measure_replay"]

_SPACE: Final = "bench"
_PARTS: Final = ("wire", "envelope", "payload", "fold")


async def measure_replay(sizes: Sizes) -> list[Figure]:
    """Write a history, then replay it."""
    async with server_address() as url, plain(url) as baseline:
        connection = await connect(url)
        try:
            store = await open_store(connection, _SPACE)
            events = await write_history(store, sizes.history)
            replays = _Replays(store, Api(connection), baseline, events)
            stages = (replays.wire, replays.envelopes, replays.payloads, replays.world)
            *_, ours, raw = await alternate(sizes.repetitions, *stages, replays.count)
        finally:
            await connection.close()
    return [
        Figure(
            name=f"replay of {events:,} events into the state",
            unit="events/s",
            ours=ours,
            raw=raw,
            against="push subscription that counts",
            ours_min=100_000,
            ratio_min=0.5,
        ),
        *replays.parts(),
    ]


class _Replays:
    """Ways through one history, each of which gives its speed and notes its CPU time."""

    def __init__(self, store: JetStreamStore, api: Api, baseline: Plain, events: int) -> None:
        self._store = store
        self._api = api
        self._baseline = baseline
        self._events = events
        self._cpu_us: dict[str, list[float]] = {}

    def parts(self) -> list[Figure]:
        """Return what each part costs."""
        before: Sequence[float] = [0.0] * len(self._cpu_us["wire"])
        figures: list[Figure] = []
        for part in _PARTS:
            until = self._cpu_us[part]
            figures.append(
                Figure(
                    name=f"  of which {part}",
                    unit="us CPU",
                    ours=tuple(b - a for a, b in zip(before, until, strict=True)),
                    raw=tuple(self._cpu_us["count"]) if part == "wire" else (),
                    against="push subscription that counts" if part == "wire" else "",
                )
            )
            before = until
        total = tuple(self._cpu_us["fold"])
        return [*figures, Figure(name="  all together", unit="us CPU", ours=total)]

    async def wire(self) -> float:
        """Take the messages off the wire and make nothing of them."""

        async def run() -> None:
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

        return await self._timed("wire", run)

    async def envelopes(self) -> float:
        """Read the log as anybody does."""

        async def run() -> None:
            async for _ in self._store.read():
                pass

        return await self._timed("envelope", run)

    async def payloads(self) -> float:
        """Decode what the events say, too."""

        async def run() -> None:
            async for page in self._store.read():
                for recorded in page:
                    _ = recorded.data

        return await self._timed("payload", run)

    async def world(self) -> float:
        """Fold everything."""

        async def run() -> None:
            world, apply = WORLD.initial, WORLD.apply
            async for page in self._store.read():
                for recorded in page:
                    world = apply(world, recorded)
            assert world.position == self._events

        return await self._timed("fold", run)

    async def count(self) -> float:
        """Let nats-py count the messages."""
        return await self._timed(
            "count",
            lambda: self._baseline.count(stream_name(_SPACE), subject_filter(_SPACE), self._events),
        )

    async def _timed(self, part: str, run: Callable[[], Awaitable[None]]) -> float:
        began, began_cpu = time.perf_counter(), time.process_time()
        await run()
        cpu_us = (time.process_time() - began_cpu) / self._events * 1e6
        self._cpu_us.setdefault(part, []).append(cpu_us)
        return self._events / (time.perf_counter() - began)


def _nothing(position: int, recorded_ns: int, subject: str, body: bytes) -> Recorded:  # noqa: ARG001 - as a decoder is called
    return cast("Recorded", None)
