"""Lines between servers are cut in each way; the side that has two of them goes on."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from mabeam.infra.jetstream import JetStreamStore
from support.nats_cluster import NatsCluster, Place
from support.nats_server import NatsServer
from support.network import Host, Network
from support.trial import Trial

pytestmark = [
    pytest.mark.jetstream,
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.root,
    pytest.mark.timeout(240),
]

Open = Callable[[str | list[str]], Awaitable[JetStreamStore]]


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network(3) as network:
        yield network


@pytest.fixture(scope="module")
def far_cluster(network: Network, scratch_folder: Path) -> Iterator[NatsCluster]:
    """Three servers, each on a host of its own."""
    places = [Place(host.address, host.within) for host in network.hosts]
    cluster = NatsCluster(Path(tempfile.mkdtemp(dir=scratch_folder)), places=places)
    with network.hub.entered():
        cluster.start()
    yield cluster
    cluster.close()


@pytest.fixture
def trial(
    far_cluster: NatsCluster, network: Network, space: str, open_space: Open
) -> Iterator[Trial]:
    """A trial whose clients are on the host in the middle."""
    with network.hub.entered():
        yield Trial(far_cluster, space, open_space)
    network.heal()


class Cut:
    """Cuts lines of the host that a server runs on."""

    def __init__(self, cluster: NatsCluster, network: Network) -> None:
        self._host_of = dict(zip(cluster.servers, network.hosts, strict=True))
        self._network = network

    def around(self, server: NatsServer) -> tuple[Host, list[Host]]:
        """Return the host of a server, and those of the others."""
        mine = self._host_of[server]
        return mine, [host for host in self._network.hosts if host is not mine]

    def whole(self, server: NatsServer) -> None:
        """Cut a server off from the others and from all clients."""
        mine, others = self.around(server)
        mine.refuse([*others, self._network.hub])

    def among_servers(self, server: NatsServer) -> None:
        """Cut a server off from the others; clients reach it as before."""
        mine, others = self.around(server)
        mine.refuse(others)

    def hearing(self, server: NatsServer) -> None:
        """Let a server hear nothing from the others, who hear it."""
        mine, others = self.around(server)
        mine.refuse(others, speaking=False)

    def heal(self, *_: NatsServer) -> None:
        """Let everything through."""
        self._network.heal()


@pytest.fixture
def cut(far_cluster: NatsCluster, network: Network) -> Cut:
    return Cut(far_cluster, network)


async def test_a_leader_cut_off_from_everybody_is_replaced(trial: Trial, cut: Cut) -> None:
    await trial.of(
        "leader cut off from all", lambda leader, _: cut.whole(leader), cut.heal, looking=False
    )


async def test_a_leader_whom_only_clients_reach_is_left_by_them(trial: Trial, cut: Cut) -> None:
    await trial.of(
        "leader cut off from servers",
        lambda leader, _: cut.among_servers(leader),
        cut.heal,
        looking=False,
    )


async def test_a_leader_that_hears_nobody_is_replaced(trial: Trial, cut: Cut) -> None:
    await trial.of(
        "leader deaf to servers", lambda leader, _: cut.hearing(leader), cut.heal, looking=False
    )


async def test_a_follower_cut_off_is_caught_up(trial: Trial, cut: Cut) -> None:
    await trial.of(
        "follower cut off from servers",
        lambda _, follower: cut.among_servers(follower),
        cut.heal,
        looking=False,
    )
