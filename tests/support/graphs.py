"""Small constraint problems at random, and their optimum by trying everything."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from math import prod

from hypothesis import strategies as st

from mabeam.core.optimisation import Constraint, Group, Objective, Problem, Variable, problem_of
from mabeam.core.optimisation.elimination import Elimination

__all__ = ["brute_force", "groups_of", "problems", "trees"]

COSTS = st.one_of(
    st.integers(-5, 9).map(Decimal),
    st.sampled_from([Decimal("0.1"), Decimal("-0.000001"), None]),
)


@st.composite
def problems(draw: st.DrawFn, *, count_max: int = 5, arity_max: int = 3) -> Problem:
    """Draw a problem, narrow enough to try everything."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=count_max))
    variables = tuple(
        Variable(f"v{number}", tuple("abc"[:size]), f"agent{number % 3}")
        for number, size in enumerate(sizes)
    )
    count = draw(st.integers(0, 6))
    constraints: list[Constraint] = []
    for _ in range(count):
        arity = draw(st.integers(1, min(arity_max, len(sizes))))
        scope = draw(st.permutations(range(len(sizes))))[:arity]
        cells = prod(sizes[one] for one in scope)
        costs = draw(st.lists(COSTS, min_size=cells, max_size=cells))
        constraints.append(Constraint(tuple(f"v{one}" for one in scope), tuple(costs)))
    objective: Objective = draw(st.sampled_from(["min", "max"]))
    return problem_of(variables, tuple(constraints), objective)


@st.composite
def trees(draw: st.DrawFn) -> Problem:
    """Draw a problem whose variables and constraints form a tree, or several."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=6))
    variables = tuple(
        Variable(f"v{number}", tuple("abc"[:size]), "agent") for number, size in enumerate(sizes)
    )
    constraints: list[Constraint] = []
    for number in range(1, len(sizes)):
        other = draw(st.integers(0, number - 1))
        cells = sizes[number] * sizes[other]
        costs = draw(st.lists(COSTS, min_size=cells, max_size=cells))
        constraints.append(Constraint((f"v{number}", f"v{other}"), tuple(costs)))
    own = draw(st.lists(COSTS, min_size=sizes[0], max_size=sizes[0]))
    constraints.append(Constraint(("v0",), tuple(own)))
    return problem_of(variables, tuple(constraints))


def brute_force(problem: Problem) -> int:
    """Return the least total of all assignments."""
    return min(problem.total(values) for values in product(*map(range, problem.sizes)))


def groups_of(found: Elimination) -> list[Group]:
    """Return the proof that an elimination gives."""
    return [
        Group(c.planned.variable, c.planned.tables, c.planned.messages, c.planned.scope, c.costs)
        for c in found.clusters
    ]
