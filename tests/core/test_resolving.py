"""Conflicts that are referred to sessions: who is asked, what the answer means, and the end."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.commands import ApplyDecision, SessionEnded
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.errors import Rejected
from mabeam.core.hierarchy import child_name
from mabeam.core.policies import Policy
from mabeam.core.reactor import NOTHING, Effects, Send
from mabeam.core.session import Cancelled, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    VARIABLES,
    AllocationType,
    Changed,
    ConflictDetected,
    ConflictResolved,
    FloatType,
    Proposed,
    Refused,
    ResolutionChosen,
    Value,
)
from mabeam.core.variable.referral import (
    check_policy,
)
from mabeam.core.variable.resolving import PATIENCE_NS
from mabeam.core.voting import VoteCast
from support.disputes import (
    ALONE,
    IT,
    LAST,
    TEXTS,
    WHOLE,
    Dispute,
    auction,
    escalation,
    policy,
)
from support.rehearsal import NS_PER_SECOND


class TestAuctions:
    def test_the_agents_whose_values_compete_may_bid(self) -> None:
        space = auction()
        opening = space.opening
        assert isinstance(opening, AuctionOpened)
        assert opening == AuctionOpened(
            lot="the value of it",
            participants=(Participant("ann"), Participant("bob")),
            parent="variable/it",
        )
        assert space.conflict.session.startswith("conflict-")

    def test_the_highest_bidder_s_value_is_taken(self) -> None:
        space = auction()
        space.say(BidPlaced(amount=7), "ann")
        space.say(BidPlaced(amount=9), "bob")
        name = space.session.entity
        space.rest()
        (resolved,) = space.events(ConflictResolved)
        ended = space.world.session(name).state
        assert resolved == ConflictResolved(
            conflict=resolved.conflict,
            value="blue",
            winner="bob",
            reason="bob has won the auction",
            session=name,
            decided_at=ended.decided_at,
        )
        assert (space.state.value, space.state.conflict) == ("blue", None)
        record = space.world.conflicts[resolved.conflict]
        assert (record.status, record.session, record.kind) == (
            *("applied", name),
            "incompatible_values",
        )

    def test_proposals_that_come_meanwhile_wait_for_the_end(self) -> None:
        space = auction()
        space.publish(IT, Proposed(value="green", base=None), "cyd")
        space.rest()
        assert [c.by for c in space.state.pending] == ["bob", "cyd"]
        assert len(space.events(AuctionOpened)) == 1
        space.wait(31)
        assert not space.state.pending
        assert space.state.value == "green"

    def test_a_claim_that_has_won_is_served_first(self) -> None:
        shared = AllocationType(100)
        space = Dispute(shared, policy("auction"), [("ann", 80), ("bob", 70)])
        for by, amount in (("ann", 3), ("bob", 4)):
            space.say(BidPlaced(amount=amount), by)
        space.rest()
        assert space.state.value == {"ann": 30, "bob": 70}


class TestNumbers:
    def test_a_number_is_agreed_on_within_the_variable_s_range(self) -> None:
        asked = policy("consensus", participants={"ann": 3, "bob": 1})
        space = Dispute(WHOLE, asked, [("ann", 10), ("bob", 50)])
        assert space.opening == ConsensusOpened(
            low=Decimal(0),
            high=Decimal(100),
            step=Decimal(5),
            question="the value of it (1: ann 10; 2: bob 50)",
            participants=(Participant("ann", 3), Participant("bob", 1)),
            parent="variable/it",
        )
        for by, value in (("ann", 20), ("bob", 46)):
            space.say(BallotCast(value=Decimal(value)), by)
        space.rest()
        (resolved,) = space.events(ConflictResolved)
        assert (resolved.value, resolved.winner, resolved.reason) == (25, "", "agreed on 25")
        assert space.state.value == 25

    def test_without_a_grid_there_is_no_step(self) -> None:
        space = Dispute(FloatType(0, 1), policy("consensus"), [("ann", 0.1), ("bob", 0.2)])
        assert isinstance(space.opening, ConsensusOpened)
        assert (space.opening.low, space.opening.step) == (Decimal(0), None)

    def test_two_cannot_agree_on_the_number_of_a_candidate(self) -> None:
        """The mean of the numbers of two candidates is that of a third."""
        with pytest.raises(Rejected) as caught:
            check_policy(policy("consensus"), TEXTS)
        assert caught.value.code == "conflict.unsuitable"


class TestEscalation:
    def test_all_of_it_for_both_is_for_the_supervisor_to_say(self) -> None:
        """A scenario of the system this one descends from: 100 and 100 of 100, exclusive."""
        space = Dispute(ALONE, escalation("supervisor"), [("ann", 100), ("bob", 100)])
        assert space.opening == ConsensusOpened(
            low=Decimal(1),
            high=Decimal(2),
            step=Decimal(1),
            question="the number of the value of it (1: ann 100; 2: bob 100)",
            participants=(Participant("supervisor"),),
            parent="variable/it",
        )
        space.say(BallotCast(value=Decimal(2)), "supervisor")
        space.rest()
        (resolved,) = space.events(ConflictResolved)
        assert (resolved.winner, resolved.reason) == ("bob", "number 2 was chosen")
        assert space.state.value == {"bob": 100}

    def test_nobody_else_is_heard(self) -> None:
        space = Dispute(ALONE, escalation(), [("ann", 100), ("bob", 100)])
        space.say(BallotCast(value=Decimal(1)), "ann")
        space.rest()
        assert space.state.conflict is not None

    def test_a_number_is_the_supervisor_s_own(self) -> None:
        space = Dispute(WHOLE, escalation(), [("ann", 10), ("bob", 50)])
        space.say(BallotCast(value=Decimal(35)), "boss")
        space.rest()
        assert space.state.value == 35

    def test_one_who_does_not_answer_leaves_it_to_the_fallback(self) -> None:
        space = Dispute(ALONE, escalation(open_for_seconds=5), [("ann", 100), ("bob", 100)])
        name = space.session.entity
        space.wait(6)
        _, fallback = space.events(ResolutionChosen)
        ended = space.world.session(name).state
        assert (fallback.chooser, fallback.chosen, fallback.follows) == ("fallback", LAST, name)
        assert (fallback.session, fallback.decided_at) == ("", ended.decided_at)
        assert space.state.value == {"bob": 100}


class TestHierarchies:
    """A conflict is put to a tree of delegates, whose nodes vote."""

    NODES = (
        {"name": "peers", "members": [{"agent": "cyd"}, {"agent": "dan"}], "parent": "lead"},
        {"name": "lead", "members": [{"agent": "eve"}]},
    )
    ASKED = policy("hierarchy", nodes=NODES, at="peers", open_for_seconds=300)

    def votes(self, space: Dispute, node: str, **ballots: str) -> None:
        name = child_name(space.conflict.session, node)
        for by, value in ballots.items():
            space.publish(Boundary("session", name), VoteCast(ranking=((value,),)), by)
        space.rest()

    def test_the_value_elected_is_taken(self) -> None:
        space = Dispute(TEXTS, self.ASKED, [("ann", "green"), ("bob", "blue")])
        self.votes(space, "peers", cyd="green", dan="green")
        (resolved,) = space.events(ConflictResolved)
        assert (resolved.winner, resolved.reason) == ("ann", "green was chosen")
        assert space.state.value == "green"

    def test_what_the_lower_node_cannot_decide_goes_up(self) -> None:
        space = Dispute(TEXTS, self.ASKED, [("ann", "green"), ("bob", "blue")])
        space.wait(31)
        self.votes(space, "lead", eve="blue")
        assert (space.ways(), space.state.value) == (["hierarchy"], "blue")

    def test_if_nobody_decides_the_fallback_does(self) -> None:
        space = Dispute(TEXTS, self.ASKED, [("ann", "green"), ("bob", "blue")])
        space.wait(301)
        assert space.ways() == ["hierarchy", "last_writer"]
        assert space.state.value == "blue"

    def test_without_nodes_nobody_could_be_asked(self) -> None:
        with pytest.raises(Rejected, match="nodes"):
            check_policy(policy("hierarchy"), TEXTS)


class TestEveryConflictEnds:
    def test_nobody_bids(self) -> None:
        space = auction()
        space.wait(31)
        assert space.ways() == ["auction", "last_writer"]
        assert (space.state.value, space.state.conflict) == ("blue", None)

    def test_the_session_is_cancelled(self) -> None:
        space = auction(verified=False)
        space.say(Cancelled(), "coordinator")
        space.rest()
        assert space.ways() == ["auction", "last_writer"]
        assert space.state.value == "blue"

    def test_the_session_cannot_be_held(self) -> None:
        """A declaration may have been published past the decider."""
        broken = policy("auction", reserve=-1)
        said: list[tuple[str, Value]] = [("ann", "green"), ("bob", "blue")]
        space = Dispute(TEXTS, broken, said, checked=False)
        assert space.ways() == ["auction", "last_writer"]
        assert space.state.value == "blue"

    @pytest.mark.parametrize(
        "unfit",
        [
            policy("auction", lots=3),
            policy("auction", reserve="much"),
            policy("auction", open_for_seconds="long"),
            Policy("escalation", parameters={"supervisor": "boss", "protocol": "duel"}),
            policy("consensus"),
        ],
        ids=str,
    )
    def test_what_cannot_even_be_asked_is_left_to_the_fallback(self, unfit: Policy) -> None:
        said: list[tuple[str, Value]] = [("ann", "green"), ("bob", "blue")]
        space = Dispute(TEXTS, unfit, said, checked=False)
        assert len(space.ways()) == 2
        assert space.state.conflict is None
        assert not space.world.sessions

    def test_a_stranger_wins(self) -> None:
        open_to_all = policy("auction", participants=[])
        space = Dispute(TEXTS, open_to_all, [("ann", "green"), ("bob", "blue")])
        space.say(BidPlaced(amount=99), "eve")
        space.wait(31)
        assert space.ways() == ["auction", "last_writer"]
        assert space.state.value == "blue"

    def test_somebody_else_has_a_session_of_that_name(self) -> None:
        """It is nobody's to hear the end of, so patience ends the conflict."""
        space = Dispute(TEXTS, policy("auction"), [("ann", "green")])
        space.publish(IT, Proposed(value="blue", base=1), "bob")
        for _ in range(2):
            space.carry_out(space.due(IT))
        squatter = AuctionOpened(lot="nothing", open_for_ms=1_000)
        space.publish(space.session, squatter, "eve")
        name = space.session.entity
        space.rest()
        space.wait(31)
        assert space.world.session(name).state.phase == "ended"
        assert space.state.conflict is not None
        space.wait(PATIENCE_NS / NS_PER_SECOND)
        _, fallback = space.events(ResolutionChosen)
        assert (fallback.follows, fallback.decided_at) == (name, 0)
        assert space.state.value == "blue"

    def test_a_session_on_the_variable_decides_meanwhile(self) -> None:
        space = auction(verified=False)
        name = space.session.entity
        send = Send("d", IT, ApplyDecision("s", 99, "red"))
        space.carry_out(Effects(send=(send,)))
        space.rest()
        (refused,) = space.events(Refused)
        assert (refused.code, space.state.value) == ("variable.stale_base", "red")
        space.publish(Boundary("session", name), BidPlaced(amount=3), "ann")
        space.publish(Boundary("session", name), BidPlaced(amount=4), "bob")
        space.rest()
        assert space.world.session(name).state.outcome == "decided"
        assert space.state.value == "red"

    def test_fallbacks_may_stand_behind_each_other(self) -> None:
        chain = policy("auction", escalation(open_for_seconds=5))
        space = Dispute(TEXTS, chain, [("ann", "green"), ("bob", "blue")])
        first = space.session
        space.wait(31)
        assert space.ways() == ["auction", "escalation"]
        assert space.session != first
        space.say(BallotCast(value=Decimal(1)), "boss")
        space.rest()
        assert space.state.value == "green"

    def test_the_last_fallback_decides(self) -> None:
        chain = policy("auction", escalation(fallback=Policy("priority")))
        space = Dispute(TEXTS, chain, [("ann", "green"), ("bob", "blue")])
        space.wait(31)
        space.wait(31)
        assert space.ways() == ["auction", "escalation", "priority"]
        assert space.state.conflict is None

    @settings(max_examples=30)
    @given(
        st.lists(
            st.sampled_from(["ann bids", "bob bids", "eve bids", "wait", "propose", "decide"]),
            max_size=8,
        ),
        st.sampled_from([policy("auction"), policy("auction", escalation()), escalation()]),
    )
    def test_whatever_happens(self, script: list[str], on_conflict: Policy) -> None:
        space = Dispute(TEXTS, on_conflict, [("ann", "green"), ("bob", "blue")], verified=False)
        for number, act in enumerate(script):
            match act.split():
                case [by, "bids"] if space.state.conflict is not None:
                    space.say(BidPlaced(amount=number + 1), by)
                case ["wait"]:
                    space.wait(20)
                case ["propose"]:
                    space.publish(IT, Proposed(value="green", base=1), "cyd")
                case ["decide"]:
                    command = ApplyDecision("s", 1_000 + number, "red")
                    space.carry_out(Effects(send=(Send(f"d{number}", IT, command),)))
                case _:
                    pass
            space.rest()
        for _ in range(8):
            space.wait(200)
        assert (space.state.conflict, space.state.pending) == (None, ())
        found = [event.conflict for event in space.events(ConflictDetected)]
        ends = [
            event.conflict
            for one in space.log
            if isinstance(event := one.data, Changed | Refused) and event.conflict
        ]
        assert ends == found, "each ends once, in the order of the log"


class TestHearing:
    """What is told that is not, or no longer, waited for."""

    def told(self, space: Dispute, command: msgspec.Struct) -> Effects:
        return VARIABLES.receive("it", space.world.variable("it"), Send("c", IT, command))

    def ended(self, session: str, result: Decimal | str | None = "ann") -> SessionEnded:
        return SessionEnded(session, "decided", result, None, 99)

    def test_another_session_is_nothing_to_it(self) -> None:
        space = auction()
        assert self.told(space, self.ended("other")) == NOTHING

    def test_after_the_end_nothing_is_heard(self) -> None:
        space = auction()
        name = space.session.entity
        space.wait(31)
        assert self.told(space, self.ended(name)) == NOTHING

    def test_before_a_policy_is_chosen_nothing_is_heard(self) -> None:
        space = Dispute(TEXTS, policy("auction"), [("ann", "green")])
        space.publish(IT, Proposed(value="blue", base=1), "bob")
        space.carry_out(space.due(IT))
        assert space.conflict.chosen is None
        assert self.told(space, self.ended("")) == NOTHING

    def test_a_session_named_by_a_policy_that_refers_to_none_is_not_heard(self) -> None:
        space = Dispute(TEXTS, policy("auction"), [("ann", "green")], verified=False)
        space.publish(IT, Proposed(value="blue", base=1), "bob")
        space.carry_out(space.due(IT))
        stray = ResolutionChosen(
            conflict=space.conflict.id,
            chosen=LAST,
            eligible=(),
            propensities=(),
            session="conflict-x",
        )
        space.publish(IT, stray, "coordinator")
        assert self.told(space, self.ended("conflict-x")) == NOTHING

    def test_an_overtaken_conflict_is_not_resolved(self) -> None:
        space = auction(verified=False)
        name = space.session.entity
        space.carry_out(Effects(send=(Send("d", IT, ApplyDecision("s", 99, "red")),)))
        assert self.told(space, self.ended(name)) == NOTHING

    def test_a_resolution_that_no_log_would_take_waits_for_the_fallback(self) -> None:
        large = {f"agent-{number}": number for number in range(30_000)}
        behind = Policy("priority", parameters={"priorities": large})
        said: list[tuple[str, Value]] = [("ann", "green"), ("bob", "blue")]
        space = Dispute(TEXTS, policy("auction"), said, verified=False)
        assert space.state.conflict is not None
        stray = ResolutionChosen(
            conflict=space.conflict.id,
            chosen=policy("auction", behind),
            eligible=(),
            propensities=(),
            session="conflict-x",
        )
        space.publish(IT, stray, "coordinator")
        assert self.told(space, self.ended("conflict-x", None)) == NOTHING
