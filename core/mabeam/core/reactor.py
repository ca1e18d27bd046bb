"""What follows when something has happened: events, commands and timers.

A reactor is asked after each event of an entity, and again when a timer is due. It
looks at the state alone and answers with what is still to be done; so an event that is
delivered twice, late, or after another process has dealt with it has no effect. The ids
of its outputs derive from the id of their cause and an index: whoever carries them out,
and however often, they are the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.ids import derived_id
from mabeam.core.subjects import Boundary

__all__ = [
    "DATA_BYTES_MAX",
    "NOTHING",
    "Append",
    "Effects",
    "Part",
    "Reactor",
    "Send",
    "Solve",
    "Timer",
    "check_size",
]

DATA_BYTES_MAX: Final = 900_000
"""How large a payload a reactor may ask to be recorded; with its envelope, any log takes it."""

StateT = TypeVar("StateT")


class Part(msgspec.Struct, frozen=True):
    """Events for one boundary, and the position at which their decision was made.

    Attributes:
        boundary: The entity written to.
        expect: Position of the last event on the boundary that the reactor has seen.
        events: Payloads, at least one.
    """

    boundary: Boundary
    expect: int
    events: tuple[Event, ...]


class Append(msgspec.Struct, frozen=True):
    """Parts to be recorded together or not at all.

    Attributes:
        cause: Id of the event that made this necessary; the outputs' ids derive from it.
        parts: At least one.
        position: Where that event stands, if its id alone does not tell it: anybody can
            publish an id twice, and what follows must not bear the same ids again.
    """

    cause: str
    parts: tuple[Part, ...]
    position: int = 0

    @property
    def commit_id(self) -> str:
        """What makes the append recognisable, whoever carries it out."""
        return derived_id(self.cause, self.position, *(str(part.boundary) for part in self.parts))

    def id_of(self, boundary: Boundary, type_: str, index: int) -> str:
        """Return the id of one of its events: that of a type, at an index of its part."""
        return derived_id(self.cause, self.position, str(boundary), type_, index)


class Send(msgspec.Struct, frozen=True):
    """A command for another entity, carried out after all appends.

    Attributes:
        cause: Id of the event that made this necessary.
        boundary: The entity that receives it.
        command: A command that the entity's reactor receives.
    """

    cause: str
    boundary: Boundary
    command: msgspec.Struct


class Solve(msgspec.Struct, frozen=True):
    """A problem for a solver, whose answer the entity receives as a command.

    Attributes:
        cause: Id of the event that made this necessary.
        boundary: The entity that receives the answer.
        problem: What is to be found.
    """

    cause: str
    boundary: Boundary
    problem: msgspec.Struct


class Timer(msgspec.Struct, frozen=True):
    """Look at an entity again when the log's clock has reached an instant.

    Timers are not recorded: whoever folds the log knows them and arms them anew.

    Attributes:
        boundary: The entity.
        due_ns: Instant on the log's clock, nanoseconds since 1970 UTC.
    """

    boundary: Boundary
    due_ns: int


class Effects(msgspec.Struct, frozen=True):
    """What is to be done, in this order: append, then solve, then send, then schedule."""

    append: tuple[Append, ...] = ()
    send: tuple[Send, ...] = ()
    schedule: tuple[Timer, ...] = ()
    solve: tuple[Solve, ...] = ()


NOTHING = Effects()


def check_size(event: Event) -> None:
    """Refuse an event that no log would take: asked for again and again, it would end nothing.

    Raises:
        Rejected: It is too large. Ask for one that says so instead.
    """
    size = len(msgspec.json.encode(event))
    if size > DATA_BYTES_MAX:
        raise Rejected(
            "event.too_large",
            "what follows is too large to be recorded",
            field=type(event).__name__,
            value=f"{size} bytes",
            allowed=f"{DATA_BYTES_MAX} bytes",
        )


@dataclass(frozen=True, slots=True)
class Reactor(Generic[StateT]):
    """A named reaction.

    Attributes:
        name: Stable name, used in logs and by the durable consumer.
        kind: Kind of entities whose events it hears.
        react: From the name of an entity, what is known of it, and the log's clock in
            nanoseconds since 1970 UTC, to effects. The clock matters only for deadlines.
        receive: From the name of an entity, what is known of it, and a command that
            another reactor sends it, to effects; they may only append.
    """

    name: str
    kind: str
    react: Callable[[str, StateT, int], Effects]
    receive: Callable[[str, StateT, Send], Effects]
