"""The cluster of docker-compose.yml: it forms, carries the log, and survives its nodes."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from mabeam.infra.jetstream import JetStreamStore, connect, open_store
from support.compose import Cluster
from support.conformance import run_conformance
from support.events import append_each
from support.raw_client import RawClient
from support.reading import positions, read_all
from support.worlds import fresh_space

# The longest gap that a killed leader leaves is Raft's time to elect another, up to 9 s.
_PATIENCE_SECONDS = 40.0


@pytest.fixture(scope="module")
def nodes(image: str, compose: list[str]) -> Iterator[Cluster]:
    """Three nodes that are taken down with their volumes in the end."""
    cluster = Cluster(compose, image, f"mabeam-test-{os.getpid()}")
    try:
        yield cluster
    finally:
        cluster.run("docker compose down --volumes")


@pytest.fixture
def cluster(nodes: Cluster) -> Cluster:
    """Those nodes, all of them running and healthy, whatever the test before has done."""
    nodes.run("docker compose up --detach")
    nodes.await_healthy()
    return nodes


@asynccontextmanager
async def opened(cluster: Cluster, space: str) -> AsyncGenerator[JetStreamStore]:
    """Open a space that is kept on all three nodes."""
    connection = await connect(cluster.urls)
    try:
        yield await open_store(connection, space, replicas=3, patience_seconds=_PATIENCE_SECONDS)
    finally:
        await connection.close()


def leader_of(cluster: Cluster, space: str) -> str:
    """Return the node that leads a space's stream."""
    with RawClient(cluster.urls[0]) as client:
        info = client.request(f"$JS.API.STREAM.INFO.mabeam_{space}")
    leader: str = info["cluster"]["leader"]
    return leader


@pytest.mark.timeout(900)
def test_the_store_conforms_on_three_replicas(cluster: Cluster) -> None:
    # The suite makes and deletes a stream for each test. With its last stream a node in a
    # cluster also removes the folder of all streams, and fails if it just makes the next one.
    with RawClient(cluster.urls[0]) as client:
        lasting = {"name": "lasting", "subjects": ["lasting"], "num_replicas": 3}
        assert "error" not in client.request("$JS.API.STREAM.CREATE.lasting", lasting)
    run_conformance(cluster.urls[0], replicas=3)


@pytest.mark.timeout(300)
async def test_appends_go_on_when_the_leader_of_the_log_is_killed(cluster: Cluster) -> None:
    space = fresh_space()
    async with opened(cluster, space) as store:
        await append_each(store, 20)
        leader = leader_of(cluster, space)
        cluster.run(f"docker compose kill {leader}")
        await append_each(store, 20)
        cluster.run("docker compose up --detach")
        cluster.await_healthy()
        await append_each(store, 20)
        # Each append was acknowledged, so each event is there, once and in order.
        assert positions(await read_all(store)) == list(range(1, 61))


@pytest.mark.timeout(300)
async def test_events_outlive_the_containers(cluster: Cluster) -> None:
    space = fresh_space()
    async with opened(cluster, space) as store:
        await append_each(store, 5)
    cluster.run("docker compose down")
    cluster.run("docker compose up --detach")
    cluster.await_healthy()
    async with opened(cluster, space) as store:
        assert positions(await read_all(store)) == [1, 2, 3, 4, 5]


@pytest.mark.timeout(300)
def test_a_node_that_has_lost_the_others_is_not_healthy(cluster: Cluster) -> None:
    cluster.run("docker compose kill nats-2 nats-3")
    cluster.await_health("nats-1", "unhealthy")
