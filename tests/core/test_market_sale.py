"""Sales at a posted price: first come, first served, and never more than there is."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import AuctionDecided
from mabeam.core.errors import Rejected
from mabeam.core.market import (
    POSTED_PRICE,
    Account,
    Endowment,
    PostedPriceDecided,
    PostedPriceOpened,
    PurchaseMade,
    Sale,
)
from mabeam.core.market import sale as sale_module
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    ChildEnded,
    Closed,
    Considered,
    Hearing,
    Open,
    SessionState,
    Speech,
    hearing,
    standing,
)
from mabeam.core.session import Said as Heard
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")
OTHER = AuctionDecided(
    outcome="no_quorum", rule=Policy("posted_price"), considered=Considered(1, 2), lot="cpu"
)


def offer(price: int = 1, quantity: int = 100, **fields: Any) -> PostedPriceOpened:  # noqa: ANN401 - fields are any
    return PostedPriceOpened(good="cpu", price=price, quantity=quantity, **fields)


def take(agent: str, quantity: int, id: str = "") -> Said:  # noqa: A002 - the CloudEvents word
    return said(PurchaseMade(quantity=quantity), agent, id=id)


def after(opening: PostedPriceOpened, *past: Past) -> SessionState:
    return given(SESSION, opening, *past).state


def heard(opening: PostedPriceOpened, *past: Past) -> Hearing[PostedPriceOpened]:
    return cast("Hearing[PostedPriceOpened]", hearing("s", after(opening, *past, CLOSED)))


def decided(opening: PostedPriceOpened, *past: Past) -> PostedPriceDecided:
    found = heard(opening, *past)
    decision = POSTED_PRICE.decide(found)
    assert isinstance(decision, PostedPriceDecided)
    POSTED_PRICE.verify(found, decision)
    return decision


def got(decision: PostedPriceDecided) -> dict[str, int]:
    return {one.agent: one.bought for one in decision.accounts}


class TestOpening:
    @pytest.mark.parametrize(
        ("opening", "code", "field"),
        [
            (offer(rule=Policy("haggle")), "policy.unknown", "policy"),
            (offer(quorum=1), "market.quorum", "quorum"),
            (offer(price=0), "market.range", "price"),
            (offer(quantity=0), "market.range", "quantity"),
            (offer(per_buyer_max=0), "market.range", "per_buyer_max"),
            (offer(unit="x" * 201), "market.text", "unit"),
            (offer(endowments=(Endowment("ann", holding=1),)), "market.endowments", "holding"),
        ],
        ids=str,
    )
    def test_what_cannot_be_held_is_refused(
        self, opening: PostedPriceOpened, code: str, field: str
    ) -> None:
        given(SESSION).when(Open(opening)).then_rejected(code, field=field)

    def test_what_can_be_is_not(self) -> None:
        given(SESSION).when(Open(offer(per_buyer_max=5))).then(offer(per_buyer_max=5))


class TestPurchases:
    def test_nothing_is_no_purchase(self) -> None:
        with pytest.raises(Rejected):
            POSTED_PRICE.check_speech(offer(), PurchaseMade(quantity=0))

        class Other(Speech, frozen=True, kw_only=True):
            pass

        POSTED_PRICE.check_speech(offer(), Other())
        assert (POSTED_PRICE.say(Other()), POSTED_PRICE.say(PurchaseMade(quantity=3))) == ("", "3")

    def test_the_budget_of_the_lineage_is_kept(self) -> None:
        """Scenario 13: budget 10 and 100 pieces at 1 come to at most 10 pieces for at most 10."""
        decision = decided(offer(endowments=(Endowment("ann", budget=10),)), take("ann", 100))
        assert (got(decision), decision.revenue) == ({"ann": 10}, 10)

    def test_no_more_is_allocated_than_there_is(self) -> None:
        """The same with many buyers; the original gave each of them what it asked for."""
        decision = decided(offer(), *(take(f"a{n}", 40) for n in range(4)))
        assert got(decision) == {"a0": 40, "a1": 40, "a2": 20}
        assert (decision.sold, decision.left, decision.revenue) == (100, 0, 100)
        assert [(a.agent, a.reason) for a in decision.alternatives] == [("a3", "sold_out")]

    def test_who_comes_first_is_served_first_and_may_come_again(self) -> None:
        decision = decided(offer(quantity=5), take("ben", 2), take("ann", 2), take("ben", 9))
        assert decision.sales == (
            Sale("ben", 2, 2, 2),
            Sale("ann", 2, 2, 3),
            Sale("ben", 9, 1, 4),
        )
        assert decision.accounts == (
            Account("ann", bought=2, paid=2),
            Account("ben", bought=3, paid=3),
        )

    @pytest.mark.parametrize(
        ("fields", "quantity", "reason"),
        [
            ({"quantity": 3}, 4, "sold_out"),
            ({"per_buyer_max": 3}, 4, "beyond_limit"),
            ({"endowments": (Endowment("ann", budget=3),)}, 4, "beyond_budget"),
        ],
        ids=str,
    )
    def test_all_or_nothing(self, fields: dict[str, Any], quantity: int, reason: str) -> None:
        opening = offer(partial=False, **fields)
        decision = decided(opening, take("ann", quantity))
        assert (decision.outcome, decision.alternatives[0].reason) == ("no_quorum", reason)
        assert got(decided(opening, take("ann", 3))) == {"ann": 3}

    def test_who_has_no_budget_has_no_limit(self) -> None:
        assert got(decided(offer(endowments=(Endowment("ann"),)), take("ann", 9))) == {"ann": 9}

    def test_a_word_that_is_recorded_again_counts_once(self) -> None:
        words = [take("ann", 1, id=f"w{n}") for n in range(20)]
        assert decided(offer(), *words, words[0]).sold == 20

    def test_a_sale_does_not_grow_without_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sale_module, "AGENTS_MAX", 1)
        past = (take("ann", 1), take("ben", 1))
        assert after(offer(), *past).refused["ben"].reason == "too_many_sales"
        monkeypatch.setattr(sale_module, "SALES_MAX", 1)
        past = (take("ann", 1), take("ann", 1))
        assert after(offer(), *past).refused["ann"].reason == "too_many_sales"

    def test_it_closes_when_nothing_is_left(self) -> None:
        some = given(SESSION, offer(), take("ann", 99))
        some.when_reacting(SESSIONS).then_appends().then_schedules(31_000_000_000)
        all_ = given(SESSION, offer(), take("ann", 99), take("ben", 1))
        all_.when_reacting(SESSIONS).then_appends(Closed(reason="complete"))

    def test_announcements_are_no_purchases(self) -> None:
        shelf = after(offer()).course
        ended = ChildEnded(child="x", outcome="decided")
        stray = Heard("x", ended, 2, 2, "x")
        assert sale_module.evolve(offer(), shelf, stray) == shelf


class TestDecisions:
    OPENING = offer(price=3, quantity=10, per_buyer_max=6, unit="credits")
    PAST = (take("ben", 4), take("ann", 9), take("ben", 1))

    def test_nobody_came(self) -> None:
        decision = decided(offer())
        assert (decision.outcome, decision.sold, decision.left) == ("no_quorum", 0, 100)
        assert POSTED_PRICE.result(decision) is None
        assert POSTED_PRICE.result(OTHER) is None

    def test_what_was_sold_is_the_result_and_shown(self) -> None:
        assert POSTED_PRICE.result(decided(self.OPENING, *self.PAST)) == 10
        shown = standing("s", after(self.OPENING, *self.PAST[:2]))
        assert shown.rows == (("ben", "4", "4", "2"), ("ann", "9", "6", "3"))
        assert shown.remarks == ("0 of 10 are left at 3 credits.",)
        assert standing("s", after(offer())).remarks == ("100 of 100 are left at 1.",)

    @pytest.mark.parametrize(
        "change",
        [
            {"outcome": "no_quorum"},
            {"rule": Policy("haggle")},
            {"considered": Considered(1, 9)},
            {"superseded": 1},
            {"good": "gpu"},
            {"price": 4},
            {"sold": 9},
            {"revenue": 29},
            {"left": 1},
            {"accounts": ()},
            {"sales": ()},
            {"sales": (Sale("ben", 4, 4, 2), Sale("ann", 9, 5, 3))},
            {"sales": (Sale("ben", 4, 4, 2), Sale("ann", 9, 7, 3))},
            {"sales": (Sale("ann", 9, 6, 3), Sale("ben", 4, 4, 2))},
            {"sales": (Sale("ben", 4, 4, 2), Sale("eve", 9, 6, 3))},
            {"sales": (Sale("ben", 4, 4, 2), Sale("ann", 6, 6, 3))},
            {"alternatives": (Alternative("eve", "4", 2, "sold_out"),)},
        ],
        ids=str,
    )
    def test_a_corrupted_decision_is_refused(self, change: dict[str, object]) -> None:
        past = self.PAST[:2]
        corrupted = msgspec.structs.replace(decided(self.OPENING, *past), **change)
        with pytest.raises(Rejected) as caught:
            POSTED_PRICE.verify(heard(self.OPENING, *past), corrupted)
        assert caught.value.code == "market.certificate"

    def test_a_part_where_all_or_nothing_was_said_is_refused(self) -> None:
        opening = offer(quantity=3, partial=False)
        right = decided(opening, take("ann", 2))
        part = msgspec.structs.replace(right, sales=(Sale("ann", 2, 1, 2),))
        with pytest.raises(Rejected, match="sales"):
            POSTED_PRICE.verify(heard(opening, take("ann", 2)), part)

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        with pytest.raises(Rejected, match="a decision of a sale"):
            POSTED_PRICE.verify(heard(offer()), OTHER)

    @hypothesis_given(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=8),
        st.integers(1, 12),
        st.booleans(),
        st.none() | st.integers(1, 5),
    )
    def test_nobody_gets_more_than_it_may_and_all_is_accounted_for(
        self,
        words: list[tuple[str, int]],
        quantity: int,
        partial: bool,  # noqa: FBT001 - drawn
        most: int | None,
    ) -> None:
        opening = offer(
            price=2,
            quantity=quantity,
            partial=partial,
            per_buyer_max=most,
            endowments=(Endowment("a", budget=7),),
        )
        decision = decided(opening, *(take(agent, n) for agent, n in words))
        assert decision.sold + decision.left == quantity
        assert decision.revenue == sum(one.paid for one in decision.accounts) == 2 * decision.sold
        for one in decision.accounts:
            assert most is None or one.bought <= most
            assert one.agent != "a" or one.paid <= 7
