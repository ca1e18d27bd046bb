"""Turn payloads into events: who says it, when, in which run, because of what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from mabeam.core.actors import COORDINATOR_SOURCE
from mabeam.core.envelope import envelope_of
from mabeam.core.events import Event, type_of
from mabeam.core.ids import derived_id
from mabeam.core.ports import Clock, IdSource, Write
from mabeam.core.reactor import Append
from mabeam.core.subjects import Boundary

__all__ = ["Author", "agent_source"]


def agent_source(agent: str) -> str:
    """Return the source under which an agent speaks."""
    return f"/agents/{agent}"


class Author:
    """Writes envelopes.

    Args:
        clock: The producer's clock.
        ids: Where fresh ids come from.
    """

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock: Final = clock
        self._ids: Final = ids

    def says(  # noqa: PLR0913 - each is an attribute of the event
        self,
        boundary: Boundary,
        events: tuple[Event, ...],
        *,
        source: str,
        expect: int | None = None,
        correlation_id: str = "",
        causation_id: str = "",
        id: str = "",  # noqa: A002 - the CloudEvents word
        commit_id: str = "",
    ) -> Write:
        """Return a write of events of one boundary, all of one commit.

        Args:
            boundary: The entity they belong to.
            events: Payloads.
            source: Who says it.
            expect: Where the boundary must stand.
            correlation_id: The run they belong to.
            causation_id: The event that caused them.
            id: Id of the first event; a fresh one if empty. The same id makes a repeated
                append recognisable.
            commit_id: The append that these events are recorded in together with others;
                the id of the first event if empty.
        """
        first = id or self._ids.new_id()
        envelopes = tuple(
            envelope_of(
                event,
                boundary,
                source=source,
                id=first if index == 0 else derived_id(first, index),
                time=self._now(),
                correlation_id=correlation_id,
                causation_id=causation_id,
                commit_id=commit_id or first,
            )
            for index, event in enumerate(events)
        )
        return Write(envelopes, expect)

    def follows(self, append: Append, correlation_id: str = "") -> tuple[Write, ...]:
        """Return the writes of a reactor's output, whose ids follow from its cause."""
        commit, time = append.commit_id, self._now()
        return tuple(
            Write(
                tuple(
                    envelope_of(
                        event,
                        part.boundary,
                        source=COORDINATOR_SOURCE,
                        id=append.id_of(part.boundary, type_of(event), index),
                        time=time,
                        correlation_id=correlation_id,
                        causation_id=append.cause,
                        commit_id=commit,
                    )
                    for index, event in enumerate(part.events)
                ),
                part.expect,
            )
            for part in append.parts
        )

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
