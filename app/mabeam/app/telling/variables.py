"""What events of variables and constraints say, as half a sentence after the actor."""

from __future__ import annotations

from functools import singledispatch
from typing import Final

from mabeam.app.telling.words import (
    because,
    constraint_in_words,
    joined,
    policy_in_words,
    shown,
    type_in_words,
)
from mabeam.core.events import Event
from mabeam.core.variable.constraint import ConstraintChecked, ConstraintDeclared
from mabeam.core.variable.events import (
    Affirmed,
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
from mabeam.core.variable.types import initial_value

__all__ = ["of_variable"]

_AT_ODDS: Final[dict[ConflictKind, str]] = {
    "constraint_violation": "a broken constraint",
    "oversubscribed": "an over-subscription",
    "temporal_clash": "a clash",
}


@singledispatch
def of_variable(event: Event, name: str) -> str:  # noqa: ARG001 - the forms below use them
    """Return what an event says of the variable or constraint of a name, else nothing."""
    return ""


@of_variable.register
def _(event: Declared, name: str) -> str:
    words = (
        f"declares {name}: {type_in_words(event.type)}, at first {shown(initial_value(event.type))}"
    )
    if event.update == "coordinated":
        words += "; only sessions change it"
    if event.on_violation == "resolve":
        words += "; what breaks a constraint is a conflict"
    if event.on_conflict is not None:
        words += f"; conflicts go by {policy_in_words(event.on_conflict)}"
    return words


@of_variable.register
def _(event: Constrained, name: str) -> str:
    return f"binds {name} by the constraint {event.constraint}"


@of_variable.register
def _(event: Proposed, name: str) -> str:
    return f"wants {name} = {shown(event.value)}{because(event.reason)}"


@of_variable.register
def _(event: Changed, name: str) -> str:
    if event.session:
        why = f"decided by {event.session}"
    elif event.conflict:
        why = "the conflict is settled"
    elif event.merged:
        why = f"with the parts that {event.by} has proposed"
    else:
        why = f"proposed by {event.by}"
    return f"changes {name} from {shown(event.previous)} to {shown(event.value)}, {why}"


@of_variable.register
def _(event: Refused, name: str) -> str:
    whose = event.by or event.session or "the resolution"
    what = f"{event.field} = {event.value}" if event.field else f"{name}: {event.detail}"
    allowed = f", allowed: {event.allowed}" if event.allowed else ""
    return f"refuses {whose}: {what}{allowed}"


@of_variable.register
def _(event: Affirmed, name: str) -> str:
    return f"finds that {name} is already what {event.by} wants"


@of_variable.register
def _(event: ConflictDetected, name: str) -> str:
    sides = [f"{candidate.by or 'now'} {shown(candidate.value)}" for candidate in event.candidates]
    told = f", {event.detail}" if event.detail else f", from position {event.base}"
    what = _AT_ODDS.get(event.kind, "a conflict")
    return f"sees {what} over {name}: {joined(sides, 'against')}{told}"


@of_variable.register
def _(event: ResolutionChosen, name: str) -> str:
    where = f", in the session {event.session}" if event.session else ""
    since = f", as {event.follows} has come to nothing" if event.follows else ""
    by = policy_in_words(event.chosen)
    return f"resolves the conflict over {name} by {by}{where}{since}"


@of_variable.register
def _(event: ConflictResolved, name: str) -> str:
    whose = f", as {event.winner} wants" if event.winner else ""
    whose += f", as the session {event.session} has decided" if event.session else ""
    return f"comes to {name} = {shown(event.value)}{whose}{because(event.reason)}"


@of_variable.register
def _(event: ConstraintDeclared, name: str) -> str:
    return f"declares {name}: {constraint_in_words(event.constraint)}"


@of_variable.register
def _(event: ConstraintChecked, name: str) -> str:
    return f"finds {name} kept by {event.variable} = {shown(event.value)}"
