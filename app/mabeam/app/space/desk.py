"""What the parts of a space share: the log, the live state, and a voice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mabeam.agents.author import Author, agent_source
from mabeam.agents.transact import transact
from mabeam.core.decider import Decider, Entity
from mabeam.core.events import Event
from mabeam.core.ports import EventStore, Guard, IdSource, Write
from mabeam.core.reactor import Part
from mabeam.core.subjects import Boundary, check_name
from mabeam.core.telemetry import SILENCE, Telemetry
from mabeam.projections.runner import Live
from mabeam.projections.world import World

__all__ = ["Desk"]

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where commands are carried out.

    Attributes:
        store: The log.
        live: The state of the space, kept current.
        author: Writes envelopes.
        ids: Where fresh ids come from.
        identity: Who speaks when a call does not say.
        correlation_id: The run that everything said here belongs to.
        telemetry: Looks on.
    """

    store: EventStore
    live: Live[World]
    author: Author
    ids: IdSource
    identity: str
    correlation_id: str
    telemetry: Telemetry = SILENCE

    def source(self, by: str | None) -> str:
        """Return the source under which somebody speaks.

        Raises:
            Rejected: The name cannot be the token of a subject.
        """
        return agent_source(check_name("actor", by or self.identity))

    def write(
        self,
        boundary: Boundary,
        events: tuple[Event, ...],
        by: str | None,
        *,
        expect: int | None = None,
        commit_id: str = "",
    ) -> Write:
        """Return a write in somebody's name."""
        return self.author.says(
            boundary,
            events,
            source=self.source(by),
            expect=expect,
            correlation_id=self.correlation_id,
            commit_id=commit_id,
        )

    def together(self, parts: Sequence[Part], by: str | None) -> tuple[Write, ...]:
        """Return writes that are recorded together or not at all."""
        commit_id = self.ids.new_id()
        return tuple(
            self.write(part.boundary, part.events, by, expect=part.expect, commit_id=commit_id)
            for part in parts
        )

    async def say(self, boundary: Boundary, event: Event, by: str | None) -> tuple[str, int]:
        """Record speech, whatever the boundary holds; return its id and position."""
        write = self.write(boundary, (event,), by)
        return write.events[0].id, await self.append(write)

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        """Append, and return when the live state has folded it."""
        position = await self.store.append(*writes, guards=guards)
        await self.live.wait_for(position)
        return position

    async def command(
        self,
        boundary: Boundary,
        decider: Decider[CommandT, StateT],
        entity: Callable[[World], Entity[StateT]],
        command: CommandT,
        by: str | None,
    ) -> int:
        """Carry a command through; return the position of its last event."""

        def decide(world: World) -> Sequence[Write]:
            found = entity(world)
            events = decider.decide(command, found.state)
            if not events:
                return ()
            return (self.write(boundary, events, by, expect=found.position),)

        return await transact(self.store, self.live, decide)
