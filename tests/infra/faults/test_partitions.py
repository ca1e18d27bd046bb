"""Lines between servers are cut in each way; the side that has two of them goes on."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mabeam.core.ports import NEW
from mabeam.infra.jetstream import Connection, JetStreamStore, connect, open_store
from support.events import write
from support.nats_cluster import NatsCluster, Place
from support.nats_server import NatsServer
from support.network import Host, Network
from support.proxy import Proxy
from support.raw_client import RawClient
from support.trial import PATIENCE_SECONDS, Trial
from support.waiting import until

pytestmark = [
    pytest.mark.jetstream,
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.root,
    pytest.mark.timeout(480),
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


def is_at(line: Connection, url: str) -> bool:
    """Tell whether a connection is to this server now."""
    present = line.wire.connected_url
    return present is not None and present.geturl() == url


@asynccontextmanager
async def connected_to(url: str, others: list[str]) -> AsyncGenerator[Connection]:
    """Connect to one of several servers."""
    for _ in range(100):
        line = await connect([url, *others])
        if is_at(line, url):
            break
        await line.close()
    else:
        raise AssertionError("never connected to the one")
    try:
        yield line
    finally:
        await line.close()


async def test_a_leader_cut_off_does_not_refuse_what_the_others_have_recorded(
    far_cluster: NatsCluster, cut: Cut, trial: Trial, space: str, open_space: Open
) -> None:
    """A client loses the answer, and asks a leader who has not heard of its own replacement."""
    witness = await open_space(far_cluster.urls)
    await far_cluster.settled(trial.stream)
    leader = await asyncio.to_thread(far_cluster.leader, trial.stream)
    follower = next(server for server in far_cluster.servers if server is not leader)
    async with (
        Proxy(follower.port, follower.host) as proxy,
        connected_to(proxy.url, [leader.url]) as line,
    ):
        store = await open_store(line, space, patience_seconds=PATIENCE_SECONDS)
        first = await store.append(write(expect=NEW))
        cut.among_servers(leader)
        await until(partial(is_led_by_another, follower, trial.stream, leader, far_cluster))
        second = await store.append(write(expect=first))
        proxy.is_deaf = True
        unanswered = asyncio.ensure_future(store.append(write(expect=second)))
        await until(partial(has_position, follower, trial.stream, second + 1))
        proxy.shut()
        await until(lambda: is_at(line, leader.url))
        proxy.is_deaf = False
        await proxy.open()
        assert await unanswered == second + 1
    cut.heal()
    await far_cluster.settled(trial.stream)
    assert await witness.head() == second + 1


async def is_led_by_another(
    asked: NatsServer, stream: str, former: NatsServer, cluster: NatsCluster
) -> bool:
    leader = (await told(asked, stream)).get("cluster", {}).get("leader", "")
    return leader not in {"", f"n{cluster.servers.index(former)}"}


async def has_position(asked: NatsServer, stream: str, position: int) -> bool:
    last: int = (await told(asked, stream)).get("state", {}).get("last_seq", 0)
    return last >= position


async def told(asked: NatsServer, stream: str) -> dict[str, Any]:
    """Return what a server says of a stream."""

    def ask() -> dict[str, Any]:
        try:
            with RawClient(asked.url, 1.0) as client:
                return client.request(f"$JS.API.STREAM.INFO.{stream}")
        except OSError:
            return {}

    return await asyncio.to_thread(ask)
