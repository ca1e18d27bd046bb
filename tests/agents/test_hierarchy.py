"""Delegates over the log: nodes decide in sessions of their own, and the question goes up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import Delegate, PolicyAgent
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.consensus import ConsensusOpened
from mabeam.core.hierarchy import (
    HierarchyOpened,
    LossReported,
    Member,
    Node,
    Shape,
    build_tree,
    child_name,
)
from mabeam.core.session import Participant
from mabeam.core.variable import FloatType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.crashing import Case, crash_at_each_append
from support.nats_server import NatsServer
from support.worlds import fresh_space

QUESTION: dict[str, Any] = {"low": "0", "high": "10"}


def agents(values: dict[str, int | None], ruling: str = "") -> list[PolicyAgent]:
    return [
        PolicyAgent(
            name, [Delegate(value=None if value is None else Decimal(value), ruling=ruling)]
        )
        for name, value in values.items()
    ]


def node(name: str, members: str, parent: str = "", stake_max: int | None = None) -> Node:
    of = tuple(Participant(agent) for agent in members.split())
    return Node(name, of, parent=parent, stake_max=stake_max)


TREE = (
    node("east", "ann bob cyd", "top", 10),
    node("west", "dan eve fay", "top", 10),
    node("top", "ann dan"),
)
VALUES: dict[str, int | None] = {"ann": 1, "bob": 2, "cyd": 3, "dan": 7, "eve": 8, "fay": 9}


def opening(nodes: Sequence[Node] = TREE, **fields: object) -> HierarchyOpened:
    usual = HierarchyOpened(
        nodes=tuple(nodes),
        protocol="consensus",
        question=QUESTION,
        default="5",
        is_number=True,
        at="east",
        node_ms=20_000,
        patience_ms=40_000,
        open_for_ms=300_000,
    )
    return msgspec.structs.replace(usual, **fields)


async def counted(space: Space) -> Counter[str]:
    found = Counter[str]()
    async for page in space.store.read():
        found.update(recorded.type.split(".")[-2] for recorded in page)
    return found


@pytest.mark.parametrize("coordinators", [1, 3])
async def test_a_node_decides_and_its_number_becomes_a_value(coordinators: int) -> None:
    async with AsyncExitStack() as stack:
        space = await stack.enter_async_context(attach(MemoryStore("team"), coordinate=False))
        for _ in range(coordinators):
            author = Author(SystemClock(), SystemIds())
            await stack.enter_async_context(Coordinator(space.store, author, ack_wait_seconds=0.2))
        await space.variables.declare("limit", FloatType(0, 10), update="coordinated")
        await space.host(*agents(VALUES))
        session = await space.sessions.open(opening(variable="limit"))
        decision = await session.decision()
        assert (decision.value, decision.node, decision.by) == ("2", "east", "node")
        assert (await session.applied()).value == 2.0
        events = await counted(space)
        assert (events["delegated"], events["escalated"], events["child_ended"]) == (1, 0, 1)
        assert (await verify(space.store)).divergences == ()


async def test_a_flat_tree_is_a_plain_vote() -> None:
    async with attach(MemoryStore("team")) as space:
        await space.host(*agents(VALUES))
        flat = (node("all", " ".join(VALUES)),)
        asked = await space.sessions.open(opening(flat, at=""))
        through = await asked.decision()
        plain = await space.sessions.open(
            ConsensusOpened(
                low=Decimal(0), high=Decimal(10), participants=flat[0].members, parent=""
            )
        )
        for name, value in VALUES.items():
            await plain.cast(str(value), by=name)
        assert Decimal(through.value) == (await plain.decision()).value == 5


async def test_representatives_say_what_their_nodes_came_to() -> None:
    """East comes to 2 and west to 8; their representatives themselves would say 1 and 7."""
    async with attach(MemoryStore("team")) as space:
        await space.host(*agents(VALUES))
        asked = await space.sessions.open(opening(stake=11, consult=True))
        decision = await asked.decision()
        assert (decision.value, decision.node) == ("5", "top")
        assert {name: one.result for name, one in asked.state.course.answered.items()} == {
            "east": "2",
            "west": "8",
            "top": "5",
        }
        without = await space.sessions.open(opening(stake=11))
        assert (await without.decision()).value == "4"
        assert (await verify(space.store)).divergences == ()


async def test_a_hundred_agents_decide() -> None:
    """A scenario of the system this one descends from, which wanted it within 30 s."""
    team = [Member(f"agent{n:03}") for n in range(100)]
    nodes = build_tree(team, Shape(cluster_size=5, stakes=(10, 20, 30)))
    async with attach(MemoryStore("team")) as space:
        await space.host(*agents({member.agent: 4 for member in team}))
        asked = await space.sessions.open(opening(nodes, at="", stake=100, consult=True))
        decision = await asked.decision()
        assert (decision.value, decision.by) == ("4", "node")
        assert (await counted(space))["child_ended"] == len(nodes)
        assert (await verify(space.store)).divergences == ()


async def test_silence_goes_up_to_the_root_whose_representative_rules() -> None:
    silent = dict.fromkeys(VALUES)
    async with attach(MemoryStore("team")) as space:
        await space.host(*agents(silent, ruling="3"))
        asked = await space.sessions.open(opening(node_ms=100, patience_ms=2000))
        decision = await asked.decision()
        assert (decision.value, decision.by, decision.node) == ("3", "ruling", "top")
        assert [step.reason for step in decision.steps] == ["no_quorum", "no_quorum"]
        assert (await verify(space.store)).divergences == ()


async def test_without_a_ruling_the_default_holds() -> None:
    async with attach(MemoryStore("team")) as space:
        asked = await space.sessions.open(opening(node_ms=50, patience_ms=1000))
        decision = await asked.decision()
        assert (decision.outcome, decision.value, decision.by) == ("default_taken", "5", "default")
        assert (await verify(space.store)).divergences == ()


async def test_a_stranger_s_session_of_the_same_name_is_given_up() -> None:
    async with attach(MemoryStore("team")) as space:
        squatted = child_name("question", "east")
        stray = ConsensusOpened(low=Decimal(0), high=Decimal(1), parent="session/question")
        await space.sessions.open(stray, name=squatted, by="mallory")
        await space.host(*agents(VALUES))
        asked = await space.sessions.open(opening(node_ms=100, patience_ms=200), name="question")
        decision = await asked.decision()
        assert decision.node == "top"
        assert decision.steps[0].reason == "timeout"


async def test_a_lost_representative_is_replaced_and_rounds_go_on() -> None:
    async with attach(MemoryStore("team")) as space:
        asked = await space.sessions.open(opening(node_ms=300, patience_ms=2000), name="question")
        await space.until(lambda world: child_name("question", "east") in world.sessions)
        await asked.say(LossReported(agent="ann"), by="bob")
        await asked.say(LossReported(agent="ann"), by="cyd")
        await space.host(*agents(VALUES | {"ann": None}))
        decision = await asked.decision()
        assert (decision.value, decision.node) == ("2.5", "east")
        assert dict(asked.state.course.lost) == {"ann": "bob"}
        assert (await verify(space.store)).divergences == ()


@pytest.mark.jetstream
async def test_over_jetstream(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        await space.host(*agents(VALUES))
        asked = await space.sessions.open(opening(stake=11, consult=True))
        assert (await asked.decision()).value == "5"
        assert (await verify(space.store)).divergences == ()


async def test_delegates_are_silent_elsewhere() -> None:
    async with attach(MemoryStore("team")) as space:
        await space.host(*agents(VALUES))
        parents = ("", "variable/x", "session/question")
        await space.sessions.open(opening(), name="question")
        for parent in parents:
            stray = ConsensusOpened(low=Decimal(0), high=Decimal(1), parent=parent, open_for_ms=100)
            session = await space.sessions.open(stray)
            assert (await session.ended()).outcome == "no_quorum"


@pytest.mark.slow
async def test_a_question_survives_the_death_of_its_coordinator_anywhere() -> None:
    asked = opening(stake=11, consult=True)
    case = Case("hierarchy", asked, lambda: agents(VALUES))
    # Three nodes are opened, closed, decided and heard of, and the question itself.
    assert await crash_at_each_append(case) >= 2 * 3 * 4
