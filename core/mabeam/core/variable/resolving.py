"""How an open conflict goes on to its end: every conflict ends.

A policy is chosen, it comes to a value, the value is applied: one event each. A policy may
refer the conflict to a session. Then its end is waited for, and if it ends without a result,
is overtaken, or does not end in time, the fallback that was declared with the policy is
chosen next. Fallbacks are nested in a declaration of finite size, so the last one decides.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.core.commands import OpenSession, SessionEnded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.ids import derived_id
from mabeam.core.policies import Policy
from mabeam.core.reactor import NOTHING, Effects, Send, Timer
from mabeam.core.subjects import Boundary
from mabeam.core.variable.decider import VariableView, check_change
from mabeam.core.variable.events import Changed, ConflictResolved, ResolutionChosen
from mabeam.core.variable.judging import stale
from mabeam.core.variable.recording import change, one, refusal_of
from mabeam.core.variable.referral import opening_for, settled_by
from mabeam.core.variable.state import OpenConflict, VariableState
from mabeam.core.variable.strategies import Referral, referral_by, resolve, shadows
from mabeam.core.variable.types import VariableType

__all__ = ["PATIENCE_NS", "advance", "hear"]

NAME_DIGITS: Final = 16
"""How many hexadecimal digits tell the sessions of conflicts apart."""

PATIENCE_NS: Final = 60_000_000_000
"""How long after its deadline the end of a session is still waited for."""


def advance(
    name: str, view: VariableView, state: VariableState, conflict: OpenConflict, now_ns: int
) -> Effects:
    """Bring an open conflict one event further."""
    try:
        return _proceed(name, view, state, conflict, now_ns)
    except Rejected as refusal:
        refused = msgspec.structs.replace(refusal_of(refusal), conflict=conflict.id)
        return one(name, view, conflict.event_id, refused)


def _proceed(
    name: str, view: VariableView, state: VariableState, conflict: OpenConflict, now_ns: int
) -> Effects:
    type_ = _type_of(name, state)
    if conflict.against != state.position:
        # A session has decided meanwhile; what was proposed before it must not undo that.
        raise stale(conflict.candidates[-1].base, state)
    if conflict.chosen is None:
        assert state.declaration is not None
        policy = state.declaration.on_conflict or Policy("priority")
        return one(name, view, conflict.event_id, _choice(type_, conflict, policy))
    if not conflict.resolved:
        return _resolve(name, view, type_, conflict, now_ns)
    changed = Changed(
        value=check_change(name, view, conflict.value),
        previous=state.value,
        # What breaks a constraint, or a claim, is not about what a former value was.
        base=state.base if conflict.candidates[-1].base == state.base else state.position,
        by=conflict.winner,
        conflict=conflict.id,
    )
    return change(name, view, conflict.event_id, changed)


def _type_of(name: str, state: VariableState) -> VariableType:
    if state.declaration is None:
        raise Rejected("variable.undeclared", "no such variable", field="variable", value=name)
    return state.declaration.type


def _choice(type_: VariableType, conflict: OpenConflict, policy: Policy) -> ResolutionChosen:
    """Choose a policy; of a declared one, nothing else was eligible."""
    referral = referral_by(policy, conflict.id, type_, conflict.candidates)
    return ResolutionChosen(
        conflict=conflict.id,
        chosen=policy,
        eligible=(policy,),
        propensities=("1",),
        shadows=shadows(policy, conflict.id, type_, conflict.candidates),
        session="" if referral is None else _session_name(conflict),
    )


def _session_name(conflict: OpenConflict) -> str:
    """Return a name that nobody could know before the conflict had come so far."""
    return f"conflict-{derived_id(conflict.event_id, 'session').replace('-', '')[:NAME_DIGITS]}"


def _fallback(
    type_: VariableType, conflict: OpenConflict, policy: Policy, decided_at: int = 0
) -> ResolutionChosen:
    return msgspec.structs.replace(
        _choice(type_, conflict, policy),
        chooser="fallback",
        follows=conflict.session,
        decided_at=decided_at,
    )


def _resolve(
    name: str, view: VariableView, type_: VariableType, conflict: OpenConflict, now_ns: int
) -> Effects:
    """Come to a value, or wait for the session that does."""
    policy = conflict.chosen
    assert policy is not None
    referral = referral_by(policy, conflict.id, type_, conflict.candidates)
    if referral is None:
        found = resolve(policy, conflict.id, type_, conflict.candidates)
        event = ConflictResolved(
            conflict=conflict.id, value=found.value, winner=found.winner, reason=found.reason
        )
        return one(name, view, conflict.event_id, event)
    try:
        return _refer(name, type_, conflict, referral, now_ns)
    except Rejected:
        fallback = _fallback(type_, conflict, referral.fallback)
        return one(name, view, conflict.event_id, fallback)


def _refer(
    name: str, type_: VariableType, conflict: OpenConflict, referral: Referral, now_ns: int
) -> Effects:
    """Have the session opened, as often as anybody looks, and wait for its end."""
    opening = opening_for(referral, name, type_, conflict.candidates)
    due_ns = conflict.chosen_ns + opening.open_for_ms * 1_000_000 + PATIENCE_NS
    if now_ns >= due_ns:
        raise Rejected("conflict.overdue", "the session has not ended in time")
    session = Boundary("session", conflict.session)
    return Effects(
        send=(Send(conflict.event_id, session, OpenSession(opening)),),
        schedule=(Timer(Boundary("variable", name), due_ns),),
    )


def hear(name: str, view: VariableView, send: Send, told: SessionEnded) -> Effects:
    """Take the end of the session that the open conflict was referred to."""
    state = view.variable.state
    conflict = state.conflict
    if conflict is None or conflict.chosen is None or state.declaration is None:
        return NOTHING
    if conflict.resolved or not conflict.session or told.session != conflict.session:
        return NOTHING
    type_ = state.declaration.type
    referral = referral_by(conflict.chosen, conflict.id, type_, conflict.candidates)
    if referral is None or conflict.against != state.position:
        return NOTHING
    event: Event
    try:
        event = _settled(type_, conflict, referral, told)
    except Rejected:
        event = _fallback(type_, conflict, referral.fallback, told.decided_at)
    try:
        return one(name, view, send.cause, event)
    except Rejected:
        # No log would take it, so there is no end before the time that is left to the session.
        return NOTHING


def _settled(
    type_: VariableType, conflict: OpenConflict, referral: Referral, told: SessionEnded
) -> ConflictResolved:
    if told.result is None:
        raise Rejected("conflict.no_result", "the session came to nothing", value=told.outcome)
    found = settled_by(referral, conflict.id, type_, conflict.candidates, told.result)
    return ConflictResolved(
        conflict=conflict.id,
        value=found.value,
        winner=found.winner,
        reason=found.reason,
        session=told.session,
        decided_at=told.decided_at,
    )
