"""What is recorded of a variable: one event, or a change together with its checks."""

from __future__ import annotations

from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.reactor import Append, Effects, Part, check_size
from mabeam.core.subjects import Boundary
from mabeam.core.variable.constraint import ConstraintChecked
from mabeam.core.variable.decider import VariableView
from mabeam.core.variable.events import Changed, Refused

__all__ = ["change", "one", "refusal_of"]


def refusal_of(refusal: Rejected) -> Refused:
    """Return a refusal as the log keeps it, still without what it is about."""
    return Refused(
        code=refusal.code,
        detail=refusal.detail,
        field=refusal.field,
        value=refusal.value,
        allowed=refusal.allowed,
    )


def one(name: str, view: VariableView, cause: str, event: Event, position: int = 0) -> Effects:
    """Record one event of a variable.

    Raises:
        Rejected: No log would take it.
    """
    check_size(event)
    part = Part(Boundary("variable", name), view.variable.position, (event,))
    return Effects(append=(Append(cause, (part,), position),))


def change(
    name: str, view: VariableView, cause: str, changed: Changed, position: int = 0
) -> Effects:
    """Record a change together with a check on each constraint, or nothing of it.

    Raises:
        Rejected: No log would take it.
    """
    check_size(changed)
    checks = (
        Part(
            Boundary("constraint", constraint),
            entity.position,
            (ConstraintChecked(variable=name, value=changed.value),),
        )
        for constraint, entity in view.constraints
    )
    changing = Part(Boundary("variable", name), view.variable.position, (changed,))
    return Effects(append=(Append(cause, (changing, *checks), position),))
