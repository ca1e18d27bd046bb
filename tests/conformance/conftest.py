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
from support.nats_server import NatsServer
from support.worlds import Kind, MemoryKind, World

_URL: Final = os.environ.get("MABEAM_CONFORMANCE_URL", "")
_REPLICAS: Final = int(os.environ.get("MABEAM_CONFORMANCE_REPLICAS", "1"))

_JETSTREAM: Final = pytest.param("jetstream", marks=pytest.mark.jetstream)


@pytest.fixture(params=[_JETSTREAM] if _URL else ["memory", _JETSTREAM])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "memory":
        return MemoryKind()
    if _URL:
        return JetStreamKind(_URL, _REPLICAS)
    server: NatsServer = request.getfixturevalue("nats_server")
    return JetStreamKind(server.url)


@pytest.fixture
async def world(kind: Kind) -> AsyncGenerator[World]:
    async with kind.world() as world:
        yield world


@pytest.fixture
async def store(world: World) -> EventStore:
    return await world.open()
