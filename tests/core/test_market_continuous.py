"""Continuous markets as sessions: the book goes on in the fold, and each trade is announced."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from mabeam.core.auction import AuctionDecided
from mabeam.core.errors import Rejected
from mabeam.core.market import (
    CONTINUOUS_MARKET,
    Account,
    ContinuousMarketDecided,
    ContinuousMarketOpened,
    Endowment,
    Fill,
    Floor,
    MarketWord,
    OrderCancelled,
    OrderPlaced,
    OrderReplaced,
    Traded,
    digest_of,
)
from mabeam.core.market import continuous as continuous_module
from mabeam.core.market import floor as floor_module
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Closed,
    Considered,
    Hearing,
    Open,
    Participant,
    SessionState,
    hearing,
    standing,
)
from mabeam.core.session import Said as Heard
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")
OTHER = AuctionDecided(
    outcome="no_quorum", rule=Policy("price_time"), considered=Considered(1, 2), lot="cpu"
)


def market(**fields: Any) -> ContinuousMarketOpened:  # noqa: ANN401 - fields are any
    return ContinuousMarketOpened(good="cpu", **fields)


def buy(agent: str, quantity: int, price: int | None = None, id: str = "") -> Said:  # noqa: A002 - the CloudEvents word
    return said(OrderPlaced(side="buy", quantity=quantity, price=price), agent, id=id)


def sell(agent: str, quantity: int, price: int | None = None, id: str = "") -> Said:  # noqa: A002 - the CloudEvents word
    return said(OrderPlaced(side="sell", quantity=quantity, price=price), agent, id=id)


def after(opening: ContinuousMarketOpened, *past: Past) -> SessionState:
    return given(SESSION, opening, *past).state


def floor(opening: ContinuousMarketOpened, *past: Past) -> Floor:
    return cast("Floor", after(opening, *past).course)


def batch(number: int, *past: Past) -> Traded:
    found = floor(market(), *past).batches.entry(number)
    assert found is not None
    return found


def resting(opening: ContinuousMarketOpened, *past: Past) -> list[tuple[str, str, int | None, int]]:
    book = floor(opening, *past).book
    return [
        (one.side, one.agent, one.price, one.quantity)
        for one in (*book.orders("sell"), *book.orders("buy"))
    ]


def refusal(opening: ContinuousMarketOpened, *past: Past, agent: str) -> str:
    return after(opening, *past).refused[agent].reason


def heard(opening: ContinuousMarketOpened, *past: Past) -> Hearing[ContinuousMarketOpened]:
    return cast("Hearing[ContinuousMarketOpened]", hearing("s", after(opening, *past, CLOSED)))


def decided(opening: ContinuousMarketOpened, *past: Past) -> ContinuousMarketDecided:
    found = heard(opening, *past)
    decision = CONTINUOUS_MARKET.decide(found)
    assert isinstance(decision, ContinuousMarketDecided)
    CONTINUOUS_MARKET.verify(found, decision)
    return decision


class TestOpening:
    @pytest.mark.parametrize(
        ("opening", "code", "field"),
        [
            (market(rule=Policy("pro_rata")), "policy.unknown", "policy"),
            (market(quorum=1), "market.quorum", "quorum"),
            (market(resting_max=0), "market.range", "resting_max"),
            (market(resting_max=2001), "market.range", "resting_max"),
            (market(resting_per_agent_max=0), "market.range", "resting_per_agent_max"),
            (market(unit="x" * 201), "market.text", "unit"),
            (market(endowments=(Endowment("a", budget=-1),)), "market.range", "budget"),
            (market(endowments=(Endowment("a", holding=2**53),)), "market.range", "holding"),
            (
                market(endowments=(Endowment("a"), Endowment("a"))),
                "market.endowments",
                "endowments",
            ),
            (market(endowments=(Endowment(""),)), "name.illegal", "endowments"),
        ],
        ids=str,
    )
    def test_what_cannot_be_held_is_refused(
        self, opening: ContinuousMarketOpened, code: str, field: str
    ) -> None:
        given(SESSION).when(Open(opening)).then_rejected(code, field=field)

    def test_what_can_be_is_not(self) -> None:
        opening = market(endowments=(Endowment("a", 5, 5), Endowment("b")))
        given(SESSION).when(Open(opening)).then(opening)


class TestWords:
    @pytest.mark.parametrize(
        ("word", "field"),
        [
            (OrderPlaced(side="buy", quantity=0), "quantity"),
            (OrderPlaced(side="buy", quantity=1, price=0), "price"),
            (OrderPlaced(side="buy", quantity=1, price=10**9 + 1), "price"),
            (OrderReplaced(order="x", quantity=10**6 + 1, price=1), "quantity"),
            (OrderCancelled(order=""), "order"),
            (OrderCancelled(order="x" * 65), "order"),
        ],
        ids=str,
    )
    def test_what_can_never_count_is_refused(self, word: MarketWord, field: str) -> None:
        with pytest.raises(Rejected) as caught:
            CONTINUOUS_MARKET.check_speech(market(), word)
        assert caught.value.field == field

    @pytest.mark.parametrize(
        ("word", "text"),
        [
            (OrderPlaced(side="buy", quantity=5), "buy 5"),
            (OrderPlaced(side="sell", quantity=5, price=9), "sell 5 @ 9"),
            (OrderCancelled(order="x"), "cancel x"),
            (OrderReplaced(order="x", quantity=2, price=3), "replace x by 2 @ 3"),
            (MarketWord(), ""),
        ],
        ids=str,
    )
    def test_words_are_written_as_text(self, word: MarketWord, text: str) -> None:
        assert CONTINUOUS_MARKET.say(word) == text

    def test_a_word_of_no_kind_does_not_count(self) -> None:
        empty = floor(market())
        word = Heard("ann", MarketWord(), 2, 2, "x")
        assert floor_module.object_to(market(), empty, word) == "not_understood"
        assert floor_module.evolve(market(), empty, word) == empty


class TestOrders:
    def test_orders_that_do_not_meet_rest(self) -> None:
        assert resting(market(), buy("ann", 5, 9), sell("ben", 5, 10)) == [
            ("sell", "ben", 10, 5),
            ("buy", "ann", 9, 5),
        ]

    def test_orders_that_meet_trade_at_the_price_of_the_one_that_rested(self) -> None:
        past = (sell("ben", 5, 10), buy("ann", 7, 12))
        assert resting(market(), *past) == [("buy", "ann", 12, 2)]
        assert batch(0, *past) == Traded(
            order="event-3",
            agent="ann",
            side="buy",
            fills=(Fill("event-2", "ben", 10, 5),),
            position=3,
        )

    def test_an_order_without_a_price_never_rests(self) -> None:
        past = (sell("ben", 5, 10), buy("ann", 7))
        assert resting(market(), *past) == []
        assert refusal(market(), *past, sell("cyd", 1), agent="cyd") == "nothing_to_meet"

    def test_a_word_that_is_recorded_again_counts_once(self) -> None:
        past = [buy("ann", 1, 9, id="one")]
        past += [buy("ann", 1, 1 + n % 5, id=f"later-{n}") for n in range(20)]
        assert len(resting(market(), *past, past[0])) == 21
        assert refusal(market(), *past, past[0], agent="ann") == "repeated"
        assert len(resting(market(), past[0], past[0])) == 1

    def test_an_id_that_is_too_long_is_refused(self) -> None:
        assert refusal(market(), buy("ann", 1, 9, id="x" * 65), agent="ann") == "id_too_long"

    def test_only_named_participants_trade(self) -> None:
        opening = market(participants=(Participant("ann"),))
        assert refusal(opening, buy("eve", 1, 9), agent="eve") == "not_eligible"


class TestTakingBack:
    def test_what_is_left_is_taken_back_once(self) -> None:
        past = (sell("ben", 5, 10), buy("ann", 2, 10), said(OrderCancelled(order="event-2"), "ben"))
        assert resting(market(), *past) == []
        again = after(market(), *past, said(OrderCancelled(order="event-2"), "ben"))
        assert again.course.book == floor(market(), *past).book
        assert not again.refused

    def test_only_ones_own_and_only_what_is_there(self) -> None:
        past = (sell("ben", 5, 10),)
        theirs = said(OrderCancelled(order="event-2"), "eve")
        nothing = said(OrderCancelled(order="event-9"), "eve")
        assert refusal(market(), *past, theirs, agent="eve") == "not_yours"
        assert refusal(market(), *past, nothing, agent="eve") == "no_such_order"
        changed = said(OrderReplaced(order="event-2", quantity=1, price=1), "eve")
        assert refusal(market(), *past, changed, agent="eve") == "not_yours"

    def test_one_order_takes_the_place_of_another_behind_all_others(self) -> None:
        past = (
            sell("ben", 5, 10),
            sell("cyd", 1, 10),
            said(OrderReplaced(order="event-2", quantity=6, price=10), "ben"),
        )
        assert resting(market(), *past) == [("sell", "cyd", 10, 1), ("sell", "ben", 10, 6)]

    def test_what_is_gone_cannot_be_replaced(self) -> None:
        past = (sell("ben", 5, 10), buy("ann", 5, 10))
        changed = said(OrderReplaced(order="event-2", quantity=1, price=1), "ben")
        assert refusal(market(), *past, changed, agent="ben") == "not_resting"

    def test_a_replacement_may_trade_at_once(self) -> None:
        past = (
            sell("ben", 5, 10),
            buy("ann", 5, 8),
            said(OrderReplaced(order="event-2", quantity=5, price=8), "ben"),
        )
        assert batch(0, *past).order == "event-4"
        assert decided(market(), *past).volume == 5


class TestOneself:
    PAST = (sell("ann", 5, 10), sell("ben", 5, 11))

    def test_the_newest_ends_there(self) -> None:
        opening = market(self_trade="cancel_newest")
        assert resting(opening, *self.PAST, buy("ann", 7, 11)) == [
            ("sell", "ann", 10, 5),
            ("sell", "ben", 11, 5),
        ]

    def test_the_oldest_gives_way(self) -> None:
        opening = market(self_trade="cancel_oldest")
        assert resting(opening, *self.PAST, buy("ann", 7, 11)) == [("buy", "ann", 11, 2)]
        assert decided(opening, *self.PAST, buy("ann", 7, 11)).volume == 5

    def test_or_the_order_is_refused(self) -> None:
        opening = market(self_trade="refuse")
        assert refusal(opening, *self.PAST, buy("ann", 7, 11), agent="ann") == "self_trade"
        assert decided(opening, *self.PAST, buy("cyd", 7, 11)).volume == 7


class TestLimits:
    def test_a_full_book_takes_only_what_trades(self) -> None:
        opening = market(resting_max=2)
        past = (sell("ann", 1, 10), sell("ben", 1, 11))
        assert refusal(opening, *past, buy("cyd", 1, 9), agent="cyd") == "book_full"
        assert len(resting(opening, *past, buy("cyd", 1, 10))) == 1

    def test_an_agent_has_its_share_of_the_book(self) -> None:
        opening = market(resting_per_agent_max=1)
        past = (sell("ann", 1, 10), buy("cyd", 1, 5))
        assert refusal(opening, *past, sell("ann", 1, 11), agent="ann") == "book_full"
        # What is left of an order that trades finds no room either, and is dropped.
        assert resting(opening, *past, sell("ann", 3, 5)) == [("sell", "ann", 10, 1)]
        assert decided(opening, *past, sell("ann", 3, 5)).unfilled == 1

    def test_budgets_bind_what_is_spent_and_what_is_bid(self) -> None:
        opening = market(endowments=(Endowment("ann", budget=100), Endowment("ben", holding=5)))
        past = (buy("ann", 6, 10), sell("ben", 5, 12))
        assert refusal(opening, *past, buy("ann", 5, 10), agent="ann") == "beyond_budget"
        assert refusal(opening, *past, buy("ann", 4), agent="ann") == "beyond_budget"
        assert resting(opening, *past, buy("ann", 3)) == [
            ("sell", "ben", 12, 2),
            ("buy", "ann", 10, 6),
        ]
        freed = (*past, said(OrderCancelled(order="event-2"), "ann"))
        assert not after(opening, *freed, buy("ann", 4)).refused

    def test_what_lies_behind_ones_own_order_costs_nothing(self) -> None:
        opening = market(endowments=(Endowment("ann", budget=10),))
        past = (sell("ben", 1, 10), sell("ann", 1, 11), sell("cyd", 1, 12))
        assert not after(opening, *past, buy("ann", 2)).refused
        assert decided(opening, *past, buy("ann", 2)).turnover == 10
        passing = market(self_trade="cancel_oldest", endowments=opening.endowments)
        assert refusal(passing, *past, buy("ann", 2), agent="ann") == "beyond_budget"

    def test_holdings_bind_what_is_offered(self) -> None:
        opening = market(endowments=(Endowment("ben", holding=5),))
        past = (sell("ben", 3, 12), buy("ann", 2, 12))
        assert refusal(opening, *past, sell("ben", 3, 12), agent="ben") == "beyond_holding"
        assert not after(opening, *past, sell("ben", 2, 12)).refused
        assert not after(opening, *past, buy("ben", 100, 1)).refused

    def test_what_is_earned_and_bought_may_be_used(self) -> None:
        opening = market(endowments=(Endowment("ann", budget=10, holding=1),))
        past = (buy("ben", 1, 50), sell("ann", 1), sell("cyd", 5, 12), buy("ann", 5, 12))
        assert not after(opening, *past).refused
        assert not after(opening, *past, buy("dan", 5, 20), sell("ann", 5)).refused
        assert refusal(opening, *past, sell("ann", 6, 1), agent="ann") == "beyond_holding"

    def test_what_gives_way_to_oneself_is_no_longer_held(self) -> None:
        opening = market(
            self_trade="cancel_oldest", endowments=(Endowment("ann", budget=100, holding=5),)
        )
        past = (sell("ann", 5, 10), buy("ann", 5, 10))
        assert floor(opening, *past).held["ann"] == floor_module.Held(50, 0)

    @pytest.mark.parametrize(
        ("name", "most", "reason"),
        [
            ("ORDERS_MAX", 2, "too_many_orders"),
            ("AGENTS_MAX", 2, "too_many_traders"),
            ("AMOUNT_MAX", 25, "too_much"),
        ],
    )
    def test_a_market_does_not_grow_without_bound(
        self, name: str, most: int, reason: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(floor_module, name, most)
        past = (sell("ann", 1, 10), sell("ben", 1, 11))
        assert refusal(market(), *past, sell("cyd", 1, 12), agent="cyd") == reason


class TestAnnouncements:
    PAST = (sell("ben", 5, 10), buy("ann", 2, 10), buy("cyd", 1, 10))

    def test_each_order_that_trades_is_announced_in_its_turn(self) -> None:
        first = batch(0, *self.PAST)
        given(SESSION, market(), *self.PAST).when_reacting(SESSIONS).then_appends(first)
        second = batch(1, *self.PAST)
        given(SESSION, market(), *self.PAST, first).when_reacting(SESSIONS).then_appends(second)

    def test_then_nothing_is_due_before_the_deadline(self) -> None:
        told = [batch(number, *self.PAST) for number in (0, 1)]
        reaction = given(SESSION, market(), *self.PAST, *told).when_reacting(SESSIONS)
        reaction.then_appends().then_schedules(31_000_000_000)

    def test_a_false_announcement_changes_nothing(self) -> None:
        false = Traded(order="event-9", agent="eve", side="buy", fills=(), position=9)
        assert floor(market(), *self.PAST, false) == floor(market(), *self.PAST)
        assert floor(market(), false) == floor(market())


class TestDecisions:
    PAST = (sell("ben", 5, 10), sell("ben", 5, 11), buy("ann", 7, 11), buy("cyd", 1, 3))

    def test_all_is_told(self) -> None:
        decision = decided(market(), *self.PAST)
        assert decision == ContinuousMarketDecided(
            outcome="decided",
            rule=Policy("price_time"),
            considered=Considered(1, 6),
            alternatives=decision.alternatives,
            good="cpu",
            orders=4,
            trades=2,
            volume=7,
            turnover=72,
            average="72/7",
            last=11,
            listed=(
                Traded(
                    order="event-4",
                    agent="ann",
                    side="buy",
                    fills=(Fill("event-2", "ben", 10, 5), Fill("event-3", "ben", 11, 2)),
                    position=4,
                ),
            ),
            digest=decision.digest,
            accounts=(Account("ann", bought=7, paid=72), Account("ben", sold=7, earned=72)),
            unfilled=2,
        )
        assert [(a.agent, a.said, a.position, a.reason) for a in decision.alternatives] == [
            ("cyd", "buy 1 @ 3", 5, "unfilled"),
            ("ben", "sell 3 @ 11", 3, "unfilled"),
        ]
        assert CONTINUOUS_MARKET.result(decision) == 11

    def test_of_too_many_trades_only_the_digest_is_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = decided(market(), *self.PAST)
        monkeypatch.setattr(continuous_module, "LISTED_MAX", 1)
        short = decided(market(), *self.PAST)
        assert (short.listed, short.digest) == ((), whole.digest)
        assert short.digest == digest_of(whole.listed)

    def test_nobody_came(self) -> None:
        decision = decided(market())
        assert (decision.outcome, decision.average, decision.last) == ("no_quorum", "", None)
        assert CONTINUOUS_MARKET.result(decision) is None
        assert CONTINUOUS_MARKET.result(OTHER) is None

    def test_the_book_is_shown(self) -> None:
        shown = standing("s", after(market(), *self.PAST))
        assert shown.rows == (
            ("sell", "11", "3", "ben", "event-3"),
            ("buy", "3", "1", "cyd", "event-5"),
        )
        assert shown.remarks == ("7 traded by 4 orders.", "The last trade: 2 at 11.")
        assert standing("s", after(market())).remarks == ("0 traded by 0 orders.",)

    @pytest.mark.parametrize(
        "change",
        [
            {"outcome": "no_quorum"},
            {"rule": Policy("pro_rata")},
            {"considered": Considered(1, 9)},
            {"superseded": 1},
            {"good": "gpu"},
            {"orders": 5},
            {"trades": 3},
            {"volume": 8},
            {"turnover": 73},
            {"average": "72/8"},
            {"last": 10},
            {"listed": ()},
            {"digest": "00"},
            {"accounts": ()},
            {"unfilled": 1},
            {"alternatives": ()},
            {"alternatives": (Alternative("cyd", "buy 1 @ 3", 5, "unfilled"),)},
        ],
        ids=str,
    )
    def test_a_corrupted_decision_is_refused(self, change: dict[str, object]) -> None:
        corrupted = msgspec.structs.replace(decided(market(), *self.PAST), **change)
        with pytest.raises(Rejected) as caught:
            CONTINUOUS_MARKET.verify(heard(market(), *self.PAST), corrupted)
        assert (caught.value.code, caught.value.field) == ("market.certificate", next(iter(change)))

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        with pytest.raises(Rejected, match="continuous market"):
            CONTINUOUS_MARKET.verify(heard(market()), OTHER)
