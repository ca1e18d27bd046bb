"""Clocks that rise and fall: rounds, answers, ends, and what proves who won."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.auction import (
    CLOCK_AUCTION,
    DUTCH_AUCTION,
    AuctionDecided,
    BiddingEnded,
    ClockAuctionDecided,
    ClockAuctionOpened,
    DutchAuctionDecided,
    DutchAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
    Ranked,
    falling_clock,
    rising_clock,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Announcement,
    Closed,
    Considered,
    Open,
    Opening,
    Participant,
    Speech,
    standing,
)
from mabeam.core.testing import Past, Said, given, history, said
from mabeam.core.testing.history import ENTITY, NS_PER_SECOND
from support.auctions import expect_refused, forgeries, heard, proved, reasons, state_of

RISING = ClockAuctionOpened(lot="desk", start=10, step=5, tick_ms=2_000, rounds_max=4)
FALLING = DutchAuctionOpened(lot="desk", start=30, step=10, reserve=10, tick_ms=2_000)
TEAM = tuple(map(Participant, ("ann", "bob", "cyd")))


def among(opening: Any, *agents: str, **changes: object) -> Any:  # noqa: ANN401 - either clock
    """Return an opening for some agents alone."""
    return msgspec.structs.replace(opening, participants=tuple(map(Participant, agents)), **changes)


def yes(agent: str, price: int) -> Said:
    return said(PriceAnswered(price=price), agent)


def no(agent: str, price: int) -> Said:
    return said(PriceAnswered(price=price, accepts=False), agent)


def shows(number: int, price: int) -> PriceAnnounced:
    return PriceAnnounced(round=number, price=price)


def run(opening: Any, limits: dict[str, int]) -> list[Past]:  # noqa: ANN401 - either clock
    """Let bidders answer each price by their limit, and a coordinator what is due at once."""
    past: list[Past] = [opening]
    while True:
        session = given(SESSION, *past)
        if session.state.phase != "open":
            return past[1:-1]
        course = session.state.course
        price = (course.clock.round - 1) * (
            opening.step if isinstance(opening, ClockAuctionOpened) else -opening.step
        )
        shown = opening.start + price
        answers = [
            said(PriceAnswered(price=shown, accepts=limit >= shown), agent)
            for agent, limit in sorted(limits.items())
            if not isinstance(opening, ClockAuctionOpened)
            or course.clock.round == 1
            or (agent in course.stays and course.stays[agent].round >= course.clock.round - 1)
        ]
        past += history(*answers, after=len(past))
        parts = given(SESSION, *past).when_reacting(SESSIONS).parts
        assert parts
        past.append(parts[0].events[0])


class TestOpening:
    @pytest.mark.parametrize(
        ("opening", "field", "value"),
        [
            (RISING, "start", -1),
            (RISING, "step", 0),
            (RISING, "tick_ms", 0),
            (RISING, "tick_ms", 30_001),
            (RISING, "rounds_max", 0),
            (RISING, "rounds_max", 10_001),
            (RISING, "lot", "x" * 1001),
            (FALLING, "reserve", -1),
            (FALLING, "step", 0),
            (FALLING, "tick_ms", 0),
            (FALLING, "rounds_max", -1),
            (FALLING, "rounds_max", 10_001),
            (FALLING, "unit", "x" * 101),
        ],
    )
    def test_what_cannot_run_is_refused(self, opening: Opening, field: str, value: object) -> None:
        changed = msgspec.structs.replace(opening, **{field: value})
        given(SESSION).when(Open(changed)).then_rejected(f"auction.{field}", field=field)

    def test_prices_stay_within_what_json_carries_and_rounds_have_a_bound(self) -> None:
        high = msgspec.structs.replace(RISING, start=2**53 - 15)
        given(SESSION).when(Open(high)).then_rejected("auction.last_price")
        low = msgspec.structs.replace(FALLING, start=9)
        given(SESSION).when(Open(low)).then_rejected("auction.start")
        long = msgspec.structs.replace(FALLING, start=10_010, step=1)
        given(SESSION).when(Open(long)).then_rejected("auction.rounds")

    @pytest.mark.parametrize("opening", [RISING, FALLING], ids=["rising", "falling"])
    def test_rules_of_other_auctions_are_refused(self, opening: Opening) -> None:
        changed = msgspec.structs.replace(opening, rule=Policy("second_price"))
        given(SESSION).when(Open(changed)).then_rejected("policy.unknown")
        given(SESSION).when(Open(opening)).then(opening)


class TestAnswers:
    @pytest.mark.parametrize("price", [-1, 2**53])
    def test_other_prices_are_refused(self, price: int) -> None:
        for opening in (RISING, FALLING):
            assert reasons(proved(opening, yes("ann", price)))["ann"] == "invalid"

    def test_they_are_written_for_people(self) -> None:
        assert CLOCK_AUCTION.say(PriceAnswered(price=7)) == "yes to 7"
        assert DUTCH_AUCTION.say(PriceAnswered(price=7, accepts=False)) == "no to 7"
        for protocol, opening in ((CLOCK_AUCTION, RISING), (DUTCH_AUCTION, FALLING)):
            protocol.check_speech(opening, NoAnswer())  # type: ignore[arg-type]  # paired above
        assert CLOCK_AUCTION.say(NoAnswer()) == ""


class NoAnswer(Speech, frozen=True, kw_only=True):
    """Something said that is no answer."""


class TestRising:
    def test_who_is_left_alone_pays_the_last_price_of_another(self) -> None:
        opening = among(RISING, "ann", "bob", "cyd")
        past: list[Past] = [
            *(yes("ann", 10), yes("bob", 10), no("cyd", 10), shows(2, 15)),
            *(yes("ann", 15), yes("bob", 15), shows(3, 20)),
            *(yes("ann", 20), no("bob", 20), shows(4, 25)),
        ]
        assert proved(opening, *past) == ClockAuctionDecided(
            outcome="decided",
            rule=Policy("rising_clock"),
            considered=Considered(1, 12),
            alternatives=(Alternative("bob", "yes to 15", 7, "left"),),
            lot="desk",
            winner="ann",
            price=15,
            rounds=2,
            reached=20,
            stays=(Ranked("ann", 20, 9), Ranked("bob", 15, 7)),
        )
        given(SESSION, opening, *past).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )

    def test_silence_is_leaving_and_ends_with_the_tick(self) -> None:
        past = (yes("ann", 10), yes("bob", 10), shows(2, 15), yes("bob", 15))
        reacting = given(SESSION, RISING, *past).when_reacting
        reacting(SESSIONS, now_ns=6 * NS_PER_SECOND - 1).then_appends().then_schedules(
            6 * NS_PER_SECOND
        )
        reacting(SESSIONS, now_ns=6 * NS_PER_SECOND).then_appends(shows(3, 20))
        decision = proved(RISING, *past, shows(3, 20))
        assert (decision.winner, decision.price) == ("bob", 10)

    def test_a_tick_counts_from_the_record_of_the_last_price(self) -> None:
        """A coordinator that was away does not rush through the prices it has missed."""
        late = said(shows(2, 15), at_ns=20 * NS_PER_SECOND)
        past = (yes("ann", 10), yes("bob", 10), late)
        given(SESSION, RISING, *past).when_reacting(
            SESSIONS, now_ns=20 * NS_PER_SECOND
        ).then_appends().then_schedules(22 * NS_PER_SECOND)

    def test_a_tick_ends_early_when_all_who_are_in_have_answered(self) -> None:
        opening = among(RISING, "ann", "bob")
        given(SESSION, opening, yes("ann", 10)).when_reacting(SESSIONS).then_appends()
        given(SESSION, opening, yes("ann", 10), yes("bob", 10)).when_reacting(
            SESSIONS
        ).then_appends(shows(2, 15))

    def test_where_everybody_may_bid_the_first_price_stands_its_whole_tick(self) -> None:
        past = (yes("ann", 10), yes("bob", 10))
        given(SESSION, RISING, *past).when_reacting(SESSIONS).then_appends()
        later = (shows(2, 15), yes("ann", 15), yes("bob", 15))
        given(SESSION, RISING, *past, *later).when_reacting(SESSIONS).then_appends(shows(3, 20))

    def test_who_has_left_does_not_come_back(self) -> None:
        opening = among(RISING, "ann", "bob", "cyd")
        past = (yes("ann", 10), yes("bob", 10), no("cyd", 10), yes("cyd", 10), shows(2, 15))
        decision = proved(opening, *past, yes("cyd", 15), no("cyd", 15))
        assert reasons(decision) == {"ann": "undecided", "bob": "undecided", "cyd": "out"}

    def test_a_yes_to_another_price_does_not_count(self) -> None:
        decision = proved(RISING, yes("ann", 15), yes("bob", 10), yes("bob", 10))
        assert reasons(decision) == {"ann": "other_price", "bob": "said_already"}
        assert (decision.winner, decision.price) == ("bob", 10)

    def test_those_who_leave_together_as_the_last_tie(self) -> None:
        past = (yes("ann", 10), yes("bob", 10), shows(2, 15), shows(3, 20))
        for tie_break, outcome, price in (
            ("canonical", "decided", 10),
            ("earliest", "decided", 10),
            ("refuse", "tie_unresolved", None),
        ):
            opening = msgspec.structs.replace(RISING, tie_break=tie_break)
            decision = proved(opening, *past)
            assert (decision.outcome, decision.price) == (outcome, price)
            lost = set(reasons(decision).values())
            assert lost == {"tie_unresolved" if price is None else "tie_lost"}
            if tie_break == "earliest":
                assert decision.winner == "ann"

    def test_at_its_last_price_the_clock_ends_undecided(self) -> None:
        opening = among(RISING, "ann", "bob", rounds_max=1)
        past = (yes("ann", 10), yes("bob", 10))
        given(SESSION, opening, *past).when_reacting(SESSIONS).then_appends(BiddingEnded(round=1))
        ended = (*past, BiddingEnded(round=1))
        given(SESSION, opening, *ended).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )
        decision = proved(opening, *ended, yes("ann", 10))
        assert (decision.outcome, decision.rounds, decision.reached) == ("tie_unresolved", 1, 10)
        assert reasons(decision) == {"ann": "undecided", "bob": "undecided"} | {"ann": "out"}

    def test_a_clock_that_is_cut_by_the_deadline_crowns_nobody_for_being_quick(self) -> None:
        past = (yes("ann", 10), yes("bob", 10), shows(2, 15), yes("bob", 15))
        decision = proved(RISING, *past)
        assert (decision.outcome, decision.reached) == ("tie_unresolved", 10)

    def test_nobody_accepts_the_first_price(self) -> None:
        opening = among(RISING, "ann", "bob")
        past = (no("ann", 10), no("bob", 10))
        given(SESSION, opening, *past).when_reacting(SESSIONS).then_appends(shows(2, 15))
        decision = proved(opening, *past, shows(2, 15))
        assert (decision.outcome, decision.winner, decision.rounds) == ("no_quorum", "", 1)
        assert proved(RISING).outcome == "no_quorum"

    def test_below_the_quorum_nobody_wins(self) -> None:
        decision = proved(msgspec.structs.replace(RISING, quorum=2), yes("ann", 10))
        assert (decision.outcome, reasons(decision)) == ("no_quorum", {"ann": "no_quorum"})

    @pytest.mark.parametrize("stray", [shows(3, 20), shows(2, 16), shows(1, 10)], ids=str)
    def test_a_price_that_is_not_the_next_changes_nothing(self, stray: Announcement) -> None:
        before = state_of(RISING, yes("ann", 10)).course
        assert state_of(RISING, yes("ann", 10), stray).course == before

    def test_only_protocol_code_moves_the_clock(self) -> None:
        assert state_of(RISING, said(shows(2, 15), "ann")).course.clock.round == 1

    @pytest.mark.parametrize(
        ("limits", "start", "step", "cap", "expected"),
        [
            ({"b1": 80, "b2": 64}, 50, 10, 99, ("b1", 60, 2)),
            ({"b1": 80}, 10, 1, 99, ("b1", 10, 1)),
            ({"b1": 80, "b2": 64, "b3": 48, "b4": 72}, 5, 1, 99, ("b1", 72, 68)),
            ({"b1": 80, "b2": 64, "b3": 48}, 1, 1, 3, ("", None, 3)),
        ],
        ids=["two", "one", "four", "too few rounds"],
    )
    def test_scenarios_of_the_system_this_one_descends_from(
        self,
        limits: dict[str, int],
        start: int,
        step: int,
        cap: int,
        expected: tuple[str, int | None, int],
    ) -> None:
        opening = among(RISING, *limits, start=start, step=step, rounds_max=cap)
        decision = proved(opening, *run(opening, limits))
        assert (decision.winner, decision.price, decision.rounds) == expected

    @hypothesis_given(
        st.dictionaries(st.sampled_from("abcd"), st.integers(0, 60), min_size=1, max_size=4),
        st.integers(1, 6),
        st.integers(1, 9),
    )
    def test_a_session_comes_to_what_the_pure_clock_says(
        self, limits: dict[str, int], step: int, cap: int
    ) -> None:
        opening = among(RISING, *limits, step=step, rounds_max=cap, tie_break="earliest")
        decision = proved(opening, *run(opening, limits))
        award = rising_clock(limits, 10, step, str, rounds_max=cap)
        winner = None if award.is_undecided else award.winner
        assert (decision.winner or None, decision.price) == (winner, award.price)
        if winner is not None:
            assert decision.rounds == award.rounds

    def test_the_price_and_who_is_in_are_shown(self) -> None:
        past = (yes("ann", 10), yes("bob", 10), yes("cyd", 10), shows(2, 15), yes("ann", 15))
        shown = standing(ENTITY, state_of(RISING, *past, no("bob", 15)))
        assert shown.rows == (("ann", "15", "in"), ("bob", "10", "out"), ("cyd", "10", "in"))
        assert shown.remarks == ("round 2: the clock shows 15",)


class TestFalling:
    def test_who_stops_it_first_pays_what_it_shows(self) -> None:
        opening = among(FALLING, "ann", "bob", "cyd")
        past: tuple[Past, ...] = (
            *(no(agent, 30) for agent in ("ann", "bob", "cyd")),
            shows(2, 20),
        )
        decision = proved(opening, *past, no("ann", 20), yes("cyd", 20), yes("bob", 20))
        assert decision == DutchAuctionDecided(
            outcome="decided",
            rule=Policy("falling_clock"),
            considered=Considered(1, 9),
            alternatives=(Alternative("bob", "yes to 20", 8, "stopped_already"),),
            lot="desk",
            winner="cyd",
            price=20,
            rounds=2,
            stopped_at=7,
        )
        given(SESSION, opening, *past, yes("cyd", 20)).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )

    def test_a_price_that_was_announced_when_it_was_stopped_does_not_count(self) -> None:
        """On a replicated log a word can slip in before an announcement."""
        decision = proved(FALLING, yes("ann", 30), shows(2, 20))
        assert (decision.winner, decision.price, decision.rounds) == ("ann", 30, 1)

    def test_who_accepts_a_price_just_before_it_falls_pays_the_lower_one(self) -> None:
        decision = proved(FALLING, shows(2, 20), yes("ann", 30))
        assert (decision.winner, decision.price) == ("ann", 20)

    def test_nobody_gets_it_for_less_than_the_clock_shows(self) -> None:
        decision = proved(FALLING, yes("ann", 20), no("bob", 20))
        assert decision.outcome == "no_quorum"
        assert reasons(decision) == {"ann": "below_the_clock", "bob": "other_price"}

    def test_the_clock_falls_with_its_ticks_down_to_the_reserve(self) -> None:
        past: list[Past] = []
        for number, price, second in ((2, 20, 3), (3, 10, 5)):
            reacting = given(SESSION, FALLING, *past).when_reacting
            at_ns = second * NS_PER_SECOND
            reacting(SESSIONS, now_ns=at_ns - 1).then_appends().then_schedules(at_ns)
            reacting(SESSIONS, now_ns=at_ns).then_appends(shows(number, price))
            past.append(said(shows(number, price), at_ns=at_ns))
        given(SESSION, FALLING, *past).when_reacting(
            SESSIONS, now_ns=7 * NS_PER_SECOND
        ).then_appends(Closed(reason="complete"))
        decision = proved(FALLING, *past)
        assert (decision.outcome, decision.winner, decision.rounds) == ("no_quorum", "", 3)

    def test_a_tick_ends_early_when_all_named_have_said_no(self) -> None:
        opening = among(FALLING, "ann", "bob")
        given(SESSION, opening, no("ann", 30)).when_reacting(SESSIONS).then_appends()
        past = (no("ann", 30), no("bob", 30))
        given(SESSION, opening, *past).when_reacting(SESSIONS).then_appends(shows(2, 20))
        given(SESSION, opening, *past, shows(2, 20), no("ann", 20)).when_reacting(
            SESSIONS
        ).then_appends()

    def test_below_the_quorum_nobody_wins(self) -> None:
        decision = proved(msgspec.structs.replace(FALLING, quorum=2), yes("ann", 30))
        assert (decision.outcome, decision.winner, decision.price) == ("no_quorum", "", None)

    @pytest.mark.parametrize(
        ("limits", "changes", "expected"),
        [
            (
                {"b1": 90, "b2": 72, "b3": 54, "b4": 81},
                {"start": 100, "reserve": 20},
                ("b1", 90, 3),
            ),
            ({"b1": 90}, {"start": 200, "reserve": 150, "rounds_max": 10}, ("", None, 10)),
        ],
        ids=["sold", "no sale"],
    )
    def test_scenarios_of_the_system_this_one_descends_from(
        self,
        limits: dict[str, int],
        changes: dict[str, int],
        expected: tuple[str, int | None, int],
    ) -> None:
        opening = among(FALLING, *limits, step=5, **changes)
        decision = proved(opening, *run(opening, limits))
        assert (decision.winner, decision.price, decision.rounds) == expected

    @hypothesis_given(
        st.dictionaries(st.sampled_from("abcd"), st.integers(0, 60), min_size=1, max_size=4),
        st.integers(1, 9),
    )
    def test_a_session_comes_to_what_the_pure_clock_says(
        self, limits: dict[str, int], step: int
    ) -> None:
        opening = among(FALLING, *limits, step=step)
        decision = proved(opening, *run(opening, limits))
        award = falling_clock(limits, 30, step, 10, str)
        assert (decision.winner or None, decision.price, decision.rounds) == (
            award.winner,
            award.price,
            award.rounds,
        )

    def test_the_price_and_who_waits_are_shown(self) -> None:
        past = (no("ann", 30), shows(2, 20), no("bob", 20))
        shown = standing(ENTITY, state_of(FALLING, *past))
        assert shown.rows == (("ann", "30", "waits"), ("bob", "20", "waits"))
        assert shown.remarks == ("round 2 of 3: the clock shows 20",)
        shown = standing(ENTITY, state_of(FALLING, *past, yes("ann", 20)))
        assert shown.rows == (("ann", "20", "stops the clock"), ("bob", "20", "waits"))


OTHER = AuctionDecided(
    outcome="no_quorum", rule=RISING.rule, considered=Considered(1, 2), lot="desk"
)
LEFT = (yes("ann", 10), yes("bob", 10), shows(2, 15), yes("ann", 15), shows(3, 20))
TIED = (yes("ann", 10), yes("bob", 10), shows(2, 15), shows(3, 20))
REFUSED = msgspec.structs.replace(RISING, tie_break="refuse")
HISTORIES: list[tuple[str, Opening, tuple[Past, ...]]] = [
    ("left alone", RISING, LEFT),
    ("one bidder", RISING, (yes("ann", 10), shows(2, 15))),
    ("tied", RISING, TIED),
    ("tie refused", REFUSED, TIED),
    ("undecided", RISING, (yes("ann", 10), yes("bob", 10))),
    ("nobody", RISING, (no("ann", 10),)),
    ("stopped", FALLING, (no("ann", 30), shows(2, 20), yes("ann", 20))),
    ("not stopped", FALLING, (no("ann", 30), shows(2, 20))),
]


class TestCertificates:
    @pytest.mark.parametrize(
        ("opening", "past"),
        [(opening, past) for _, opening, past in HISTORIES],
        ids=[name for name, _, _ in HISTORIES],
    )
    def test_no_field_can_be_changed(self, opening: Opening, past: tuple[Past, ...]) -> None:
        found = heard(opening, *past)
        forged = list(forgeries(proved(opening, *past)))
        assert len(forged) > 10
        for one in forged:
            expect_refused(found, one)

    @pytest.mark.parametrize("opening", [RISING, FALLING], ids=["rising", "falling"])
    def test_a_decision_of_another_protocol_is_refused(self, opening: Opening) -> None:
        expect_refused(heard(opening), OTHER)
        assert CLOCK_AUCTION.result(OTHER) is DUTCH_AUCTION.result(OTHER) is None

    def test_a_clock_is_stopped_by_a_word_that_accepts(self) -> None:
        """The state of the session could be wrong; the word itself is looked at."""
        found = heard(FALLING, no("ann", 30))
        wrong = msgspec.structs.replace(found.course, stopped_by="ann", stopped_at=2)
        forged = dataclasses.replace(found, course=wrong)
        expect_refused(forged, DUTCH_AUCTION.decide(forged))

    def test_the_winner_is_what_the_variable_becomes(self) -> None:
        assert CLOCK_AUCTION.result(proved(RISING, *LEFT)) == "ann"
        assert CLOCK_AUCTION.result(proved(RISING)) is None
        assert DUTCH_AUCTION.result(proved(FALLING, yes("bob", 30))) == "bob"
        assert DUTCH_AUCTION.result(proved(FALLING)) is None
