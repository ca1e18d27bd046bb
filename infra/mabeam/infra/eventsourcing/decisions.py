"""Events with tags, whose appends are conditional on a query: on the loop.

All of them are one entity of the space, so an append compares one position with one filter.
That is the only condition which holds on several replicas: of two that compare with different
filters, one for each of their tags, the server lets both pass. The price is that conditional
writers of a space give way to each other even where their tags differ; each looks at what came
between, and goes on if its query matches none of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBSequencedEvent,
)
from eventsourcing.persistence import IntegrityError, OperationalError, ProgrammingError

from mabeam.core.envelope import Envelope
from mabeam.core.errors import Conflict, OutcomeUnknown
from mabeam.core.ports import EventStore, Page, Write
from mabeam.core.subjects import Boundary, Filter
from mabeam.infra.eventsourcing import payload
from mabeam.infra.eventsourcing.ends import whole
from mabeam.infra.eventsourcing.payload import Decision
from mabeam.infra.system import SystemIds

__all__ = ["DECISIONS", "WANTED", "Decisions", "matching"]

DECISIONS: Final = Boundary("dcb", "events")
"""The entity of all events with tags of a space."""

WANTED: Final = Filter(kind=DECISIONS.kind, entity=DECISIONS.entity)

_PAUSE_SECONDS: Final = 0.002
_PAUSE_SECONDS_MAX: Final = 0.25


class Decisions:
    """The events with tags of one space.

    Args:
        store: The log.
        name: Of the application, which says all that is recorded here.
        patience_seconds: How long an append gives way to others.
    """

    def __init__(self, store: EventStore, name: str, patience_seconds: float) -> None:
        self.store = store
        self._source = f"/services/{name}"
        self._patience_seconds = patience_seconds
        self._ids = SystemIds()
        # One append at a time in a process, for of two at once one would be refused.
        self._turn = asyncio.Lock()
        # The last position known of the entity; the log's may be further on.
        self._end: int | None = None

    async def read(
        self, query: DCBQuery | None, after: int | None, limit: int | None
    ) -> tuple[list[DCBSequencedEvent], int | None]:
        """Return the events that match, and the head: the last position looked at.

        With a limit the head is the position of the last event returned, as the library's
        own recorders have it.
        """
        found: list[DCBSequencedEvent] = []
        if limit is not None and limit <= 0:
            return found, None
        # Asked before reading: what comes in between is read, but what is read is not missed.
        head = await self._look() if after and limit is None else 0
        seen = after or 0
        async for page in self.store.read(WANTED, after=seen):
            seen = page[-1].position
            found += matching(page, query)
            if limit is not None and len(found) >= limit:
                break
        if limit is not None:
            found = found[:limit]
            return found, found[-1].position if found else None
        # Behind the last event there is nothing to read, and that one is the head; otherwise
        # the head is what was seen, and never more.
        head = head if after and after >= head else seen
        self._end = head if self._end is None else max(self._end, head)
        return found, head or None

    async def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None) -> int:
        """Record all events unless the condition fails; return the position of the last one.

        Raises:
            IntegrityError: There is an event that the condition forbids.
            OperationalError: Others were faster each time; try again.
        """
        if not events:
            raise ProgrammingError("nothing to append")
        write = self._envelopes(events)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_seconds
        # Up to here nothing that is recorded matches the condition.
        clear = (condition.after or 0) if condition is not None else 0
        async with self._turn:
            for attempt in count():
                end = await self._look() if self._end is None else self._end
                if condition is None or clear >= end or await self._is_clear(condition, clear, end):
                    clear = max(clear, end)
                    if await self._record(write, end):
                        break
                if loop.time() > deadline:
                    raise OperationalError("others appended first each time; try again")
                pause = min(_PAUSE_SECONDS_MAX, _PAUSE_SECONDS * 2 ** min(attempt, 10))
                await asyncio.sleep(pause * random.uniform(0.0, 1.0))  # noqa: S311 - no secret
            assert self._end is not None
            return self._end

    async def _record(self, events: tuple[Envelope, ...], end: int) -> bool:
        """Record events if the entity still ends there; remember where it ends then."""
        try:
            self._end = await self.store.append(Write(events, end))
        except Conflict as conflict:
            self._end = conflict.actual
            return False
        except OutcomeUnknown:
            self._end = None
            raise
        return True

    async def _is_clear(self, condition: DCBAppendCondition, after: int, until: int) -> bool:
        """Tell whether nothing between two positions is forbidden; no if not all can be seen.

        Raises:
            IntegrityError: Something is.
        """
        seen = await whole(self.store, DECISIONS, after, until)
        for event in matching(seen or (), condition.fail_if_events_match):
            raise IntegrityError(f"position {event.position} matches {condition}")
        return seen is not None

    async def _look(self) -> int:
        latest = await self.store.latest(WANTED)
        return latest[-1].position if latest else 0

    def _envelopes(self, events: Iterable[DCBEvent]) -> tuple[Envelope, ...]:
        commit_id = self._ids.new_id()
        return tuple(
            payload.wrap(
                Decision(tags=tuple(event.tags), **payload.content(event.type, event.data)),
                payload.DECISION,
                type_=payload.type_of_topic(event.type),
                subject=str(DECISIONS),
                source=self._source,
                id_=f"{commit_id}.{place}",
                commit_id=commit_id,
            )
            for place, event in enumerate(events)
        )


def matching(page: Page, query: DCBQuery | None) -> Iterator[DCBSequencedEvent]:
    """Return the events of a page that match a query; None, or one without items, matches all."""
    items = [(frozenset(item.types), frozenset(item.tags)) for item in query.items] if query else []
    for recorded in page:
        data = payload.read(recorded)
        if not isinstance(data, Decision):
            continue
        type_ = data.topic or recorded.type
        if not items or any(
            (not types or type_ in types) and tags.issubset(data.tags) for types, tags in items
        ):
            event = DCBEvent(type=type_, data=data.raw, tags=list(data.tags))
            yield DCBSequencedEvent(event=event, position=recorded.position)
