"""Check a whole history: does everything that protocol code decided follow from the log?

The log is folded from its beginning. Before each event of the coordinator the reactor is
asked what was due at that moment, and the recorded event must be it, to the last field and
with the ids that follow from its cause. Decisions of sessions are also proved by their
certificate, without the rule that made them. Nothing is executed and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

import msgspec

from mabeam.core.actors import from_coordinator
from mabeam.core.commands import ApplyDecision, OpenSession
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError, Rejected
from mabeam.core.events import Event, Several, type_of
from mabeam.core.policies import Policy
from mabeam.core.ports import EventStore
from mabeam.core.reactor import Append, Effects, Part, Send
from mabeam.core.session.events import Announcement, ChildEnded, Decision, Failed, Opening
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.reactor import SESSIONS, changes, ended
from mabeam.core.session.state import hearing
from mabeam.core.subjects import Boundary
from mabeam.core.variable.constraint import ConstraintChecked
from mabeam.core.variable.events import (
    Changed,
    ConflictDetected,
    ConflictResolved,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.reactor import VARIABLES
from mabeam.core.variable.strategies import STRATEGIES, shadow_of
from mabeam.projections.world import WORLD, World, fingerprint

__all__ = ["Divergence", "Report", "divergences_at", "verify"]

DIVERGENCES_KEPT: Final = 100


class Divergence(msgspec.Struct, frozen=True):
    """A recorded event that does not follow from the history before it.

    Attributes:
        position: Where it stands.
        detail: What is recorded, and what follows instead.
    """

    position: int
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What a verification found.

    Attributes:
        events: How many events were folded.
        decided: How many of them protocol code had said, each of which was checked.
        certificates: How many decisions were proved by their certificate.
        unreadable: How many events nobody can read.
        fingerprint: SHA-256 of the state at the end.
        divergences: What does not follow, the first hundred in the order of the log.
    """

    events: int
    decided: int
    certificates: int
    unreadable: int
    fingerprint: str
    divergences: tuple[Divergence, ...]


async def verify(store: EventStore, *, until: int | None = None) -> Report:
    """Check the history of a space up to a position, or to its head.

    Raises:
        LogGap: Positions are missing from the log.
    """
    world = WORLD.initial
    decided = certificates = 0
    found: list[Divergence] = []
    async for page in store.read(until=until):
        for recorded in page:
            if recorded.position != world.position + 1:
                text = f"the log skips to it from position {world.position}"
                found.append(Divergence(recorded.position, text))
            if from_coordinator(recorded) and recorded.problem is None:
                decided += 1
                certificates += _is_decision(recorded)
                texts = divergences_at(world, recorded)
                found.extend(Divergence(recorded.position, text) for text in texts)
            world = WORLD.apply(world, recorded)
    return Report(
        events=world.position,
        decided=decided,
        certificates=certificates,
        unreadable=world.unreadable.count,
        fingerprint=fingerprint(world),
        divergences=tuple(found[:DIVERGENCES_KEPT]),
    )


def divergences_at(before: World, recorded: Recorded) -> Iterator[str]:
    """Say in what an event of the coordinator does not follow from the state before it."""
    try:
        event = recorded.data
    except CodecError as error:
        yield f"an event of the coordinator cannot be read: {error}"
        return
    if isinstance(event, Several):
        # Recorded once, it has one cause and one id; of its parts each would have its own.
        for part in recorded.parts:
            yield from _unlike(before, part, part.data)
            before = WORLD.apply(before, part)
        return
    append = yield from _unlike(before, recorded, event)
    if append is None:
        return
    if recorded.envelope.causationid != append.cause:
        yield f"caused by {recorded.envelope.causationid}, but {append.cause} is its cause"
    if recorded.id != append.id_of(recorded.boundary, recorded.type, 0):
        yield f"has the id {recorded.id}, which does not follow from its cause"


def _unlike(before: World, recorded: Recorded, event: Event) -> Generator[str, None, Append | None]:
    """Say in what a payload is not what was due; return what was, if it is to be recorded so."""
    if isinstance(event, ConstraintChecked):
        yield from _check_constraint(before, event)
        return None
    try:
        effects = _due(before, recorded, event)
    except Exception as error:  # noqa: BLE001 - forged events lead to states that no rule foresees
        yield f"what was due cannot be told from the state before it: {error!r}"
        return None
    expected = _expected(effects, recorded.boundary)
    if expected is None:
        yield f"{type_of(event)} is recorded, but nothing was due"
        return None
    append, due = expected
    due = _as_recorded(due, event)
    if isinstance(event, ResolutionChosen):
        yield from _check_shadows(before, recorded.entity, event)
    if not _is_same(due, event):
        yield f"recorded {_shown(event)}, but {_shown(due)} follows"
        return None
    if isinstance(event, Decision):
        yield from _check_certificate(before, recorded.entity, event)
    return append


def _is_same(due: Event, event: Event) -> bool:
    try:
        return due == event
    except ArithmeticError:
        # A forged decimal can be a signalling one, which must not even be compared.
        return False


def _as_recorded(due: Event, event: Event) -> Event:
    """Return what was due without what depends on who recorded it, and when."""
    match due, event:
        case ResolutionChosen(), ResolutionChosen():
            # Which strategies are known changes from process to process.
            return msgspec.structs.replace(due, shadows=event.shadows)
        case ConflictDetected(), ConflictDetected(kind=""):
            return msgspec.structs.replace(due, kind="", detail="")
        case _:
            return due


def _check_shadows(before: World, variable: str, event: ResolutionChosen) -> Iterator[str]:
    """Say which strategies that are known here would have come to something else."""
    state = before.variable(variable).variable.state
    if state.conflict is None or state.declaration is None:
        return
    type_, conflict = state.declaration.type, state.conflict
    known = {f"{name}.v{version}": Policy(name, version) for name, version in STRATEGIES.known()}
    for shadow in event.shadows:
        if shadow.policy in known:
            policy = known[shadow.policy]
            found = shadow_of(policy, conflict.id, type_, conflict.candidates)
            if found != shadow:
                yield f"recorded {shadow}, but {found} follows"


def _due(before: World, recorded: Recorded, event: Event) -> Effects:
    match recorded.kind:
        case "session":
            return _due_in_session(before, recorded, event)
        case "variable":
            return _due_of_variable(before, recorded, event)
        case _:
            return Effects()


def _due_of_variable(before: World, recorded: Recorded, event: Event) -> Effects:
    name, view = recorded.entity, before.variable(recorded.entity)
    match event:
        case Changed(session=session) | Refused(session=session) if session:
            send = _sent(before, recorded.boundary, event)
        case ConflictResolved(session=session) if session:
            send = _told(before, recorded.boundary, session, event.decided_at)
        case ResolutionChosen(follows=session) if session and event.decided_at:
            send = _told(before, recorded.boundary, session, event.decided_at)
        case _:
            return VARIABLES.react(name, view, recorded.recorded_ns)
    return Effects() if send is None else VARIABLES.receive(name, view, send)


def _told(before: World, target: Boundary, session: str, decided_at: int) -> Send | None:
    """Return the command by which an entity heard the end of a session it had asked for."""
    state = before.session(session).state
    told = ended(session, state)
    if told is None or told[0] != target or state.decided_at != decided_at:
        return None
    return Send(state.decided_id, *told)


def _due_in_session(before: World, recorded: Recorded, event: Event) -> Effects:
    name, session = recorded.entity, before.session(recorded.entity)
    match event:
        case Opening(parent=parent) if parent:
            send = _asked_for(before, recorded, Boundary.parse(parent))
            return Effects() if send is None else SESSIONS.receive(name, session, send)
        case ChildEnded():
            send = _told(before, recorded.boundary, event.child, event.decided_at)
            return Effects() if send is None else SESSIONS.receive(name, session, send)
        case Decision() | Failed() if _has_problem(before, name):
            # No solver is asked again: the certificate tells whether it was right.
            part = Part(recorded.boundary, session.position, (event,))
            return Effects(append=(Append(session.state.closed_id, (part,)),))
        case Announcement() if session.state.due_ns:
            # What was due just before the deadline may have been recorded just after it.
            latest_ns = min(recorded.recorded_ns, session.state.due_ns - 1)
            return SESSIONS.react(name, session, latest_ns)
        case _:
            return SESSIONS.react(name, session, recorded.recorded_ns)


def _has_problem(before: World, name: str) -> bool:
    state = before.session(name).state
    if state.phase != "closed" or state.opening is None:
        return False
    problem = protocol_of(state.opening).problem
    return problem is not None and problem(hearing(name, state)) is not None


def _asked_for(before: World, recorded: Recorded, parent: Boundary) -> Send | None:
    """Return the command by which the entity that needs a session had it opened."""
    match parent.kind:
        case "session":
            asked = SESSIONS.react(
                parent.entity, before.session(parent.entity), recorded.recorded_ns
            )
        case "variable":
            asked = VARIABLES.react(
                parent.entity, before.variable(parent.entity), recorded.recorded_ns
            )
        case _:
            return None
    sends = (send for send in asked.send if isinstance(send.command, OpenSession))
    return next((send for send in sends if send.boundary == recorded.boundary), None)


def _sent(before: World, target: Boundary, event: Changed | Refused) -> Send | None:
    """Return the command by which the session's decision reached the variable."""
    state = before.session(event.session).state
    if state.decision is None or state.opening is None or state.decided_at != event.decided_at:
        return None
    result = dict(changes(state.opening, state.decision)).get(target.entity)
    if result is None:
        return None
    command = ApplyDecision(event.session, state.decided_at, result)
    return Send(state.decided_id, target, command)


def _expected(effects: Effects, boundary: Boundary) -> tuple[Append, Event] | None:
    for append in effects.append:
        for part in append.parts:
            if part.boundary == boundary:
                return append, part.events[0]
    return None


def _check_constraint(before: World, event: ConstraintChecked) -> Iterator[str]:
    # It is recorded together with the change, directly behind it.
    value = before.variable(event.variable).variable.state.value
    if value != event.value:
        yield f"checked {event.variable} = {event.value!r}, but its value is {value!r}"


def _check_certificate(before: World, session: str, decision: Decision) -> Iterator[str]:
    state = before.session(session).state
    if state.opening is None or not state.closed_at:
        yield "a session is decided that was not closed"
        return
    try:
        protocol_of(state.opening).verify(hearing(session, state), decision)
    except Rejected as refusal:
        yield str(refusal)
    except Exception as error:  # noqa: BLE001 - a forged certificate may hold what no check foresees
        yield f"the certificate cannot be checked: {error!r}"


def _is_decision(recorded: Recorded) -> bool:
    try:
        return any(isinstance(part.data, Decision) for part in recorded.parts)
    except CodecError:
        return False


def _shown(event: Event) -> str:
    return f"{type_of(event)} {msgspec.json.encode(event).decode()}"
