"""Exact optimisation by eliminating one variable after the other, and bounds where it is too wide.

Bucket elimination (Dechter, "Bucket elimination: a unifying framework for reasoning",
Artificial Intelligence 113, 1999) joins the tables that mention a variable, keeps for each
combination of the others the least sum, and goes on with that as a new table, the message.
Along a pseudo-tree of agents the messages are the UTIL messages of DPOP (Petcu and Faltings,
"A scalable method for multiagent constraint optimization", IJCAI 2005). It takes time and room
exponential in the induced width of the order, which is therefore looked at first.

Where a joined table would be too large, its parts are joined in several smaller ones (mini-bucket
elimination: Dechter and Rish, "Mini-buckets: a general scheme for bounded inference", Journal of
the ACM 50, 2003). What comes out then is no longer the optimum but a bound on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Final, TypeAlias

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.optimisation.model import Problem

__all__ = [
    "CELLS_MAX",
    "Cluster",
    "Elimination",
    "Plan",
    "Planned",
    "Size",
    "TieKey",
    "bounded_plan",
    "eliminate",
    "fits",
    "induced_width",
    "min_fill_order",
    "plan",
    "solve",
]

TieKey: TypeAlias = Callable[[int, int], bytes]
"""Orders the values of a variable that are equally good, from the numbers of both."""

CELLS_MAX: Final = 1_000_000
"""How many combinations an exact elimination may look at altogether, if nothing else is said."""


class Planned(msgspec.Struct, frozen=True):
    """Tables to be joined, and the variable to be eliminated from what they come to.

    Attributes:
        variable: Number of the variable.
        tables: Numbers of constraints that go in.
        messages: Numbers of earlier clusters whose messages go in.
        scope: Numbers of the variables of its message, ascending.
    """

    variable: int
    tables: tuple[int, ...]
    messages: tuple[int, ...]
    scope: tuple[int, ...]


class Plan(msgspec.Struct, frozen=True):
    """An elimination before it is done.

    Attributes:
        order: The variables in the order of their elimination.
        clusters: What is joined, in order.
        width: Induced width of the order.
        cells: How many combinations are looked at.
        message_cells: How many numbers all messages have.
        is_exact: Whether all tables of each variable are joined in one.
    """

    order: tuple[int, ...]
    clusters: tuple[Planned, ...]
    width: int
    cells: int
    message_cells: int
    is_exact: bool


class Cluster(msgspec.Struct, frozen=True):
    """A cluster of a plan, with the least sums that it passes on.

    Attributes:
        planned: What goes in, and the scope of the message.
        costs: The message, one number for each combination of its scope.
    """

    planned: Planned
    costs: tuple[int, ...]


class Elimination(msgspec.Struct, frozen=True):
    """What an elimination found.

    Attributes:
        plan: What was done.
        clusters: The messages.
        bound: No assignment costs less.
        values: The assignment that the messages lead to; an optimal one if the plan is exact.
    """

    plan: Plan
    clusters: tuple[Cluster, ...]
    bound: int
    values: tuple[int, ...]


class Size(msgspec.Struct, frozen=True):
    """How much an elimination may take.

    Attributes:
        cells: How many combinations it may look at.
        message_cells: How many numbers its messages may have.
    """

    cells: int = CELLS_MAX
    message_cells: int = CELLS_MAX


def min_fill_order(problem: Problem) -> tuple[int, ...]:
    """Return an order of elimination: next is always the one that joins fewest new pairs.

    Equals are parted by their number of neighbours, then by their number. Variables of one
    value, which make no message smaller, stand at the end.
    """
    near = _adjacency(problem)
    left = set(range(len(near)))
    order: list[int] = []
    while left:
        best = min(
            left,
            key=lambda one: (
                problem.sizes[one] == 1,
                _fill(near, one),
                near[one].bit_count(),
                one,
            ),
        )
        order.append(best)
        left.remove(best)
        _take_out(near, best)
    return tuple(order)


def induced_width(problem: Problem, order: Sequence[int]) -> int:
    """Return the greatest number of neighbours that a variable has when it is eliminated."""
    near = _adjacency(problem)
    width = 0
    for one in order:
        width = max(width, near[one].bit_count())
        _take_out(near, one)
    return width


def _adjacency(problem: Problem) -> list[int]:
    """Return the neighbours of each variable as the bits of a number."""
    return [
        sum(1 << other for other in problem.neighbours(one)) for one in range(len(problem.sizes))
    ]


def _bits(number: int) -> list[int]:
    found: list[int] = []
    while number:
        low = number & -number
        found.append(low.bit_length() - 1)
        number ^= low
    return found


def _fill(near: Sequence[int], one: int) -> int:
    around = near[one]
    # Each pair is counted from both of its ends, and each end once with itself.
    return sum((around & ~near[other]).bit_count() - 1 for other in _bits(around)) // 2


def _take_out(near: list[int], one: int) -> None:
    around = near[one]
    for other in _bits(around):
        near[other] = (near[other] | around) & ~(1 << other | 1 << one)


def plan(problem: Problem, order: Sequence[int], cluster_cells_max: int | None = None) -> Plan:
    """Plan an elimination without doing it.

    Args:
        problem: What is to be minimised.
        order: In which order the variables are eliminated.
        cluster_cells_max: How many combinations one joined table may have; without it, any
            number. A table that is larger already is left alone.
    """
    scopes = [frozenset(table.scope) for table in problem.tables]
    waiting = list(range(len(scopes)))
    count = len(scopes)
    clusters: list[Planned] = []
    is_exact = True
    for variable in order:
        mentioned = [number for number in waiting if variable in scopes[number]]
        waiting = [number for number in waiting if variable not in scopes[number]]
        groups = _grouped(problem, scopes, mentioned, cluster_cells_max)
        is_exact = is_exact and len(groups) <= 1
        for group in groups:
            scope = frozenset[int]().union(*(scopes[number] for number in group)) - {variable}
            tables = tuple(number for number in group if number < count)
            messages = tuple(number - count for number in group if number >= count)
            clusters.append(Planned(variable, tables, messages, tuple(sorted(scope))))
            waiting.append(len(scopes))
            scopes.append(scope)
    rooms = [prod(problem.sizes[one] for one in cluster.scope) for cluster in clusters]
    return Plan(
        order=tuple(order),
        clusters=tuple(clusters),
        width=induced_width(problem, order),
        cells=sum(
            room * problem.sizes[cluster.variable]
            for room, cluster in zip(rooms, clusters, strict=True)
        ),
        message_cells=sum(rooms),
        is_exact=is_exact,
    )


def _grouped(
    problem: Problem,
    scopes: Sequence[frozenset[int]],
    numbers: Sequence[int],
    cells_max: int | None,
) -> list[list[int]]:
    """Put tables into as few groups as the limit allows, the widest first."""
    groups: list[tuple[frozenset[int], list[int]]] = []
    for number in sorted(numbers, key=lambda one: (-len(scopes[one]), one)):
        for place, (scope, group) in enumerate(groups):
            union = scope | scopes[number]
            cells = prod(problem.sizes[one] for one in union)
            if cells_max is None or union == scope or cells <= cells_max:
                groups[place] = (union, [*group, number])
                break
        else:
            groups.append((scopes[number], [number]))
    return [sorted(group) for _, group in groups]


def eliminate(problem: Problem, planned: Plan, tie_key: TieKey | None = None) -> Elimination:
    """Do a planned elimination.

    Args:
        problem: What is to be minimised.
        planned: The plan.
        tie_key: Orders the values of a variable that are equally good, from their numbers; the
            least is taken. Without it, the first of the domain.
    """
    clusters: list[Cluster] = []
    bound = 0
    for cluster in planned.clusters:
        joined = _joined(problem, clusters, cluster)
        size = problem.sizes[cluster.variable]
        costs = tuple(min(joined[at : at + size]) for at in range(0, len(joined), size))
        clusters.append(Cluster(cluster, costs))
        if not cluster.scope:
            bound += costs[0]
    values = _decoded(problem, planned, clusters, tie_key)
    return Elimination(planned, tuple(clusters), bound, values)


def _joined(problem: Problem, clusters: Sequence[Cluster], cluster: Planned) -> list[int]:
    """Return the sum of all that goes in, the values of the variable next to each other."""
    scope = (*cluster.scope, cluster.variable)
    joined = [0] * prod(problem.sizes[one] for one in scope)
    for inner, costs in _inputs(problem, clusters, cluster):
        strides = _strides(problem, inner)
        cells = [0]
        for one in scope:
            stride, size = strides.get(one, 0), problem.sizes[one]
            cells = [cell + stride * value for cell in cells for value in range(size)]
        joined = [total + costs[cell] for total, cell in zip(joined, cells, strict=True)]
    return joined


def _inputs(
    problem: Problem, clusters: Sequence[Cluster], cluster: Planned
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    tables = [(problem.tables[n].scope, problem.tables[n].costs) for n in cluster.tables]
    return tables + [(clusters[n].planned.scope, clusters[n].costs) for n in cluster.messages]


def _strides(problem: Problem, scope: Sequence[int]) -> dict[int, int]:
    strides: dict[int, int] = {}
    stride = 1
    for one in reversed(scope):
        strides[one] = stride
        stride *= problem.sizes[one]
    return strides


def _decoded(
    problem: Problem,
    planned: Plan,
    clusters: Sequence[Cluster],
    tie_key: TieKey | None,
) -> tuple[int, ...]:
    """Choose the values against the order, each for the best given those chosen before it."""
    values = [0] * len(problem.sizes)
    of_variable: dict[int, list[Planned]] = {}
    for cluster in planned.clusters:
        of_variable.setdefault(cluster.variable, []).append(cluster)
    for variable in reversed(planned.order):
        sums = [0] * problem.sizes[variable]
        for cluster in of_variable.get(variable, ()):
            for scope, costs in _inputs(problem, clusters, cluster):
                strides = _strides(problem, scope)
                base = sum(strides[one] * values[one] for one in scope if one != variable)
                for value in range(len(sums)):
                    sums[value] += costs[base + strides[variable] * value]
        least = min(sums)
        equals = [value for value, total in enumerate(sums) if total == least]
        values[variable] = equals[0]
        if tie_key is not None:
            values[variable] = min((tie_key(variable, value), value) for value in equals)[1]
    return tuple(values)


def solve(
    problem: Problem,
    *,
    size: Size | None = None,
    tie_key: TieKey | None = None,
) -> Elimination:
    """Return an optimal assignment and the messages that prove it.

    Args:
        problem: What is to be minimised.
        size: How much it may take; a million combinations without one.
        tie_key: Orders the values of a variable that are equally good.

    Raises:
        Rejected: The induced width is too great for that. Take a bound instead, of a plan with
            a limit for each joined table, and an assignment of local search.
    """
    limit = size or Size()
    planned = plan(problem, min_fill_order(problem))
    if not fits(planned, limit):
        raise Rejected(
            "optimisation.width",
            "too wide to be solved exactly",
            field="induced width",
            value=f"{planned.width}, with {planned.cells} combinations",
            allowed=f"{limit.cells} combinations, {limit.message_cells} of them in messages",
        )
    return eliminate(problem, planned, tie_key)


def fits(planned: Plan, size: Size) -> bool:
    """Tell whether a plan takes no more than it may."""
    return planned.cells <= size.cells and planned.message_cells <= size.message_cells


def bounded_plan(problem: Problem, size: Size) -> Plan:
    """Return the exact plan if it fits, else the one of the largest joined tables that does.

    The smallest plan of all, in which no tables are joined, is returned even if it does not fit.
    """
    order = min_fill_order(problem)
    limit = size.cells
    planned = plan(problem, order)
    while limit > 1 and not fits(planned, size):
        limit //= 4
        planned = plan(problem, order, limit)
    return planned
