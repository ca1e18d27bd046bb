"""Ladders and double auctions: published cases, those of the lineage, and what each promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.market import (
    Clearing,
    Ladder,
    Order,
    Side,
    average,
    equilibrium,
    huang,
    k_double_auction,
    ladder,
    mcafee,
    pairwise,
    trade_reduction,
    vcg,
)
from mabeam.core.market.mechanisms import First, contested, equal_losses
from support.cases import cases

Pieces = Sequence[tuple[int, Fraction | int]]


def lots(agent: str) -> bytes:
    """Return the lot of an agent: the last one in the alphabet loses."""
    return agent.encode()


def book(buys: Pieces, sells: Pieces) -> Ladder:
    """Return a ladder of orders, each of an agent of its own, given as quantity and price."""
    return ladder(
        [
            *(Order(f"b{n}", "buy", price, quantity) for n, (quantity, price) in enumerate(buys)),
            *(Order(f"s{n}", "sell", price, quantity) for n, (quantity, price) in enumerate(sells)),
        ],
        lambda order: order.owner,
    )


def single(buyers: Sequence[int], sellers: Sequence[int]) -> Ladder:
    return book([(1, price) for price in buyers], [(1, price) for price in sellers])


def tenths(*given: str) -> list[tuple[int, Fraction]]:
    return [(int(q), Fraction(p)) for q, _, p in (one.partition("@") for one in given)]


def published() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (cases("auctions") / "double_auction_cases.json").read_text()
    )
    return found


class TestLineage:
    """Scenarios 10 to 12 of the system this one descends from, with what is right."""

    def test_the_true_price_trades_all_that_can_trade(self) -> None:
        found = book(tenths("80@2.0", "150@1.0"), tenths("100@1.0", "200@0.5"))
        where = equilibrium(found)
        assert (where.low, where.high, where.quantity, where.welfare) == (1, 1, 230, 180)
        assert (average(found).price, average(found).volume) == (Fraction(1), 230)

    def test_too_much_supply(self) -> None:
        where = equilibrium(book(tenths("50@1.5"), tenths("200@0.5", "300@0.3")))
        assert (where.status, where.quantity) == ("excess_supply", 50)
        assert where.low == where.high == Fraction("0.3")

    def test_too_much_demand(self) -> None:
        where = equilibrium(book(tenths("100@2.0", "80@1.8"), tenths("50@1.0")))
        assert (where.status, where.quantity, where.low, where.high) == ("excess_demand", 50, 2, 2)

    def test_no_trade(self) -> None:
        where = equilibrium(book(tenths("80@1"), tenths("100@3")))
        assert (where.status, where.reason, where.quantity) == (
            "no_trade",
            "price_gap_too_large",
            0,
        )
        assert equilibrium(book([], [])).status == "no_participants"
        assert equilibrium(book([(1, 1)], [])).reason == "no_sellers"
        assert equilibrium(book([], [(1, 1)])).reason == "no_buyers"

    def test_pairs_at_their_middle(self) -> None:
        cleared = pairwise(
            book(tenths("50@1.5", "30@1.2"), tenths("60@1.0", "40@1.1")), Fraction(1, 2)
        )
        assert [(t.quantity, t.pays) for t in cleared.trades] == [
            (50, Fraction("1.25")),
            (10, Fraction("1.10")),
            (20, Fraction("1.15")),
        ]
        paid = sum(one.pays for one in cleared.settlements)
        assert (cleared.volume, paid / cleared.volume) == (80, Fraction("1.20625"))


class TestPublishedCases:
    def test_mcafee(self) -> None:
        for case in published()["mcafee_1992"]:
            cleared = mcafee(single(case["buyers"], case["sellers"]))
            if "k" in case:
                found = single(case["buyers"], case["sellers"])
                assert (found.quantity, list(found.interval)) == (case["k"], case["price_interval"])
                assert average(found).price == Fraction(str(case["average_mechanism_price"]))
                derived = case["derived_not_published"]
                assert cleared.price == Fraction(str(derived["mcafee_price"]))
                for one in vcg(found).settlements:
                    due = derived["vcg_buyer_pays" if one.bought else "vcg_seller_gets"]
                    assert one.pays + one.gets == due
                continue
            assert cleared.volume == case["trades"]
            if cleared.trades:
                (trade,) = cleared.trades
                assert (trade.pays, trade.gets) == (case["buyer_pays"], case["seller_gets"])
                assert cleared.surplus == case["auctioneer_surplus"]

    def test_strongly_balanced_trade_reduction(self) -> None:
        """Each case names the order of the categories: it changes the price."""
        for case in published()["external_competition_trade_reduction_SBB"]:
            first: First = "buyer" if case["order"].startswith("buyer") else "seller"
            found = single(case["buyers"], case["sellers"])
            cleared = trade_reduction(found, first, lots)
            assert (cleared.volume, cleared.price) == (case["trades"], case["price"])
            assert cleared.surplus == 0
            if "lottery" not in case:
                continue
            assert cleared.drawn == ("sell" if "sellers" in case["lottery"] else "buy")
            # Either of both may lose: whoever draws the greater lot.
            owners = [order.owner for order in getattr(found, f"{cleared.drawn}s")]
            for loser in owners:

                def losing(one: str, loser: str = loser) -> bytes:
                    return b"%d" % (one == loser)

                drawn = trade_reduction(found, first, losing)
                traders = {one.agent for one in drawn.settlements}
                assert traders & set(owners) == set(owners) - {loser}

    def test_huang(self) -> None:
        for case in published()["huang_2002_multiunit"]:
            found = ladder(
                Order(str(bid), "buy" if is_buy else "sell", price, quantity)
                for bid, (quantity, price, _, is_buy) in enumerate(case["rows"])
            )
            cleared = huang(found, lots)
            stated = {trade["bid"]: (trade["qty"], trade["price"]) for trade in case["trades"]}
            assert {
                int(one.agent): (one.bought + one.sold, one.pays + one.gets)
                for one in cleared.settlements
            } == stated
            assert equilibrium(found).welfare == case["max_aggregate_utility"]


PRICES = st.integers(0, 6)
ORDERS = st.lists(st.tuples(st.integers(1, 4), PRICES), max_size=5)
SINGLES = st.lists(PRICES, max_size=5)
SHARES = st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(1)])
BALANCED: dict[str, Callable[[Ladder], Clearing]] = {
    "average": average,
    "pairwise": lambda found: pairwise(found, Fraction(1, 2)),
    "buyers first": lambda found: trade_reduction(found, "buyer", lots),
    "sellers first": lambda found: trade_reduction(found, "seller", lots),
}
ALL: dict[str, Callable[[Ladder], Clearing]] = {
    **BALANCED,
    "mcafee": mcafee,
    "vcg": vcg,
    "huang": lambda found: huang(found, lots),
}
REDUCING = ("mcafee", "buyers first", "sellers first")


def welfare(found: Ladder, cleared: Clearing) -> Fraction | int:
    return sum(
        (found.buys[t.buy].price - found.sells[t.sell].price) * t.quantity for t in cleared.trades
    )


class TestEquilibrium:
    @given(ORDERS, ORDERS)
    def test_no_price_trades_more_and_none_outside_the_interval_clears(
        self, buys: Pieces, sells: Pieces
    ) -> None:
        found = book(buys, sells)
        where = equilibrium(found)

        def clears(price: Fraction) -> bool:
            wanted = [sum(q for q, p in buys if p > price), sum(q for q, p in buys if p >= price)]
            offered = [
                sum(q for q, p in sells if p < price),
                sum(q for q, p in sells if p <= price),
            ]
            return wanted[0] <= offered[1] and offered[0] <= wanted[1]

        for price in (Fraction(n, 2) for n in range(-1, 14)):
            traded = min(
                sum(q for q, p in buys if p >= price), sum(q for q, p in sells if p <= price)
            )
            assert traded <= where.quantity
            if where.low is not None and where.high is not None:
                assert clears(price) == (where.low <= price <= where.high)
                if where.low <= price <= where.high:
                    assert traded == where.quantity

    @given(ORDERS, ORDERS)
    def test_no_other_trade_is_worth_more(self, buys: Pieces, sells: Pieces) -> None:
        values = sorted((p for q, p in buys for _ in range(q)), reverse=True)
        costs = sorted(p for q, p in sells for _ in range(q))
        best = sum(max(v - c, 0) for v, c in zip(values, costs, strict=False))
        assert equilibrium(book(buys, sells)).welfare == best

    def test_without_a_key_the_first_of_equals_comes_first(self) -> None:
        found = ladder([Order("z", "buy", 5, 1), Order("a", "buy", 5, 1), Order("m", "sell", 1, 1)])
        assert found.last_buy.owner == "z"


class TestPromises:
    @given(st.sampled_from([*ALL]), ORDERS, ORDERS)
    def test_what_is_bought_is_sold_and_no_order_is_overstepped(
        self, name: str, buys: Pieces, sells: Pieces
    ) -> None:
        if name in REDUCING:
            buys, sells = [(1, p) for _, p in buys], [(1, p) for _, p in sells]
        found = book(buys, sells)
        cleared = ALL[name](found)
        total = sum(one.bought for one in cleared.settlements)
        assert total == sum(one.sold for one in cleared.settlements) == cleared.volume
        bids = {order.owner: order for order in found.buys}
        asks = {order.owner: order for order in found.sells}
        for one in cleared.settlements:
            if one.bought:
                assert one.bought <= bids[one.agent].quantity
                assert one.pays <= bids[one.agent].price * one.bought
            if one.sold:
                assert one.sold <= asks[one.agent].quantity
                assert one.gets >= asks[one.agent].price * one.sold
        for trade in cleared.trades:
            if trade.pays is not None and trade.gets is not None:
                assert trade.pays <= found.buys[trade.buy].price
                assert trade.gets >= found.sells[trade.sell].price

    @given(st.sampled_from(["average", "pairwise", "vcg"]), ORDERS, ORDERS)
    def test_the_efficient_ones_are(self, name: str, buys: Pieces, sells: Pieces) -> None:
        found = book(buys, sells)
        assert welfare(found, ALL[name](found)) == equilibrium(found).welfare

    @given(st.sampled_from([*BALANCED]), SINGLES, SINGLES)
    def test_the_balanced_ones_are(self, name: str, buyers: list[int], sellers: list[int]) -> None:
        assert BALANCED[name](single(buyers, sellers)).surplus == 0

    @given(st.sampled_from(["mcafee", "huang"]), SINGLES, SINGLES)
    def test_the_weakly_balanced_ones_need_no_money(
        self, name: str, buyers: list[int], sellers: list[int]
    ) -> None:
        assert ALL[name](single(buyers, sellers)).surplus >= 0

    def test_vcg_needs_money(self) -> None:
        """The control for balance: a piece goes from 1 to 9, and somebody adds the difference."""
        assert vcg(single([9], [1])).surplus == -8

    @given(ORDERS, ORDERS)
    def test_vcg_never_leaves_a_surplus(self, buys: Pieces, sells: Pieces) -> None:
        assert vcg(book(buys, sells)).surplus <= 0

    @given(st.sampled_from([*REDUCING]), SINGLES, SINGLES)
    def test_a_reduction_loses_one_trade_at_most_and_the_least_valuable(
        self, name: str, buyers: list[int], sellers: list[int]
    ) -> None:
        found = single(buyers, sellers)
        cleared = ALL[name](found)
        assert found.quantity - 1 <= cleared.volume <= found.quantity
        if cleared.volume < found.quantity and not cleared.drawn:
            lost = found.last_buy.price - found.last_sell.price
            assert welfare(found, cleared) == equilibrium(found).welfare - lost

    @given(SHARES, ORDERS, ORDERS)
    def test_the_one_price_lies_in_the_interval(
        self, k: Fraction, buys: Pieces, sells: Pieces
    ) -> None:
        found = book(buys, sells)
        cleared = k_double_auction(found, k)
        if found.pairs:
            assert cleared.price is not None
            low, high = found.interval
            assert low <= cleared.price <= high
            assert cleared.price == low + k * (high - low)
        else:
            assert cleared == Clearing()

    @given(ORDERS, ORDERS)
    def test_vcg_pays_by_definition(self, buys: Pieces, sells: Pieces) -> None:
        """Everybody's payment is what the others have without it, less what they have with it."""
        found = book(buys, sells)
        total = equilibrium(found).welfare
        for one in vcg(found).settlements:
            others = ladder(o for o in (*found.buys, *found.sells) if o.owner != one.agent)
            own = sum(
                order.price * (one.bought - one.sold)
                for order in (*found.buys, *found.sells)
                if order.owner == one.agent
            )
            assert one.pays - one.gets == equilibrium(others).welfare - (total - own)

    def test_of_several_orders_of_one_agent_none_is_its_own_alternative(self) -> None:
        found = ladder(
            [
                Order("ann", "buy", 9, 1),
                Order("ann", "buy", 8, 1, 1),
                Order("ben", "buy", 7, 1),
                Order("sue", "sell", 1, 1),
            ]
        )
        (ann, _) = vcg(found).settlements
        assert (ann.agent, ann.bought, ann.pays) == ("ann", 1, Fraction(7))


class TestLosses:
    @given(st.lists(st.integers(1, 9), max_size=6), st.data())
    def test_all_lose_alike_or_all_they_have(self, asked: list[int], data: st.DataObject) -> None:
        orders = [Order(f"a{n}", "buy", 1, quantity) for n, quantity in enumerate(asked)]
        there = data.draw(st.integers(0, sum(asked)))
        shares = equal_losses(orders, there, lots)
        assert sum(shares) == there
        losses = [was - now for was, now in zip(asked, shares, strict=True)]
        for was, loss in zip(asked, losses, strict=True):
            assert 0 <= loss <= was
            assert loss == was or loss >= max(losses) - 1

    def test_where_it_cannot_be_divided_the_lottery_decides(self) -> None:
        orders = [Order("a", "buy", 1, 3), Order("b", "buy", 1, 3)]
        assert equal_losses(orders, 5, lots) == [3, 2]
        assert equal_losses(
            orders, 5, lambda agent: agent.encode()[::-1] if agent == "b" else b"z"
        ) == [2, 3]


class TestTies:
    def test_who_was_put_behind_an_equal_is_named(self) -> None:
        found = single([5, 5], [1])
        assert contested(found, average(found)) == ("b0", "b1")

    def test_what_the_lottery_draws_is_no_tie(self) -> None:
        found = single([5, 5], [1, 1])
        cleared = trade_reduction(found, "buyer", lots)
        assert cleared.drawn == "sell"
        assert contested(found, cleared) == ("b0", "b1")

    def test_an_order_that_is_filled_in_part_is_no_tie_by_itself(self) -> None:
        found = book([(3, 5)], [(1, 1)])
        assert contested(found, average(found)) == ()


# Truthfulness


def gains(rule: Callable[[Ladder], Clearing], most: int, rivals: int) -> list[tuple[str, int, int]]:
    """Return side, value and price wherever one trader profits from an untrue order of one piece.

    Tried are all values and prices up to a limit, for the trader and its rivals on both sides,
    and every place in the order by which ties are broken and lots are drawn.
    """
    found: list[tuple[str, int, int]] = []
    prices = range(most + 1)
    sides: tuple[Side, ...] = ("buy", "sell")
    for side, me in product(sides, ("a", "c", "z")):
        for buyers in range(1, rivals + 1):
            for others in product(prices, repeat=rivals + 1):
                bids, asks = others[:buyers], others[buyers:]
                field = [
                    *(Order(f"b{n}", "buy", p, 1) for n, p in enumerate(bids)),
                    *(Order(f"b{n}x", "sell", p, 1) for n, p in enumerate(asks)),
                ]

                outcome = [_traded(rule, field, Order(me, side, p, 1)) for p in prices]
                sign = 1 if side == "buy" else -1
                for value in prices:
                    truth = outcome[value]
                    best = truth[0] * sign * value - truth[1]
                    found += [
                        (side, value, price)
                        for price, (pieces, paid) in enumerate(outcome)
                        if pieces * sign * value - paid > best
                    ]
    return found


def _traded(
    rule: Callable[[Ladder], Clearing], field: list[Order], mine: Order
) -> tuple[int, Fraction]:
    cleared = rule(ladder([*field, mine], lambda order: order.owner))
    for one in cleared.settlements:
        if one.agent == mine.owner:
            return one.bought + one.sold, one.pays - one.gets
    return 0, Fraction(0)


class TestTruthfulness:
    @pytest.mark.parametrize("name", ["mcafee", "buyers first", "sellers first", "vcg", "huang"])
    def test_no_price_is_better_than_the_true_one(self, name: str) -> None:
        assert gains(ALL[name], most=3, rivals=2) == []

    @pytest.mark.parametrize("name", ["average", "pairwise"])
    def test_under_the_others_it_pays_to_shade(self, name: str) -> None:
        """The control: the search does find what profits, where something does."""
        found = gains(ALL[name], most=3, rivals=2)
        assert any(side == "buy" and price < value for side, value, price in found)
        assert any(side == "sell" and price > value for side, value, price in found)

    def test_several_pieces_at_one_price_are_told_truly_under_huang(self) -> None:
        def paid(price: int, others: tuple[int, ...]) -> tuple[int, Fraction]:
            field = [
                Order("b", "buy", others[0], 1),
                Order("d", "buy", others[1], 2),
                Order("s", "sell", others[2], 2),
                Order("t", "sell", others[3], 2),
            ]
            return _traded(ALL["huang"], field, Order("m", "buy", price, 3))

        for others in product(range(4), repeat=4):
            outcome = [paid(price, others) for price in range(4)]
            for value in range(4):
                truth = outcome[value][0] * value - outcome[value][1]
                assert all(q * value - cost <= truth for q, cost in outcome)

    def test_to_overstate_the_quantity_may_help_under_huang(self) -> None:
        """What Huang does not promise: who asks for more gives up no more than another."""

        def got(asked: int) -> int:
            found = ladder(
                [
                    Order("ann", "buy", 9, asked),
                    Order("ben", "buy", 9, 4),
                    Order("cyd", "buy", 5, 1),
                    Order("sue", "sell", 1, 4),
                    Order("tom", "sell", 2, 50),
                ],
                lambda order: order.owner,
            )
            return next(s.bought for s in huang(found, lots).settlements if s.agent == "ann")

        assert (got(3), got(6)) == (2, 3)
