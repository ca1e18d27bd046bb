"""What the events of one variable come to."""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.core.actors import from_coordinator
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.subjects import check_name
from mabeam.core.variable.events import (
    Affirmed,
    Candidate,
    Changed,
    ConflictDetected,
    ConflictKind,
    ConflictResolved,
    Constrained,
    Declared,
    Proposed,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.shares import SharedType, check_claim, gives_up, is_shared
from mabeam.core.variable.types import Value, check_type, initial_value

__all__ = ["BLIND", "CONSTRAINTS_MAX", "OpenConflict", "VariableState", "claims_with", "evolve"]

CONSTRAINTS_MAX: Final = 64
"""How many constraints a variable bears; a change is recorded with a check on each of them."""

JUDGED_MAX: Final = 64
"""How many judged proposals are known again."""

BLIND: Final = -1
"""The base of a proposal that wants the value whatever has happened since."""


class OpenConflict(msgspec.Struct, frozen=True, gc=False):
    """A conflict on its way from detection to resolution.

    Attributes:
        id: Id of the conflict.
        event_id: Id of the latest event about it; what follows is caused by it.
        candidates: The values that compete.
        kind: What is at odds.
        against: Where the variable got the value that it had at the detection.
        correlation_id: The run that the conflict belongs to, and with it what follows.
        chosen: The policy that resolves it, once chosen.
        chosen_ns: When it was chosen, on the log's clock.
        session: Name of the session that it is referred to, if one.
        resolved: Whether ``value`` is what it came to.
        value: The value, once resolved.
        winner: Whose value it is; empty when merged.
    """

    id: str
    event_id: str
    candidates: tuple[Candidate, ...]
    kind: ConflictKind = ""
    against: int = 0
    correlation_id: str = ""
    chosen: Policy | None = None
    chosen_ns: int = 0
    session: str = ""
    resolved: bool = False
    value: Value = ""
    winner: str = ""


class VariableState(msgspec.Struct, frozen=True, gc=False):
    """A variable and what is still to be decided about it.

    Attributes:
        declaration: Its rules, or None before the declaration.
        value: What it is now; meaningless before the declaration.
        position: Where it got that value: the base for the next proposal.
        base: Which earlier position that value was built on.
        before: What it was there.
        standing: The proposals that the value was made of: all against ``base``, and where
            the value is shared the latest claim of each agent.
        pending: Proposals that nobody has judged yet, the oldest first.
        judged: Ids of the latest proposals judged, by which one that is recorded again is
            known for a repetition.
        conflict: The conflict being resolved, or None.
        constraints: Names of the constraints on it, sorted.
        changes: How often it has changed.
        decided_at: Position of the latest session decision applied or refused.
    """

    declaration: Declared | None = None
    value: Value = ""
    position: int = 0
    base: int = 0
    before: Value = ""
    standing: tuple[Candidate, ...] = ()
    pending: tuple[Candidate, ...] = ()
    judged: tuple[str, ...] = ()
    conflict: OpenConflict | None = None
    constraints: tuple[str, ...] = ()
    changes: int = 0
    decided_at: int = 0


def evolve(state: VariableState, recorded: Recorded) -> VariableState:
    """Apply one fact."""
    match recorded.data:
        case Declared() as event:
            return _declared(state, event, recorded)
        case Proposed() as event:
            return _proposed(state, event, recorded)
        case Constrained() as event:
            return _constrained(state, event)
        case _ if not from_coordinator(recorded):
            return state
        case Changed() as event if _is_next(state, event):
            return _changed(state, event, recorded)
        case Affirmed() as event if event.base == state.base:
            return _affirmed(state, event)
        case Refused() as event:
            return _refused(state, event)
        case (ConflictDetected() | ResolutionChosen() | ConflictResolved()) as event:
            return _conflicted(state, event, recorded)
        case _:
            return state


def _declared(state: VariableState, event: Declared, recorded: Recorded) -> VariableState:
    # The first declaration holds; a stray second one must not reset a value in use. One
    # that contradicts itself is none: no value would ever be of its type.
    if state.declaration is not None:
        return state
    try:
        check_type(event.type)
    except Rejected:
        return state
    return msgspec.structs.replace(
        state, declaration=event, value=initial_value(event.type), position=recorded.position
    )


def _constrained(state: VariableState, event: Constrained) -> VariableState:
    names = tuple(sorted({*state.constraints, event.constraint}))
    if len(names) > CONSTRAINTS_MAX:
        return state
    try:
        # Changes are recorded on the boundary of that name, so it must be one.
        check_name("entity", event.constraint)
    except Rejected:
        return state
    return msgspec.structs.replace(state, constraints=names)


def _proposed(state: VariableState, event: Proposed, recorded: Recorded) -> VariableState:
    known = (*state.pending, *state.standing)
    if recorded.id in state.judged or any(c.proposal == recorded.id for c in known):
        return state
    # Nothing stands before position 1, and only None may mean whatever has happened.
    base = BLIND if event.base is None else max(event.base, 0)
    candidate = Candidate(recorded.id, recorded.actor, event.value, recorded.position, base)
    return msgspec.structs.replace(state, pending=(*state.pending, candidate))


def _is_next(state: VariableState, event: Changed) -> bool:
    """Tell whether a change builds on the present; one that was recorded twice does not."""
    if event.conflict:
        return state.conflict is not None and state.conflict.id == event.conflict
    if event.merged:
        return event.base == state.base and _is_pending(state, event.proposal)
    return event.base == state.position


def _is_pending(state: VariableState, proposal: str) -> bool:
    return any(candidate.proposal == proposal for candidate in state.pending)


def _changed(state: VariableState, event: Changed, recorded: Recorded) -> VariableState:
    conflict = state.conflict
    if event.conflict and conflict is not None:
        # The resolved value answers to the same base, so that a third proposal from
        # there is set against all who spoke before it.
        standing, conflict = conflict.candidates, None
    else:
        standing = _standing(state, event)
    pending, judged = _settle(state, {candidate.proposal for candidate in standing})
    # What is built on the base of the present value has the same value before it.
    continues = event.merged or event.base == state.base
    return msgspec.structs.replace(
        state,
        value=event.value,
        position=recorded.position,
        base=event.base,
        before=state.before if continues else state.value,
        standing=standing,
        pending=pending,
        judged=judged,
        conflict=conflict,
        changes=state.changes + 1,
        decided_at=max(state.decided_at, event.decided_at),
    )


def _standing(state: VariableState, event: Changed) -> tuple[Candidate, ...]:
    """Return the proposals that a value is made of which follows from one, or from none."""
    mine = next((c for c in state.pending if c.proposal == event.proposal), None)
    if mine is None:
        return ()
    type_ = None if state.declaration is None else state.declaration.type
    if is_shared(type_):
        try:
            return claims_with(type_, state, mine)
        except Rejected:
            return ()
    word = msgspec.structs.replace(mine, base=event.base, value=event.value)
    if not event.merged:
        return (word,)
    # Each of them now stands for the parts of the others too, which it had not touched.
    merged = (msgspec.structs.replace(c, value=event.value) for c in state.standing)
    return (*merged, word)


def claims_with(
    type_: SharedType, state: VariableState, latest: Candidate
) -> tuple[Candidate, ...]:
    """Return the latest claim of each agent, a new one behind all others.

    Raises:
        Rejected: The new claim is none.
    """
    word = msgspec.structs.replace(latest, value=check_claim(type_, latest.value))
    others = (c for c in state.standing if c.by != latest.by and not gives_up(c.value))
    return (*others, word)


def _affirmed(state: VariableState, event: Affirmed) -> VariableState:
    mine = tuple(
        msgspec.structs.replace(c, base=event.base, value=state.value)
        for c in state.pending
        if c.proposal == event.proposal
    )
    pending, judged = _settle(state, {event.proposal})
    return msgspec.structs.replace(
        state, standing=(*state.standing, *mine), pending=pending, judged=judged
    )


def _settle(
    state: VariableState, settled: set[str]
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    pending = tuple(c for c in state.pending if c.proposal not in settled)
    now = (c.proposal for c in state.pending if c.proposal in settled)
    return pending, (*state.judged, *now)[-JUDGED_MAX:]


def _refused(state: VariableState, event: Refused) -> VariableState:
    settled = {event.proposal}
    conflict = state.conflict
    if conflict is not None and conflict.id == event.conflict:
        settled.update(candidate.proposal for candidate in conflict.candidates)
        conflict = None
    pending, judged = _settle(state, settled)
    return msgspec.structs.replace(
        state,
        pending=pending,
        judged=judged,
        conflict=conflict,
        decided_at=max(state.decided_at, event.decided_at),
    )


def _conflicted(
    state: VariableState,
    event: ConflictDetected | ResolutionChosen | ConflictResolved,
    recorded: Recorded,
) -> VariableState:
    match event:
        case ConflictDetected() if _is_new(state, event):
            conflict = OpenConflict(
                event.conflict,
                recorded.id,
                event.candidates,
                event.kind,
                state.position,
                recorded.envelope.correlationid,
            )
        case ResolutionChosen() if state.conflict and state.conflict.id == event.conflict:
            conflict = msgspec.structs.replace(
                state.conflict,
                event_id=recorded.id,
                chosen=event.chosen,
                chosen_ns=recorded.recorded_ns,
                session=event.session,
            )
        case ConflictResolved() if state.conflict and state.conflict.id == event.conflict:
            conflict = msgspec.structs.replace(
                state.conflict,
                event_id=recorded.id,
                resolved=True,
                value=event.value,
                winner=event.winner,
            )
        case _:
            return state
    return msgspec.structs.replace(state, conflict=conflict)


def _is_new(state: VariableState, event: ConflictDetected) -> bool:
    """Tell whether a conflict is about a proposal still to be judged; an old one is not."""
    latest = event.candidates[-1].proposal if event.candidates else ""
    return state.conflict is None and _is_pending(state, latest)
