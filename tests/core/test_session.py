"""Sessions: what is refused at the opening, and what their events come to."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusDecided, ConsensusOpened
from mabeam.core.errors import Rejected
from mabeam.core.events import Event, event_type
from mabeam.core.optimisation import OptimisationOpened
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Cancel,
    Cancelled,
    ChildEnded,
    Closed,
    Considered,
    Failed,
    Open,
    Opening,
    Participant,
    SessionState,
    hearing,
    protocol_of,
)
from mabeam.core.session.protocol import OPEN_MS_MAX, WEIGHT_MAX, Standing
from mabeam.core.session.state import REFUSED_MAX, standing
from mabeam.core.testing import NS_PER_SECOND, given, history, said

LOT = AuctionOpened(lot="task")
NAMED = AuctionOpened(lot="task", participants=(Participant("ann"), Participant("bob")))
DECIDED = AuctionDecided(
    outcome="no_quorum", rule=Policy("second_price"), considered=Considered(1, 2), lot="task"
)
COMPLETE = Closed(reason="complete")


@event_type("test.riddle_opened.v1", kind="session")
class RiddleOpened(Opening, frozen=True, kw_only=True):
    """An opening of which no protocol is known.

    Attributes:
        rule: Whatever.
    """

    rule: Policy = Policy("guess")


class TestOpening:
    def test_a_question_is_asked(self) -> None:
        given(SESSION).when(Open(LOT)).then(LOT)

    def test_the_same_question_again_changes_nothing(self) -> None:
        given(SESSION, LOT).when(Open(LOT)).then_nothing()
        given(SESSION, LOT, COMPLETE, DECIDED).when(Open(LOT)).then_nothing()

    def test_another_question_under_the_same_name_is_refused(self) -> None:
        other = AuctionOpened(lot="other")
        refusal = given(SESSION, LOT).when(Open(other)).then_rejected("session.opened")
        assert (refusal.field, refusal.value) == ("session", "auction")

    def test_a_question_of_an_unknown_protocol_is_refused(self) -> None:
        refusal = given(SESSION).when(Open(RiddleOpened())).then_rejected("session.protocol")
        assert (refusal.field, refusal.value) == ("opening", "RiddleOpened")
        assert {"auction", "consensus"} <= set(refusal.allowed.split(", "))

    @pytest.mark.parametrize("duration", [1, OPEN_MS_MAX])
    def test_the_longest_and_the_shortest_duration_are_allowed(self, duration: int) -> None:
        opening = AuctionOpened(lot="x", open_for_ms=duration)
        given(SESSION).when(Open(opening)).then(opening)

    @pytest.mark.parametrize("duration", [0, -1, OPEN_MS_MAX + 1])
    def test_another_duration_is_refused(self, duration: int) -> None:
        refusal = (
            given(SESSION)
            .when(Open(AuctionOpened(lot="x", open_for_ms=duration)))
            .then_rejected("session.open_for", field="open_for_ms")
        )
        assert (refusal.value, refusal.allowed) == (str(duration), f"1 to {OPEN_MS_MAX}")

    def test_a_participant_named_twice_is_refused(self) -> None:
        twice = (Participant("ann"), Participant("bob"), Participant("ann", 2))
        refusal = (
            given(SESSION)
            .when(Open(AuctionOpened(lot="x", participants=twice)))
            .then_rejected("session.participants", field="participants")
        )
        assert refusal.value == "['ann', 'bob', 'ann']"

    @pytest.mark.parametrize("name", ["", "a\nb", "x" * 65])
    def test_a_participant_without_a_legal_name_is_refused(self, name: str) -> None:
        opening = AuctionOpened(lot="x", participants=(Participant(name),))
        given(SESSION).when(Open(opening)).then_rejected("name.illegal", field="participants")

    @pytest.mark.parametrize("weight", [1, WEIGHT_MAX])
    def test_the_least_and_the_greatest_weight_are_allowed(self, weight: int) -> None:
        opening = AuctionOpened(lot="x", participants=(Participant("ann", weight),))
        given(SESSION).when(Open(opening)).then(opening)

    @pytest.mark.parametrize("weight", [0, -1, WEIGHT_MAX + 1])
    def test_another_weight_is_refused(self, weight: int) -> None:
        opening = AuctionOpened(lot="x", participants=(Participant("ann", weight),))
        refusal = given(SESSION).when(Open(opening)).then_rejected("session.weight")
        assert (refusal.field, refusal.value) == ("weight of ann", str(weight))
        assert refusal.allowed == f"1 to {WEIGHT_MAX}"

    def test_a_quorum_that_nobody_can_reach_is_refused(self) -> None:
        team = (Participant("ann", 2), Participant("bob"))
        fits = AuctionOpened(lot="x", participants=team, quorum=3)
        given(SESSION).when(Open(fits)).then(fits)
        refusal = (
            given(SESSION)
            .when(Open(msgspec.structs.replace(fits, quorum=4)))
            .then_rejected("session.quorum", field="quorum")
        )
        assert (refusal.value, refusal.allowed) == ("4", "0 to 3")

    def test_where_everybody_may_speak_any_quorum_can_be_reached(self) -> None:
        opening = AuctionOpened(lot="x", quorum=1_000_000)
        given(SESSION).when(Open(opening)).then(opening)
        negative = AuctionOpened(lot="x", quorum=-1)
        refusal = given(SESSION).when(Open(negative)).then_rejected("session.quorum")
        assert (refusal.value, refusal.allowed) == ("-1", "0 or more")

    def test_a_variable_that_nobody_can_have_declared_is_refused(self) -> None:
        opening = AuctionOpened(lot="x", variable="a\nb")
        given(SESSION).when(Open(opening)).then_rejected("name.illegal", field="variable")

    def test_the_protocol_has_rules_of_its_own(self) -> None:
        given(SESSION).when(Open(AuctionOpened(lot="x", reserve=-1))).then_rejected(
            "auction.reserve"
        )


class TestCancelling:
    def test_the_opener_takes_the_question_back(self) -> None:
        for past in ((said(LOT, "ann"),), (said(LOT, "ann"), COMPLETE)):
            given(SESSION, *past).when(Cancel("ann", "no need")).then(Cancelled(reason="no need"))

    def test_it_is_taken_back_once(self) -> None:
        past = (said(LOT, "ann"), said(Cancelled(), "ann"))
        given(SESSION, *past).when(Cancel("ann")).then_nothing()

    def test_nobody_else_takes_it_back(self) -> None:
        refusal = (
            given(SESSION, said(LOT, "ann"))
            .when(Cancel("eve"))
            .then_rejected("session.not_yours", field="by")
        )
        assert (refusal.value, refusal.allowed) == ("eve", "ann")

    @pytest.mark.parametrize(
        ("past", "phase"),
        [
            ((), "unopened"),
            ((AuctionOpened(lot="x", reserve=-1),), "broken"),
            ((LOT, COMPLETE, DECIDED), "ended"),
        ],
        ids=["unopened", "broken", "ended"],
    )
    def test_what_is_not_open_is_not_taken_back(self, past: tuple[Event, ...], phase: str) -> None:
        refusal = (
            given(SESSION, *past)
            .when(Cancel("coordinator"))
            .then_rejected("session.not_open", field="phase")
        )
        assert (refusal.value, refusal.allowed) == (phase, "open, closed")


class TestOpened:
    def test_the_state_says_who_asked_what_and_until_when(self) -> None:
        state = given(SESSION, said(NAMED, "ann", at_ns=5 * NS_PER_SECOND, id="o")).state
        assert (state.phase, state.opening, state.opened_id) == ("open", NAMED, "o")
        assert (state.opened_by, state.opened_at) == ("ann", 1)
        assert state.due_ns == 35 * NS_PER_SECOND
        assert dict(state.weights) == {"ann": 1, "bob": 1}

    def test_the_first_opening_holds(self) -> None:
        other = said(AuctionOpened(lot="other"), "eve")
        assert given(SESSION, LOT, other).state == given(SESSION, LOT).state

    def test_an_opening_that_cannot_be_held_is_broken_and_says_why(self) -> None:
        state = given(SESSION, said(AuctionOpened(lot="x", reserve=-1), "ann")).state
        assert state.phase == "broken"
        assert state.trouble is not None
        assert (state.trouble.agent, state.trouble.said) == ("ann", "auction.reserve")
        assert "reserve = '-1'" in state.trouble.reason

    def test_an_opening_of_an_unknown_protocol_is_broken(self) -> None:
        state = given(SESSION, RiddleOpened(), BidPlaced(amount=1)).state
        assert (state.phase, dict(state.late)) == ("broken", {"coordinator": 2})

    def test_a_state_can_be_written_whatever_numbers_the_opening_has(self) -> None:
        opening = AuctionOpened(lot="x", open_for_ms=10**4_299)
        state = given(SESSION, opening).state
        assert state.phase == "broken"
        assert msgspec.json.encode(state.due_ns) == b"0"


class TestSpeech:
    def test_the_latest_valid_word_of_each_speaker_counts(self) -> None:
        state = given(
            SESSION,
            LOT,
            said(BidPlaced(amount=5), "ann"),
            said(BidPlaced(amount=6), "bob"),
            said(BidPlaced(amount=7), "ann", id="latest"),
        ).state
        assert {agent: word.speech for agent, word in state.spoken.items()} == {
            "ann": BidPlaced(amount=7),
            "bob": BidPlaced(amount=6),
        }
        word = state.spoken["ann"]
        assert (word.agent, word.position, word.since, word.event_id) == ("ann", 4, 4, "latest")
        assert state.superseded == 1

    def test_the_same_word_again_is_held_since_the_first_time(self) -> None:
        bid = BidPlaced(amount=5)
        state = given(SESSION, LOT, *(said(bid, "ann") for _ in range(3))).state
        assert (state.spoken["ann"].position, state.spoken["ann"].since) == (4, 2)
        assert state.superseded == 0

    def test_a_word_with_another_note_is_the_same_word(self) -> None:
        """Who holds an amount longest must not lose its place by explaining it."""
        state = given(
            SESSION,
            LOT,
            said(BidPlaced(amount=5), "ann"),
            said(BidPlaced(amount=5, note="because"), "ann"),
        ).state
        assert (state.spoken["ann"].since, state.superseded) == (2, 0)
        assert state.spoken["ann"].speech == BidPlaced(amount=5, note="because")

    def test_who_leaves_a_word_and_returns_to_it_holds_it_since_the_return(self) -> None:
        amounts = (5, 6, 5)
        past = (said(BidPlaced(amount=amount), "ann") for amount in amounts)
        state = given(SESSION, LOT, *past).state
        assert (state.spoken["ann"].since, state.superseded) == (4, 2)

    def test_an_invalid_word_neither_counts_nor_replaces_a_valid_one(self) -> None:
        state = given(
            SESSION,
            LOT,
            said(BidPlaced(amount=5), "ann"),
            said(BidPlaced(amount=0), "ann"),
            said(BidPlaced(amount=5), "ann"),
        ).state
        assert (state.spoken["ann"].speech, state.spoken["ann"].since) == (BidPlaced(amount=5), 2)
        refusal = state.refused["ann"]
        assert (refusal.agent, refusal.said, refusal.position) == ("ann", "0", 3)
        assert refusal.reason.startswith("invalid: no such amount: amount = '0'")

    def test_a_word_of_one_who_was_not_asked_does_not_count(self) -> None:
        state = given(SESSION, NAMED, said(BidPlaced(amount=5), "eve")).state
        assert dict(state.spoken) == {}
        assert state.refused["eve"].alternative.reason == "not_eligible"

    def test_of_strangers_no_more_words_are_kept_than_a_decision_can_list(self) -> None:
        crowd = [said(BidPlaced(amount=5), f"stranger-{n}") for n in range(REFUSED_MAX + 1)]
        again = said(BidPlaced(amount=6), "stranger-0")
        own = said(BidPlaced(amount=0), "ann")
        state = given(SESSION, NAMED, *crowd, again, own).state
        assert len(state.refused) == REFUSED_MAX + 1
        assert f"stranger-{REFUSED_MAX}" not in state.refused
        assert state.refused["stranger-0"].said == "6"
        assert state.refused["ann"].said == "0"

    def test_evidence_against_one_whose_word_counts_is_kept_in_any_crowd(self) -> None:
        asked = AuctionOpened(lot="task", revising="exclude")
        crowd = [said(BidPlaced(amount=0), f"stranger-{n}") for n in range(REFUSED_MAX)]
        twice = [said(BidPlaced(amount=n), "eve") for n in (5, 6)]
        state = given(SESSION, asked, *crowd, *twice).state
        assert state.refused["eve"].reason.startswith("equivocated")

    def test_a_word_of_another_protocol_is_not_understood(self) -> None:
        ballot = BallotCast(value=Decimal(1))
        state = given(SESSION, LOT, said(ballot, "ann")).state
        assert (state.refused["ann"].said, state.refused["ann"].reason) == (
            "BallotCast",
            "not_understood: BallotCast in a session of auction",
        )

    def test_a_word_before_the_opening_is_lost(self) -> None:
        assert given(SESSION, said(BidPlaced(amount=5), "ann")).state == SessionState()

    @pytest.mark.parametrize(
        "end",
        [(COMPLETE,), (COMPLETE, DECIDED), (Cancelled(),)],
        ids=["closed", "ended", "cancelled"],
    )
    def test_a_word_behind_the_closing_is_late(self, end: tuple[Event, ...]) -> None:
        state = given(SESSION, LOT, *end, said(BidPlaced(amount=5), "ann")).state
        assert dict(state.spoken) == {}
        assert dict(state.late) == {"ann": 2 + len(end)}

    def test_what_is_kept_of_an_invalid_word_is_short(self) -> None:
        """Else the decision that lists it would not fit into the log, and nobody could decide."""
        opening = ConsensusOpened(low=Decimal(0), high=Decimal(1))
        ballot = BallotCast(value=Decimal("1" * 900_000))
        refusal = given(SESSION, opening, said(ballot, "eve")).state.refused["eve"]
        assert len(refusal.said) <= 200
        assert len(refusal.reason) <= 1_000


class TestRepetitions:
    BIDS = (5, 6, 7)

    def test_a_word_recorded_twice_counts_once(self) -> None:
        word = said(BidPlaced(amount=5), "ann", id="b")
        assert given(SESSION, LOT, word, word).state == given(SESSION, LOT, word).state

    @pytest.mark.parametrize("again", [0, 1, 2])
    def test_a_former_word_recorded_again_does_not_come_back(self, again: int) -> None:
        """A client that repeats what it published before, unsure of the answer, bids not anew."""
        words = [said(BidPlaced(amount=n), "ann", id=f"b-{n}") for n in self.BIDS]
        expected = given(SESSION, LOT, *words).state
        assert given(SESSION, LOT, *words, words[again]).state == expected

    def test_an_id_of_another_speaker_is_no_repetition(self) -> None:
        state = given(
            SESSION,
            LOT,
            said(BidPlaced(amount=5), "ann", id="b"),
            said(BidPlaced(amount=6), "bob", id="b"),
        ).state
        assert set(state.spoken) == {"ann", "bob"}

    def test_the_memory_for_former_words_is_bounded(self) -> None:
        words = [said(BidPlaced(amount=n), "ann", id=f"b-{n}") for n in range(1, 200)]
        state = given(SESSION, LOT, *words).state
        assert len(state.spoken["ann"].former) < 50


class TestEnds:
    def test_the_coordinator_closes(self) -> None:
        state = given(SESSION, LOT, said(COMPLETE, id="c")).state
        assert (state.phase, state.closed_at, state.closed_id) == ("closed", 2, "c")
        assert state.reason == "complete"

    def test_the_coordinator_decides_what_is_closed(self) -> None:
        state = given(SESSION, LOT, COMPLETE, said(DECIDED, id="d")).state
        assert (state.phase, state.outcome, state.decision) == ("ended", "no_quorum", DECIDED)
        assert (state.decided_at, state.decided_id, state.reason) == (3, "d", "complete")

    def test_nothing_stands_in_what_cannot_be_held(self) -> None:
        broken = OptimisationOpened(variables=())
        failed = Failed(code="optimisation.variables", detail="none")
        for past in ((broken,), (broken, failed)):
            assert standing("s", given(SESSION, *past).state) == Standing((), ())

    def test_the_coordinator_fails_what_is_broken(self) -> None:
        failed = Failed(code="x.y", detail="cannot be")
        state = given(SESSION, AuctionOpened(lot="x", reserve=-1), failed).state
        assert (state.phase, state.outcome, state.reason) == ("ended", "failed", "cannot be [x.y]")

    def test_opener_and_coordinator_cancel(self) -> None:
        for speaker in ("ann", "coordinator"):
            state = given(SESSION, said(LOT, "ann"), said(Cancelled(reason="no"), speaker)).state
            assert (state.phase, state.outcome, state.reason) == ("ended", "cancelled", "no")
            assert state.decision is None

    @pytest.mark.parametrize(
        ("past", "fact"),
        [
            ((said(LOT, "ann"),), COMPLETE),
            ((said(LOT, "ann"), COMPLETE), DECIDED),
            ((said(LOT, "ann"),), Cancelled()),
            ((AuctionOpened(lot="x", reserve=-1),), Failed(code="a", detail="b")),
        ],
        ids=lambda given: type(given).__name__,
    )
    def test_nobody_else_ends_anything(self, past: tuple[Event, ...], fact: Event) -> None:
        assert given(SESSION, *past, said(fact, "eve")).state == given(SESSION, *past).state

    @pytest.mark.parametrize(
        ("past", "fact"),
        [
            ((), COMPLETE),
            ((), DECIDED),
            ((), Cancelled()),
            ((LOT,), DECIDED),
            ((LOT,), Failed(code="a", detail="b")),
            ((LOT, COMPLETE), Closed(reason="deadline")),
            ((LOT, COMPLETE, DECIDED), DECIDED),
            ((LOT, COMPLETE, DECIDED), COMPLETE),
            ((LOT, COMPLETE, DECIDED), Cancelled()),
            ((LOT, Cancelled()), COMPLETE),
        ],
        ids=str,
    )
    def test_what_is_out_of_turn_changes_nothing(
        self, past: tuple[Event, ...], fact: Event
    ) -> None:
        assert given(SESSION, *past, fact).state == given(SESSION, *past).state


class TestHearings:
    def test_a_hearing_shows_what_stands_before_the_closing(self) -> None:
        state = given(SESSION, NAMED, said(BidPlaced(amount=5), "bob"), COMPLETE).state
        heard = hearing("s", state)
        assert (heard.session, heard.opening, heard.considered) == ("s", NAMED, Considered(1, 3))
        assert [word.agent for word in heard.by_agent()] == ["bob"]

    @pytest.mark.parametrize("past", [(), (LOT,)], ids=["unopened", "open"])
    def test_there_is_none_before_the_closing(self, past: tuple[Event, ...]) -> None:
        with pytest.raises(AssertionError):
            hearing("s", given(SESSION, *past).state)

    def test_weights_are_those_declared_or_one(self) -> None:
        team = ConsensusOpened(
            low=Decimal(0), high=Decimal(1), participants=(Participant("ann", 3),)
        )
        state = given(SESSION, team, said(BallotCast(value=Decimal(1)), "ann"), COMPLETE).state
        assert (hearing("s", state).weight("ann"), hearing("s", state).weight("bob")) == (3, 1)

    def test_a_quorum_counts_weights_and_needs_at_least_one_voice(self) -> None:
        def has(quorum: int, *speakers: str) -> bool:
            team = (Participant("ann", 3), Participant("bob"))
            opening = AuctionOpened(lot="x", participants=team, quorum=quorum)
            words = (said(BidPlaced(amount=1), speaker) for speaker in speakers)
            return hearing("s", given(SESSION, opening, *words, COMPLETE).state).has_quorum()

        assert has(3, "ann")
        assert not has(3, "bob")
        assert has(4, "ann", "bob")
        assert has(0, "bob")
        assert not has(0)


def test_the_protocol_of_an_opening_is_found_by_its_class() -> None:
    assert protocol_of(LOT).name == "auction"
    with pytest.raises(Rejected):
        protocol_of(RiddleOpened())


def test_a_decision_of_another_protocol_ends_a_session_too() -> None:
    """The fold believes the coordinator; whoever checks the decision finds it out."""
    other = ConsensusDecided(
        outcome="no_quorum", rule=Policy("weighted_mean"), considered=Considered(1, 2)
    )
    state = given(SESSION, LOT, COMPLETE, other).state
    assert state.phase == "ended"
    with pytest.raises(Rejected, match="a decision of an auction"):
        protocol_of(LOT).verify(hearing("s", state), other)


def test_an_unreadable_event_of_a_session_is_passed_over() -> None:
    (recorded,) = history(LOT)
    assert given(SESSION, recorded).state.phase == "open"


def test_a_session_without_steps_of_its_own_keeps_what_it_is_told_of_a_child() -> None:
    told = ChildEnded(child="c", outcome="decided", result="7")
    state = given(SESSION, AuctionOpened(lot="x"), told, told).state
    assert state.children["c"] == told
    assert state.course is None
