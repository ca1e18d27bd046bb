"""Sessions of several steps, with sessions of their own, and with a solver."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec
import pytest

from mabeam.agents import coordinator as coordinating
from mabeam.agents.agent import Answer, Heard
from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import AgentPolicy, PolicyAgent, policy_of
from mabeam.agents.runner import AgentRunner
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.consensus import ConsensusOpened
from mabeam.core.errors import ConfigurationError, Rejected
from mabeam.core.events import Event
from mabeam.core.session import PROTOCOLS, Participant, SessionState, standing
from mabeam.core.subjects import Boundary
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from mabeam.projections.world import World
from support.courses import RELAY, Lap, LapRun, Problem, RelayDecided, RelayOpened, Solution
from support.waiting import until

RUNNERS: Final = (Participant("ann"), Participant("ben"))


class Runs(AgentPolicy, frozen=True, kw_only=True, tag="test_runs"):
    """Runs when it is its turn."""

    metres: int = 100

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,
    ) -> Sequence[Answer]:
        """Run, if nobody else is next."""
        if not isinstance(session.opening, RelayOpened) or session.phase != "open":
            return ()
        track = session.course
        is_next = track.laps < session.opening.laps and track.runs < len(track.runners)
        if not is_next or track.runners[track.runs] != me:
            return ()
        return (LapRun(metres=self.metres),)


class Guessing:
    """A solver that finds another bound each time."""

    def __init__(self) -> None:
        self.asked = 0

    async def solve(self, problem: msgspec.Struct) -> msgspec.Struct:
        assert isinstance(problem, Problem)
        self.asked += 1
        return Solution(problem.metres + self.asked)


@pytest.fixture(autouse=True)
def relay() -> Iterator[None]:
    RELAY.register()
    yield
    del PROTOCOLS[RelayOpened]


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


def coordinator(space: Space, solver: Guessing | None = None) -> Coordinator:
    author = Author(SystemClock(), SystemIds())
    return Coordinator(space.store, author, ack_wait_seconds=0.2, solver=solver)


async def counts(space: Space) -> Counter[str]:
    found = Counter[str]()
    async for page in space.store.read():
        found.update(recorded.type.split(".")[-2] for recorded in page)
    return found


async def test_agents_take_turns_and_any_number_of_coordinators_counts_each_lap_once(
    space: Space,
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(coordinator(space))
        await space.host(PolicyAgent("ann", [Runs()]), PolicyAgent("ben", [Runs(metres=50)]))
        session = await space.sessions.open(RelayOpened(participants=RUNNERS, laps=3))
        decision = await session.decision()
    assert isinstance(decision, RelayDecided)
    assert decision.metres == 450
    assert (await counts(space))["lap"] == 3
    assert (await verify(space.store)).divergences == ()


def has_run(name: str, metres: int, world: World) -> bool:
    return bool(world.session(name).state.course.metres >= metres)


async def test_an_agent_that_is_started_anew_takes_the_turn_that_waits_for_it(
    space: Space,
) -> None:
    author = Author(SystemClock(), SystemIds())

    def hosted(name: str) -> AgentRunner:
        return AgentRunner(space.store, author, [PolicyAgent(name, [Runs()])])

    async with coordinator(space):
        session = await space.sessions.open(
            RelayOpened(participants=RUNNERS, laps=2, lap_ms=60_000)
        )
        for number in range(2):
            for name in ("ann", "ben"):
                runs = 2 * number + (name == "ben") + 1
                async with hosted(name):
                    await space.until(partial(has_run, session.name, 100 * runs))
        assert (await session.decision()).metres == 400
    assert not session.state.refused


async def test_a_lap_ends_by_the_clock_also_after_a_restart(space: Space) -> None:
    session = await space.sessions.open(RelayOpened(participants=RUNNERS))
    async with coordinator(space):
        await session.say(LapRun(), by="ann")
    async with coordinator(space):
        decision = await session.decision()
    assert decision.metres == 100
    assert (await verify(space.store)).divergences == ()


async def test_the_sessions_deadline_ends_it_whatever_it_waits_for(space: Space) -> None:
    async with coordinator(space):
        session = await space.sessions.open(
            RelayOpened(participants=RUNNERS, laps=1000, open_for_ms=50)
        )
        assert (await session.decision()).metres == 0
    assert session.state.reason == "deadline"


async def test_a_word_out_of_turn_is_listed_and_changes_nothing(space: Space) -> None:
    async with coordinator(space):
        session = await space.sessions.open(RelayOpened(participants=RUNNERS))
        await session.say(LapRun(), by="ben")
        assert session.state.refused["ben"].reason == "out_of_turn"
        assert session.state.course.runs == 0


async def test_only_protocol_code_announces(space: Space) -> None:
    session = await space.sessions.open(RelayOpened(participants=RUNNERS))
    await space.append(Boundary("session", session.name), Lap(number=1), by="ann")
    assert session.state.course.laps == 0


async def test_a_session_waits_for_one_of_its_own(space: Space) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(coordinator(space))
        await space.host(PolicyAgent("ann", [Runs()]), PolicyAgent("ben", [Runs()]))
        session = await space.sessions.open(RelayOpened(participants=RUNNERS, asks=True))
        child = f"{session.name}-verdict"
        await space.until(lambda world: child in world.sessions)
        for agent, value in (("ann", 4), ("ben", 8)):
            await space.sessions.get(child).cast(value, by=agent)
        decision = await session.decision()
    assert decision.verdict == "6"
    assert session.state.children[child].outcome == "decided"
    assert (await counts(space))["child_ended"] == 1
    assert (await verify(space.store)).divergences == ()


async def test_strangers_cannot_answer_for_a_child(space: Space) -> None:
    """A session of anybody's that calls another one its parent is not heard by it."""
    async with coordinator(space):
        session = await space.sessions.open(RelayOpened(participants=RUNNERS))
        opening = ConsensusOpened(
            low=Decimal(0), high=Decimal(9), parent=f"session/{session.name}", open_for_ms=1
        )
        stray = await space.sessions.open(opening, name="stray", by="mallory")
        await stray.ended()
        await space.caught_up()
        assert not session.state.children


async def test_what_a_solver_found_is_proved_and_never_asked_again(space: Space) -> None:
    solver = Guessing()
    async with coordinator(space, solver):
        await space.host(PolicyAgent("ann", [Runs()]), PolicyAgent("ben", [Runs()]))
        session = await space.sessions.open(RelayOpened(participants=RUNNERS, solves=True))
        decision = await session.decision()
    assert decision.verdict == str(200 + solver.asked)
    report = await verify(space.store)
    assert (report.divergences, report.certificates) == ((), 1)


async def test_what_takes_long_to_solve_keeps_no_other_session_waiting(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events come again while a problem is being solved; they must not fill the coordinator."""

    class Slow(Guessing):
        released = asyncio.Event()

        async def solve(self, problem: msgspec.Struct) -> msgspec.Struct:
            found = await super().solve(problem)
            await self.released.wait()
            return found

    monkeypatch.setattr(coordinating, "AT_ONCE_MAX", 2)
    solver = Slow()
    async with coordinator(space, solver):
        relay = RelayOpened(participants=RUNNERS, solves=True, open_for_ms=1)
        slow = [await space.sessions.open(relay) for _ in range(3)]
        await until(lambda: solver.asked == len(slow))
        for _ in range(3):
            desk = await space.sessions.open_auction("desk", bidders=["ann"])
            await desk.bid(7, by="ann")
            async with asyncio.timeout(5):
                assert (await desk.decision()).winner == "ann"
            await asyncio.sleep(0.2)
        solver.released.set()
        for session in slow:
            assert (await session.decision()).outcome == "decided"
    assert solver.asked == len(slow)


async def test_a_solver_that_fails_is_asked_again(space: Space) -> None:
    class Failing(Guessing):
        async def solve(self, problem: msgspec.Struct) -> msgspec.Struct:
            found = await super().solve(problem)
            if self.asked == 1:
                raise ConfigurationError("the solver process does not start")
            if self.asked == 2:
                raise ValueError("a fault")
            return found

    solver = Failing()
    async with coordinator(space, solver):
        relay = RelayOpened(participants=RUNNERS, solves=True, open_for_ms=1)
        session = await space.sessions.open(relay)
        assert (await session.decision()).outcome == "decided"
    assert solver.asked == 3


async def test_a_coordinator_without_a_solver_leaves_the_decision_to_one_with(
    space: Space,
) -> None:
    async with coordinator(space):
        session = await space.sessions.open(
            RelayOpened(participants=RUNNERS, solves=True, open_for_ms=1)
        )
        await space.until(lambda world: world.session(session.name).state.phase == "closed")
    async with coordinator(space, Guessing()):
        assert (await session.decision()).outcome == "decided"


async def test_a_false_solution_is_found_out(space: Space) -> None:
    class Lying(Guessing):
        async def solve(self, problem: msgspec.Struct) -> msgspec.Struct:
            await asyncio.sleep(0)
            return Solution(-1)

    async with coordinator(space, Lying()):
        session = await space.sessions.open(
            RelayOpened(participants=RUNNERS, solves=True, open_for_ms=1)
        )
        await session.decision()
    report = await verify(space.store)
    assert "no proof" in report.divergences[0].detail


async def test_how_things_stand_is_shown_while_it_is_open(space: Space) -> None:
    session = await space.sessions.open(RelayOpened(participants=RUNNERS))
    await session.say(LapRun(), by="ann")
    assert standing(session.name, session.state).rows == (("ann", "100", "2"),)


def test_policies_are_made_of_tables() -> None:
    assert policy_of({"policy": "test_runs", "metres": 3}) == Runs(metres=3)
    with pytest.raises(Rejected, match="no such policy"):
        policy_of({"policy": "nonsense"})
    with pytest.raises(Rejected, match="no such field"):
        policy_of({"policy": "test_runs", "miles": 3})
    with pytest.raises(Rejected, match="do not fit"):
        policy_of({"policy": "test_runs", "metres": "far"})
