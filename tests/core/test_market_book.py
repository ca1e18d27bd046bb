"""The order book: cases of a published simulator, and its promises against a naive model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mabeam.core.market import EMPTY_BOOK, Book, Fill, Resting, Side, cancel, match, reaches, rest
from mabeam.core.market.events import SelfTrade
from support.cases import cases


def order(  # noqa: PLR0917 - an order is these
    name: str,
    side: Side,
    quantity: int,
    price: int | None = None,
    agent: str = "",
    position: int = 0,
) -> Resting:
    return Resting(name, agent or name, side, price, quantity, position)


def entered(
    book: Book, incoming: Resting, self_trade: SelfTrade = "cancel_newest"
) -> tuple[Book, list[tuple[int, int]]]:
    """Return the book and the fills after an order that rests if it may."""
    matched = match(book, incoming, self_trade)
    book = matched.book
    if matched.left and incoming.price is not None:
        left = Resting(incoming.order, incoming.agent, incoming.side, incoming.price, matched.left)
        book = rest(book, left)
    return book, [(fill.price, fill.quantity) for fill in matched.fills]


def shown(book: Book, side: Side) -> list[list[int | None]]:
    return [[one.price, one.quantity] for one in book.orders(side)]


class TestPublishedCases:
    def test_the_order_book_cases(self) -> None:
        found = json.loads((cases("auctions") / "double_auction_cases.json").read_text())
        for case in found["continuous_double_auction"]["cases"]:
            book = EMPTY_BOOK
            for number, (price, quantity) in enumerate(case["asks"]):
                book, _ = entered(book, order(f"ask{number}", "sell", quantity, price))
            if "market_buy" in case:
                incoming = order("buy", "buy", case["market_buy"])
            else:
                limit = case["limit_buy"]
                incoming = order("buy", "buy", limit["qty"], limit["price"])
            book, fills = entered(book, incoming)
            assert [list(fill) for fill in fills] == case["fills"]
            assert shown(book, "sell") == case["asks_after"]
            assert shown(book, "buy") == case.get("bids_after", [])


class TestMatching:
    def test_price_comes_before_time_and_time_before_all_else(self) -> None:
        book = EMPTY_BOOK
        for name, price in (("a", 10), ("b", 9), ("c", 10), ("d", 9)):
            book, _ = entered(book, order(name, "sell", 5, price))
        assert [one.order for one in book.orders("sell")] == ["b", "d", "a", "c"]
        matched = match(book, order("x", "buy", 12, 10), "cancel_newest")
        assert matched.fills == (
            Fill("b", "b", 9, 5),
            Fill("d", "d", 9, 5),
            Fill("a", "a", 10, 2),
        )
        assert [(o.order, o.quantity) for o in matched.book.orders("sell")] == [("a", 3), ("c", 5)]

    def test_who_is_behind_the_last_one_filled_still_rests(self) -> None:
        book = EMPTY_BOOK
        for name in ("a", "b", "c"):
            book = rest(book, order(name, "sell", 2, 9))
        matched = match(book, order("x", "buy", 4, 9), "cancel_newest")
        assert (matched.left, shown(matched.book, "sell")) == (0, [[9, 2]])
        assert matched.book.index.get("c") is not None

    def test_the_best_price_of_a_side(self) -> None:
        book, _ = entered(EMPTY_BOOK, order("a", "sell", 5, 10))
        book, _ = entered(book, order("b", "buy", 5, 8))
        assert (book.best("sell"), book.best("buy"), EMPTY_BOOK.best("buy")) == (10, 8, None)

    def test_an_earlier_book_stays_as_it_was(self) -> None:
        before, _ = entered(EMPTY_BOOK, order("a", "sell", 5, 10))
        entered(before, order("b", "buy", 3, 10))
        cancel(before, "a")
        assert shown(before, "sell") == [[10, 5]]

    def test_cancelling_twice_is_cancelling_once(self) -> None:
        book, _ = entered(EMPTY_BOOK, order("a", "sell", 5, 10))
        book, _ = entered(book, order("b", "sell", 5, 10))
        book, _ = entered(book, order("c", "sell", 5, 9))
        once = cancel(book, "a")
        assert (shown(once, "sell"), cancel(once, "a")) == ([[9, 5], [10, 5]], once)
        assert cancel(once, "nobody's") == once
        assert cancel(cancel(once, "b"), "c") == EMPTY_BOOK

    @pytest.mark.parametrize(
        ("self_trade", "fills", "left", "dropped"),
        [
            ("cancel_newest", [(9, 2)], 0, []),
            ("refuse", [(9, 2)], 0, []),
            ("cancel_oldest", [(9, 2), (10, 2)], 1, ["mine"]),
        ],
    )
    def test_what_happens_when_one_meets_oneself(
        self, self_trade: SelfTrade, fills: list[tuple[int, int]], left: int, dropped: list[str]
    ) -> None:
        book = EMPTY_BOOK
        for one in (
            order("a", "sell", 2, 9),
            order("mine", "sell", 2, 9, agent="me"),
            order("c", "sell", 2, 10),
        ):
            book = rest(book, one)
        matched = match(book, order("x", "buy", 5, 10, agent="me"), self_trade)
        assert [(fill.price, fill.quantity) for fill in matched.fills] == fills
        assert (matched.left, [one.order for one in matched.dropped]) == (left, dropped)

    def test_one_who_is_met_first_ends_it_at_once(self) -> None:
        book = rest(EMPTY_BOOK, order("mine", "sell", 2, 9, agent="me"))
        matched = match(book, order("x", "buy", 5, agent="me"), "cancel_newest")
        assert (matched.book, matched.fills, matched.left) == (book, (), 0)


@dataclass
class Naive:
    """A list of orders, searched and sorted for each step: what a book must agree with."""

    orders: list[Resting] = field(default_factory=list[Resting])

    def enter(
        self, incoming: Resting, self_trade: SelfTrade
    ) -> tuple[list[tuple[str, int, int]], int]:
        fills: list[tuple[str, int, int]] = []
        left = incoming.quantity
        sign = 1 if incoming.side == "buy" else -1
        while left:
            others = [one for one in self.orders if one.side != incoming.side]
            # In the order of their coming, so the first of the best is the earliest.
            best = min(others, key=lambda one: sign * cast("int", one.price), default=None)
            if best is None or best.price is None:
                break
            if incoming.price is not None and sign * (incoming.price - best.price) < 0:
                break
            if best.agent == incoming.agent and self_trade != "cancel_oldest":
                left = 0
                break
            self.orders = [one for one in self.orders if one.order != best.order]
            if best.agent == incoming.agent:
                continue
            pieces = min(left, best.quantity)
            fills.append((best.order, best.price, pieces))
            left -= pieces
            if best.quantity > pieces:
                reduced = order(
                    best.order, best.side, best.quantity - pieces, best.price, best.agent
                )
                self.orders.insert(0, reduced)
        if left and incoming.price is not None:
            self.orders.append(
                order(incoming.order, incoming.side, left, incoming.price, incoming.agent)
            )
        return fills, left


AGENTS = st.sampled_from(["ann", "ben", "cyd"])
SIDES = st.sampled_from(["buy", "sell"])


class Books(RuleBasedStateMachine):
    """Orders and what is taken back, in a book and in a naive one."""

    @initialize(self_trade=st.sampled_from(["cancel_newest", "cancel_oldest"]))
    def begin(self, self_trade: SelfTrade) -> None:
        self.self_trade: SelfTrade = self_trade
        self.book = EMPTY_BOOK
        self.naive = Naive()
        self.placed: list[str] = []
        self.ordered = self.traded = self.taken_back = 0
        self.kept: list[tuple[Book, list[list[int | None]]]] = []

    @rule(
        agent=AGENTS,
        side=SIDES,
        quantity=st.integers(1, 5),
        price=st.none() | st.integers(1, 6),
    )
    def place(self, agent: str, side: Side, quantity: int, price: int | None) -> None:
        name = f"o{len(self.placed)}"
        self.placed.append(name)
        incoming = order(name, side, quantity, price, agent)
        met = reaches(self.book, incoming)
        matched = match(self.book, incoming, self.self_trade)
        self.book = matched.book
        if matched.left and price is not None:
            self.book = rest(self.book, order(name, side, matched.left, price, agent))
        fills, left = self.naive.enter(incoming, self.self_trade)
        assert [(fill.order, fill.price, fill.quantity) for fill in matched.fills] == fills
        assert (matched.left, met or not fills) == (left, True)
        assert all(fill.agent != agent for fill in matched.fills)
        pieces = sum(fill.quantity for fill in matched.fills)
        assert pieces + matched.left <= quantity
        self.kept.append((self.book, shown(self.book, "buy")))

    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        if self.placed:
            name = data.draw(st.sampled_from(self.placed))
            self.book = cancel(self.book, name)
            assert cancel(self.book, name) == self.book
            assert self.book.left_of(name) is None
            self.naive.orders = [one for one in self.naive.orders if one.order != name]

    @invariant()
    def they_agree(self) -> None:
        """Both hold the same orders in the same priority, and so never cross."""
        for side, sign in (("buy", -1), ("sell", 1)):
            orders = [one for one in self.naive.orders if one.side == side]
            expected = sorted(orders, key=lambda one: sign * cast("int", one.price))
            found = self.book.orders(cast("Side", side))
            assert [(o.order, o.quantity) for o in found] == [
                (o.order, o.quantity) for o in expected
            ]
            for one in found:
                assert self.book.left_of(one.order) == one
        bid, ask = self.book.best("buy"), self.book.best("sell")
        assert bid is None or ask is None or bid < ask
        owned = [one.agent for one in self.naive.orders]
        assert dict(self.book.counts) == {agent: owned.count(agent) for agent in owned}
        assert len(self.book.index) == len(owned)

    def teardown(self) -> None:
        """Every book of the past is what it was."""
        for book, buys in getattr(self, "kept", ()):
            assert shown(book, "buy") == buys


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
