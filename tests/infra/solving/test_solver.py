"""The solver process: started when needed, used again, killed when late, missed by nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from typing import Final

import msgspec
import psutil
import pytest

from mabeam.core.combinatorial import (
    AtomicBid,
    ClearingProblem,
    ClearingSolution,
    Found,
    WinnerProblem,
    exact,
    greedy,
    value_of,
)
from mabeam.core.errors import ConfigurationError
from mabeam.infra.solving import WAYS, WorkerSolver, registry
from mabeam.infra.solving import solver as solver_module
from mabeam.infra.solving.registry import way_for
from support.slow_solving import WAY, Number, Slow
from support.waiting import until

PAIRS: Final = ((0, 1), (1, 2), (0, 2))


def problem(bidders: int = 20, limit_ms: int = 20_000) -> ClearingProblem:
    """Return a problem of so many bids that a process is asked."""
    bids = tuple(
        AtomicBid(bidder, bidder, 10 + bidder, tuple((good, 1) for good in pair))
        for bidder in range(bidders)
        for pair in PAIRS
    )
    return ClearingProblem(WinnerProblem((1, 1, 1), bids), "marginals", "marginals", limit_ms)


@pytest.fixture
async def solver() -> AsyncIterator[WorkerSolver]:
    async with WorkerSolver(grace_seconds=0.3) as one:
        yield one


async def solved(solver: WorkerSolver, asked: ClearingProblem) -> ClearingSolution:
    found = await solver.solve(asked)
    assert isinstance(found, ClearingSolution)
    return found


async def test_small_problems_need_no_process(solver: WorkerSolver) -> None:
    found = await solved(solver, problem(3))
    assert (found.main.value, found.main.proved) == (12, True)
    assert solver.pid is None


def test_a_small_problem_that_is_too_hard_is_given_up_at_the_first_sign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All other searches would be in vain, and outlast the time of the problem."""
    asked: list[WinnerProblem] = []

    def unproved(winners: WinnerProblem, nodes: int) -> Found:
        asked.append(winners)
        return exact(winners, min(nodes, 0))

    monkeypatch.setattr(registry, "exact", unproved)
    assert way_for(ClearingProblem).at_once(problem(3)) is None
    assert len(asked) == 1


async def test_one_process_solves_one_problem_after_the_other(solver: WorkerSolver) -> None:
    both = await asyncio.gather(solved(solver, problem()), solved(solver, problem(21)))
    assert [(found.main.value, found.main.proved) for found in both] == [(29, True), (30, True)]
    first = solver.pid
    assert (await solved(solver, problem(22))).main.value == 31
    assert solver.pid == first


async def test_core_payments_come_back_as_exact_fractions(solver: WorkerSolver) -> None:
    """Fourteen pairs of locals and one global for each: the locals share what it offers."""
    bids = [
        AtomicBid(3 * place + part, 3 * place + part, amount, uses)
        for place in range(14)
        for part, (amount, uses) in enumerate(
            (
                (8, ((2 * place, 1),)),
                (7, ((2 * place + 1, 1),)),
                (10, ((2 * place, 1), (2 * place + 1, 1))),
            )
        )
    ]
    winners = WinnerProblem((1,) * 28, tuple(bids))
    found = await solved(solver, ClearingProblem(winners, "core", "winners", 30_000))
    assert solver.pid is not None
    assert found.paid is not None
    assert found.paid.payments == (Fraction(11, 2), Fraction(9, 2)) * 14


async def test_the_process_ends_with_its_context() -> None:
    async with WorkerSolver() as solver:
        await solver.solve(problem())
        pid = solver.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_problem_of_an_unknown_class_is_refused(solver: WorkerSolver) -> None:
    class Riddle(msgspec.Struct):
        text: str

    with pytest.raises(ConfigurationError, match="Riddle"):
        await solver.solve(Riddle("what walks on four legs in the morning?"))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the process know of problems of a test, which a module beside this one solves."""
    WAYS.append(WAY)
    monkeypatch.setattr(solver_module, "_COMMAND", (sys.executable, "-m", "support.slow_solving"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    yield
    WAYS.remove(WAY)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(
    ("does", "number"),
    [
        ("answers", 2),
        ("sleeps", 1),
        ("sleeps at once", 0),
        ("crashes", 1),
        ("crashes at once", 0),
        ("runs out of memory", 1),
        ("fails", 1),
        ("prints", 2),
    ],
)
async def test_whatever_happens_the_best_so_far_counts(
    solver: WorkerSolver, does: str, number: int
) -> None:
    assert await solver.solve(Slow(does)) == Number(number)
    # The next one finds a process that is well.
    assert await solver.solve(Slow("answers")) == Number(2)


@pytest.mark.usefixtures("slow")
async def test_what_is_taken_back_leaves_no_process(solver: WorkerSolver) -> None:
    solving = asyncio.create_task(solver.solve(Slow("sleeps", 60_000)))
    await until(lambda: solver.pid is not None)
    pid = solver.pid
    assert pid is not None
    solving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await solving
    assert not psutil.pid_exists(pid)


async def test_killed_by_others_it_is_started_again(solver: WorkerSolver) -> None:
    await solver.solve(problem())
    first = solver.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    found = await solved(solver, problem())
    # Whether the death was noticed before or after the question, the answer is honest.
    assert found.main.value >= value_of(problem().winners, greedy(problem().winners))
    assert (await solved(solver, problem())).main.proved
    assert solver.pid != first


async def test_a_process_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver_module, "_COMMAND", (sys.executable, "-c", "pass"))
    async with WorkerSolver() as solver:
        with pytest.raises(ConfigurationError, match="does not start"):
            await solver.solve(problem())


OWNER: Final = """
import asyncio, sys
sys.path[:0] = {path!r}
from mabeam.infra.solving import WorkerSolver
from infra.solving.test_solver import problem

async def main():
    async with WorkerSolver() as solver:
        await solver.solve(problem())
        print(solver.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_process_dies_with_its_owner() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(path=sys.path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout:
        worker = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
        owner.wait()
        gone, _ = psutil.wait_procs([worker], timeout=30)
    assert gone == [worker]


def test_nothing_heavy_is_loaded_before_there_is_something_to_solve() -> None:
    code = (
        "import sys, mabeam.app.composition, mabeam.infra.solving; "
        "print(sorted({'numpy', 'scipy', 'ortools'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
