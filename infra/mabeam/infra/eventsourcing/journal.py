"""What recorders do, on the loop: numbered records in, numbered records out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    OperationalError,
    StoredEvent,
    Tracking,
)

from mabeam.core.envelope import Envelope, Recorded
from mabeam.core.errors import Conflict, OutcomeUnknown
from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import EVERYTHING, Boundary, Filter, escape, event_token
from mabeam.infra.eventsourcing import payload
from mabeam.infra.eventsourcing.conversion import (
    envelope_of_stored,
    envelope_of_tracking,
    is_notification,
    notifications,
    stored_events,
)
from mabeam.infra.eventsourcing.ends import End, Ends
from mabeam.infra.eventsourcing.payload import Tracked
from mabeam.infra.system import SystemIds

__all__ = ["Journal"]

ATTEMPTS_MAX: Final = 16
"""How often an append gives way to others who speak on the boundary without a number."""

TRACKING_KIND: Final = "tracking"
_SPAN: Final = 64
_PAUSE_SECONDS: Final = 0.001
_PAUSE_SECONDS_MAX: Final = 0.25


class _Part(msgspec.Struct):
    """What one insertion records on one boundary.

    Attributes:
        boundary: The entity.
        events: The records, in order.
        first: Number of the first one.
        last: Number of the last one.
        places: Which of the insertion's events these are.
    """

    boundary: Boundary
    events: list[Envelope]
    first: int
    last: int
    places: list[int]


class Journal:
    """The numbered records of one space.

    Args:
        store: The log.
        kind: Kind of the entities that are aggregates.
        name: Of the application, which says all that is recorded here.
    """

    def __init__(self, store: EventStore, kind: str, name: str) -> None:
        self.store = store
        self._kind = kind
        self._name = name
        self._source = f"/services/{name}"
        self._ids = SystemIds()
        self._ends = Ends(store)

    async def insert(
        self, events: Sequence[StoredEvent], tracking: Tracking | None = None, state: bytes = b""
    ) -> list[int]:
        """Record all events and the tracking, or nothing; return the events' positions.

        Raises:
            IntegrityError: A version is not above those of its aggregate, or the tracking
                not above the last one.
        """
        commit_id = self._ids.new_id()
        parts = self._parts(events, commit_id)
        if tracking is not None:
            boundary = self.tracking_boundary(tracking.application_name)
            event = envelope_of_tracking(tracking, state, boundary, self._source, commit_id)
            number = tracking.notification_id
            parts.append(_Part(boundary, [event], number, number, []))
        if not parts:
            return []
        end = await self._append(parts)
        return _positions(parts, end, len(events))

    async def select(
        self,
        originator_id: UUID | str,
        gt: int | None,
        lte: int | None,
        limit: int | None,
        *,
        desc: bool,
    ) -> list[StoredEvent]:
        """Return the events of an aggregate."""
        boundary = self.boundary(originator_id)
        found: list[StoredEvent] = []
        last = self._ends.position_of(boundary, gt)
        wanted = Filter(boundary.kind, boundary.entity)
        async for page in self.store.read(wanted, after=last):
            last = page[-1].position
            found += stored_events(page)
        if found:
            self._ends.learn(boundary, End(found[-1].originator_version, last))
        return _between(found, gt, lte, limit, desc=desc)

    async def insert_snapshots(self, events: Sequence[StoredEvent]) -> None:
        """Record snapshots, whatever there is already."""
        for event in events:
            id_ = self._ids.new_id()
            boundary = self.boundary(event.originator_id)
            envelope = envelope_of_stored(event, boundary, self._source, id_, id_)
            _ = await self.store.append(Write((envelope,)))

    async def select_snapshots(
        self,
        originator_id: UUID | str,
        gt: int | None,
        lte: int | None,
        limit: int | None,
        *,
        desc: bool,
    ) -> list[StoredEvent]:
        """Return the snapshots of an aggregate by version, of each version the last one."""
        boundary = self.boundary(originator_id)
        found: dict[int, StoredEvent] = {}
        async for page in self.store.read(Filter(boundary.kind, boundary.entity)):
            found |= {event.originator_version: event for event in stored_events(page)}
        ordered = [found[version] for version in sorted(found)]
        return _between(ordered, gt, lte, limit, desc=desc)

    async def notifications(
        self, after: int, until: int | None, limit: int, topics: Sequence[str]
    ) -> list[Notification]:
        """Return up to so many events behind a position, in order."""
        wanted = wanted_for(topics)
        found: list[Notification] = []
        # Of everything about as many positions are read as events are missing; of what is
        # filtered nobody knows how far apart the events are.
        span, is_whole = limit, wanted == EVERYTHING
        while len(found) < limit and (until is None or after < until):
            end = _least(after + span, until) if is_whole else until
            async for page in self.store.read(wanted, after=after, until=end):
                after = page[-1].position
                found += notifications(page, topics)
                if len(found) >= limit:
                    break
            if end is None or after < end:
                break
            span *= 2
        return found[:limit]

    async def last_notification(self) -> int | None:
        """Return the position of the last event that the library is notified of."""
        end, span = await self.store.head(), _SPAN
        while end > 0:
            after, last = max(0, end - span), None
            async for page in self.store.read(EVERYTHING, after=after, until=end):
                for recorded in page:
                    if is_notification(recorded):
                        last = recorded.position
            if last is not None:
                return last
            end, span = after, span * 4
        return None

    async def tracked(self, application_name: str) -> Tracked | None:
        """Return the last record of tracking of an upstream sequence."""
        last: Tracked | None = None
        for recorded in await self.store.latest(self._tracking_filter(application_name)):
            data = payload.read(recorded)
            if isinstance(data, Tracked):
                last = data
        return last

    async def reached(self, application_name: str, number: int, seconds: float) -> None:
        """Return when an upstream sequence has been processed up to a position.

        Raises:
            TimeoutError: It was not within this time.
        """
        wanted = self._tracking_filter(application_name)
        try:
            async with asyncio.timeout(seconds):
                known = await self.store.latest(wanted)
                if any(_is_at(one, number) for one in known):
                    return
                after = known[-1].position if known else 0
                async with self.store.follow(wanted, after=after) as pages:
                    async for page in pages:
                        if any(_is_at(one, number) for one in page):
                            return
        except TimeoutError:
            raise TimeoutError(
                f"notification {number} of {application_name} was not processed in {seconds:g} s"
            ) from None

    async def recorded(self, originator_id: UUID | str, commit_id: str) -> list[int]:
        """Return the positions that a commit has among the events of an aggregate."""
        boundary = self.boundary(originator_id)
        found: list[int] = []
        async for page in self.store.read(Filter(boundary.kind, boundary.entity)):
            found += [one.position for one in page if one.envelope.commitid == commit_id]
        return found

    def boundary(self, originator_id: UUID | str) -> Boundary:
        """Return the entity that is an aggregate."""
        return Boundary(self._kind, str(originator_id))

    def tracking_boundary(self, application_name: str) -> Boundary:
        """Return the entity that tells how far this application has processed another."""
        return Boundary(TRACKING_KIND, f"{escape(self._name)}/{application_name}")

    def _tracking_filter(self, application_name: str) -> Filter:
        boundary = self.tracking_boundary(application_name)
        return Filter(boundary.kind, boundary.entity)

    def _parts(self, events: Sequence[StoredEvent], commit_id: str) -> list[_Part]:
        """Sort events by boundary; those of one boundary must rise."""
        parts: dict[str, _Part] = {}
        for place, event in enumerate(events):
            entity = str(event.originator_id)
            part = parts.get(entity)
            number = event.originator_version
            if part is None:
                boundary = Boundary(self._kind, entity)
                part = parts[entity] = _Part(boundary, [], number, number, [])
            elif number <= part.last:
                raise IntegrityError(f"version {number} of {part.boundary} follows {part.last}")
            part.last = number
            part.places.append(place)
            id_ = f"{commit_id}.{place}"
            part.events.append(
                envelope_of_stored(event, part.boundary, self._source, id_, commit_id)
            )
        return list(parts.values())

    async def _append(self, parts: Sequence[_Part]) -> int:
        for attempt in range(ATTEMPTS_MAX):
            ends = [await self._end(part) for part in parts]
            writes = [
                Write(tuple(part.events), end.position)
                for part, end in zip(parts, ends, strict=True)
            ]
            try:
                position = await self.store.append(*writes)
            except Conflict as conflict:
                refused = Boundary.parse(conflict.boundary)
                self._ends.forget(refused)
                _ = await self._ends.look(refused, conflict.actual or 0)
                pause = min(_PAUSE_SECONDS_MAX, _PAUSE_SECONDS * 2**attempt)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            except OutcomeUnknown:
                for part in parts:
                    self._ends.forget(part.boundary)
                raise
            else:
                self._learn(parts, position)
                return position
        raise OperationalError(f"others speak on {parts[0].boundary} all the time; try again")

    async def _end(self, part: _Part) -> End:
        end = await self._ends.find(part.boundary, part.first)
        if end.number >= part.first:
            raise IntegrityError(
                f"{part.boundary} is at {end.number} already, so {part.first} cannot be recorded"
            )
        return end

    def _learn(self, parts: Sequence[_Part], position: int) -> None:
        for part in reversed(parts):
            self._ends.learn(part.boundary, End(part.last, position))
            position -= len(part.events)


def wanted_for(topics: Sequence[str]) -> Filter:
    """Return the narrowest filter that lets all events of these topics pass."""
    tokens = {event_token(payload.type_of_topic(topic)) for topic in topics}
    return Filter(event=tokens.pop()) if len(tokens) == 1 else EVERYTHING


def _between(
    events: list[StoredEvent], gt: int | None, lte: int | None, limit: int | None, *, desc: bool
) -> list[StoredEvent]:
    if gt is not None or lte is not None:
        events = [
            event
            for event in events
            if (gt is None or event.originator_version > gt)
            and (lte is None or event.originator_version <= lte)
        ]
    if desc:
        events.reverse()
    return events[:limit]


def _least(position: int, until: int | None) -> int:
    return position if until is None else min(position, until)


def _is_at(recorded: Recorded, number: int) -> bool:
    reached = payload.number_of(recorded)
    return reached is not None and reached >= number


def _positions(parts: Sequence[_Part], end: int, count: int) -> list[int]:
    """Return where the events of an insertion stand, in the order in which they were given."""
    positions = [0] * count
    position = end - sum(len(part.events) for part in parts)
    for part in parts:
        for offset, place in enumerate(part.places, start=1):
            positions[place] = position + offset
        position += len(part.events)
    return positions
