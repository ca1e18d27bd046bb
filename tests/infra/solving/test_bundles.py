"""Winner determination by solvers: against brute force, each other, and published optima."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
import scipy.optimize  # type: ignore[import-untyped]  # it has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.combinatorial import (
    AtomicBid,
    ClearingProblem,
    ClearingSolution,
    CoreSearch,
    WinnerProblem,
    bound_by,
    clear_exactly,
    core_payments,
    exact,
    greedy,
    objection_to,
    value_of,
)
from mabeam.infra.solving import bundles
from mabeam.infra.solving.bundles import by_cp_sat, by_highs, cp_sat, prices_of, solve
from support.cases import cases
from support.cats import read_cats, read_wcsp

Way = Callable[[WinnerProblem, float], tuple[tuple[int, ...], int | None]]


def by_cp(problem: WinnerProblem, seconds: float) -> tuple[tuple[int, ...], int | None]:
    module = cp_sat()
    if module is None:
        pytest.skip("CP-SAT comes with the extra `solver`, which is not installed")
    return by_cp_sat(problem, (), seconds, module)


WAYS: Final = pytest.mark.parametrize("way", [by_highs, by_cp], ids=["highs", "cp-sat"])


@st.composite
def problems(draw: st.DrawFn) -> WinnerProblem:
    """Draw problems of several units, groups and sellers, with at least one bid."""
    goods = draw(st.integers(1, 4))
    bids: list[AtomicBid] = []
    for number in range(draw(st.integers(1, 14))):
        group = draw(st.integers(0, number))
        uses = draw(st.dictionaries(st.integers(0, goods - 1), st.integers(1, 3), min_size=1))
        sign = draw(st.sampled_from([1, 1, 1, -1]))
        amount = sign * draw(st.integers(1, 50))
        bids.append(
            AtomicBid(group, group, amount, tuple((g, sign * q) for g, q in sorted(uses.items())))
        )
    return WinnerProblem(tuple(draw(st.integers(0, 3)) for _ in range(goods)), tuple(bids))


def last(problem: WinnerProblem, wanted: Any = "winners", seconds: float = 30) -> ClearingSolution:  # noqa: ANN401 - one of three words
    *_, found = solve(ClearingProblem(problem, wanted, "winners", 1), time.monotonic() + seconds)
    return found


@WAYS
@settings(max_examples=50, deadline=None)
@given(problem=problems())
def test_a_solver_and_the_exact_search_agree(way: Way, problem: WinnerProblem) -> None:
    accepted, bound = way(problem, 30)
    best = exact(problem, 100_000)
    assert best.proved
    assert objection_to(problem, accepted) == ""
    assert value_of(problem, accepted) == bound == best.value


@settings(max_examples=50, deadline=None)
@given(problems())
def test_dual_prices_prove_the_bound_of_the_relaxation(problem: WinnerProblem) -> None:
    prices = prices_of(problem)
    assert bound_by(problem, prices) >= exact(problem, 100_000).value
    assert bound_by(problem, prices) <= bound_by(problem, (0,) * len(prices))


@settings(max_examples=25, deadline=None)
@given(problems())
def test_all_that_is_cleared_agrees_with_the_exact_search(problem: WinnerProblem) -> None:
    found = last(problem, "core")
    other = clear_exactly(ClearingProblem(problem, "core", "winners", 1), 100_000)
    assert found.main.proved
    assert found.main.value == other.main.value
    assert all(one.found.proved for one in found.marginals)
    if found.main.accepted:
        search = CoreSearch(problem, found.main, [one.found.value for one in found.marginals])
        assert (core_payments(search, found.blocks) is None) == (found.closing is None)


def test_nothing_is_found_among_no_bids() -> None:
    assert last(WinnerProblem((1,), ())).main.value == 0


@pytest.mark.slow
def test_the_optima_of_ten_regions_are_those_published() -> None:
    folder = cases("wdp_cats") / "regions"
    optima = json.loads((folder / "optima.json").read_text())["optimum"]
    assert len(optima) == 10
    for name, optimum in optima.items():
        auction = read_cats(folder / name)
        found = last(auction.problem).main
        assert found.proved
        # The list was made with prices of full length; these are cut to 1/10,000.
        assert abs(found.value - auction.minor(optimum)) <= 30


@pytest.mark.slow
def test_hard_mixed_bids_of_the_file_hard0000() -> None:
    case = json.loads((cases("auctions") / "auction_cases.json").read_text())["cats_files"]
    auction = read_cats(cases("wdp_cats") / "mechlib" / "hard0000.txt")
    found = last(auction.problem).main
    assert (found.value, found.proved) == (auction.minor(case["hard0000.txt"]["wdp"]), True)


def test_paths_as_toulbar2_keeps_them() -> None:
    """The revenue is the sum of the prices less the published least cost: 23,641."""
    folder = cases("wdp_cats") / "toulbar2"
    problem, total = read_wcsp(folder / "cat_paths_60_170_0005_clq.wcsp")
    least = int((folder / "cat_paths_60_170_0005_clq.ub").read_text())
    found = last(problem).main
    assert (found.value, found.proved) == (total - least, True)
    assert found.value == 23_641


@pytest.mark.slow
@pytest.mark.parametrize("name", ["0000.txt", "0004.txt"])
def test_solvers_agree_on_regions(name: str) -> None:
    problem = read_cats(cases("wdp_cats") / "regions" / name).problem
    one, one_bound = by_highs(problem, 60)
    other, other_bound = by_cp(problem, 60)
    assert value_of(problem, one) == value_of(problem, other) == one_bound == other_bound


def test_without_cp_sat_highs_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        return None

    monkeypatch.setattr(bundles, "find_spec", absent)
    monkeypatch.setattr(bundles, "SEARCHED_BIDS_MAX", 0)
    assert cp_sat() is None
    triangle = triangle_of(9)
    assert last(triangle).main.proof == "solver"
    assert last(triangle).main.value == exact(triangle, 10_000).value


def triangle_of(bidders: int) -> WinnerProblem:
    """Return bids on two of three goods each, which no prices can separate."""
    pairs = ((0, 1), (1, 2), (0, 2))
    return WinnerProblem(
        (1, 1, 1),
        tuple(
            AtomicBid(bidder, bidder, 10 + bidder % 2, tuple((good, 1) for good in pair))
            for bidder in range(bidders)
            for pair in pairs
        ),
    )


def test_hardly_any_time_gives_an_honest_answer() -> None:
    """Nobody proves this in a hundredth of a second: the value is a lower bound, no more."""
    auction = read_cats(cases("wdp_cats") / "mechlib" / "hard0000.txt")
    found = last(auction.problem, seconds=0.01)
    least = value_of(auction.problem, greedy(auction.problem))
    assert least <= found.main.value <= 84_188_562 <= found.main.bound
    assert not found.main.proved


@pytest.mark.parametrize("status", ["time", "infinite", "large"])
def test_a_bound_that_cannot_be_trusted_is_none(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    class Result(dict[str, Any]):
        x = None

    bound = {"time": None, "infinite": math.inf, "large": -1e12}[status]

    def milp(*_args: object, **_options: object) -> Result:
        return Result(mip_dual_bound=bound)

    monkeypatch.setattr(scipy.optimize, "milp", milp)
    assert by_highs(triangle_of(2), 1) == ((), None)
