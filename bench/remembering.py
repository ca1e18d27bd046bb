"""How much memory reading and writing take: that of the state, and nothing that grows beside it.

Each way is a process of its own, for the peak of a process never falls again. The history is
replayed into a state that stays small and into the whole state, followed by one who is slower
than the log, worked off by a durable consumer, and a file of as many events is imported.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from bench.appending import lanes_of
from bench.figures import Figure
from bench.load import write_elsewhere
from bench.sizes import Sizes
from mabeam.app.composition import open_store
from mabeam.app.importing import import_file
from mabeam.core.envelope import Envelope, encode
from mabeam.core.ports import Page
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.observability import configure_log
from mabeam.projections.world import WORLD

__all__ = ["measure_memory"]

_SPACE: Final = "bench"
_PAUSE_SECONDS: Final = 0.001
_LANES: Final = 500


async def measure_memory(sizes: Sizes) -> list[Figure]:
    """Take one history all ways."""
    figures: list[Figure] = []
    async with EmbeddedServer() as server:
        await write_elsewhere(server.url, _SPACE, sizes.marks[-1])
        for name, words in _WORDS.items():
            peaks = await _elsewhere(name, server.url, sizes.marks)
            figures += [
                Figure(
                    name=f"peak memory, {words}, after {mark:,} events",
                    unit="MB",
                    ours=(peak / 1e6,),
                )
                for mark, peak in zip(sizes.marks, peaks, strict=True)
            ]
    return figures


async def _elsewhere(name: str, url: str, marks: Sequence[int]) -> list[int]:
    command = (sys.executable, "-m", "bench.remembering", name, url, *map(str, marks))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return msgspec.json.decode(output, type=list[int])


class _Peaks:
    """The peaks of this process's memory, in bytes, when so many events are done."""

    def __init__(self, marks: Sequence[int]) -> None:
        self.found: Final[list[int]] = []
        self._marks: Final = marks

    @property
    def is_complete(self) -> bool:
        """Whether the last mark has been passed."""
        return len(self.found) == len(self._marks)

    def passed(self, done: int) -> None:
        """Take note of how many are done."""
        while not self.is_complete and done >= self._marks[len(self.found)]:
            self.found.append(_peak_bytes())


async def _count(url: str, marks: Sequence[int]) -> list[int]:
    peaks = _Peaks(marks)
    counts: Counter[str] = Counter()
    async with open_store(_SPACE, url) as store:
        async for page in store.read(until=marks[-1]):
            counts.update(type(recorded.data).__name__ for recorded in page)
            peaks.passed(page[-1].position)
    return peaks.found


async def _fold(url: str, marks: Sequence[int]) -> list[int]:
    peaks = _Peaks(marks)
    world = WORLD.initial
    async with open_store(_SPACE, url) as store:
        async for page in store.read(until=marks[-1]):
            world = WORLD.advance(world, page)
            peaks.passed(world.position)
    return peaks.found


async def _follow_slowly(url: str, marks: Sequence[int]) -> list[int]:
    peaks = _Peaks(marks)
    async with open_store(_SPACE, url) as store, store.follow() as pages:
        await _linger(pages, peaks)
    return peaks.found


async def _linger(pages: AsyncIterator[Page], peaks: _Peaks) -> None:
    async for page in pages:
        await asyncio.sleep(_PAUSE_SECONDS)
        peaks.passed(page[-1].position)
        if peaks.is_complete:
            return


async def _consume(url: str, marks: Sequence[int]) -> list[int]:
    peaks = _Peaks(marks)
    done = 0
    async with open_store(_SPACE, url) as store, store.consume("bench") as deliveries:
        async for delivery in deliveries:
            await delivery.ack()
            done += 1
            peaks.passed(done)
            if peaks.is_complete:
                break
    return peaks.found


async def _import(url: str, marks: Sequence[int]) -> list[int]:
    peaks = _Peaks(marks)
    with TemporaryDirectory() as folder:
        path = Path(folder, "events.jsonl")
        await _write_elsewhere(path, marks[-1])
        async with open_store("imported", url) as store:
            await import_file(store, path, _parsed, lambda done, _: peaks.passed(done))
    return peaks.found


def _parsed(raw: bytes) -> Envelope:
    return msgspec.json.decode(raw, type=Envelope)


async def _write_elsewhere(path: Path, events: int) -> None:
    """Write a file of events in a process of its own, whose memory is not ours."""
    command = (sys.executable, "-m", "bench.remembering", "write", str(path), str(events))
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0


def _write(path: str, events: int) -> None:
    with Path(path).open("wb") as file:
        for begin in range(0, events, _LANES):
            lanes = lanes_of(_LANES, min(_LANES, events - begin))
            writes = (write for lane in lanes for write in lane)
            file.writelines(encode(write.events[0], 1_000_000) + b"\n" for write in writes)


def _peak_bytes() -> int:
    # Not from getrusage, where a child begins with the peak of its parent.
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


_WAYS: Final[dict[str, Callable[[str, Sequence[int]], Coroutine[None, None, list[int]]]]] = {
    "count": _count,
    "fold": _fold,
    "follow": _follow_slowly,
    "consume": _consume,
    "import": _import,
}
_WORDS: Final = {
    "count": "counts by type",
    "fold": "the whole state",
    "follow": "a follower slower than the log",
    "consume": "a durable consumer",
    "import": "an import of a file",
}


if __name__ == "__main__":
    configure_log("error")
    _, way, where, *after = sys.argv
    marks = [int(mark) for mark in after]
    if way == "write":
        _write(where, marks[-1])
    else:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_WAYS[way](where, marks))))
