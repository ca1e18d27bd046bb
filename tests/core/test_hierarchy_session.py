"""Questions to a hierarchy as sessions: who decides, what goes up, and how a stranger checks it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from immutables import Map

from mabeam.core.consensus import ConsensusDecided, ConsensusOpened
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.hierarchy import (
    HIERARCHY,
    Delegated,
    Delegation,
    Escalated,
    GivenUp,
    LossReported,
    Node,
    RepresentativeReplaced,
    Ruled,
    Step,
    child_name,
)
from mabeam.core.hierarchy.course import members_of
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Cancelled,
    Closed,
    Considered,
    Failed,
    Open,
    Opening,
    OpenSession,
    Participant,
    Speech,
    standing,
)
from mabeam.core.testing import (
    Past,
    given,
    said,
)
from support.hierarchies import (
    CLOSED,
    TREE,
    appended,
    asks,
    decided,
    effects,
    ends,
    from_coordinator,
    node,
    opening,
    reasons,
    state_of,
)
from support.polls import polls


@pytest.fixture(autouse=True)
def poll() -> Iterator[None]:
    with polls():
        yield


class TestOpening:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"rule": Policy("whim")}, "policy.unknown"),
            ({"nodes": ()}, "hierarchy.nodes"),
            ({"protocol": "dice"}, "session.protocol"),
            ({"protocol": "hierarchy"}, "hierarchy.protocol"),
            ({"participants": (Participant("ann"),)}, "hierarchy.participants"),
            ({"quorum": 1}, "hierarchy.quorum"),
            ({"tie_break": "refuse"}, "hierarchy.tie_break"),
            ({"revising": "first"}, "hierarchy.revising"),
            ({"at": "north"}, "hierarchy.at"),
            ({"stake": -1}, "hierarchy.stake"),
            ({"subject": "x" * 1001}, "hierarchy.subject"),
            ({"default": ""}, "hierarchy.default"),
            ({"default": "many", "is_number": True}, "hierarchy.default"),
            ({"default": "1e999999", "is_number": True}, "hierarchy.default"),
            ({"node_ms": 0}, "hierarchy.node_ms"),
            ({"node_ms": 2000}, "hierarchy.node_ms"),
            ({"patience_ms": 10**12}, "hierarchy.patience_ms"),
            ({"support_min": Decimal("1.1")}, "hierarchy.support_min"),
            ({"support_min": Decimal("NaN")}, "hierarchy.support_min"),
            ({"support_min": Decimal("0." + "1" * 30)}, "hierarchy.support_min"),
            (
                {
                    "protocol": "consensus",
                    "question": {"low": 0, "high": 1},
                    "support_min": Decimal(1),
                },
                "hierarchy.support_min",
            ),
            ({"question": {"word": "x"}}, "hierarchy.question"),
            ({"question": {"parent": "session/x"}}, "hierarchy.question"),
            ({"question": {"quorum": "many"}}, "hierarchy.question"),
            ({"question": {"rule": {"name": "x" * 20_000}}}, "hierarchy.question"),
            ({"question": {"quorum": 3}}, "session.quorum"),
        ],
        ids=[f"opening{n}" for n in range(26)],
    )
    def test_what_cannot_be_held_is_refused(self, fields: dict[str, Any], code: str) -> None:
        given(SESSION).when(Open(opening(**fields))).then_rejected(code)

    def test_a_node_s_session_is_the_question_with_its_members(self) -> None:
        asked = opening(
            protocol="consensus", question={"low": "0", "high": "9"}, default="3", is_number=True
        )
        (send,) = effects(asked, *from_coordinator(asks("east"))).send
        assert send.boundary.entity == child_name("it", "east")
        assert send.command == OpenSession(
            ConsensusOpened(
                low=Decimal(0),
                high=Decimal(9),
                participants=TREE[0].members,
                open_for_ms=1000,
                parent="session/it",
            )
        )


class TestTheWayUp:
    def test_the_lowest_with_authority_is_asked(self) -> None:
        assert appended(opening()) == asks("east")
        assert appended(opening(stake=11)) == asks("top")

    def test_its_decision_is_the_decision(self) -> None:
        past = from_coordinator(asks("east"), ends("east", result="go"))
        assert appended(opening(), *past) == Closed(reason="complete")
        decision = decided(opening(), *past)
        assert (decision.outcome, decision.value, decision.node, decision.by) == (
            "decided",
            "go",
            "east",
            "node",
        )
        assert decision.steps == (Step("east", "decided", "go", "1"),)
        assert HIERARCHY.support is not None
        assert HIERARCHY.support(decision) == 1
        assert HIERARCHY.result(decision) == "go"

    @pytest.mark.parametrize(
        ("end", "fields", "reason"),
        [
            (ends("east", "no_quorum"), {}, "no_quorum"),
            (ends("east", "tie_unresolved"), {}, "tie_unresolved"),
            (ends("east", "failed"), {}, "failed"),
            (ends("east", "default_taken", "x"), {}, "default_taken"),
            (ends("east"), {}, "no_result"),
            (
                ends("east", result="go", support="1/2"),
                {"support_min": Decimal("0.6")},
                "low_confidence",
            ),
            (
                ends("east", result="go", support="?"),
                {"support_min": Decimal("0.6")},
                "low_confidence",
            ),
            (GivenUp(nodes=("east",)), {}, "timeout"),
        ],
        ids=[f"end{n}" for n in range(8)],
    )
    def test_what_a_node_cannot_decide_goes_up(
        self, end: Event, fields: dict[str, Any], reason: str
    ) -> None:
        opened = opening(**fields)
        past = from_coordinator(asks("east"), end)
        up = Escalated(origin="east", to="top", reason=reason)
        assert appended(opened, *past) == up
        past += from_coordinator(up)
        assert appended(opened, *past) == asks("top")
        past += from_coordinator(asks("top"), ends("top", result="go"))
        decision = decided(opened, *past)
        assert (decision.node, decision.value) == ("top", "go")
        assert [step.reason for step in decision.steps] == [reason, ""]

    def test_a_result_that_is_no_number_is_none(self) -> None:
        past = from_coordinator(asks("east"), ends("east", result="many"))
        up = Escalated(origin="east", to="top", reason="no_result")
        assert appended(opening(is_number=True, default="1"), *past) == up

    def test_enough_support_is_enough(self) -> None:
        past = from_coordinator(asks("east"), ends("east", result="go", support="3/5"))
        assert decided(opening(support_min=Decimal("0.6")), *past).by == "node"

    def test_a_node_that_does_not_answer_is_given_up(self) -> None:
        past = from_coordinator(asks("east"))
        waiting = effects(opening(), *past)
        (timer,) = waiting.schedule
        assert not waiting.append
        late = appended(opening(), *past, now_ns=timer.due_ns)
        assert late == GivenUp(nodes=("east",))

    def test_the_root_s_representative_may_rule(self) -> None:
        root_asked = opening(stake=11)
        past = from_coordinator(asks("top"), ends("top", "no_quorum"))
        assert not effects(root_asked, *past).append
        ruled = [*past, said(Ruled(value="stop"), "ann")]
        assert appended(root_asked, *ruled) == Closed(reason="complete")
        decision = decided(root_asked, *ruled)
        assert (decision.outcome, decision.value, decision.by) == ("decided", "stop", "ruling")
        assert HIERARCHY.support is not None
        assert HIERARCHY.support(decision) is None

    def test_else_the_default_holds(self) -> None:
        root_asked = opening(stake=11)
        past = from_coordinator(asks("top"), ends("top", "no_quorum"))
        (timer,) = effects(root_asked, *past).schedule
        assert appended(root_asked, *past, now_ns=timer.due_ns) == CLOSED
        decision = decided(root_asked, *past)
        assert (decision.outcome, decision.value, decision.by) == (
            "default_taken",
            "wait",
            "default",
        )

    def test_the_default_holds_too_when_time_is_up_half_way(self) -> None:
        decision = decided(opening(), *from_coordinator(asks("east")))
        assert (decision.value, decision.node) == ("wait", "top")
        assert decision.steps == (Step("east", "", reason="unfinished"),)

    def test_a_number_becomes_the_value_of_a_variable(self) -> None:
        decision = decided(opening(is_number=True, default="1.50"))
        assert HIERARCHY.result(decision) == Decimal("1.5")
        other = ConsensusDecided(outcome="decided", rule=Policy("x"), considered=Considered(1, 2))
        assert HIERARCHY.result(other) is None
        assert HIERARCHY.support is not None
        assert HIERARCHY.support(other) is None

    def test_a_long_result_is_cut_in_the_certificate_alone(self) -> None:
        decision = decided(
            opening(), *from_coordinator(asks("east"), ends("east", result="x" * 500))
        )
        assert (len(decision.value), len(decision.steps[0].result)) == (500, 100)


class TestConsulting:
    def test_the_nodes_below_decide_first(self) -> None:
        opened = opening(stake=11, consult=True)
        assert appended(opened) == asks("east", "west")
        past = from_coordinator(asks("east", "west"), ends("east", result="go"))
        waiting = effects(opened, *past)
        assert [send.boundary.entity for send in waiting.send] == [child_name("it", "west")]
        past += from_coordinator(ends("west", "no_quorum"))
        assert appended(opened, *past) == asks("top")

    def test_what_was_asked_is_not_asked_again(self) -> None:
        past = from_coordinator(
            asks("east"),
            ends("east", "no_quorum"),
            Escalated(origin="east", to="top", reason="no_quorum"),
        )
        assert appended(opening(consult=True), *past) == asks("west")

    def test_those_who_do_not_answer_are_given_up_together(self) -> None:
        opened = opening(stake=11, consult=True)
        past = from_coordinator(asks("east", "west"))
        late = GivenUp(nodes=("east", "west"))
        (timer,) = effects(opened, *past).schedule
        assert appended(opened, *past, now_ns=timer.due_ns) == late
        assert appended(opened, *past, *from_coordinator(late)) == asks("top")


class TestLosses:
    def test_a_representative_that_leaves_is_replaced_by_one_of_its_node(self) -> None:
        past: list[Past] = [said(LossReported(agent="ann"), "ann")]
        replaced = RepresentativeReplaced(agent="ann", successor="bob")
        assert appended(opening(), *past) == replaced
        past += from_coordinator(replaced)
        asked = appended(opening(stake=11), *past)
        assert isinstance(asked, Delegated)
        assert [m.agent for m in asked.to[0].members] == ["bob", "dan"]
        asked = appended(opening(), *past)
        assert isinstance(asked, Delegated)
        assert [m.agent for m in asked.to[0].members] == ["bob", "cyd"]

    def test_the_others_report_it_by_majority(self) -> None:
        first = said(LossReported(agent="ann"), "bob")
        assert appended(opening(), first) == asks("east")
        again = said(LossReported(agent="ann"), "bob")
        assert appended(opening(), first, again) == asks("east")
        second = said(LossReported(agent="ann"), "cyd")
        assert isinstance(appended(opening(), first, second), RepresentativeReplaced)

    def test_sessions_under_way_go_on_as_they_are(self) -> None:
        past = [
            *from_coordinator(asks("east")),
            said(LossReported(agent="ann"), "ann"),
            *from_coordinator(RepresentativeReplaced(agent="ann", successor="bob")),
        ]
        (send,) = effects(opening(), *past).send
        assert isinstance(send.command, OpenSession)
        assert isinstance(send.command.opening, Opening)
        assert [p.agent for p in send.command.opening.participants] == ["ann", "bob", "cyd"]
        past += from_coordinator(ends("east", result="go"))
        assert decided(opening(), *past).value == "go"

    def test_a_node_without_members_passes_the_question_up(self) -> None:
        past: list[Past] = []
        for agent, successor in (("ann", "bob"), ("bob", "cyd"), ("cyd", "")):
            past.append(said(LossReported(agent=agent), agent))
            replaced = RepresentativeReplaced(agent=agent, successor=successor)
            assert appended(opening(), *past) == replaced
            past += from_coordinator(replaced)
        up = Escalated(origin="east", to="top", reason="lost")
        assert appended(opening(), *past) == up
        assert state_of(opening(), *past).lost["cyd"] == ""
        asked = appended(opening(consult=True, stake=11), *past)
        assert isinstance(asked, Delegated)
        assert [one.node for one in asked.to] == ["west"]
        for agent, successor in (("dan", "eve"), ("eve", "")):
            past.append(said(LossReported(agent=agent), agent))
            past += from_coordinator(RepresentativeReplaced(agent=agent, successor=successor))
        past += from_coordinator(up)
        assert appended(opening(), *past) == CLOSED
        decision = decided(opening(), *past)
        assert (decision.value, decision.steps[-1].reason) == ("wait", "lost")
        shown = standing("it", given(SESSION, opening(), *past).state)
        assert shown.remarks[0] == "top has not decided, and nobody may rule."

    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_successor_keeps_its_own_weight_among_its_own(
        self,
        is_first: bool,  # noqa: FBT001 - drawn
    ) -> None:
        ann, bob, dan = Participant("ann", 5), Participant("bob", 2), Participant("dan")
        east = Node("east", (ann, bob) if is_first else (bob, ann))
        assert members_of(east, Map({"ann": "bob"})) == (bob,)
        top = Node("top", (ann, dan))
        assert members_of(top, Map({"ann": "bob"})) == (Participant("bob", 5), dan)

    def test_below_a_node_without_members_is_below_its_parent(self) -> None:
        chain = (
            node("leaf", "ann bob", "middle", stake_max=10),
            node("middle", "zed", "top", stake_max=10),
            node("top", "dan"),
        )
        opened = opening(nodes=chain, at="", stake=11, consult=True)
        past: list[Past] = [
            said(LossReported(agent="zed"), "zed"),
            *from_coordinator(RepresentativeReplaced(agent="zed", successor="")),
        ]
        assert appended(opened, *past) == asks("leaf", nodes=chain)
        past += from_coordinator(asks("leaf", nodes=chain), ends("leaf", result="go"))
        assert appended(opened, *past) == asks("top", nodes=chain)

    @pytest.mark.parametrize(
        ("agent", "word", "reason"),
        [
            ("ann", LossReported(agent="zoe"), "not_there"),
            ("dan", LossReported(agent="bob"), "not_yours"),
            ("ann", Ruled(value="go"), "not_asked"),
            ("ann", Ruled(value=""), "invalid"),
        ],
        ids=str,
    )
    def test_words_that_cannot_count_are_refused(
        self, agent: str, word: Event, reason: str
    ) -> None:
        assert reasons(opening(), said(word, agent)) == {agent: reason}

    def test_who_is_gone_is_not_reported_again(self) -> None:
        past = from_coordinator(RepresentativeReplaced(agent="ann", successor="bob"))
        assert reasons(opening(), *past, said(LossReported(agent="ann"), "bob")) == {
            "bob": "not_there"
        }

    def test_only_the_representative_rules(self) -> None:
        past = from_coordinator(asks("top"), ends("top", "no_quorum"))
        assert reasons(opening(stake=11), *past, said(Ruled(value="go"), "dan")) == {
            "dan": "not_yours"
        }

    def test_strange_words_are_refused_and_written_as_nothing(self) -> None:
        with pytest.raises(Rejected):
            HIERARCHY.check_speech(opening(), Strange())
        said_ = [
            HIERARCHY.say(w) for w in (Strange(), Ruled(value="go"), LossReported(agent="ann"))
        ]
        assert said_ == ["", "go", "ann is gone"]


class Strange(Speech, frozen=True, kw_only=True):
    """A word of no protocol."""


class TestForgeries:
    @pytest.mark.parametrize(
        "event",
        [
            Escalated(origin="west", to="top", reason="x"),
            Escalated(origin="east", to="west", reason="x"),
            RepresentativeReplaced(agent="zoe", successor="bob"),
            RepresentativeReplaced(agent="ann", successor="ann"),
            GivenUp(nodes=("east",)),
            ends("east", result="x"),
            Delegated(to=(Delegation("north", ()),)),
        ],
        ids=[f"event{n}" for n in range(7)],
    )
    def test_announcements_that_do_not_fit_change_nothing(self, event: Event) -> None:
        before = state_of(opening())
        after = state_of(opening(), *from_coordinator(event))
        assert msgspec.structs.replace(after, last_id=before.last_id) == before

    def test_a_successor_that_is_gone_is_none(self) -> None:
        past = from_coordinator(
            RepresentativeReplaced(agent="ann", successor="bob"),
            RepresentativeReplaced(agent="bob", successor="ann"),
        )
        assert dict(state_of(opening(), *past).lost) == {"ann": "bob"}

    def test_the_first_answer_holds(self) -> None:
        past = from_coordinator(asks("east"), GivenUp(nodes=("east",)), ends("east", result="x"))
        assert state_of(opening(), *past).answered["east"].ended == "timeout"

    def test_the_first_delegation_holds(self) -> None:
        forged = Delegated(to=(Delegation("east", ()),))
        past = from_coordinator(asks("east"), forged)
        assert state_of(opening(), *past).held["east"].members == TREE[0].members


class TestStanding:
    def test_the_tree_is_shown_with_what_each_node_is_at(self) -> None:
        past = from_coordinator(
            asks("east"),
            ends("east", "no_quorum"),
            Escalated(origin="east", to="top", reason="no_quorum"),
            asks("top"),
            RepresentativeReplaced(agent="eve", successor="dan"),
        )
        shown = standing("it", given(SESSION, opening(), *past).state)
        assert [row[:5] for row in shown.rows] == [
            ("top", "ann dan", "ann", "decides", ""),
            ("  east", "ann bob cyd", "ann", "passed it up: no_quorum", ""),
            ("  west", "dan", "dan", "", ""),
        ]
        assert shown.rows[0][5] == child_name("it", "top")
        assert shown.remarks == ("top has the question.", "eve is gone, dan takes its place.")
        past += from_coordinator(ends("top", "no_quorum"))
        shown = standing("it", given(SESSION, opening(), *past).state)
        assert shown.rows[0][3] == "no_quorum"
        assert shown.remarks[0] == "top has not decided, and ann may rule."

    @pytest.mark.parametrize(
        ("past", "told"),
        [
            ([asks("east"), ends("east", result="go")], "east has decided: go."),
            ([asks("east")], "nobody has decided, so the default holds: wait."),
        ],
        ids=["decided", "by default"],
    )
    def test_what_it_came_to_is_shown_when_it_is_closed(self, past: list[Event], told: str) -> None:
        shown = standing("it", given(SESSION, opening(), *from_coordinator(*past), CLOSED).state)
        assert shown.remarks == (told,)

    def test_who_has_ruled_is_shown(self) -> None:
        past = from_coordinator(asks("top"), ends("top", "no_quorum"))
        past += [said(Ruled(value="stop"), "ann"), CLOSED]
        shown = standing("it", given(SESSION, opening(stake=11), *past).state)
        assert shown.remarks == ("ann has ruled: stop.",)


class TestOtherEnds:
    def test_it_may_be_cancelled(self) -> None:
        past = (said(opening(), "ann"), said(Cancelled(), "ann"))
        assert given(SESSION, *past).state.outcome == "cancelled"

    def test_one_that_cannot_be_held_fails(self) -> None:
        assert isinstance(appended(opening(default="")), Failed)

    def test_words_that_come_late_or_twice(self) -> None:
        word = said(LossReported(agent="ann"), "bob", id="one")
        assert not given(SESSION, opening(), word, word).state.refused
        late = given(SESSION, opening(), CLOSED, said(LossReported(agent="ann"), "ann")).state
        assert dict(late.late) == {"ann": 3}
