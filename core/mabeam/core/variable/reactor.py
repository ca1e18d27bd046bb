"""What follows from proposals, conflicts, decisions and sessions: the change of the variable.

One step at a time: judge the oldest proposal, or bring the open conflict one event
further. Each step is one event, compared and set on the variable's boundary, so any
number of coordinators may take it at once and one of them does.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mabeam.core.checking import DIGITS_MAX
from mabeam.core.commands import ApplyDecision, SessionEnded
from mabeam.core.errors import Rejected
from mabeam.core.reactor import NOTHING, Effects, Reactor, Send
from mabeam.core.variable.decider import VariableView, check_change
from mabeam.core.variable.events import Changed
from mabeam.core.variable.judging import CANDIDATES_MAX, judge
from mabeam.core.variable.recording import change, one, refusal_of
from mabeam.core.variable.resolving import advance, hear
from mabeam.core.variable.state import VariableState
from mabeam.core.variable.types import IntegerType, Value

__all__ = ["CANDIDATES_MAX", "VARIABLES", "ApplyDecision", "react", "receive"]


def react(name: str, view: VariableView, now_ns: int) -> Effects:
    """Return the next step for a variable."""
    state = view.variable.state
    if state.conflict is not None:
        return advance(name, view, state, state.conflict, now_ns)
    if state.pending:
        return judge(name, view, state, state.pending[0])
    return NOTHING


def receive(name: str, view: VariableView, send: Send) -> Effects:
    """Apply a session's decision, or take the end of one that a conflict was referred to."""
    match send.command:
        case ApplyDecision() as command:
            return _apply(name, view, send, command)
        case SessionEnded() as told:
            return hear(name, view, send, told)
        case _:
            return NOTHING


def _apply(name: str, view: VariableView, send: Send, command: ApplyDecision) -> Effects:
    """Let a decision become the value, unless a later one was applied before."""
    state = view.variable.state
    if command.decided_at <= state.decided_at:
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
        return change(name, view, send.cause, changed)
    except Rejected as refusal:
        refused = msgspec.structs.replace(
            refusal_of(refusal), session=command.session, decided_at=command.decided_at
        )
        return one(name, view, send.cause, refused)


def _of_type(state: VariableState, value: Decimal | str) -> Value:
    if isinstance(value, str):
        return value
    whole = state.declaration is not None and isinstance(state.declaration.type, IntegerType)
    # A short text such as 1e999999 would otherwise become an integer of a million digits.
    whole = whole and value.is_finite() and value.adjusted() <= DIGITS_MAX
    return int(value) if whole and value == int(value) else float(value)


VARIABLES: Reactor[VariableView] = Reactor("variables", "variable", react, receive)
