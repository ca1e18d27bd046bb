"""The log of one space in memory, behind the port `mabeam.core.ports.EventStore`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from mabeam.core.appending import check_append
from mabeam.core.envelope import encode, wire_subject
from mabeam.core.errors import ConfigurationError, Conflict, Fenced, StoreFull
from mabeam.core.ports import ANY, Clock, Delivery, Guard, Page, Write
from mabeam.core.subjects import EVERYTHING, Boundary, Filter, boundary_filter, check_space
from mabeam.infra.memory.log import Log, Matcher
from mabeam.infra.memory.readers import Consumer, Follower, SharedWork
from mabeam.infra.system import SystemClock

__all__ = ["MemoryStore"]

_EVENT_BYTES_MAX: Final = 1_000_000
_PAGE_MAX: Final = 500
# What makes an event of a repeated append recognisable: subject, id and commit.
_Identity = tuple[str, str, str]


class MemoryStore:
    """A log that lasts as long as the process and belongs to one event loop.

    Args:
        space: Name of the space.
        clock: Gives events their record time; what it takes back is not followed.
        event_bytes_max: Greatest event taken.
        page_max: Most events in one page.
        bytes_max: Size at which the log is full; None for no limit.
    """

    def __init__(
        self,
        space: str,
        *,
        clock: Clock | None = None,
        event_bytes_max: int = _EVENT_BYTES_MAX,
        page_max: int = _PAGE_MAX,
        bytes_max: int | None = None,
    ) -> None:
        self._log = Log(check_space(space), SystemClock() if clock is None else clock)
        self._event_bytes_max = event_bytes_max
        self._page_max = page_max
        self._bytes_max = bytes_max
        self._positions: dict[_Identity, int] = {}
        self._work: dict[str, SharedWork] = {}
        self._wanted: dict[str, Filter] = {}

    @property
    def space(self) -> str:
        """Name of the space."""
        return self._log.space

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Record all events of all writes or none; return the position of the last one.

        Raises:
            Fenced: A guard has moved; nothing was recorded.
            Conflict: A boundary is not where a write expects it; nothing was recorded.
            Rejected: An event has an illegal id, type, source or subject, or the writes and
                guards are no append, see `mabeam.core.appending`.
            EventTooLarge: An event has more bytes than the log takes.
            StoreFull: The log has no room left; nothing was recorded.
        """
        check_append(writes, guards)
        events = [event for write in writes for event in write.events]
        batch = [
            (wire_subject(self.space, event), encode(event, self._event_bytes_max))
            for event in events
        ]
        identities = [
            (subject, event.id, event.commitid)
            for event, (subject, _) in zip(events, batch, strict=True)
        ]
        # As on a server, other writers may come between the question and its answer.
        await asyncio.sleep(0)
        known = self._recorded_at(identities)
        if known:
            return known
        self._check_guards(guards)
        self._check_expectations(writes)
        self._check_room(batch)
        first = self._log.head + 1
        self._positions.update(zip(identities, range(first, first + len(batch)), strict=True))
        return self._log.extend(batch)

    def publish_raw(self, subject: str, body: bytes) -> int:
        """Record a message that nobody checked, as any client of a server could.

        Returns:
            Its position.
        """
        return self._log.extend([(subject, body)])

    async def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncGenerator[Page]:
        """Read what is recorded now, in order, page by page; then end."""
        matcher = Matcher(self.space, wanted)
        last = self._log.head if until is None else min(until, self._log.head)
        while after < last:
            page, after = self._log.scan(matcher, after, last, self._page_max)
            if page:
                yield page
            await asyncio.sleep(0)

    @asynccontextmanager
    async def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AsyncGenerator[AsyncIterator[Page]]:
        """Read what is recorded and then what comes, without end."""
        follower = Follower(self._log, Matcher(self.space, wanted), after, self._page_max)
        try:
            yield follower
        finally:
            follower.close()

    @asynccontextmanager
    async def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> AsyncGenerator[AsyncIterator[Delivery]]:
        """Share the events among all who consume under the same name.

        Raises:
            ConfigurationError: Another filter is consumed under this name. Take another name.
        """
        work = self._work.get(name)
        if work is None:
            work = self._work[name] = SharedWork(self._log, Matcher(self.space, wanted))
            self._wanted[name] = wanted
        elif self._wanted[name] != wanted:
            raise ConfigurationError(f"{name} consumes {self._wanted[name]}, not {wanted}")
        consumer = Consumer(self._log, work, ack_wait_seconds)
        try:
            yield consumer
        finally:
            consumer.close()

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        """Return the last event of each entity, event name and actor, as of a position."""
        matcher = Matcher(self.space, wanted)
        return self._log.last_of_each(matcher, self._log.head if at is None else at)

    async def head(self) -> int:
        """Return the position of the last event recorded, 0 when there is none."""
        return self._log.head

    async def position_at(self, instant_ns: int) -> int:
        """Return the position of the last event recorded before an instant."""
        return self._log.before(instant_ns)

    async def now_ns(self) -> int:
        """Return the log's own clock, the one that gives events their record time."""
        return self._log.now_ns()

    def _recorded_at(self, identities: Sequence[_Identity]) -> int:
        """Return the last position of an append recorded earlier, 0 for a new one."""
        first = self._positions.get(identities[0], 0)
        if not first:
            return 0
        last = first
        for last, identity in enumerate(identities, first):
            if self._positions.get(identity) != last:
                return 0
        return last

    def _check_guards(self, guards: Sequence[Guard]) -> None:
        for guard in guards:
            actual = self._tail(guard.boundary)
            if actual != guard.position:
                raise Fenced(str(guard.boundary), guard.position, actual)

    def _check_expectations(self, writes: Sequence[Write]) -> None:
        for write in writes:
            if write.expect is ANY:
                continue
            actual = self._tail(write.boundary)
            if actual != write.expect:
                raise Conflict(str(write.boundary), write.expect, actual)

    def _tail(self, boundary: Boundary) -> int:
        return self._log.tail(boundary_filter(self.space, boundary).removesuffix(".>"))

    def _check_room(self, batch: Sequence[tuple[str, bytes]]) -> None:
        if self._bytes_max is None:
            return
        size = self._log.size_bytes + sum(len(subject) + len(body) for subject, body in batch)
        if size > self._bytes_max:
            raise StoreFull(f"{size} bytes would exceed the limit of {self._bytes_max}")
