"""The stores that the suite judges.

``MABEAM_CONFORMANCE_URL`` puts a server that runs already in the place of all others, and
``MABEAM_CONFORMANCE_REPLICAS`` tells on how many of its cluster each space shall be kept.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Final

import pytest

from mabeam.core.ports import EventStore
from support.jetstream_worlds import JetStreamKind
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.observing import ObservedKind
from support.worlds import Kind, MemoryKind, World

_URL: Final = os.environ.get("MABEAM_CONFORMANCE_URL", "")
_REPLICAS: Final = int(os.environ.get("MABEAM_CONFORMANCE_REPLICAS", "1"))

_KINDS: Final = (
    ["given"] if _URL else [*("memory", "observed", "file", "memory-stream", "replicated")]
)

_IN_MEMORY: Final = {"memory", "observed"}


@pytest.fixture(
    params=[
        pytest.param(kind, marks=() if kind in _IN_MEMORY else pytest.mark.jetstream)
        for kind in _KINDS
    ]
)
def kind(request: pytest.FixtureRequest) -> Kind:
    """One of the stores: ours in memory, also observed, and streams on one server or three."""
    if request.param == "memory":
        return MemoryKind()
    if request.param == "observed":
        return ObservedKind(MemoryKind())
    if request.param == "given":
        return JetStreamKind(_URL, _REPLICAS)
    if request.param == "replicated":
        cluster: NatsCluster = request.getfixturevalue("nats_cluster")
        return JetStreamKind(cluster.url, replicas=3)
    server: NatsServer = request.getfixturevalue("nats_server")
    return JetStreamKind(server.url, storage="file" if request.param == "file" else "memory")


@pytest.fixture
async def world(kind: Kind) -> AsyncGenerator[World]:
    async with kind.world() as world:
        yield world


@pytest.fixture
async def store(world: World) -> EventStore:
    return await world.open()
