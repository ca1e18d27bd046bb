"""A fault on three servers under load, and the judgement of what its clients were told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from mabeam.infra.jetstream import JetStreamStore
from mabeam.infra.jetstream.topology import stream_name
from support.clients import Clients
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer

__all__ = ["PATIENCE_SECONDS", "Trial", "note"]

# A busy machine holds elections again and again; what is judged is whether all go on at last.
PATIENCE_SECONDS: Final = 45.0

Open = Callable[[str | list[str]], Awaitable[JetStreamStore]]
GAPS = Path(__file__).resolve().parents[2] / "build" / "gaps.txt"


def note(fault: str, seconds: float) -> None:
    """Keep how long nothing was acknowledged."""
    GAPS.parent.mkdir(exist_ok=True)
    with GAPS.open("a") as file:
        _ = file.write(f"{fault}: {seconds:.2f} s\n")


class Trial:
    """A fault under load."""

    def __init__(self, cluster: NatsCluster, space: str, open_space: Open) -> None:
        self.cluster = cluster
        self.stream = stream_name(space)
        self._open = partial(open_space, cluster.urls)

    async def of(
        self,
        name: str,
        breaking: Callable[[NatsServer, NatsServer], object],
        mending: Callable[[NatsServer, NatsServer], object],
        *,
        looking: bool = True,
    ) -> None:
        """Break leader or follower under load, see that all go on, mend, and judge.

        Args:
            name: What the fault is called among the gaps.
            breaking: What is done to the leader, or the other one.
            mending: What makes the cluster whole again.
            looking: As for `Clients`.
        """
        store = await self._open()
        await self.cluster.settled(self.stream)
        leader = await asyncio.to_thread(self.cluster.leader, self.stream)
        follower = next(server for server in self.cluster.servers if server is not leader)
        async with Clients(self._open, looking=looking) as clients:
            await clients.go_on()
            begun = time.monotonic_ns()
            _ = await asyncio.to_thread(breaking, leader, follower)
            await clients.go_on()
            note(name, clients.gap_seconds(begun))
            mended = time.monotonic_ns()
            _ = await asyncio.to_thread(mending, leader, follower)
            await self.cluster.settled(self.stream)
            await clients.go_on()
            note(f"{name}, mended", clients.gap_seconds(mended))
            await clients.end()
        assert clients.unknown == 0
        assert clients.fenced > 0
        assert await store.head() > 0
