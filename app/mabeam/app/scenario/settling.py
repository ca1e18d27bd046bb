"""Wait until what was said has come to something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mabeam.app.space import Session
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError
from mabeam.core.ports import EventStore
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.state import SessionState
from mabeam.core.subjects import Filter
from mabeam.core.variable.events import Affirmed, Changed, ConflictDetected, Proposed, Refused

__all__ = ["applied", "judged"]


async def applied(session: Session[Any]) -> None:
    """Return when a session has ended, and the variable at stake has its result."""
    state = await session.ended()
    variable = _changed_by(state)
    if variable:
        await session.desk.live.until(
            lambda world: world.variable(variable).variable.state.decided_at >= state.decided_at
        )


def _changed_by(state: SessionState) -> str:
    if state.opening is None or state.decision is None:
        return ""
    has_result = protocol_of(state.opening).result(state.decision) is not None
    return state.opening.variable if has_result else ""


async def judged(store: EventStore, variable: str, after: int, proposers: Iterable[str]) -> None:
    """Return when each of some agents has proposed a value and all of them are judged.

    Args:
        store: The log.
        variable: Name of the variable.
        after: Proposals behind this position are meant.
        proposers: Names of the agents; nothing is awaited if there are none.
    """
    docket = _Docket(set(proposers))
    if docket.is_settled():
        return
    async with store.follow(Filter(kind="variable", entity=variable), after=after) as pages:
        async for page in pages:
            for recorded in page:
                docket.hear(recorded)
            if docket.is_settled():
                return


class _Docket:
    """What is still to be proposed, and what is proposed and still to be judged."""

    def __init__(self, awaited: set[str]) -> None:
        self._awaited = awaited
        self._open: set[str] = set()
        self._conflicts: dict[str, set[str]] = {}

    def is_settled(self) -> bool:
        """Tell whether nothing is outstanding."""
        return not self._awaited and not self._open

    def hear(self, recorded: Recorded) -> None:
        """Take note of one event."""
        for part in recorded.parts:
            self._hear(part)

    def _hear(self, recorded: Recorded) -> None:
        try:
            event = recorded.data
        except CodecError:
            return
        match event:
            case Proposed() if recorded.actor in self._awaited:
                self._awaited.discard(recorded.actor)
                self._open.add(recorded.id)
            case ConflictDetected():
                self._conflicts[event.conflict] = {c.proposal for c in event.candidates}
            case Affirmed():
                self._open.discard(event.proposal)
            case Changed() | Refused():
                self._open -= {event.proposal, *self._conflicts.pop(event.conflict, ())}
            case _:
                pass
