"""Spaces that are looked at, for the conformance suite: what looks on must change nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from mabeam.core.ports import CheckpointStore, EventStore
from mabeam.core.telemetry import together
from mabeam.infra.observability.metrics import Metrics
from mabeam.infra.observability.tracing import Tracing
from support.worlds import Kind, World

__all__ = ["ObservedKind"]


class ObservedWorld:
    """A space each opening of which is measured and traced."""

    def __init__(self, world: World, stack: AsyncExitStack) -> None:
        self._world = world
        self._stack = stack
        # Without a provider no events are changed, so they can be compared with what was written.
        self._telemetry = together([Metrics(), Tracing()])

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._world.space

    async def open(self) -> EventStore:
        """Open the space, observed."""
        observing = self._telemetry.observing(await self._world.open())
        return await self._stack.enter_async_context(observing)

    async def checkpoints(self) -> CheckpointStore:
        """Open its checkpoints."""
        return await self._world.checkpoints()

    async def publish_raw(self, subject: str, body: bytes, message_id: str = "") -> int:
        """Publish past the store."""
        return await self._world.publish_raw(subject, body, message_id)

    async def disrupt(self) -> None:
        """Cut all lines."""
        await self._world.disrupt()

    async def restart(self) -> None:
        """Close what is open."""
        await self._world.restart()


class ObservedKind:
    """Stores of another kind, observed."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.examples_max = kind.examples_max

    @asynccontextmanager
    async def world(self, *, bytes_max: int | None = None) -> AsyncGenerator[ObservedWorld]:
        """Make a fresh space."""
        async with self._kind.world(bytes_max=bytes_max) as world, AsyncExitStack() as stack:
            yield ObservedWorld(world, stack)
