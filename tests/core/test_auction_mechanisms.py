"""Auctions as pure functions: what each promises, and controls that break each promise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.auction import (
    Allotment,
    Bid,
    Clearing,
    Clinch,
    ClockAward,
    DemandBid,
    UnitClearing,
    ausubel,
    discriminatory,
    efficiency,
    falling_clock,
    first_price,
    last_accepted,
    rising_award,
    rising_clock,
    second_price,
    uniform,
    unit_efficiency,
    vickrey,
    vickrey_of_totals,
)
from support.cases import cases

LIMITS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 30), max_size=5)


def by_name(name: str) -> str:
    return name


def by_bidder(bid: Bid) -> str:
    return bid.bidder


def sealed(rule: Callable[..., Clearing], amounts: dict[str, int], reserve: int = 0) -> Clearing:
    return rule([Bid(bidder, amount) for bidder, amount in amounts.items()], reserve, by_bidder)


class TestSealedScenarios:
    """Scenarios of the system this one descends from."""

    BIDS = {"b1": 10, "b2": 15, "b3": 12}

    def test_first_and_second_price_differ_in_what_is_paid_alone(self) -> None:
        first, second = sealed(first_price, self.BIDS), sealed(second_price, self.BIDS)
        values = {"b1": Fraction(8, 10), "b2": Fraction(9, 10), "b3": Fraction(7, 10)}
        assert (first.winner, first.price, len(first.ranking)) == ("b2", 15, 3)
        assert (second.winner, second.price) == ("b2", 12)
        assert values[first.winner or ""] == Fraction(9, 10)

    def test_a_tie_goes_to_the_first_and_shows(self) -> None:
        tie = sealed(first_price, {"b1": 15, "b2": 15, "b3": 12})
        assert (tie.winner, tie.price, tie.tied) == ("b1", 15, ("b1", "b2"))

    def test_without_bids_nobody_wins(self) -> None:
        assert sealed(first_price, {}) == Clearing((), None, None, (), price_is_reserve=False)

    def test_the_best_award_is_wholly_efficient(self) -> None:
        values = {"b1": 12, "b2": 18, "b3": 14}
        assert efficiency(values, "b2") == 1
        assert efficiency(values, "b3") == Fraction(14, 18)
        assert efficiency(values, None) == 0
        assert efficiency(values, "stranger") == 0
        assert efficiency({}, None) == efficiency({"b1": 0}, "b1") == 1

    def test_the_reserve_is_the_least_price(self) -> None:
        clearing = sealed(second_price, {"b1": 8, "b2": 15}, reserve=10)
        assert (clearing.winner, clearing.price) == ("b2", 10)

    def test_published_cases_of_the_second_price(self) -> None:
        published = json.loads((cases("auctions") / "auction_cases.json").read_text("utf-8"))
        assert len(published["second_price"]) == 4
        for case in published["second_price"]:
            found = sealed(second_price, case["bids"])
            assert (found.winner, found.price) == (case["winner"].split()[0], case["price"])


class TestFirstPrice:
    @given(LIMITS, st.integers(0, 31))
    def test_it_awards_as_the_second_price_does_and_charges_the_bid(
        self, amounts: dict[str, int], reserve: int
    ) -> None:
        first, second = (
            sealed(first_price, amounts, reserve),
            sealed(second_price, amounts, reserve),
        )
        assert (first.winner, first.ranking, first.tied) == (
            second.winner,
            second.ranking,
            second.tied,
        )
        if first.winner is not None and first.price is not None:
            assert first.price == amounts[first.winner] >= reserve
            assert first.price >= (second.price or 0)

    @given(LIMITS, st.integers(0, 31), st.integers(1, 5))
    def test_the_second_price_does_not_depend_on_the_winners_bid_and_the_first_does(
        self, amounts: dict[str, int], reserve: int, more: int
    ) -> None:
        before = sealed(second_price, amounts, reserve)
        if before.winner is None:
            return
        raised = amounts | {before.winner: amounts[before.winner] + more}
        assert sealed(second_price, raised, reserve).price == before.price
        first = sealed(first_price, amounts, reserve).price
        assert first is not None
        assert sealed(first_price, raised, reserve).price == first + more


class TestRisingClock:
    BUDGETS = {"b1": 100, "b2": 80, "b3": 60, "b4": 90}

    def limits(self, *bidders: str) -> dict[str, int]:
        return {bidder: self.BUDGETS[bidder] * 8 // 10 for bidder in bidders}

    @pytest.mark.parametrize(
        ("bidders", "start", "step", "award"),
        [
            (("b1", "b2"), 50, 10, ClockAward("b1", 60, 2)),
            (("b1",), 10, 1, ClockAward("b1", 10, 1)),
            (("b1", "b2", "b3", "b4"), 5, 1, ClockAward("b1", 72, 68)),
        ],
        ids=["two", "one", "four"],
    )
    def test_scenarios_of_the_system_this_one_descends_from(
        self, bidders: tuple[str, ...], start: int, step: int, award: ClockAward
    ) -> None:
        assert rising_clock(self.limits(*bidders), start, step, by_name) == award

    def test_a_clock_that_ends_too_early_crowns_nobody(self) -> None:
        """The original gave the lot to the first of its list."""
        award = rising_clock(self.limits("b1", "b2", "b3"), 1, 1, by_name, rounds_max=3)
        assert award == ClockAward(None, None, 3, ("b1", "b2", "b3"), is_undecided=True)

    def test_who_leaves_together_as_the_last_ties(self) -> None:
        award = rising_clock({"b": 14, "a": 12, "c": 11}, 10, 2, by_name)
        assert award == ClockAward("b", 12, 2)
        assert rising_clock({"b": 13, "a": 12}, 10, 2, by_name) == ClockAward(
            "a", 12, 2, ("a", "b")
        )

    def test_nobody_accepts_the_first_price(self) -> None:
        assert rising_clock({"a": 4}, 5, 1, by_name) == ClockAward(None, None, 1)
        assert rising_clock({}, 5, 1, by_name, rounds_max=9) == ClockAward(None, None, 1)

    def test_a_price_that_only_some_were_asked_decides_nothing(self) -> None:
        award = rising_award({"a": 7, "b": 6}, 6, 5, 1, by_name)
        assert award.is_undecided
        assert award.tied == ("a", "b")

    @given(LIMITS, st.integers(0, 10), st.integers(1, 7))
    def test_winner_and_price_are_vickreys_but_for_one_step(
        self, limits: dict[str, int], start: int, step: int
    ) -> None:
        clock = rising_clock(limits, start, step, by_name)
        sale = sealed(second_price, limits, start)
        assert (clock.winner is None) == (sale.winner is None)
        if clock.winner is None or clock.price is None or sale.price is None:
            return
        assert sale.price - step < clock.price <= sale.price
        assert start <= clock.price <= limits[clock.winner]
        assert limits[clock.winner] > max(limits.values()) - step

    @given(LIMITS, st.integers(0, 10))
    def test_in_steps_of_one_it_is_vickreys(self, limits: dict[str, int], start: int) -> None:
        clock, sale = rising_clock(limits, start, 1, by_name), sealed(second_price, limits, start)
        assert (clock.winner, clock.price, clock.tied) == (sale.winner, sale.price, sale.tied)

    def test_leaving_at_ones_value_is_best_whatever_the_others_do(self) -> None:
        for value, other, third in product(range(1, 7), repeat=3):
            gains = [self._utility(value, limit, {"b": other, "d": third}) for limit in range(8)]
            assert max(gains) == gains[value]

    def _utility(self, value: int, limit: int, others: dict[str, int]) -> int:
        award = rising_clock(others | {"c": limit}, 1, 1, by_name)
        return value - (award.price or 0) if award.winner == "c" else 0

    @given(st.integers(0, 40), st.integers(0, 10), st.integers(1, 7))
    def test_the_last_accepted_price_is_the_last_within_the_limit(
        self, limit: int, start: int, step: int
    ) -> None:
        shown = [price for price in range(start, limit + 1) if (price - start) % step == 0]
        assert last_accepted(limit, start, step) == (shown[-1] if shown else None)


class TestFallingClock:
    @pytest.mark.parametrize(
        ("stops", "start", "reserve", "rounds_max", "award"),
        [
            ({"b1": 90, "b2": 72, "b3": 54, "b4": 81}, 100, 20, None, ClockAward("b1", 90, 3)),
            ({"b1": 90}, 200, 150, 10, ClockAward(None, None, 10)),
        ],
        ids=["sold", "no sale"],
    )
    def test_scenarios_of_the_system_this_one_descends_from(
        self,
        stops: dict[str, int],
        start: int,
        reserve: int,
        rounds_max: int | None,
        award: ClockAward,
    ) -> None:
        found = falling_clock(stops, start, 5, reserve, by_name, rounds_max=rounds_max)
        assert found == award

    def test_the_reserve_itself_is_shown(self) -> None:
        assert falling_clock({"a": 10}, 20, 5, 10, by_name) == ClockAward("a", 10, 3)
        assert falling_clock({"a": 9}, 20, 5, 10, by_name) == ClockAward(None, None, 3)
        assert falling_clock({}, 20, 5, 10, by_name) == ClockAward(None, None, 3)

    def test_of_two_at_one_price_the_first_has_it(self) -> None:
        found = falling_clock({"b": 14, "a": 13}, 20, 5, 0, by_name)
        assert found == ClockAward("a", 10, 3, ("a", "b"))

    @given(LIMITS, st.integers(0, 12), st.integers(0, 20))
    def test_with_the_same_stop_prices_it_is_the_first_price(
        self, stops: dict[str, int], reserve: int, above: int
    ) -> None:
        start = max([reserve, *stops.values()]) + above
        clock = falling_clock(stops, start, 1, reserve, by_name)
        sale = sealed(first_price, stops, reserve)
        assert (clock.winner, clock.price, clock.tied) == (sale.winner, sale.price, sale.tied)

    @given(LIMITS, st.integers(0, 12), st.integers(0, 20), st.integers(1, 6))
    def test_it_agrees_with_a_clock_that_is_watched(
        self, stops: dict[str, int], reserve: int, above: int, step: int
    ) -> None:
        start = reserve + above
        expected: tuple[str | None, int | None] = (None, None)
        for price in range(start, reserve - 1, -step):
            ready = sorted(bidder for bidder, stop in stops.items() if stop >= price)
            if ready:
                expected = (ready[0], price)
                break
        found = falling_clock(stops, start, step, reserve, by_name)
        assert (found.winner, found.price) == expected

    def test_stopping_at_ones_value_is_not_best(self) -> None:
        """The control: like the first price, it is not truthful."""
        truthful = falling_clock({"a": 10, "b": 5}, 20, 1, 0, by_name)
        shading = falling_clock({"a": 6, "b": 5}, 20, 1, 0, by_name)
        assert (truthful.price, shading.price, shading.winner) == (10, 6, "a")


UnitRule = Callable[[Sequence[DemandBid], int, int, Callable[[str], object]], UnitClearing]
RULES: list[UnitRule] = [discriminatory, uniform, vickrey]
DEMANDS = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.integers(1, 9), min_size=1, max_size=4).map(lambda a: tuple(sorted(a)[::-1])),
    max_size=4,
)


def cleared(
    rule: UnitRule, demands: Mapping[str, tuple[int, ...]], units: int, reserve: int = 0
) -> UnitClearing:
    bids = [DemandBid(bidder, amounts) for bidder, amounts in demands.items()]
    return rule(bids, units, reserve, by_name)


def paid(clearing: UnitClearing) -> dict[str, tuple[int, int]]:
    return {one.bidder: (one.units, one.pays) for one in clearing.allotments}


class TestSeveralUnits:
    def test_the_two_apples_of_the_textbook(self) -> None:
        """A wants one apple for 5, B one for 2, C two for 6 and no single one."""
        found = vickrey_of_totals({"A": (5,), "B": (2,), "C": (0, 6)}, 2, by_name)
        assert found == (Allotment("A", 1, 4), Allotment("B", 1, 1))

    def test_the_two_apples_as_published(self) -> None:
        published = json.loads((cases("auctions") / "auction_cases.json").read_text("utf-8"))
        (case,) = [one for one in published["vcg_xor"] if "units" in one]
        totals = {bidder: (*[0] * (n - 1), amount) for bidder, n, amount in case["bids"]}
        found = vickrey_of_totals(totals, case["units"], by_name)
        pays = dict.fromkeys(totals, 0) | {one.bidder: one.pays for one in found}
        assert pays == case["payments"]
        assert sum(totals[one.bidder][one.units - 1] for one in found) == case["welfare"]

    @given(DEMANDS, st.integers(1, 5))
    def test_where_amounts_do_not_rise_totals_come_to_the_same(
        self, demands: dict[str, tuple[int, ...]], units: int
    ) -> None:
        totals = {bidder: tuple(accumulate(amounts)) for bidder, amounts in demands.items()}
        by_totals = vickrey_of_totals(totals, units, by_name)
        found = {one.bidder: (one.units, one.pays) for one in by_totals}
        assert found == paid(cleared(vickrey, demands, units))

    def test_the_rules_differ_in_what_is_paid_alone(self) -> None:
        demands = {"a": (9, 7, 4), "b": (8, 5), "c": (6, 3)}
        assert paid(cleared(discriminatory, demands, 4)) == {
            "a": (2, 16),
            "b": (1, 8),
            "c": (1, 6),
        }
        assert paid(cleared(uniform, demands, 4)) == {"a": (2, 10), "b": (1, 5), "c": (1, 5)}
        assert paid(cleared(vickrey, demands, 4)) == {"a": (2, 8), "b": (1, 4), "c": (1, 5)}

    def test_units_that_nobody_wants_stay(self) -> None:
        clearing = cleared(uniform, {"a": (9, 2)}, 3, 4)
        assert clearing == UnitClearing((Allotment("a", 1, 4),), 9, None, ())
        assert cleared(vickrey, {"a": (3,)}, 3, 4) == UnitClearing((), None, None, ())

    def test_a_tie_at_the_margin_shows_and_one_elsewhere_does_not(self) -> None:
        assert cleared(uniform, {"a": (5,), "b": (5,)}, 1).tied == ("a", "b")
        assert cleared(uniform, {"a": (5,), "b": (5,), "c": (4,)}, 2).tied == ()
        assert cleared(uniform, {"a": (5, 5)}, 1).tied == ()

    @pytest.mark.parametrize("rule", RULES)
    def test_a_single_unit_is_sold_as_by_the_sealed_rules(self, rule: UnitRule) -> None:
        one_lot = first_price if rule is discriminatory else second_price
        for amounts in product(range(1, 5), repeat=3):
            demands = {bidder: (a,) for bidder, a in zip("abc", amounts, strict=True)}
            sale = sealed(one_lot, {bidder: a[0] for bidder, a in demands.items()}, 2)
            found = paid(cleared(rule, demands, 1, 2))
            assert found == ({} if sale.winner is None else {sale.winner: (1, sale.price)})

    @given(DEMANDS, st.integers(1, 5), st.integers(0, 6), st.sampled_from(RULES))
    def test_the_highest_amounts_win_and_nobody_pays_more_than_it_bid(
        self, demands: dict[str, tuple[int, ...]], units: int, reserve: int, rule: UnitRule
    ) -> None:
        clearing = cleared(rule, demands, units, reserve)
        counted = sorted(
            (a for amounts in demands.values() for a in amounts if a >= reserve), reverse=True
        )
        won = [a for one in clearing.allotments for a in demands[one.bidder][: one.units]]
        assert sorted(won, reverse=True) == counted[:units]
        for one in clearing.allotments:
            bid = sum(demands[one.bidder][: one.units])
            assert reserve * one.units <= one.pays <= bid

    @given(DEMANDS, st.integers(1, 5))
    def test_without_a_reserve_the_allotment_is_efficient(
        self, demands: dict[str, tuple[int, ...]], units: int
    ) -> None:
        won = {one.bidder: one.units for one in cleared(vickrey, demands, units).allotments}
        assert unit_efficiency(demands, won, units) == 1

    def test_efficiency_is_the_share_of_the_best(self) -> None:
        assert unit_efficiency({"a": (9, 1), "b": (5,)}, {"a": 2}, 2) == Fraction(10, 14)
        assert unit_efficiency({}, {}, 2) == 1

    @given(DEMANDS, st.integers(1, 5), st.integers(0, 6))
    def test_ausubels_auction_comes_to_vickreys_outcome(
        self, demands: dict[str, tuple[int, ...]], units: int, reserve: int
    ) -> None:
        clinches = ausubel(demands, units, reserve, by_name)
        found: dict[str, tuple[int, int]] = {}
        for one in clinches:
            count, pays = found.get(one.bidder, (0, 0))
            found[one.bidder] = (count + one.units, pays + one.units * one.price)
        assert found == paid(cleared(vickrey, demands, units, reserve))
        assert [one.price for one in clinches] == sorted(one.price for one in clinches)

    def test_ausubels_own_example(self) -> None:
        """The illustration of Ausubel (2004): five licences, five bidders, values in millions.

        Bidder 1 pays 65, 75 and 85 for its three licences, bidder 3 pays 75 and 85 for two.
        """
        values = {
            "1": (123, 113, 103),
            "2": (75, 5, 3),
            "3": (125, 125, 49),
            "4": (85, 65, 7),
            "5": (45, 25, 5),
        }
        assert ausubel(values, 5, 1, by_name) == (
            Clinch("1", 1, 65),
            Clinch("1", 1, 75),
            Clinch("3", 1, 75),
            Clinch("1", 1, 85),
            Clinch("3", 1, 85),
        )

    def test_with_larger_steps_it_is_near_vickreys(self) -> None:
        assert ausubel({"a": (9,), "b": (6,)}, 1, 1, by_name, step=5) == (Clinch("a", 1, 6),)
        assert ausubel({"a": (9,), "b": (5,)}, 1, 1, by_name, step=5) == (Clinch("a", 1, 6),)


def unit_gains(rule: UnitRule, demand: int, most: int = 3, units: int = 2) -> Iterator[int]:
    """Yield every gain from an untrue bid, over all values, bids and rivals up to a limit.

    Args:
        rule: How units are cleared.
        demand: How many units a bidder wants.
        most: The greatest amount.
        units: How many units there are.
    """
    schedules = [
        a for a in product(range(most, 0, -1), repeat=demand) if list(a) == sorted(a)[::-1]
    ]
    shorter = [()] + [a[:n] for a in schedules for n in range(1, demand + 1)]
    for me, rivals in product("ac", product([a for a in shorter if a], repeat=2)):
        field = dict(zip("bd", rivals, strict=True))

        def utility(
            values: tuple[int, ...],
            bid: tuple[int, ...],
            me: str = me,
            field: dict[str, tuple[int, ...]] = field,
        ) -> int:
            bids = field | {me: bid} if bid else field
            won, pays = paid(cleared(rule, bids, units)).get(me, (0, 0))
            return sum(values[:won]) - pays

        for values in schedules:
            truth = utility(values, values)
            for bid in set(shorter):
                if utility(values, bid) > truth:
                    yield utility(values, bid) - truth


class TestTruthfulnessWithSeveralUnits:
    def test_under_vickreys_rule_no_bid_is_better_than_the_values(self) -> None:
        assert list(unit_gains(vickrey, 2)) == []

    def test_under_the_uniform_price_so_for_who_wants_one_unit(self) -> None:
        assert list(unit_gains(uniform, 1, most=4)) == []

    def test_under_the_uniform_price_who_wants_several_gains_by_asking_for_fewer(self) -> None:
        """The control: demand reduction pays."""
        assert list(unit_gains(uniform, 2))

    @pytest.mark.parametrize("demand", [1, 2])
    def test_under_the_discriminatory_price_it_pays_to_bid_less(self, demand: int) -> None:
        """The control: the search does find what profits, where something does."""
        assert list(unit_gains(discriminatory, demand))
