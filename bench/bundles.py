"""Finding the winners of bundles and their VCG payments, beside the bare solvers.

The instances are random, each bidder with five bundles that exclude each other, and, where the
environment variable ``MABEAM_CASES`` names a folder with them, files of CATS.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.optimize  # type: ignore[import-untyped]  # it has no types
import scipy.sparse  # type: ignore[import-untyped]  # likewise

from bench.figures import Figure, alternate
from bench.sizes import Sizes
from mabeam.core.combinatorial import AtomicBid, ClearingProblem, ClearingSolution, WinnerProblem
from mabeam.infra.solving import WorkerSolver

__all__ = ["measure_bundles"]

_LIMIT_MS: Final = 60_000
_HURRIED_MS: Final = 300
_optimize: Final[Any] = scipy.optimize
_sparse: Final[Any] = scipy.sparse

Plain = Callable[[WinnerProblem, float], int]


async def measure_bundles(sizes: Sizes) -> list[Figure]:
    """Solve instances by ours and by the bare solvers, in turns."""
    plain: dict[str, Plain] = {"scipy milp": _by_milp}
    if find_spec("ortools") is not None:
        plain["CP-SAT"] = _by_cp_sat
    figures: list[Figure] = []
    async with WorkerSolver() as solver:
        # The process is started before anything is timed, as it is for all but one problem.
        await solver.solve(ClearingProblem(_random(20, 5, 0), "winners", "winners", _LIMIT_MS))
        for name, problem in _instances(sizes):
            for against, way in plain.items():
                figures += await _compare(solver, name, problem, against, way, sizes.repetitions)
    return figures


async def _compare(  # noqa: PLR0913, PLR0917 - what, by whom, how often
    solver: WorkerSolver,
    name: str,
    problem: WinnerProblem,
    against: str,
    way: Plain,
    repetitions: int,
) -> list[Figure]:
    async def ours() -> float:
        return await _ours(solver, problem, "winners")

    async def raw() -> float:
        return _timed(lambda: way(problem, _LIMIT_MS / 1000))

    async def ours_with_vcg() -> float:
        return await _ours(solver, problem, "marginals")

    async def raw_with_vcg() -> float:
        return _timed(lambda: [way(one, _LIMIT_MS / 1000) for one in _economies(problem, winners)])

    winners = await _winners(solver, problem)
    samples = await alternate(repetitions, ours, raw)
    priced = await alternate(min(repetitions, 3), ours_with_vcg, raw_with_vcg)
    return [
        _figure(f"winners of {name}", samples, against),
        _figure(f"winners and VCG of {name}", priced, against),
        await _shortfall(solver, name, problem, against, way),
    ]


def _figure(name: str, samples: tuple[tuple[float, ...], ...], against: str) -> Figure:
    ours, raw = samples
    return Figure(name=name, unit="problems/s", ours=ours, raw=raw, against=f"plain {against}")


async def _shortfall(
    solver: WorkerSolver, name: str, problem: WinnerProblem, against: str, way: Plain
) -> Figure:
    """Return by how much the best known value is missed in a third of a second."""
    best = (await _solved(solver, problem, "winners", _LIMIT_MS)).main.value
    ours = (await _solved(solver, problem, "winners", _HURRIED_MS)).main.value
    raw = way(problem, _HURRIED_MS / 1000)
    return Figure(
        name=f"missed of {name} in {_HURRIED_MS} ms",
        unit="% of the best",
        ours=(100 * (best - ours) / best,),
        raw=(100 * (best - raw) / best,),
        against=f"plain {against}",
    )


async def _solved(
    solver: WorkerSolver, problem: WinnerProblem, wanted: str, limit_ms: int
) -> ClearingSolution:
    asked = ClearingProblem(problem, wanted, "marginals", limit_ms)  # type: ignore[arg-type]  # one of the words
    found = await solver.solve(asked)
    assert isinstance(found, ClearingSolution)
    return found


async def _ours(solver: WorkerSolver, problem: WinnerProblem, wanted: str) -> float:
    began = time.perf_counter()
    found = await _solved(solver, problem, wanted, _LIMIT_MS)
    seconds = time.perf_counter() - began
    assert found.main.proved
    return 1 / seconds


async def _winners(solver: WorkerSolver, problem: WinnerProblem) -> list[int]:
    found = await _solved(solver, problem, "winners", _LIMIT_MS)
    return sorted({problem.bids[number].bidder for number in found.main.accepted})


def _economies(problem: WinnerProblem, winners: list[int]) -> list[WinnerProblem]:
    """Return the problem, and that without each winner."""
    left_out: list[int | None] = [None, *winners]
    return [
        WinnerProblem(
            problem.capacities, tuple(bid for bid in problem.bids if bid.bidder != without)
        )
        for without in left_out
    ]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1 / (time.perf_counter() - began)


def _instances(sizes: Sizes) -> list[tuple[str, WinnerProblem]]:
    found = [
        (f"{bidders} bidders, {goods} goods", _random(bidders, goods, 1))
        for bidders, goods in sizes.bundles
    ]
    folder = Path(os.environ.get("MABEAM_CASES", "")) / "wdp_cats"
    if os.environ.get("MABEAM_CASES") and sizes.cats:
        files = sorted((folder / "regions").glob("000*.txt"))[: sizes.cats]
        found += [(f"CATS regions {file.stem}", _cats(file)) for file in files]
    return found


def _random(bidders: int, goods: int, seed: int) -> WinnerProblem:
    chance = random.Random(seed)
    worth = [chance.randint(10, 100) for _ in range(goods)]
    bids: list[AtomicBid] = []
    for bidder in range(bidders):
        for _ in range(5):
            bundle = sorted(chance.sample(range(goods), min(goods, chance.randint(1, 5))))
            taste = chance.uniform(0.8, 1.2) * len(bundle) ** 0.2
            amount = max(1, round(100 * taste * sum(worth[good] for good in bundle)))
            bids.append(AtomicBid(bidder, bidder, amount, tuple((good, 1) for good in bundle)))
    return WinnerProblem((1,) * goods, tuple(bids))


def _cats(file: Path) -> WinnerProblem:
    goods = 0
    bids: list[AtomicBid] = []
    groups: dict[str, int] = {}
    for line in file.read_text().splitlines():
        words = line.partition("%")[0].replace("#", " ").split()
        if words and words[0] == "goods":
            goods = int(words[1])
        elif words and words[0].isdigit():
            dummies = [word for word in words[2:] if int(word) >= goods]
            group = groups.setdefault(dummies[0] if dummies else f"bid {words[0]}", len(groups))
            uses = tuple(sorted((int(word), 1) for word in words[2:] if int(word) < goods))
            bids.append(AtomicBid(group, group, round(float(words[1]) * 1000), uses))
    return WinnerProblem((1,) * goods, tuple(bids))


def _by_milp(problem: WinnerProblem, seconds: float) -> int:
    """Return the value that scipy finds, 0 for none."""
    goods = len(problem.capacities)
    rows: list[int] = []
    columns: list[int] = []
    values: list[int] = []
    for number, bid in enumerate(problem.bids):
        for row, value in (*bid.uses, (goods + bid.group, 1)):
            rows.append(row)
            columns.append(number)
            values.append(value)
    groups = 1 + max(bid.group for bid in problem.bids)
    shape = (goods + groups, len(problem.bids))
    matrix = _sparse.csr_array((values, (rows, columns)), shape=shape)
    limits = np.array([*problem.capacities, *(1 for _ in range(groups))])
    found = _optimize.milp(
        [-bid.amount for bid in problem.bids],
        integrality=np.ones(len(problem.bids)),
        bounds=_optimize.Bounds(0, 1),
        constraints=_optimize.LinearConstraint(matrix, ub=limits),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    return 0 if found.x is None else round(-found.fun)


def _by_cp_sat(problem: WinnerProblem, seconds: float) -> int:
    """Return the value that CP-SAT finds with one worker, 0 for none."""
    from ortools.sat.python import cp_model as imported  # noqa: PLC0415 - an extra

    cp_model: Any = imported
    model = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in problem.bids]
    for good, capacity in enumerate(problem.capacities):
        used = [
            quantity * taken[number]
            for number, bid in enumerate(problem.bids)
            for one, quantity in bid.uses
            if one == good
        ]
        model.add(sum(used) <= capacity)
    for group in {bid.group for bid in problem.bids}:
        model.add_at_most_one(
            taken[number] for number, bid in enumerate(problem.bids) if bid.group == group
        )
    model.maximize(sum(bid.amount * one for bid, one in zip(problem.bids, taken, strict=True)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    return round(solver.objective_value) if status in {cp_model.OPTIMAL, cp_model.FEASIBLE} else 0
