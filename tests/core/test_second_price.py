"""Second-price clearing: published cases, its promises, and a rule that breaks them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.auction import Bid, Clearing, second_price

Rule = Callable[[Sequence[Bid], int], Clearing]

BIDS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 8), max_size=6).map(
    lambda amounts: [Bid(bidder, amount) for bidder, amount in amounts.items()]
)


def by_name(bid: Bid) -> object:
    return bid.bidder


def cleared(bids: dict[str, int], reserve: int = 0) -> Clearing:
    return second_price([Bid(bidder, amount) for bidder, amount in bids.items()], reserve, by_name)


def second(bids: Sequence[Bid], reserve: int) -> Clearing:
    return second_price(bids, reserve, by_name)


def first(bids: Sequence[Bid], reserve: int) -> Clearing:
    """Let the winner pay what it bid: known not to be truthful."""
    clearing = second_price(bids, reserve, by_name)
    price = clearing.ranking[0].amount if clearing.ranking else None
    return Clearing(clearing.ranking, clearing.winner, price, clearing.tied, price_is_reserve=False)


class TestPublishedCases:
    """Facts from mechlib's tests of its second-price and VCG rules, and from the original."""

    @pytest.mark.parametrize(
        ("bids", "winner", "price"),
        [
            ({"B1": 7, "B2": 10, "B3": 8}, "B2", 8),
            ({"B1": 10, "B2": 10, "B3": 8}, "B1", 10),
            ({"B1": 10}, "B1", 0),
            ({"B1": 10, "B2": 20, "B3": 30}, "B3", 20),
            ({"b1": 10, "b2": 15, "b3": 12}, "b2", 12),
            ({"b1": 15, "b2": 15, "b3": 12}, "b1", 15),
            ({}, None, None),
        ],
        ids=str,
    )
    def test_winner_and_price_are_as_published(
        self, bids: dict[str, int], winner: str | None, price: int | None
    ) -> None:
        assert (cleared(bids).winner, cleared(bids).price) == (winner, price)

    def test_a_reserve_above_the_second_bid_is_the_price(self) -> None:
        """Bids 8 and 15 with a reserve of 10; the original ignored the reserve."""
        clearing = cleared({"b1": 8, "b2": 15}, reserve=10)
        assert (clearing.winner, clearing.price, clearing.price_is_reserve) == ("b2", 10, True)

    def test_a_tie_is_visible(self) -> None:
        assert cleared({"b1": 15, "b2": 15, "b3": 12}).tied == ("b1", "b2")
        assert cleared({"b1": 10, "b2": 15, "b3": 12}).tied == ()


class TestPromises:
    @given(BIDS, st.integers(0, 9))
    def test_it_agrees_with_the_plain_definition(self, bids: list[Bid], reserve: int) -> None:
        clearing = second(bids, reserve)
        amounts = sorted((bid.amount for bid in bids if bid.amount >= reserve), reverse=True)
        assert [bid.amount for bid in clearing.ranking] == amounts
        assert set(clearing.ranking) == {bid for bid in bids if bid.amount >= reserve}
        if not amounts:
            assert clearing == Clearing((), None, None, (), price_is_reserve=False)
            return
        best = {bid.bidder for bid in bids if bid.amount == amounts[0]}
        assert clearing.winner == min(best)
        assert clearing.price == (amounts[1] if len(amounts) > 1 else reserve)
        assert clearing.price_is_reserve == (len(amounts) == 1)
        assert set(clearing.tied) == (best if len(best) > 1 else set())

    @given(BIDS, st.integers(0, 9))
    def test_nobody_pays_more_than_it_bid_nor_less_than_the_reserve(
        self, bids: list[Bid], reserve: int
    ) -> None:
        clearing = second(bids, reserve)
        if clearing.price is not None:
            assert reserve <= clearing.price <= clearing.ranking[0].amount

    @given(BIDS, st.integers(0, 9), st.randoms(use_true_random=False))
    def test_the_order_of_the_bids_does_not_matter(
        self, bids: list[Bid], reserve: int, chance: random.Random
    ) -> None:
        shuffled = list(bids)
        chance.shuffle(shuffled)
        assert second(shuffled, reserve) == second(bids, reserve)

    @given(BIDS)
    def test_ties_are_broken_by_the_key_and_by_nothing_else(self, bids: list[Bid]) -> None:
        clearing = second_price(bids, 0, lambda bid: -ord(bid.bidder))
        if clearing.tied:
            assert clearing.winner == max(clearing.tied)


def gains(rule: Rule, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield value, bid and gain wherever one of three bidders profits from a bid untrue.

    Tried are all values and bids up to a limit, all reserves, and every place in the order
    by which ties are broken. Not to bid is one of the bids.
    """
    others = ("b", "d")
    for me, reserve in product("ace", range(most + 2)):
        for rivals in product(range(most + 1), repeat=2):
            field = [Bid(n, a) for n, a in zip(others, rivals, strict=True) if a]

            def utility(
                value: int, bid: int, me: str = me, field: list[Bid] = field, reserve: int = reserve
            ) -> int:
                clearing = rule([*field, Bid(me, bid)] if bid else field, reserve)
                return value - (clearing.price or 0) if clearing.winner == me else 0

            for value, bid in product(range(1, most + 1), range(most + 2)):
                gain = utility(value, bid) - utility(value, value)
                if gain > 0:
                    yield value, bid, gain


class TestTruthfulness:
    def test_no_bid_is_better_than_the_true_value(self) -> None:
        assert list(gains(second, 4)) == []

    def test_under_the_first_price_it_pays_to_bid_less(self) -> None:
        """The control: the search does find what profits, where something does."""
        found = list(gains(first, 4))
        assert found
        assert all(bid < value for value, bid, _ in found)

    def test_a_truthful_winner_never_loses_by_winning(self) -> None:
        for amounts in product(range(1, 5), repeat=3):
            clearing = cleared(dict(zip("abc", amounts, strict=True)))
            assert clearing.price is not None
            assert clearing.ranking[0].amount - clearing.price >= 0
