"""Agents: how they come, change, pause and go."""

from __future__ import annotations

import pytest

from mabeam.core.agent import (
    AGENT,
    AgentState,
    Deregister,
    Deregistered,
    HandlerFailed,
    Register,
    Registered,
    Resume,
    Resumed,
    Suspend,
    Suspended,
    Update,
    Updated,
)
from mabeam.core.agent.decider import CAPABILITY_LENGTH_MAX, AgentCommand
from mabeam.core.auction import BidPlaced
from mabeam.core.events import Event
from mabeam.core.testing import given, said

HERE = Registered(role="monitor", capabilities=("a", "b"), metadata={"team": "x"})
FAILED = HandlerFailed(handler="h", event="e", error="ValueError", message="no")


class TestRegistering:
    def test_a_new_agent_is_registered(self) -> None:
        given(AGENT).when(Register("monitor", ("a",), {"team": "x"})).then(
            Registered(role="monitor", capabilities=("a",), metadata={"team": "x"})
        )

    def test_capabilities_and_metadata_are_put_in_order(self) -> None:
        command = Register(capabilities=("b", "a", "b"), metadata={"z": "1", "a": "2"})
        given(AGENT).when(command).then(
            Registered(capabilities=("a", "b"), metadata={"a": "2", "z": "1"})
        )

    def test_the_same_registration_again_changes_nothing(self) -> None:
        given(AGENT, HERE).when(Register("monitor", ("b", "a"), {"team": "x"})).then_nothing()
        given(AGENT, HERE, Suspended()).when(
            Register("monitor", ("a", "b"), {"team": "x"})
        ).then_nothing()

    @pytest.mark.parametrize(
        "command",
        [
            Register("executor", ("a", "b"), {"team": "x"}),
            Register("monitor", ("a",), {"team": "x"}),
            Register("monitor", ("a", "b"), {}),
        ],
    )
    @pytest.mark.parametrize("past", [(HERE,), (HERE, Suspended())], ids=["active", "suspended"])
    def test_another_registration_under_a_living_name_is_refused(
        self, command: Register, past: tuple[Event, ...]
    ) -> None:
        refusal = given(AGENT, *past).when(command).then_rejected("agent.registered")
        assert refusal.field == "registration"
        assert command.role in refusal.value
        assert "role monitor, capabilities ('a', 'b')" in refusal.allowed

    def test_a_name_that_was_given_back_may_be_taken_anew(self) -> None:
        given(AGENT, HERE, Deregistered()).when(Register("executor")).then(
            Registered(role="executor")
        )

    @pytest.mark.parametrize("role", ["", " x", "x" * 17, "a\nb"])
    def test_an_illegal_role_is_refused(self, role: str) -> None:
        refusal = given(AGENT).when(Register(role)).then_rejected("name.illegal", field="role")
        assert refusal.value == role
        given(AGENT, HERE).when(Update(role=role)).then_rejected("name.illegal", field="role")

    @pytest.mark.parametrize("capability", ["", "x" * (CAPABILITY_LENGTH_MAX + 1), "a\nb", "\0"])
    def test_an_illegal_capability_is_refused(self, capability: str) -> None:
        refusal = (
            given(AGENT)
            .when(Register(capabilities=("a", capability)))
            .then_rejected("agent.capability", field="capabilities")
        )
        assert refusal.value == capability
        assert refusal.allowed == f"1 to {CAPABILITY_LENGTH_MAX} printable characters"
        given(AGENT, HERE).when(Update(capabilities=(capability,))).then_rejected(
            "agent.capability"
        )

    def test_a_capability_may_be_a_sentence(self) -> None:
        longest = "x" * CAPABILITY_LENGTH_MAX
        given(AGENT).when(Register(capabilities=("writes Go", longest))).then(
            Registered(capabilities=("writes Go", longest))
        )


class TestUpdating:
    def test_what_is_given_is_changed_and_the_rest_is_kept(self) -> None:
        agent = given(AGENT, HERE)
        agent.when(Update(role="executor")).then(
            Updated(role="executor", capabilities=("a", "b"), metadata={"team": "x"})
        )
        agent.when(Update(capabilities=("c", "a"))).then(
            Updated(role="monitor", capabilities=("a", "c"), metadata={"team": "x"})
        )
        agent.when(Update(metadata={"z": "1", "a": "2"})).then(
            Updated(role="monitor", capabilities=("a", "b"), metadata={"a": "2", "z": "1"})
        )

    def test_what_is_so_already_changes_nothing(self) -> None:
        given(AGENT, HERE).when(Update()).then_nothing()
        given(AGENT, HERE).when(Update("monitor", ("b", "a"), {"team": "x"})).then_nothing()

    def test_something_may_be_changed_to_nothing(self) -> None:
        given(AGENT, HERE).when(Update(capabilities=(), metadata={})).then(Updated(role="monitor"))

    def test_a_suspended_agent_may_be_updated(self) -> None:
        updated = given(AGENT, HERE, Suspended(), Updated(role="executor"))
        assert (updated.state.status, updated.state.role) == ("suspended", "executor")


class TestPausing:
    def test_an_active_agent_is_suspended_once(self) -> None:
        given(AGENT, HERE).when(Suspend("late")).then(Suspended(reason="late"))
        given(AGENT, HERE, Suspended(reason="late")).when(Suspend("again")).then_nothing()

    def test_a_suspended_agent_is_resumed_once(self) -> None:
        given(AGENT, HERE, Suspended()).when(Resume()).then(Resumed())
        given(AGENT, HERE).when(Resume()).then_nothing()
        given(AGENT, HERE, Suspended(), Resumed()).when(Resume()).then_nothing()


class TestGoing:
    def test_an_agent_that_is_here_is_deregistered_once(self) -> None:
        given(AGENT, HERE).when(Deregister("done")).then(Deregistered(reason="done"))
        given(AGENT, HERE, Suspended()).when(Deregister()).then(Deregistered())
        given(AGENT, HERE, Deregistered()).when(Deregister()).then_nothing()
        given(AGENT).when(Deregister()).then_nothing()


@pytest.mark.parametrize("past", [(), (HERE, Deregistered())], ids=["unknown", "gone"])
@pytest.mark.parametrize("command", [Update(role="x"), Suspend(), Resume()], ids=repr)
def test_what_needs_an_agent_is_refused_without_one(
    past: tuple[Event, ...], command: AgentCommand
) -> None:
    refusal = given(AGENT, *past).when(command).then_rejected("agent.unknown", field="status")
    assert refusal.allowed == "active, suspended"


class TestFacts:
    def test_a_registration_makes_an_agent_active(self) -> None:
        assert given(AGENT, said(HERE, at_ns=7)).state == AgentState(
            "active", "monitor", ("a", "b"), {"team": "x"}, 7, 0
        )

    def test_the_time_of_a_status_is_that_of_its_change(self) -> None:
        agent = given(AGENT, HERE, Updated(), said(Suspended(), at_ns=9), FAILED)
        assert (agent.state.status, agent.state.since_ns) == ("suspended", 9)
        assert given(AGENT, HERE, Suspended(), said(Resumed(), at_ns=11)).state.since_ns == 11

    def test_failures_are_counted_for_as_long_as_the_name_is_known(self) -> None:
        assert given(AGENT, FAILED).state.failures == 1
        agent = given(AGENT, HERE, FAILED, FAILED, Deregistered(), HERE)
        assert (agent.state.failures, agent.state.status) == (2, "active")

    @pytest.mark.parametrize("fact", [Suspended(), Resumed(), Deregistered(), Updated()], ids=repr)
    @pytest.mark.parametrize("past", [(), (HERE, Deregistered())], ids=["unknown", "gone"])
    def test_a_fact_about_a_name_that_nobody_holds_makes_no_agent(
        self, fact: Event, past: tuple[Event, ...]
    ) -> None:
        assert given(AGENT, *past, fact).state.status == given(AGENT, *past).state.status
        assert not given(AGENT, *past, fact).state.is_registered

    def test_the_first_registration_holds(self) -> None:
        """What the decider refuses has no effect when it is published all the same."""
        other = said(Registered(role="executor"), "eve")
        assert given(AGENT, HERE, other).state == given(AGENT, HERE).state
        assert given(AGENT, HERE, Suspended(), HERE).state.status == "suspended"

    def test_capabilities_said_out_of_order_are_put_in_order(self) -> None:
        """Else the same registration by way of the decider would be refused as another."""
        raw = Registered(capabilities=("b", "a", "b"))
        assert given(AGENT, raw).state.capabilities == ("a", "b")
        given(AGENT, raw).when(Register(capabilities=("a", "b"))).then_nothing()
        assert given(AGENT, HERE, Updated(capabilities=("b", "a"))).state.capabilities == ("a", "b")

    def test_facts_of_other_kinds_change_nothing(self) -> None:
        assert given(AGENT, HERE, BidPlaced(amount=1)).state == given(AGENT, HERE).state
