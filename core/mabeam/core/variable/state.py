"""What the events of one variable come to."""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.core.actors import from_coordinator
from mabeam.core.envelope import Recorded
from mabeam.core.policies import Policy
from mabeam.core.variable.events import (
    Candidate,
    Changed,
    ConflictDetected,
    ConflictResolved,
    Constrained,
    Declared,
    Proposed,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.types import Value, initial_value

__all__ = ["BLIND", "CONSTRAINTS_MAX", "OpenConflict", "VariableState", "evolve"]

CONSTRAINTS_MAX: Final = 64
"""How many constraints a variable bears; a change is recorded with a check on each of them."""

BLIND: Final = -1
"""The base of a proposal that wants the value whatever has happened since."""


class OpenConflict(msgspec.Struct, frozen=True, gc=False):
    """A conflict on its way from detection to resolution.

    Attributes:
        id: Id of the conflict.
        event_id: Id of the latest event about it; what follows is caused by it.
        candidates: The values that compete.
        chosen: The policy that resolves it, once chosen.
        resolved: Whether ``value`` is what it came to.
        value: The value, once resolved.
        winner: Whose value it is; empty when merged.
    """

    id: str
    event_id: str
    candidates: tuple[Candidate, ...]
    chosen: Policy | None = None
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
        standing: The proposals that the value was made of, all against ``base``.
        pending: Proposals that nobody has judged yet, the oldest first.
        conflict: The conflict being resolved, or None.
        constraints: Names of the constraints on it, sorted.
        changes: How often it has changed.
        decided_at: Position of the latest session decision applied or refused.
    """

    declaration: Declared | None = None
    value: Value = ""
    position: int = 0
    base: int = 0
    standing: tuple[Candidate, ...] = ()
    pending: tuple[Candidate, ...] = ()
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
            names = tuple(sorted({*state.constraints, event.constraint}))
            return msgspec.structs.replace(state, constraints=names)
        case _ if not from_coordinator(recorded):
            return state
        case Changed() as event:
            return _changed(state, event, recorded)
        case Refused() as event:
            return _refused(state, event)
        case (ConflictDetected() | ResolutionChosen() | ConflictResolved()) as event:
            return _conflicted(state, event, recorded)
        case _:
            return state


def _declared(state: VariableState, event: Declared, recorded: Recorded) -> VariableState:
    # The first declaration holds; a stray second one must not reset a value in use.
    if state.declaration is not None:
        return state
    return msgspec.structs.replace(
        state, declaration=event, value=initial_value(event.type), position=recorded.position
    )


def _proposed(state: VariableState, event: Proposed, recorded: Recorded) -> VariableState:
    known = (*state.pending, *state.standing)
    if any(candidate.proposal == recorded.id for candidate in known):
        return state
    base = BLIND if event.base is None else event.base
    candidate = Candidate(recorded.id, recorded.actor, event.value, recorded.position, base)
    return msgspec.structs.replace(state, pending=(*state.pending, candidate))


def _changed(state: VariableState, event: Changed, recorded: Recorded) -> VariableState:
    if event.conflict:
        # The resolved value answers to the same base, so that a third proposal from
        # there is set against all who spoke before it.
        standing = state.conflict.candidates if state.conflict else ()
        settled = {candidate.proposal for candidate in standing}
    else:
        settled = {event.proposal}
        standing = tuple(
            msgspec.structs.replace(c, base=event.base)
            for c in state.pending
            if c.proposal == event.proposal
        )
    return msgspec.structs.replace(
        state,
        value=event.value,
        position=recorded.position,
        base=event.base,
        standing=standing,
        pending=tuple(c for c in state.pending if c.proposal not in settled),
        conflict=None if event.conflict else state.conflict,
        changes=state.changes + 1,
        decided_at=max(state.decided_at, event.decided_at),
    )


def _refused(state: VariableState, event: Refused) -> VariableState:
    settled = {event.proposal}
    conflict = state.conflict
    if conflict is not None and conflict.id == event.conflict:
        settled.update(candidate.proposal for candidate in conflict.candidates)
        conflict = None
    return msgspec.structs.replace(
        state,
        pending=tuple(c for c in state.pending if c.proposal not in settled),
        conflict=conflict,
        decided_at=max(state.decided_at, event.decided_at),
    )


def _conflicted(
    state: VariableState,
    event: ConflictDetected | ResolutionChosen | ConflictResolved,
    recorded: Recorded,
) -> VariableState:
    match event:
        case ConflictDetected():
            conflict = OpenConflict(event.conflict, recorded.id, event.candidates)
        case ResolutionChosen() if state.conflict and state.conflict.id == event.conflict:
            conflict = msgspec.structs.replace(
                state.conflict, event_id=recorded.id, chosen=event.chosen
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
