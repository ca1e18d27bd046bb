"""The stores that the suite judges.

`MABEAM_CONFORMANCE_URL` puts a server that is already running in the place of all
others, and `MABEAM_CONFORMANCE_REPLICAS` says how many copies it shall keep.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from mabeam.core.ports import EventStore
from support.worlds import Kind, MemoryKind, World


@pytest.fixture(params=["memory"])
def kind(request: pytest.FixtureRequest) -> Kind:
    assert request.param == "memory"
    return MemoryKind()


@pytest.fixture
async def world(kind: Kind) -> AsyncGenerator[World]:
    async with kind.world() as world:
        yield world


@pytest.fixture
async def store(world: World) -> EventStore:
    return await world.open()
