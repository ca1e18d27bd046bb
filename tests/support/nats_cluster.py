"""Three nats-servers on this machine that are one cluster, without any container.

Every event of a space with three replicas is on all three, and on the disk of two before it is
acknowledged. Tests that use these fixtures carry the marker ``jetstream``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import pytest

from mabeam.infra.embedded.configuration import LOOPBACK
from support.nats_server import NatsServer, free_port
from support.raw_client import RawClient

__all__ = ["NatsCluster", "breakable_cluster", "nats_cluster"]

SIZE: Final = 3


class NatsCluster:
    """Servers that form a cluster, each a process that can be stopped, killed and frozen.

    Args:
        folder: Each server has a folder of its own in it.
        sync_interval: How often events are forced to the disk, as the server writes it.
    """

    def __init__(self, folder: Path, *, sync_interval: str = "always") -> None:
        ports = [free_port() for _ in range(SIZE)]
        routes = [f"nats://{LOOPBACK}:{port}" for port in ports]
        self.servers: Sequence[NatsServer] = [
            NatsServer(
                folder / f"n{number}",
                sync_interval=sync_interval,
                settings={
                    "server_name": f"n{number}",
                    "cluster": {
                        "name": "test",
                        "listen": f"{LOOPBACK}:{port}",
                        "routes": routes,
                        "no_advertise": True,
                        # A dead route is noticed within three seconds instead of minutes.
                        "ping_interval": "1s",
                        "ping_max": 2,
                    },
                },
            )
            for number, port in enumerate(ports)
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

    def __enter__(self) -> Self:
        """Start all servers."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all servers."""
        self.close()


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
