"""Fisher markets: equilibria that are exact, what they promise, and how they are proved."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st
from scipy.optimize import linprog  # type: ignore[import-untyped]  # it has no types

from mabeam.core.auction import AuctionDecided
from mabeam.core.errors import Rejected
from mabeam.core.market import (
    FISHER_MARKET,
    Allocated,
    Endowment,
    FisherMarketDecided,
    FisherMarketOpened,
    Priced,
    Shares,
    Supply,
    UtilitiesStated,
    Utility,
    equilibrium_shares,
    violation,
)
from mabeam.core.market import fisher as fisher_module
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Alternative,
    Closed,
    Considered,
    Hearing,
    Open,
    Speech,
    hearing,
    standing,
)
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")
OTHER = AuctionDecided(
    outcome="no_quorum", rule=Policy("linear"), considered=Considered(1, 2), lot="cpu"
)
Market = tuple[list[list[int]], list[int], list[int]]


@st.composite
def markets(draw: st.DrawFn, *, equal_budgets: bool = False, scales: bool = False) -> Market:
    """Draw utilities, budgets and supplies: small numbers, or of all sizes that are allowed."""
    buyers, goods = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    powers = st.integers(0, 6).map(lambda exponent: 10**exponent)
    value = st.just(0) | powers if scales else st.integers(0, 9)
    row = st.lists(value, min_size=goods, max_size=goods).filter(any)
    utilities = draw(st.lists(row, min_size=buyers, max_size=buyers))
    budget = st.just(10) if equal_budgets else st.integers(1, 2**53 - 1 if scales else 20)
    budgets = draw(st.lists(budget, min_size=buyers, max_size=buyers))
    supply = powers if scales else st.integers(1, 5)
    return utilities, budgets, draw(st.lists(supply, min_size=goods, max_size=goods))


def utility(market: Market, shares: Shares, buyer: int, whose: int | None = None) -> Fraction:
    """Return what a buyer's shares, or another's, are worth to it."""
    owner = buyer if whose is None else whose
    return sum(
        (
            market[0][buyer][good] * q
            for (one, good), q in shares.quantities.items()
            if one == owner
        ),
        Fraction(0),
    )


class TestEquilibrium:
    def test_two_buyers_who_want_different_goods_pay_their_budgets(self) -> None:
        assert equilibrium_shares([[1, 0], [0, 1]], [3, 7], [2, 1]) == Shares(
            (Fraction(3, 2), Fraction(7)), {(0, 0): Fraction(2), (1, 1): Fraction(1)}
        )

    def test_one_who_wants_both_fixes_their_ratio(self) -> None:
        shares = equilibrium_shares([[2, 1], [0, 1]], [10, 1], [1, 1])
        assert shares.prices == (Fraction(22, 3), Fraction(11, 3))
        assert shares.quantities[1, 1] == Fraction(3, 11)

    def test_equal_tastes_share_in_proportion_to_budgets(self) -> None:
        shares = equilibrium_shares([[1], [1], [1]], [1, 2, 3], [6])
        assert [*shares.quantities.values()] == [1, 2, 3]

    def test_what_nobody_wants_is_free_and_left_over(self) -> None:
        shares = equilibrium_shares([[1, 0]], [5], [1, 9])
        assert shares.prices == (Fraction(5), Fraction(0))
        assert [*shares.quantities] == [(0, 0)]

    @settings(deadline=None)
    @hypothesis_given(markets())
    def test_small_markets_clear_exactly(self, market: Market) -> None:
        assert violation(*market, equilibrium_shares(*market)) == 0

    @settings(deadline=None)
    @hypothesis_given(markets(scales=True))
    def test_what_is_worth_little_beside_the_rest_is_sold_out_all_the_same(
        self, market: Market
    ) -> None:
        gap = violation(*market, equilibrium_shares(*market))
        assert gap is not None
        assert gap <= Fraction(1, 10_000)

    def test_a_good_that_takes_a_millionth_of_a_millionth_of_the_money_has_its_price(self) -> None:
        prices = equilibrium_shares([[1, 10**6]], [1], [1, 10**6]).prices
        assert prices == (Fraction(1, 10**12 + 1), Fraction(10**6, 10**12 + 1))

    @settings(deadline=None)
    @hypothesis_given(markets(), st.randoms(use_true_random=False))
    def test_prices_are_unique(self, market: Market, chance: Any) -> None:  # noqa: ANN401 - a generator
        """The order of buyers and goods does not matter, nor does the scale of a utility."""
        utilities, budgets, supplies = market
        buyers, goods = [*range(len(budgets))], [*range(len(supplies))]
        chance.shuffle(buyers)
        chance.shuffle(goods)
        other = equilibrium_shares(
            [[7 * utilities[b][g] for g in goods] for b in buyers],
            [budgets[b] for b in buyers],
            [supplies[g] for g in goods],
        )
        prices = equilibrium_shares(*market).prices
        assert list(other.prices) == [prices[g] for g in goods]

    @settings(deadline=None)
    @hypothesis_given(markets(equal_budgets=True))
    def test_with_equal_budgets_nobody_envies_another(self, market: Market) -> None:
        shares = equilibrium_shares(*market)
        for one, other in product(range(len(market[1])), repeat=2):
            assert utility(market, shares, one) >= utility(market, shares, one, other)

    def test_with_unequal_ones_the_poor_do(self) -> None:
        """The control for envy."""
        market: Market = ([[1], [1]], [1, 9], [1])
        shares = equilibrium_shares(*market)
        assert utility(market, shares, 0) < utility(market, shares, 0, 1)

    @settings(max_examples=30, deadline=None)
    @hypothesis_given(markets())
    def test_nobody_could_have_more_without_another_having_less(self, market: Market) -> None:
        utilities, budgets, supplies = market
        shares = equilibrium_shares(*market)
        assert _most_to_gain(market, [utility(market, shares, b) for b in range(len(budgets))]) < (
            1e-6 * max(map(max, utilities)) * sum(supplies)
        )

    def test_what_could_be_better_for_all_is_found_out(self) -> None:
        """The control for the test above: goods in the wrong hands."""
        market: Market = ([[1, 0], [0, 1]], [1, 1], [1, 1])
        assert _most_to_gain(market, [Fraction(0), Fraction(0)]) > 1.9

    def test_what_is_found_nearly_is_nearly_right(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fisher_module, "_THRESHOLDS", ())
        market: Market = ([[3, 5, 2], [4, 0, 7]], [10, 3], [2, 1, 9])
        monkeypatch.setattr(fisher_module, "WORK_MAX", 10)
        rough = violation(*market, equilibrium_shares(*market))
        monkeypatch.setattr(fisher_module, "WORK_MAX", 10_000)
        near = violation(*market, equilibrium_shares(*market))
        assert rough is not None
        assert near is not None
        assert 0 < near <= min(rough, Fraction(1, 1000))

    def test_a_market_of_some_size_clears_exactly(self) -> None:
        chance = np.random.default_rng(7)
        utilities = chance.integers(0, 100, (20, 10)).tolist()
        budgets, supplies = chance.integers(1, 100, 20).tolist(), chance.integers(1, 9, 10).tolist()
        shares = equilibrium_shares(utilities, budgets, supplies)
        assert violation(utilities, budgets, supplies, shares) == 0


def _most_to_gain(market: Market, had: list[Fraction]) -> float:
    """Return the most that all could gain together if nobody lost."""
    utilities, budgets, supplies = market
    buyers, goods = len(budgets), len(supplies)
    worth = -np.array(utilities, dtype=float).reshape(-1)
    keep = np.zeros((buyers, buyers * goods))
    for buyer in range(buyers):
        keep[buyer, buyer * goods : (buyer + 1) * goods] = [-v for v in utilities[buyer]]
    there = np.tile(np.eye(goods), buyers)
    found: Any = linprog(
        worth,
        A_ub=np.vstack([keep, there]),
        b_ub=[*(-float(one) + 1e-9 for one in had), *map(float, supplies)],
    )
    return float(-found.fun - float(sum(had)))


class TestViolation:
    MARKET: Market = ([[1, 0], [1, 1]], [2, 2], [1, 1])
    RIGHT = Shares((Fraction(2), Fraction(2)), {(0, 0): Fraction(1), (1, 1): Fraction(1)})

    @pytest.mark.parametrize(
        ("prices", "quantities", "gap"),
        [
            ((2, 2), {(0, 0): 1, (1, 1): 1}, 0),
            ((2, 2), {(0, 0): 1, (1, 1): Fraction(1, 2)}, Fraction(1, 2)),
            ((2, 2), {(0, 0): 1, (1, 1): 2}, 1),
            ((1, 3), {(0, 0): 2, (1, 1): Fraction(2, 3)}, 1),
            ((2, 0), {(0, 0): 1}, None),
            ((-2, 2), {(0, 0): 1, (1, 1): 1}, None),
            ((2, 2), {(0, 0): -1, (1, 1): 1}, None),
        ],
    )
    def test_it_is_the_largest_of_all(
        self,
        prices: tuple[int, int],
        quantities: dict[tuple[int, int], Fraction | int],
        gap: Fraction | int | None,
    ) -> None:
        shares = Shares(
            tuple(map(Fraction, prices)), {edge: Fraction(q) for edge, q in quantities.items()}
        )
        assert violation(*self.MARKET, shares) == gap

    def test_a_buyer_who_buys_what_it_does_not_want_is_found_out(self) -> None:
        shares = Shares((Fraction(2), Fraction(2)), {(1, 0): Fraction(1), (0, 1): Fraction(1)})
        assert violation(*self.MARKET, shares) == 1


# Sessions


def market(**fields: Any) -> FisherMarketOpened:  # noqa: ANN401 - fields are any
    given_fields: dict[str, Any] = {
        "goods": (Supply("cpu", 10), Supply("gpu")),
        "endowments": (Endowment("ann", 10), Endowment("ben", 1)),
    }
    return FisherMarketOpened(**(given_fields | fields))


def states(agent: str, **values: int) -> Said:
    return said(UtilitiesStated(values=tuple(Utility(g, v) for g, v in values.items())), agent)


def heard(opening: FisherMarketOpened, *past: Past) -> Hearing[FisherMarketOpened]:
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[FisherMarketOpened]", hearing("s", state))


def decided(opening: FisherMarketOpened, *past: Past) -> FisherMarketDecided:
    found = heard(opening, *past)
    decision = FISHER_MARKET.decide(found)
    assert isinstance(decision, FisherMarketDecided)
    FISHER_MARKET.verify(found, decision)
    return decision


BOTH = (states("ann", cpu=1, gpu=20), states("ben", gpu=3))


class TestOpening:
    @pytest.mark.parametrize(
        ("opening", "code", "field"),
        [
            (market(rule=Policy("concave")), "policy.unknown", "policy"),
            (market(goods=()), "market.range", "goods"),
            (market(goods=(Supply("a"), Supply("a"))), "market.fisher", "goods"),
            (market(goods=(Supply(""),)), "market.fisher", "goods"),
            (market(goods=(Supply("x" * 201),)), "market.text", "good"),
            (market(goods=(Supply("a", 0),)), "market.range", "quantity"),
            (market(endowments=()), "market.range", "endowments"),
            (market(endowments=(Endowment("ann"),)), "market.fisher", "budget"),
            (market(endowments=(Endowment("ann", 0),)), "market.range", "budget"),
            (market(endowments=(Endowment("ann", 1, 1),)), "market.endowments", "holding"),
            (market(tolerance=Decimal(1)), "market.fisher", "tolerance"),
            (market(tolerance=Decimal("NaN")), "market.fisher", "tolerance"),
            (market(tolerance=Decimal("0." + "0" * 40 + "1")), "market.fisher", "tolerance"),
            (
                market(
                    goods=tuple(Supply(f"g{n}") for n in range(50)),
                    endowments=tuple(Endowment(f"a{n}", 1) for n in range(21)),
                ),
                "market.range",
                "buyers times goods",
            ),
        ],
        ids=str,
    )
    def test_what_cannot_be_held_is_refused(
        self, opening: FisherMarketOpened, code: str, field: str
    ) -> None:
        given(SESSION).when(Open(opening)).then_rejected(code, field=field)

    def test_what_can_be_is_not(self) -> None:
        given(SESSION).when(Open(market())).then(market())


class TestWords:
    @pytest.mark.parametrize(
        "values",
        [{}, {"cpu": 0}, {"cpu": -1}, {"cpu": 10**6 + 1}, {"ram": 1}, {"cpu": 1, "gpu": 1, "x": 1}],
        ids=str,
    )
    def test_what_says_nothing_does_not_count(self, values: dict[str, int]) -> None:
        decision = decided(market(), states("ann", **values))
        assert decision.outcome == "no_quorum"
        assert decision.alternatives[0].reason.startswith("invalid: ")

    def test_a_good_named_twice_does_not_count(self) -> None:
        word = UtilitiesStated(values=(Utility("cpu", 1), Utility("cpu", 2)))
        with pytest.raises(Rejected):
            FISHER_MARKET.check_speech(market(), word)

    def test_words_of_another_kind(self) -> None:
        class Other(Speech, frozen=True, kw_only=True):
            pass

        FISHER_MARKET.check_speech(market(), Other())
        assert FISHER_MARKET.say(Other()) == ""


class TestDecisions:
    def test_all_is_told(self) -> None:
        assert decided(market(), *BOTH) == FisherMarketDecided(
            outcome="decided",
            rule=Policy("linear"),
            considered=Considered(1, 4),
            prices=(Priced("cpu", "11/30"), Priced("gpu", "22/3")),
            allocations=(
                Allocated("ann", "cpu", "10"),
                Allocated("ann", "gpu", "19/22"),
                Allocated("ben", "gpu", "3/22"),
            ),
        )

    def test_who_has_no_budget_takes_no_part(self) -> None:
        decision = decided(market(), *BOTH, states("eve", cpu=5))
        assert [(a.agent, a.reason) for a in decision.alternatives] == [("eve", "no_budget")]
        alone = decided(market(), states("eve", cpu=5))
        assert alone.outcome == "no_quorum"

    def test_below_the_quorum_nothing_is_shared(self) -> None:
        decision = decided(market(quorum=3), *BOTH)
        assert (decision.outcome, decision.prices) == ("no_quorum", ())
        assert {lost.reason for lost in decision.alternatives} == {"no_quorum"}

    def test_what_was_not_found_in_time_is_no_decision(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fisher_module, "_THRESHOLDS", ())
        monkeypatch.setattr(fisher_module, "WORK_MAX", 1)
        with pytest.raises(Rejected, match="found in time"):
            FISHER_MARKET.decide(heard(market(tolerance=Decimal(0)), *BOTH))

    def test_it_is_the_value_of_no_variable(self) -> None:
        assert FISHER_MARKET.result(decided(market(), *BOTH)) is None

    def test_what_was_stated_is_shown(self) -> None:
        shown = standing("s", given(SESSION, market(), BOTH[0]).state)
        assert shown.columns == ("buyer", "budget", "cpu", "gpu")
        assert (shown.rows, shown.remarks) == (
            (("ann", "10", "1", "20"),),
            ("1 of 2 buyers with a budget have spoken.",),
        )

    def test_after_the_closing_it_is_shown_who_gets_what(self) -> None:
        shown = standing("s", given(SESSION, market(), *BOTH, CLOSED).state)
        assert shown.columns == ("buyer", "good", "quantity", "price")
        assert shown.rows == (
            ("ann", "cpu", "10", "11/30"),
            ("ann", "gpu", "19/22", "22/3"),
            ("ben", "gpu", "3/22", "22/3"),
        )

    def test_where_nothing_was_found_in_time_the_utilities_are_shown(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fisher_module, "_THRESHOLDS", ())
        monkeypatch.setattr(fisher_module, "WORK_MAX", 1)
        opening = market(tolerance=Decimal(0))
        shown = standing("s", given(SESSION, opening, *BOTH, CLOSED).state)
        assert shown.columns == ("buyer", "budget", "cpu", "gpu")

    def test_under_seal_nobody_sees_utilities_before_the_closing(self) -> None:
        opening = market(visibility="sealed")
        shown = standing("s", given(SESSION, opening, BOTH[0]).state)
        assert (shown.rows, shown.remarks) == (
            (("ann", "10"),),
            ("1 of 2 buyers with a budget have spoken.", "Utilities are sealed until the closing."),
        )


class TestCertificates:
    @pytest.mark.parametrize(
        "change",
        [
            {"outcome": "no_quorum"},
            {"rule": Policy("concave")},
            {"considered": Considered(1, 9)},
            {"superseded": 1},
            {"prices": ()},
            {"prices": (Priced("gpu", "22/3"), Priced("cpu", "11/30"))},
            {"prices": (Priced("cpu", "11/30"), Priced("gpu", "7"))},
            {"prices": (Priced("cpu", "11/30"), Priced("gpu", "0"))},
            {"prices": (Priced("cpu", "11/30"), Priced("gpu", "x"))},
            {"allocations": ()},
            {"allocations": (Allocated("eve", "cpu", "10"),)},
            {"allocations": (Allocated("ann", "ram", "10"),)},
            {"allocations": (Allocated("ann", "cpu", "10"), Allocated("ann", "cpu", "10"))},
            {"allocations": (Allocated("ann", "gpu", "19/22"), Allocated("ann", "cpu", "10"))},
            {"allocations": (Allocated("ann", "cpu", "0"),)},
            {"gap": "1/1000000000"},
            {"alternatives": (Alternative("eve", "cpu 1", 3, "no_budget"),)},
        ],
        ids=str,
    )
    def test_a_corrupted_decision_is_refused(self, change: dict[str, object]) -> None:
        corrupted = msgspec.structs.replace(decided(market(), *BOTH), **change)
        with pytest.raises(Rejected) as caught:
            FISHER_MARKET.verify(heard(market(), *BOTH), corrupted)
        assert caught.value.code == "market.certificate"

    def test_another_equilibrium_within_the_tolerance_is_proved_too(self) -> None:
        """What proves it are its conditions, whoever found it and however."""
        right = decided(market(tolerance=Decimal("0.01")), *BOTH)
        near = (
            Allocated("ann", "cpu", "10"),
            Allocated("ann", "gpu", "863/1000"),
            Allocated("ben", "gpu", "17/125"),
        )
        other = msgspec.structs.replace(right, allocations=near)
        found = heard(market(tolerance=Decimal("0.01")), *BOTH)
        with pytest.raises(Rejected) as caught:
            FISHER_MARKET.verify(found, other)
        assert caught.value.field == "gap"
        FISHER_MARKET.verify(found, msgspec.structs.replace(other, gap=caught.value.allowed))

    def test_nothing_is_shared_without_a_quorum(self) -> None:
        prices = decided(market(), *BOTH).prices
        forged = msgspec.structs.replace(decided(market(quorum=3), *BOTH), prices=prices)
        with pytest.raises(Rejected, match="prices"):
            FISHER_MARKET.verify(heard(market(quorum=3), *BOTH), forged)

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        with pytest.raises(Rejected, match="Fisher market"):
            FISHER_MARKET.verify(heard(market(), *BOTH), OTHER)
