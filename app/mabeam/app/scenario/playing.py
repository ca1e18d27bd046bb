"""Play a scenario in a space: real agents over the log, one step after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec

from mabeam.agents.policies import PolicyAgent, policy_of
from mabeam.app.scenario.expecting import missed
from mabeam.app.scenario.model import (
    AgentSpec,
    AuctionStep,
    ConsensusStep,
    DeclareStep,
    HeldStep,
    ProposeStep,
    SayStep,
    Scenario,
    SessionStep,
    Step,
    WaitStep,
)
from mabeam.app.scenario.settling import applied, judged
from mabeam.app.space import ProposalMade, Session, Space
from mabeam.core.asking import opening_of, speech_of
from mabeam.core.auction.events import AuctionOpened
from mabeam.core.errors import Rejected
from mabeam.core.session.events import Participant
from mabeam.core.session.protocol import protocol_of
from mabeam.core.subjects import Boundary
from mabeam.core.variable.constraints import variables_of
from mabeam.projections.world import World

__all__ = ["Chapter", "Refusal", "play"]

GRACE_SECONDS: Final = 10.0
"""How long after its deadline a session may take to end."""


class Refusal(msgspec.Struct, frozen=True):
    """A proposal that was refused before it was recorded.

    Attributes:
        by: Who made it.
        reason: Why, with field, value and what is allowed.
    """

    by: str
    reason: str


class Chapter(msgspec.Struct, frozen=True):
    """What one step came to.

    Attributes:
        title: Heading.
        story: What the reader should know beforehand.
        after: Position before its first event.
        until: Position of its last event.
        refusals: What was refused and is therefore not in the log.
        overdue: What did not happen in time; the scenario ends with it.
    """

    title: str
    story: str
    after: int
    until: int
    refusals: tuple[Refusal, ...] = ()
    overdue: str = ""


async def play(space: Space, scenario: Scenario) -> AsyncGenerator[Chapter]:
    """Play a scenario and yield what happened, step by step; an overdue step ends it.

    Raises:
        Rejected: The scenario asks for what a rule forbids, such as an unknown policy.
    """
    after = (await space.caught_up()).position
    await space.host(*map(_member, scenario.agents))
    until = (await space.caught_up()).position
    yield Chapter(scenario.title, scenario.story, after, until)
    for step in _steps(scenario):
        after = until
        refusals: Sequence[Refusal] = ()
        overdue = ""
        try:
            refusals = await _carry_out(space, scenario, step)
        except TimeoutError:
            overdue = await _overdue(space, step)
        until = (await space.caught_up()).position
        yield Chapter(step.title, step.story, after, until, tuple(refusals), overdue)
        if overdue:
            return


def _member(agent: AgentSpec) -> PolicyAgent:
    return PolicyAgent(
        agent.name,
        tuple(map(policy_of, agent.policies)),
        role=agent.role,
        capabilities=agent.capabilities,
        metadata=agent.metadata,
    )


def _steps(scenario: Scenario) -> list[Step]:
    """Return all steps; what no step declares is declared at first."""
    later = {v for s in scenario.steps if isinstance(s, DeclareStep) for v in s.variables}
    first = tuple(name for name in scenario.variables if name not in later)
    return [*([DeclareStep(variables=first)] if first else []), *scenario.steps]


async def _carry_out(space: Space, scenario: Scenario, step: Step) -> Sequence[Refusal]:
    match step:
        case DeclareStep():
            async with asyncio.timeout(step.within_seconds):
                await _declare(space, scenario, step)
        case AuctionStep() | ConsensusStep() | SessionStep():
            session = await _open(space, step)
            if step.wait:
                async with asyncio.timeout(_open_for_seconds(session) + GRACE_SECONDS):
                    await applied(session)
        case SayStep():
            async with asyncio.timeout(step.within_seconds):
                await _say(space, step)
        case ProposeStep():
            async with asyncio.timeout(step.within_seconds):
                return await _propose(space, step)
        case WaitStep():
            async with asyncio.timeout(step.within_seconds):
                await _wait(space, step)
    return ()


async def _declare(space: Space, scenario: Scenario, step: DeclareStep) -> None:
    for name in step.variables:
        after = space.state.position
        spec = scenario.variables[name]
        await space.variables.declare(
            name,
            spec.values,
            update=spec.update,
            on_conflict=spec.on_conflict,
            scope=spec.scope,
            on_violation=spec.on_violation,
        )
        proposers = {
            agent.name
            for agent in scenario.agents
            if any(policy_of(policy).wishes_for(name) for policy in agent.policies)
        }
        await judged(space.store, name, after, proposers)
    for name, constraint in scenario.constraints.items():
        if set(variables_of(constraint)) <= set(space.variables.all()):
            await space.variables.constrain(name, constraint)


def _open_for_seconds(session: Session[Any]) -> float:
    opening = session.state.opening
    assert opening is not None
    return opening.open_for_ms / 1_000


async def _say(space: Space, step: SayStep) -> None:
    name = step.session
    boundary = Boundary.parse(name) if "/" in name else Boundary("session", name)
    if boundary.kind == "variable":
        name = await _referred(space, boundary.entity)
    await space.until(lambda world: world.session(name).state.opening is not None)
    opening = space.state.session(name).state.opening
    assert opening is not None
    speech = speech_of(protocol_of(opening), step.type, step.fields)
    await space.sessions.get(name).say(speech, by=step.by)


async def _referred(space: Space, variable: str) -> str:
    """Return the session that a conflict over a variable is referred to, when it is."""

    def session(world: World) -> str:
        conflict = world.variable(variable).variable.state.conflict
        return "" if conflict is None else conflict.session

    await space.until(lambda world: bool(session(world)))
    return session(space.state)


async def _open(space: Space, step: HeldStep) -> Session[Any]:
    if isinstance(step, SessionStep):
        return await space.sessions.open(opening_of(step.protocol, step.fields), name=step.name)
    if isinstance(step, AuctionStep):
        opening = AuctionOpened(
            lot=step.lot,
            reserve=step.reserve,
            unit=step.unit,
            participants=tuple(map(Participant, step.bidders)),
            open_for_ms=round(step.open_for_seconds * 1000),
            quorum=step.quorum,
            tie_break=step.tie_break,
            visibility=step.visibility,
            variable=step.variable,
        )
        return await space.sessions.open(opening, name=step.name)
    return await space.sessions.open_consensus(
        variable=step.variable,
        question=step.question,
        low=step.low,
        high=step.high,
        step=step.step,
        default=step.default,
        voters=step.voters,
        open_for_seconds=step.open_for_seconds,
        name=step.name,
        quorum=step.quorum,
    )


async def _propose(space: Space, step: ProposeStep) -> list[Refusal]:
    base = space.variables.get(step.variable).position
    refusals: list[Refusal] = []
    made: list[ProposalMade] = []
    for wish in step.proposals:
        try:
            proposal = await space.variables.propose(
                step.variable, wish.value, by=wish.by, base=base, reason=wish.reason
            )
        except Rejected as refusal:
            refusals.append(Refusal(wish.by, str(refusal)))
        else:
            made.append(proposal)
    for proposal in made if step.wait else ():
        await proposal.outcome()
    return refusals


async def _wait(space: Space, step: WaitStep) -> None:
    for name in step.sessions:
        await applied(space.sessions.get(name))
    await space.until(lambda world: not any(missed(step.state, world)))


async def _overdue(space: Space, step: Step) -> str:
    """Say what a step was still waiting for."""
    world = await space.caught_up()
    match step:
        case SayStep():
            return f"there is no session {step.session} to speak in"
        case AuctionStep() | ConsensusStep() | SessionStep():
            return (
                f"session {step.name} has not ended; it is {world.session(step.name).state.phase}"
            )
        case DeclareStep():
            names = ", ".join(step.variables)
            return f"not all that agents want of {names} has been proposed and judged"
        case ProposeStep():
            return f"not all proposals for {step.variable} have been judged"
        case WaitStep():
            phases = {name: world.session(name).state.phase for name in step.sessions}
            going = [f"session {name} is {p}" for name, p in phases.items() if p != "ended"]
            return "; ".join([*going, *missed(step.state, world)])
