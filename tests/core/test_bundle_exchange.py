"""Bundle exchanges: what is traded, that the payments balance, and who checks it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from mabeam.core.bundle_exchange import (
    BUNDLE_EXCHANGE,
    BundleOrder,
    BundlesExchanged,
    ExchangeOpened,
    OrdersPlaced,
    examine_exchange,
    threshold,
    vcg_discounts,
)
from mabeam.core.combinatorial import ClearingProblem, ClearingSolution, Economy, clear_exactly
from mabeam.core.consensus import BallotCast, ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import SESSION, Closed, Considered, Hearing, Open, hearing, standing
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")


def orders(agent: str, *wanted: tuple[str, str, int], language: str = "or") -> Said:
    """Return a word on bundles of single letters: side, goods, amount."""
    made = tuple(
        BundleOrder(side, {g: goods.count(g) for g in goods}, amount)  # type: ignore[arg-type]  # buy or sell
        for side, goods, amount in wanted
    )
    return said(OrdersPlaced(orders=made, language=language), agent)  # type: ignore[arg-type]  # xor or or


def opened(**fields: Any) -> ExchangeOpened:  # noqa: ANN401 - fields of many kinds
    return ExchangeOpened(goods=("A", "B"), **fields)


def heard(opening: ExchangeOpened, *past: Past) -> Hearing[ExchangeOpened]:
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[ExchangeOpened]", hearing("s", state))


def decided(opening: ExchangeOpened, *past: Past, solves: bool = True) -> BundlesExchanged:
    """Decide a closed exchange, and let the certificate prove it."""
    found = heard(opening, *past)
    assert BUNDLE_EXCHANGE.problem is not None
    assert BUNDLE_EXCHANGE.conclude is not None
    asked = BUNDLE_EXCHANGE.problem(found)
    if asked is None or not solves:
        decision = BUNDLE_EXCHANGE.decide(found)
    else:
        solution = clear_exactly(cast("ClearingProblem", asked))
        assert isinstance(solution, ClearingSolution)
        decision = BUNDLE_EXCHANGE.conclude(found, solution)
    BUNDLE_EXCHANGE.verify(found, decision)
    assert isinstance(decision, BundlesExchanged)
    return decision


PAIR = (orders("buyer", ("buy", "A", 10)), orders("seller", ("sell", "A", 4)))
BUNDLE = (
    orders("ann", ("sell", "A", 3)),
    orders("ben", ("sell", "B", 2)),
    orders("cyd", ("buy", "AB", 11)),
    orders("dan", ("buy", "A", 4)),
)


def paid(decision: BundlesExchanged) -> dict[str, Fraction]:
    return {payment.agent: Fraction(payment.amount) for payment in decision.payments}


class TestThreshold:
    @hypothesis_given(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=6))
    def test_the_cut_is_the_least_that_the_surplus_suffices_for(
        self, surplus: int, without: list[int]
    ) -> None:
        discounts = vcg_discounts(surplus, without)
        cut = threshold(surplus, discounts)

        def kept(by: Fraction) -> Fraction:
            return sum((max(Fraction(0), d - by) for d in discounts), Fraction(0))

        assert cut >= 0
        assert kept(cut) <= surplus
        if cut:
            assert kept(cut) == surplus
            assert kept(cut * Fraction(99, 100)) > surplus or surplus == 0

    def test_vcg_runs_a_deficit(self) -> None:
        """One buyer and one seller each get back the whole surplus of 6, so 6 are missing."""
        discounts = vcg_discounts(6, (0, 0))
        payments = (10 - discounts[0], -4 - discounts[1])
        assert sum(payments) == -6
        assert threshold(6, discounts) == 3

    def test_equal_cuts_of_unequal_discounts(self) -> None:
        assert threshold(10, (8, 6, 1)) == Fraction(2)
        assert threshold(10, (10, 10, 1)) == 5
        assert threshold(4, (1, 1)) == 0


class TestDecisions:
    def test_a_buyer_and_a_seller_share_what_they_gain(self) -> None:
        decision = decided(opened(), *PAIR)
        assert paid(decision) == {"buyer": 7, "seller": -7}
        assert (decision.cut, decision.margin, decision.unused) == ("3", "0", {})

    def test_a_bundle_is_put_together_from_several_sellers(self) -> None:
        decision = decided(opened(), *BUNDLE)
        assert [(t.agent, t.side) for t in decision.trades] == [
            ("ann", "sell"),
            ("ben", "sell"),
            ("cyd", "buy"),
        ]
        assert sum(paid(decision).values()) == 0
        assert [(lost.agent, lost.reason) for lost in decision.alternatives] == [
            ("dan", "unmatched")
        ]

    def test_what_is_left_of_a_bundle_is_listed(self) -> None:
        decision = decided(
            opened(), orders("ann", ("sell", "AB", 3)), orders("ben", ("buy", "A", 9))
        )
        assert decision.unused == {"B": 1}

    def test_where_nobody_gains_nobody_trades(self) -> None:
        decision = decided(
            opened(), orders("ann", ("sell", "A", 9)), orders("ben", ("buy", "A", 8))
        )
        assert (decision.outcome, decision.trades, decision.payments) == ("decided", (), ())

    def test_a_trader_may_buy_and_sell_at_once(self) -> None:
        swap = orders("ann", ("sell", "A", 1), ("buy", "B", 9))
        decision = decided(opened(), swap, orders("ben", ("sell", "B", 2), ("buy", "A", 5)))
        assert len(decision.trades) == 4
        assert sum(paid(decision).values()) == 0

    def test_of_exclusive_orders_one_is_carried_out(self) -> None:
        either = orders("ann", ("sell", "A", 1), ("sell", "B", 1), language="xor")
        decision = decided(
            opened(), either, orders("ben", ("buy", "A", 5)), orders("cyd", ("buy", "B", 6))
        )
        assert [t.agent for t in decision.trades] == ["ann", "cyd"]

    def test_nothing_happens_without_orders_or_quorum(self) -> None:
        nothing = decided(opened(), orders("ann"))
        assert (nothing.outcome, nothing.alternatives[0].reason) == ("no_quorum", "no_order")
        alone = decided(opened(quorum=2), orders("ann", ("buy", "A", 3)))
        assert (alone.outcome, alone.alternatives[0].reason) == ("no_quorum", "no_quorum")

    def test_without_a_solver_the_greedy_trades_stand_and_balance(self) -> None:
        decision = decided(opened(), *BUNDLE, solves=False)
        assert sum(paid(decision).values()) >= 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("opening", "code"),
        [
            (ExchangeOpened(goods=()), "bundles.range"),
            (ExchangeOpened(goods=("A", "A")), "bundles.goods"),
            (opened(rule=Policy("vcg")), "policy.unknown"),
            (opened(rule=Policy("threshold", 1, {"x": 1})), "policy.parameters"),
            (opened(orders_max=0), "bundles.range"),
            (opened(tie_break="refuse"), "bundles.tie_break"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, opening: ExchangeOpened, code: str) -> None:
        given(SESSION).when(Open(opening)).then_rejected(code)

    def test_an_order_for_what_is_not_traded_does_not_count(self) -> None:
        decision = decided(opened(), orders("ann", ("buy", "C", 3)))
        assert "no such good" in decision.alternatives[0].reason

    def test_the_rule_for_orders_minds_orders_alone(self) -> None:
        BUNDLE_EXCHANGE.check_speech(opened(), BallotCast(value=Decimal(1)))
        assert BUNDLE_EXCHANGE.say(BallotCast(value=Decimal(1))) == ""


def variants(decision: BundlesExchanged) -> Iterator[BundlesExchanged]:
    """Yield the decision with one thing changed at a time."""
    assert decision.main is not None
    first = msgspec.structs.replace(decision.payments[0], amount="1")
    worse = msgspec.structs.replace(decision.main, value=1)
    other = msgspec.structs.replace(decision.main, without="ann")
    changes: dict[str, tuple[object, ...]] = {
        "outcome": ("no_quorum",),
        "rule": (Policy("vcg"),),
        "considered": (Considered(1, 2),),
        "superseded": (4,),
        "alternatives": (decision.alternatives * 2 or ("x",),),
        "trades": (decision.trades[1:],),
        "payments": (decision.payments[1:], (first, *decision.payments[1:])),
        "margin": ("1",),
        "cut": ("0", "1", "-1", "100", "x"),
        "unused": ({"A": 1},),
        "main": (None, worse, other),
        "marginal": (decision.marginal[1:], ()),
    }
    for field, values in changes.items():
        for value in values:
            yield msgspec.structs.replace(decision, **{field: value})


class TestForgery:
    @pytest.mark.parametrize("past", [PAIR, BUNDLE])
    def test_any_change_is_found_out(self, past: tuple[Said, ...]) -> None:
        found, decision = heard(opened(), *past), decided(opened(), *past)
        for forged in variants(decision):
            if forged != decision:
                with pytest.raises(Rejected) as caught:
                    BUNDLE_EXCHANGE.verify(found, forged)
                assert caught.value.code == "bundles.certificate"

    def test_trades_that_are_not_those_of_the_economy_are_found_out(self) -> None:
        found, decision = heard(opened(), *PAIR), decided(opened(), *PAIR)
        trades = tuple(msgspec.structs.replace(t, amount=t.amount + 1) for t in decision.trades)
        with pytest.raises(Rejected, match="orders of the main economy"):
            BUNDLE_EXCHANGE.verify(found, msgspec.structs.replace(decision, trades=trades))

    def test_a_trade_where_there_was_none_is_found_out(self) -> None:
        found, decision = heard(opened()), decided(opened())
        for changes in ({"margin": "1"}, {"main": Economy(0, 0)}):
            with pytest.raises(Rejected, match="trades"):
                BUNDLE_EXCHANGE.verify(found, msgspec.structs.replace(decision, **changes))

    def test_another_decision_is_none_of_this(self) -> None:
        other = ConsensusDecided(
            outcome="decided", rule=Policy("x"), considered=Considered(1, 2), value=None
        )
        with pytest.raises(Rejected, match="a decision of a bundle exchange"):
            BUNDLE_EXCHANGE.verify(heard(opened()), other)
        assert BUNDLE_EXCHANGE.result(other) is None

    def test_examining_tells_how_each_economy_is_known(self) -> None:
        found, decision = heard(opened(), *PAIR), decided(opened(), *PAIR)
        claims = examine_exchange(found, decision)
        assert [claim.subject for claim in claims] == [
            "all",
            "without buyer",
            "without seller",
        ] or [claim.subject for claim in claims] == ["all", "without seller", "without buyer"]


class TestShowing:
    def test_orders_are_shown_with_a_quick_look_at_who_would_trade(self) -> None:
        shown = standing("s", given(SESSION, opened(), *PAIR).state)
        assert shown.rows == (
            ("buyer", "buy", "A", "10", "traded"),
            ("seller", "sell", "A", "4", "traded"),
        )
        assert shown.remarks[0].startswith("Surplus in this quick look: 6")
        assert standing("s", given(SESSION, opened()).state).remarks == ()

    def test_under_seal_it_tells_only_who_has_ordered(self) -> None:
        opening = opened(visibility="sealed")
        shown = standing("s", given(SESSION, opening, *PAIR).state)
        assert [len(row) for row in shown.rows] == [2] * len(PAIR)
        assert shown.remarks == ("the orders are sealed until the closing",)

    def test_the_result_says_who_trades_what(self) -> None:
        assert BUNDLE_EXCHANGE.result(decided(opened(), *PAIR)) == "buyer buys A; seller sells A"
        assert BUNDLE_EXCHANGE.result(decided(opened())) is None


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "ben", "cyd", "dan"]),
        st.lists(
            st.tuples(
                st.sampled_from(["buy", "sell"]),
                st.sampled_from(["A", "B", "AB", "AA"]),
                st.integers(1, 12),
            ),
            max_size=3,
        ),
        st.sampled_from(["xor", "or"]),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@hypothesis_given(WORDS)
def test_goods_are_conserved_payments_balance_and_nobody_loses(
    words: list[tuple[str, list[tuple[str, str, int]], str]],
) -> None:
    decision = decided(opened(), *(orders(a, *w, language=x) for a, w, x in words))
    reported: dict[str, int] = {}
    units: dict[str, int] = dict(decision.unused)
    for trade in decision.trades:
        sign = 1 if trade.side == "buy" else -1
        reported[trade.agent] = reported.get(trade.agent, 0) + sign * trade.amount
        for good, count in trade.goods.items():
            units[good] = units.get(good, 0) + sign * count
    assert not any(units.values())
    assert all(count > 0 for count in decision.unused.values())
    assert sum(paid(decision).values()) == Fraction(decision.margin) >= 0
    assert all(amount <= reported[agent] for agent, amount in paid(decision).items())
