"""The registries: every agent, variable, constraint and session, each as its events left it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar

from immutables import Map

from mabeam.core.agent.decider import AGENT
from mabeam.core.decider import Entity, apply
from mabeam.core.envelope import Recorded
from mabeam.core.session.decider import SESSION
from mabeam.core.variable.constraint import CONSTRAINT_INITIAL, evolve_constraint
from mabeam.core.variable.decider import VARIABLE
from mabeam.projections.projection import Projection

__all__ = ["AGENTS", "CONSTRAINTS", "SESSIONS", "VARIABLES", "Registry", "registry"]

StateT = TypeVar("StateT")
Registry: TypeAlias = Map[str, Entity[StateT]]
"""The entities of one kind by name. A map that shares structure: keeping old ones is cheap."""


def registry(
    name: str, kind: str, initial: StateT, evolve: Callable[[StateT, Recorded], StateT]
) -> Projection[Registry[StateT]]:
    """Return the fold that keeps all entities of a kind."""
    new: Final = Entity(0, initial)

    def apply_page(entities: Registry[StateT], page: Sequence[Recorded]) -> Registry[StateT]:
        ours = [recorded for recorded in page if recorded.kind == kind]
        if not ours:
            return entities
        # Within a page, changed parts of the map are changed in place: nobody sees them yet.
        changed = entities.mutate()
        for recorded in ours:
            entity = recorded.entity
            changed[entity] = apply(evolve, changed.get(entity, new), recorded)
        return changed.finish()

    def apply_one(entities: Registry[StateT], recorded: Recorded) -> Registry[StateT]:
        if recorded.kind != kind:
            return entities
        entity = recorded.entity
        return entities.set(entity, apply(evolve, entities.get(entity, new), recorded))

    return Projection(name, 1, Map(), apply_one, apply_page)


AGENTS: Final = registry("agents", "agent", AGENT.initial, AGENT.evolve)
VARIABLES: Final = registry("variables", "variable", VARIABLE.initial, VARIABLE.evolve)
CONSTRAINTS: Final = registry("constraints", "constraint", CONSTRAINT_INITIAL, evolve_constraint)
SESSIONS: Final = registry("sessions", "session", SESSION.initial, SESSION.evolve)
