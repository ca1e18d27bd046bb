"""A space as the persistence module for dynamic consistency boundaries.

Chosen by ``PERSISTENCE_MODULE=mabeam.infra.eventsourcing.dcb``. Its factory makes the recorders
of the other one, too, so that projections need no variable of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
    DCBSubscription,
)
from eventsourcing.dcb.persistence import DCBInfrastructureFactory

from mabeam.core.ports import Page

# The module, not its class: the library wants exactly one factory to stand here.
from mabeam.infra.eventsourcing import factory
from mabeam.infra.eventsourcing.decisions import WANTED, Decisions, matching
from mabeam.infra.eventsourcing.recorders import JetStreamTrackingRecorder
from mabeam.infra.eventsourcing.session import Session

__all__ = ["DCBFactory", "JetStreamDCBRecorder", "JetStreamDCBSubscription"]


class JetStreamDCBRecorder(DCBRecorder):
    """Records events with tags, all of them as one entity of the space.

    Args:
        session: The factory's; made by it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        settings = session.settings
        self._decisions = Decisions(
            session.events().store, settings.name, settings.patience_seconds
        )

    def read(
        self,
        query: DCBQuery | None = None,
        *,
        after: int | None = None,
        limit: int | None = None,
    ) -> DCBReadResponse:
        """Return the events behind a position that match a query."""
        events, head = self._session.call(self._decisions.read, query, after, limit)
        return _Response(events, head)

    def append(
        self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None
    ) -> int:
        """Record events unless the condition fails; return the position of the last one.

        Raises:
            IntegrityError: There is an event that the condition forbids.
            ProgrammingError: There is nothing to append.
            DataError: The size or the number of the events is out of bounds.
            OperationalError: The log cannot be reached, or others were faster each time.
        """
        return self._session.call(self._decisions.append, events, condition)

    def subscribe(
        self, query: DCBQuery | None = None, *, after: int | None = None
    ) -> DCBSubscription[JetStreamDCBRecorder]:
        """Return an iterator over events that match, those there are and those to come."""
        return JetStreamDCBSubscription(self, self._session, query, after)


class JetStreamDCBSubscription(DCBSubscription[JetStreamDCBRecorder]):
    """Events with tags as the log pushes them."""

    def __init__(
        self,
        recorder: JetStreamDCBRecorder,
        session: Session,
        query: DCBQuery | None,
        after: int | None,
    ) -> None:
        super().__init__(recorder, query, after)

        def convert(page: Page) -> Iterable[DCBSequencedEvent]:
            return matching(page, query)

        self._tail = session.tail(session.events(), WANTED, after or 0, convert)

    def __next__(self) -> DCBSequencedEvent:
        """Return the next event, when there is one."""
        return self._tail.next()

    def stop(self) -> None:
        """End the iteration, also of a thread that waits in it."""
        super().stop()
        self._tail.stop()


class _Response(DCBReadResponse):
    def __init__(self, events: Iterable[DCBSequencedEvent], head: int | None) -> None:
        self._events = iter(events)
        self._head = head

    @property
    def head(self) -> int | None:
        return self._head

    def __next__(self) -> DCBSequencedEvent:
        return next(self._events)


class DCBFactory(factory.Factory, DCBInfrastructureFactory[JetStreamTrackingRecorder]):
    """Makes recorders over one space, for events with tags, too."""

    def dcb_recorder(self) -> DCBRecorder:
        """Return a recorder for events with tags."""
        return JetStreamDCBRecorder(self.session)
