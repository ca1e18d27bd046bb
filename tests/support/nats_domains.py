"""Two nats-servers on this machine, each a JetStream domain of its own, joined by a leaf node."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from mabeam.infra.embedded.configuration import LOOPBACK
from support.nats_server import NatsServer, free_port

__all__ = ["NatsDomains", "nats_domains"]


class NatsDomains:
    """A hub and an edge that connects to it, each to be stopped, killed and started again.

    Args:
        folder: Each server has a folder of its own in it.
    """

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.hub = _server(
            folder / "hub",
            "hub",
            {"listen": f"{LOOPBACK}:{port}", "no_advertise": True},
        )
        self.edge = _server(
            folder / "edge",
            "edge",
            {"remotes": [{"url": f"nats-leaf://{LOOPBACK}:{port}"}], "reconnect": "1s"},
        )

    def __enter__(self) -> Self:
        """Start both servers."""
        self.hub.start()
        self.edge.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End both servers."""
        self.edge.close()
        self.hub.close()


def _server(folder: Path, name: str, leafnodes: dict[str, object]) -> NatsServer:
    folder.mkdir()
    settings = {
        "server_name": name,
        "jetstream": {"store_dir": str(folder), "domain": name},
        "leafnodes": leafnodes,
    }
    return NatsServer(folder, settings=settings)


@pytest.fixture
def nats_domains(scratch_folder: Path) -> Iterator[NatsDomains]:
    """Two domains of the test's own."""
    with NatsDomains(Path(tempfile.mkdtemp(dir=scratch_folder))) as domains:
        yield domains
