"""The agents of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mabeam.app.space.desk import Desk
from mabeam.core.agent.decider import (
    AGENT,
    AgentCommand,
    AgentState,
    Deregister,
    Register,
    Resume,
    Suspend,
    Update,
)
from mabeam.core.decider import Entity
from mabeam.core.errors import NotFound
from mabeam.core.subjects import Boundary, check_name
from mabeam.projections.world import World

__all__ = ["Agents"]


@dataclass(frozen=True, slots=True)
class Agents:
    """Register, change and look up agents. Every method speaks in the agent's own name."""

    desk: Desk

    async def register(
        self,
        name: str,
        *,
        role: str = "executor",
        capabilities: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> AgentState:
        """Register an agent; the same registration again changes nothing.

        Args:
            name: Its name in the space.
            role: ``coordinator executor evaluator optimizer monitor`` or a role of your own.
            capabilities: What it can do.
            metadata: Free text by name.

        Raises:
            Rejected: The name is registered otherwise, or a name is illegal.
        """
        return await self._send(name, Register(role, tuple(capabilities), dict(metadata or {})))

    async def update(
        self,
        name: str,
        *,
        role: str | None = None,
        capabilities: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AgentState:
        """Change what is given and keep the rest.

        Raises:
            Rejected: No such agent is registered, or a name is illegal.
        """
        command = Update(
            role,
            None if capabilities is None else tuple(capabilities),
            None if metadata is None else dict(metadata),
        )
        return await self._send(name, command)

    async def suspend(self, name: str, reason: str = "") -> AgentState:
        """Pause an agent: it hears nothing until it is resumed.

        Raises:
            Rejected: No such agent is registered.
        """
        return await self._send(name, Suspend(reason))

    async def resume(self, name: str) -> AgentState:
        """End the pause.

        Raises:
            Rejected: No such agent is registered.
        """
        return await self._send(name, Resume())

    async def deregister(self, name: str, reason: str = "") -> AgentState:
        """Give the name back; nothing happens if nobody has it."""
        return await self._send(name, Deregister(reason))

    def get(self, name: str) -> AgentState:
        """Return what is known of an agent.

        Raises:
            NotFound: Nobody ever had this name.
        """
        entity = self.desk.live.state.agents.get(name)
        if entity is None:
            raise NotFound(f"no agent {name!r} in space {self.desk.store.space!r}")
        return entity.state

    def all(self) -> dict[str, AgentState]:
        """Return every agent, the deregistered ones included, by name, sorted."""
        found = self.desk.live.state.agents
        return {name: found[name].state for name in sorted(found)}

    async def _send(self, name: str, command: AgentCommand) -> AgentState:
        def entity(world: World) -> Entity[AgentState]:
            return world.agents.get(name, _UNKNOWN)

        boundary = Boundary("agent", check_name("entity", name))
        await self.desk.command(boundary, AGENT, entity, command, name)
        return entity(self.desk.live.state).state


_UNKNOWN = Entity(0, AGENT.initial)
