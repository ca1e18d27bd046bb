"""The library's recorders over a space. They only wait; what is done stands in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import wait
from threading import Event
from typing import Any, Final
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
    WaitInterruptedError,
)

from mabeam.core.ports import Page
from mabeam.infra.eventsourcing.conversion import notifications
from mabeam.infra.eventsourcing.journal import Journal, wanted_for
from mabeam.infra.eventsourcing.session import Session

__all__ = [
    "JetStreamAggregateRecorder",
    "JetStreamApplicationRecorder",
    "JetStreamProcessRecorder",
    "JetStreamRecorder",
    "JetStreamSnapshotRecorder",
    "JetStreamSubscription",
    "JetStreamTrackingRecorder",
]

INTERRUPT_SECONDS: Final = 0.05
"""How often a wait looks whether it was interrupted; an event of a thread cannot call."""


class JetStreamRecorder:
    """What all recorders have.

    Args:
        session: The factory's; made by it.
        journal: Where they record; that of the space if None.
    """

    def __init__(self, session: Session, journal: Journal | None = None) -> None:
        super().__init__()
        self._session = session
        self._journal = session.events() if journal is None else journal


class JetStreamAggregateRecorder(JetStreamRecorder, AggregateRecorder):
    """Records the events of aggregates, each aggregate as an entity of the space.

    Versions of one aggregate must rise; a gap is allowed, filling one later is not.
    """

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 - the library's word
    ) -> Sequence[int] | None:
        """Record all of them or none: at most 1,000, or 999 with a tracking record.

        Raises:
            IntegrityError: Somebody has recorded such a version; fetch the aggregate again.
            DataError: A name, the size or the number of the events is out of bounds.
            OperationalError: The log cannot be reached, is full, or forbids it. If the cause is
                `mabeam.core.errors.OutcomeUnknown`, ask `recorded` for its commit id before
                trying again.
        """
        _ = self._insert(stored_events, kwargs.get("tracking"))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return events of an aggregate."""
        return self._session.call(self._journal.select, originator_id, gt, lte, limit, desc=desc)

    def recorded(self, originator_id: UUID | str, commit_id: str) -> Sequence[int]:
        """Return the positions that a commit has among the events of an aggregate.

        For after an outcome that is not known: none means that it was not recorded, unless
        the connection was lost a moment ago and what was sent is still on its way.
        """
        return self._session.call(self._journal.recorded, originator_id, commit_id)

    def _insert(
        self, stored_events: Sequence[StoredEvent], tracking: Tracking | None
    ) -> Sequence[int]:
        return self._session.call(self._journal.insert, stored_events, tracking)


class JetStreamApplicationRecorder(JetStreamAggregateRecorder, ApplicationRecorder):
    """Records events and notifies of them; ids of notifications are positions of the space.

    The sequence of an application is the whole space: what other applications and agents
    say in it is notified of, too. Only tracking records are left out.
    """

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 - the library's word
    ) -> Sequence[int] | None:
        """Record all of them or none, and return their positions."""
        return self._insert(stored_events, kwargs.get("tracking"))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to so many notifications, in order."""
        after = start or 0
        if start is not None and inclusive_of_start:
            after -= 1
        return self._session.call(
            self._journal.notifications, max(after, 0), stop, limit, tuple(topics)
        )

    def max_notification_id(self) -> int | None:
        """Return the id of the last notification, or None if there is none."""
        return self._session.call(self._journal.last_notification)

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Return an iterator over notifications, those there are and those to come."""
        return JetStreamSubscription(self, self._session, self._journal, gt, topics)


class JetStreamSubscription(Subscription[ApplicationRecorder]):
    """Notifications as the log pushes them; memory is bounded, also for a slow reader."""

    def __init__(
        self,
        recorder: JetStreamApplicationRecorder,
        session: Session,
        journal: Journal,
        gt: int | None,
        topics: Sequence[str],
    ) -> None:
        super().__init__(recorder, gt, topics)
        chosen = frozenset(topics)

        def convert(page: Page) -> Iterable[Notification]:
            return notifications(page, chosen)

        self._tail = session.tail(journal, wanted_for(topics), gt or 0, convert)

    def __next__(self) -> Notification:
        """Return the next notification, when there is one."""
        return self._tail.next()

    def stop(self) -> None:
        """End the iteration, also of a thread that waits in it."""
        super().stop()
        self._tail.stop()


class JetStreamTrackingRecorder(JetStreamRecorder, TrackingRecorder):
    """Records how far upstream sequences have been processed, as events of the space.

    A view with a small state derives from it and records the state together with the
    tracking, in one event; so both are there or neither.
    """

    def insert_tracking(self, tracking: Tracking, state: bytes = b"") -> None:
        """Record a tracking object and, with it, the state of a view.

        Args:
            tracking: How far an upstream sequence has been processed.
            state: What has come of it, best a JSON object; below 1 MiB.

        Raises:
            IntegrityError: It has been processed as far already, by another or by us.
        """
        _ = self._session.call(self._journal.insert, (), tracking, state)

    def tracked_state(self, application_name: str) -> bytes:
        """Return the state recorded with the last tracking object; nothing if there is none."""
        tracked = self._session.call(self._journal.tracked, application_name)
        return b"" if tracked is None else tracked.raw

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return how far an upstream sequence has been processed."""
        tracked = self._session.call(self._journal.tracked, application_name)
        return None if tracked is None else tracked.notification_id

    def wait(
        self,
        application_name: str,
        notification_id: int | None,
        timeout: float = 1.0,
        interrupt: Event | None = None,
    ) -> None:
        """Return as soon as an upstream sequence has been processed up to a position.

        Raises:
            TimeoutError: It was not within so many seconds.
            WaitInterruptedError: The event was set before.
        """
        if notification_id is None:
            return
        bridge = self._session.bridge
        future = bridge.submit(self._journal.reached, application_name, notification_id, timeout)
        while interrupt is not None and not future.done():
            _ = wait([future], INTERRUPT_SECONDS)
            if not future.done() and interrupt.is_set():
                _ = future.cancel()
                raise WaitInterruptedError
        bridge.outcome(future)


class JetStreamProcessRecorder(
    JetStreamTrackingRecorder, JetStreamApplicationRecorder, ProcessRecorder
):
    """Records events together with how far the upstream sequence has been processed."""


class JetStreamSnapshotRecorder(JetStreamAggregateRecorder):
    """Records snapshots, in any order and also twice: they are caches, not history."""

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return snapshots of an aggregate, in the order of their versions."""
        return self._session.call(
            self._journal.select_snapshots, originator_id, gt, lte, limit, desc=desc
        )

    def _insert(
        self, stored_events: Sequence[StoredEvent], tracking: Tracking | None
    ) -> Sequence[int]:
        assert tracking is None, "snapshots follow from no upstream event"
        self._session.call(self._journal.insert_snapshots, stored_events)
        return ()
