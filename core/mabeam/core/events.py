"""The registry of event types: stable names and versions, and how old ones become new.

A type is written ``<dotted name>.v<version>`` and never as a Python path, because the
name is on disk for ever. Evolve a type by adding fields with defaults. When that is not
enough, register the next version and an upcaster from the former one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from mabeam.core.errors import MalformedEvent, UnknownEventType, UpcastFailed

__all__ = [
    "Event",
    "EventType",
    "decode_data",
    "event_type",
    "known_type",
    "registered",
    "type_of",
    "upcaster",
]

_NAME: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\.v[1-9]\d*")


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Base of every payload: a past-tense fact.

    Sequences are tuples, for a set would be written in another order by every process;
    money and weights are integers or decimals, for binary fractions do not add up.
    Payloads and states are made only of what was there before them, so no cycle ever holds
    one, and the garbage collector need not walk through a whole history (``gc=False``).
    """


class EventType(msgspec.Struct, frozen=True):
    """A registered type.

    Attributes:
        name: Stable name with version, ``mabeam.auction.bid_placed.v1``.
        kind: Kind of entity whose events it belongs to, ``session``.
        struct: The payload's class.
    """

    name: str
    kind: str
    struct: type[Event]


EventT = TypeVar("EventT", bound=type[Event])
Fields = dict[str, Any]
Upcast = Callable[[Fields], Fields]

_types: Final[dict[str, EventType]] = {}
_names: Final[dict[type[Event], str]] = {}
_decoders: Final[dict[str, msgspec.json.Decoder[Event]]] = {}
_upcasters: Final[dict[str, tuple[str, Upcast]]] = {}


def event_type(name: str, *, kind: str) -> Callable[[EventT], EventT]:
    """Register a struct as the payload of a type.

    Args:
        name: Stable dotted name with version.
        kind: Kind of entity whose events it belongs to.

    Raises:
        ValueError: The name is malformed or taken. Correct the source.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not <dotted name>.v<version>")

    def register(struct: EventT) -> EventT:
        # The same class once more is a module that is loaded again.
        if name in _types and repr(_types[name].struct) != repr(struct):
            raise ValueError(f"{name} is registered for {_types[name].struct!r}")
        _types[name] = EventType(name, kind, struct)
        _names[struct] = name
        _decoders[name] = msgspec.json.Decoder(struct)
        return struct

    return register


def upcaster(old: str, new: str) -> Callable[[Upcast], Upcast]:
    """Register how the fields of an old version become those of a newer one.

    Chains are followed: v1 to v2 to v3. The function gets a dictionary of its own.

    Raises:
        ValueError: The chain would end where it begins. Correct the source.
    """
    following = new
    while following in _upcasters and following != old:
        following = _upcasters[following][0]
    if following == old:
        raise ValueError(f"an upcaster from {old} to {new} closes a circle")

    def register(function: Upcast) -> Upcast:
        _upcasters[old] = (new, function)
        return function

    return register


def registered() -> tuple[EventType, ...]:
    """Return all registered types, by name."""
    return tuple(_types[name] for name in sorted(_types))


def known_type(name: str) -> EventType | None:
    """Return the type registered under a name, or None."""
    return _types.get(name)


def type_of(data: Event) -> str:
    """Return the type under which a payload is written.

    Raises:
        UnknownEventType: Its class was never registered.
    """
    try:
        return _names[type(data)]
    except KeyError:
        raise UnknownEventType(type(data).__qualname__) from None


def decode_data(type_: str, data: msgspec.Raw | msgspec.UnsetType, position: int = 0) -> Event:
    """Read a payload into the struct of its type, upcasting it if it is old.

    Raises:
        UnknownEventType: Neither a struct nor an upcaster is registered for the type.
        MalformedEvent: The payload is not of the shape its type promises.
        UpcastFailed: An upcaster raised.
    """
    raw = b"{}" if data is msgspec.UNSET else data
    decoder = _decoders.get(type_)
    if decoder is None:
        return _upcast(type_, raw, position)
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(str(error), position) from error


def _upcast(type_: str, raw: bytes | msgspec.Raw, position: int) -> Event:
    if type_ not in _upcasters:
        raise UnknownEventType(type_, position)
    current = type_
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
        while current in _upcasters:
            current, function = _upcasters[current]
            fields = function(fields)
    except Exception as error:
        # Whatever a user's upcaster raises, the caller must learn which event it was.
        raise UpcastFailed(type_, f"{type(error).__name__}: {error}", position) from error
    if current not in _types:
        raise UnknownEventType(current, position)
    try:
        return msgspec.convert(fields, _types[current].struct)
    except msgspec.ValidationError as error:
        raise UpcastFailed(type_, str(error), position) from error
