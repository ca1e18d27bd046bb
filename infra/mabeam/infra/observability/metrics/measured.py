"""A log that counts what is asked of it, and how long that takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import Counter

from mabeam.core.errors import (
    Conflict,
    EventTooLarge,
    Fenced,
    NotAuthorized,
    OutcomeUnknown,
    Rejected,
    StoreFull,
    StoreUnavailable,
)
from mabeam.core.ports import Delivery, EventStore, Guard, Page, Write
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.infra.observability.metrics.meters import Meters
from mabeam.infra.observability.metrics.passage import Passage
from mabeam.infra.observability.metrics.watching import SpaceWatch
from mabeam.infra.observability.observed import ObservedStore

__all__ = ["MeasuredStore"]

_OUTCOMES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (Conflict, "conflict"),
    (Fenced, "fenced"),
    (OutcomeUnknown, "unknown"),
    (StoreUnavailable, "unavailable"),
    (StoreFull, "full"),
    (NotAuthorized, "not_authorized"),
    (Rejected, "rejected"),
    (EventTooLarge, "too_large"),
    (asyncio.CancelledError, "cancelled"),
)


class MeasuredStore(ObservedStore):
    """Measures a log.

    Args:
        store: The log.
        meters: What is written to.
        watch: Is shown what comes by, and what is in hand.
    """

    def __init__(self, store: EventStore, meters: Meters, watch: SpaceWatch) -> None:
        super().__init__(store)
        self._meters: Final = meters
        self._watch: Final = watch
        self._recorded: Final = meters.events_recorded.labels(store.space)
        self._seconds: Final = meters.append_seconds.labels(store.space, "recorded")

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Record all events of all writes or none; return the position of the last one."""
        began = time.perf_counter()
        try:
            position = await self._store.append(*writes, guards=guards)
        except BaseException as error:
            outcome = next((name for kind, name in _OUTCOMES if isinstance(error, kind)), "failed")
            seconds = self._meters.append_seconds.labels(self.space, outcome)
            seconds.observe(time.perf_counter() - began)
            raise
        self._seconds.observe(time.perf_counter() - began)
        self._recorded.inc(sum(len(write.events) for write in writes))
        return position

    def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncIterator[Page]:
        """Read what is recorded now, in order, page by page; then end."""
        return _Pages(self._store.read(wanted, after=after, until=until), self._noting("read"))

    @asynccontextmanager
    async def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AsyncGenerator[AsyncIterator[Page]]:
        """Read what is recorded and then what comes, without end."""
        note = self._noting("follow")
        if wanted == EVERYTHING:
            self._watch.passage.begin(after, await self._store.head())
            note = _showing(self._watch.passage, after, note)
        async with self._store.follow(wanted, after=after) as pages:
            yield _Pages(pages, note)

    @asynccontextmanager
    async def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> AsyncGenerator[AsyncIterator[Delivery]]:
        """Share the events among all processes that consume under the same name."""
        handed = self._meters.deliveries.labels(self.space, name)
        again = self._meters.redeliveries.labels(self.space, name)
        consuming = self._store.consume(name, wanted, ack_wait_seconds=ack_wait_seconds)
        with self._watch.consuming(name) as hand:

            def note(delivery: Delivery) -> Delivery:
                handed.inc()
                again.inc(delivery.attempt > 1)
                return hand.take(delivery, ack_wait_seconds)

            async with consuming as deliveries:
                yield _Deliveries(deliveries, note)

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        """Return the last event of each entity, event name and actor, as of a position."""
        page = await self._store.latest(wanted, at=at)
        self._noting("latest")(page)
        return page

    def _noting(self, way: str) -> Callable[[Page], None]:
        pages: Counter = self._meters.pages_read.labels(self.space, way)
        events: Counter = self._meters.events_read.labels(self.space, way)

        def note(page: Page) -> None:
            pages.inc()
            events.inc(len(page))

        return note


def _showing(passage: Passage, after: int, note: Callable[[Page], None]) -> Callable[[Page], None]:
    position = after

    def show(page: Page) -> None:
        nonlocal position
        note(page)
        passage.take(position, page)
        position = page[-1].position

    return show


class _Pages:
    """Pages, each noted before it is handed on."""

    def __init__(self, pages: AsyncIterator[Page], note: Callable[[Page], None]) -> None:
        self._pages = pages
        self._note = note

    def __aiter__(self) -> AsyncIterator[Page]:
        return self

    async def __anext__(self) -> Page:
        page = await anext(self._pages)
        self._note(page)
        return page


class _Deliveries:
    """Deliveries, each noted before it is handed on."""

    def __init__(
        self, deliveries: AsyncIterator[Delivery], note: Callable[[Delivery], Delivery]
    ) -> None:
        self._deliveries = deliveries
        self._note = note

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        return self._note(await anext(self._deliveries))
