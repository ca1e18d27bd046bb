"""Histories as real teams leave them behind, for benchmarks that read.

A team is five agents and one variable. In each round they hold an auction, vote on the
variable, propose values for it, and one of them changes its registration; every third
round two proposals clash. What protocol code says is worked out by the reactors from the
positions that the log has given, so that a verification of the history finds nothing to
complain of. Each team waits for each of its appends; many teams work side by side.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from mabeam.agents.author import Author, agent_source
from mabeam.app.composition import open_store
from mabeam.core.agent.events import Registered, Updated
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.consensus.events import BallotCast, ConsensusOpened
from mabeam.core.envelope import Recorded, actor_of
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.ports import EventStore, Write
from mabeam.core.reactor import Effects
from mabeam.core.session.events import Opening, Participant, Speech
from mabeam.core.session.reactor import SESSIONS
from mabeam.core.subjects import Boundary
from mabeam.core.variable.events import Declared, Proposed
from mabeam.core.variable.reactor import VARIABLES
from mabeam.core.variable.types import IntegerType
from mabeam.infra.observability import configure_log
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.world import WORLD, World

TEAMS: Final = 100
AGENTS: Final = ("architect", "coder", "reviewer", "tester", "writer")
_OPERATOR: Final = "/operators/operator"


async def write_elsewhere(url: str, space: str, events: int) -> int:
    """Write a history from a process of its own; return how many events it has.

    Whoever replays has seldom written just before: a memory in such disorder is slower.
    """
    command = (sys.executable, "-m", "bench.load", url, space, str(events))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return int(output)


async def write_history(store: EventStore, events: int) -> int:
    """Write a history of at least so many events to an empty log; return how many it has."""
    teams = max(1, min(TEAMS, events // 100))
    author = Author(SystemClock(), SystemIds())
    await asyncio.gather(
        *(Team(f"team-{n}", store, author).live(events // teams + 1) for n in range(teams))
    )
    return await store.head()


class Team:
    """One team, which knows its own part of the world and nothing else.

    Args:
        name: Name of the team, with which the names of all its entities begin.
        store: The log.
        author: Writes the envelopes.
    """

    def __init__(self, name: str, store: EventStore, author: Author) -> None:
        self._name: Final = name
        self._store: Final = store
        self._author: Final = author
        self._agents: Final = tuple(f"{name}-{agent}" for agent in AGENTS)
        self._variable: Final = Boundary("variable", f"{name}-budget")
        self._world: World = WORLD.initial
        self._written = 0

    async def live(self, events: int) -> None:
        """Go on, round by round, until the team has left so many events."""
        for agent in self._agents:
            registered = Registered(capabilities=("python", "review"))
            await self._say(Boundary("agent", agent), registered, agent)
        declared = Declared(
            type=IntegerType(0, 100_000, default=1_000), on_conflict=Policy("priority")
        )
        await self._say(self._variable, declared, "operator")
        for number in itertools.count(1):
            if self._written >= events:
                return
            await self._round(number)

    async def _round(self, number: int) -> None:
        participants = tuple(Participant(agent) for agent in self._agents)
        lot = AuctionOpened(lot=f"task {number}", reserve=10, unit="cr", participants=participants)
        bids = [BidPlaced(amount=10 + (number * 7 + n * 13) % 90) for n in range(len(AGENTS))]
        await self._session(f"{self._name}-lot-{number}", lot, bids)
        question = ConsensusOpened(
            question="how many tokens may the task cost?",
            low=Decimal(0),
            high=Decimal(100_000),
            step=Decimal(1),
            variable=self._variable.entity,
            participants=participants,
        )
        ballots = [BallotCast(value=Decimal(1_000 + number * 10 + n)) for n in range(len(AGENTS))]
        await self._session(f"{self._name}-vote-{number}", question, ballots)
        base = self._world.variable(self._variable.entity).variable.state.position
        for agent in self._agents[: 2 if number % 3 == 0 else 1]:
            wish = Proposed(value=2_000 + number, base=base, reason="the tests need more room")
            await self._say(self._variable, wish, agent)
            await self._react(self._variable)
        agent = self._agents[number % len(self._agents)]
        updated = Updated(capabilities=("python", "review"), metadata={"rounds": str(number)})
        await self._say(Boundary("agent", agent), updated, agent)

    async def _session(self, name: str, opening: Opening, words: Sequence[Speech]) -> None:
        boundary = Boundary("session", name)
        await self._say(boundary, opening, "operator")
        for agent, word in zip(self._agents, words, strict=True):
            await self._say(boundary, word, agent)
        await self._react(boundary)

    async def _say(self, boundary: Boundary, event: Event, by: str) -> None:
        source = _OPERATOR if by == "operator" else agent_source(by)
        await self._append(self._author.says(boundary, (event,), source=source))

    async def _react(self, boundary: Boundary) -> None:
        """Carry out every step that is due, as a coordinator does."""
        while (effects := self._due(boundary)).append:
            await self._follow(effects)
        for send in effects.send:
            view = self._world.variable(send.boundary.entity)
            await self._follow(VARIABLES.receive(send.boundary.entity, view, send))

    def _due(self, boundary: Boundary) -> Effects:
        if boundary.kind == "session":
            return SESSIONS.react(boundary.entity, self._world.session(boundary.entity), 0)
        return VARIABLES.react(boundary.entity, self._world.variable(boundary.entity), 0)

    async def _follow(self, effects: Effects) -> None:
        for append in effects.append:
            await self._append(*self._author.follows(append))

    async def _append(self, write: Write) -> None:
        position = await self._store.append(write)
        boundary, envelope = write.boundary, write.events[0]
        actor = actor_of(envelope.source)
        recorded = Recorded(position, 0, boundary.kind, boundary.entity, actor, envelope)
        self._world = WORLD.apply(self._world, recorded)
        self._written += 1


async def _main(url: str, space: str, events: str) -> None:
    async with open_store(space, url) as store:
        print(await write_history(store, int(events)))


if __name__ == "__main__":
    configure_log("error")
    asyncio.run(_main(*sys.argv[1:]))
