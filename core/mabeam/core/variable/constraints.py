"""Constraints across variables: what several values must satisfy together."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact
from mabeam.core.variable.types import Value

__all__ = [
    "Condition",
    "Constraint",
    "Implies",
    "Linear",
    "check_constraint",
    "check_numbers",
    "variables_of",
]

Relation: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
_RELATIONS: Final[dict[Relation, Callable[[Fraction, Fraction], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ORDERED: Final = frozenset({"<", "<=", ">", ">="})


class Linear(msgspec.Struct, frozen=True, tag="linear"):
    """A weighted sum of numbers stands in a relation to a bound.

    Attributes:
        weights: Factor of each variable.
        relation: How the sum stands to the bound.
        bound: The other side.
    """

    weights: dict[str, int | float]
    relation: Relation
    bound: int | float


class Condition(msgspec.Struct, frozen=True):
    """One variable stands in a relation to a value.

    Attributes:
        variable: Name of the variable.
        relation: How it stands to the value.
        value: The other side.
    """

    variable: str
    relation: Relation
    value: bool | int | float | str


class Implies(msgspec.Struct, frozen=True, tag="implies"):
    """When all conditions of ``when`` hold, all of ``then`` must hold.

    Attributes:
        when: The conditions that call for the others.
        then: The conditions called for.
    """

    when: tuple[Condition, ...]
    then: tuple[Condition, ...]


Constraint: TypeAlias = Linear | Implies


def variables_of(constraint: Constraint) -> tuple[str, ...]:
    """Return the variables a constraint speaks of, sorted."""
    if isinstance(constraint, Linear):
        return tuple(sorted(constraint.weights))
    return tuple(sorted({c.variable for c in (*constraint.when, *constraint.then)}))


def check_numbers(constraint: Constraint) -> None:
    """Refuse a constraint that cannot be written.

    Raises:
        Rejected: A number in it is infinite or none at all.
    """
    if isinstance(constraint, Linear):
        numbers: list[object] = [*constraint.weights.values(), constraint.bound]
    else:
        numbers = [condition.value for condition in (*constraint.when, *constraint.then)]
    for number in numbers:
        if isinstance(number, float):
            exact(number)


def check_constraint(name: str, constraint: Constraint, values: Mapping[str, Value]) -> None:
    """Refuse values that break a constraint.

    Raises:
        Rejected: They do; the error shows the values and the constraint.
    """
    if _holds(constraint, values):
        return
    shown = ", ".join(f"{v} = {values[v]!r}" for v in variables_of(constraint))
    raise Rejected(
        "constraint.violated",
        "values break a constraint",
        field=f"constraint {name}",
        value=shown,
        allowed=_text(constraint),
    )


def _holds(constraint: Constraint, values: Mapping[str, Value]) -> bool:
    if isinstance(constraint, Linear):
        total = sum(
            (
                exact(weight) * exact(_number(name, values[name]))
                for name, weight in constraint.weights.items()
            ),
            Fraction(0),
        )
        return _stands(total, constraint.relation, exact(constraint.bound))
    if not all(_met(condition, values) for condition in constraint.when):
        return True
    return all(_met(condition, values) for condition in constraint.then)


def _met(condition: Condition, values: Mapping[str, Value]) -> bool:
    left, right = values[condition.variable], condition.value
    if condition.relation in ORDERED:
        return _stands(
            exact(_number(condition.variable, left)),
            condition.relation,
            exact(_number("value", right)),
        )
    # Python holds True and 1 to be equal; JSON and its other readers do not.
    same = left == right and isinstance(left, bool) == isinstance(right, bool)
    return same == (condition.relation == "==")


def _number(name: str, value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(
            "constraint.no_number",
            "only numbers can be added or ordered",
            field=name,
            value=value,
            allowed="a number",
        )
    return value


def _stands(left: Fraction, relation: Relation, right: Fraction) -> bool:
    return _RELATIONS[relation](left, right)


def _text(constraint: Constraint) -> str:
    if isinstance(constraint, Linear):
        total = " + ".join(f"{weight} * {name}" for name, weight in constraint.weights.items())
        return f"{total} {constraint.relation} {constraint.bound}"
    when = " and ".join(f"{c.variable} {c.relation} {c.value}" for c in constraint.when)
    then = " and ".join(f"{c.variable} {c.relation} {c.value}" for c in constraint.then)
    return f"{then} whenever {when}"
