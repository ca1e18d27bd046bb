"""Between the library's records and the events of a space."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from uuid import UUID

import msgspec
from eventsourcing.persistence import DataError, Notification, StoredEvent, Tracking

from mabeam.core.envelope import Envelope, Recorded
from mabeam.core.ports import Page
from mabeam.core.subjects import Boundary
from mabeam.infra.eventsourcing import payload
from mabeam.infra.eventsourcing.payload import Stored, Tracked

__all__ = [
    "TRACKED_TYPE",
    "envelope_of_stored",
    "envelope_of_tracking",
    "is_notification",
    "notifications",
    "stored_events",
]

TRACKED_TYPE = "eventsourcing.tracked.v1"


def envelope_of_stored(
    event: StoredEvent, boundary: Boundary, source: str, id_: str, commit_id: str
) -> Envelope:
    """Return the event that holds a stored event.

    Raises:
        DataError: Its version is negative.
    """
    if event.originator_version < 0:
        raise DataError(f"originator_version = {event.originator_version}, allowed: 0 or more")
    data = Stored(
        originator_version=event.originator_version,
        uuid=isinstance(event.originator_id, UUID),
        **payload.content(event.topic, event.state),
    )
    return payload.wrap(
        data,
        payload.STORED,
        type_=payload.type_of_topic(event.topic),
        subject=str(boundary),
        source=source,
        id_=id_,
        commit_id=commit_id,
    )


def envelope_of_tracking(
    tracking: Tracking, state: bytes, boundary: Boundary, source: str, commit_id: str
) -> Envelope:
    """Return the event that holds a tracking record with the state of its view."""
    data = Tracked(
        application_name=tracking.application_name,
        notification_id=tracking.notification_id,
        **(payload.content(TRACKED_TYPE, state) if state else {}),
    )
    return payload.wrap(
        data,
        payload.TRACKING,
        type_=TRACKED_TYPE,
        subject=str(boundary),
        source=source,
        id_=f"{commit_id}.t",
        commit_id=commit_id,
    )


def stored_events(page: Page) -> Iterator[StoredEvent]:
    """Return the stored events of a page; whatever else stands there is passed over."""
    for recorded in page:
        data = payload.read(recorded)
        if isinstance(data, Stored):
            originator = _originator(recorded, data)
            if originator is not None:
                yield StoredEvent(
                    originator, data.originator_version, data.topic or recorded.type, data.raw
                )


def notifications(page: Page, topics: Collection[str] = ()) -> Iterator[Notification]:
    """Return the events of a page as the library notifies of them.

    What nobody can read is passed over, and so are records of tracking. An event of mabeam
    comes under its type, with its data as the state and its position as the version.
    """
    for recorded in page:
        found = _notification(recorded)
        if found is not None and (not topics or found.topic in topics):
            yield found


def is_notification(recorded: Recorded) -> bool:
    """Tell whether the library is notified of an event."""
    return _notification(recorded) is not None


def _notification(recorded: Recorded) -> Notification | None:
    envelope = recorded.envelope
    if recorded.problem is not None or envelope.dataschema == payload.TRACKING:
        return None
    data = payload.read(recorded)
    if data is None:
        if envelope.dataschema == payload.STORED:
            return None
        state = b"{}" if envelope.data is msgspec.UNSET else bytes(envelope.data)
        return Notification(
            recorded.entity, recorded.position, envelope.type, state, recorded.position
        )
    topic = data.topic or envelope.type
    if isinstance(data, Stored):
        originator = _originator(recorded, data)
        if originator is None:
            return None
        return Notification(originator, data.originator_version, topic, data.raw, recorded.position)
    return Notification(recorded.entity, recorded.position, topic, data.raw, recorded.position)


def _originator(recorded: Recorded, data: Stored) -> UUID | str | None:
    return _uuid(recorded.entity) if data.uuid else recorded.entity


@lru_cache(maxsize=65_536)
def _uuid(text: str) -> UUID | None:
    """Read a UUID; None where an event claims one that its boundary does not have."""
    try:
        return UUID(text)
    except ValueError:
        return None
