"""How much memory a replay takes: that of the state, and nothing that grows beside it.

Each replay is a process of its own, for the peak of a process never falls again.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from bench.figures import Figure
from bench.load import write_elsewhere
from bench.sizes import Sizes
from mabeam.app.composition import open_store
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.observability import configure_log
from mabeam.projections.world import WORLD

__all__ = ["measure_memory"]

Fold = Literal["counts", "world"]

_SPACE: Final = "bench"
_FOLDS: Final[dict[Fold, str]] = {"counts": "counts by type", "world": "the whole state"}


async def measure_memory(sizes: Sizes) -> list[Figure]:
    """Replay one history into a state that stays small, and into the whole state."""
    figures: list[Figure] = []
    async with EmbeddedServer() as server:
        await write_elsewhere(server.url, _SPACE, sizes.marks[-1])
        for fold, words in _FOLDS.items():
            peaks = await _replay_elsewhere(server.url, fold, sizes.marks)
            figures += [
                Figure(
                    name=f"peak memory, {words}, after {mark:,} events",
                    unit="MB",
                    ours=(peak / 1e6,),
                )
                for mark, peak in zip(sizes.marks, peaks, strict=True)
            ]
    return figures


async def _replay_elsewhere(url: str, fold: Fold, marks: Sequence[int]) -> list[int]:
    command = (sys.executable, "-m", "bench.remembering", url, fold, *map(str, marks))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return msgspec.json.decode(output, type=list[int])


async def _replay(url: str, fold: Fold, marks: Sequence[int]) -> list[int]:
    """Return the peak of this process's memory after so many events each, in bytes."""
    peaks: list[int] = []
    counts: Counter[str] = Counter()
    world = WORLD.initial
    async with open_store(_SPACE, url) as store:
        async for page in store.read(until=marks[-1]):
            for recorded in page:
                if fold == "world":
                    world = WORLD.apply(world, recorded)
                else:
                    counts[type(recorded.data).__name__] += 1
                if recorded.position == marks[len(peaks)]:
                    peaks.append(_peak_bytes())
    return peaks


def _peak_bytes() -> int:
    # Not from getrusage, where a child begins with the peak of its parent.
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    configure_log("error")
    _, address, chosen, *after = sys.argv
    found = asyncio.run(_replay(address, cast("Fold", chosen), [int(mark) for mark in after]))
    sys.stdout.buffer.write(msgspec.json.encode(found))
