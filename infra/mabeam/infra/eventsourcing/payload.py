"""The library's records as events of a space.

An event is stored under its topic where that is a name such as ``bank.account_opened.v1``,
given by ``TOPIC`` on its class; a path of Python code is no such name and changes with every
tidying, so what has none of its own is stored as `ANONYMOUS`, with its topic inside. Its state
stands in the event as JSON where it is a JSON object, and else as base64.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from mabeam.core.envelope import DEPTH_MAX, Envelope, Recorded
from mabeam.core.subjects import LENGTH_MAX, event_token

__all__ = [
    "ANONYMOUS",
    "DECISION",
    "STORED",
    "TRACKING",
    "Content",
    "Decision",
    "Stored",
    "Tracked",
    "content",
    "number_of",
    "read",
    "type_of_topic",
    "wrap",
]

STORED: Final = "urn:mabeam:eventsourcing:stored-event:1"
"""The ``dataschema`` of an aggregate's event or snapshot."""

TRACKING: Final = "urn:mabeam:eventsourcing:tracking:1"
"""The ``dataschema`` of a record of how far an upstream sequence has been processed."""

DECISION: Final = "urn:mabeam:eventsourcing:decision:1"
"""The ``dataschema`` of an event with tags, for dynamic consistency boundaries."""

ANONYMOUS: Final = "eventsourcing.stored_event.v1"
"""The type of an event whose topic is not a name."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
# The envelope and its data are levels of their own.
_STATE_DEPTH_MAX: Final = DEPTH_MAX - 2


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all records have in common.

    Attributes:
        topic: The library's name for the class; left out where it is the event's type.
        state: The state, if it is a JSON object.
        state_base64: The state, if it is not.
    """

    topic: str = ""
    state: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    state_base64: bytes = b""

    @property
    def raw(self) -> bytes:
        """The state as the library gave it."""
        return self.state_base64 if self.state is msgspec.UNSET else bytes(self.state)


class Stored(Content, frozen=True, kw_only=True, omit_defaults=True):
    """An event or a snapshot of an aggregate.

    Attributes:
        originator_version: Its place among the aggregate's own, rising.
        uuid: Whether the library's id of the aggregate is a UUID rather than text.
    """

    originator_version: int
    uuid: bool = False


class Tracked(Content, frozen=True, kw_only=True, omit_defaults=True):
    """How far an upstream sequence has been processed, and what has come of it.

    Attributes:
        application_name: The upstream sequence.
        notification_id: The last position processed, rising.
    """

    application_name: str
    notification_id: int


class Decision(Content, frozen=True, kw_only=True, omit_defaults=True):
    """An event with tags.

    Attributes:
        tags: What it concerns, in the order given.
    """

    tags: tuple[str, ...]


_decoders: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    STORED: msgspec.json.Decoder(Stored),
    TRACKING: msgspec.json.Decoder(Tracked),
    DECISION: msgspec.json.Decoder(Decision),
}


@lru_cache(maxsize=4_096)
def type_of_topic(topic: str) -> str:
    """Return the type under which events of a topic are stored."""
    if _NAME.fullmatch(topic) and len(event_token(topic)) <= LENGTH_MAX["event"]:
        return topic
    return ANONYMOUS


def content(topic: str, state: bytes) -> dict[str, Any]:
    """Return the fields of `Content` for a topic and a state."""
    fields: dict[str, Any] = {}
    if type_of_topic(topic) == ANONYMOUS:
        fields["topic"] = topic
    if _is_object(state):
        fields["state"] = msgspec.Raw(state)
    else:
        fields["state_base64"] = state
    return fields


def wrap(  # noqa: PLR0913 - the attributes of a CloudEvent are what they are
    data: Content,
    schema: str,
    *,
    type_: str,
    subject: str,
    source: str,
    id_: str,
    commit_id: str,
) -> Envelope:
    """Return the event that holds a record."""
    return Envelope(
        specversion="1.0",
        id=id_,
        source=source,
        type=type_,
        subject=subject,
        datacontenttype="application/json",
        dataschema=schema,
        commitid=commit_id,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


def read(recorded: Recorded) -> Content | None:
    """Return the record that an event holds, or None if it is none or cannot be read."""
    envelope = recorded.envelope
    decoder = _decoders.get(envelope.dataschema)
    if decoder is None or envelope.data is msgspec.UNSET:
        return None
    try:
        found: Content = decoder.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found


def number_of(recorded: Recorded) -> int | None:
    """Return the rising number of a record among those of its boundary."""
    match read(recorded):
        case Stored() as stored:
            return stored.originator_version
        case Tracked() as tracked:
            return tracked.notification_id
        case _:
            return None


def _is_object(state: bytes) -> bool:
    """Tell whether a state is a JSON object that an event can hold as it is."""
    if state[:1] != b"{" or state[-1:] != b"}":
        return False
    try:
        if not state.isascii():
            _ = state.decode()
        _ = _raw.decode(state)
        brackets = state.count(b"{") + state.count(b"[")
        return (
            brackets <= _STATE_DEPTH_MAX or _depth(msgspec.json.decode(state)) <= _STATE_DEPTH_MAX
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


_raw: Final = msgspec.json.Decoder(msgspec.Raw)


def _depth(value: object) -> int:
    inner: Iterable[object]
    match value:
        case dict():
            inner = cast("dict[str, object]", value).values()
        case list():
            inner = cast("list[object]", value)
        case _:
            return 0
    return 1 + max(map(_depth, inner), default=0)
