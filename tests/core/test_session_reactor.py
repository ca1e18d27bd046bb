"""What follows from what is said in a session, until it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.decider import Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.policies import Policy
from mabeam.core.reactor import DATA_BYTES_MAX, Send
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Alternative,
    Cancelled,
    Closed,
    Considered,
    Decision,
    Failed,
    Participant,
    SessionState,
)
from mabeam.core.subjects import Boundary
from mabeam.core.testing import NS_PER_SECOND, Past, given, history, reacting_ends, said
from mabeam.core.variable import ApplyDecision

LOT = AuctionOpened(lot="task", open_for_ms=10_000, variable="assignee")
NAMED = AuctionOpened(
    lot="task", open_for_ms=10_000, participants=(Participant("ann"), Participant("bob"))
)
DUE_NS = 11 * NS_PER_SECOND
ANN = said(BidPlaced(amount=5), "ann")
BOB = said(BidPlaced(amount=3), "bob")
WON = AuctionDecided(
    outcome="decided",
    rule=Policy("second_price"),
    considered=Considered(1, 4),
    alternatives=(Alternative("bob", "3", 3, "outbid"),),
    lot="task",
    winner="ann",
    price=3,
    ranking=(),
    price_basis="second_bid",
)
COMPLETE = Closed(reason="complete")
DEADLINE = Closed(reason="deadline")


def session(log: Sequence[Recorded]) -> Entity[SessionState]:
    return fold(SESSION, log)


class TestClosing:
    def test_an_open_session_is_looked_at_again_at_its_deadline(self) -> None:
        reaction = given(SESSION, LOT, ANN).when_reacting(SESSIONS, now_ns=DUE_NS - 1)
        reaction.then_appends().then_sends().then_schedules(DUE_NS)

    def test_it_is_closed_at_its_deadline(self) -> None:
        for now_ns in (DUE_NS, DUE_NS + 1):
            reaction = given(SESSION, LOT, ANN).when_reacting(SESSIONS, "s", now_ns=now_ns)
            reaction.then_appends(DEADLINE).then_sends().then_schedules()
            (part,) = reaction.parts
            assert (part.boundary, part.expect) == (Boundary("session", "s"), 2)

    def test_it_is_closed_as_soon_as_all_who_were_named_have_spoken(self) -> None:
        given(SESSION, NAMED, ANN, BOB).when_reacting(SESSIONS).then_appends(COMPLETE)
        given(SESSION, NAMED, ANN).when_reacting(SESSIONS).then_appends().then_schedules(DUE_NS)

    def test_words_that_do_not_count_do_not_complete_it(self) -> None:
        eve, wrong = said(BidPlaced(amount=9), "eve"), said(BidPlaced(amount=0), "bob")
        given(SESSION, NAMED, ANN, eve, wrong).when_reacting(SESSIONS).then_appends()

    def test_where_everybody_may_speak_only_the_deadline_closes(self) -> None:
        given(SESSION, LOT, ANN, BOB).when_reacting(SESSIONS).then_appends()

    def test_the_cause_is_the_word_that_made_it_complete_or_the_opening(self) -> None:
        """Speech that slips in before the closing is recorded must not change its id."""
        for later in ((), (ANN,), (said(BidPlaced(amount=9), "ann"), BOB)):
            complete = given(SESSION, NAMED, ANN, BOB, *later).when_reacting(SESSIONS)
            assert [append.cause for append in complete.effects.append] == ["event-3"]
        late = given(SESSION, NAMED, ANN).when_reacting(SESSIONS, now_ns=DUE_NS)
        assert [append.cause for append in late.effects.append] == ["event-1"]


class TestDeciding:
    def test_a_closed_session_is_decided(self) -> None:
        reaction = given(SESSION, LOT, ANN, BOB, DEADLINE).when_reacting(SESSIONS)
        reaction.then_sends().then_schedules()
        ((decided,),) = (part.events for part in reaction.parts)
        assert isinstance(decided, AuctionDecided)
        assert (decided.winner, decided.price) == ("ann", 3)
        assert [append.cause for append in reaction.effects.append] == ["event-4"]

    def test_a_session_that_cannot_be_held_has_failed(self) -> None:
        broken = AuctionOpened(lot="task", reserve=-1)
        reaction = given(SESSION, broken).when_reacting(SESSIONS)
        ((failed,),) = (part.events for part in reaction.parts)
        assert isinstance(failed, Failed)
        assert failed.code == "auction.reserve"
        assert "reserve = '-1'" in failed.detail

    def test_a_session_whose_decision_no_log_would_take_has_failed(self) -> None:
        """Else it would be decided again and again, and never end."""
        huge = AuctionOpened(lot="x" * DATA_BYTES_MAX, open_for_ms=1)
        reaction = given(SESSION, huge, ANN, DEADLINE).when_reacting(SESSIONS)
        ((failed,),) = (part.events for part in reaction.parts)
        assert isinstance(failed, Failed)
        assert (failed.code, failed.detail.count("AuctionDecided")) == ("event.too_large", 1)
        state = given(SESSION, huge, ANN, DEADLINE, failed).state
        assert (state.phase, state.outcome) == ("ended", "failed")

    @pytest.mark.parametrize("end", [(Cancelled(),), (DEADLINE, Cancelled())], ids=len)
    def test_a_cancelled_session_is_left_alone(self, end: tuple[Past, ...]) -> None:
        given(SESSION, LOT, *end).when_reacting(SESSIONS, now_ns=DUE_NS).then_nothing()

    def test_what_was_never_opened_is_left_alone(self) -> None:
        given(SESSION).when_reacting(SESSIONS, now_ns=DUE_NS).then_nothing()
        given(SESSION, ANN).when_reacting(SESSIONS, now_ns=DUE_NS).then_nothing()


class TestApplying:
    def test_the_result_is_sent_to_the_variable_at_stake(self) -> None:
        reaction = given(SESSION, LOT, ANN, BOB, DEADLINE, said(WON, id="d")).when_reacting(
            SESSIONS, "s"
        )
        reaction.then_appends().then_schedules()
        reaction.then_sends((Boundary("variable", "assignee"), ApplyDecision("s", 5, "ann")))
        assert [send.cause for send in reaction.effects.send] == ["d"]

    @pytest.mark.parametrize(
        ("opening", "decision"),
        [
            (NAMED, WON),
            (
                LOT,
                AuctionDecided(
                    outcome="no_quorum",
                    rule=Policy("second_price"),
                    considered=Considered(1, 4),
                    lot="task",
                ),
            ),
            (AuctionOpened(lot="x", variable="v", reserve=-1), Failed(code="a", detail="b")),
        ],
        ids=["no variable", "no result", "failed"],
    )
    def test_where_there_is_nothing_to_apply_nothing_is_sent(
        self, opening: AuctionOpened, decision: Decision | Failed
    ) -> None:
        past = (opening, ANN, BOB, DEADLINE, decision)
        given(SESSION, *past).when_reacting(SESSIONS).then_nothing()

    def test_a_late_word_sends_the_same_again_and_nothing_else(self) -> None:
        ended = (LOT, ANN, BOB, DEADLINE, WON)
        one = given(SESSION, *ended).when_reacting(SESSIONS)
        two = given(SESSION, *ended, said(BidPlaced(amount=9), "eve")).when_reacting(SESSIONS)
        assert one.effects == two.effects

    def test_sessions_are_sent_nothing_yet(self) -> None:
        send = Send("event-1", Boundary("session", "it"), ApplyDecision("s", 5, "ann"))
        given(SESSION, LOT).when_receiving(SESSIONS, send).then_nothing()


ENDS: dict[str, tuple[tuple[Past, ...], str]] = {
    "all have spoken": ((NAMED, ANN, BOB), "decided"),
    "one has spoken": ((NAMED, ANN), "decided"),
    "nobody has spoken": ((NAMED,), "no_quorum"),
    "nobody has said anything valid": ((LOT, said(BidPlaced(amount=0), "ann")), "no_quorum"),
    "it cannot be held": ((AuctionOpened(lot="task", open_for_ms=0),), "failed"),
    "a tie": (
        (AuctionOpened(lot="task", tie_break="refuse"), ANN, said(BidPlaced(amount=5), "bob")),
        "tie_unresolved",
    ),
    "a vote without votes": (
        (ConsensusOpened(low=Decimal(0), high=Decimal(9), default=Decimal(4)),),
        "default_taken",
    ),
    "a vote": (
        (
            ConsensusOpened(low=Decimal(0), high=Decimal(9)),
            said(BallotCast(value=Decimal(1)), "ann"),
        ),
        "decided",
    ),
}


class TestEveryOpenedSessionEnds:
    @pytest.mark.parametrize(("past", "outcome"), ENDS.values(), ids=ENDS)
    def test_it_ends_once_its_time_is_up(self, past: tuple[Past, ...], outcome: str) -> None:
        log = reacting_ends(SESSIONS, session, history(*past), "it", now_ns=60 * NS_PER_SECOND)
        state = session(log).state
        assert (state.phase, state.outcome) == ("ended", outcome)
        assert len(log) <= len(past) + 2
