"""What can be one append: the rules that every store keeps before it records anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mabeam.core.envelope import Envelope
from mabeam.core.errors import Rejected
from mabeam.core.ports import ANY, Guard, Write
from mabeam.core.subjects import Boundary

__all__ = ["EVENTS_MAX", "check_append"]

EVENTS_MAX: Final = 1_000
"""Events of one append, as many as a server records in one batch."""


def check_append(writes: Sequence[Write], guards: Sequence[Guard] = ()) -> None:
    """Refuse what is no append. The names in its events are checked where they are encoded.

    Raises:
        Rejected: There is no event or there are too many, a write is of several entities or
            two are of one, the commits differ, an id stands twice, a guard stands on what
            is written or twice, or there are more conditions than events to carry them.
    """
    if not writes or not all(write.events for write in writes):
        raise Rejected("append.empty", "nothing to append", field="writes")
    if len(writes) == 1 and len(writes[0].events) == 1:
        if guards:
            _check_guards(writes, guards, 1)
        return
    events = [event for write in writes for event in write.events]
    if len(events) > EVENTS_MAX:
        raise Rejected(
            "append.too_many",
            "too many events for one append",
            field="events",
            value=len(events),
            allowed=f"1 to {EVENTS_MAX}",
        )
    _check_events(writes, events)
    if guards:
        _check_guards(writes, guards, len(events))


def _check_events(writes: Sequence[Write], events: Sequence[Envelope]) -> None:
    for write in writes:
        subject = write.events[0].subject
        if any(event.subject != subject for event in write.events):
            raise Rejected(
                "append.mixed",
                "the events of a write are of several entities",
                field="subject",
                value=subject,
            )
    twice = next(_repeated([write.events[0].subject for write in writes]), None)
    if twice is not None:
        raise Rejected(
            "append.boundary_twice", "two writes to one boundary", field="subject", value=twice
        )
    if len({event.commitid for event in events}) > 1:
        raise Rejected("append.mixed", "the events are of several commits", field="commitid")
    twice = next(_repeated([event.id for event in events]), None)
    if twice is not None:
        raise Rejected("append.id_twice", "an id stands for two events", field="id", value=twice)


def _check_guards(writes: Sequence[Write], guards: Sequence[Guard], events: int) -> None:
    guarding = [str(Boundary.parse(str(guard.boundary))) for guard in guards]
    subjects = [write.events[0].subject for write in writes]
    twice = next(_repeated([*subjects, *guarding]), None)
    if twice is not None:
        raise Rejected(
            "append.guard_twice",
            "a guard on what is written, or two guards on one boundary",
            field="guards",
            value=twice,
            allowed="other boundaries, each once; say where one that is written must stand "
            "with the expectation of its write",
        )
    conditions = len(guards) + sum(write.expect is not ANY for write in writes)
    if conditions > events:
        raise Rejected(
            "append.too_many_conditions",
            "an event can carry one condition",
            field="guards",
            value=f"{conditions} expectations and guards",
            allowed=f"at most {events}, as there are events",
        )


def _repeated(names: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
