"""Constraint optimisation: variables of agents, tables of costs, and what an assignment costs.

A constraint gives a cost to each combination of values of the variables in its scope, or
forbids it. An assignment is judged by how many constraints it breaks, and only then by the sum
of its costs. Both are one whole number inside: costs in millionths, and for each broken
constraint a penalty greater than all costs together can differ. So every comparison is exact.

The model is that of Modi, Shen, Tambe and Yokoo, "ADOPT: asynchronous distributed constraint
optimization with quality guarantees" (Artificial Intelligence 161, 2005).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.numbers import to_decimal

__all__ = [
    "ARITY_MAX",
    "COST_MAX",
    "DOMAIN_MAX",
    "PLACES",
    "TABLE_CELLS_MAX",
    "Assigned",
    "Constraint",
    "Objective",
    "Problem",
    "Table",
    "Variable",
    "check_constraint",
    "check_variables",
    "problem_of",
]

Objective: TypeAlias = Literal["min", "max"]

PLACES: Final = 6
"""How many decimal places a cost may have."""
COST_MAX: Final = 10**12
"""How large a cost may be, whatever its sign."""
DOMAIN_MAX: Final = 64
"""How many values a variable may have to choose from."""
ARITY_MAX: Final = 6
"""How many variables a constraint may be about."""
TABLE_CELLS_MAX: Final = 4096
"""How many combinations of values one constraint may list."""
NAME_LENGTH_MAX: Final = 64
_SCALE: Final = 10**PLACES
_COMPILED_KEPT: Final = 64


class Variable(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something to be chosen by one agent.

    Attributes:
        name: Its name in the problem.
        domain: The values it may take, none twice.
        agent: Who chooses it.
        initial: Where local search begins; the first value of the domain if empty.
        changes: The variable of the space that takes the value decided, or empty.
        is_number: Whether the values are numbers, and change the variable of the space as such.
    """

    name: str
    domain: tuple[str, ...]
    agent: str
    initial: str = ""
    changes: str = ""
    is_number: bool = False


class Constraint(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What each combination of values of some variables costs.

    Attributes:
        scope: Names of the variables, none twice.
        costs: One for each combination, those of the last variable next to each other; None
            where the combination is forbidden.
        name: For people.
    """

    scope: tuple[str, ...]
    costs: tuple[Decimal | None, ...]
    name: str = ""


class Assigned(msgspec.Struct, frozen=True, gc=False):
    """A variable of the problem and its value."""

    variable: str
    value: str


class Table(msgspec.Struct, frozen=True, gc=False):
    """A constraint in whole numbers.

    Attributes:
        scope: Numbers of the variables.
        costs: One for each combination, the least is best; a forbidden one costs the penalty.
    """

    scope: tuple[int, ...]
    costs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in whole numbers: minimise the sum of the tables.

    Attributes:
        variables: As declared; a variable's number is its place here.
        sizes: How many values each variable has.
        tables: One for each constraint, in their order.
        touching: For each variable, the numbers of the tables with it in their scope.
        penalty: What each broken constraint counts.
        low: The least that costs without penalties can sum to, or less.
        high: The most that costs without penalties can sum to, or more.
        sign: -1 where the greatest sum is sought, else 1.
    """

    variables: tuple[Variable, ...]
    sizes: tuple[int, ...]
    tables: tuple[Table, ...]
    touching: tuple[tuple[int, ...], ...]
    penalty: int
    low: int
    high: int
    sign: int

    def total(self, values: Sequence[int]) -> int:
        """Return what an assignment costs, penalties included."""
        return sum(self.cost(number, values) for number in range(len(self.tables)))

    def cost(self, number: int, values: Sequence[int]) -> int:
        """Return what one table charges for an assignment."""
        table = self.tables[number]
        cell = 0
        for variable in table.scope:
            cell = cell * self.sizes[variable] + values[variable]
        return table.costs[cell]

    def violations(self, total: int) -> int:
        """Return how many constraints an assignment of that total breaks."""
        return (total - self.low) // self.penalty

    def shown(self, total: int) -> Decimal:
        """Return the sum of the costs, without penalties, in the declared units and sense."""
        return self.units(self.sign * (total - self.violations(total) * self.penalty))

    def units(self, number: int) -> Decimal:
        """Return a whole number of millionths as a decimal."""
        return to_decimal(Fraction(number, _SCALE), PLACES)

    def initial(self) -> tuple[int, ...]:
        """Return the assignment with which local search begins."""
        return tuple(v.domain.index(v.initial) if v.initial else 0 for v in self.variables)

    def assigned(self, values: Sequence[int]) -> tuple[Assigned, ...]:
        """Return an assignment by names."""
        pairs = zip(self.variables, values, strict=True)
        return tuple(Assigned(variable.name, variable.domain[value]) for variable, value in pairs)

    def neighbours(self, variable: int) -> frozenset[int]:
        """Return the variables that share a constraint with one."""
        near = (self.tables[number].scope for number in self.touching[variable])
        return frozenset(other for scope in near for other in scope) - {variable}


def check_variables(variables: Sequence[Variable]) -> None:
    """Refuse variables among which no assignment can be made.

    Raises:
        Rejected: A name or a value stands twice, or a domain is empty, too large, or without
            the initial value.
    """
    names = [variable.name for variable in variables]
    if len(set(names)) != len(names) or not all(0 < len(n) <= NAME_LENGTH_MAX for n in names):
        allowed = f"1 to {NAME_LENGTH_MAX} characters, each once"
        raise _refusal("optimisation.variables", "variables", names, allowed)
    for variable in variables:
        field, domain = f"domain of {variable.name}", variable.domain
        if not 1 <= len(domain) <= DOMAIN_MAX or len(set(domain)) != len(domain):
            allowed = f"1 to {DOMAIN_MAX} values, none twice"
            raise _refusal("optimisation.domain", field, domain, allowed)
        if not all(0 < len(value) <= NAME_LENGTH_MAX for value in domain):
            allowed = f"texts of 1 to {NAME_LENGTH_MAX} characters"
            raise _refusal("optimisation.domain", field, domain, allowed)
        if variable.initial and variable.initial not in domain:
            initial = f"initial of {variable.name}"
            raise _refusal("optimisation.initial", initial, variable.initial, ", ".join(domain))


def check_constraint(sizes: Mapping[str, int], constraint: Constraint) -> None:
    """Refuse a constraint that does not fit the variables.

    Args:
        sizes: How many values each variable has, by name.
        constraint: What each combination costs.

    Raises:
        Rejected: The scope is no set of one to six known variables, a cost is missing or one
            too many, or a cost is too large or too fine.
    """
    scope, costs = constraint.scope, constraint.costs
    if len(constraint.name) > NAME_LENGTH_MAX:
        allowed = f"at most {NAME_LENGTH_MAX} characters"
        raise _refusal("optimisation.name", "name", constraint.name, allowed)
    if not 1 <= len(scope) <= ARITY_MAX or len(set(scope)) != len(scope):
        allowed = f"1 to {ARITY_MAX} variables, none twice"
        raise _refusal("optimisation.scope", "scope", scope, allowed)
    unknown = [name for name in scope if name not in sizes]
    if unknown:
        raise _refusal("optimisation.scope", "scope", unknown, ", ".join(sizes))
    cells = prod(sizes[name] for name in scope)
    if len(costs) != cells or cells > TABLE_CELLS_MAX:
        allowed = f"{cells}, and at most {TABLE_CELLS_MAX}"
        raise _refusal("optimisation.costs", f"costs of {'-'.join(scope)}", len(costs), allowed)
    for cost in costs:
        if cost is not None and not _is_reckonable(cost):
            allowed = f"-{COST_MAX} to {COST_MAX} with at most {PLACES} places"
            raise _refusal("optimisation.cost", f"costs of {'-'.join(scope)}", cost, allowed)


def _is_reckonable(cost: Decimal) -> bool:
    exponent = cost.as_tuple().exponent
    # The exponent first: 1e999999 as a whole number has a million digits.
    if not isinstance(exponent, int) or exponent < -PLACES or cost.adjusted() > len(str(COST_MAX)):
        return False
    return -COST_MAX <= cost <= COST_MAX


@lru_cache(maxsize=_COMPILED_KEPT)
def problem_of(
    variables: tuple[Variable, ...],
    constraints: tuple[Constraint, ...],
    objective: Objective = "min",
) -> Problem:
    """Return a checked problem in whole numbers."""
    sign = 1 if objective == "min" else -1
    numbers = {variable.name: number for number, variable in enumerate(variables)}
    rows = [
        [None if cost is None else sign * _millionths(cost) for cost in constraint.costs]
        for constraint in constraints
    ]
    # A forbidden combination costs nothing but the penalty.
    lows = [min(0 if cost is None else cost for cost in row) for row in rows]
    highs = [max(0 if cost is None else cost for cost in row) for row in rows]
    penalty = sum(highs) - sum(lows) + _SCALE
    tables = tuple(
        Table(
            tuple(numbers[name] for name in constraint.scope),
            tuple(penalty if cost is None else cost for cost in row),
        )
        for constraint, row in zip(constraints, rows, strict=True)
    )
    touching: list[list[int]] = [[] for _ in variables]
    for number, table in enumerate(tables):
        for variable in table.scope:
            touching[variable].append(number)
    return Problem(
        variables=variables,
        sizes=tuple(len(variable.domain) for variable in variables),
        tables=tables,
        touching=tuple(map(tuple, touching)),
        penalty=penalty,
        low=sum(lows),
        high=sum(highs),
        sign=sign,
    )


def _millionths(cost: Decimal) -> int:
    numerator, denominator = cost.as_integer_ratio()
    return numerator * _SCALE // denominator


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(code, "no such problem", field=field, value=value, allowed=allowed)
