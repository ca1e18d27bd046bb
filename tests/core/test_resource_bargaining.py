"""Bargaining about a resource as sessions: concessions, deadlocks, and how they are checked."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.auction import BidPlaced
from mabeam.core.decider import fold
from mabeam.core.errors import Rejected
from mabeam.core.negotiation import (
    RESOURCE,
    AmountRequested,
    ResourceDecided,
    ResourceOpened,
    Share,
    SharesProposed,
)
from mabeam.core.negotiation.resources import vote_on
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    ChildEnded,
    OpenSession,
    Participant,
    check_opening,
    standing,
)
from mabeam.core.voting import VoteOpened
from support.sitting import FOREVER_MS, Sitting, proved_wrong

PAIR = (Participant("ann"), Participant("bob"))


def opened(amount: int = 100, **fields: object) -> ResourceOpened:
    chosen = {
        "resource": "gpu hours",
        "amount": amount,
        "participants": PAIR,
        "open_for_ms": FOREVER_MS,
    }
    return ResourceOpened(**(chosen | fields))  # type: ignore[arg-type]  # by name


def ask(sitting: Sitting, ann: int, bob: int) -> Sitting:
    """Let both ask, and a coordinator end the round."""
    sitting.say("ann", AmountRequested(amount=ann)).say("bob", AmountRequested(amount=bob))
    return sitting.settle()


class TestRounds:
    def test_what_fits_is_given(self) -> None:
        decision = ask(Sitting(opened()), 40, 50).decision(ResourceDecided)
        assert (decision.outcome, decision.ended, decision.rounds) == ("decided", "agreement", 1)
        assert decision.shares == (Share("ann", 40, 40), Share("bob", 50, 50))
        assert RESOURCE.result(decision) == "ann 40, bob 50"

    @pytest.mark.parametrize(
        ("amount", "requests", "shares"),
        [(100, (60, 50), (55, 45)), (1000, (600, 600), (500, 500))],
    )
    def test_the_lineage_is_right_where_it_was_right(
        self, amount: int, requests: tuple[int, int], shares: tuple[int, int]
    ) -> None:
        """Scenarios of the system this one descends from."""
        sitting = ask(Sitting(opened(amount)), *requests)
        (proposed,) = sitting.announced(SharesProposed)
        assert isinstance(proposed, SharesProposed)
        assert tuple(share.amount for share in proposed.shares) == shares
        decision = ask(sitting, *shares).decision(ResourceDecided)
        assert (decision.ended, tuple(share.amount for share in decision.shares)) == (
            "agreement",
            shares,
        )
        assert sum(share.amount for share in decision.shares) <= amount

    def test_who_never_concedes_ends_in_a_deadlock_after_five_rounds(self) -> None:
        """A scenario of the system this one descends from, which told it from an agent's name."""
        sitting = Sitting(opened(escalate_to="boss"))
        for _ in range(5):
            ask(sitting, 60, 50)
        decision = sitting.decision(ResourceDecided)
        assert (decision.outcome, decision.ended, decision.rounds) == ("no_quorum", "deadlock", 5)
        assert (decision.escalated_to, decision.requested) == ("boss", 110)
        assert decision.shares == (Share("ann", 60, 55), Share("bob", 50, 45))
        assert {lost.reason for lost in decision.alternatives} == {"no_agreement"}
        assert RESOURCE.result(decision) is None

    def test_a_deadlock_of_many_is_proved_too(self) -> None:
        team = tuple(Participant(f"a{n}") for n in range(4))
        sitting = Sitting(opened(10, participants=team, rounds=1))
        for n, agent in enumerate(team):
            sitting.say(agent.agent, AmountRequested(amount=3 + n % 2))
        decision = sitting.settle().decision(ResourceDecided)
        assert sorted(share.amount for share in decision.shares) == [2, 2, 3, 3]

    def test_who_says_nothing_in_a_round_keeps_its_request(self) -> None:
        sitting = ask(Sitting(opened(round_ms=5000)), 60, 50)
        sitting.say("ann", AmountRequested(amount=50)).settle(8)
        assert sitting.course.round == 2
        decision = sitting.settle(9).decision(ResourceDecided)
        assert [share.amount for share in decision.shares] == [50, 50]

    def test_who_never_says_anything_gets_nothing(self) -> None:
        sitting = Sitting(opened(round_ms=5000)).say("ann", AmountRequested(amount=60)).settle(60)
        decision = sitting.decision(ResourceDecided)
        assert (decision.outcome, decision.shares) == ("decided", (Share("ann", 60, 60),))

    def test_where_nobody_asks_nothing_is_given(self) -> None:
        decision = Sitting(opened(round_ms=5000)).settle(60).decision(ResourceDecided)
        assert (decision.outcome, decision.ended, decision.shares) == ("no_quorum", "deadline", ())

    def test_below_the_quorum_nothing_is_given(self) -> None:
        sitting = Sitting(opened(round_ms=5000, quorum=2)).say("ann", AmountRequested(amount=6))
        decision = sitting.settle(60).decision(ResourceDecided)
        assert (decision.outcome, decision.ended) == ("no_quorum", "deadline")

    def test_the_deadline_ends_it(self) -> None:
        decision = ask(Sitting(opened()), 60, 50).decision(ResourceDecided)
        assert (decision.ended, decision.rounds, decision.escalated_to) == ("deadline", 2, "")


class TestRulings:
    """A deadlock that is escalated: who is named rules on it in a vote of its own."""

    @staticmethod
    def deadlocked(**fields: object) -> Sitting:
        chosen = {"escalate_to": "boss", "ruling_ms": 60_000, "rounds": 1, "round_ms": 5000}
        return ask(Sitting(opened(**(chosen | fields))), 60, 50)  # type: ignore[arg-type]  # by name

    @staticmethod
    def asked(sitting: Sitting, at_seconds: float = 0) -> list[VoteOpened]:
        """Return the votes that a coordinator would open."""
        effects = SESSIONS.react("it", fold(SESSION, sitting.log), round(at_seconds * 10**9))
        sends = [send for send in effects.send if isinstance(send.command, OpenSession)]
        assert all(send.boundary.entity == vote_on("it") for send in sends)
        return [cast("VoteOpened", cast("OpenSession", send.command).opening) for send in sends]

    @staticmethod
    def ruled(sitting: Sitting, result: str, child: str = "") -> Sitting:
        ended = ChildEnded(child=child or vote_on("it"), outcome="decided", result=result)
        return sitting.say("coordinator", ended).settle()

    def test_who_is_named_is_asked_and_nothing_is_decided_before(self) -> None:
        sitting = self.deadlocked()
        (vote,) = self.asked(sitting)
        check_opening(vote)
        assert sitting.state.phase == "open"
        assert vote == VoteOpened(
            options=("proportional", "nothing"),
            question="gpu hours: 110 of 100 are asked for. Who gets what?",
            participants=(Participant("boss"),),
            open_for_ms=60_000,
            parent="session/it",
        )
        assert standing("it", sitting.state).remarks[1] == (
            f"a deadlock is ruled on by boss, in the session {vote_on('it')}"
        )

    def test_the_proportional_shares_may_be_given_all_the_same(self) -> None:
        decision = self.ruled(self.deadlocked(), "proportional").decision(ResourceDecided)
        assert (decision.outcome, decision.ended, decision.escalated_to) == (
            "decided",
            "ruling",
            "boss",
        )
        assert decision.shares == (Share("ann", 60, 55), Share("bob", 50, 45))
        assert {lost.reason for lost in decision.alternatives} == {"no_agreement"}
        assert RESOURCE.result(decision) == "ann 55, bob 45"

    @pytest.mark.parametrize("result", ["nothing", ""])
    def test_or_nothing_is(self, result: str) -> None:
        sitting = self.ruled(self.deadlocked(), result)
        assert self.asked(sitting) == []
        decision = sitting.decision(ResourceDecided)
        assert (decision.outcome, decision.ended) == ("no_quorum", "deadlock")

    def test_the_deadline_does_not_wait_for_a_ruling(self) -> None:
        decision = self.deadlocked().decision(ResourceDecided)
        assert (decision.ended, decision.escalated_to) == ("deadlock", "boss")

    def test_below_the_quorum_no_ruling_gives_anything(self) -> None:
        sitting = Sitting(
            opened(escalate_to="boss", ruling_ms=9, rounds=1, round_ms=5000, quorum=2)
        )
        sitting.say("ann", AmountRequested(amount=160)).settle(8)
        decision = self.ruled(sitting, "proportional").decision(ResourceDecided)
        assert (decision.outcome, decision.ended) == ("no_quorum", "deadlock")

    def test_what_fits_is_not_ruled_on(self) -> None:
        sitting = self.deadlocked(amount=200)
        assert sitting.decision(ResourceDecided).ended == "agreement"

    def test_a_ruling_that_nobody_asked_for_is_of_no_effect(self) -> None:
        early = self.ruled(self.deadlocked(rounds=3), "proportional")
        assert early.course.ruling is None
        other = self.ruled(self.deadlocked(), "proportional", "another")
        assert other.course.ruling is None
        only_named = self.ruled(ask(Sitting(opened(rounds=2)), 60, 50), "proportional")
        assert only_named.course.ruling is None

    def test_a_request_does_not_change_what_is_ruled_on(self) -> None:
        sitting = Sitting(opened(escalate_to="boss", ruling_ms=9, rounds=1, round_ms=5000))
        sitting.say("ann", AmountRequested(amount=160))
        assert self.asked(sitting, 5.9) == []
        assert len(self.asked(sitting, 6)) == 1
        sitting.say("bob", AmountRequested(amount=40), at_seconds=6)
        assert sitting.refused("bob") == "late"


class TestWords:
    def test_a_second_request_in_a_round_does_not_count(self) -> None:
        sitting = Sitting(opened()).say("ann", AmountRequested(amount=60))
        sitting.say("ann", AmountRequested(amount=10))
        assert sitting.refused("ann") == "asked_already"
        assert sitting.course.total == 60

    @pytest.mark.parametrize("amount", [-1, 2**53])
    def test_a_request_out_of_range_does_not_count(self, amount: int) -> None:
        sitting = Sitting(opened()).say("ann", AmountRequested(amount=amount))
        assert sitting.refused("ann").startswith("invalid")

    def test_words_are_written_as_text(self) -> None:
        assert RESOURCE.say(AmountRequested(amount=7)) == "7"
        RESOURCE.check_speech(opened(), BidPlaced(amount=1))
        assert RESOURCE.say(BidPlaced(amount=1)) == ""

    def test_it_shows_requests_and_shares(self) -> None:
        shown = standing("it", ask(Sitting(opened()), 60, 50).state)
        assert shown.rows == (("ann", "60", "55"), ("bob", "50", "45"))
        assert shown.remarks == ("round 2 of 5: 110 of 100",)

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"amount": -1}, "negotiation.amount"),
            ({"rounds": 0}, "negotiation.rounds"),
            ({"round_ms": 0}, "negotiation.duration"),
            ({"resource": "x" * 1001}, "negotiation.text"),
            ({"rule": Policy("kalai")}, "policy.unknown"),
            ({"escalate_to": "a\nb"}, "name"),
            ({"ruling_ms": 1}, "name"),
            ({"ruling_ms": -1, "escalate_to": "boss"}, "negotiation.duration"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, object], code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_opening(opened(**fields))  # type: ignore[arg-type]  # by name
        assert caught.value.code.split(".")[0] == code.split(".", maxsplit=1)[0]


class TestForgeries:
    def test_shares_that_do_not_follow_are_of_no_effect(self) -> None:
        sitting = Sitting(opened()).say("ann", AmountRequested(amount=90))
        sitting.say("coordinator", SharesProposed(round=1, shares=(Share("ann", 90, 90),)))
        sitting.say("coordinator", ChildEnded(child="x", outcome="decided"))
        assert sitting.course.round == 1

    def test_a_request_that_slips_in_before_the_shares_counts(self) -> None:
        """Speech is recorded without a check, so it can stand before what did not know of it."""
        sitting = Sitting(opened(round_ms=5000)).say("ann", AmountRequested(amount=160))
        stale = Sitting(sitting.opening)
        stale.log = sitting.log
        unaware = stale.settle(7).announced(SharesProposed)[0]
        sitting.say("bob", AmountRequested(amount=50)).say("coordinator", unaware)
        assert (sitting.course.round, sitting.course.shares) == (1, ())
        sitting.settle()
        assert sitting.course.shares == (Share("ann", 160, 76), Share("bob", 50, 24))

    def test_other_shares_of_the_same_sum_are_refused(self) -> None:
        """What rounding down leaves goes to the largest remainders, and nowhere else."""
        team = tuple(Participant(f"a{n}") for n in range(3))
        sitting = Sitting(opened(10, participants=team, rounds=1))
        for agent, amount in zip(team, (7, 7, 6), strict=True):
            sitting.say(agent.agent, AmountRequested(amount=amount))
        decision = sitting.settle().state.decision
        assert isinstance(decision, ResourceDecided)
        assert [share.amount for share in decision.shares] == [4, 3, 3]
        for wrong in ((3, 4, 3), (5, 2, 3), (3, 3, 4)):
            shares = tuple(
                Share(share.agent, share.requested, amount)
                for share, amount in zip(decision.shares, wrong, strict=True)
            )
            with pytest.raises(Rejected):
                RESOURCE.verify(sitting.hearing, _with(decision, shares))  # type: ignore[arg-type]  # one of its own

    def test_more_for_one_and_less_for_another_is_refused(self) -> None:
        sitting = ask(Sitting(opened()), 40, 50)
        decision = sitting.state.decision
        assert isinstance(decision, ResourceDecided)
        shares = (Share("ann", 40, 41), Share("bob", 50, 49))
        with pytest.raises(Rejected, match="in proportion"):
            RESOURCE.verify(sitting.hearing, _with(decision, shares))  # type: ignore[arg-type]  # one of its own

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        assert "that of a resource" in proved_wrong(Sitting(opened()))


def _with(decision: ResourceDecided, shares: tuple[Share, ...]) -> ResourceDecided:
    return msgspec.structs.replace(decision, shares=shares)


class TestPromises:
    @settings(max_examples=40)
    @given(
        st.integers(0, 30),
        st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=5),
    )
    def test_it_ends_and_gives_no_more_than_there_is(
        self, amount: int, rounds: list[tuple[int, int]]
    ) -> None:
        sitting = Sitting(opened(amount, rounds=len(rounds)))
        for ann, bob in rounds:
            ask(sitting, ann, bob)
        decision = sitting.decision(ResourceDecided)
        assert sitting.state.phase == "ended"
        if decision.outcome == "decided":
            assert sum(share.amount for share in decision.shares) <= amount
            assert all(share.amount == share.requested for share in decision.shares)
        else:
            assert (decision.ended, decision.rounds) == ("deadlock", len(rounds))

    def test_who_takes_its_proportional_share_is_done_after_two_rounds(self) -> None:
        for one, other in pairwise(range(1, 40)):
            sitting = ask(Sitting(opened(10)), one, other)
            if sitting.state.phase == "open":
                ask(sitting, *(share.amount for share in sitting.course.shares))
            assert sitting.decision(ResourceDecided).ended == "agreement"
