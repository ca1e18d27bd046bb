"""What the core asks of the outside world. Infra answers; a conformance suite judges.

Positions are places in a space's total order, from 1; 0 stands before the first event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import msgspec

from mabeam.core.envelope import Envelope, Recorded
from mabeam.core.subjects import EVERYTHING, Boundary, Filter

__all__ = [
    "ANY",
    "NEW",
    "Checkpoint",
    "CheckpointStore",
    "Clock",
    "Delivery",
    "EventStore",
    "Guard",
    "IdSource",
    "Page",
    "Write",
]

ANY: Final = None
"""Append whatever the boundary holds: the expectation of mere speech."""

NEW: Final = 0
"""Append only if the boundary has no event yet."""

Page = Sequence[Recorded]
"""Some events in the order of their positions, never empty."""


class Write(msgspec.Struct, frozen=True):
    """Events of one boundary, and where that boundary must stand for them to be recorded.

    Attributes:
        events: At least one, all of the same ``subject`` and ``commitid``.
        expect: `ANY`, `NEW`, or the position of the last event seen on the boundary.
    """

    events: tuple[Envelope, ...]
    expect: int | None = ANY

    @property
    def boundary(self) -> Boundary:
        """The entity written to."""
        return Boundary.parse(self.events[0].subject)


class Guard(msgspec.Struct, frozen=True):
    """Another boundary that must stand still for an append to be recorded.

    Whoever writes under a right that can be taken away, such as the host of an agent, guards
    its appends with the record of that right: the moment another takes it, the log itself
    refuses them, however late they arrive. The position is then the *fencing token*; see
    M. Kleppmann, "How to do distributed locking" (2016).

    Attributes:
        boundary: The entity that the right is recorded on. Nobody may write to it but by
            appends that expect its position.
        position: The position of its last event as the writer knows it; `NEW` for none.
    """

    boundary: Boundary
    position: int


class Delivery(Protocol):
    """One event handed out by a durable consumer, until it is settled."""

    @property
    def recorded(self) -> Recorded:
        """The event."""
        ...

    async def ack(self) -> None:
        """Settle it: never deliver it again to this consumer."""
        ...

    async def retry(self, delay_seconds: float = 0.0) -> None:
        """Hand it out again, to any process of this consumer, after a delay."""
        ...


class EventStore(Protocol):
    """The log of one space.

    ``tests/conformance`` states what every implementation owes its callers. All methods
    raise `StoreUnavailable` when the log cannot be reached in time.
    """

    @property
    def space(self) -> str:
        """Name of the space."""
        ...

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Record all events of all writes or none; return the position of the last one.

        The events stand at consecutive positions in the order given. An append that is
        sent again with the same events, because its answer was lost, is recorded once
        and returns the position of the first time; where it expects `ANY`, a store may
        recognise it for a limited time only.

        Args:
            writes: What to record, each write on another boundary.
            guards: Boundaries that are not written to and must stand where the writer has
                seen them. Each event can carry one condition, so there may be at most as
                many expectations and guards together as events.

        Raises:
            Fenced: A guard has moved; nothing was recorded, nor ever will be under it.
            Conflict: A boundary is not where a write expects it; nothing was recorded.
            OutcomeUnknown: The log did not answer, and could not be asked what became of it.
            Rejected: An event has an illegal id, type, source or subject.
            EventTooLarge: An event has more bytes than the log takes.
            StoreFull: The log has no room left; nothing was recorded.
            NotAuthorized: The server forbids a subject to these credentials.
        """
        ...

    def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncIterator[Page]:
        """Read what is recorded now, in order, page by page; then end.

        Args:
            wanted: Which events.
            after: Start behind this position.
            until: End with this position; None for the head at the time of the call.

        Raises:
            LogGap: Positions are missing, even after reading again.
        """
        ...

    def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Page]]:
        """Read what is recorded and then what comes, without end.

        Each matching event is seen exactly once and in order, across reconnects.
        Memory is bounded: a slow reader slows the delivery, and loses nothing.

        Raises:
            LogGap: Positions are missing, even after reading again.
        """
        ...

    def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> AbstractAsyncContextManager[AsyncIterator[Delivery]]:
        """Share the events among all processes that consume under the same name.

        The server remembers, across restarts of all of them, what is settled. An event
        that is not settled within ``ack_wait_seconds`` is handed out again, so each is
        delivered at least once, usually in order, at times to two processes.
        """
        ...

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        """Return the last event of each entity, event name and actor, as of a position.

        May be empty. In the order of positions.
        """
        ...

    async def head(self) -> int:
        """Return the position of the last event recorded, 0 when there is none."""
        ...

    async def position_at(self, instant_ns: int) -> int:
        """Return the position of the last event recorded before an instant."""
        ...

    async def now_ns(self) -> int:
        """Return the log's own clock, the one that gives events their record time."""
        ...


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a projection has come, together with the state it had there.

    Attributes:
        projection: Name of the fold.
        version: Version of the fold; a checkpoint of another version is of no use.
        position: The last position folded.
        state: The state as bytes, in the projection's own encoding.
    """

    projection: str
    version: int
    position: int
    state: bytes


class CheckpointStore(Protocol):
    """Keeps the latest checkpoint of each projection and version."""

    async def load(self, projection: str, version: int) -> Checkpoint | None:
        """Return the checkpoint saved last, or None."""
        ...

    async def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint of this projection and version.

        Raises:
            EventTooLarge: The state exceeds what the store takes.
        """
        ...


class Clock(Protocol):
    """The producer's clock, for the informative ``time`` of events only."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        ...


class IdSource(Protocol):
    """Where fresh ids come from."""

    def new_id(self) -> str:
        """Return an id never given before, sortable by the time of its making (UUIDv7)."""
        ...
