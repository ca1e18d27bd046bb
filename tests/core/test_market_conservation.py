"""Continuous markets under any words: two engines agree, and nothing comes from nowhere."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from mabeam.core.market import (
    CONTINUOUS_MARKET,
    Account,
    ContinuousMarketDecided,
    ContinuousMarketOpened,
    Endowment,
    Floor,
    MarketWord,
    OrderCancelled,
    OrderPlaced,
    OrderReplaced,
    Side,
)
from mabeam.core.market import floor as floor_module
from mabeam.core.session import SESSION, Closed, Hearing, hearing
from mabeam.core.testing import given, said

WORDS = st.one_of(
    st.builds(
        OrderPlaced,
        side=st.sampled_from(["buy", "sell"]),
        quantity=st.integers(1, 4),
        price=st.none() | st.integers(1, 5),
    ),
    st.builds(OrderCancelled, order=st.integers(2, 12).map("event-{}".format)),
    st.builds(
        OrderReplaced,
        order=st.integers(2, 12).map("event-{}".format),
        quantity=st.integers(1, 4),
        price=st.integers(1, 5),
    ),
)


class TestConservation:
    @settings(max_examples=200)
    @hypothesis_given(
        st.lists(st.tuples(WORDS, st.sampled_from("abc")), max_size=14),
        st.sampled_from(["cancel_newest", "cancel_oldest", "refuse"]),
        st.integers(1, 4),
        st.booleans(),
    )
    def test_two_engines_agree_and_nobody_has_what_it_has_not(
        self,
        words: list[tuple[MarketWord, str]],
        self_trade: Any,  # noqa: ANN401 - one of three
        resting_max: int,
        is_limited: bool,  # noqa: FBT001 - drawn
    ) -> None:
        limits = (Endowment("a", budget=20, holding=3), Endowment("b", holding=2))
        opening = ContinuousMarketOpened(
            good="cpu",
            self_trade=self_trade,
            resting_max=resting_max,
            resting_per_agent_max=2,
            endowments=limits if is_limited else (),
        )
        past = [said(word, agent) for word, agent in words]
        state = given(SESSION, opening, *past, Closed(reason="deadline")).state
        heard = cast("Hearing[ContinuousMarketOpened]", hearing("s", state))
        decision = CONTINUOUS_MARKET.decide(heard)
        assert isinstance(decision, ContinuousMarketDecided)
        # The certificate is checked by another engine.
        CONTINUOUS_MARKET.verify(heard, decision)
        accounts = {one.agent: one for one in decision.accounts}
        assert sum(one.bought for one in accounts.values()) == decision.volume
        assert sum(one.sold for one in accounts.values()) == decision.volume
        assert sum(one.paid - one.earned for one in accounts.values()) == 0
        found = cast("Floor", state.course)
        bid, ask = found.book.best("buy"), found.book.best("sell")
        assert bid is None or ask is None or bid < ask
        assert len(found.book.index) <= resting_max
        sides: dict[str, Side] = {}
        for entry in found.journal.entries():
            if not isinstance(entry, floor_module.Gone):
                sides[entry.order] = entry.side
        for one in decision.listed:
            assert all(sides[fill.order] != one.side for fill in one.fills)
            assert all(fill.agent != one.agent for fill in one.fills)
        if is_limited:
            ann, ben = accounts.get("a", Account("a")), accounts.get("b", Account("b"))
            assert ann.paid - ann.earned <= 20
            assert ann.sold - ann.bought <= 3
            assert ben.sold - ben.bought <= 2
            for agent, held in found.held.items():
                own = [o for s in ("buy", "sell") for o in found.book.orders(s) if o.agent == agent]
                assert held.cash == sum((o.price or 0) * o.quantity for o in own if o.side == "buy")
                assert held.goods == sum(o.quantity for o in own if o.side == "sell")
