"""The registries: every agent, variable, constraint and session, each as its events left it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from immutables import Map

from mabeam.core.agent.decider import AGENT, AgentState
from mabeam.core.decider import Entity, apply
from mabeam.core.envelope import Recorded
from mabeam.core.session.decider import SESSION
from mabeam.core.session.state import SessionState
from mabeam.core.variable.constraint import (
    CONSTRAINT_INITIAL,
    ConstraintState,
    evolve_constraint,
)
from mabeam.core.variable.decider import VARIABLE
from mabeam.core.variable.state import VariableState
from mabeam.projections.projection import Projection

__all__ = ["AGENTS", "CONSTRAINTS", "SESSIONS", "VARIABLES", "Registry", "registry"]

StateT = TypeVar("StateT")
Registry: TypeAlias = Map[str, Entity[StateT]]
"""The entities of one kind by name. A map that shares structure: keeping old ones is cheap."""


def registry(
    kind: str, initial: StateT, evolve: Callable[[StateT, Recorded], StateT]
) -> Callable[[Registry[StateT], Recorded], Registry[StateT]]:
    """Return the fold that keeps all entities of a kind."""
    new: Final = Entity(0, initial)

    def fold_one(entities: Registry[StateT], recorded: Recorded) -> Registry[StateT]:
        if recorded.kind != kind:
            return entities
        name = recorded.entity
        return entities.set(name, apply(evolve, entities.get(name, new), recorded))

    return fold_one


AGENTS: Final[Projection[Registry[AgentState]]] = Projection(
    "agents", 1, Map(), registry("agent", AGENT.initial, AGENT.evolve)
)
VARIABLES: Final[Projection[Registry[VariableState]]] = Projection(
    "variables", 1, Map(), registry("variable", VARIABLE.initial, VARIABLE.evolve)
)
CONSTRAINTS: Final[Projection[Registry[ConstraintState]]] = Projection(
    "constraints", 1, Map(), registry("constraint", CONSTRAINT_INITIAL, evolve_constraint)
)
SESSIONS: Final[Projection[Registry[SessionState]]] = Projection(
    "sessions", 1, Map(), registry("session", SESSION.initial, SESSION.evolve)
)
