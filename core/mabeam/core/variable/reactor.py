"""What follows from proposals, conflicts and decisions: the change of the variable.

One step at a time: judge the oldest proposal, or bring the open conflict one event
further. Each step is one event, compared and set on the variable's boundary, so any
number of coordinators may take it at once and one of them does.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.numbers import exact
from mabeam.core.policies import Policy
from mabeam.core.reactor import NOTHING, Append, Effects, Part, Reactor, Send, check_size
from mabeam.core.subjects import Boundary
from mabeam.core.variable.constraint import ConstraintChecked
from mabeam.core.variable.decider import VariableView, check_change, check_proposal
from mabeam.core.variable.events import (
    Candidate,
    Changed,
    ConflictDetected,
    ConflictResolved,
    Features,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.state import BLIND, OpenConflict, VariableState
from mabeam.core.variable.strategies import resolve, shadows
from mabeam.core.variable.types import FloatType, IntegerType, Value

__all__ = ["CANDIDATES_MAX", "VARIABLES", "ApplyDecision", "react", "receive"]

CANDIDATES_MAX: Final = 64
"""How many proposals from one base may compete; more are refused, to bound the events."""


class ApplyDecision(msgspec.Struct, frozen=True):
    """Let a session's decision become the value.

    Attributes:
        session: Name of the session.
        decided_at: Position of its decision. Decisions apply in the order of the log.
        value: What was decided: a number as decimal, or a text such as a winner's name.
    """

    session: str
    decided_at: int
    value: Decimal | str


def react(name: str, view: VariableView, now_ns: int) -> Effects:  # noqa: ARG001 - no deadlines here
    """Return the next step for a variable."""
    state = view.variable.state
    if state.conflict is not None:
        return _advance(name, view, state, state.conflict)
    if state.pending:
        return _judge(name, view, state, state.pending[0])
    return NOTHING


def receive(name: str, view: VariableView, send: Send) -> Effects:
    """Apply a session's decision, unless a later one was applied before."""
    command, state = send.command, view.variable.state
    if not isinstance(command, ApplyDecision) or command.decided_at <= state.decided_at:
        return NOTHING
    try:
        value = check_change(name, view, _of_type(state, command.value))
        changed = Changed(
            value=value,
            previous=state.value,
            base=state.position,
            session=command.session,
            decided_at=command.decided_at,
        )
        return _change(name, view, send.cause, changed)
    except Rejected as refusal:
        refused = msgspec.structs.replace(
            _refusal(refusal), session=command.session, decided_at=command.decided_at
        )
        return _one(name, view, send.cause, refused)


def _of_type(state: VariableState, value: Decimal | str) -> Value:
    if isinstance(value, str):
        return value
    whole = state.declaration is not None and isinstance(state.declaration.type, IntegerType)
    return int(value) if whole and value == int(value) else float(value)


def _judge(name: str, view: VariableView, state: VariableState, oldest: Candidate) -> Effects:
    try:
        return _accept(name, view, state, oldest)
    except Rejected as refusal:
        refused = msgspec.structs.replace(_refusal(refusal), proposal=oldest.proposal, by=oldest.by)
        return _one(name, view, oldest.proposal, refused, oldest.position)


def _accept(name: str, view: VariableView, state: VariableState, oldest: Candidate) -> Effects:
    value = check_proposal(name, view, oldest.by, oldest.value)
    if oldest.base >= oldest.position:
        raise Rejected(
            "variable.base_ahead",
            "nobody had seen the base when this was proposed",
            field="base",
            value=oldest.base,
            allowed=f"below {oldest.position}",
        )
    if oldest.base in {BLIND, state.position}:
        changed = Changed(
            value=value,
            previous=state.value,
            base=state.position,
            proposal=oldest.proposal,
            by=oldest.by,
        )
        return _change(name, view, oldest.proposal, changed, oldest.position)
    contested = oldest.base == state.base and bool(state.standing)
    policy = None if state.declaration is None else state.declaration.on_conflict
    if contested and policy is not None and len(state.standing) < CANDIDATES_MAX:
        return _detect(name, view, state, msgspec.structs.replace(oldest, value=value))
    raise _stale(oldest.base, state)


def _stale(base: int, state: VariableState) -> Rejected:
    return Rejected(
        "variable.stale_base",
        "the variable has changed since; read it and propose again",
        field="base",
        value=base,
        allowed=str(state.position),
    )


def _detect(name: str, view: VariableView, state: VariableState, latest: Candidate) -> Effects:
    candidates = (*state.standing, latest)
    detected = ConflictDetected(
        conflict=latest.proposal,
        base=latest.base,
        candidates=candidates,
        features=_features(state, candidates),
    )
    return _one(name, view, latest.proposal, detected, latest.position)


def _features(state: VariableState, candidates: tuple[Candidate, ...]) -> Features:
    spread = ""
    if state.declaration is not None and isinstance(
        state.declaration.type, FloatType | IntegerType
    ):
        numbers = [exact(c.value) for c in candidates if isinstance(c.value, int | float)]
        spread = str(max(numbers) - min(numbers))
    return Features(
        schema=1,
        candidates=len(candidates),
        proposers=len({c.by for c in candidates}),
        distinct=len({msgspec.json.encode(c.value) for c in candidates}),
        spread=spread,
        staleness=candidates[-1].position - candidates[-1].base,
    )


def _advance(
    name: str, view: VariableView, state: VariableState, conflict: OpenConflict
) -> Effects:
    try:
        return _proceed(name, view, state, conflict)
    except Rejected as refusal:
        refused = msgspec.structs.replace(_refusal(refusal), conflict=conflict.id)
        return _one(name, view, conflict.event_id, refused)


def _proceed(
    name: str, view: VariableView, state: VariableState, conflict: OpenConflict
) -> Effects:
    if state.declaration is None:
        raise Rejected("variable.undeclared", "no such variable", field="variable", value=name)
    base = conflict.candidates[-1].base
    if base != state.base:
        # A session has decided meanwhile; what was proposed before it must not undo that.
        raise _stale(base, state)
    type_ = state.declaration.type
    if conflict.chosen is None:
        chosen = state.declaration.on_conflict or Policy("priority")
        event: Event = ResolutionChosen(
            conflict=conflict.id,
            chosen=chosen,
            eligible=(chosen,),
            propensities=("1",),
            shadows=shadows(chosen, conflict.id, type_, conflict.candidates),
        )
        return _one(name, view, conflict.event_id, event)
    if not conflict.resolved:
        found = resolve(conflict.chosen, conflict.id, type_, conflict.candidates)
        event = ConflictResolved(
            conflict=conflict.id, value=found.value, winner=found.winner, reason=found.reason
        )
        return _one(name, view, conflict.event_id, event)
    changed = Changed(
        value=check_change(name, view, conflict.value),
        previous=state.value,
        base=state.base,
        by=conflict.winner,
        conflict=conflict.id,
    )
    return _change(name, view, conflict.event_id, changed)


def _refusal(refusal: Rejected) -> Refused:
    return Refused(
        code=refusal.code,
        detail=refusal.detail,
        field=refusal.field,
        value=refusal.value,
        allowed=refusal.allowed,
    )


def _one(name: str, view: VariableView, cause: str, event: Event, position: int = 0) -> Effects:
    check_size(event)
    part = Part(Boundary("variable", name), view.variable.position, (event,))
    return Effects(append=(Append(cause, (part,), position),))


def _change(
    name: str, view: VariableView, cause: str, changed: Changed, position: int = 0
) -> Effects:
    check_size(changed)
    checks = (
        Part(
            Boundary("constraint", constraint),
            entity.position,
            (ConstraintChecked(variable=name, value=changed.value),),
        )
        for constraint, entity in view.constraints
    )
    change = Part(Boundary("variable", name), view.variable.position, (changed,))
    return Effects(append=(Append(cause, (change, *checks), position),))


VARIABLES: Reactor[VariableView] = Reactor("variables", "variable", react, receive)
