"""Auctions as sessions: which bids count, what is decided, and how a stranger checks it."""

from __future__ import annotations

import itertools
from typing import cast

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import AUCTION, AuctionDecided, AuctionOpened, BidPlaced, Ranked
from mabeam.core.auction.protocol import AMOUNT_MAX
from mabeam.core.consensus import ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Alternative,
    Closed,
    Considered,
    Decision,
    Hearing,
    Open,
    Participant,
    Speech,
    hearing,
    protocol_of,
    standing,
)
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")


def bid(agent: str, amount: int) -> Said:
    return said(BidPlaced(amount=amount), agent)


def heard(opening: AuctionOpened, *past: Past, name: str = "s") -> Hearing[AuctionOpened]:
    """Return the hearing of a closed auction."""
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[AuctionOpened]", hearing(name, state))


def decided(opening: AuctionOpened, *past: Past, name: str = "s") -> AuctionDecided:
    """Decide a closed auction, and let the certificate prove it."""
    found = heard(opening, *past, name=name)
    decision = AUCTION.decide(found)
    assert isinstance(decision, AuctionDecided)
    AUCTION.verify(found, decision)
    return decision


def reasons(decision: Decision) -> dict[str, str]:
    return {lost.agent: lost.reason for lost in decision.alternatives}


class TestOpening:
    @pytest.mark.parametrize("reserve", [0, AMOUNT_MAX])
    def test_any_reserve_that_json_carries_is_allowed(self, reserve: int) -> None:
        opening = AuctionOpened(lot="x", reserve=reserve)
        given(SESSION).when(Open(opening)).then(opening)

    @pytest.mark.parametrize("reserve", [-1, AMOUNT_MAX + 1])
    def test_another_reserve_is_refused(self, reserve: int) -> None:
        refusal = (
            given(SESSION)
            .when(Open(AuctionOpened(lot="x", reserve=reserve)))
            .then_rejected("auction.reserve", field="reserve")
        )
        assert (refusal.value, refusal.allowed) == (str(reserve), f"0 to {AMOUNT_MAX}")

    def test_an_unknown_rule_is_refused(self) -> None:
        opening = AuctionOpened(lot="x", rule=Policy("third_price"))
        refusal = given(SESSION).when(Open(opening)).then_rejected("policy.unknown", field="policy")
        assert "second_price version 1" in refusal.allowed

    def test_parameters_that_the_rule_does_not_take_are_refused(self) -> None:
        opening = AuctionOpened(lot="x", rule=Policy("second_price", 1, {"reserve": 5}))
        given(SESSION).when(Open(opening)).then_rejected("policy.parameters")


class TestBids:
    @pytest.mark.parametrize("amount", [1, AMOUNT_MAX])
    def test_any_amount_that_json_carries_counts(self, amount: int) -> None:
        assert decided(AuctionOpened(lot="x"), bid("ann", amount)).winner == "ann"

    @pytest.mark.parametrize("amount", [0, -10, AMOUNT_MAX + 1, 10**100])
    def test_another_amount_does_not_count_and_says_why(self, amount: int) -> None:
        decision = decided(AuctionOpened(lot="x"), bid("ann", amount), bid("bob", 3))
        assert decision.winner == "bob"
        (lost,) = decision.alternatives
        assert (lost.agent, lost.position) == ("ann", 2)
        assert lost.reason.startswith("invalid: no such amount: amount = ")
        assert f"1 to {AMOUNT_MAX}" in lost.reason

    def test_the_rule_for_bids_minds_bids_alone(self) -> None:
        AUCTION.check_speech(AuctionOpened(lot="x"), NotABid())
        assert AUCTION.say(NotABid()) == ""
        assert AUCTION.say(BidPlaced(amount=7, note="x")) == "7"


class TestDecisions:
    def test_the_highest_bid_wins_and_pays_the_second(self) -> None:
        opening = AuctionOpened(lot="task", reserve=2)
        assert decided(opening, bid("ann", 5), bid("bob", 9), bid("cyd", 7)) == AuctionDecided(
            outcome="decided",
            rule=Policy("second_price"),
            considered=Considered(1, 5),
            alternatives=(
                Alternative("ann", "5", 2, "outbid"),
                Alternative("cyd", "7", 4, "outbid"),
            ),
            superseded=0,
            lot="task",
            winner="bob",
            price=7,
            ranking=(Ranked("bob", 9, 3), Ranked("cyd", 7, 4), Ranked("ann", 5, 2)),
            price_basis="second_bid",
        )

    def test_a_lone_bid_pays_the_reserve(self) -> None:
        decision = decided(AuctionOpened(lot="x", reserve=4), bid("ann", 9))
        assert (decision.winner, decision.price, decision.price_basis) == ("ann", 4, "reserve")

    def test_a_bid_of_the_reserve_counts_and_one_below_it_does_not(self) -> None:
        decision = decided(AuctionOpened(lot="x", reserve=5), bid("ann", 5), bid("bob", 4))
        assert (decision.winner, decision.price) == ("ann", 5)
        assert reasons(decision) == {"bob": "below_reserve"}

    def test_the_reserve_of_the_lineage_is_the_price(self) -> None:
        decision = decided(AuctionOpened(lot="x", reserve=10), bid("b1", 8), bid("b2", 15))
        assert (decision.winner, decision.price) == ("b2", 10)

    def test_without_bids_nobody_wins(self) -> None:
        decision = decided(AuctionOpened(lot="x"))
        assert decision == AuctionDecided(
            outcome="no_quorum", rule=Policy("second_price"), considered=Considered(1, 2), lot="x"
        )

    def test_when_all_bids_are_below_the_reserve_nobody_wins(self) -> None:
        decision = decided(AuctionOpened(lot="x", reserve=9), bid("ann", 5), bid("bob", 6))
        assert (decision.outcome, decision.winner, decision.price) == ("no_quorum", "", None)
        assert reasons(decision) == {"ann": "below_reserve", "bob": "below_reserve"}
        assert (decision.ranking, decision.price_basis) == ((), None)

    def test_below_the_quorum_nobody_wins_though_bids_are_listed(self) -> None:
        decision = decided(AuctionOpened(lot="x", quorum=3), bid("ann", 5), bid("bob", 6))
        assert (decision.outcome, decision.winner, decision.price) == ("no_quorum", "", None)
        assert reasons(decision) == {"ann": "no_quorum", "bob": "no_quorum"}
        assert [ranked.agent for ranked in decision.ranking] == ["bob", "ann"]

    def test_only_the_latest_bid_of_each_counts(self) -> None:
        bids = (bid("ann", 9), bid("bob", 6), bid("ann", 5))
        decision = decided(AuctionOpened(lot="x"), *bids)
        assert (decision.winner, decision.price, decision.superseded) == ("bob", 5, 1)

    def test_a_bid_behind_the_closing_does_not_count(self) -> None:
        found = hearing(
            "s", given(SESSION, AuctionOpened(lot="x"), bid("ann", 5), CLOSED, bid("bob", 9)).state
        )
        decision = protocol_of(AuctionOpened(lot="x")).decide(found)
        assert isinstance(decision, AuctionDecided)
        assert (decision.winner, decision.considered) == ("ann", Considered(1, 3))

    def test_who_was_not_asked_is_listed_but_does_not_count(self) -> None:
        named = AuctionOpened(lot="x", participants=(Participant("ann"),))
        decision = decided(named, bid("ann", 5), bid("eve", 9))
        assert (decision.winner, reasons(decision)) == ("ann", {"eve": "not_eligible"})

    def test_weights_do_not_help_a_bid(self) -> None:
        team = (Participant("ann", 100), Participant("bob"))
        decision = decided(AuctionOpened(lot="x", participants=team), bid("ann", 5), bid("bob", 6))
        assert decision.winner == "bob"


class TestTies:
    BIDS = (bid("ann", 7), bid("bob", 7), bid("cyd", 5))

    def test_equals_pay_what_they_bid(self) -> None:
        decision = decided(AuctionOpened(lot="x"), *self.BIDS)
        assert decision.winner in {"ann", "bob"}
        assert decision.price == 7
        loser = ({"ann", "bob"} - {decision.winner}).pop()
        assert reasons(decision) == {loser: "tie_lost", "cyd": "outbid"}

    def test_the_canonical_order_is_one_that_nobody_can_choose(self) -> None:
        winners = {
            decided(AuctionOpened(lot="x"), *self.BIDS, name=f"s{n}").winner for n in range(20)
        }
        assert winners == {"ann", "bob"}

    def test_the_canonical_order_does_not_depend_on_the_order_of_arrival(self) -> None:
        winners = {
            decided(AuctionOpened(lot="x"), *order).winner
            for order in itertools.permutations(self.BIDS)
        }
        assert len(winners) == 1

    def test_the_earliest_of_equals_may_win(self) -> None:
        opening = AuctionOpened(lot="x", tie_break="earliest")
        assert decided(opening, bid("bob", 7), bid("ann", 7)).winner == "bob"
        assert decided(opening, bid("ann", 7), bid("bob", 7)).winner == "ann"

    def test_who_repeats_a_bid_keeps_its_place_and_who_changes_it_does_not(self) -> None:
        opening = AuctionOpened(lot="x", tie_break="earliest")
        assert decided(opening, bid("bob", 7), bid("ann", 7), bid("bob", 7)).winner == "bob"
        changed = (bid("bob", 7), bid("ann", 7), bid("bob", 8), bid("bob", 7))
        assert decided(opening, *changed).winner == "ann"

    def test_a_tie_may_be_left_unresolved(self) -> None:
        decision = decided(AuctionOpened(lot="x", tie_break="refuse"), *self.BIDS)
        assert (decision.outcome, decision.winner, decision.price) == ("tie_unresolved", "", None)
        assert reasons(decision) == {
            "ann": "tie_unresolved",
            "bob": "tie_unresolved",
            "cyd": "outbid",
        }

    def test_a_tie_among_losers_is_none(self) -> None:
        opening = AuctionOpened(lot="x", tie_break="refuse")
        decision = decided(opening, bid("ann", 7), bid("bob", 5), bid("cyd", 5))
        assert (decision.outcome, decision.winner, decision.price) == ("decided", "ann", 5)


FIRST = AuctionOpened(lot="x", reserve=2, rule=Policy("first_price"))


class TestFirstPrice:
    def test_the_winner_pays_what_it_bid(self) -> None:
        decision = decided(FIRST, bid("ann", 5), bid("bob", 9), bid("cyd", 1))
        assert (decision.winner, decision.price, decision.price_basis) == ("bob", 9, "own_bid")
        assert decision.rule == Policy("first_price")
        assert reasons(decision) == {"ann": "outbid", "cyd": "below_reserve"}

    def test_scenario_of_the_system_this_one_descends_from(self) -> None:
        bids = (bid("b1", 10), bid("b2", 15), bid("b3", 12))
        first = decided(AuctionOpened(lot="x", rule=Policy("first_price")), *bids)
        assert (first.winner, first.price, len(first.ranking)) == ("b2", 15, 3)
        second = decided(AuctionOpened(lot="x"), *bids)
        assert (second.winner, second.price) == ("b2", 12)

    def test_without_bids_nobody_wins(self) -> None:
        decision = decided(FIRST)
        assert (decision.outcome, decision.price_basis) == ("no_quorum", None)

    @pytest.mark.parametrize(
        "change",
        [{"price": 5}, {"price_basis": "second_bid"}, {"rule": Policy("second_price")}],
        ids=str,
    )
    def test_the_price_of_another_rule_is_refused(self, change: dict[str, object]) -> None:
        bids = (bid("ann", 5), bid("bob", 9))
        with pytest.raises(Rejected, match="does not prove"):
            AUCTION.verify(
                heard(FIRST, *bids), msgspec.structs.replace(decided(FIRST, *bids), **change)
            )


class TestStanding:
    def test_bids_are_shown_the_highest_first(self) -> None:
        state = given(SESSION, FIRST, bid("ann", 1), bid("bob", 9)).state
        shown = standing("s", state)
        assert shown.columns == ("bidder", "amount", "remark")
        assert shown.rows == (("bob", "9", ""), ("ann", "1", "below the reserve"))

    def test_under_seal_only_bidders_are_shown_before_the_closing(self) -> None:
        sealed = msgspec.structs.replace(FIRST, visibility="sealed")
        shown = standing("s", given(SESSION, sealed, bid("ann", 7)).state)
        assert shown.rows == (("ann", "2"),)
        closed = standing("s", given(SESSION, sealed, bid("ann", 7), CLOSED).state)
        assert closed.rows == (("ann", "7", ""),)


class NotABid(Speech, frozen=True, kw_only=True):
    """Something said that is no bid."""


class TestResult:
    def test_the_winner_is_what_the_variable_becomes(self) -> None:
        assert AUCTION.result(decided(AuctionOpened(lot="x"), bid("ann", 5))) == "ann"

    def test_where_nobody_won_nothing_becomes_of_it(self) -> None:
        assert AUCTION.result(decided(AuctionOpened(lot="x"))) is None
        tie = decided(AuctionOpened(lot="x", tie_break="refuse"), *TestTies.BIDS)
        assert AUCTION.result(tie) is None
        assert AUCTION.result(OTHER) is None


OTHER = ConsensusDecided(
    outcome="no_quorum", rule=Policy("weighted_mean"), considered=Considered(1, 2)
)
OPENING = AuctionOpened(lot="x", reserve=2)
BIDS = (bid("ann", 9), bid("bob", 7), bid("cyd", 7), bid("dan", 1))
CHANGES: dict[str, dict[str, object]] = {
    "another winner": {"winner": "bob"},
    "no winner": {"winner": ""},
    "a winner who did not bid": {"winner": "eve"},
    "a lower price": {"price": 6},
    "a higher price": {"price": 8},
    "no price": {"price": None},
    "another basis of the price": {"price_basis": "reserve"},
    "no basis of the price": {"price_basis": None},
    "a bid dropped": {"ranking": (Ranked("ann", 9, 2), Ranked("bob", 7, 3))},
    "no bids": {"ranking": ()},
    "a bid invented": {"ranking": (Ranked("eve", 9, 2), Ranked("bob", 7, 3), Ranked("cyd", 7, 4))},
    "a bid listed twice": {
        "ranking": (Ranked("ann", 9, 2), *[Ranked("bob", 7, 3)] * 2, Ranked("cyd", 7, 4))
    },
    "a bid raised": {"ranking": (Ranked("ann", 9, 2), Ranked("bob", 8, 3), Ranked("cyd", 7, 4))},
    "a bid from elsewhere": {
        "ranking": (Ranked("ann", 9, 2), Ranked("bob", 7, 9), Ranked("cyd", 7, 4))
    },
    "a bid below the reserve": {
        "ranking": (
            Ranked("ann", 9, 2),
            Ranked("bob", 7, 3),
            Ranked("cyd", 7, 4),
            Ranked("dan", 1, 5),
        )
    },
    "another order": {"ranking": (Ranked("bob", 7, 3), Ranked("ann", 9, 2), Ranked("cyd", 7, 4))},
    "another outcome": {"outcome": "no_quorum"},
    "a tie that is none": {"outcome": "tie_unresolved", "winner": "", "price": None},
    "nobody heard": {"outcome": "no_quorum", "winner": "", "price": None, "price_basis": None},
    "another rule": {"rule": Policy("first_price")},
    "another closing": {"considered": Considered(1, 5)},
    "another opening": {"considered": Considered(2, 6)},
    "another lot": {"lot": "y"},
    "other words replaced": {"superseded": 3},
}


class TestCertificates:
    def test_the_decision_that_follows_is_proved(self) -> None:
        AUCTION.verify(heard(OPENING, *BIDS), decided(OPENING, *BIDS))

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_a_corrupted_decision_is_refused(self, change: dict[str, object]) -> None:
        corrupted = msgspec.structs.replace(decided(OPENING, *BIDS), **change)
        with pytest.raises(Rejected) as caught:
            AUCTION.verify(heard(OPENING, *BIDS), corrupted)
        assert caught.value.code == "auction.certificate"
        assert caught.value.field

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        with pytest.raises(Rejected, match="a decision of an auction"):
            AUCTION.verify(heard(OPENING, *BIDS), OTHER)

    @pytest.mark.parametrize("tie_break", ["canonical", "earliest"])
    def test_another_one_of_equals_is_no_winner(self, tie_break: str) -> None:
        opening = msgspec.structs.replace(OPENING, tie_break=tie_break)
        ties = (bid("ann", 7), bid("bob", 7))
        right = decided(opening, *ties)
        best, second = right.ranking
        wrong = msgspec.structs.replace(right, ranking=(second, best), winner=second.agent)
        with pytest.raises(Rejected, match="ranking"):
            AUCTION.verify(heard(opening, *ties), wrong)

    def test_a_tie_that_must_not_be_resolved_is_not(self) -> None:
        opening = msgspec.structs.replace(OPENING, tie_break="refuse")
        ties = (bid("ann", 7), bid("bob", 7))
        resolved = msgspec.structs.replace(
            decided(opening, *ties), outcome="decided", winner="ann", price=7
        )
        with pytest.raises(Rejected, match="outcome"):
            AUCTION.verify(heard(opening, *ties), resolved)

    def test_without_a_quorum_nobody_wins(self) -> None:
        opening = msgspec.structs.replace(OPENING, quorum=9)
        won = msgspec.structs.replace(
            decided(opening, *BIDS), outcome="decided", winner="ann", price=7
        )
        with pytest.raises(Rejected, match="outcome"):
            AUCTION.verify(heard(opening, *BIDS), won)

    @hypothesis_given(
        st.dictionaries(st.sampled_from("abcde"), st.integers(-1, 9), max_size=5),
        st.integers(0, 9),
        st.integers(0, 4),
        st.sampled_from(["canonical", "earliest", "refuse"]),
    )
    def test_whatever_follows_is_proved(
        self, amounts: dict[str, int], reserve: int, quorum: int, tie_break: str
    ) -> None:
        opening = AuctionOpened(lot="x", reserve=reserve, quorum=quorum)
        opening = msgspec.structs.replace(opening, tie_break=tie_break)
        bids = [bid(agent, amount) for agent, amount in amounts.items()]
        decision = decided(opening, *bids)
        if decision.outcome == "decided":
            best = max(amount for amount in amounts.values() if amount > 0)
            assert amounts[decision.winner] == best
        assert len(decision.alternatives) + bool(decision.winner) == len(amounts)


def test_decisions_survive_the_wire() -> None:
    written = msgspec.json.encode(decided(OPENING, *BIDS))
    read: Event = msgspec.json.decode(written, type=AuctionDecided)
    assert read == decided(OPENING, *BIDS)
