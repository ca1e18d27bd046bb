"""Any commands and facts about one agent, compared with a model kept the naive way."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

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
from mabeam.core.agent.decider import AgentCommand
from mabeam.core.envelope import Recorded
from mabeam.core.subjects import Boundary
from support.rehearsal import Rehearsal

ANN = Boundary("agent", "ann")
ROLES = st.sampled_from(["executor", "monitor"])
CAPABILITIES = st.lists(st.sampled_from("abc"), max_size=3).map(tuple)
ACTORS = st.sampled_from(["ann", "lead", "eve"])


@dataclass
class Model:
    """An agent as its events leave it."""

    here: bool = False
    paused: bool = False
    role: str = ""
    capabilities: tuple[str, ...] = ()
    failures: int = 0


class Agents(RuleBasedStateMachine):
    """Commands are judged on the state; facts are published past all rules."""

    def __init__(self) -> None:
        super().__init__()
        self.space = Rehearsal()
        self.model = Model()

    def send(self, command: AgentCommand, by: str) -> bool:
        """Send a command twice: the second time it must come to nothing."""
        allowed = self.space.command(ANN, AGENT, self.state, command, by)
        if allowed:
            length = len(self.space.log)
            assert self.space.command(ANN, AGENT, self.state, command, by)
            assert len(self.space.log) == length
        return allowed

    @property
    def state(self) -> AgentState:
        """What is known of the agent."""
        known = self.space.world.agents.get("ann")
        return AgentState() if known is None else known.state

    @rule(role=ROLES, capabilities=CAPABILITIES, by=ACTORS)
    def register(self, role: str, capabilities: tuple[str, ...], by: str) -> None:
        wanted = tuple(sorted(set(capabilities)))
        same = (self.model.role, self.model.capabilities) == (role, wanted)
        assert self.send(Register(role, capabilities), by) == (not self.model.here or same)
        if not self.model.here:
            failures = self.model.failures
            self.model = Model(True, False, role, wanted, failures)  # noqa: FBT003 - as the fields stand

    @rule(role=ROLES, capabilities=CAPABILITIES, by=ACTORS)
    def publish_a_registration(self, role: str, capabilities: tuple[str, ...], by: str) -> None:
        self.space.publish(ANN, Registered(role=role, capabilities=capabilities), by)
        if not self.model.here:
            wanted = tuple(sorted(set(capabilities)))
            self.model = Model(True, False, role, wanted, self.model.failures)  # noqa: FBT003 - as the fields stand

    @rule(role=ROLES, by=ACTORS, through=st.booleans())
    def update(self, role: str, by: str, through: bool) -> None:  # noqa: FBT001 - drawn
        if through:
            assert self.send(Update(role=role), by) == self.model.here
        else:
            capabilities = self.model.capabilities
            self.space.publish(ANN, Updated(role=role, capabilities=capabilities), by)
        if self.model.here:
            self.model.role = role

    @rule(by=ACTORS, through=st.booleans(), pause=st.booleans())
    def pause_or_resume(self, by: str, through: bool, pause: bool) -> None:  # noqa: FBT001 - drawn
        if through:
            command = Suspend() if pause else Resume()
            assert self.send(command, by) == self.model.here
        else:
            self.space.publish(ANN, Suspended() if pause else Resumed(), by)
        if self.model.here:
            self.model.paused = pause

    @rule(by=ACTORS, through=st.booleans())
    def deregister(self, by: str, through: bool) -> None:  # noqa: FBT001 - drawn
        if through:
            assert self.send(Deregister(), by)
        else:
            self.space.publish(ANN, Deregistered(), by)
        self.model.here = False

    @rule(by=ACTORS)
    def fail(self, by: str) -> None:
        failed = HandlerFailed(handler="h", event="e", error="E", message="m")
        self.space.publish(ANN, failed, by)
        self.model.failures += 1

    @rule(body=st.sampled_from([b"", b"{}", b"[1]"]), tail=st.sampled_from(["x.eve", "x.eve.y"]))
    def litter(self, body: bytes, tail: str) -> None:
        self.space.litter(f"agent.ann.{tail}", body)

    @invariant()
    def the_agent_is_as_the_model_says(self) -> None:
        state, model = self.state, self.model
        assert state.is_registered == model.here
        assert state.failures == model.failures
        if model.here:
            assert state.status == ("suspended" if model.paused else "active")
            assert (state.role, state.capabilities) == (model.role, model.capabilities)

    @invariant()
    def the_next_append_would_be_accepted(self) -> None:
        known = self.space.world.agents.get("ann")
        last: Recorded | None = self.space.log[-1] if self.space.log else None
        assert (known.position if known else 0) == (last.position if last else 0)


TestAgents = pytest.mark.slow(Agents.TestCase)
TestAgents.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
