"""Where the microseconds go: ``python -m bench.profiling reading|writing [events]``.

The profiler charges each Python call about as much again as it costs, so the figures are
shares and not times: they say where to look, and `bench replay` and `bench pipelined` say
what came of it. The server is left out; it is another process.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from types import CodeType
from typing import Final, Literal, get_args

from bench.appending import lanes_of
from bench.figures import Figure, table
from bench.load import write_elsewhere
from mabeam.app.composition import open_store
from mabeam.app.replaying import folded
from mabeam.core.ports import EventStore, Write
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.observability import configure_log

__all__: list[str] = []

Path = Literal["reading", "writing"]

_SPACE: Final = "bench"
_BOUNDARIES: Final = 512
_ROWS: Final = 25


async def _read(profile: cProfile.Profile, url: str, events: int) -> int:
    """Fold a whole history."""
    await write_elsewhere(url, _SPACE, events)
    async with open_store(_SPACE, url) as store:
        profile.enable()
        world = await folded(store)
        profile.disable()
        return world.position


async def _write(profile: cProfile.Profile, url: str, events: int) -> int:
    """Append to many boundaries side by side, half of it with an expectation."""
    lanes = lanes_of(_BOUNDARIES, events)
    async with open_store(_SPACE, url) as store:
        profile.enable()
        await asyncio.gather(*(_append(store, lane) for lane in lanes))
        profile.disable()
        return await store.head()


async def _append(store: EventStore, lane: list[Write]) -> None:
    position = 0
    for number, write in enumerate(lane):
        position = await store.append(Write(write.events, position if number % 2 else None))


_PATHS: Final[dict[Path, Callable[[cProfile.Profile, str, int], Awaitable[int]]]] = {
    "reading": _read,
    "writing": _write,
}


async def _profile(path: Path, events: int) -> list[Figure]:
    profile = cProfile.Profile()
    async with EmbeddedServer() as server:
        done = await _PATHS[path](profile, server.url, events)
    functions = sorted(profile.getstats(), key=lambda entry: entry.inlinetime, reverse=True)
    return [
        Figure(name=_name(entry.code), unit="us profiled", ours=(entry.inlinetime / done * 1e6,))
        for entry in functions[:_ROWS]
    ]


def _name(code: str | CodeType) -> str:
    if isinstance(code, str):
        return code
    return f"{PurePath(code.co_filename).stem}.{code.co_qualname}"


def main() -> None:
    """Profile the path that the command line asks for, and print its dearest functions."""
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__)
    parser.add_argument("path", choices=get_args(Path))
    parser.add_argument("events", type=int, nargs="?", default=50_000)
    options = parser.parse_args()
    configure_log("error")
    print(table(asyncio.run(_profile(options.path, options.events))))


if __name__ == "__main__":
    main()
