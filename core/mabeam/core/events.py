"""The registry of event types: stable names and versions, and how old ones become new.

A type is written ``<dotted name>.v<version>`` and never as a Python path, because the
name is on disk for ever. Evolve a type by adding fields with defaults. When that is not
enough, register the next version and say in `mabeam.core.versions` how the former one is
read today.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from mabeam.core.errors import DowncastFailed, MalformedEvent, UnknownEventType, UpcastFailed

__all__ = [
    "Downcast",
    "Event",
    "EventType",
    "Fields",
    "Reading",
    "Several",
    "decode_data",
    "encode_data",
    "event_type",
    "known_type",
    "register_older",
    "register_reading",
    "registered",
    "replaced",
    "type_of",
    "write_as",
]

_NAME: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\.v[1-9]\d*")


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Base of every payload: a past-tense fact.

    Sequences are tuples, for a set would be written in another order by every process;
    money and weights are integers or decimals, for binary fractions do not add up.
    Payloads and states are made only of what was there before them, so no cycle ever holds
    one, and the garbage collector need not walk through a whole history (``gc=False``).
    """


class Several(Event, frozen=True, kw_only=True):
    """What one old event says in the types of today, if that is not exactly one event.

    It is never written. `Recorded.parts` gives each event with the circumstances.

    Attributes:
        named: Each type and its payload, in order; nothing if the old type was retired.
    """

    named: tuple[tuple[str, Event], ...]


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
Fields: TypeAlias = dict[str, Any]
"""A payload as the JSON object it is on the wire. Fields left out have their defaults."""

Downcast: TypeAlias = Callable[[Fields], Fields]


class Reading(msgspec.Struct, frozen=True):
    """How an old type is read today.

    Attributes:
        types: The newer types it becomes, each of which may be old in its turn.
        upcast: Gives the type and fields of each newer event, out of fields of its own.
    """

    types: tuple[str, ...]
    upcast: Callable[[Fields], Iterable[tuple[str, Fields]]]


_types: Final[dict[str, EventType]] = {}
_names: Final[dict[type[Event], str]] = {}
_decoders: Final[dict[str, msgspec.json.Decoder[Event]]] = {}
_readings: Final[dict[str, Reading]] = {}
_older: Final[dict[str, dict[str, Downcast]]] = {}
_written: Final[dict[type[Event], str]] = {}


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
    if name in _readings:
        raise ValueError(f"{name} is old and read as {_listed(_readings[name].types)}")

    def register(struct: EventT) -> EventT:
        # The same class once more is a module that is loaded again.
        if name in _types and repr(_types[name].struct) != repr(struct):
            raise ValueError(f"{name} is registered for {_types[name].struct!r}")
        _types[name] = EventType(name, kind, struct)
        _names[struct] = _written[struct] = name
        _decoders[name] = msgspec.json.Decoder(struct)
        return struct

    return register


def register_reading(old: str, reading: Reading) -> None:
    """Register how an old type is read today; `mabeam.core.versions` has the forms for it.

    Raises:
        ValueError: A name is malformed, the old type has a struct, or the way would lead
            back to it. Correct the source.
    """
    for name in (old, *reading.types):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not <dotted name>.v<version>")
    if old in _types:
        # Its struct would go on being used, and no upcaster ever be called.
        raise ValueError(f"{old} has a struct, {_types[old].struct!r}: take it away")
    if old in _read_as(reading.types):
        raise ValueError(f"reading {old} as {_listed(reading.types)} closes a circle")
    _readings[old] = reading


def register_older(new: str, old: str, downcast: Downcast) -> None:
    """Register how the fields of a type become those of an older one."""
    _older.setdefault(new, {})[old] = downcast


def _read_as(types: Iterable[str]) -> set[str]:
    """Return types and all those as which they are read, directly or through others."""
    waiting, found = list(types), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found and name in _readings:
            waiting += _readings[name].types
        found.add(name)
    return found


def registered() -> tuple[EventType, ...]:
    """Return all registered types, by name."""
    return tuple(_types[name] for name in sorted(_types))


def known_type(name: str) -> EventType | None:
    """Return the type registered under a name, or None."""
    return _types.get(name)


def replaced() -> dict[str, Reading]:
    """Return how each old type is read today, by name."""
    return dict(sorted(_readings.items()))


def write_as(present: str, type_: str) -> None:
    """Write a type in the form of an older one from now on, in this process.

    For as long as processes of the former release read along. `write_as(name, name)` ends
    it. Nothing changes for readers: whoever knows the present type reads it as such.

    Args:
        present: A registered type.
        type_: The older type, or the present one.

    Raises:
        ValueError: There is no such type, no downcaster leads to the older one, or no upcaster
            back from it. Correct the source.
    """
    if present not in _types:
        raise ValueError(f"{present} is not registered")
    if _way_down(present, type_) is None:
        raise ValueError(f"no downcaster leads from {present} to {type_}")
    if present not in _read_as([type_]):
        raise ValueError(f"no upcaster leads from {type_} to {present}")
    _written[_types[present].struct] = type_


def type_of(data: Event) -> str:
    """Return the type under which a payload is written.

    Raises:
        UnknownEventType: Its class was never registered.
    """
    try:
        return _written[type(data)]
    except KeyError:
        raise UnknownEventType(type(data).__qualname__) from None


def encode_data(data: Event, type_: str) -> msgspec.Raw:
    """Write a payload in the form of its type, or of an older one.

    Raises:
        DowncastFailed: No downcaster leads to the type, or one raised.
        UnknownEventType: Its class was never registered.
    """
    raw = msgspec.json.encode(data)
    present = _names.get(type(data))
    if present == type_:
        return msgspec.Raw(raw)
    if present is None:
        raise UnknownEventType(type(data).__qualname__)
    way = _way_down(present, type_)
    if way is None:
        raise DowncastFailed(present, type_, "no downcaster leads there")
    try:
        fields = msgspec.json.decode(raw, type=Fields)
        for downcast in way:
            fields = downcast(fields)
        return msgspec.Raw(msgspec.json.encode(fields))
    except Exception as error:
        # Whatever a user's downcaster raises, the caller must learn which type it was.
        raise DowncastFailed(present, type_, f"{type(error).__name__}: {error}") from error


def _way_down(present: str, type_: str) -> tuple[Downcast, ...] | None:
    """Return the downcasters from one type to another, the fewest there are."""
    ways: dict[str, tuple[Downcast, ...]] = {present: ()}
    waiting = [present]
    for name in waiting:
        for older, downcast in _older.get(name, {}).items():
            if older not in ways:
                ways[older] = (*ways[name], downcast)
                waiting.append(older)
    return ways.get(type_)


def decode_data(type_: str, data: msgspec.Raw | msgspec.UnsetType, position: int = 0) -> Event:
    """Read a payload into the struct of its type, upcasting it if it is old.

    Returns:
        The payload; for an old event that is not exactly one today, `Several`.

    Raises:
        UnknownEventType: Neither a struct nor an upcaster is registered for the type.
        MalformedEvent: The payload is not of the shape its type promises.
        UpcastFailed: An upcaster raised, or gave what does not fit.
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
    if type_ not in _readings:
        raise UnknownEventType(type_, position)
    try:
        named = tuple(_present(type_, msgspec.json.decode(raw, type=Fields)))
    except UnknownEventType as error:
        raise UnknownEventType(error.type, position) from error
    except Exception as error:
        # Whatever a user's upcaster raises, the caller must learn which event it was.
        raise UpcastFailed(type_, f"{type(error).__name__}: {error}", position) from error
    return named[0][1] if len(named) == 1 else Several(named=named)


def _present(type_: str, fields: Fields) -> Iterable[tuple[str, Event]]:
    """Follow a type to those of today, and read the fields as their structs do."""
    reading = _readings.get(type_)
    if reading is None:
        if type_ not in _decoders:
            raise UnknownEventType(type_)
        # By way of the wire, so that numbers and texts are read as everywhere else.
        yield type_, _decoders[type_].decode(msgspec.json.encode(fields))
        return
    for newer, its_fields in reading.upcast(fields):
        if newer not in reading.types:
            raise ValueError(f"{newer} is none of {_listed(reading.types)}")
        yield from _present(newer, its_fields)


def _listed(types: Iterable[str]) -> str:
    return ", ".join(types) or "nothing"
