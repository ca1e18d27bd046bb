"""A log that somebody looks at: everything passes through, until a subclass looks closer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from mabeam.core.ports import Delivery, EventStore, Guard, Page, Write
from mabeam.core.subjects import EVERYTHING, Filter

__all__ = ["ObservedStore"]


class ObservedStore:
    """Does what the log behind it does.

    Args:
        store: The log.
    """

    def __init__(self, store: EventStore) -> None:
        self._store: Final = store

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._store.space

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Record all events of all writes or none; return the position of the last one."""
        return await self._store.append(*writes, guards=guards)

    def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncIterator[Page]:
        """Read what is recorded now, in order, page by page; then end."""
        return self._store.read(wanted, after=after, until=until)

    def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Page]]:
        """Read what is recorded and then what comes, without end."""
        return self._store.follow(wanted, after=after)

    def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Share the events among all processes that consume under the same name."""
        return self._store.consume(name, wanted, ack_wait_seconds=ack_wait_seconds)

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        """Return the last event of each entity, event name and actor, as of a position."""
        return await self._store.latest(wanted, at=at)

    async def head(self) -> int:
        """Return the position of the last event recorded, 0 when there is none."""
        return await self._store.head()

    async def position_at(self, instant_ns: int) -> int:
        """Return the position of the last event recorded before an instant."""
        return await self._store.position_at(instant_ns)

    async def now_ns(self) -> int:
        """Return the log's own clock, the one that gives events their record time."""
        return await self._store.now_ns()
