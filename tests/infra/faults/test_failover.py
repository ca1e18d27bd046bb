"""Whatever happens to one of three servers, or to all, the log keeps its word to its clients.

Each fault is made under the load of clients that do everything at once. Then all must go on,
and what they were told is compared with the log. How long nothing was acknowledged is written
to ``build/gaps.txt``, and judged by nobody: elections take what they take.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from mabeam.infra.jetstream import JetStreamStore
from mabeam.infra.jetstream.topology import stream_name
from support.clients import Clients
from support.events import write
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.reading import read_all
from support.trial import Trial, note

pytestmark = [pytest.mark.jetstream, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(180)]

Open = Callable[[str | list[str]], Awaitable[JetStreamStore]]


@pytest.fixture
def trial(faulty_cluster: NatsCluster, space: str, open_space: Open) -> Trial:
    return Trial(faulty_cluster, space, open_space)


async def test_a_reader_does_not_wait_for_a_server_that_has_just_died(
    faulty_cluster: NatsCluster, space: str, open_space: Open
) -> None:
    """What reads is given to any of the servers that have the log, the dead one as well."""
    store = await open_space(faulty_cluster.urls)
    stream = stream_name(space)
    _ = await asyncio.gather(*(store.append(write(f"session/{n}")) for n in range(300)))
    await faulty_cluster.settled(stream)
    leader = await asyncio.to_thread(faulty_cluster.leader, stream)
    follower = next(server for server in faulty_cluster.servers if server is not leader)
    reader = await open_space(leader.url)
    await asyncio.to_thread(follower.kill)
    try:
        found = await asyncio.gather(*(read_all(reader) for _ in range(12)))
    finally:
        await asyncio.to_thread(follower.start)
        await faulty_cluster.settled(stream)
    assert {len(one) for one in found} == {300}


async def test_a_leader_killed_under_load_loses_and_doubles_nothing(trial: Trial) -> None:
    await trial.of(
        "leader killed", lambda leader, _: leader.kill(), lambda leader, _: leader.start()
    )


async def test_a_leader_that_ends_hands_over_and_loses_nothing(trial: Trial) -> None:
    await trial.of(
        "leader stopped", lambda leader, _: leader.stop(), lambda leader, _: leader.start()
    )


async def test_a_lame_duck_hands_over_and_loses_nothing(trial: Trial) -> None:
    await trial.of(
        "leader retired", lambda leader, _: leader.retire(), lambda leader, _: leader.start()
    )


async def test_a_leader_frozen_and_thawed_loses_and_doubles_nothing(trial: Trial) -> None:
    await trial.of(
        "leader frozen",
        lambda leader, _: leader.freeze(),
        lambda leader, _: leader.thaw(),
        looking=False,
    )


async def test_a_follower_killed_under_load_is_caught_up_with_nothing_lost(trial: Trial) -> None:
    await trial.of(
        "follower killed", lambda _, follower: follower.kill(), lambda _, follower: follower.start()
    )


async def test_a_cluster_killed_whole_under_load_comes_back_with_all_it_acknowledged(
    trial: Trial,
) -> None:
    def crash(*_: NatsServer) -> None:
        for server in trial.cluster.servers:
            server.kill()
        trial.cluster.start()

    await trial.of("all killed and started", crash, lambda _, __: None)


async def test_a_client_cut_off_from_all_and_let_back_misses_and_doubles_nothing(
    faulty_cluster: NatsCluster, space: str, open_space: Open
) -> None:
    """All lines are cut again and again; and in between one way of them is deaf."""
    stream = stream_name(space)
    _ = await open_space(faulty_cluster.urls)
    await faulty_cluster.settled(stream)
    proxies = [Proxy(server.port) for server in faulty_cluster.servers]
    async with proxies[0], proxies[1], proxies[2]:
        async with Clients(lambda: open_space([proxy.url for proxy in proxies])) as clients:
            await clients.go_on()
            begun = time.monotonic_ns()
            for is_deaf in (False, True, False):
                for proxy in proxies:
                    proxy.is_deaf = is_deaf
                    if not is_deaf:
                        proxy.cut()
                if is_deaf:
                    await asyncio.sleep(1)
                else:
                    await clients.go_on()
            note("client cut off three times", clients.gap_seconds(begun))
            await clients.end()
        assert clients.unknown == 0
