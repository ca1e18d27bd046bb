"""Winner determination: greedy, bounds, and the exact search against brute force."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mabeam.core.combinatorial import (
    AtomicBid,
    Block,
    ClearingProblem,
    CoreSearch,
    Found,
    WinnerProblem,
    ascend,
    bound_by,
    clear,
    clear_exactly,
    clear_greedily,
    clearing,
    completed,
    core_payments,
    exact,
    greedy,
    objection_to,
    search,
    value_of,
)
from mabeam.core.combinatorial.clearing import settled


def bid(bidder: int, amount: int, *goods: int, group: int | None = None) -> AtomicBid:
    """Return a bid on single units."""
    uses = tuple((good, goods.count(good)) for good in sorted(set(goods)))
    return AtomicBid(bidder, bidder if group is None else group, amount, uses)


def brute_force(problem: WinnerProblem) -> int:
    """Return the greatest value of all sets of bids."""
    numbers = range(len(problem.bids))
    return max(
        value_of(problem, chosen)
        for size in range(len(problem.bids) + 1)
        for chosen in itertools.combinations(numbers, size)
        if not objection_to(problem, chosen)
    )


@st.composite
def problems(draw: st.DrawFn, *, sellers: bool = False) -> WinnerProblem:
    """Draw small problems of several units, groups, and, if so wished, sellers."""
    goods = draw(st.integers(1, 3))
    capacities = tuple(draw(st.integers(0, 3)) for _ in range(goods))
    bids: list[AtomicBid] = []
    for number in range(draw(st.integers(0, 7))):
        group = draw(st.integers(0, number))
        uses = draw(st.dictionaries(st.integers(0, goods - 1), st.integers(1, 3), min_size=1))
        sign = -1 if sellers and draw(st.booleans()) else 1
        low = 0 if sign > 0 else 1
        amount = sign * draw(st.integers(low, 12))
        bids.append(
            AtomicBid(group, group, amount, tuple((g, sign * q) for g, q in sorted(uses.items())))
        )
    return WinnerProblem(capacities, tuple(bids))


ANY = st.booleans().flatmap(lambda sellers: problems(sellers=sellers))


class TestFeasibility:
    def test_it_says_what_is_wrong(self) -> None:
        problem = WinnerProblem((1,), (bid(0, 5, 0), bid(0, 3, 0), bid(1, 4, 0)))
        assert objection_to(problem, (0,)) == ""
        assert objection_to(problem, (3,)) == "there is no such bid"
        assert objection_to(problem, (-1,)) == "there is no such bid"
        assert objection_to(problem, (0, 0)) == "a bid is listed twice, or out of order"
        assert objection_to(problem, (2, 0)) == "a bid is listed twice, or out of order"
        assert objection_to(problem, (0, 1)) == "two bids of one group are accepted"
        assert "used beyond" in objection_to(problem, (0, 2))


class TestGreedy:
    @given(ANY)
    def test_its_bids_can_be_accepted_and_lose_nothing(self, problem: WinnerProblem) -> None:
        accepted = greedy(problem)
        assert objection_to(problem, accepted) == ""
        assert 0 <= value_of(problem, accepted) <= brute_force(problem)
        assert completed(problem, accepted) == accepted

    def test_it_is_within_the_root_of_the_goods_and_no_better(self) -> None:
        """Lehmann, O'Callaghan and Shoham's bound is met here up to one unit."""
        small = bid(0, 101, 0)
        large = AtomicBid(1, 1, 200, tuple((good, 1) for good in range(4)))
        problem = WinnerProblem((1,) * 4, (small, large))
        assert value_of(problem, greedy(problem)) == 101
        assert brute_force(problem) == 200

    def test_a_buyer_finds_the_cheapest_sellers(self) -> None:
        buyer = bid(0, 20, 0, 0)
        sellers = [
            AtomicBid(n, n, -price, ((0, -units),))
            for n, price, units in ((1, 3, 1), (2, 9, 1), (3, 4, 1), (4, 30, 2))
        ]
        problem = WinnerProblem((0,), (buyer, *sellers))
        assert greedy(problem) == (0, 1, 3)

    def test_a_seller_that_costs_nothing_comes_first(self) -> None:
        free = AtomicBid(1, 1, 0, ((0, -1),))
        dear = AtomicBid(2, 2, -5, ((0, -2),))
        assert greedy(WinnerProblem((0,), (bid(0, 9, 0), dear, free))) == (0, 2)

    def test_a_seller_that_needs_what_is_not_there_is_passed_over(self) -> None:
        swap = AtomicBid(1, 1, -1, ((0, -1), (1, 1)))
        assert greedy(WinnerProblem((0, 0), (bid(0, 9, 0), swap))) == ()
        assert greedy(WinnerProblem((0, 1), (bid(0, 9, 0), swap))) == (0, 1)

    def test_trades_that_lose_are_left_alone(self) -> None:
        seller = AtomicBid(1, 1, -9, ((0, -1),))
        assert greedy(WinnerProblem((0,), (bid(0, 9, 0), seller))) == ()


class TestBounds:
    @given(ANY, st.lists(st.integers(0, 9000), min_size=3, max_size=3))
    def test_any_prices_prove_a_bound(self, problem: WinnerProblem, prices: list[int]) -> None:
        assert bound_by(problem, prices[: len(problem.capacities)]) >= brute_force(problem)

    @given(ANY)
    def test_following_excess_demand_never_makes_it_worse(self, problem: WinnerProblem) -> None:
        start = (0,) * len(problem.capacities)
        found = bound_by(problem, ascend(problem, greedy(problem), 40))
        assert brute_force(problem) <= found <= bound_by(problem, start)

    def test_competition_for_a_good_gives_its_price(self) -> None:
        problem = WinnerProblem((1,), tuple(bid(n, amount, 0) for n, amount in enumerate((9, 7))))
        assert bound_by(problem, ascend(problem, (0,), 40)) == 9

    @pytest.mark.parametrize("prices", [(), (1, 1), (-1,)])
    def test_anything_else_is_no_prices(self, prices: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="one price"):
            bound_by(WinnerProblem((1,), ()), prices)


class TestSearch:
    @given(ANY)
    def test_it_finds_what_brute_force_finds(self, problem: WinnerProblem) -> None:
        found = exact(problem, 10_000)
        assert found.value == found.bound == brute_force(problem)
        assert found.proved
        assert objection_to(problem, found.accepted) == ""
        assert value_of(problem, found.accepted) == found.value

    @given(ANY, st.integers(0, 6))
    def test_without_the_nodes_it_claims_no_more_than_it_knows(
        self, problem: WinnerProblem, nodes: int
    ) -> None:
        found = search(problem, (), (0,) * len(problem.capacities), nodes)
        best = brute_force(problem)
        assert found.value <= best <= found.bound
        assert found.proved == (found.value == found.bound)

    @given(ANY, st.lists(st.integers(0, 9), min_size=3, max_size=3))
    @example(
        WinnerProblem((1, 1), (bid(0, 1, 0, 1), bid(1, 7, 1), bid(1, 3, 0), bid(2, 4, 0, 1))),
        [1, 0],
    )
    def test_who_knows_the_best_needs_no_more_nodes_to_prove_it(
        self, problem: WinnerProblem, prices: list[int]
    ) -> None:
        """So a proof by search can be repeated, whatever its finder began with."""
        thousandths = [1000 * price for price in prices[: len(problem.capacities)]]

        def proves(incumbent: tuple[int, ...], nodes: int) -> Found | None:
            found = search(problem, incumbent, thousandths, nodes)
            return found if found.proved else None

        nodes, found = next((n, found) for n in range(100_000) if (found := proves((), n)))
        assert proves(found.accepted, nodes)

    def test_what_is_worth_less_than_nothing_is_not_begun_with(self) -> None:
        seller = AtomicBid(0, 0, -5, ((0, -1),))
        assert search(WinnerProblem((0,), (seller,)), (0,), (0,), 100).accepted == ()

    def test_it_backs_out_of_what_cannot_be_completed(self) -> None:
        problem = WinnerProblem((0,), (bid(0, 9, 0), AtomicBid(1, 1, -20, ((0, -1),))))
        assert search(problem, (), (0,), 100).accepted == ()


class TestClearing:
    @given(problems())
    def test_marginal_economies_are_those_without_each_winner(self, problem: WinnerProblem) -> None:
        solution = clear_exactly(ClearingProblem(problem, "marginals", "winners", 1), 10_000)
        for marginal in solution.marginals:
            others = tuple(bid for bid in problem.bids if bid.bidder != marginal.bidder)
            assert marginal.found.value == brute_force(WinnerProblem(problem.capacities, others))
            assert objection_to(problem, marginal.found.accepted) == ""

    @given(ANY, st.sampled_from(["winners", "marginals", "core"]))
    def test_what_is_cleared_at_once_is_honest(self, problem: WinnerProblem, wanted: str) -> None:
        asked = ClearingProblem(problem, wanted, "core", 1)  # type: ignore[arg-type]  # one of them
        found = clear_greedily(asked).main
        assert found.value >= value_of(problem, greedy(problem))
        assert found.value <= brute_force(problem) <= found.bound
        assert found.proved == (found.value == found.bound)

    def test_what_a_solver_left_unfinished_is_finished(self) -> None:
        problem = WinnerProblem((1,), (bid(0, 5, 0), bid(1, 4, 0)))
        asked = ClearingProblem(problem, "marginals", "marginals", 1)
        main = Found((0,), 5, 5, (5000,), "prices")

        def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:
            return main

        first, *_ = clear(asked, ask)
        assert (first.main, first.marginals) == (main, ())
        whole = clear_greedily(asked, first)
        assert [one.found.value for one in whole.marginals] == [4]
        assert clear_greedily(asked, whole) is whole

    def test_a_solver_that_errs_is_not_believed(self) -> None:
        problem = WinnerProblem((1,), (bid(0, 5, 0), bid(1, 4, 0)))
        lying = Found((0, 1), 9, 9, (), "solver")
        assert settled(problem, lying, ()) == Found((0,), 5, 9, (), "")
        below = Found((1,), 4, 4, (), "solver")
        assert settled(problem, below, ()) == Found((0,), 5, 5, (), "solver")

    def test_winners_that_were_not_proved_may_be_outdone_by_others(self) -> None:
        """The better bids turn up only when a winner is left out; then they win."""
        problem = WinnerProblem((1, 1), (bid(0, 14, 0), bid(1, 20, 0, 1), bid(2, 9, 1)))

        def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:
            if len(winners.bids) == 3:
                return Found((1,), 20, 99, (0, 0))
            return exact(winners, 1000)

        asked = ClearingProblem(problem, "marginals", "marginals", 1)
        *_, last = clear(asked, ask)
        assert last.main.value == 23

    def test_winners_that_are_not_the_best_may_have_no_core(self) -> None:
        """Bids worth 4 are accepted where others offer 5: those block whatever is paid."""
        problem = WinnerProblem((1,), (bid(0, 4, 0), bid(1, 5, 0)))
        search = CoreSearch(problem, Found((0,), 4, 9), [4])
        assert core_payments(search, [Block((1,))]) is None

    def test_a_search_for_blocks_without_end_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clearing, "BLOCKS_MAX", 1)
        problem = WinnerProblem((1, 1), (bid(0, 8, 0), bid(1, 7, 1), bid(2, 10, 0, 1)))
        last = clear_exactly(ClearingProblem(problem, "core", "winners", 1))
        assert (len(last.blocks), last.closing) == (1, None)

    def test_a_core_that_is_empty_is_not_found(self) -> None:
        """A solver that hides the better bids until it is asked who blocks."""
        pairs = (bid(0, 20, 0, 1), bid(3, 20, 0, 1))
        problem = WinnerProblem((1, 1), (*pairs, bid(1, 14, 0), bid(2, 9, 1)))

        def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:
            if len(winners.bids) == 4 and winners is not problem:
                return exact(winners, 1000)
            return Found(hint, 0, 99, (), "")

        *_, last = clear(ClearingProblem(problem, "core", "winners", 1), ask)
        assert (last.main.value, len(last.blocks), last.closing) == (20, 1, None)
