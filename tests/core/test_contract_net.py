"""The contract net as sessions: FIPA's states, awards, ends, and how they are checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.allocation import (
    CONTRACT_NET,
    Award,
    ContractCancelled,
    ContractEnd,
    ContractNetDecided,
    ContractNetOpened,
    ContractsAwarded,
    Proposal,
    TaskDone,
    TaskFailed,
    TaskNotUnderstood,
    TaskProposed,
    TaskRefused,
    contract_net,
    ranked,
    unjust,
)
from mabeam.core.allocation.contract_net import CONTRACTORS_MAX
from mabeam.core.allocation.events import ContractWord
from mabeam.core.auction import BidPlaced
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.ids import order_key
from mabeam.core.policies import Policy
from mabeam.core.session import Cancelled, ChildEnded, Participant, check_opening, standing
from support.sitting import FOREVER_MS, Sitting, proved_wrong
from support.tampering import corruptions

TEAM = tuple(map(Participant, ("ann", "bob", "cyd")))
WITH_LEAD = (*TEAM, Participant("lead"))


def opened(**fields: object) -> ContractNetOpened:
    chosen = {"task": "fix it", "participants": TEAM, "open_for_ms": FOREVER_MS}
    return ContractNetOpened(**(chosen | fields))  # type: ignore[arg-type]  # by name


def proposal(cost: int, score: int = 0, *capabilities: str) -> TaskProposed:
    return TaskProposed(cost=cost, score=score, capabilities=capabilities)


def called(*costs: int, **fields: object) -> Sitting:
    """Let contractors propose these costs, and a coordinator make the awards."""
    sitting = Sitting(opened(**fields))
    for agent, cost in zip(("ann", "bob", "cyd"), costs, strict=False):
        sitting.say(agent, proposal(cost))
    return sitting.settle()


def ends(decision: ContractNetDecided) -> dict[str, str]:
    return {contract.agent: contract.ended for contract in decision.contracts}


class TestConformance:
    """The states of FIPA SC00029H, one by one."""

    def test_accepted_and_done(self) -> None:
        sitting = called(5, 3, 9).turns(("bob", TaskDone(result="merged")))
        decision = sitting.decision(ContractNetDecided)
        assert (decision.outcome, decision.done_by, decision.cost) == ("decided", ("bob",), 3)
        assert ends(decision) == {"ann": "rejected", "bob": "done", "cyd": "rejected"}
        assert decision.contracts[1] == ContractEnd("bob", "done", 3, 6, "merged")
        assert decision.awards == (
            Award("bob", 3, 0, 3, accepted=True),
            Award("ann", 5, 0, 2, accepted=False, reason="outbid"),
            Award("cyd", 9, 0, 4, accepted=False, reason="outbid"),
        )
        assert CONTRACT_NET.result(decision) == "bob"
        assert sitting.state.reason == "complete"

    def test_accepted_and_failed(self) -> None:
        decision = (
            called(5, 3, 9).turns(("bob", TaskFailed(reason="ill"))).decision(ContractNetDecided)
        )
        assert (decision.outcome, ends(decision)["bob"]) == ("no_quorum", "failed")
        assert CONTRACT_NET.result(decision) is None

    def test_accepted_and_cancelled(self) -> None:
        sitting = called(5, 3, 9, participants=WITH_LEAD)
        sitting.turns(("lead", ContractCancelled(contractor="bob", reason="no need")))
        decision = sitting.decision(ContractNetDecided)
        assert ends(decision) == {"ann": "rejected", "bob": "cancelled", "cyd": "rejected"}

    def test_all_that_are_under_way_can_be_cancelled_at_once(self) -> None:
        sitting = called(5, 3, 9, participants=WITH_LEAD, awards=3).say("ann", TaskDone())
        decision = sitting.turns(("lead", ContractCancelled())).decision(ContractNetDecided)
        assert ends(decision) == {"ann": "done", "bob": "cancelled", "cyd": "cancelled"}

    def test_accepted_and_timed_out(self) -> None:
        sitting = called(5, 3, 9, done_by_ms=10_000).settle(14.9)
        assert sitting.state.phase == "open"
        decision = sitting.settle(15).decision(ContractNetDecided)
        assert (ends(decision)["bob"], sitting.state.reason) == ("timed_out", "deadline")

    def test_refused_not_understood_and_silent(self) -> None:
        sitting = Sitting(opened(reply_by_ms=10_000)).say("ann", TaskRefused(reason="busy"))
        sitting.say("bob", TaskNotUnderstood(reason="fix what?")).settle(11)
        decision = sitting.decision(ContractNetDecided)
        assert ends(decision) == {"ann": "refused", "bob": "not_understood", "cyd": "silent"}
        assert (decision.outcome, decision.awards) == ("no_quorum", ())
        assert not sitting.announced(ContractsAwarded)

    def test_a_late_proposal_is_kept_and_marked(self) -> None:
        sitting = called(5, 3, reply_by_ms=10_000).settle(11)
        sitting.say("cyd", proposal(1))
        assert sitting.refused("cyd") == "late"
        decision = sitting.turns(("bob", TaskDone())).decision(ContractNetDecided)
        assert ends(decision)["cyd"] == "silent"
        assert [(lost.agent, lost.reason) for lost in decision.alternatives] == [("cyd", "late")]

    def test_a_proposal_recorded_after_its_time_is_late_though_nobody_was_awarded(self) -> None:
        sitting = Sitting(opened(reply_by_ms=10_000)).say("ann", proposal(1), at_seconds=12)
        assert sitting.refused("ann") == "late"

    def test_the_initiator_may_take_the_whole_call_back(self) -> None:
        sitting = called(5, 3, 9).say("lead", Cancelled(reason="no"))
        assert sitting.state.outcome == "cancelled"

    def test_the_deadline_of_the_session_ends_all(self) -> None:
        sitting = Sitting(opened(participants=())).say("ann", proposal(4))
        decision = sitting.decision(ContractNetDecided)
        assert decision.contracts == (ContractEnd("ann", "rejected", 4, 2, "not_awarded"),)


class TestReplies:
    def test_the_latest_answer_before_the_awards_counts(self) -> None:
        sitting = Sitting(opened()).say("ann", proposal(9), proposal(1)).say("bob", proposal(3))
        sitting.say("cyd", TaskRefused(reason="no")).settle()
        assert sitting.course.accepted == ("ann",)

    def test_without_names_anybody_may_propose_until_the_time_is_up(self) -> None:
        sitting = Sitting(opened(participants=(), reply_by_ms=10_000)).say("eve", proposal(2))
        assert sitting.settle().course.awarded is False
        assert sitting.settle(11).course.accepted == ("eve",)

    def test_who_calls_does_not_answer(self) -> None:
        sitting = Sitting(opened(participants=WITH_LEAD)).say("lead", proposal(1))
        assert sitting.refused("lead") == "initiator"

    @pytest.mark.parametrize(
        ("agent", "word", "reason"),
        [
            ("ann", TaskDone(), "no_contract"),
            ("ann", TaskFailed(), "no_contract"),
            ("ann", ContractCancelled(), "not_the_initiator"),
            ("lead", ContractCancelled(contractor="ann"), "no_contract"),
            ("ann", TaskRefused(), "late"),
            ("ann", TaskNotUnderstood(), "late"),
            ("ann", TaskProposed(cost=-1), "invalid"),
            ("ann", TaskProposed(cost=1, score=2**53), "invalid"),
            ("ann", TaskProposed(cost=1, capabilities=("",)), "invalid"),
            ("ann", TaskProposed(cost=1, note="x" * 4001), "invalid"),
            ("ann", TaskDone(result="x" * 4001), "invalid"),
            ("ann", TaskRefused(reason="x" * 4001), "invalid"),
        ],
    )
    def test_what_has_no_place_there_does_not_count(
        self, agent: str, word: Event, reason: str
    ) -> None:
        sitting = called(5, 3, 9, participants=WITH_LEAD)
        before = sitting.course
        sitting.say(agent, word)
        assert sitting.refused(agent).startswith(reason)
        assert sitting.course == before

    def test_a_contract_ends_once(self) -> None:
        sitting = called(5, 3, 9, participants=WITH_LEAD, awards=2).say("bob", TaskDone())
        sitting.say("bob", TaskFailed())
        assert sitting.refused("bob") == "ended_already"
        sitting.say("lead", ContractCancelled(contractor="bob"))
        assert sitting.refused("lead") == "no_contract"

    def test_a_report_after_its_time_is_late(self) -> None:
        sitting = called(5, 3, 9, done_by_ms=10_000).say("bob", TaskDone(), at_seconds=16)
        assert sitting.refused("bob") == "late"
        decision = sitting.settle(16).decision(ContractNetDecided)
        assert ends(decision)["bob"] == "timed_out"

    def test_nothing_can_be_cancelled_before_the_awards(self) -> None:
        sitting = Sitting(opened(participants=WITH_LEAD)).say("lead", ContractCancelled())
        assert sitting.refused("lead") == "no_contract"

    def test_only_so_many_contractors_are_heard(self) -> None:
        sitting = Sitting(opened(participants=(), reply_by_ms=10**9))
        for number in range(CONTRACTORS_MAX):
            sitting.log += Sitting(sitting.opening).say(f"a{number}", proposal(1)).log[1:]
        sitting.say("eve", proposal(0))
        assert sitting.refused("eve") == "too_many_contractors"


class TestAwards:
    def test_who_is_not_capable_or_too_dear_is_rejected(self) -> None:
        sitting = Sitting(opened(requires=("python",), cost_max=7))
        sitting.say("ann", proposal(1)).say("bob", proposal(7, 0, "python", "go"))
        sitting.say("cyd", proposal(8, 0, "python")).settle()
        reasons = {award.agent: award.reason for award in sitting.course.awards}
        assert reasons == {"ann": "incapable", "bob": "", "cyd": "too_costly"}

    def test_the_best_score_may_count_instead(self) -> None:
        sitting = Sitting(opened(rule=Policy("best_score")))
        sitting.say("ann", proposal(1, 5)).say("bob", proposal(9, 7)).say("cyd", proposal(8, 7))
        assert sitting.settle().course.accepted == ("cyd",)

    def test_several_may_be_accepted(self) -> None:
        assert called(5, 3, 9, awards=2).course.accepted == ("bob", "ann")

    def test_equals_are_parted_as_declared(self) -> None:
        first = called(5, 5, 9)
        (winner,) = first.course.accepted
        loser = ({"ann", "bob"} - {winner}).pop()
        assert {a.agent: a.reason for a in first.course.awards}[loser] == "tie_lost"
        assert called(5, 5, 9, tie_break="earliest").course.accepted == ("ann",)

    def test_a_tie_may_be_left_unresolved(self) -> None:
        decision = called(5, 5, 9, tie_break="refuse").decision(ContractNetDecided)
        assert decision.outcome == "tie_unresolved"
        assert [award.reason for award in decision.awards] == [
            "tie_unresolved",
            "tie_unresolved",
            "outbid",
        ]

    def test_a_tie_among_all_that_are_accepted_is_none(self) -> None:
        sitting = called(5, 5, 9, tie_break="refuse", awards=2)
        assert set(sitting.course.accepted) == {"ann", "bob"}


class TestForgeries:
    def test_awards_that_do_not_follow_are_of_no_effect(self) -> None:
        sitting = Sitting(opened()).say("ann", proposal(5)).say("bob", proposal(3))
        unjust = (Award("ann", 5, 0, 2, accepted=True),)
        sitting.say("coordinator", ContractsAwarded(awards=unjust))
        sitting.say("coordinator", ChildEnded(child="x", outcome="decided"))
        assert not sitting.course.awarded
        sitting.say("cyd", proposal(4)).settle()
        sitting.say("coordinator", ContractsAwarded(awards=unjust))
        assert sitting.course.accepted == ("bob",)

    def test_a_proposal_that_slips_in_before_the_awards_counts(self) -> None:
        sitting = Sitting(opened(reply_by_ms=60_000)).say("ann", proposal(5))
        stale = Sitting(sitting.opening)
        stale.log = sitting.log
        unaware = stale.settle(70).announced(ContractsAwarded)[0]
        sitting.say("bob", proposal(1)).say("coordinator", unaware)
        assert sitting.settle(70).course.accepted == ("bob",)

    def test_awards_are_proved_without_ranking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Protocol code that ranks wrongly folds wrongly too; the certificate gives it away."""

        def dearest_first(proposals: list[Proposal], *_: object, **__: object) -> tuple[Award, ...]:
            rest = [
                Award(one.agent, one.cost, one.score, one.position, accepted=False, reason="outbid")
                for one in proposals
            ]
            first = max(rest, key=lambda award: award.cost)
            accepted = msgspec.structs.replace(first, accepted=True, reason="")
            return (accepted, *(award for award in rest if award != first))

        monkeypatch.setattr(contract_net, "ranked", dearest_first)
        sitting = called(5, 3, 9).turns(("cyd", TaskDone()))
        decision = sitting.state.decision
        assert isinstance(decision, ContractNetDecided)
        assert decision.done_by == ("cyd",)
        with pytest.raises(Rejected, match="bob is accepted"):
            CONTRACT_NET.verify(sitting.hearing, decision)  # type: ignore[arg-type]  # one of its own

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        assert "that of a contract net" in proved_wrong(Sitting(opened()))


class TestBounds:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"task": ""}, "contract_net.text"),
            ({"awards": 0}, "contract_net.awards"),
            ({"quorum": 1}, "contract_net.quorum"),
            ({"cost_max": -1}, "contract_net.cost"),
            ({"reply_by_ms": 0}, "contract_net.duration"),
            ({"done_by_ms": 0}, "contract_net.duration"),
            ({"requires": ("",)}, "task.capabilities"),
            ({"requires": ("x",) * 51}, "task.capabilities"),
            ({"rule": Policy("nash")}, "policy.unknown"),
            (
                {"participants": tuple(Participant(f"a{n}") for n in range(501))},
                "contract_net.contractors",
            ),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, object], code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_opening(opened(**fields))
        assert caught.value.code == code

    def test_words_are_written_as_text(self) -> None:
        words: list[ContractWord] = [
            proposal(3, 4),
            TaskRefused(reason="busy"),
            TaskNotUnderstood(),
            TaskDone(result="x" * 200),
            TaskFailed(reason="ill"),
            ContractCancelled(contractor="bob"),
            ContractCancelled(),
        ]
        assert [CONTRACT_NET.say(word)[:24] for word in words] == [
            "proposes cost 3, score 4",
            "refused busy",
            "notunderstood",
            "done xxxxxxxxxxxxxxxxxxx",
            "failed ill",
            "cancels bob",
            "cancels",
        ]
        CONTRACT_NET.check_speech(opened(), BidPlaced(amount=1))

    def test_it_shows_how_it_stands_with_each(self) -> None:
        sitting = Sitting(opened()).say("ann", proposal(5))
        rows = standing("it", sitting.state).rows
        assert [row[1] for row in rows] == ["proposed", "silent", "silent"]
        sitting.say("bob", TaskRefused()).say("cyd", proposal(6)).settle()
        rows = standing("it", sitting.state).rows
        assert [row[1] for row in rows] == ["under_way", "refused", "rejected"]
        sitting.close()
        assert standing("it", sitting.state).rows[0][1] == "timed_out"


WORDS = st.one_of(
    st.builds(proposal, st.integers(0, 3)),
    st.just(TaskRefused()),
    st.just(TaskNotUnderstood()),
    st.just(TaskDone()),
    st.just(TaskFailed()),
    st.just(ContractCancelled()),
    st.just(None),
)


PROPOSALS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([True, True, False])),
    max_size=6,
).map(
    lambda found: [
        Proposal(f"a{n}", cost, score, n + 2, is_capable)
        for n, (cost, score, is_capable) in enumerate(found)
    ]
)


class TestProofOfAwards:
    @given(PROPOSALS, st.integers(1, 4), st.sampled_from([None, 2]), st.booleans(), st.data())
    def test_what_is_ranked_is_just_and_nothing_else_is(
        self,
        proposals: list[Proposal],
        awards_max: int,
        cost_max: int | None,
        refuses: bool,  # noqa: FBT001 - drawn
        data: st.DataObject,
    ) -> None:
        def worth(proposal: Proposal) -> tuple[int, ...]:
            return (proposal.cost,)

        def by_name(proposal: Proposal) -> bytes:
            return order_key("it", proposal.agent)

        tie_key = None if refuses else by_name
        awards = ranked(proposals, worth, awards_max, cost_max=cost_max, tie_key=tie_key)

        def why(stated: Sequence[Award]) -> str:
            return unjust(stated, proposals, worth, awards_max, cost_max=cost_max, tie_key=tie_key)

        assert why(awards) == ""
        wrong = data.draw(st.sampled_from([*corruptions(awards)])) if awards else ()
        assert bool(why(wrong)) == bool(awards)  # type: ignore[arg-type]  # made of awards
        assert why([*awards, Award("eve", 0, 0, 9, accepted=True)]) == "eve proposed nothing"


class TestPromises:
    @settings(max_examples=60)
    @given(
        st.lists(st.tuples(st.sampled_from(["ann", "bob", "cyd", "lead"]), WORDS), max_size=14),
        st.integers(1, 3),
        st.sampled_from(["canonical", "earliest", "refuse"]),
    )
    def test_every_accepted_proposal_ends_in_exactly_one_way(
        self, words: list[tuple[str, Event | None]], awards: int, tie_break: str
    ) -> None:
        opening = opened(participants=WITH_LEAD, awards=awards, tie_break=tie_break)
        sitting = Sitting(opening)
        for agent, word in words:
            if word is None:
                sitting.settle(len(sitting.log) + 10)
            else:
                sitting.say(agent, word)
        accepted: set[str] = set(sitting.settle(20).course.accepted)
        decision = sitting.decision(ContractNetDecided)
        over = {"done", "failed", "cancelled", "timed_out"}
        assert {c.agent for c in decision.contracts if c.ended in over} == accepted
        assert max(Counter(c.agent for c in decision.contracts).values()) == 1
        assert len(accepted) <= awards
