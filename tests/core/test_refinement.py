"""Rounds of refinement: what counts in which round, when it ends, how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from mabeam.core.consensus import ConsensusDecided
from mabeam.core.decider import Entity
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.refinement import (
    REFINEMENT,
    FeedbackGiven,
    RefinementDecided,
    RefinementOpened,
    RoundClosed,
    RoundSummary,
    ValueOffered,
)
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Closed,
    Decision,
    Hearing,
    Open,
    Participant,
    SessionState,
    hearing,
    standing,
)
from mabeam.core.session.protocol import protocol_of
from mabeam.core.testing import Past, Said, given, said
from support.tampering import refuses_corruptions

COMPLETE = Closed(reason="complete")


def asked(*team: str, **fields: Any) -> RefinementOpened:  # noqa: ANN401 - of any field
    participants = tuple(map(Participant, team or ("ann", "ben")))
    known: dict[str, Any] = {"low": Decimal(0), "high": Decimal(10), "participants": participants}
    return RefinementOpened(**(known | fields))


def offer(agent: str, value: int | str, number: int = 1) -> Said:
    return said(ValueOffered(round=number, value=Decimal(value)), agent)


def judge(agent: str, about: str, score: int = 50, number: int = 1) -> Said:
    return said(FeedbackGiven(round=number, about=about, score=score), agent)


def closed(
    number: int, offers: int, low: int | str, high: int | str, *, agreed: bool = False
) -> RoundClosed:
    summary = RoundSummary(number, offers, Decimal(low), Decimal(high), "complete")
    return RoundClosed(summary=summary, is_agreed=agreed)


def heard(opening: RefinementOpened, *past: Past) -> Hearing[RefinementOpened]:
    state = given(SESSION, opening, *past, COMPLETE).state
    return cast("Hearing[RefinementOpened]", hearing("s", state))


def decided(opening: RefinementOpened, *past: Past) -> RefinementDecided:
    """Decide, and let the certificate prove it."""
    found = heard(opening, *past)
    decision = REFINEMENT.decide(found)
    assert isinstance(decision, RefinementDecided)
    REFINEMENT.verify(found, decision)
    return decision


class TestOpening:
    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"participants": ()}, "participants"),
            ({"rounds_max": 0}, "rounds_max"),
            ({"rounds_max": 101}, "rounds_max"),
            ({"round_ms": -1}, "round_ms"),
            ({"tolerance": Decimal(-1)}, "tolerance"),
            ({"tolerance": Decimal("inf")}, "tolerance"),
            ({"low": Decimal(11)}, "low"),
            ({"rule": Policy("mode")}, "policy"),
            ({"rule": Policy("trimmed_mean", 1, {"liars": 1})}, "participants"),
        ],
    )
    def test_one_that_cannot_be_held_is_refused(self, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(Rejected) as refusal:
            SESSION.decide(Open(asked(**fields)), SESSION.initial)
        assert refusal.value.field == field

    @pytest.mark.parametrize(
        "speech",
        [ValueOffered(round=1, value=Decimal("nan")), FeedbackGiven(round=1, about="x", score=101)],
    )
    def test_a_word_that_can_never_count_is_refused(
        self, speech: ValueOffered | FeedbackGiven
    ) -> None:
        with pytest.raises(Rejected):
            REFINEMENT.check_speech(asked(), speech)


class TestRounds:
    def test_a_round_closes_when_all_have_offered(self) -> None:
        opening = asked()
        given(SESSION, opening, offer("ann", 2)).when_reacting(SESSIONS).then_appends()
        given(SESSION, opening, offer("ann", 2), offer("ben", 8)).when_reacting(
            SESSIONS
        ).then_appends(closed(1, 2, 2, 8))

    def test_with_feedback_it_waits_until_all_have_judged_all_others(self) -> None:
        opening = asked(gives_feedback=True)
        past: list[Past] = [offer("ann", 2), offer("ben", 8), judge("ann", "ben")]
        given(SESSION, opening, *past).when_reacting(SESSIONS).then_appends()
        given(SESSION, opening, *past, judge("ben", "ann")).when_reacting(SESSIONS).then_appends(
            closed(1, 2, 2, 8)
        )

    def test_it_closes_by_its_own_clock(self) -> None:
        opening = asked(round_ms=1_000)
        state = given(SESSION, opening, offer("ann", 2))
        begun = state.state.course.begun_ns
        state.when_reacting(SESSIONS, now_ns=begun + 999_999_999).then_schedules(
            begun + 1_000_000_000
        )
        late = state.when_reacting(SESSIONS, now_ns=begun + 1_000_000_000)
        summary = RoundSummary(1, 1, Decimal(2), Decimal(2), "time")
        late.then_appends(RoundClosed(summary=summary, is_agreed=False))

    def test_offers_within_the_tolerance_agree_and_end_it(self) -> None:
        opening = asked(tolerance=Decimal(1))
        past: list[Past] = [offer("ann", 2), offer("ben", 3)]
        agreed = closed(1, 2, 2, 3, agreed=True)
        given(SESSION, opening, *past).when_reacting(SESSIONS).then_appends(agreed)
        given(SESSION, opening, *past, agreed).when_reacting(SESSIONS).then_appends(COMPLETE)

    def test_it_ends_after_the_last_round(self) -> None:
        past: list[Past] = [offer("ann", 2), offer("ben", 8), closed(1, 2, 2, 8)]
        given(SESSION, asked(rounds_max=1), *past).when_reacting(SESSIONS).then_appends(COMPLETE)

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            (offer("ann", 3), "offered_already"),
            (offer("ann", 3, 2), "wrong_round: it is round 1"),
            (judge("ann", "ben"), "not_asked_for_feedback"),
        ],
    )
    def test_a_word_out_of_its_round_does_not_count(self, word: Said, reason: str) -> None:
        state = given(SESSION, asked(), offer("ann", 2), offer("ben", 8), word).state
        assert state.refused["ann"].reason == reason
        assert state.course.offers["ann"].value == 2

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            (judge("ann", "ann"), "about_oneself"),
            (judge("ann", "cho"), "no_such_offer"),
            (judge("ann", "ben", 7), "judged_already"),
        ],
    )
    def test_feedback_is_given_once_and_about_others(self, word: Said, reason: str) -> None:
        opening = asked("ann", "ben", "cho", gives_feedback=True)
        past: list[Past] = [offer("ann", 2), offer("ben", 8), judge("ann", "ben")]
        state = given(SESSION, opening, *past, word).state
        assert state.refused["ann"].reason == reason

    def test_a_stray_announcement_changes_nothing_once_it_is_over(self) -> None:
        past: list[Past] = [closed(1, 2, 2, 2, agreed=True), closed(2, 0, 1, 1), COMPLETE]
        assert given(SESSION, asked(), *past).state.course.round == 2


class TestDecision:
    PAST = (
        *(offer("ann", 2), offer("ben", 8), closed(1, 2, 2, 8)),
        *(offer("ann", 4, 2), closed(2, 2, 4, 8)),
    )

    def test_the_latest_offer_of_each_counts(self) -> None:
        decision = decided(asked(rounds_max=2), *self.PAST)
        assert decision.outcome == "decided"
        assert decision.value == 6
        assert not decision.is_agreed
        assert [summary.low for summary in decision.rounds] == [2, 4]
        assert REFINEMENT.result(decision) == 6

    def test_without_agreement_nothing_need_be_decided(self) -> None:
        decision = decided(asked(rounds_max=2, must_converge=True), *self.PAST)
        assert decision.outcome == "no_quorum"
        assert decision.value is None
        assert {a.reason for a in decision.alternatives} == {"no_agreement"}
        opening = asked(rounds_max=2, must_converge=True, default=Decimal(5))
        assert decided(opening, *self.PAST).outcome == "default_taken"

    def test_nobody_is_no_quorum(self) -> None:
        assert decided(asked()).outcome == "no_quorum"
        assert decided(asked(quorum=2), offer("ann", 2)).alternatives[0].reason == "no_quorum"

    def test_extremes_are_dropped_where_the_rule_says_so(self) -> None:
        opening = asked("a", "b", "c", rule=Policy("trimmed_mean", parameters={"liars": 1}))
        past: list[Past] = [offer("a", 1), offer("b", 2), offer("c", 900)]
        decision = decided(opening, *past)
        assert decision.value == 2
        assert decision.dropped == ("a", "c")
        assert {a.reason for a in decision.alternatives} == {"trimmed"}

    @pytest.mark.parametrize(
        "change",
        [
            {"value": Decimal(7)},
            {"is_agreed": True},
            {"rounds": ()},
            {"outcome": "default_taken"},
            {"mean": "7"},
            {"contributions": ()},
            {"superseded": 3},
            {"value": Decimal("sNaN")},
            {"rounds": (RoundSummary(1, 2, Decimal("sNaN"), Decimal(8), "complete"),)},
            {"alternatives": (Alternative("ann", "4", 5, "trimmed"),)},
        ],
    )
    def test_a_false_certificate_is_found_out(self, change: dict[str, object]) -> None:
        found = heard(asked(rounds_max=2), *self.PAST)
        decision = msgspec.structs.replace(REFINEMENT.decide(found), **change)
        with pytest.raises(Rejected, match="does not prove"):
            REFINEMENT.verify(found, decision)

    def test_whatever_is_changed_in_a_decision_is_noticed(self) -> None:
        opening = asked(rounds_max=2, must_converge=True, tolerance=Decimal(4))
        found = heard(opening, *self.PAST, offer("eve", 1))
        decision = REFINEMENT.decide(found)
        assert decision.outcome == "decided"
        assert refuses_corruptions(protocol_of(opening), found, decision) > 30  # type: ignore[arg-type]  # of some opening

    def test_a_number_without_a_quorum_is_found_out(self) -> None:
        found = heard(asked(quorum=2), offer("ann", 2))
        decision = msgspec.structs.replace(REFINEMENT.decide(found), mean="2")
        with pytest.raises(Rejected, match="none without a tally"):
            REFINEMENT.verify(found, decision)

    def test_for_want_of_what_the_offers_came_to_nothing_is_told(self) -> None:
        for opening in (asked(quorum=2), asked(must_converge=True)):
            found = heard(opening, offer("ann", 2))
            for reason in ("trimmed", "no_agreement", "no_quorum"):
                lost = (Alternative("ann", "2", 2, reason),)
                decision = msgspec.structs.replace(REFINEMENT.decide(found), alternatives=lost)
                if decision != REFINEMENT.decide(found):
                    with pytest.raises(Rejected, match="alternatives"):
                        REFINEMENT.verify(found, decision)

    def test_a_decision_of_another_protocol_is_none(self) -> None:
        found = heard(asked())
        other: Decision = ConsensusDecided(
            outcome="no_quorum", rule=found.opening.rule, considered=found.considered
        )
        assert REFINEMENT.result(other) is None
        with pytest.raises(Rejected, match="a decision of a refinement"):
            REFINEMENT.verify(found, other)

    def test_how_it_stands_is_shown(self) -> None:
        state: SessionState = given(SESSION, asked(), *self.PAST).state
        shown = standing("s", state)
        assert shown.rows == (("ann", "1", "4", "2"), ("ben", "1", "8", "1"))
        assert shown.remarks[0] == "round 1: 2 offers from 2 to 8"
        nobody = RoundClosed(summary=RoundSummary(1, 0, None, None, "time"), is_agreed=False)
        silent = standing("s", given(SESSION, asked(), nobody).state)
        assert silent.remarks == ("round 1: no offers",)

    def test_words_are_written_for_people(self) -> None:
        assert REFINEMENT.say(FeedbackGiven(round=1, about="ben", score=7)) == "ben: 7"
        assert REFINEMENT.say(cast("Any", None)) == ""


def test_an_entity_stays_what_it_was() -> None:
    """A reactor asked twice answers alike: the cause of an announcement does not move."""
    entity: Entity[SessionState] = given(SESSION, asked(), offer("ann", 2), offer("ben", 8)).entity
    again = given(SESSION, asked(), offer("ann", 2), offer("ben", 8), offer("ann", 3)).entity
    first, second = SESSIONS.react("s", entity, 0), SESSIONS.react("s", again, 0)
    assert first.append[0].cause == second.append[0].cause
