"""Agents that take on tasks: real answers over the log, one outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Final, cast

import pytest

from mabeam.agents.agent import Heard
from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import (
    AgentPolicy,
    CapableContractor,
    CostReporter,
    FailingContractor,
    PolicyAgent,
    policy_of,
)
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.allocation import (
    AssignmentDecided,
    AssignmentOpened,
    ContractNetDecided,
    ContractNetOpened,
    Task,
    WorkOffered,
)
from mabeam.core.policies import Policy
from mabeam.core.session import Decision, Opening, Participant
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.nats_server import NatsServer
from support.sitting import Sitting
from support.worlds import fresh_space

TEAM: Final = tuple(map(Participant, ("ann", "bob", "cyd")))


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


async def held(
    space: Space, opening: Opening, *agents: tuple[str, AgentPolicy], coordinators: int = 1
) -> Decision:
    """Let agents take part in a session, and let the log prove what came of it."""
    async with AsyncExitStack() as stack:
        for _ in range(coordinators):
            author = Author(SystemClock(), SystemIds())
            await stack.enter_async_context(Coordinator(space.store, author, ack_wait_seconds=0.2))
        await space.host(*(PolicyAgent(name, [policy]) for name, policy in agents))
        session = await space.sessions.open(opening, by="lead")
        decision: Decision = await session.decision()
    assert (await verify(space.store)).divergences == ()
    return decision


class TestContractNet:
    @pytest.mark.parametrize("coordinators", [1, 3])
    async def test_the_cheapest_that_can_does_it(self, space: Space, coordinators: int) -> None:
        decision = await held(
            space,
            ContractNetOpened(task="fix it", requires=("python",), participants=TEAM),
            ("ann", CapableContractor(cost=9, capabilities=("python",), result="merged")),
            ("bob", CapableContractor(cost=7, capabilities=("python", "go"))),
            ("cyd", CapableContractor(cost=1, capabilities=("go",))),
            coordinators=coordinators,
        )
        assert isinstance(decision, ContractNetDecided)
        assert (decision.done_by, decision.cost) == (("bob",), 7)
        assert [c.ended for c in decision.contracts] == ["rejected", "done", "refused"]

    async def test_each_contract_ends_in_its_own_way(self, space: Space) -> None:
        decision = await held(
            space,
            ContractNetOpened(task="x", participants=TEAM, awards=3, done_by_ms=150),
            ("ann", CapableContractor(cost=1)),
            ("bob", FailingContractor(cost=1, reason="no disk")),
            ("cyd", FailingContractor(cost=1, is_silent=True)),
        )
        assert isinstance(decision, ContractNetDecided)
        assert [c.ended for c in decision.contracts] == ["done", "failed", "timed_out"]
        assert decision.contracts[1].detail == "no disk"


class TestAssignments:
    COSTS: Final = (
        ("ann", CostReporter(costs={"a": 1, "b": 2, "z": 9}, gains={"a": 5, "z": 1})),
        ("bob", CostReporter(costs={"a": 2, "b": 9}, gains={"a": 4, "b": 3})),
    )

    @pytest.mark.parametrize(
        ("rule", "pairs"),
        [
            ("exact", {"a": "bob", "b": "ann"}),
            ("greedy", {"a": "ann", "b": "bob"}),
        ],
    )
    async def test_costs_or_gains_decide(
        self, space: Space, rule: str, pairs: dict[str, str]
    ) -> None:
        decision = await held(
            space,
            AssignmentOpened(
                tasks=(Task("a"), Task("b")), participants=TEAM[:2], rule=Policy(rule)
            ),
            *self.COSTS,
            coordinators=3,
        )
        assert isinstance(decision, AssignmentDecided)
        assert {one.task: one.agent for one in decision.assigned} == pairs

    async def test_the_least_loaded_takes_it(self, space: Space) -> None:
        """A scenario of the system this one descends from."""
        decision = await held(
            space,
            AssignmentOpened(
                tasks=(Task("a"),), participants=TEAM[:2], rule=Policy("least_loaded")
            ),
            ("ann", CostReporter(cpu=Decimal("0.8"), memory_mb=800, active=8)),
            ("bob", CostReporter(cpu=Decimal("0.2"), memory_mb=100, active=1)),
        )
        assert isinstance(decision, AssignmentDecided)
        assert decision.assigned[0].agent == "bob"


class TestPolicies:
    def test_they_are_made_of_tables(self) -> None:
        fields: dict[str, object] = {
            "policy": "capable_contractor",
            "cost": 3,
            "capabilities": ["go"],
        }
        assert policy_of(fields) == CapableContractor(cost=3, capabilities=("go",))

    def test_who_has_spoken_says_it_once(self) -> None:
        """After a restart, or told twice, an agent finds in the session that it has spoken."""
        opening = AssignmentOpened(tasks=(Task("a"),), participants=TEAM)
        sitting, heard = Sitting(opening), cast("Heard", None)
        policy = CostReporter(costs={"a": 1})
        (word,) = policy.answer("ann", sitting.state, opening, heard)
        assert isinstance(word, WorkOffered)
        assert word.costs == {"a": 1}
        sitting.say("ann", word)
        assert policy.answer("ann", sitting.state, opening, heard) == ()

    async def test_who_calls_does_not_propose_to_itself(self, space: Space) -> None:
        decision = await held(
            space,
            ContractNetOpened(task="x", participants=(Participant("lead"), *TEAM), reply_by_ms=50),
            ("lead", CapableContractor(cost=1)),
            ("ann", CapableContractor(cost=5)),
            ("bob", CostReporter()),
        )
        assert isinstance(decision, ContractNetDecided)
        assert decision.done_by == ("ann",)


@pytest.mark.jetstream
async def test_contractors_work_over_a_server(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        await space.host(
            PolicyAgent("ann", [CapableContractor(cost=2)]),
            PolicyAgent("bob", [FailingContractor(cost=1)]),
        )
        session = await space.sessions.open(
            ContractNetOpened(task="x", participants=TEAM[:2], awards=2)
        )
        decision = await session.decision()
        assert isinstance(decision, ContractNetDecided)
        assert [contract.ended for contract in decision.contracts] == ["done", "failed"]
        assert (await verify(space.store)).divergences == ()
