"""Agents as classes: handlers that hear events and answer by returning what they say.

    class Coder(Agent):
        capabilities = ("python",)

        @hears(AuctionOpened)
        async def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
            return BidPlaced(amount=12)

A handler may return nothing, one answer or several. An event it returns is said of the
entity it heard of: a bid in that auction, a ballot in that vote. A `Proposal` is said of
the variable it names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

import msgspec

from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.subjects import check_name
from mabeam.core.variable.types import Value
from mabeam.projections.world import World

__all__ = ["Agent", "Answer", "Handler", "Heard", "Proposal", "hears"]

EventT = TypeVar("EventT", bound=Event)
AgentT = TypeVar("AgentT", bound="Agent")
_HEARS: Final = "__mabeam_hears__"


class Proposal(msgspec.Struct, frozen=True):
    """The wish that a variable take a value, made against the value the agent has seen.

    Attributes:
        variable: Name of the variable.
        value: What it should be.
        reason: Why, for people.
    """

    variable: str
    value: Value
    reason: str = ""


Answer: TypeAlias = Event | Proposal
Answers: TypeAlias = Answer | Sequence[Answer] | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The circumstances of what a handler hears.

    Attributes:
        recorded: The event as the log has it.
        world: The state of the space at the event or shortly after it.
    """

    recorded: Recorded
    world: World

    @property
    def entity(self) -> str:
        """Name of the session or variable that the event belongs to."""
        return self.recorded.entity

    @property
    def position(self) -> int:
        """Where the event stands."""
        return self.recorded.position


Handler: TypeAlias = Callable[[Any, Any, Heard], Awaitable[Answers] | Answers]


def hears(
    event: type[EventT],
) -> Callable[
    [Callable[[AgentT, EventT, Heard], Awaitable[Answers] | Answers]],
    Callable[[AgentT, EventT, Heard], Awaitable[Answers] | Answers],
]:
    """Make a method the handler of an event type and of the types derived from it.

    Openings are heard only by those who may speak in the session, and again after a
    restart as long as the session is open and the agent has not spoken in it.
    """

    def mark(
        handler: Callable[[AgentT, EventT, Heard], Awaitable[Answers] | Answers],
    ) -> Callable[[AgentT, EventT, Heard], Awaitable[Answers] | Answers]:
        setattr(handler, _HEARS, event)
        return handler

    return mark


class Agent:
    """Base of agents. Subclass it, mark handlers with `hears`, and host it.

    Args:
        name: The name under which it speaks; one agent of that name per space.

    Attributes:
        role: Its role in the team.
        capabilities: What it can do.
        metadata: Free text by name.

    Raises:
        Rejected: The name cannot be the token of a subject.
    """

    role: str = "executor"
    capabilities: Sequence[str] = ()
    metadata: dict[str, str] = {}
    _handlers: ClassVar[tuple[tuple[type[Event], Handler], ...]] = ()

    def __init__(self, name: str) -> None:
        self.name: Final = check_name("actor", name)

    def __init_subclass__(cls) -> None:
        """Collect the handlers, those of the base classes included."""
        super().__init_subclass__()
        # Looking a name up on the class finds the overriding method, once for each name.
        members = (getattr(cls, name) for name in dict.fromkeys(_names(cls)))
        cls._handlers = tuple((getattr(m, _HEARS), m) for m in members if hasattr(m, _HEARS))

    @classmethod
    def handlers_of(cls, event: Event) -> tuple[Handler, ...]:
        """Return the handlers that hear an event, in the order of their definition."""
        return tuple(handler for type_, handler in cls._handlers if isinstance(event, type_))


def _names(cls: type) -> list[str]:
    return [name for base in reversed(cls.__mro__) for name in vars(base)]
