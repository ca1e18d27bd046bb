"""A constraint as an entity of the log: the one place where joint changes are ordered.

A change of a constrained variable is recorded together with a check on the boundary of
each of its constraints. Two changes that would break a constraint jointly therefore meet
on that boundary, and compare-and-set refuses the second.
"""

from __future__ import annotations

from typing import Final

import msgspec
from immutables import Map

from mabeam.core.actors import from_coordinator
from mabeam.core.decider import Entity
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event, event_type
from mabeam.core.reactor import Part
from mabeam.core.subjects import Boundary, check_name
from mabeam.core.variable.constraints import (
    Constraint,
    check_constraint,
    check_numbers,
    variables_of,
)
from mabeam.core.variable.events import Constrained
from mabeam.core.variable.state import CONSTRAINTS_MAX, VariableState
from mabeam.core.variable.types import Value

__all__ = [
    "CONSTRAINT_INITIAL",
    "ConstraintChecked",
    "ConstraintDeclared",
    "ConstraintState",
    "declare_constraint",
    "evolve_constraint",
]


@event_type("mabeam.constraint.declared.v1", kind="constraint")
class ConstraintDeclared(Event, frozen=True, kw_only=True):
    """Several variables are bound to each other from now on.

    Attributes:
        constraint: What must hold.
        values: The variables' values at that moment, which satisfy it.
    """

    constraint: Constraint
    values: dict[str, Value]


@event_type("mabeam.constraint.checked.v1", kind="constraint")
class ConstraintChecked(Event, frozen=True, kw_only=True):
    """A change of one variable was checked and recorded. Said by protocol code alone.

    Attributes:
        variable: Name of the variable.
        value: What it is now.
    """

    variable: str
    value: Value


class ConstraintState(msgspec.Struct, frozen=True, gc=False):
    """A constraint and the values it was last checked with.

    Attributes:
        constraint: What must hold; None before the declaration.
        values: The value of each variable it speaks of.
    """

    constraint: Constraint | None = None
    values: Map[str, Value] = Map()

    def check(self, name: str, variable: str, value: Value) -> None:
        """Refuse a new value of a variable if it breaks the constraint.

        Raises:
            Rejected: It does.
        """
        if self.constraint is not None:
            check_constraint(name, self.constraint, self.values.set(variable, value))


CONSTRAINT_INITIAL: Final = ConstraintState()


def evolve_constraint(state: ConstraintState, recorded: Recorded) -> ConstraintState:
    """Apply one fact."""
    match recorded.data:
        case ConstraintDeclared() as event if state.constraint is None:
            # Without all the values no change could ever be checked, nor recorded.
            if not event.values.keys() >= set(variables_of(event.constraint)):
                return state
            return ConstraintState(event.constraint, Map(event.values))
        case ConstraintChecked() as event if from_coordinator(recorded):
            return msgspec.structs.replace(
                state, values=state.values.set(event.variable, event.value)
            )
        case _:
            return state


def declare_constraint(
    name: str,
    constraint: Constraint,
    present: Entity[ConstraintState],
    variables: dict[str, Entity[VariableState]],
) -> tuple[Part, ...]:
    """Judge the declaration of a constraint; return what must be recorded together.

    Args:
        name: Name of the constraint.
        constraint: What must hold.
        present: What the log has under that name.
        variables: Each variable that the constraint speaks of.

    Raises:
        Rejected: Another constraint has the name or none can have it, a variable is
            undeclared or bears too many constraints, or the present values break this one.
    """
    check_name("entity", name, "constraint")
    check_numbers(constraint)
    if present.state.constraint == constraint:
        return ()
    if present.state.constraint is not None:
        raise Rejected(
            "constraint.declared", "another constraint has this name", field="name", value=name
        )
    values: dict[str, Value] = {}
    for variable in variables_of(constraint):
        entity = variables[variable]
        if entity.state.declaration is None:
            raise Rejected(
                "variable.undeclared", "no such variable", field="variable", value=variable
            )
        if len(entity.state.constraints) >= CONSTRAINTS_MAX:
            raise Rejected(
                "constraint.too_many",
                "the variable bears no more constraints",
                field="variable",
                value=variable,
                allowed=f"at most {CONSTRAINTS_MAX} constraints on each",
            )
        values[variable] = entity.state.value
    check_constraint(name, constraint, values)
    links = (
        Part(
            Boundary("variable", variable),
            variables[variable].position,
            (Constrained(constraint=name),),
        )
        for variable in values
    )
    declared = ConstraintDeclared(constraint=constraint, values=values)
    return (Part(Boundary("constraint", name), present.position, (declared,)), *links)
