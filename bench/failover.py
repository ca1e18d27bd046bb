"""How long a replicated space takes no appends when something happens to its leader.

A few clients append all the time. A gap is the longest time without an acknowledgement from
the fault on. Elections are timed by chance, four to nine seconds, so there is a spread.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from bench.cluster import SIZE, Server, cluster
from bench.figures import Figure
from bench.sizes import Sizes
from mabeam.agents.author import Author, agent_source
from mabeam.core.agent.events import Updated
from mabeam.core.subjects import Boundary
from mabeam.infra.jetstream import Connection, JetStreamStore, connect, open_store
from mabeam.infra.jetstream.replies import Lost, Unserved
from mabeam.infra.jetstream.topology import stream_name
from mabeam.infra.jetstream.wire import Disconnected
from mabeam.infra.system import SystemClock, SystemIds

__all__ = ["measure_failover"]

SPACE: Final = "failover"
CLIENTS: Final = 4
PACE_SECONDS: Final = 0.01
PAUSE_SECONDS: Final = 0.2
START_SECONDS: Final = 30.0
APPENDS: Final = 200

Fault = Callable[[Server, Sequence[Server]], None]


def kill(leader: Server, _: Sequence[Server]) -> None:
    """End the leader as a crash does."""
    leader.send(signal.SIGKILL)
    leader.wait()


def freeze(leader: Server, _: Sequence[Server]) -> None:
    """Halt the leader."""
    leader.send(signal.SIGSTOP)


def stop(leader: Server, _: Sequence[Server]) -> None:
    """End the leader in an orderly way."""
    leader.send(signal.SIGTERM)
    leader.wait()


def retire(leader: Server, _: Sequence[Server]) -> None:
    """End the leader as a lame duck."""
    leader.send(signal.SIGUSR2)
    leader.wait()


def kill_follower(leader: Server, servers: Sequence[Server]) -> None:
    """End one that follows as a crash does."""
    kill(next(server for server in servers if server is not leader), servers)


def kill_all(_: Server, servers: Sequence[Server]) -> None:
    """End all as a crash does, and start them."""
    for server in servers:
        kill(server, servers)
    for server in servers:
        server.start()


FAULTS: Final[dict[str, Fault]] = {
    "leader killed (SIGKILL)": kill,
    "leader halted (SIGSTOP)": freeze,
    "leader stopped (SIGTERM)": stop,
    "leader retired (lame duck)": retire,
    "follower killed": kill_follower,
    "all killed and started": kill_all,
}


async def measure_failover(sizes: Sizes) -> list[Figure]:
    """Measure the gap of each fault, several times, on one cluster."""
    gaps: dict[str, list[float]] = {name: [] for name in FAULTS}
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)) as servers:
        connections = [await _connected(servers) for _ in range(CLIENTS)]
        try:
            stores = [await open_store(one, SPACE, replicas=3) for one in connections]
            await _settled(connections[0])
            for _ in range(sizes.failovers):
                for name, fault in FAULTS.items():
                    gaps[name].append(await _gap(fault, servers, stores, connections[0]))
        finally:
            for connection in connections:
                await connection.close()
    return [
        Figure(name=f"gap (sync always): {name}", unit="s", ours=tuple(samples))
        for name, samples in gaps.items()
    ]


async def _gap(
    fault: Fault, servers: Sequence[Server], stores: Sequence[JetStreamStore], asked: Connection
) -> float:
    leader = await _leader(asked, servers)
    times: list[float] = []
    writers = [
        asyncio.create_task(_write(store, f"agent-{number}", times))
        for number, store in enumerate(stores)
    ]
    try:
        await _grown(times, APPENDS, writers)
        begun = time.perf_counter()
        await asyncio.to_thread(fault, leader, servers)
        await _grown(times, APPENDS, writers, begun)
        after = [begun, *(moment for moment in times if moment > begun)]
        gap = max(later - earlier for earlier, later in pairwise(after))
    finally:
        for writer in writers:
            _ = writer.cancel()
        _ = await asyncio.gather(*writers, return_exceptions=True)
    for server in servers:
        server.mend()
    await _settled(asked)
    return gap


async def _write(store: JetStreamStore, agent: str, times: list[float]) -> None:
    author = Author(SystemClock(), SystemIds())
    while True:
        event = Updated(metadata={"at": str(len(times))})
        write = author.says(Boundary("agent", agent), (event,), source=agent_source(agent))
        _ = await store.append(write)
        times.append(time.perf_counter())
        await asyncio.sleep(PACE_SECONDS)


async def _grown(
    times: list[float], count: int, writers: Sequence[asyncio.Task[None]], since: float = 0.0
) -> None:
    """Return when so many appends more were acknowledged since some time."""
    goal = sum(moment > since for moment in times) + count
    async with asyncio.timeout(START_SECONDS):
        while sum(moment > since for moment in times) < goal:
            for writer in writers:
                if writer.done():
                    writer.result()
            await asyncio.sleep(PACE_SECONDS)


async def _connected(servers: Sequence[Server]) -> Connection:
    return await connect([server.url for server in servers], deadline_seconds=START_SECONDS)


async def _leader(asked: Connection, servers: Sequence[Server]) -> Server:
    name = (await _raft(asked))["leader"]
    return next(server for server in servers if server.name == name)


async def _settled(asked: Connection) -> None:
    """Return when the leader knows all others to be up with it."""
    async with asyncio.timeout(2 * START_SECONDS):
        while True:
            others = (await _raft(asked)).get("replicas", [])
            if len(others) == SIZE - 1 and all(other["current"] for other in others):
                return
            await asyncio.sleep(PAUSE_SECONDS)


async def _raft(asked: Connection) -> dict[str, Any]:
    """Return what the leader says of itself and of the others."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with suppress(Lost, Unserved, Disconnected):
                subject = f"$JS.API.STREAM.INFO.{stream_name(SPACE)}"
                answer: dict[str, Any] = json.loads(await asked.ask(subject, seconds=1))
                found: dict[str, Any] = answer.get("cluster", {})
                if found.get("leader"):
                    return found
            await asyncio.sleep(PAUSE_SECONDS)
