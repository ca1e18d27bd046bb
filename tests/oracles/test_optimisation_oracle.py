"""Optima, against toulbar2 (Allouche, de Givry and others), a solver of weighted constraints."""

from __future__ import annotations

import random
from decimal import Decimal
from math import prod
from typing import Any

import pytest

from mabeam.core.optimisation import (
    Constraint,
    Group,
    Problem,
    Size,
    Variable,
    bounded_plan,
    eliminate,
    mgm,
    problem_of,
    proved_bound,
    solve,
)
from support.cases import cases
from support.pydcop import problem_in_file

toulbar2: Any = pytest.importorskip("pytoulbar2")
_TOP = 10**9


def theirs(problem: Problem) -> int:
    """Return the least total that toulbar2 finds, in millionths."""
    network = toulbar2.CFN(_TOP)
    names = [variable.name for variable in problem.variables]
    for name, size in zip(names, problem.sizes, strict=True):
        network.AddVariable(name, range(size))
    shift = 0
    for table in problem.tables:
        # It takes costs that are not negative; ours are whole after division by a million.
        assert all(cost % 10**6 == 0 for cost in table.costs)
        least = min(table.costs)
        shift += least
        network.AddFunction(
            [names[one] for one in table.scope], [(c - least) // 10**6 for c in table.costs]
        )
    found = network.Solve()
    assert found
    total: float = found[1]
    return shift + round(total) * 10**6


def drawn(seed: int, count: int, near: int, size: int, chance_of_none: float = 0.0) -> Problem:
    """Return a problem of which each variable is tied to a few that are near."""
    chance = random.Random(seed)
    variables = tuple(Variable(f"v{n}", tuple(map(str, range(size))), "ann") for n in range(count))
    constraints: list[Constraint] = []
    for number in range(count):
        others = [other for other in range(max(0, number - near), number) if chance.random() < 0.7]
        for arity in (1, 2, 3):
            if len(others) + 1 < arity:
                continue
            scope = (number, *chance.sample(others, arity - 1))
            cells = prod([size] * arity)
            costs = tuple(
                None if chance.random() < chance_of_none else Decimal(chance.randint(-9, 20))
                for _ in range(cells)
            )
            constraints.append(Constraint(tuple(f"v{one}" for one in scope), costs))
    return problem_of(variables, tuple(constraints))


@pytest.mark.parametrize("seed", range(20))
def test_exact_results_agree(seed: int) -> None:
    problem = drawn(seed, 30, 4, 3, chance_of_none=0.1 * (seed % 3))
    assert solve(problem).bound == theirs(problem)


@pytest.mark.parametrize("seed", range(5))
def test_bounds_of_wide_problems_lie_below_and_assignments_above(seed: int) -> None:
    problem = drawn(seed, 24, 12, 4)
    found = eliminate(problem, bounded_plan(problem, Size(20_000, 5_000)))
    groups = [
        Group(c.planned.variable, c.planned.tables, c.planned.messages, c.planned.scope, c.costs)
        for c in found.clusters
    ]
    best = theirs(problem)
    assert proved_bound(problem, groups) == found.bound <= best
    assert problem.total(mgm(problem, found.values, 20)[-1]) >= best


@pytest.mark.parametrize("file", ["graph_coloring_tuto.yaml", "graph_coloring_10_4_15_0.1.yml"])
def test_published_problems_agree(file: str) -> None:
    problem = problem_in_file(cases("dcop") / file)
    assert solve(problem).bound == theirs(problem)
