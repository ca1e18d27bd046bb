"""Given what has happened, when something is asked, then this follows: in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, cast, overload

import msgspec

from mabeam.core.decider import Decider, Entity, fold
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.reactor import Effects, Part, Reactor, Send, Timer
from mabeam.core.subjects import Boundary
from mabeam.core.testing.history import ENTITY, Past, history

__all__ = ["Given", "Reaction", "Verdict", "expect", "given", "listed"]

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")
ViewT = TypeVar("ViewT")


def given(decider: Decider[CommandT, StateT], *past: Past) -> Given[CommandT, StateT]:
    """Begin a test with what has happened to an entity.

    >>> from mabeam.core.agent import AGENT, Deregister, Registered, Suspend, Suspended
    >>> given(AGENT, Registered()).when(Suspend("late")).then(Suspended(reason="late"))
    >>> given(AGENT).when(Deregister()).then_nothing()
    >>> given(AGENT).when(Suspend()).then_rejected("agent.unknown", field="status").value
    'unknown'

    Args:
        decider: The kind of entity.
        past: What has happened to it, the first first.
    """
    return Given(decider, past)


class Given(Generic[CommandT, StateT]):
    """An entity after its past."""

    def __init__(self, decider: Decider[CommandT, StateT], past: tuple[Past, ...]) -> None:
        self._decider = decider
        self.entity: Entity[StateT] = fold(decider, history(*past))

    @property
    def state(self) -> StateT:
        """What the past comes to."""
        return self.entity.state

    def when(self, command: CommandT) -> Verdict:
        """Let the decider judge a command."""
        try:
            return Verdict(self._decider.decide(command, self.state), None)
        except Rejected as refusal:
            return Verdict((), refusal)

    @overload
    def when_reacting(
        self, reactor: Reactor[Entity[StateT]], name: str = ENTITY, *, now_ns: int = 0
    ) -> Reaction: ...

    @overload
    def when_reacting(
        self,
        reactor: Reactor[ViewT],
        name: str = ENTITY,
        *,
        now_ns: int = 0,
        view: Callable[[Entity[StateT]], ViewT],
    ) -> Reaction: ...

    def when_reacting(
        self,
        reactor: Reactor[Any],
        name: str = ENTITY,
        *,
        now_ns: int = 0,
        view: Callable[[Entity[StateT]], Any] | None = None,
    ) -> Reaction:
        """Ask a reactor what is to be done.

        >>> from mabeam.core.variable import BooleanType, Changed, Declared, Proposed
        >>> from mabeam.core.variable import VARIABLE, VARIABLES, VariableView
        >>> past = [Declared(type=BooleanType()), Proposed(value=True, base=1)]
        >>> _ = (
        ...     given(VARIABLE, *past)
        ...     .when_reacting(VARIABLES, view=VariableView)
        ...     .then_appends(
        ...         Changed(
        ...             value=True, previous=False, base=1, proposal="event-2", by="coordinator"
        ...         )
        ...     )
        ... )

        Args:
            reactor: Whom to ask.
            name: Name of the entity.
            now_ns: The log's clock.
            view: Makes of the entity what the reactor looks at, if that is more.
        """
        seen = self.entity if view is None else view(self.entity)
        return Reaction(Boundary(reactor.kind, name), reactor.react(name, seen, now_ns))

    @overload
    def when_receiving(
        self, reactor: Reactor[Entity[StateT]], send: Send, name: str = ENTITY
    ) -> Reaction: ...

    @overload
    def when_receiving(
        self,
        reactor: Reactor[ViewT],
        send: Send,
        name: str = ENTITY,
        *,
        view: Callable[[Entity[StateT]], ViewT],
    ) -> Reaction: ...

    def when_receiving(
        self,
        reactor: Reactor[Any],
        send: Send,
        name: str = ENTITY,
        *,
        view: Callable[[Entity[StateT]], Any] | None = None,
    ) -> Reaction:
        """Let a reactor receive what another one sends."""
        seen = self.entity if view is None else view(self.entity)
        return Reaction(Boundary(reactor.kind, name), reactor.receive(name, seen, send))


class Verdict:
    """What a decider made of a command."""

    def __init__(self, events: tuple[Event, ...], refusal: Rejected | None) -> None:
        self._events = events
        self._refusal = refusal

    def then(self, *expected: Event) -> None:
        """Expect exactly these events.

        Raises:
            AssertionError: The command was refused, or came to others.
        """
        if self._refusal is not None:
            raise AssertionError(f"refused: {self._refusal}\nexpected: {listed(expected)}")
        expect("events", self._events, expected)

    def then_nothing(self) -> None:
        """Expect that the command asks for what is already so.

        Raises:
            AssertionError: It was refused, or came to something.
        """
        self.then()

    def then_rejected(self, code: str, *, field: str | None = None) -> Rejected:
        """Expect a rule to refuse the command; return the refusal for more questions.

        Args:
            code: The rule.
            field: The part of the input at fault, if that matters.

        Raises:
            AssertionError: The command was not refused, or by another rule or part.
        """
        if self._refusal is None:
            raise AssertionError(
                f"not refused, but came to: {listed(self._events)}\nexpected: {code}"
            )
        expect("rule", self._refusal.code, code)
        if field is not None:
            expect("field", self._refusal.field, field)
        return self._refusal


class Reaction:
    """What a reactor wants done. Each expectation looks at one kind of effect."""

    def __init__(self, boundary: Boundary, effects: Effects) -> None:
        self._boundary = boundary
        self.effects = effects

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is to be recorded, part by part."""
        return tuple(part for append in self.effects.append for part in append.parts)

    def then_appends(self, *expected: Event) -> Self:
        """Expect exactly these events, over all appends and their parts in order.

        Raises:
            AssertionError: There are others, fewer or more.
        """
        expect("events", tuple(event for part in self.parts for event in part.events), expected)
        return self

    def then_sends(self, *expected: tuple[Boundary, msgspec.Struct]) -> Self:
        """Expect exactly these commands, each with the entity that receives it.

        Raises:
            AssertionError: There are others, fewer or more.
        """
        expect(
            "commands", tuple((one.boundary, one.command) for one in self.effects.send), expected
        )
        return self

    def then_schedules(self, *expected: int | Timer) -> Self:
        """Expect exactly these timers; a bare instant stands for one of the entity itself.

        Raises:
            AssertionError: There are others, fewer or more.
        """
        timers = tuple(
            one if isinstance(one, Timer) else Timer(self._boundary, one) for one in expected
        )
        expect("timers", self.effects.schedule, timers)
        return self

    def then_nothing(self) -> None:
        """Expect that nothing is to be done.

        Raises:
            AssertionError: Something is.
        """
        self.then_appends().then_sends().then_schedules()


def expect(what: str, found: object, expected: object) -> None:
    """Compare what was found with what a test expects.

    Raises:
        AssertionError: They differ; the text shows both.
    """
    if not _same(found, expected):
        raise AssertionError(f"other {what}: {listed(found)}\nexpected: {listed(expected)}")


def _same(one: Any, two: Any) -> bool:  # noqa: ANN401 - compared, whatever it is
    """Compare more strictly than Python, which holds 1, 1.0 and True to be equal."""
    if type(one) is not type(two) or one != two:
        return False
    if isinstance(one, msgspec.Struct):
        return all(_same(getattr(one, f), getattr(two, f)) for f in one.__struct_fields__)
    if isinstance(one, dict):
        entries = cast("dict[object, object]", one).items()
        return all(_same(value, two[key]) for key, value in entries)
    if isinstance(one, tuple):
        return all(map(_same, cast("tuple[object, ...]", one), two))
    return True


def listed(found: object) -> str:
    """Write what was found for people, one on a line if there are several."""
    if not isinstance(found, tuple):
        return repr(found)
    many: tuple[object, ...] = found  # pyright: ignore[reportUnknownVariableType]  - shown, whatever it is
    return "".join(f"\n  {one!r}" for one in many) or "nothing"
