"""Agents on a coordination graph, over the log: they declare, move, and come to one outcome."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import cast

import msgspec
import pytest

from mabeam.agents.agent import Heard
from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import GraphAgent, PolicyAgent, policy_of
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.envelope import Recorded
from mabeam.core.optimisation import (
    Constraint,
    CostsDeclared,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    RoundPlayed,
    Variable,
)
from mabeam.core.policies import Policy
from mabeam.core.session import Participant
from mabeam.core.variable import ChoiceType, FloatType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.crashing import Case, crash_at_each_append
from support.nats_server import NatsServer
from support.worlds import fresh_space

COLOURS = ("red", "green", "blue")
EDGES = ((0, 1), (0, 4), (0, 5), (1, 2), (2, 5), (2, 6), (3, 8), (3, 4))
APART = tuple(Decimal(10 * (one == other)) for one in COLOURS for other in COLOURS)
RULES = {
    "bucket_elimination": Policy("bucket_elimination"),
    "max_sum": Policy("max_sum"),
    "mgm": Policy("mgm", 1, {"rounds": 10, "round_ms": 20_000}),
    "dsa": Policy("dsa", 1, {"rounds": 10, "round_ms": 20_000}),
}


def opening(rule: str) -> OptimisationOpened:
    """Return nine agents that colour a map; each knows its own borders."""
    variables = tuple(Variable(f"x{n}", COLOURS, f"agent{n}") for n in range(9))
    participants = tuple(Participant(variable.agent) for variable in variables)
    return OptimisationOpened(variables=variables, participants=participants, rule=RULES[rule])


def team() -> list[PolicyAgent]:
    return [
        PolicyAgent(
            f"agent{n}",
            [
                GraphAgent(
                    constraints=tuple(
                        Constraint((f"x{n}", f"x{other}"), APART)
                        for one, other in EDGES
                        if one == n
                    )
                )
            ],
        )
        for n in range(9)
    ]


def heard(space: Space) -> Heard:
    """Return circumstances that do not matter to a policy which asks the session alone."""
    return Heard(cast("Recorded", None), space.state)


async def outcome_of(space: Space, rule: str, coordinators: int) -> OptimisationDecided:
    async with AsyncExitStack() as stack:
        for _ in range(coordinators):
            author = Author(SystemClock(), SystemIds())
            coordinator = Coordinator(space.store, author, ack_wait_seconds=0.2)
            await stack.enter_async_context(coordinator)
        await space.host(*team())
        session = await space.sessions.open(opening(rule), name="map")
        return cast("OptimisationDecided", await session.decision())


async def counted(space: Space) -> Counter[str]:
    found = Counter[str]()
    async for page in space.store.read():
        found.update(recorded.type.split(".")[-2] for recorded in page)
    return found


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("coordinators", [1, 3])
async def test_a_map_is_coloured(rule: str, coordinators: int) -> None:
    async with attach(MemoryStore("team"), coordinate=False) as space:
        decision = await outcome_of(space, rule, coordinators)
        events = await counted(space)
        report = await verify(space.store)
    assert decision.outcome == "decided"
    assert decision.bound == 0
    assert len(decision.charged) == len(EDGES)
    assert (report.divergences, report.certificates) == ((), 1)
    assert events["costs_declared"] == 9
    assert events["move_proposed"] == 9 * decision.rounds
    if rule in {"bucket_elimination", "max_sum"}:
        assert (decision.status, decision.rounds) == ("optimal", 0)
        assert decision.cost == 0
    else:
        assert decision.cost is not None
        assert decision.cost < 10 * len(EDGES)
        assert events["round_played"] == decision.rounds + 1


async def test_an_agent_that_is_started_anew_goes_on() -> None:
    async with attach(MemoryStore("team")) as space:
        first, *others = team()
        await space.host(*others)
        session = await space.sessions.open(opening("mgm"), name="map")
        await space.until(lambda w: len(w.session("map").state.course.declared) == 8)
        await space.host(first)
        decision = await session.decision()
    assert decision.outcome == "decided"


async def test_the_clock_goes_on_without_those_who_are_silent() -> None:
    rule = Policy("mgm", 1, {"rounds": 3, "round_ms": 100})
    async with attach(MemoryStore("team")) as space:
        await space.host(*team()[1:])
        opened = msgspec.structs.replace(opening("mgm"), rule=rule)
        session = await space.sessions.open(opened)
        decision = await session.decision()
        report = await verify(space.store)
    assert (decision.outcome, decision.assignment[0].value) == ("decided", "red")
    assert report.divergences == ()


async def test_the_assignment_becomes_the_values_of_variables() -> None:
    variables = (
        Variable("rate", ("0.5", "1"), "ann", changes="rate", is_number=True),
        Variable("mode", ("fast", "good"), "ben", changes="mode"),
    )
    table = Constraint(("rate", "mode"), tuple(map(Decimal, (4, 3, 1, 2))))
    async with attach(MemoryStore("team")) as space:
        await space.variables.declare("rate", FloatType(0, 1), update="coordinated")
        await space.variables.declare("mode", ChoiceType(("good", "fast")), update="coordinated")
        opened = OptimisationOpened(
            variables=variables, participants=(Participant("ann"), Participant("ben"))
        )
        session = await space.sessions.open(opened)
        await session.say(CostsDeclared(constraints=(table,)), by="ann")
        await session.say(CostsDeclared(), by="ben")
        await space.until(
            lambda w: all(w.variable(name).variable.state.changes for name in ("rate", "mode"))
        )
        assert (space.variables.value("rate"), space.variables.value("mode")) == (1.0, "fast")
        assert (await verify(space.store)).divergences == ()


@pytest.mark.jetstream
async def test_over_jetstream(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        await space.host(*team())
        session = await space.sessions.open(opening("dsa"))
        decision = await session.decision()
        assert decision.outcome == "decided"
        assert (await verify(space.store)).divergences == ()


def test_the_policy_is_made_of_a_table_and_keeps_back_what_others_do_not_know() -> None:
    made = policy_of(
        {"policy": "graph_agent", "constraints": [{"scope": ["x"], "costs": [1, None]}]}
    )
    assert made == GraphAgent(constraints=(Constraint(("x",), (Decimal(1), None)),))


async def test_a_policy_is_silent_where_it_has_no_part() -> None:
    async with attach(MemoryStore("team")) as space:
        await space.host(*team())
        auction = await space.sessions.open_auction("desk", open_for_seconds=0.05)
        await auction.ended()
        unknown = GraphAgent(constraints=(Constraint(("elsewhere",), (Decimal(1),)),))
        await space.host(PolicyAgent("lone", [unknown]))
        alone = OptimisationOpened(
            variables=(Variable("x", ("a",), "lone"),), participants=(Participant("lone"),)
        )
        session = await space.sessions.open(alone)
        assert (await session.decision()).charged == ()
        assert len(auction.state.spoken) == 0


async def test_what_others_alone_have_a_say_in_is_kept_back() -> None:
    """One constraint that is not one's own to declare would make the whole word invalid."""
    theirs, ours = (Constraint(scope, APART) for scope in (("x1", "x2"), ("x0", "x1")))
    async with attach(MemoryStore("team"), coordinate=False) as space:
        opened = opening("mgm")
        session = await space.sessions.open(opened)
        policy = GraphAgent(constraints=(theirs, ours))
        said = policy.answer("agent0", session.state, opened, heard(space))
        assert said == (CostsDeclared(constraints=(ours,)),)


async def test_words_out_of_turn_are_listed() -> None:
    async with attach(MemoryStore("team")) as space:
        session = await space.sessions.open(opening("mgm"))
        await session.say(MoveProposed(round=7), by="agent0")
        assert session.state.refused["agent0"].reason.startswith("not_this_round")


async def test_a_policy_speaks_once_in_each_round_and_only_for_the_present_one() -> None:
    """What it hears late, or hears again, it has answered or will answer."""
    policy = GraphAgent()
    async with attach(MemoryStore("team"), coordinate=False) as space:
        opened = opening("mgm")
        session = await space.sessions.open(opened)
        said = policy.answer("agent0", session.state, opened, heard(space))
        assert said == (CostsDeclared(),)
        await session.say(CostsDeclared(), by="agent0")
        assert policy.answer("agent0", session.state, opened, heard(space)) == ()
        late = RoundPlayed(round=3)
        later = msgspec.structs.replace(session.state.course, round=2)
        state = msgspec.structs.replace(session.state, course=later)
        assert policy.answer("agent0", state, late, heard(space)) == ()
        present = RoundPlayed(round=1)
        assert policy.answer("agent0", state, present, heard(space)) == (MoveProposed(round=2),)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["bucket_elimination", "mgm"])
async def test_it_survives_the_death_of_its_coordinator_anywhere(rule: str) -> None:
    case = Case(rule, opening(rule), team)
    assert await crash_at_each_append(case) >= 2 * 2
