"""Winner determination by HiGHS or, where it is installed, CP-SAT. Runs in the solver process.

HiGHS comes with scipy and bounds by binary fractions; CP-SAT, of the extra ``solver``, reckons
in whole numbers of 64 bits and takes the greedy bids as a hint. Each is told to close the gap
altogether, which is not their default.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

import numpy as np
import scipy.optimize  # type: ignore[import-untyped]  # it has no types
import scipy.sparse  # type: ignore[import-untyped]  # it has no types

from mabeam.core.combinatorial.bounds import PRICE_SCALE, bound_by
from mabeam.core.combinatorial.clearing import ClearingProblem, ClearingSolution, clear
from mabeam.core.combinatorial.search import nodes_for, search
from mabeam.core.combinatorial.winners import Found, WinnerProblem, groups_of, value_of

_optimize: Final[Any] = scipy.optimize
_sparse: Final[Any] = scipy.sparse

__all__ = ["by_cp_sat", "by_highs", "cp_sat", "prices_of", "solve"]

SECONDS_MIN: Final = 0.02
SEARCHED_BIDS_MAX: Final = 400
EXACT_MAX: Final = 10**9
"""Beyond it the tolerances of binary fractions may hide a minor unit."""

TOLERANCE: Final = 1e-6
CP_SAT_SUM_MAX: Final = 2**62


def solve(problem: ClearingProblem, until: float) -> Iterator[ClearingSolution]:
    """Yield ever better solutions, until an instant of ``time.monotonic`` or the best."""

    def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:
        seconds = max(SECONDS_MIN, (until - time.monotonic()) / share)
        return _winners(winners, hint, time.monotonic() + seconds)

    yield from clear(problem, ask)


def cp_sat() -> ModuleType | None:
    """Return the module of CP-SAT if it is installed."""
    if find_spec("ortools") is None:
        return None
    from ortools.sat.python import cp_model  # noqa: PLC0415 - an extra

    return cp_model


def _winners(problem: WinnerProblem, hint: tuple[int, ...], until: float) -> Found:
    """Prove by prices if they can, by the exact search if it can, else by a solver."""
    if not problem.bids:
        return Found((), 0, 0, (0,) * len(problem.capacities), "prices")
    prices = prices_of(problem)
    value = value_of(problem, hint)
    bound = bound_by(problem, prices)
    if bound > value and len(problem.bids) <= SEARCHED_BIDS_MAX:
        found = search(problem, hint, prices, nodes_for(problem))
        if found.proved:
            return found
        hint = max(hint, found.accepted, key=lambda one: value_of(problem, one))
    elif bound <= value:
        return Found(hint, value, value, prices, "prices")
    module = cp_sat()
    seconds = max(SECONDS_MIN, until - time.monotonic())
    most = sum(abs(bid.amount) for bid in problem.bids)
    if module is not None and most < CP_SAT_SUM_MAX:
        accepted, found_bound = by_cp_sat(problem, hint, seconds, module)
    else:
        accepted, found_bound = by_highs(problem, seconds)
    best = max(hint, accepted, key=lambda one: value_of(problem, one))
    bound = bound if found_bound is None else min(bound, found_bound)
    value = value_of(problem, best)
    return Found(best, value, max(bound, value), prices, "solver" if bound <= value else "")


def _matrix(problem: WinnerProblem) -> tuple[Any, Any]:
    """Return the rows of the goods, then those of the groups, and what each may come to."""
    groups = groups_of(problem)
    goods = len(problem.capacities)
    entries = [
        (good, number, quantity)
        for number, bid in enumerate(problem.bids)
        for good, quantity in bid.uses
    ]
    entries += [(goods + row, number, 1) for row, group in enumerate(groups) for number in group]
    rows, columns, values = zip(*entries, strict=True)
    shape = (goods + len(groups), len(problem.bids))
    matrix = _sparse.csr_array((np.array(values, dtype=float), (rows, columns)), shape=shape)
    return matrix, np.array([*problem.capacities, *(1 for _ in groups)], dtype=float)


def prices_of(problem: WinnerProblem) -> tuple[int, ...]:
    """Return the dual prices of the linear relaxation, in whole thousandths."""
    matrix, limits = _matrix(problem)
    costs = np.array([-float(bid.amount) for bid in problem.bids])
    scale = float(np.abs(costs).max()) or 1.0
    found = _optimize.linprog(
        costs / scale, A_ub=matrix, b_ub=limits, bounds=(0, None), method="highs"
    )
    count = len(problem.capacities)
    if found.status != 0:
        return (0,) * count
    duals = found.ineqlin.marginals[:count] * -scale * PRICE_SCALE
    return tuple(max(0, round(float(one))) for one in duals)


def by_highs(problem: WinnerProblem, seconds: float) -> tuple[tuple[int, ...], int | None]:
    """Return bids, and a bound if it can be trusted to the last unit."""
    matrix, limits = _matrix(problem)
    costs = np.array([-float(bid.amount) for bid in problem.bids])
    found = _optimize.milp(
        costs,
        integrality=np.ones(len(problem.bids)),
        bounds=_optimize.Bounds(0, 1),
        constraints=_optimize.LinearConstraint(matrix, ub=limits),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    accepted: tuple[int, ...] = ()
    if found.x is not None:
        accepted = tuple(number for number, one in enumerate(found.x) if round(float(one)))
    bound = found.get("mip_dual_bound")
    if bound is None or not math.isfinite(bound) or abs(bound) > EXACT_MAX:
        return accepted, None
    return accepted, math.floor(-bound + TOLERANCE * max(1.0, abs(bound) * TOLERANCE))


def by_cp_sat(
    problem: WinnerProblem, hint: tuple[int, ...], seconds: float, module: ModuleType
) -> tuple[tuple[int, ...], int | None]:
    """Return bids, and a bound."""
    model = module.CpModel()
    taken = [model.new_bool_var("") for _ in problem.bids]
    terms: list[list[Any]] = [[] for _ in problem.capacities]
    for number, bid in enumerate(problem.bids):
        for good, quantity in bid.uses:
            terms[good].append(quantity * taken[number])
    for capacity, used in zip(problem.capacities, terms, strict=True):
        if used:
            model.add(sum(used) <= capacity)
    for group in groups_of(problem):
        if len(group) > 1:
            model.add_at_most_one(taken[number] for number in group)
    model.maximize(sum(bid.amount * one for bid, one in zip(problem.bids, taken, strict=True)))
    hinted = set(hint)
    for number, one in enumerate(taken):
        model.add_hint(one, number in hinted)
    solver = module.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status not in {module.OPTIMAL, module.FEASIBLE}:
        return (), None
    accepted = tuple(number for number, one in enumerate(taken) if solver.boolean_value(one))
    bound = round(solver.best_objective_bound)
    # The bound is told as a binary fraction, which holds whole numbers up to 2^53 alone.
    return accepted, bound if abs(bound) < 2**53 else None
