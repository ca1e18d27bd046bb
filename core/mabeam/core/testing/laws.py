"""Laws that every decider and every reactor keeps, to be tried on any history.

Each raises `AssertionError` with what contradicts it. Try them with random histories: a
law that holds for one says little.

>>> from mabeam.core.agent import AGENT, Registered, Suspend, Suspended
>>> past = history(Registered(role="executor"), Suspended(reason="late"))
>>> evolving_is_total(AGENT, past)
>>> folding_can_be_interrupted(AGENT, past)
>>> repeating_a_command_changes_nothing(AGENT, past, Suspend())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from mabeam.core.decider import Decider, apply, fold
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event, decode_data, encode_data, type_of
from mabeam.core.reactor import Append, Reactor
from mabeam.core.testing.history import history, said
from mabeam.core.testing.scenario import expect, listed

__all__ = [
    "deciding_is_a_function",
    "events_survive_the_wire",
    "evolving_is_total",
    "folding_can_be_interrupted",
    "reacting_ends",
    "repeating_a_command_changes_nothing",
    "repeating_events_changes_nothing",
]

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")
ViewT = TypeVar("ViewT")


def deciding_is_a_function(
    decider: Decider[CommandT, StateT], past: Sequence[Recorded], command: CommandT
) -> None:
    """Let the same past and command come to the same, and leave the state as it was."""
    first, second = fold(decider, past).state, fold(decider, past).state
    before = repr(first)
    outcome = _outcome(decider, first, command)
    expect("outcome on the same state", _outcome(decider, first, command), outcome)
    expect("outcome on an equal state", _outcome(decider, second, command), outcome)
    if repr(first) != before:
        raise AssertionError(f"deciding changed the state: {first!r}\nexpected: {before}")


def evolving_is_total(decider: Decider[CommandT, StateT], past: Sequence[Recorded]) -> None:
    """Let every event be applied to every state that the past goes through."""
    entity = fold(decider, ())
    states = [entity := apply(decider.evolve, entity, one) for one in past]
    for state in (fold(decider, ()), *states):
        for one in past:
            try:
                apply(decider.evolve, state, one)
            except Exception as error:
                raise AssertionError(f"{one!r}\nwas refused by: {state!r}") from error


def folding_can_be_interrupted(
    decider: Decider[CommandT, StateT], past: Sequence[Recorded]
) -> None:
    """Let a fold that goes on from any position come to what one from the beginning does."""
    whole = fold(decider, past)
    entity = fold(decider, ())
    for count, one in enumerate(past, 1):
        entity = apply(decider.evolve, entity, one)
        if entity != fold(decider, past[:count]):
            raise AssertionError(f"the fold of the first {count} differs from itself: {entity!r}")
    if entity != whole:
        raise AssertionError(f"another state: {entity!r}\nexpected: {whole!r}")


def repeating_a_command_changes_nothing(
    decider: Decider[CommandT, StateT],
    past: Sequence[Recorded],
    command: CommandT,
    by: str = "ann",
) -> None:
    """Let a command that was carried out come to nothing when it is given once more."""
    entity = fold(decider, past)
    try:
        events = decider.decide(command, entity.state)
    except Rejected:
        return
    for one in history(*(said(event, by) for event in events), after=entity.position):
        entity = apply(decider.evolve, entity, one)
    again = _outcome(decider, entity.state, command)
    if again != ():
        raise AssertionError(f"the command was carried out, and repeated comes to: {listed(again)}")


def events_survive_the_wire(events: Sequence[Event]) -> None:
    """Let events be read as they were written, down to the kinds of their numbers."""
    for event in events:
        written = msgspec.Raw(msgspec.json.encode(event))
        expect("event", (decode_data(type_of(event), written),), (event,))


def older_versions_are_read_as_new(events: Sequence[Event], older: str) -> None:
    """Let events that are written as an older type be read as what they were.

    It holds when nothing is lost on the way down, and shows that upcasters and downcasters
    belong together.

    Args:
        events: Payloads of present types.
        older: The type to write them as.
    """
    for event in events:
        expect("event", (decode_data(older, encode_data(event, older)),), (event,))


def repeating_events_changes_nothing(
    decider: Decider[CommandT, StateT],
    past: Sequence[Event],
    matters: Callable[[StateT], object],
    by: Sequence[str],
) -> None:
    """Let every event be recorded twice without effect on what matters of the state.

    The second time comes at once, or after each later event. Positions are those of the
    log with the repetition in both folds, so that states may be compared with theirs.

    Args:
        decider: The kind of entity.
        past: Payloads, the first first.
        matters: What of the state must not change.
        by: Who says each of them.
    """
    once = [
        said(event, speaker, id=f"id-{number}")
        for number, (event, speaker) in enumerate(zip(past, by, strict=True))
    ]
    for number, again in enumerate(once):
        for later in range(number + 1, len(once) + 1):
            log = history(*once[:later], again, *once[later:])
            kept = [*log[:later], *log[later + 1 :]]
            found = matters(fold(decider, log).state)
            expected = matters(fold(decider, kept).state)
            if found != expected:
                raise AssertionError(
                    f"{again.event!r}\nrepeated at position {later + 1} comes to: {found!r}"
                    f"\nexpected: {expected!r}"
                )


def reacting_ends(  # noqa: PLR0913 - each names one independent choice
    reactor: Reactor[ViewT],
    view: Callable[[Sequence[Recorded]], ViewT],
    past: Sequence[Recorded],
    name: str,
    *,
    now_ns: int = 0,
    rounds_max: int = 20,
) -> tuple[Recorded, ...]:
    """Let a reactor come to rest once its effects are recorded; return what then is.

    Effects are recorded as a log does it: where a part expects its boundary to stand, and
    under ids that follow from the cause, of which none may be given twice.

    Args:
        reactor: Whom to ask.
        view: Folds a log into what the reactor looks at.
        past: What has happened.
        name: Name of the entity.
        now_ns: The log's clock.
        rounds_max: After so many answers were carried out, it must have nothing left to append.
    """
    log = tuple(past)
    due = reactor.react(name, view(log), now_ns).append
    for _ in range(rounds_max):
        for append in due:
            log = _record(log, append)
        due = reactor.react(name, view(log), now_ns).append
        if not due:
            return log
    raise AssertionError(f"still at work after {rounds_max} answers: {listed(due)}")


def _record(log: tuple[Recorded, ...], append: Append) -> tuple[Recorded, ...]:
    tails = {one.boundary: one.position for one in log}
    for part in append.parts:
        expect(f"position of {part.boundary}", part.expect, tails.get(part.boundary, 0))
    for part in append.parts:
        for index, event in enumerate(part.events):
            id_ = append.id_of(part.boundary, type_of(event), index)
            if any(one.id == id_ for one in log):
                raise AssertionError(f"the log has an event of this id already: {event!r}")
            spoken = said(event, id=id_, about=part.boundary)
            log += history(spoken, after=log[-1].position if log else 0)
    return log


def _outcome(
    decider: Decider[CommandT, StateT], state: StateT, command: CommandT
) -> tuple[object, ...]:
    try:
        return decider.decide(command, state)
    except Rejected as refusal:
        return (refusal.code, refusal.field, refusal.value, refusal.allowed)
