"""The state of a whole space: all registries folded together, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.agent.decider import AgentState
from mabeam.core.decider import Entity
from mabeam.core.envelope import Recorded
from mabeam.core.session.decider import SESSION
from mabeam.core.session.state import SessionState
from mabeam.core.variable.constraint import CONSTRAINT_INITIAL, ConstraintState
from mabeam.core.variable.decider import VARIABLE, VariableView
from mabeam.core.variable.state import VariableState
from mabeam.projections.conflicts import CONFLICTS, ConflictRecord
from mabeam.projections.plain import fingerprint, plain
from mabeam.projections.projection import Projection
from mabeam.projections.registry import AGENTS, CONSTRAINTS, SESSIONS, VARIABLES, Registry

__all__ = ["WORLD", "Unreadable", "World", "fingerprint", "plain"]

UNREADABLE_KEPT: Final = 100


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """Events that nobody can read: how many, and where the latest of them stand.

    Attributes:
        count: How many there are.
        latest: Position and reason of the latest hundred.
    """

    count: int = 0
    latest: tuple[tuple[int, str], ...] = ()


class World(msgspec.Struct, frozen=True, gc=False):
    """Everything known about a space at a position.

    Attributes:
        position: The last position folded.
        agents: Agents by name.
        variables: Variables by name.
        constraints: Constraints by name.
        sessions: Sessions by name.
        conflicts: Conflicts by id.
        unreadable: What could not be read.
    """

    position: int = 0
    agents: Registry[AgentState] = Map()
    variables: Registry[VariableState] = Map()
    constraints: Registry[ConstraintState] = Map()
    sessions: Registry[SessionState] = Map()
    conflicts: Map[str, ConflictRecord] = Map()
    unreadable: Unreadable = Unreadable()

    def session(self, name: str) -> Entity[SessionState]:
        """Return a session, an unopened one if there is none of that name."""
        return self.sessions.get(name, _NO_SESSION)

    def variable(self, name: str) -> VariableView:
        """Return a variable with the constraints on it, an undeclared one if there is none."""
        variable = self.variables.get(name, _NO_VARIABLE)
        constraints = tuple(
            (constraint, self.constraints.get(constraint, _NO_CONSTRAINT))
            for constraint in variable.state.constraints
        )
        return VariableView(variable, constraints)


_NO_SESSION: Final = Entity(0, SESSION.initial)
_NO_VARIABLE: Final = Entity(0, VARIABLE.initial)
_NO_CONSTRAINT: Final = Entity(0, CONSTRAINT_INITIAL)


def apply(world: World, recorded: Recorded) -> World:
    """Apply one event."""
    return apply_page(world, (recorded,))


def apply_page(world: World, page: Sequence[Recorded]) -> World:
    """Apply a page of events: to each registry those of its kind."""
    troubles = [(one.position, str(one.trouble)) for one in page if one.trouble is not None]
    return World(
        page[-1].position if page else world.position,
        AGENTS.advance(world.agents, page),
        VARIABLES.advance(world.variables, page),
        CONSTRAINTS.advance(world.constraints, page),
        SESSIONS.advance(world.sessions, page),
        CONFLICTS.advance(world.conflicts, page),
        _counted(world.unreadable, troubles) if troubles else world.unreadable,
    )


def _counted(unreadable: Unreadable, troubles: Sequence[tuple[int, str]]) -> Unreadable:
    latest = (*unreadable.latest, *troubles)[-UNREADABLE_KEPT:]
    return Unreadable(unreadable.count + len(troubles), latest)


WORLD: Final[Projection[World]] = Projection("world", 1, World(), apply, apply_page)
