"""Rebuilding many spaces by workers, against one worker that takes them one after the other."""

from __future__ import annotations

import os
import resource
from functools import partial

from psutil import Process

from bench.figures import Figure, Sample, alternate, timed
from bench.load import write_elsewhere
from bench.sizes import Sizes
from mabeam.app.rebuilding import replay_many
from mabeam.infra.embedded import EmbeddedServer

__all__ = ["measure_rebuild"]


async def measure_rebuild(sizes: Sizes) -> list[Figure]:
    """Write a history into each of several spaces, then fold them all."""
    spaces = [f"bench-{number}" for number in range(sizes.spaces)]
    processes = os.cpu_count() or 1
    async with EmbeddedServer() as server:
        events = 0
        for space in spaces:
            events += await write_elsewhere(server.url, space, sizes.history // sizes.spaces)
        run = partial(_rebuild, Process(server.pid), server.url, spaces, events)
        ours, alone = await alternate(
            min(sizes.repetitions, 3), partial(run, processes), partial(run, 1)
        )
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return [
        Figure(
            name=f"rebuild of {len(spaces)} spaces, {events:,} events, by {processes} workers",
            unit="events/s",
            ours=tuple(sample.per_second for sample in ours),
            raw=tuple(sample.per_second for sample in alone),
            against="one worker",
        ),
        Figure(name="  peak memory of the largest worker", unit="MB", ours=(worker / 1e6,)),
    ]


async def _rebuild(
    server: Process, url: str, spaces: list[str], events: int, processes: int
) -> Sample:
    return await timed(server, events, _fold(url, spaces, events, processes))


async def _fold(url: str, spaces: list[str], events: int, processes: int) -> None:
    found = await replay_many(spaces, url, processes=processes)
    assert sum(one.replay.position for one in found if one.replay is not None) == events
