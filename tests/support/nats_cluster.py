"""Three nats-servers on this machine that are one cluster, without any container.

Every event of a space with three replicas is on all three, and on the disk of two before it is
acknowledged. Tests that use these fixtures carry the marker ``jetstream``.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import pytest

from mabeam.infra.embedded.configuration import LOOPBACK
from support.nats_server import NatsServer, free_port
from support.raw_client import RawClient
from support.waiting import until

__all__ = ["NatsCluster", "Place", "breakable_cluster", "nats_cluster"]

SIZE: Final = 3
# A server that was away may be far behind, and the others let it wait between two attempts.
SETTLE_SECONDS: Final = 120.0


class Place(NamedTuple):
    """Where a server of a cluster runs.

    Attributes:
        host: Where it listens.
        within: The beginning of a command that runs the rest of it there.
        store: Where it keeps events; None for the folder of its own.
    """

    host: str = LOOPBACK
    within: Sequence[str] = ()
    store: Path | None = None


class NatsCluster:
    """Servers that form a cluster, each a process that can be stopped, killed and frozen.

    Args:
        folder: Each server has a folder of its own in it.
        sync_interval: How often events are forced to the disk, as the server writes it.
        places: Where each of them runs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sync_interval: str = "always",
        places: Sequence[Place] = (Place(),) * SIZE,
    ) -> None:
        ports = [free_port() for _ in places]
        routes = [f"nats://{place.host}:{port}" for place, port in zip(places, ports, strict=True)]
        self.servers: Sequence[NatsServer] = [
            NatsServer(
                folder / f"n{number}",
                sync_interval=sync_interval,
                host=place.host,
                within=place.within,
                settings={
                    "server_name": f"n{number}",
                    "cluster": {
                        "name": "test",
                        "listen": f"{place.host}:{port}",
                        "routes": routes,
                        "no_advertise": True,
                        # A dead route is noticed within three seconds instead of minutes.
                        "ping_interval": "1s",
                        "ping_max": 2,
                    },
                    # How long a lame duck looks on before it sends its clients away.
                    "lame_duck_grace_period": "1s",
                    **_stored(place.store, sync_interval),
                },
            )
            for number, (place, port) in enumerate(zip(places, ports, strict=True))
        ]

    @property
    def urls(self) -> list[str]:
        """Where clients connect, one address for each server."""
        return [server.url for server in self.servers]

    @property
    def url(self) -> str:
        """The same as one text, as the command line and `connect` take it."""
        return ",".join(self.urls)

    def start(self) -> None:
        """Start the servers that do not run, and return when the cluster answers."""
        for server in self.servers:
            if not server.is_running:
                server.launch()
        for server in self.servers:
            server.await_ready()

    def close(self) -> None:
        """End all servers."""
        for server in self.servers:
            server.close()

    def leader(self, stream: str) -> NatsServer:
        """Return the server that leads a stream now."""
        running = next(server for server in self.servers if server.is_running)
        with RawClient(running.url) as client:
            info = client.request(f"$JS.API.STREAM.INFO.{stream}")
        names = {f"n{number}": server for number, server in enumerate(self.servers)}
        return names[info["cluster"]["leader"]]

    async def settled(self, stream: str) -> None:
        """Return when a stream has a leader whom all others are up with, and no request waits."""

        def is_settled() -> bool:
            for server in self.servers:
                try:
                    with RawClient(server.url, 1.0) as client:
                        cluster = client.request(f"$JS.API.STREAM.INFO.{stream}")["cluster"]
                except (OSError, KeyError):
                    return False
                others = cluster.get("replicas", [])
                if len(others) < SIZE - 1 or not all(other["current"] for other in others):
                    return False
            return True

        async def are_settled() -> bool:
            return await asyncio.to_thread(is_settled)

        await until(are_settled, SETTLE_SECONDS)

    def __enter__(self) -> Self:
        """Start all servers."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all servers."""
        self.close()


def _stored(store: Path | None, sync_interval: str) -> dict[str, Any]:
    if store is None:
        return {}
    return {"jetstream": {"store_dir": str(store), "sync_interval": sync_interval}}


@pytest.fixture(scope="session")
def nats_cluster(scratch_folder: Path) -> Iterator[NatsCluster]:
    """The cluster all tests share: take a space of your own, and stop none of its servers."""
    with NatsCluster(scratch_folder / "cluster") as cluster:
        yield cluster


@pytest.fixture
def breakable_cluster(scratch_folder: Path) -> Iterator[NatsCluster]:
    """A running cluster of the test's own, whose servers it may kill, freeze and start again."""
    folder = Path(tempfile.mkdtemp(dir=scratch_folder))
    with NatsCluster(folder) as cluster:
        yield cluster
