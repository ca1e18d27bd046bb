"""How the conformance suite gets at a store: kinds of store, and fresh spaces of each."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from mabeam.core.ports import CheckpointStore, EventStore
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from support.events import fresh_id

__all__ = ["Kind", "MemoryKind", "World", "fresh_space"]


class World(Protocol):
    """One fresh space. What is opened in it is closed with it."""

    @property
    def space(self) -> str:
        """Name of the space."""
        ...

    async def open(self) -> EventStore:
        """Open the space as one more process would."""
        ...

    async def checkpoints(self) -> CheckpointStore:
        """Open the checkpoints of the space as one more process would."""
        ...

    async def publish_raw(self, subject: str, body: bytes, message_id: str = "") -> int:
        """Publish as any client could that goes round the store; return the position."""
        ...

    async def disrupt(self) -> None:
        """Cut all lines to the log, as networks do; they are re-established."""
        ...

    async def restart(self) -> None:
        """Close everything that is open, as if all processes ended."""
        ...


class Kind(Protocol):
    """One implementation of the ports.

    Attributes:
        examples_max: How many random histories a test may run over it.
    """

    examples_max: int

    def world(self, *, bytes_max: int | None = None) -> AbstractAsyncContextManager[World]:
        """Make a fresh space, and take it down in the end."""
        ...


def fresh_space() -> str:
    """Return a name that no other space has."""
    return f"t-{fresh_id()[-12:]}"


class MemoryWorld:
    """A space in memory: all its processes are one."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._checkpoints = MemoryCheckpoints()

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._store.space

    async def open(self) -> MemoryStore:
        """Return the one store."""
        return self._store

    async def checkpoints(self) -> MemoryCheckpoints:
        """Return the one checkpoint store."""
        return self._checkpoints

    async def publish_raw(self, subject: str, body: bytes, message_id: str = "") -> int:
        """Record unchecked bytes; memory has no message ids that could be taken."""
        del message_id
        return self._store.publish_raw(subject, body)

    async def disrupt(self) -> None:
        """Do nothing: there is no line."""

    async def restart(self) -> None:
        """Do nothing: what memory holds ends with the process."""


class MemoryKind:
    """Stores in memory.

    Args:
        make: The class, so that a test of the suite can put a faulty one in.
    """

    examples_max = 100

    def __init__(self, make: type[MemoryStore] = MemoryStore) -> None:
        self._make = make

    @asynccontextmanager
    async def world(self, *, bytes_max: int | None = None) -> AsyncGenerator[MemoryWorld]:
        """Make a fresh space."""
        yield MemoryWorld(self._make(fresh_space(), bytes_max=bytes_max))
