"""A space: one team's world, its log, and everything the log comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from mabeam.agents.agent import Agent
from mabeam.agents.runner import AgentRunner
from mabeam.app.space.agents import Agents
from mabeam.app.space.desk import Desk
from mabeam.app.space.sessions import Sessions
from mabeam.app.space.variables import Variables
from mabeam.core.errors import NotFound
from mabeam.core.events import Event
from mabeam.core.ports import EventStore, Guard, Page
from mabeam.core.reactor import Part
from mabeam.core.subjects import EVERYTHING, Boundary, Filter
from mabeam.projections.verification import Report, verify
from mabeam.projections.world import WORLD, World

__all__ = ["Space"]


class Space:
    """One space. `mabeam.app.connect` makes it.

    Attributes:
        agents: Who is here.
        variables: What they must agree on.
        sessions: How they come to agree.
        store: The log itself.
    """

    def __init__(self, desk: Desk, stack: AsyncExitStack) -> None:
        self._desk: Final = desk
        self._stack: Final = stack
        self.store: Final[EventStore] = desk.store
        self.agents: Final = Agents(desk)
        self.variables: Final = Variables(desk)
        self.sessions: Final = Sessions(desk)

    @property
    def name(self) -> str:
        """Name of the space."""
        return self.store.space

    @property
    def state(self) -> World:
        """Everything known now. What this space's own calls recorded is in it."""
        return self._desk.live.state

    async def state_at(self, position: int) -> World:
        """Return everything that was known at a position, folded from the log.

        Raises:
            NotFound: The log is not that long, or the position is negative.
        """
        head = await self.store.head()
        if not 0 <= position <= head:
            raise NotFound(f"no position {position} in space {self.name!r}, which ends at {head}")
        world = WORLD.initial
        async for page in self.store.read(until=position):
            world = WORLD.advance(world, page)
        return world

    async def append(
        self,
        to: Boundary | str,
        *events: Event,
        by: str | None = None,
        expect: int | None = None,
        guards: Sequence[Guard] = (),
    ) -> int:
        """Record events of registered types; return the position of the last one.

        Args:
            to: The entity, as a boundary or as ``kind/entity``.
            events: Payloads, recorded together or not at all.
            by: Who says it.
            expect: Where the boundary must stand; None for whatever it holds.
            guards: Which other boundaries must stand where.

        Raises:
            Fenced: A guard has moved. Stop, or acquire the right anew.
            Conflict: The boundary is not where it was expected.
            Rejected: A name is illegal, or there are more conditions than events.
        """
        boundary = Boundary.parse(to) if isinstance(to, str) else to
        write = self._desk.write(boundary, events, by, expect=expect)
        return await self._desk.append(write, guards=guards)

    async def append_together(
        self, *parts: Part, by: str | None = None, guards: Sequence[Guard] = ()
    ) -> int:
        """Record events of several entities together or not at all.

        Args:
            parts: For each entity its events, and where it must stand.
            by: Who says it.
            guards: Which further boundaries must stand where.

        Raises:
            Fenced: A guard has moved. Stop, or acquire the right anew.
            Conflict: A boundary is not where it was expected; nothing was recorded.
            Rejected: A name is illegal, or there are more conditions than events.
        """
        return await self._desk.append(*self._desk.together(parts, by), guards=guards)

    async def verify(self) -> Report:
        """Check that everything decided so far follows from the log.

        Raises:
            LogGap: Positions are missing from the log.
        """
        return await verify(self.store)

    def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AbstractAsyncContextManager[AsyncIterator[Page]]:
        """Read what is recorded behind a position and then what comes, page by page."""
        return self.store.follow(wanted, after=after)

    async def until(self, holds: Callable[[World], bool]) -> World:
        """Return the first state from now on of which something holds.

        States are looked at after each page of events that is folded.
        """
        return await self._desk.live.until(holds)

    async def caught_up(self) -> World:
        """Return everything known once all that is recorded now has been folded."""
        return await self._desk.live.caught_up()

    async def host(self, *agents: Agent) -> None:
        """Register agents and let them take part for as long as the space is connected.

        Raises:
            Rejected: A name is registered otherwise.
        """
        desk = self._desk
        runner = AgentRunner(desk.store, desk.author, agents, telemetry=desk.telemetry)
        await self._stack.enter_async_context(runner)
