"""Call markets as sessions: which sheets count, what is decided, how a stranger checks it."""

from __future__ import annotations

import pytest

from mabeam.core.market import (
    CALL_MARKET,
    CallMarketDecided,
    CallMarketOpened,
    Exchange,
    Payment,
    SheetPlaced,
)
from mabeam.core.market.rules import MECHANISMS
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Considered,
    Open,
    Participant,
    Speech,
    standing,
)
from mabeam.core.testing import given
from support.call_markets import BUYERS, CLOSED, SELLERS, decided, market, sheet


def reasons(decision: CallMarketDecided) -> dict[str, str]:
    return {lost.agent: lost.reason for lost in decision.alternatives}


class TestOpening:
    @pytest.mark.parametrize(
        ("opening", "code", "field"),
        [
            (market("barter"), "policy.unknown", "policy"),
            (market("average", parameters={"k": "1/2"}), "policy.parameters", "policy.parameters"),
            (market("pairwise", parameters={"k": "2"}), "policy.parameters", "k"),
            (market("pairwise", parameters={"k": "-1/2"}), "policy.parameters", "k"),
            (market("pairwise", parameters={"k": "half"}), "policy.parameters", "k"),
            (market("pairwise", parameters={"k": "1/0"}), "policy.parameters", "k"),
            (market("pairwise", parameters={"k": "1/" + "9" * 20}), "policy.parameters", "k"),
            # It would be written with as many digits.
            (market("pairwise", parameters={"k": "1e-999999999"}), "policy.parameters", "k"),
            (
                market("trade_reduction", parameters={"first": "me"}),
                "policy.parameters",
                "policy.parameters",
            ),
            (CallMarketOpened(good="x" * 201), "market.text", "good"),
            (
                market(participants=tuple(Participant(f"a{n}") for n in range(1001))),
                "market.range",
                "participants",
            ),
        ],
        ids=str,
    )
    def test_what_cannot_be_held_is_refused(
        self, opening: CallMarketOpened, code: str, field: str
    ) -> None:
        given(SESSION).when(Open(opening)).then_rejected(code, field=field)

    @pytest.mark.parametrize("rule", [name for name, _ in MECHANISMS.known()])
    def test_every_rule_can_be_held(self, rule: str) -> None:
        given(SESSION).when(Open(market(rule))).then(market(rule))


class TestSheets:
    @pytest.mark.parametrize(
        ("rule", "orders", "part"),
        [
            ("average", ["buy 0 @ 5"], "quantity"),
            ("average", ["buy 1000001 @ 5"], "quantity"),
            ("average", ["buy 1 @ -1"], "price"),
            ("average", ["buy 1 @ 1000000001"], "price"),
            ("average", ["buy 1 @ 5"] * 9, "orders"),
            ("average", ["buy 1 @ 5", "sell 1 @ 5"], "trade with itself"),
            ("vcg", ["buy 1 @ 5", "sell 1 @ 9"], "either buy or sell"),
            ("mcafee", ["buy 2 @ 5"], "quantity"),
            ("huang", ["buy 2 @ 5", "buy 1 @ 4"], "orders"),
        ],
    )
    def test_what_a_rule_does_not_take_does_not_count(
        self, rule: str, orders: list[str], part: str
    ) -> None:
        decision = decided(market(rule), sheet("ann", *orders))
        (lost,) = decision.alternatives
        assert lost.reason.startswith("invalid: ")
        assert part in lost.reason

    def test_who_may_trade_with_itself_pays_itself(self) -> None:
        opening = market(self_trade="allow")
        decision = decided(opening, sheet("ann", "buy 2 @ 9", "sell 2 @ 5"))
        assert (decision.volume, decision.price) == (2, "7")
        assert decision.payments == (Payment("ann", 2, 2, "14", "14"),)

    def test_a_spread_is_no_trade_with_oneself(self) -> None:
        decision = decided(market(), sheet("ann", "buy 1 @ 5", "sell 1 @ 6"))
        assert (decision.status, decision.reason) == ("no_trade", "price_gap_too_large")

    def test_an_empty_sheet_stands_aside_and_completes(self) -> None:
        opening = market(participants=(Participant("ann"),))
        state = given(SESSION, opening, sheet("ann")).state
        assert state.completed_id
        assert decided(opening, sheet("ann")).status == "no_participants"

    def test_words_that_are_no_sheets(self) -> None:
        class Other(Speech, frozen=True, kw_only=True):
            pass

        CALL_MARKET.check_speech(market(), Other())
        assert CALL_MARKET.say(Other()) == ""
        assert CALL_MARKET.say(SheetPlaced()) == "nothing"


class TestDecisions:
    def test_all_is_told(self) -> None:
        decision = decided(market(), *SELLERS, *BUYERS, sheet("cyd", "buy 1 @ 20"))
        assert decision == CallMarketDecided(
            outcome="decided",
            rule=Policy("average"),
            considered=Considered(1, 7),
            alternatives=decision.alternatives,
            good="cpu",
            status="balanced",
            low="40",
            high="80",
            efficient=2,
            welfare="100",
            price="60",
            volume=2,
            average="60",
            exchanges=(
                Exchange("ann", 0, "sue", 0, 1, "60", "60"),
                Exchange("ben", 0, "tom", 0, 1, "60", "60"),
            ),
            payments=(
                Payment("ann", 1, 0, "60", "0"),
                Payment("ben", 1, 0, "60", "0"),
                Payment("sue", 0, 1, "0", "60"),
                Payment("tom", 0, 1, "0", "60"),
            ),
        )
        assert reasons(decision) == {"cyd": "priced_out"}
        assert str(CALL_MARKET.result(decision)) == "60"

    def test_prices_that_are_no_whole_numbers_are_fractions(self) -> None:
        opening = market("k_double_auction", parameters={"k": "1/3"})
        decision = decided(opening, sheet("ann", "buy 1 @ 20"), sheet("sue", "sell 1 @ 10"))
        assert (decision.price, str(CALL_MARKET.result(decision))) == ("40/3", "13.333333333")

    def test_the_lineage_in_cents(self) -> None:
        decision = decided(
            market("pairwise"),
            sheet("ann", "buy 50 @ 150"),
            sheet("ben", "buy 30 @ 120"),
            sheet("sue", "sell 60 @ 100"),
            sheet("tom", "sell 40 @ 110"),
        )
        assert [(e.quantity, e.pays) for e in decision.exchanges] == [
            (50, "125"),
            (10, "110"),
            (20, "115"),
        ]
        assert (decision.volume, decision.average, decision.price) == (80, "965/8", "")
        assert CALL_MARKET.result(decision) is None

    def test_mcafee_loses_a_trade_and_keeps_the_difference(self) -> None:
        decision = decided(market("mcafee"), *SELLERS, *BUYERS)
        assert (decision.volume, decision.surplus, decision.price) == (1, "40", "")
        assert reasons(decision) == {"ben": "reduced", "tom": "reduced"}

    def test_vcg_tells_its_deficit(self) -> None:
        decision = decided(market("vcg"), *SELLERS, *BUYERS)
        assert (decision.volume, decision.surplus, decision.average) == (2, "-80", "40")
        assert decision.exchanges[0].pays == ""

    def test_the_order_of_the_categories_changes_the_price(self) -> None:
        prices = {
            first: decided(
                market("trade_reduction", parameters={"first": first}), *SELLERS, *BUYERS
            ).price
            for first in ("buyer", "seller")
        }
        assert prices == {"buyer": "80", "seller": "40"}

    def test_nobody_can_choose_the_lot(self) -> None:
        losers = {
            agent
            for n in range(20)
            for agent, reason in reasons(
                decided(market("trade_reduction"), *SELLERS, *BUYERS, name=f"s{n}")
            ).items()
            if reason == "reduced" and agent in {"sue", "tom"}
        }
        assert losers == {"sue", "tom"}

    @pytest.mark.parametrize(
        ("rule", "first", "bids", "asks", "price", "volume"),
        [
            ("mcafee", "", (100, 90, 80), (80, 85, 95), "175/2", 2),
            ("mcafee", "", (100, 90, 10), (80, 85, 95), "", 1),
            ("trade_reduction", "buyer", (90,), (40, 30), "40", 1),
            ("trade_reduction", "buyer", (90,), (40,), "", 0),
            ("trade_reduction", "seller", (90, 80), (40,), "80", 1),
            ("trade_reduction", "seller", (90, 80), (40, 30), "40", 1),
        ],
    )
    def test_the_excluded_set_the_price_where_they_can(  # noqa: PLR0917 - a case is these
        self,
        rule: str,
        first: str,
        bids: tuple[int, ...],
        asks: tuple[int, ...],
        price: str,
        volume: int,
    ) -> None:
        opening = market(rule, parameters={"first": first} if first else {})
        decision = decided(
            opening,
            *(sheet(f"b{n}", f"buy 1 @ {bid}") for n, bid in enumerate(bids)),
            *(sheet(f"s{n}", f"sell 1 @ {ask}") for n, ask in enumerate(asks)),
        )
        assert (decision.price, decision.volume) == (price, volume)

    def test_under_huang_the_longer_side_gives_up_pieces_alike(self) -> None:
        decision = decided(
            market("huang"),
            sheet("ann", "buy 6 @ 9"),
            sheet("ben", "buy 5 @ 9"),
            sheet("cyd", "buy 1 @ 8"),
            sheet("dan", "buy 1 @ 5"),
            sheet("sue", "sell 4 @ 1"),
            sheet("tom", "sell 50 @ 2"),
        )
        bought = {one.agent: one.bought for one in decision.payments}
        assert (decision.volume, bought["sue"]) == (4, 0)
        assert (bought["ann"], bought["ben"]) in {(2, 2), (3, 1)}
        assert decision.surplus == str(4 * (5 - 2))

    def test_below_the_quorum_nothing_is_traded(self) -> None:
        decision = decided(market(quorum=9), *SELLERS, *BUYERS)
        assert (decision.outcome, decision.volume, decision.exchanges) == ("no_quorum", 0, ())
        assert set(reasons(decision).values()) == {"no_quorum"}
        assert decision.status == "balanced"

    def test_nobody_came(self) -> None:
        decision = decided(market())
        assert (decision.outcome, decision.status) == ("no_quorum", "no_participants")

    def test_the_earliest_of_equals_trades(self) -> None:
        opening = market(tie_break="earliest")
        sell = sheet("sue", "sell 1 @ 30")
        decision = decided(opening, sheet("zoe", "buy 1 @ 50"), sheet("ann", "buy 1 @ 50"), sell)
        assert decision.exchanges[0].buyer == "zoe"
        assert reasons(decision) == {"ann": "tie_lost"}

    def test_a_tie_may_be_left_unresolved(self) -> None:
        opening = market(tie_break="refuse")
        sell = sheet("sue", "sell 1 @ 30")
        tied = (sheet("zoe", "buy 1 @ 50"), sheet("ann", "buy 1 @ 50"), sell)
        decision = decided(opening, *tied)
        assert (decision.outcome, decision.exchanges) == ("tie_unresolved", ())
        assert reasons(decision) == {
            "ann": "tie_unresolved",
            "zoe": "tie_unresolved",
            "sue": "tie_unresolved",
        }
        assert CALL_MARKET.result(decision) is None

    def test_what_a_lottery_draws_is_no_tie(self) -> None:
        opening = market("trade_reduction", tie_break="refuse")
        equal = (sheet("sue", "sell 1 @ 30"), sheet("tom", "sell 1 @ 30"))
        assert decided(opening, *equal, *BUYERS).outcome == "decided"

    def test_what_all_give_up_alike_is_no_tie(self) -> None:
        opening = market("huang", tie_break="refuse")
        alike = (sheet("ann", "buy 6 @ 9"), sheet("ben", "buy 5 @ 9"))
        sellers = (sheet("sue", "sell 4 @ 1"), sheet("tom", "sell 50 @ 2"))
        assert decided(opening, *alike, sheet("cyd", "buy 1 @ 8"), *sellers).volume == 4
        behind = decided(opening, *alike, sheet("cyd", "buy 1 @ 9"), *sellers)
        assert behind.outcome == "tie_unresolved"

    def test_who_gets_a_part_is_told_so(self) -> None:
        decision = decided(market(), sheet("ann", "buy 5 @ 9"), sheet("sue", "sell 2 @ 1"))
        assert (decision.status, reasons(decision)) == ("excess_demand", {"ann": "partly_filled"})

    def test_a_sheet_replaces_the_former_one(self) -> None:
        decision = decided(market(), *BUYERS, sheet("ann"), *SELLERS)
        assert (decision.volume, decision.superseded) == (1, 1)


class TestStanding:
    def test_the_ladders_are_shown(self) -> None:
        state = given(SESSION, market(), *SELLERS, *BUYERS).state
        shown = standing("s", state)
        assert shown.rows == (
            ("90", "1", "2"),
            ("80", "2", "2"),
            ("40", "2", "2"),
            ("30", "2", "1"),
        )
        assert shown.remarks == ("2 would clear at 40 to 80: balanced.",)

    def test_no_trade_and_one_price_are_told(self) -> None:
        apart = given(SESSION, market(), sheet("ann", "buy 1 @ 1"), SELLERS[0]).state
        assert standing("s", apart).remarks == ("Nothing would trade: price gap too large.",)
        one = given(SESSION, market(), sheet("ann", "buy 1 @ 30"), SELLERS[0]).state
        assert standing("s", one).remarks == ("1 would clear at 30: balanced.",)
        none = given(SESSION, market()).state
        assert standing("s", none).remarks == ("Nothing would trade: no participants.",)

    @pytest.mark.parametrize(
        ("rule", "ann", "remark"),
        [
            ("average", ("ann", "1", "0", "60", "0"), "Traded: 2 at 60."),
            ("mcafee", ("ann", "1", "0", "80", "0"), "Traded: 1 for 80 each."),
        ],
    )
    def test_after_the_closing_it_shows_who_trades(
        self, rule: str, ann: tuple[str, ...], remark: str
    ) -> None:
        shown = standing("s", given(SESSION, market(rule), *SELLERS, *BUYERS, CLOSED).state)
        assert shown.columns == ("trader", "bought", "sold", "pays", "gets")
        assert shown.rows[0] == ann
        assert shown.remarks == ("2 would clear at 40 to 80: balanced.", remark)

    def test_a_sealed_market_shows_nothing_before_its_closing(self) -> None:
        opening = market(visibility="sealed")
        assert standing("s", given(SESSION, opening, *BUYERS).state).rows == ()
        assert standing("s", given(SESSION, opening, *BUYERS, CLOSED).state).rows
