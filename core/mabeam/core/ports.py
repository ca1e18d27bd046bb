"""What the core asks of the outside world. Infra answers; a conformance suite judges.

Positions are places in a space's total order, from 1; 0 stands before the first event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol

import msgspec

from mabeam.core.envelope import Envelope, Recorded
from mabeam.core.subjects import EVERYTHING, Boundary, Filter
from mabeam.core.tables import Row

__all__ = [
    "ANY",
    "NEW",
    "Build",
    "Checkpoint",
    "CheckpointStore",
    "Clock",
    "Delivery",
    "EventStore",
    "Guard",
    "IdSource",
    "Page",
    "Poison",
    "ReadModel",
    "Solver",
    "Step",
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

    @property
    def attempt(self) -> int:
        """How often it has been handed out so far, this time included."""
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
            ReadOnly: This copy of the log takes no events; nothing was recorded.
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
    """How far a fold has come, together with the state it had there: a snapshot of it.

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
    """Keeps the latest few checkpoints of each projection and version.

    They are a cache and never the authority: whoever finds none, or none that can be read,
    folds from the beginning and comes to the same state.
    """

    async def load(
        self, projection: str, version: int, *, until: int | None = None
    ) -> Checkpoint | None:
        """Return the checkpoint saved last among those up to a position, or None.

        One that cannot be read is passed over, with a line in the log.

        Args:
            projection: Name of the fold.
            version: Version of the fold.
            until: The greatest position wanted; None for any.
        """
        ...

    async def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and forget the oldest ones of this projection and version.

        Raises:
            EventTooLarge: The state exceeds what the store takes.
        """
        ...


class Poison(msgspec.Struct, frozen=True):
    """An event whose rows are missing from a build, and why.

    Only its place is kept: a retry reads it from the log again, in its present form.

    Attributes:
        position: Where the event stands.
        type: Its type with its version, as written.
        reason: What went wrong.
        is_parked: Whether a person is to try it again; else it was skipped for good.
    """

    position: int
    type: str
    reason: str
    is_parked: bool


class Step(msgspec.Struct, frozen=True):
    """What a build records in one transaction: rows, and the checkpoint they bring it to.

    Attributes:
        before: Where the checkpoint must stand for the step to be recorded.
        position: Where it stands afterwards.
        rows: Whole rows, of one key at most one.
        poison: Events whose rows are not among these.
        mended: Positions of former poison whose rows now are.
    """

    before: int
    position: int
    rows: tuple[Row, ...] = ()
    poison: tuple[Poison, ...] = ()
    mended: tuple[int, ...] = ()


class Build(msgspec.Struct, frozen=True):
    """One set of tables, made by one version of a projection.

    Attributes:
        number: Its number; a later build is to replace an earlier one.
        version: Version of the projection that makes it.
        fits: Whether its tables are defined as the caller knows them.
        position: Its checkpoint: the last position whose rows it has.
        state: ``building`` until it serves, ``retired`` once a later one does.
        is_paused: Whether nobody may be active on any build of the projection.
        holder: Who is active on it; empty when nobody is.
        epoch: Fences former holders: whoever was active under a smaller one writes no more.
        failure: Why it stopped; empty when it did not.
        parked: How many events are parked.
        skipped: How many events were skipped.
        events_per_second: How fast its holder has applied events since it became active.
    """

    number: int
    version: int
    fits: bool
    position: int
    state: Literal["building", "serving", "retired"]
    is_paused: bool
    holder: str
    epoch: int
    failure: str
    parked: int
    skipped: int
    events_per_second: float


class ReadModel(Protocol):
    """The tables of a projection outside the process, with all that belongs to them.

    Rows and checkpoint move in one transaction, by compare-and-set: no event is ever
    applied twice, whoever believes to be active. The lease only sees to it that somebody is.
    All methods raise `StoreUnavailable` when the store cannot be reached; whether a write was
    recorded then shows in the build's checkpoint.
    """

    @property
    def projection(self) -> str:
        """Name of the projection."""
        ...

    async def builds(self) -> tuple[Build, ...]:
        """Return all builds that exist, the oldest first."""
        ...

    async def begin(self, version: int, *, anew: bool = False) -> Build:
        """Return the latest build of this version, with its present tables; make it if needed.

        Retired builds go when one is made.

        Args:
            version: Version of the projection.
            anew: Make one beside the one that serves, unless one is being built already.

        Raises:
            ConfigurationError: A later version serves, and no new build is asked for.
        """
        ...

    async def claim(self, number: int, holder: str, seconds: float) -> Build:
        """Become active on a build, or stay so; return how the build stands.

        The claim is granted when the build's holder is the caller. It is refused while
        another's lease runs, while the projection is paused, and once the build is retired.
        A new holder means a new epoch.

        Raises:
            NotFound: The build is gone.
        """
        ...

    async def release(self, number: int, epoch: int, failure: str = "") -> None:
        """Cease to be active, and say why if it was not of one's own will."""
        ...

    async def write(self, number: int, epoch: int, step: Step) -> None:
        """Record a step.

        Raises:
            Conflict: The checkpoint is elsewhere, or the epoch has passed: another one is
                active, or the projection is paused. Claim again and see.
            Rejected: The store refuses a row; nothing was recorded.
        """
        ...

    async def serve(self, number: int, epoch: int) -> None:
        """Let readers see this build instead of an earlier one, at once.

        Raises:
            Conflict: The epoch has passed.
        """
        ...

    async def pause(self, *, is_paused: bool) -> None:
        """Let nobody be active from now on, or let them again."""
        ...

    async def poison(self, number: int) -> tuple[Poison, ...]:
        """Return the events that are missing from a build, in the order of their positions."""
        ...


class Solver(Protocol):
    """Finds what cannot be found in the time that a reaction may take, or only by other means."""

    async def solve(self, problem: msgspec.Struct) -> msgspec.Struct:
        """Return the solution that belongs to a problem, the best one found in its time.

        Raises:
            ConfigurationError: No way to solve problems of this class is known here.
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
