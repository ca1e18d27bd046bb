"""Events as they come, pushed to a thread that iterates over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

from mabeam.core.errors import MabeamError
from mabeam.core.ports import EventStore, Page
from mabeam.core.subjects import Filter
from mabeam.infra.eventsourcing.bridge import Bridge
from mabeam.infra.eventsourcing.errors import translation

__all__ = ["Tail"]

PAGES_MAX: Final = 8
"""Pages that wait for the reader; a slow one slows the delivery."""

T = TypeVar("T")


class Tail(Generic[T]):
    """An iterator that waits for what is not recorded yet, until it is stopped.

    Args:
        bridge: Where the log is read.
        store: The log.
        wanted: Which events.
        after: Start behind this position.
        convert: Makes of a page what is iterated over.

    Raises:
        PersistenceError: The log could not be reached in time to begin.
    """

    def __init__(
        self,
        bridge: Bridge,
        store: EventStore,
        wanted: Filter,
        after: int,
        convert: Callable[[Page], Iterable[T]],
    ) -> None:
        self._bridge = bridge
        self._convert = convert
        self._queue: SimpleQueue[Page | Exception | None] = SimpleQueue()
        self._room = asyncio.Semaphore(PAGES_MAX)
        self._ready: Iterator[T] = iter(())
        self._is_stopped = False
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        bridge.call(self._begin, store, wanted, after)

    def next(self) -> T:
        """Return the next one, when there is one.

        Raises:
            StopIteration: It was stopped.
            PersistenceError: The log cannot be followed any further.
        """
        self._bridge.check()
        while not self._is_stopped:
            for one in self._ready:
                return one
            item = self._queue.get()
            if isinstance(item, Exception):
                self._error = item
                self.stop()
            elif item is not None:
                self._bridge.post(self._room.release)
                self._ready = iter(self._convert(item))
        if isinstance(self._error, MabeamError):
            raise translation(self._error) from self._error
        if self._error is not None:
            raise self._error
        raise StopIteration

    def stop(self) -> None:
        """End it, also for a thread that waits; from anywhere, and as often as one likes."""
        if not self._is_stopped:
            self._is_stopped = True
            self._queue.put(None)
            if self._task is not None:
                self._bridge.post(self._task.cancel)

    async def _begin(self, store: EventStore, wanted: Filter, after: int) -> None:
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = self._bridge.spawn(self._follow(store, wanted, after, begun))
        await begun

    async def _follow(
        self, store: EventStore, wanted: Filter, after: int, begun: asyncio.Future[None]
    ) -> None:
        try:
            async with store.follow(wanted, after=after) as pages:
                begun.set_result(None)
                async for page in pages:
                    _ = await self._room.acquire()
                    self._queue.put(page)
        except Exception as error:  # noqa: BLE001 - whoever reads raises it
            if not begun.done():
                begun.set_exception(error)
                return
            self._queue.put(error)
