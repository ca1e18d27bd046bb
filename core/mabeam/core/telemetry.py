"""What the parts of mabeam tell about their running, to whoever measures or traces it.

Telemetry looks on. It changes nothing that is decided or recorded, but that it may write into
events where in a trace they came about; `SILENCE`, the default, costs next to nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from types import TracebackType
from typing import Final, Literal, Protocol, Self, TypeAlias

from mabeam.core.envelope import Recorded
from mabeam.core.ports import EventStore

__all__ = ["SILENCE", "Follower", "Handling", "Role", "Silence", "Telemetry", "together"]

Role: TypeAlias = Literal["agent", "coordinator", "deadline", "consumer"]
"""Who handles: a hosted agent, a coordinator that was handed an event or reached a deadline,
or a durable consumer of one's own."""


class Follower(Protocol):
    """Something that folds the log and tells how far it has come."""

    @property
    def position(self) -> int:
        """The last position folded."""
        ...


class Handling(AbstractContextManager["Handling", None], Protocol):
    """Lasts as long as an event is handled; an exception that leaves it is a failure."""

    def failed(self, error: BaseException) -> None:
        """Say that the handling failed, though no exception leaves it."""
        ...


class Telemetry(Protocol):
    """Whoever looks on while a space is at work."""

    def observing(self, store: EventStore) -> AbstractAsyncContextManager[EventStore]:
        """Return the same log, observed; whatever is shown of it is shown until the end."""
        ...

    def following(
        self, space: str, name: str, follower: Follower
    ) -> AbstractContextManager[object]:
        """Watch how far a follower of the log has come, until the end.

        Args:
            space: The space whose log it follows.
            name: Of the follower; those of one name are shown as one, by the hindmost.
            follower: The follower.
        """
        ...

    def handling(self, space: str, role: Role, recorded: Recorded | None) -> Handling:
        """Observe how an event is handled; what is appended meanwhile follows from it.

        Args:
            space: The space.
            role: Who handles it.
            recorded: The event, or None for a deadline.
        """
        ...

    def reconnected(self, space: str) -> None:
        """Notice that a lost connection to the log of a space is there again."""
        ...


class _Unobserved:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def failed(self, error: BaseException) -> None:
        pass


_UNOBSERVED: Final = _Unobserved()


class Silence:
    """Nobody looks on."""

    @asynccontextmanager
    async def observing(self, store: EventStore) -> AsyncGenerator[EventStore]:
        """Return the log itself."""
        yield store

    def following(
        self,
        space: str,  # noqa: ARG002 - as the port has it
        name: str,  # noqa: ARG002 - as the port has it
        follower: Follower,  # noqa: ARG002 - as the port has it
    ) -> AbstractContextManager[object]:
        """Watch nothing."""
        return _UNOBSERVED

    def handling(
        self,
        space: str,  # noqa: ARG002 - as the port has it
        role: Role,  # noqa: ARG002 - as the port has it
        recorded: Recorded | None,  # noqa: ARG002 - as the port has it
    ) -> Handling:
        """Observe nothing."""
        return _UNOBSERVED

    def reconnected(self, space: str) -> None:
        """Notice nothing."""


SILENCE: Final[Telemetry] = Silence()


class _All:
    """The handling of one event, as several see it; the first of them sees most of it."""

    def __init__(self, parts: Sequence[Handling]) -> None:
        self._parts = parts
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for part in self._parts:
                _ = stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _ = self._stack.__exit__(kind, error, trace)

    def failed(self, error: BaseException) -> None:
        for part in self._parts:
            part.failed(error)


class _Together:
    def __init__(self, parts: Sequence[Telemetry]) -> None:
        self._parts: Final = tuple(parts)

    @asynccontextmanager
    async def observing(self, store: EventStore) -> AsyncGenerator[EventStore]:
        async with AsyncExitStack() as stack:
            for part in self._parts:
                store = await stack.enter_async_context(part.observing(store))
            yield store

    @contextmanager
    def following(self, space: str, name: str, follower: Follower) -> Generator[None]:
        with ExitStack() as stack:
            for part in self._parts:
                _ = stack.enter_context(part.following(space, name, follower))
            yield

    def handling(self, space: str, role: Role, recorded: Recorded | None) -> Handling:
        return _All([part.handling(space, role, recorded) for part in self._parts])

    def reconnected(self, space: str) -> None:
        for part in self._parts:
            part.reconnected(space)


def together(parts: Sequence[Telemetry]) -> Telemetry:
    """Return those who look on as one.

    Args:
        parts: Any number; each sees the log as those before it have changed it.
    """
    match parts:
        case []:
            return SILENCE
        case [one]:
            return one
        case _:
            return _Together(parts)
