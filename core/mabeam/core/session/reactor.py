"""What follows from what was said: the closing, the decision, the change of a variable.

Closing and deciding are two events on purpose. Speech is recorded without a check, so a
bid can slip in just before a closing that was compared and set; the decision is therefore
a function of everything before the closing's position, which no later event can change.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mabeam.core.actors import COORDINATOR
from mabeam.core.commands import ApplyDecision, OpenSession, SessionEnded
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
    Solve,
    Timer,
    check_size,
)
from mabeam.core.session.events import ChildEnded, Closed, Decision, Failed, Opening
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.state import SessionState, hearing, is_complete
from mabeam.core.subjects import Boundary

__all__ = ["SESSIONS", "OpenSession", "SessionEnded", "Solved", "changes", "ended", "react"]


class Solved(msgspec.Struct, frozen=True):
    """What a solver has found for a closed session.

    Attributes:
        solution: As the session's protocol takes it.
    """

    solution: msgspec.Struct


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
            return _proceed(name, session, now_ns)
        case "closed":
            return _conclude(name, session)
        case "ended":
            return _tell(name, state)
        case _:
            return NOTHING


def _proceed(name: str, session: Entity[SessionState], now_ns: int) -> Effects:
    state = session.state
    assert state.opening is not None
    if is_complete(state):
        # Its cause must not change when somebody speaks again before it is recorded.
        return _append(name, session, state.completed_id, Closed(reason="complete"))
    course = protocol_of(state.opening).course
    due = None if course is None else course.due(state.opening, state.course, now_ns)
    if due is not None and due.close == "complete":
        return _append(name, session, due.cause, Closed(reason="complete"), due.position)
    if now_ns >= state.due_ns:
        return _append(name, session, state.opened_id, Closed(reason="deadline"))
    if due is None:
        return Effects(schedule=(Timer(Boundary("session", name), state.due_ns),))
    if due.close:
        return _append(name, session, due.cause, Closed(reason=due.close), due.position)
    sends = tuple(
        Send(child.cause, Boundary("session", child.name), OpenSession(child.opening))
        for child in due.children
        if child.name not in state.children
    )
    if due.announce is not None:
        announced = _append(name, session, due.cause, due.announce, due.position)
        return msgspec.structs.replace(announced, send=sends)
    at_ns = min(due.at_ns or state.due_ns, state.due_ns)
    return Effects(send=sends, schedule=(Timer(Boundary("session", name), at_ns),))


def _conclude(name: str, session: Entity[SessionState]) -> Effects:
    state = session.state
    assert state.opening is not None
    protocol, closed = protocol_of(state.opening), hearing(name, state)
    problem = None if protocol.problem is None else protocol.problem(closed)
    if problem is not None:
        return Effects(solve=(Solve(state.closed_id, Boundary("session", name), problem),))
    decision = _recordable(lambda: protocol.decide(closed))
    return _append(name, session, state.closed_id, decision)


def _recordable(decide: Callable[[], Decision]) -> Event:
    try:
        decision = decide()
        check_size(decision)
    except Rejected as refusal:
        return Failed(code=refusal.code, detail=str(refusal))
    return decision


def _tell(name: str, state: SessionState) -> Effects:
    """Let the variables at stake, and whoever the session was opened for, hear its end."""
    opening = state.opening
    assert opening is not None
    sends = [
        Send(
            state.decided_id,
            Boundary("variable", variable),
            ApplyDecision(name, state.decided_at, value),
        )
        for variable, value in changes(opening, state.decision)
    ]
    told = ended(name, state)
    if told is not None:
        sends.append(Send(state.decided_id, *told))
    return Effects(send=tuple(sends))


def ended(name: str, state: SessionState) -> tuple[Boundary, SessionEnded] | None:
    """Return who is told the end of a session and what; None if nobody is."""
    opening, outcome = state.opening, state.outcome
    if opening is None or outcome is None or state.opened_by != COORDINATOR:
        return None
    try:
        parent = Boundary.parse(opening.parent)
    except Rejected:
        return None
    decision, support = state.decision, protocol_of(opening).support
    return parent, SessionEnded(
        name,
        outcome,
        _result(opening, decision),
        None if decision is None or support is None else support(decision),
        state.decided_at,
    )


def changes(opening: Opening, decision: Decision | None) -> tuple[tuple[str, Decimal | str], ...]:
    """Return the value of each variable that a decision changes, by their names."""
    if decision is None:
        return ()
    protocol = protocol_of(opening)
    result = protocol.result(decision)
    at_stake = () if result is None or not opening.variable else ((opening.variable, result),)
    return at_stake + (() if protocol.results is None else protocol.results(opening, decision))


def _result(opening: Opening, decision: Decision | None) -> Decimal | str | None:
    return None if decision is None else protocol_of(opening).result(decision)


def _append(
    name: str, session: Entity[SessionState], cause: str, event: Event, position: int = 0
) -> Effects:
    part = Part(Boundary("session", name), session.position, (event,))
    return Effects(append=(Append(cause, (part,), position),))


def receive(name: str, session: Entity[SessionState], send: Send) -> Effects:
    """Open a session for another entity, hear the end of one's own, or take a solution."""
    state = session.state
    match send.command:
        case OpenSession(opening=Opening() as opening) if state.opening is None:
            return _append(name, session, send.cause, opening)
        case SessionEnded() as told if state.phase == "open" and told.session not in state.children:
            heard = ChildEnded(
                child=told.session,
                outcome=told.outcome,
                result="" if told.result is None else str(told.result),
                support="" if told.support is None else str(told.support),
                decided_at=told.decided_at,
            )
            return _append(name, session, send.cause, heard)
        case Solved(solution=solution) if state.phase == "closed":
            assert state.opening is not None
            protocol, closed = protocol_of(state.opening), hearing(name, state)
            assert protocol.conclude is not None
            conclude = protocol.conclude
            decision = _recordable(lambda: conclude(closed, solution))
            return _append(name, session, send.cause, decision)
        case _:
            return NOTHING


SESSIONS: Reactor[Entity[SessionState]] = Reactor("sessions", "session", react, receive)
