"""What has happened, for tests: payloads become recorded events by way of the wire."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from mabeam.core.actors import COORDINATOR, COORDINATOR_SOURCE
from mabeam.core.envelope import Recorded, decode, encode, envelope_of, wire_subject
from mabeam.core.events import Event, registered
from mabeam.core.subjects import Boundary

__all__ = ["ENTITY", "NS_PER_SECOND", "SPACE", "Past", "Said", "history", "said"]

SPACE: Final = "rehearsal"
ENTITY: Final = "it"
NS_PER_SECOND: Final = 1_000_000_000
SIZE_MAX: Final = 1_000_000


class Said(msgspec.Struct, frozen=True):
    """A payload, and the circumstances that a test wants to state.

    Attributes:
        event: The payload.
        by: Who said it.
        at_ns: When the log recorded it; None for as many seconds as its position.
        id: Id of the event; empty for ``event-`` and its position.
        about: The entity; None for ``it`` of the kind that the type belongs to.
    """

    event: Event
    by: str = COORDINATOR
    at_ns: int | None = None
    id: str = ""
    about: Boundary | None = None


Past: TypeAlias = Event | Said | Recorded
"""One thing that has happened. A bare payload counts as said by the coordinator."""


def said(
    event: Event,
    by: str = COORDINATOR,
    *,
    at_ns: int | None = None,
    id: str = "",  # noqa: A002 - the CloudEvents word
    about: Boundary | None = None,
) -> Said:
    """Return a payload together with who said it, and when."""
    return Said(event, by, at_ns, id, about)


def history(*past: Past, after: int = 0) -> tuple[Recorded, ...]:
    """Return what has happened as a log would hold it.

    Each payload is written and read again, so a test cannot use what does not survive the
    wire. What is recorded already is taken as it is.

    >>> from mabeam.core.auction import BidPlaced
    >>> first, second = history(BidPlaced(amount=7), said(BidPlaced(amount=8), "ann"))
    >>> (first.position, first.actor, first.data)
    (1, 'coordinator', BidPlaced(amount=7, note=''))
    >>> (second.position, second.actor, str(second.boundary), second.recorded_ns)
    (2, 'ann', 'session/it', 2000000000)

    Args:
        past: What has happened, the first first.
        after: Position behind which it begins.
    """
    kinds = {known.struct: known.kind for known in registered()}
    return tuple(
        one if isinstance(one, Recorded) else _recorded(one, position, kinds)
        for position, one in enumerate(past, after + 1)
    )


def _recorded(one: Event | Said, position: int, kinds: dict[type[Event], str]) -> Recorded:
    spoken = one if isinstance(one, Said) else Said(one)
    boundary = spoken.about or Boundary(kinds[type(spoken.event)], ENTITY)
    envelope = envelope_of(
        spoken.event,
        boundary,
        source=COORDINATOR_SOURCE if spoken.by == COORDINATOR else f"/agents/{spoken.by}",
        id=spoken.id or f"event-{position}",
    )
    at_ns = position * NS_PER_SECOND if spoken.at_ns is None else spoken.at_ns
    return decode(position, at_ns, wire_subject(SPACE, envelope), encode(envelope, SIZE_MAX))
