"""Published auctions of bundles, with the winners and payments that others found."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from mabeam.core.combinatorial import (
    AtomicBid,
    ClearingProblem,
    ClearingSolution,
    CoreSearch,
    WinnerProblem,
    clear_exactly,
    core_payments,
)
from support.cases import cases
from support.cats import Cats, read_cats


def cleared(problem: WinnerProblem, wanted: str) -> ClearingSolution:
    solution = clear_exactly(ClearingProblem(problem, wanted, "winners", 1), 50_000)  # type: ignore[arg-type]  # one of them
    assert solution.main.proved
    assert all(one.found.proved for one in solution.marginals)
    return solution


def payments(problem: WinnerProblem, names: tuple[str, ...], wanted: str) -> dict[str, Fraction]:
    """Return what each winner pays, by VCG or in the core."""
    solution = cleared(problem, wanted)
    search = CoreSearch(problem, solution.main, [one.found.value for one in solution.marginals])
    if wanted == "marginals":
        paid: tuple[Fraction, ...] = tuple(map(Fraction, search.vcg))
    else:
        found = core_payments(search, solution.blocks)
        assert found is not None
        assert solution.closing is not None
        assert solution.closing.proved
        paid = found.payments
    return {names[bidder]: one for bidder, one in zip(search.winners, paid, strict=True)}


def listed(
    bids: list[tuple[str, dict[str, int], int]], stock: dict[str, int]
) -> tuple[WinnerProblem, tuple[str, ...]]:
    """Return bids by name as a problem, and the names of the bidders."""
    goods = list(stock)
    names = tuple(dict.fromkeys(name for name, _, _ in bids))
    atoms = tuple(
        AtomicBid(
            names.index(name),
            names.index(name),
            amount,
            tuple((goods.index(good), units) for good, units in sorted(wanted.items())),
        )
        for name, wanted, amount in bids
    )
    return WinnerProblem(tuple(stock.values()), atoms), names


def test_the_vcg_cases_come_out_as_published() -> None:
    found = json.loads((cases("auctions") / "auction_cases.json").read_text())["vcg_xor"]
    assert len(found) == 3
    for case in found:
        bids = [
            (name, {"unit": what} if isinstance(what, int) else dict.fromkeys(what, 1), amount)
            for name, what, amount in case["bids"]
        ]
        units = case.get("units")
        goods = sorted({good for _, wanted, _ in bids for good in wanted})
        stock = {"unit": units} if units else dict.fromkeys(goods, 1)
        problem, names = listed(bids, stock)
        assert cleared(problem, "winners").main.value == case["welfare"]
        paid = payments(problem, names, "marginals")
        assert {name: paid.get(name, 0) for name in names} == case["payments"]


def test_kelloggs_example() -> None:
    """A and B are worth 150 each to one bidder each, and together 200 to a third."""
    problem, names = listed(
        [("1", {"A": 1}, 150), ("2", {"B": 1}, 150), ("3", {"A": 1, "B": 1}, 200)],
        {"A": 1, "B": 1},
    )
    assert payments(problem, names, "marginals") == {"1": 50, "2": 50}


def mechlib(name: str) -> Cats:
    return read_cats(cases("wdp_cats") / "mechlib" / name)


def expected(section: str, name: str) -> Any:  # noqa: ANN401 - JSON is any
    return json.loads((cases("auctions") / "auction_cases.json").read_text())[section][name]


@pytest.mark.parametrize("name", ["0000.txt", "easy0000.txt"])
def test_winners_in_the_format_of_cats(name: str) -> None:
    auction, case = mechlib(name), expected("cats_files", name)
    solution = cleared(auction.problem, "winners")
    assert solution.main.value == auction.minor(case["wdp"])
    if "vcg" in case:
        paid = payments(auction.problem, auction.bidders, "marginals")
        assert paid == {bidder: auction.minor(price) for bidder, price in case["vcg"].items()}


@pytest.mark.parametrize(
    "name", ["day2007example.txt", "wurman2004example.txt", "lllg.txt", "xorbidder.txt"]
)
def test_core_payments_nearest_to_vcg(name: str) -> None:
    auction, case = mechlib(name), expected("core_selecting_vcg_nearest", name)
    paid = payments(auction.problem, auction.bidders, "core")
    assert sum(paid.values()) == auction.minor(case["total"])
    for bidder, price in case.get("pay", {}).items():
        assert paid.get(bidder, 0) == auction.minor(price)
    if "sum_DB4_DB5" in case:
        both = paid.get("DB4", Fraction(0)) + paid.get("DB5", Fraction(0))
        assert both == auction.minor(case["sum_DB4_DB5"])


def test_day_and_raghavan_2007() -> None:
    """Their example in numbers: 16, 12 and 10, where VCG is 10, 10 and 10."""
    bids = [("1", "ab", 20), ("2", "c", 20), ("3", "d", 20)]
    bids += [("4", "abc", 28), ("5", "abd", 26), ("6", "ab", 10), ("7", "c", 10), ("8", "d", 10)]
    problem, names = listed(
        [(name, dict.fromkeys(goods, 1), amount) for name, goods, amount in bids],
        dict.fromkeys("abcd", 1),
    )
    assert payments(problem, names, "marginals") == {"1": 10, "2": 10, "3": 10}
    assert payments(problem, names, "core") == {"1": 16, "2": 12, "3": 10}
