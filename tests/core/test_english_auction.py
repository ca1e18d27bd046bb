"""Open outcry: bids rise, late ones move the end, and the ladder proves who won."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import (
    ENGLISH_AUCTION,
    AuctionDecided,
    BidderWithdrew,
    BidPlaced,
    BidRevealed,
    EnglishAuctionDecided,
    EnglishAuctionOpened,
    PriceAnnounced,
    Ranked,
    bid_wanted,
)
from mabeam.core.auction.english import LADDER_MAX
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Closed,
    Considered,
    Open,
    Participant,
    Speech,
    standing,
)
from mabeam.core.session import Said as Word
from mabeam.core.testing import Said, given, said
from mabeam.core.testing.history import ENTITY, NS_PER_SECOND
from support.auctions import expect_refused, forgeries, heard, proved, reasons, state_of

OPENING = EnglishAuctionOpened(
    lot="desk", reserve=10, increment=5, bid_for_ms=10_000, soft_close_ms=3_000
)
TEAM = tuple(map(Participant, ("ann", "bob", "cyd")))
NAMED = msgspec.structs.replace(OPENING, participants=TEAM)
QUITS = BidderWithdrew()


def bid(agent: str, amount: int, second: float | None = None) -> Said:
    at_ns = None if second is None else round(second * NS_PER_SECOND)
    return said(BidPlaced(amount=amount), agent, at_ns=at_ns)


def ends(opening: EnglishAuctionOpened, *past: Said) -> int:
    """Return when bidding ends, in seconds."""
    state = state_of(opening, *past)
    assert state.course is not None
    ends_ns: int = state.course.ends_ns
    return ends_ns // NS_PER_SECOND


class TestOpening:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("reserve", -1),
            ("increment", 0),
            ("bid_for_ms", 30_001),
            ("bid_for_ms", -1),
            ("soft_close_ms", 86_400_001),
            ("buy_now", 9),
            ("lot", "x" * 1001),
            ("unit", "x" * 101),
        ],
    )
    def test_what_cannot_be_held_expect_refused(self, field: str, value: object) -> None:
        opening = msgspec.structs.replace(OPENING, **{field: value})
        given(SESSION).when(Open(opening)).then_rejected(f"auction.{field}", field=field)

    def test_a_rule_of_other_auctions_expect_refused(self) -> None:
        opening = msgspec.structs.replace(OPENING, rule=Policy("second_price"))
        given(SESSION).when(Open(opening)).then_rejected("policy.unknown")

    def test_any_other_is_opened(self) -> None:
        given(SESSION).when(Open(OPENING)).then(OPENING)


class TestBids:
    def test_each_must_beat_the_one_that_stands_by_the_increment(self) -> None:
        past = (bid("ann", 10), bid("bob", 14), bid("cyd", 15), bid("ann", 19), bid("bob", 20))
        decision = proved(OPENING, *past)
        assert decision == EnglishAuctionDecided(
            outcome="decided",
            rule=Policy("open_outcry"),
            considered=Considered(1, 7),
            alternatives=(
                Alternative("ann", "10", 2, "outbid"),
                Alternative("cyd", "15", 4, "outbid"),
                Alternative("ann", "19", 5, "too_low: at least 20"),
                Alternative("bob", "14", 3, "too_low: at least 15"),
            ),
            lot="desk",
            winner="bob",
            price=20,
            ladder=(Ranked("ann", 10, 2), Ranked("cyd", 15, 4), Ranked("bob", 20, 6)),
            price_basis="own_bid",
        )

    def test_the_first_must_be_of_the_reserve(self) -> None:
        decision = proved(OPENING, bid("ann", 9))
        assert (decision.outcome, reasons(decision)) == ("no_quorum", {"ann": "invalid"})

    def test_who_withdraws_bids_no_more_but_its_bid_stands(self) -> None:
        past = (bid("ann", 10), said(QUITS, "ann"), bid("ann", 99), said(QUITS, "ann"))
        decision = proved(OPENING, *past)
        assert (decision.winner, decision.price, reasons(decision)) == (
            "ann",
            10,
            {"ann": "withdrawn"},
        )

    def test_without_bids_nobody_wins(self) -> None:
        decision = proved(OPENING, said(QUITS, "ann"))
        assert (decision.outcome, decision.winner, decision.price) == ("no_quorum", "", None)

    def test_below_the_quorum_nobody_wins(self) -> None:
        opening = msgspec.structs.replace(OPENING, quorum=2)
        decision = proved(opening, bid("ann", 10))
        assert (decision.outcome, reasons(decision)) == ("no_quorum", {"ann": "no_quorum"})

    def test_who_was_not_asked_does_not_count(self) -> None:
        decision = proved(NAMED, bid("eve", 50), bid("ann", 10))
        assert (decision.winner, reasons(decision)) == ("ann", {"eve": "not_eligible"})

    def test_a_bid_behind_the_closing_is_late(self) -> None:
        state = state_of(OPENING, bid("ann", 10), Closed(reason="deadline"), bid("bob", 90))
        assert (dict(state.late), state.course.leader) == ({"bob": 4}, "ann")

    def test_a_note_has_its_limit(self) -> None:
        decision = proved(OPENING, said(BidPlaced(amount=10, note="x" * 1001), "ann"))
        assert reasons(decision) == {"ann": "invalid"}

    def test_words_of_other_protocols_do_not_count(self) -> None:
        decision = proved(OPENING, said(BidRevealed(amount=10, salt="x" * 16), "ann"))
        assert reasons(decision) == {"ann": "not_understood"}
        assert ENGLISH_AUCTION.say(QUITS) == "withdraws"
        ENGLISH_AUCTION.check_speech(OPENING, NotABid())

    def test_strange_announcements_change_nothing(self) -> None:
        before = state_of(OPENING, bid("ann", 10)).course
        assert state_of(OPENING, bid("ann", 10), PriceAnnounced(round=2, price=3)).course == before

    @hypothesis_given(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60)), max_size=12),
        st.integers(1, 9),
    )
    def test_bids_rise_strictly_by_the_increment_and_no_other_counts(
        self, bids: list[tuple[str, int]], increment: int
    ) -> None:
        opening = msgspec.structs.replace(OPENING, increment=increment)
        decision = proved(opening, *(bid(agent, amount) for agent, amount in bids))
        ladder = [rung.amount for rung in decision.ladder]
        assert all(higher >= lower + increment for lower, higher in pairwise(ladder))
        stands, counted = 0, list[int]()
        for _, amount in bids:
            if amount >= (stands + increment if counted else 10):
                stands = amount
                counted.append(amount)
        assert ladder == counted
        assert decision.price == (counted[-1] if counted else None)


class TestBuyNow:
    OPENING = msgspec.structs.replace(OPENING, buy_now=50)

    def test_who_bids_so_much_wins_at_once_and_pays_that(self) -> None:
        past = (bid("ann", 10), bid("bob", 70), bid("cyd", 90))
        decision = proved(self.OPENING, *past)
        assert (decision.winner, decision.price, decision.price_basis) == ("bob", 50, "buy_now")
        assert reasons(decision) == {"ann": "outbid", "cyd": "over"}
        (
            given(SESSION, self.OPENING, *past)
            .when_reacting(SESSIONS, now_ns=0)
            .then_appends(Closed(reason="complete"))
        )

    def test_that_need_not_beat_the_bid_that_stands_by_the_increment(self) -> None:
        past = (bid("ann", 47), bid("bob", 49))
        shown = standing(ENTITY, state_of(self.OPENING, *past))
        assert shown.remarks == ("the next bid must be at least 50",)
        decision = proved(self.OPENING, *past, bid("cyd", 50))
        assert (decision.winner, decision.price, decision.price_basis) == ("cyd", 50, "buy_now")
        assert reasons(decision) == {"ann": "outbid", "bob": "too_low"}

    def test_less_is_a_bid_like_others(self) -> None:
        decision = proved(self.OPENING, bid("ann", 49))
        assert (decision.price, decision.price_basis) == (49, "own_bid")


class TestEnd:
    """The opening is recorded at second 1; bidding ends ten seconds later."""

    def test_without_late_bids_it_is_as_planned(self) -> None:
        assert ends(OPENING, bid("ann", 10, 8)) == 11
        assert ends(OPENING) == 11

    def test_it_is_half_of_the_session_unless_stated(self) -> None:
        assert ends(msgspec.structs.replace(OPENING, bid_for_ms=0)) == 16

    @pytest.mark.parametrize("second", [8.5, 9, 10.9])
    def test_a_late_bid_moves_it(self, second: float) -> None:
        state = state_of(OPENING, bid("ann", 10, second))
        assert state.course.ends_ns == round((second + 3) * NS_PER_SECOND)

    def test_a_late_bid_that_does_not_count_moves_nothing(self) -> None:
        assert ends(OPENING, bid("ann", 10, 2), bid("bob", 11, 10.5)) == 11

    def test_the_sessions_deadline_moves_for_nobody(self) -> None:
        past = tuple(bid("ann", 10 + 5 * n, 2 + 2 * n) for n in range(15))
        assert ends(OPENING, *past) == 33
        reaction = given(SESSION, OPENING, *past).when_reacting
        reaction(SESSIONS, now_ns=31 * NS_PER_SECOND - 1).then_appends().then_schedules(
            31 * NS_PER_SECOND
        )
        reaction(SESSIONS, now_ns=31 * NS_PER_SECOND).then_appends(Closed(reason="deadline"))

    def test_a_coordinator_waits_for_it(self) -> None:
        reaction = given(SESSION, OPENING, bid("ann", 10, 10)).when_reacting
        reaction(SESSIONS, now_ns=13 * NS_PER_SECOND - 1).then_appends().then_schedules(
            13 * NS_PER_SECOND
        )
        reaction(SESSIONS, now_ns=13 * NS_PER_SECOND).then_appends(Closed(reason="deadline"))

    def test_it_comes_at_once_when_all_others_have_withdrawn(self) -> None:
        past = (bid("ann", 10), said(QUITS, "bob"), said(QUITS, "cyd"))
        given(SESSION, NAMED, *past[:2]).when_reacting(SESSIONS).then_appends()
        given(SESSION, NAMED, *past).when_reacting(SESSIONS).then_appends(Closed(reason="complete"))

    def test_who_has_not_bid_yet_may_still(self) -> None:
        past = (said(QUITS, "bob"), said(QUITS, "cyd"))
        given(SESSION, NAMED, *past).when_reacting(SESSIONS).then_appends()
        given(SESSION, NAMED, *past, said(QUITS, "ann")).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )

    def test_after_so_many_bids_the_last_wins(self) -> None:
        opening = msgspec.structs.replace(OPENING, increment=1)
        course = ENGLISH_AUCTION.course
        assert course is not None
        state = state_of(opening, bid("ann", 10)).course
        full = msgspec.structs.replace(state, ladder=state.ladder * (LADDER_MAX - 1))
        word = BidPlaced(amount=bid_wanted(opening, full))
        last: Any = course.evolve(opening, full, _said(word))
        assert (len(last.ladder), last.over_id) == (LADDER_MAX, "e")
        assert course.object_to(opening, last, _said(BidPlaced(amount=99))) == "over"
        decision = EnglishAuctionDecided(
            outcome="decided",
            rule=OPENING.rule,
            considered=Considered(1, 2),
            lot="x" * 1000,
            ladder=(Ranked("a" * 100, 2**53 - 1, 2**53 - 1),) * LADDER_MAX,
        )
        assert len(msgspec.json.encode(decision)) < 900_000


def _said(event: Speech) -> Any:  # noqa: ANN401 - named like the builder of tests
    return Word("ann", event, 9, 9, "e")


class TestStanding:
    def test_the_ladder_shows_the_bid_that_stands_first(self) -> None:
        state = state_of(NAMED, bid("ann", 10), bid("bob", 15), said(QUITS, "cyd"))
        shown = standing(ENTITY, state)
        assert shown.columns == ("bidder", "amount", "position")
        assert shown.rows == (("bob", "15", "3"), ("ann", "10", "2"))
        assert shown.remarks == ("the next bid must be at least 20", "withdrawn: cyd")

    def test_when_it_is_over_no_next_bid_is_wanted(self) -> None:
        state = state_of(OPENING, bid("ann", 10), Closed(reason="deadline"))
        assert standing(ENTITY, state).remarks == ()


class NotABid(Speech, frozen=True, kw_only=True):
    """Something said that is no bid."""


PAST = (bid("ann", 10), bid("bob", 15), bid("ann", 30))
BOUGHT = msgspec.structs.replace(OPENING, buy_now=30)
UNSOLD = msgspec.structs.replace(OPENING, quorum=9)


class TestCertificate:
    @pytest.mark.parametrize("opening", [OPENING, BOUGHT, UNSOLD], ids=["bid", "bought", "unsold"])
    def test_no_field_can_be_changed(self, opening: EnglishAuctionOpened) -> None:
        found = heard(opening, *PAST)
        forged = list(forgeries(proved(opening, *PAST)))
        assert len(forged) > 20
        for one in forged:
            expect_refused(found, one)

    def test_a_decision_of_another_protocol_expect_refused(self) -> None:
        other = AuctionDecided(
            outcome="no_quorum", rule=OPENING.rule, considered=Considered(1, 2), lot="desk"
        )
        expect_refused(heard(OPENING), other)
        assert ENGLISH_AUCTION.result(other) is None

    def test_a_ladder_that_does_not_rise_as_declared_proves_nothing(self) -> None:
        """The state of the session could be wrong; the ladder is checked for itself."""
        found = heard(OPENING, *PAST)
        for ladder in (
            (Ranked("ann", 9, 2),),
            (Ranked("ann", 10, 2), Ranked("bob", 14, 3)),
            (Ranked("ann", 10, 3), Ranked("bob", 15, 2)),
        ):
            wrong = msgspec.structs.replace(found.course, ladder=ladder)
            hearing = dataclasses.replace(found, course=wrong)
            expect_refused(hearing, ENGLISH_AUCTION.decide(hearing))

    def test_the_winner_is_what_the_variable_becomes(self) -> None:
        assert ENGLISH_AUCTION.result(proved(OPENING, *PAST)) == "ann"
        assert ENGLISH_AUCTION.result(proved(OPENING)) is None
