"""Several units as a session: which bids count, what each pays, and what proves it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import (
    MULTI_UNIT_AUCTION,
    AuctionDecided,
    DemandBid,
    DemandStated,
    MultiUnitAuctionDecided,
    MultiUnitAuctionOpened,
    UnitAward,
    vickrey,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Alternative,
    Closed,
    Considered,
    Open,
    Participant,
    Speech,
    standing,
)
from mabeam.core.testing import Said, given, said
from mabeam.core.testing.history import ENTITY
from support.auctions import expect_refused, forgeries, heard, proved, reasons, state_of

OPENING = MultiUnitAuctionOpened(lot="hour of the machine", units=4, reserve=2)
RULES = ["discriminatory", "uniform", "vickrey"]


def wants(agent: str, *amounts: int) -> Said:
    return said(DemandStated(amounts=amounts), agent)


def ruled(rule: str, **changes: object) -> MultiUnitAuctionOpened:
    return msgspec.structs.replace(OPENING, rule=Policy(rule), **changes)


BIDS = (wants("ann", 9, 7, 4), wants("bob", 8, 5), wants("cyd", 6, 3, 1), wants("dan", 1))


class TestOpening:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("units", 0),
            ("units", 1001),
            ("reserve", -1),
            ("reserve", 2**53 // 1000 + 1),
            ("lot", "x" * 1001),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, field: str, value: object) -> None:
        opening = msgspec.structs.replace(OPENING, **{field: value})
        given(SESSION).when(Open(opening)).then_rejected(f"auction.{field}", field=field)

    def test_a_rule_of_other_auctions_is_refused(self) -> None:
        given(SESSION).when(Open(ruled("first_price"))).then_rejected("policy.unknown")
        given(SESSION).when(Open(OPENING)).then(OPENING)


class TestBids:
    @pytest.mark.parametrize(
        ("amounts", "text"),
        [
            ((), "1 to 4"),
            ((5, 5, 5, 5, 5), "1 to 4"),
            ((5, 0), "1 to"),
            ((2**53,), "1 to"),
            ((3, 4), "none more than the one before it"),
        ],
    )
    def test_what_cannot_count_says_why(self, amounts: tuple[int, ...], text: str) -> None:
        decision = proved(OPENING, wants("ann", *amounts), wants("bob", 3))
        (lost,) = decision.alternatives
        assert lost.agent == "ann"
        assert text in lost.reason

    def test_the_latest_of_each_counts(self) -> None:
        decision = proved(OPENING, wants("ann", 9), wants("ann", 3), wants("bob", 4))
        assert (decision.superseded, len(decision.awards)) == (1, 2)

    def test_words_of_other_kinds_are_none_of_its_business(self) -> None:
        MULTI_UNIT_AUCTION.check_speech(OPENING, NotABid())
        assert MULTI_UNIT_AUCTION.say(NotABid()) == ""
        assert MULTI_UNIT_AUCTION.say(DemandStated(amounts=(3, 2))) == "3 + 2"


class NotABid(Speech, frozen=True, kw_only=True):
    """Something said that is no bid."""


class TestDecisions:
    def test_the_highest_amounts_win_and_harm_is_paid(self) -> None:
        assert proved(OPENING, *BIDS) == MultiUnitAuctionDecided(
            outcome="decided",
            rule=Policy("vickrey"),
            considered=Considered(1, 6),
            alternatives=(Alternative("dan", "1", 5, "below_reserve"),),
            lot="hour of the machine",
            units=4,
            awards=(
                UnitAward("ann", (9, 7, 4), 2, 2, 8),
                UnitAward("bob", (8, 5), 3, 1, 4),
                UnitAward("cyd", (6, 3, 1), 4, 1, 5),
            ),
            lowest_accepted=6,
            highest_rejected=5,
        )

    @pytest.mark.parametrize(
        ("rule", "pays"),
        [("discriminatory", [16, 8, 6]), ("uniform", [10, 5, 5]), ("vickrey", [8, 4, 5])],
    )
    def test_what_is_paid_follows_the_rule(self, rule: str, pays: list[int]) -> None:
        assert [one.pays for one in proved(ruled(rule), *BIDS).awards] == pays

    def test_who_wins_no_unit_pays_nothing(self) -> None:
        decision = proved(OPENING, wants("ann", 9, 9, 9, 9), wants("bob", 3))
        assert decision.awards[1] == UnitAward("bob", (3,), 3, 0, 0)
        assert reasons(decision) == {"bob": "outbid"}

    def test_a_long_bid_is_listed_in_short(self) -> None:
        many = ruled("vickrey", units=100)
        decision = proved(many, wants("ann", *[9] * 100), wants("bob", *[3] * 100))
        (lost,) = decision.alternatives
        assert len(lost.said) == 100
        assert lost.said.endswith("…")

    def test_without_bids_that_count_nobody_wins(self) -> None:
        decision = proved(OPENING, wants("ann", 1))
        assert (decision.outcome, decision.awards) == ("no_quorum", ())
        assert proved(OPENING).outcome == "no_quorum"

    def test_below_the_quorum_nobody_wins(self) -> None:
        decision = proved(ruled("vickrey", quorum=2), wants("ann", 9))
        assert (decision.outcome, reasons(decision)) == ("no_quorum", {"ann": "no_quorum"})

    def test_ties_at_the_margin_are_broken_as_declared(self) -> None:
        bids = (wants("bob", 5, 5, 5), wants("ann", 5, 5), wants("cyd", 3))
        earliest = proved(ruled("uniform", tie_break="earliest"), *bids)
        assert [one.units for one in earliest.awards] == [1, 3, 0]
        assert reasons(earliest) == {"cyd": "outbid"}
        one = proved(ruled("uniform", units=3, tie_break="earliest"), *bids)
        assert reasons(one) == {"ann": "tie_lost", "cyd": "outbid"}

    def test_a_tie_at_the_margin_may_be_left_unresolved(self) -> None:
        bids = (wants("bob", 5, 5, 5), wants("ann", 5, 5), wants("cyd", 3))
        decision = proved(ruled("uniform", tie_break="refuse"), *bids)
        assert (decision.outcome, decision.awards, decision.lowest_accepted) == (
            "tie_unresolved",
            (),
            None,
        )
        assert set(reasons(decision).values()) == {"tie_unresolved"}

    def test_a_tie_that_does_not_matter_is_none(self) -> None:
        bids = (wants("bob", 9, 5), wants("ann", 9, 5))
        assert proved(ruled("uniform", tie_break="refuse"), *bids).outcome == "decided"
        alone = (wants("bob", 5, 5, 5, 5), wants("ann", 9))
        assert proved(ruled("uniform", tie_break="refuse"), *alone).outcome == "decided"

    @hypothesis_given(
        st.dictionaries(
            st.sampled_from("abcd"),
            st.lists(st.integers(1, 6), min_size=1, max_size=4).map(
                lambda a: tuple(sorted(a)[::-1])
            ),
        ),
        st.sampled_from(RULES),
        st.sampled_from(["canonical", "earliest", "refuse"]),
        st.integers(0, 5),
    )
    def test_whatever_follows_is_proved(
        self, demands: dict[str, tuple[int, ...]], rule: str, tie_break: str, reserve: int
    ) -> None:
        opening = ruled(rule, tie_break=tie_break, reserve=reserve)
        proved(opening, *(wants(agent, *amounts) for agent, amounts in demands.items()))

    def test_the_result_is_the_winner_if_there_is_but_one(self) -> None:
        assert MULTI_UNIT_AUCTION.result(proved(OPENING, wants("ann", 9), wants("bob", 1))) == "ann"
        assert MULTI_UNIT_AUCTION.result(proved(OPENING, *BIDS)) is None
        assert MULTI_UNIT_AUCTION.result(proved(OPENING)) is None


class TestStanding:
    def test_the_bids_are_shown_the_highest_first_with_what_they_win(self) -> None:
        opening = msgspec.structs.replace(OPENING, units=2)
        past = (wants("ann", 3), wants("bob", 5, 2), wants("cyd", 1))
        shown = standing(ENTITY, state_of(opening, *past))
        assert shown.columns == ("bidder", "amounts", "units", "pays")
        assert shown.rows == (
            ("bob", "5 + 2", "1", "2"),
            ("ann", "3", "1", "2"),
            ("cyd", "1", "", ""),
        )
        assert shown.remarks == ("2 units; who wins them and pays what as of now",)
        closed = standing(ENTITY, state_of(opening, *past, Closed(reason="deadline")))
        assert (closed.rows, closed.remarks) == (shown.rows, ("2 units",))

    def test_below_the_quorum_nobody_is_shown_to_win(self) -> None:
        opening = msgspec.structs.replace(OPENING, quorum=2)
        assert standing(ENTITY, state_of(opening, wants("ann", 3))).rows == (("ann", "3", "", ""),)

    def test_under_seal_they_are_not_before_the_closing(self) -> None:
        sealed = ruled("vickrey", visibility="sealed")
        shown = standing(ENTITY, state_of(sealed, wants("ann", 3)))
        assert shown.rows == (("ann", "2"),)
        closed = state_of(sealed, wants("ann", 3), Closed(reason="deadline"))
        assert standing(ENTITY, closed).rows == (("ann", "3", "1", "2"),)


TIED = (wants("bob", 5, 5, 5), wants("ann", 5, 5), wants("cyd", 3))
OTHER = AuctionDecided(outcome="no_quorum", rule=OPENING.rule, considered=Considered(1, 2), lot="x")


class TestCertificate:
    @pytest.mark.parametrize(
        ("opening", "bids"),
        [
            *((ruled(rule), BIDS) for rule in RULES),
            (ruled("uniform"), TIED),
            (ruled("uniform", tie_break="refuse"), TIED),
            (ruled("vickrey", quorum=9), BIDS),
        ],
        ids=[*RULES, "tie", "tie refused", "no quorum"],
    )
    def test_no_field_can_be_changed(
        self, opening: MultiUnitAuctionOpened, bids: tuple[Said, ...]
    ) -> None:
        found = heard(opening, *bids)
        forged = list(forgeries(proved(opening, *bids)))
        assert len(forged) >= 9
        for one in forged:
            expect_refused(found, one)

    def test_units_cannot_go_to_lower_amounts_though_their_sum_is_right(self) -> None:
        right = proved(ruled("discriminatory"), *BIDS)
        ann, bob, cyd = right.awards
        moved = (
            UnitAward(ann.agent, ann.amounts, ann.position, 1, 9),
            UnitAward(bob.agent, bob.amounts, bob.position, 2, 13),
            cyd,
        )
        forged = msgspec.structs.replace(right, awards=moved, lowest_accepted=5, highest_rejected=7)
        expect_refused(heard(ruled("discriminatory"), *BIDS), forged)

    def test_fewer_units_cannot_be_sold_than_are_wanted(self) -> None:
        right = proved(ruled("discriminatory"), *BIDS)
        ann, bob, cyd = right.awards
        fewer = (ann, bob, UnitAward(cyd.agent, cyd.amounts, cyd.position, 0, 0))
        forged = msgspec.structs.replace(right, awards=fewer, lowest_accepted=7, highest_rejected=6)
        expect_refused(heard(ruled("discriminatory"), *BIDS), forged)

    def test_equals_cannot_be_preferred_otherwise_than_declared(self) -> None:
        opening = ruled("uniform", tie_break="earliest")
        right = proved(opening, *TIED)
        ann, bob, cyd = right.awards
        other = (
            UnitAward("ann", ann.amounts, ann.position, 2, 10),
            UnitAward("bob", bob.amounts, bob.position, 2, 10),
            cyd,
        )
        expect_refused(heard(opening, *TIED), msgspec.structs.replace(right, awards=other))

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        expect_refused(heard(OPENING), OTHER)
        assert MULTI_UNIT_AUCTION.result(OTHER) is None


def test_the_decision_of_many_large_bids_fits_into_the_log() -> None:
    """Fifty bidders for a hundred units each, with the largest amounts that are allowed."""
    largest = 2**53 // 1000
    opening = ruled("vickrey", units=1000)
    bids = [DemandBid(f"bidder-{n}", (largest,) * 100) for n in range(50)]
    assert vickrey(bids, 1000, 0, str).allotments
    past = [wants(bid.bidder, *bid.amounts) for bid in bids]
    assert len(msgspec.json.encode(proved(opening, *past))) < 900_000


def test_who_may_bid_can_be_named() -> None:
    named: Any = ruled("vickrey", participants=(Participant("ann"),))
    decision = proved(named, wants("eve", 9), wants("ann", 3))
    assert reasons(decision) == {"eve": "not_eligible"}
