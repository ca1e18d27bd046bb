"""How variables are declared, and which proposals their rules allow."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from mabeam.core.decider import Decider, Entity
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.subjects import check_name
from mabeam.core.variable.constraint import ConstraintState
from mabeam.core.variable.events import Declared, UpdatePolicy, ViolationPolicy
from mabeam.core.variable.referral import check_policy
from mabeam.core.variable.shares import is_shared
from mabeam.core.variable.state import VariableState, evolve
from mabeam.core.variable.types import Value, VariableType, check_type, check_value, check_wish

__all__ = [
    "VARIABLE",
    "Declare",
    "VariableCommand",
    "VariableView",
    "check_change",
    "check_constraints",
    "check_proposal",
]


class Declare(msgspec.Struct, frozen=True):
    """Give a variable its rules. The same declaration again changes nothing."""

    type: VariableType
    update: UpdatePolicy = "last_writer"
    on_conflict: Policy | None = None
    scope: tuple[str, ...] = ()
    on_violation: ViolationPolicy = "refuse"


VariableCommand: TypeAlias = Declare


class VariableView(msgspec.Struct, frozen=True):
    """A variable together with the constraints on it.

    Attributes:
        variable: The variable.
        constraints: Each constraint on it, by name, sorted.
    """

    variable: Entity[VariableState]
    constraints: tuple[tuple[str, Entity[ConstraintState]], ...] = ()


def decide(command: VariableCommand, state: VariableState) -> tuple[Event, ...]:
    """Judge a declaration."""
    check_type(command.type)
    if command.on_conflict is not None:
        check_policy(command.on_conflict, command.type)
    elif command.on_violation == "resolve":
        raise Rejected(
            "variable.on_violation",
            "nothing says how to resolve it",
            field="on_violation",
            value=command.on_violation,
            allowed="refuse, or a policy in on_conflict",
        )
    for agent in command.scope:
        check_name("actor", agent, "scope")
    declared = Declared(
        type=command.type,
        update=command.update,
        on_conflict=command.on_conflict,
        scope=tuple(sorted(set(command.scope))),
        on_violation=command.on_violation,
    )
    if state.declaration is None:
        return (declared,)
    if state.declaration == declared:
        return ()
    raise Rejected(
        "variable.declared",
        "the variable is declared otherwise",
        field="declaration",
        value=declared,
        allowed=str(state.declaration),
    )


def check_proposal(name: str, view: VariableView, agent: str, value: object) -> Value:
    """Return a proposed value, or claim, in canonical form, or refuse it.

    Raises:
        Rejected: The variable is undeclared, only sessions change it, the agent is out of
            its scope, or the value breaks its type or a constraint, unless a broken
            constraint makes a conflict.
    """
    state = view.variable.state
    if state.declaration is None:
        raise Rejected("variable.undeclared", "no such variable", field="variable", value=name)
    if state.declaration.update == "coordinated":
        raise Rejected(
            "variable.coordinated",
            "only the decision of a session changes it",
            field="variable",
            value=name,
            allowed="open a session on it",
        )
    scope = state.declaration.scope
    if scope and agent not in scope:
        raise Rejected(
            "variable.out_of_scope",
            "the agent may not propose",
            field="agent",
            value=agent,
            allowed=", ".join(scope),
        )
    wish = check_wish(state.declaration.type, value, name)
    if state.declaration.on_violation == "refuse" and not is_shared(state.declaration.type):
        check_constraints(name, view, wish)
    return wish


def check_change(name: str, view: VariableView, value: object) -> Value:
    """Return a value in canonical form if type and constraints allow it.

    Raises:
        Rejected: The variable is undeclared, or the value breaks its type or a constraint.
    """
    state = view.variable.state
    if state.declaration is None:
        raise Rejected("variable.undeclared", "no such variable", field="variable", value=name)
    canonical = check_value(state.declaration.type, value, name)
    check_constraints(name, view, canonical)
    return canonical


def check_constraints(name: str, view: VariableView, value: Value) -> None:
    """Refuse a value that breaks a constraint on the variable.

    Raises:
        Rejected: It does.
    """
    for constraint, entity in view.constraints:
        entity.state.check(constraint, name, value)


VARIABLE: Decider[VariableCommand, VariableState] = Decider(VariableState(), decide, evolve)
