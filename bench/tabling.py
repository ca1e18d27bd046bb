"""What the rows for SQL cost beside the fold that they are read off, without any database."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

from bench.figures import Figure, alternate
from bench.load import write_history
from bench.sizes import Sizes
from mabeam.core.envelope import Recorded
from mabeam.infra.memory import MemoryStore
from mabeam.projections.tables import rows
from mabeam.projections.world import WORLD

__all__ = ["measure_tables"]

# A fold is a matter of microseconds, so a part of the history says as much as all of it.
_PART = 10


async def measure_tables(sizes: Sizes) -> list[Figure]:
    """Fold a history, with and without the rows."""
    store = MemoryStore("tables")
    await write_history(store, sizes.history // _PART)

    async def history() -> list[Recorded]:
        gc.collect()
        return [recorded async for page in store.read() for recorded in page]

    async def with_rows() -> float:
        return _cpu_us(await history(), is_tabled=True)

    async def alone() -> float:
        return _cpu_us(await history(), is_tabled=False)

    ours, raw = await alternate(sizes.repetitions, with_rows, alone)
    return [
        Figure(
            name="fold with the rows of all tables",
            unit="µs CPU for each event",
            ours=ours,
            raw=raw,
            against="the fold alone",
            typical="least",
        )
    ]


def _cpu_us(log: Sequence[Recorded], *, is_tabled: bool) -> float:
    began, world = time.process_time(), WORLD.initial
    for recorded in log:
        before, world = world, WORLD.apply(world, recorded)
        if is_tabled:
            rows(before, recorded, world)
    return (time.process_time() - began) / len(log) * 1e6
