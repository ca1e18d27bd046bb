"""What follows from what was said: the closing, the decision, the change of a variable.

Closing and deciding are two events on purpose. Speech is recorded without a check, so a
bid can slip in just before a closing that was compared and set; the decision is therefore
a function of everything before the closing's position, which no later event can change.
"""

from __future__ import annotations

from mabeam.core.decider import Entity
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.reactor import (
    NOTHING,
    Append,
    Effects,
    Part,
    Reactor,
    Send,
    Timer,
    check_size,
)
from mabeam.core.session.events import Closed, Failed
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.state import SessionState, hearing, is_complete
from mabeam.core.subjects import Boundary
from mabeam.core.variable.reactor import ApplyDecision

__all__ = ["SESSIONS", "react"]


def react(name: str, session: Entity[SessionState], now_ns: int) -> Effects:
    """Return the next step for a session."""
    state = session.state
    match state.phase:
        case "broken":
            trouble = state.trouble
            assert trouble is not None
            failed = Failed(code=trouble.said, detail=trouble.reason)
            return _append(name, session, state.opened_id, failed)
        case "open":
            return _close(name, session, now_ns)
        case "closed":
            return _append(name, session, state.closed_id, _decide(name, state))
        case "ended":
            return _apply(name, state)
        case _:
            return NOTHING


def _close(name: str, session: Entity[SessionState], now_ns: int) -> Effects:
    state = session.state
    if is_complete(state):
        # Its cause must not change when somebody speaks again before it is recorded.
        return _append(name, session, state.completed_id, Closed(reason="complete"))
    if now_ns >= state.due_ns:
        return _append(name, session, state.opened_id, Closed(reason="deadline"))
    return Effects(schedule=(Timer(Boundary("session", name), state.due_ns),))


def _decide(name: str, state: SessionState) -> Event:
    assert state.opening is not None
    try:
        decision = protocol_of(state.opening).decide(hearing(name, state))
        check_size(decision)
    except Rejected as refusal:
        return Failed(code=refusal.code, detail=str(refusal))
    return decision


def _apply(name: str, state: SessionState) -> Effects:
    if state.decision is None or state.opening is None or not state.opening.variable:
        return NOTHING
    result = protocol_of(state.opening).result(state.decision)
    if result is None:
        return NOTHING
    command = ApplyDecision(name, state.decided_at, result)
    target = Boundary("variable", state.opening.variable)
    return Effects(send=(Send(state.decided_id, target, command),))


def _append(name: str, session: Entity[SessionState], cause: str, event: Event) -> Effects:
    part = Part(Boundary("session", name), session.position, (event,))
    return Effects(append=(Append(cause, (part,)),))


def receive(name: str, session: Entity[SessionState], send: Send) -> Effects:  # noqa: ARG001 - see below
    """Sessions are not yet sent anything."""
    return NOTHING


SESSIONS: Reactor[Entity[SessionState]] = Reactor("sessions", "session", react, receive)
