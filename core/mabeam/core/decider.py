"""The one shape of domain logic: a command meets a state and becomes events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

import msgspec

from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError
from mabeam.core.events import Event, Several

__all__ = ["Decider", "Entity", "apply", "fold"]

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class Decider(Generic[CommandT, StateT]):
    """A value and two functions that together are one kind of entity.

    Attributes:
        initial: The state before anything has happened.
        decide: Judges a command against the state. It returns the events that follow,
            none when the command asks for what is already so, and raises `Rejected`
            when a rule refuses it.
        evolve: Applies one recorded event to the state. Events are facts, so it must
            not refuse any, whatever the state; it ignores types it does not know.
    """

    initial: StateT
    decide: Callable[[CommandT, StateT], tuple[Event, ...]]
    evolve: Callable[[StateT, Recorded], StateT]


class Entity(msgspec.Struct, Generic[StateT], frozen=True, gc=False):
    """The state of one entity and the position of the last event on its boundary.

    Attributes:
        position: What the next append to the boundary expects; 0 for a new one. Events
            that nobody can read count too, because the log compares with them as well.
        state: What the events come to.
    """

    position: int
    state: StateT


def apply(
    evolve: Callable[[StateT, Recorded], StateT], entity: Entity[StateT], recorded: Recorded
) -> Entity[StateT]:
    """Apply one event; one that cannot be read moves the position and nothing else.

    An old event that is several today is applied part by part, at its one position.
    """
    try:
        data = recorded.data
    except CodecError:
        return Entity(recorded.position, entity.state)
    if type(data) is Several:
        return Entity(recorded.position, reduce(evolve, recorded.parts, entity.state))
    return Entity(recorded.position, evolve(entity.state, recorded))


def fold(decider: Decider[CommandT, StateT], events: Iterable[Recorded]) -> Entity[StateT]:
    """Return the entity after these events of its boundary, the first one first."""
    entity = Entity(0, decider.initial)
    for recorded in events:
        entity = apply(decider.evolve, entity, recorded)
    return entity
