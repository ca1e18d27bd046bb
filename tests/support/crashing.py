"""A coordinator that dies at an append of its own, and the one that takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from mabeam.agents.agent import Agent
from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.ports import EventStore, Guard, Solver, Write
from mabeam.core.session import Cancelled, Decision, Failed, Opening, SessionState
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify

__all__ = ["Case", "crash_at_each_append"]

ACK_WAIT_SECONDS: Final = 0.02
PATIENCE_SECONDS: Final = 20.0
ENDINGS: Final = (Cancelled, Decision, Failed)


@dataclass(frozen=True)
class Case:
    """A session with real agents.

    Attributes:
        name: What the test is called.
        opening: What is asked.
        agents: Makes those who take part, anew for each run.
        solver: Makes what the coordinators ask, if they need it.
        outcome: How it must end.
    """

    name: str
    opening: Opening
    agents: Callable[[], Sequence[Agent]]
    solver: Callable[[], Solver] | None = None
    outcome: str = "decided"


@dataclass
class _Doomed:
    """A log whose user dies at an append: before it is recorded, or right after.

    A process that is gone says nothing more, so whatever it waits for never comes.
    """

    store: EventStore
    at: int
    is_after: bool
    appends: int = 0
    died: asyncio.Event = field(default_factory=asyncio.Event)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a log has
        return getattr(self.store, name)

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Append, unless that is the moment."""
        self.appends += 1
        if self.appends < self.at:
            return await self.store.append(*writes, guards=guards)
        if self.appends == self.at and self.is_after:
            await self.store.append(*writes, guards=guards)
        self.died.set()
        await asyncio.Event().wait()
        raise AssertionError("the dead speak")


async def crash_at_each_append(case: Case) -> int:
    """Hold a session once for each append of a coordinator, which dies before and after it.

    Returns:
        How many crashes were survived.

    Raises:
        AssertionError: A session did not end as it must, or what is recorded does not follow.
    """
    survived = 0
    for at in range(1, 1_000):
        for is_after in (False, True):
            if not await _crash(case, at, is_after=is_after):
                return survived
            survived += 1
    raise AssertionError("the session does not end")


async def _crash(case: Case, at: int, *, is_after: bool) -> bool:
    async with attach(MemoryStore("team"), coordinate=False) as space:
        await space.host(*case.agents())
        doomed = _Doomed(space.store, at, is_after)
        async with _coordinator(cast("EventStore", doomed), case):
            session = await space.sessions.open(case.opening, name="the-session")
            ended = asyncio.ensure_future(session.ended())
            died = asyncio.ensure_future(doomed.died.wait())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.wait({ended, died}, return_when=asyncio.FIRST_COMPLETED)
            died.cancel()
        async with _coordinator(space.store, case), asyncio.timeout(PATIENCE_SECONDS):
            await _judge(space, case, await ended)
        return doomed.died.is_set()


async def _judge(space: Space, case: Case, state: SessionState) -> None:
    assert state.outcome == case.outcome, (state.outcome, state.reason)
    endings = 0
    async for page in space.store.read():
        for recorded in page:
            is_own = recorded.actor == "coordinator" and recorded.entity == "the-session"
            endings += is_own and isinstance(recorded.data, ENDINGS)
    assert endings == 1
    assert (await verify(space.store)).divergences == ()


@asynccontextmanager
async def _coordinator(store: EventStore, case: Case) -> AsyncGenerator[Coordinator]:
    solver = None if case.solver is None else case.solver()
    author = Author(SystemClock(), SystemIds())
    async with Coordinator(
        store, author, ack_wait_seconds=ACK_WAIT_SECONDS, solver=solver
    ) as coordinator:
        yield coordinator
