"""Teams that agree on a number although some of them lie, and teams that come closer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from mabeam.agents.policies import (
    AgentPolicy,
    DraggingVoter,
    EquivocatingVoter,
    HonestVoter,
    PolicyAgent,
    RefiningVoter,
    SilentVoter,
)
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.consensus import ConsensusOpened
from mabeam.core.policies import Policy
from mabeam.core.refinement import RefinementOpened
from mabeam.core.session import Participant
from mabeam.infra.memory import MemoryStore
from mabeam.projections.verification import verify

HONEST = (Decimal(4), Decimal(5), Decimal("5.5"), Decimal(6), Decimal(5))
LIARS = {
    "dragging up": DraggingVoter(),
    "dragging down": DraggingVoter(upwards=False),
    "equivocating": EquivocatingVoter(first=Decimal(0), second=Decimal(10)),
    "silent": SilentVoter(),
}


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team")) as attached:
        yield attached


async def agreed(space: Space, rule: Policy, *liars: AgentPolicy) -> Decimal | None:
    """Return what five honest voters and some liars come to."""
    policies: list[AgentPolicy] = [HonestVoter(value=value) for value in HONEST]
    team = [PolicyAgent(f"v{n}", [policy]) for n, policy in enumerate([*policies, *liars])]
    await space.host(*team)
    opening = ConsensusOpened(
        low=Decimal(0),
        high=Decimal(10),
        rule=rule,
        revising="exclude",
        open_for_ms=150,
        participants=tuple(Participant(agent.name) for agent in team),
    )
    decision = await (await space.sessions.open(opening)).decision()
    assert (await verify(space.store)).divergences == ()
    value: Decimal | None = decision.value
    return value


@pytest.mark.parametrize("first", LIARS)
@pytest.mark.parametrize("second", LIARS)
async def test_two_liars_of_any_kind_leave_the_outcome_in_the_honest_range(
    space: Space, first: str, second: str
) -> None:
    rule = Policy("trimmed_mean", parameters={"liars": 2})
    value = await agreed(space, rule, LIARS[first], LIARS[second])
    assert value is not None
    assert min(HONEST) <= value <= max(HONEST)


async def test_one_liar_takes_the_mean_out_of_it(space: Space) -> None:
    assert await agreed(space, Policy("weighted_mean"), DraggingVoter()) == 10


async def test_equivocation_is_listed_with_both_positions(space: Space) -> None:
    await agreed(space, Policy("median"), LIARS["equivocating"], LIARS["silent"])
    [state] = space.sessions.all().values()
    assert state.decision is not None
    [evidence] = state.decision.alternatives
    assert evidence.agent == "v5"
    assert evidence.reason.startswith("equivocated: said 0 at position ")


async def refined(space: Space, pulls: list[int], **fields: Any) -> tuple[bool, int]:  # noqa: ANN401 - of any field
    team = [
        PolicyAgent(f"v{n}", [RefiningVoter(wish=Decimal(3 * n), pull_percent=pull)])
        for n, pull in enumerate(pulls)
    ]
    await space.host(*team)
    opening = RefinementOpened(
        low=Decimal(0),
        high=Decimal(10),
        tolerance=Decimal("0.5"),
        rounds_max=8,
        participants=tuple(Participant(agent.name) for agent in team),
        **fields,
    )
    session = await space.sessions.open(opening)
    decision = await session.decision()
    assert (await verify(space.store)).divergences == ()
    return decision.is_agreed, len(decision.rounds)


@pytest.mark.parametrize("feedback", [False, True])
async def test_a_team_that_gives_way_agrees(space: Space, feedback: bool) -> None:  # noqa: FBT001 - a case
    is_agreed, rounds = await refined(space, [50, 50, 50], gives_feedback=feedback)
    assert (is_agreed, rounds) == (True, 3)


async def test_stubborn_ones_do_not_and_the_bound_ends_it(space: Space) -> None:
    assert await refined(space, [0, 0], must_converge=True) == (False, 8)


async def test_a_silent_one_holds_up_each_round_only_until_its_time(space: Space) -> None:
    team = [
        PolicyAgent("ann", [RefiningVoter(wish=Decimal(3))]),
        PolicyAgent("ben", [SilentVoter()]),
    ]
    await space.host(*team)
    opening = RefinementOpened(
        low=Decimal(0),
        high=Decimal(10),
        rounds_max=2,
        round_ms=20,
        participants=(Participant("ann"), Participant("ben")),
    )
    decision = await (await space.sessions.open(opening)).decision()
    assert [summary.reason for summary in decision.rounds] == ["time", "time"]
    assert decision.value == 3
    assert not decision.is_agreed
    assert (await verify(space.store)).divergences == ()
