"""Payments for bundles: what VCG and core-selecting rules promise, and what they do not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.combinatorial import (
    AtomicBid,
    ClearingProblem,
    ClearingSolution,
    CoreSearch,
    Demand,
    Nearest,
    WinnerProblem,
    clear_exactly,
    core_payments,
    greedy,
    nearest,
    objection_to_payments,
    value_of,
)

Bids = tuple[tuple[tuple[tuple[int, ...], int], ...], ...]
"""Of each bidder: bundles of single goods, and amounts; they exclude each other."""

Rule = Callable[[WinnerProblem], dict[int, Fraction]]
GOODS = 2
BUNDLES = ((0,), (1,), (0, 1))

LLG: Bids = ((((0,), 8),), (((1,), 7),), (((0, 1), 10),))
"""Two locals, each for one good, and a global for both: VCG charges 3 and 2, less than 10."""


def problem_of(bids: Bids, goods: int = GOODS) -> WinnerProblem:
    return WinnerProblem(
        (1,) * goods,
        tuple(
            AtomicBid(bidder, bidder, amount, tuple((good, 1) for good in bundle))
            for bidder, wanted in enumerate(bids)
            for bundle, amount in wanted
        ),
    )


@cache
def solved(problem: WinnerProblem, wanted: str = "core") -> ClearingSolution:
    asked = ClearingProblem(problem, wanted, "winners", 1)  # type: ignore[arg-type]  # one of them
    return clear_exactly(asked, 100_000)


def search_of(problem: WinnerProblem, solution: ClearingSolution) -> CoreSearch:
    return CoreSearch(problem, solution.main, [one.found.value for one in solution.marginals])


def vcg(problem: WinnerProblem) -> dict[int, Fraction]:
    search = search_of(problem, solved(problem, "marginals"))
    return dict(zip(search.winners, map(Fraction, search.vcg), strict=True))


def core(problem: WinnerProblem) -> dict[int, Fraction]:
    solution = solved(problem)
    search = search_of(problem, solution)
    paid = core_payments(search, solution.blocks)
    assert paid is not None
    assert solution.closing is not None
    return dict(zip(search.winners, paid.payments, strict=True))


def greedy_vcg(problem: WinnerProblem) -> dict[int, Fraction]:
    """The payments of VCG, with greedy winners in place of the best: the negative control."""
    accepted = greedy(problem)
    total = value_of(problem, accepted)
    found: dict[int, Fraction] = {}
    for number in accepted:
        bid = problem.bids[number]
        others = tuple(one for one in problem.bids if one.bidder != bid.bidder)
        rest = WinnerProblem(problem.capacities, others)
        found[bid.bidder] = Fraction(value_of(rest, greedy(rest)) - (total - bid.amount))
    return found


def winners_of(problem: WinnerProblem, rule: Rule) -> tuple[int, ...]:
    return greedy(problem) if rule is greedy_vcg else solved(problem, "winners").main.accepted


def utility(bids: Bids, bidder: int, truth: Bids, rule: Rule) -> Fraction:
    """Return what a bidder gains by bids, valued truly."""
    problem = problem_of(bids)
    values = dict(truth[bidder])
    gained = Fraction(0)
    for number in winners_of(problem, rule):
        bid = problem.bids[number]
        if bid.bidder == bidder:
            got = tuple(good for good, _ in bid.uses)
            gained += max((v for bundle, v in values.items() if set(bundle) <= set(got)), default=0)
    return gained - rule(problem).get(bidder, Fraction(0))


def gain_by_lying(truth: Bids, rule: Rule, amounts: tuple[int, ...]) -> Fraction:
    """Return the most that any bidder gains by any other bids on all bundles."""
    best = Fraction(0)
    for bidder in range(len(truth)):
        honest = utility(truth, bidder, truth, rule)
        for said in itertools.product(amounts, repeat=len(BUNDLES)):
            lie = tuple((b, a) for b, a in zip(BUNDLES, said, strict=True) if a)
            bids = (*truth[:bidder], lie, *truth[bidder + 1 :])
            best = max(best, utility(bids, bidder, truth, rule) - honest)
    return best


def valuations(low: int = 0, high: int = 9) -> st.SearchStrategy[Bids]:
    """Draw what bidders truly bid on all bundles; a larger bundle is worth no less."""

    def made(amounts: tuple[int, int, int]) -> tuple[tuple[tuple[int, ...], int], ...]:
        one, other, more = amounts
        return (((0,), one), ((1,), other), ((0, 1), max(one, other) + more))

    of_one = st.tuples(*(st.integers(low, high) for _ in BUNDLES)).map(made)
    return st.lists(of_one, min_size=2, max_size=4).map(tuple)


class TestVcg:
    @pytest.mark.slow
    @settings(max_examples=6, deadline=None)
    @given(valuations(0, 5))
    def test_nobody_gains_by_lying(self, truth: Bids) -> None:
        """Every bid of a grid on every bundle, for every bidder."""
        assert gain_by_lying(truth, vcg, (0, 1, 3, 5, 8)) == 0

    def test_with_winners_that_are_only_greedy_somebody_does(self) -> None:
        """Which is why VCG is applied only where all optima are proved."""
        truth: Bids = ((((0,), 14),), (((0, 1), 20),), (((1,), 9),))
        assert gain_by_lying(truth, greedy_vcg, (0, 9, 14, 21)) > 0
        assert gain_by_lying(truth, vcg, (0, 9, 14, 21)) == 0

    @given(valuations())
    def test_nobody_loses_and_the_seller_pays_nothing(self, bids: Bids) -> None:
        problem = problem_of(bids)
        solution = solved(problem, "marginals")
        search = search_of(problem, solution)
        assert all(0 <= paid <= cap for paid, cap in zip(search.vcg, search.caps, strict=True))

    @given(valuations())
    def test_each_pays_what_the_others_lose(self, bids: Bids) -> None:
        problem = problem_of(bids)
        solution = solved(problem, "marginals")
        search = search_of(problem, solution)
        others = [solution.main.value - cap for cap in search.caps]
        without = [one.found.value for one in solution.marginals]
        assert search.vcg == tuple(w - o for w, o in zip(without, others, strict=True))

    def test_others_may_block_it(self) -> None:
        """The seller gets 5 where the global bidder would have given 10."""
        paid = vcg(problem_of(LLG))
        assert paid == {0: 3, 1: 2}
        assert sum(paid.values()) < 10

    def test_another_bidder_may_lower_the_revenue(self) -> None:
        """Ausubel and Milgrom's example: with the third bidder the goods are given away."""
        two: Bids = ((((0, 1), 2),), (((0,), 2),))
        assert sum(vcg(problem_of(two)).values()) == 2
        assert sum(vcg(problem_of((*two, (((1,), 2),)))).values()) == 0


class TestCore:
    def test_locals_pay_together_what_the_global_offers(self) -> None:
        assert core(problem_of(LLG)) == {0: Fraction(11, 2), 1: Fraction(9, 2)}

    @settings(max_examples=60, deadline=None)
    @given(valuations())
    def test_no_coalition_blocks_and_nobody_loses(self, bids: Bids) -> None:
        problem = problem_of(bids)
        solution = solved(problem)
        search = search_of(problem, solution)
        paid = core(problem)
        assert all(0 <= paid[b] <= cap for b, cap in zip(search.winners, search.caps, strict=True))
        gains = {b: cap - paid[b] for b, cap in zip(search.winners, search.caps, strict=True)}
        for size in range(1, len(bids) + 1):
            for coalition in itertools.combinations(range(len(bids)), size):
                inside = tuple(bid for bid in problem.bids if bid.bidder in coalition)
                best = solved(WinnerProblem(problem.capacities, inside), "winners").main.value
                now = sum((gains.get(b, Fraction(0)) for b in coalition), Fraction(0))
                assert best - now <= sum(paid.values())

    @settings(max_examples=60, deadline=None)
    @given(valuations())
    def test_it_is_no_less_than_vcg_and_vcg_where_that_is_in_the_core(self, bids: Bids) -> None:
        problem = problem_of(bids)
        paid, least = core(problem), vcg(problem)
        assert all(paid[bidder] >= least[bidder] for bidder in paid)
        if not solved(problem).blocks:
            assert paid == least

    def test_somebody_gains_by_lying(self) -> None:
        """A local bidder that says less lets the other local pay more."""
        assert gain_by_lying(LLG, core, (0, 5, 7, 8)) > 0

    def test_bidders_of_several_groups_give_up_their_gain_once(self) -> None:
        """Ann bids on both goods, each for itself; together she stands against the global."""
        bids = (
            AtomicBid(0, 0, 8, ((0, 1),)),
            AtomicBid(0, 1, 7, ((1, 1),)),
            AtomicBid(1, 2, 10, ((0, 1), (1, 1))),
            AtomicBid(2, 3, 5, ((0, 1),)),
        )
        problem = WinnerProblem((1, 1), bids)
        assert core(problem) == vcg(problem) == {0: 10}

    def test_of_several_groups_a_part_may_stand_in_a_coalition(self) -> None:
        bids = (
            AtomicBid(0, 0, 6, ((0, 1),)),
            AtomicBid(0, 1, 6, ((1, 1),)),
            AtomicBid(1, 2, 6, ((2, 1),)),
            AtomicBid(2, 3, 10, ((1, 1), (2, 1))),
        )
        problem = WinnerProblem((1, 1, 1), bids)
        assert core(problem) == {0: 5, 1: 5}


class TestNearest:
    @given(
        st.lists(st.integers(0, 6), min_size=1, max_size=4),
        st.lists(
            st.builds(
                Demand,
                st.lists(st.integers(0, 3), min_size=1, unique=True).map(tuple),
                st.integers(0, 20),
            ),
            max_size=4,
        ),
    )
    def test_it_proves_what_it_finds(self, start: list[int], demands: list[Demand]) -> None:
        caps = [one + 5 for one in start]
        known = [
            Demand(tuple(p for p in demand.payers if p < len(start)), demand.least)
            for demand in demands
        ]
        found = nearest(start, caps, known)
        if found is None:
            assert any(sum(caps[p] for p in one.payers) < one.least for one in known)
        else:
            assert objection_to_payments(start, caps, known, found) == ""

    def test_what_is_less_further_or_elsewhere_is_refused(self) -> None:
        start, caps, demands = (3, 2), (8, 7), [Demand((0, 1), 10)]
        found = nearest(start, caps, demands)
        assert found is not None

        def objection(payments: tuple[object, ...], weights: object = found.weights) -> str:
            numbers = tuple(map(Fraction, payments))  # type: ignore[arg-type]  # texts or numbers
            return objection_to_payments(start, caps, demands, Nearest(numbers, weights))  # type: ignore[arg-type]  # any

        assert objection(("11/2", "9/2")) == ""
        assert "missed" in objection((5, 4))
        assert "does not bind" in objection((6, 5))
        assert "balance" in objection((6, 4))
        assert "missing" in objection((10,))
        assert "missing" in objection((5, 5), ())
        negative = ((Fraction(-1), Fraction(0)), *found.weights[1:])
        assert "negative" in objection(("11/2", "9/2"), negative)

    def test_conditions_that_hang_together_are_solved_together(self) -> None:
        start, caps = (0,) * 4, (20,) * 4
        demands = [
            Demand((0, 1), 10),
            Demand((1, 2), 10),
            Demand((2, 3), 10),
            Demand((0, 1, 2), 18),
            Demand((0, 2, 3), 17),
        ]
        found = nearest(start, caps, demands)
        assert found is not None
        assert objection_to_payments(start, caps, demands, found) == ""

    def test_demands_that_contradict_the_caps_are_found_out(self) -> None:
        assert nearest((0, 0), (3, 3), [Demand((0, 1), 7)]) is None
        assert nearest((0,), (3,), [Demand((), 1)]) is None
