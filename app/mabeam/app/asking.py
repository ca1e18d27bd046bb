"""Openings and words made of plain fields, as files, flags and scenarios have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from mabeam.core import catalogue
from mabeam.core.errors import Rejected
from mabeam.core.events import Event, registered
from mabeam.core.session.events import Opening, Speech
from mabeam.core.session.protocol import Protocol, protocol_named

__all__ = ["kinds_of_speech", "opening_of", "speech_of"]

EventT = TypeVar("EventT", bound=Event)
_MS: Final = 1000

# Importing the catalogue registers every protocol that comes with mabeam.
_REGISTERED: Final = catalogue.DOMAINS


def opening_of(protocol: str, fields: Mapping[str, Any]) -> Opening:
    """Return the opening of a session.

    Beside the fields of the protocol's opening event, three short forms are understood:
    ``participants`` as a list of names or a table of weights, ``rule`` as a bare name, and
    ``open_for_seconds``.

    Args:
        protocol: Name of the protocol, ``auction``.
        fields: The opening's fields by name.

    Raises:
        Rejected: There is no such protocol, or a field is unknown or does not fit.
    """
    given = dict(fields)
    if "participants" in given:
        given["participants"] = _participants(given["participants"])
    if isinstance(given.get("rule"), str):
        given["rule"] = {"name": given["rule"]}
    seconds = given.pop("open_for_seconds", None)
    if seconds is not None:
        given["open_for_ms"] = _milliseconds(seconds)
    return _made(protocol_named(protocol).opening, given)


def speech_of(protocol: Protocol[Opening], kind: str, fields: Mapping[str, Any]) -> Speech:
    """Return a word in a session.

    Args:
        protocol: The session's protocol.
        kind: Short name of the word, ``bid_placed``; it may be empty where there is but one.
        fields: The word's fields by name.

    Raises:
        Rejected: The protocol knows no such word, or a field is unknown or does not fit.
    """
    kinds = kinds_of_speech(protocol)
    if not kind and len(kinds) == 1:
        kind = next(iter(kinds))
    if kind not in kinds:
        raise Rejected(
            "session.speech",
            f"no such word in a session of {protocol.name}",
            field="type",
            value=kind,
            allowed=", ".join(kinds),
        )
    return _made(kinds[kind], fields)


def kinds_of_speech(protocol: Protocol[Opening]) -> dict[str, type[Speech]]:
    """Return what may be said in sessions of a protocol, by short name."""
    return {
        type_.name.split(".")[-2]: type_.struct
        for type_ in registered()
        if issubclass(type_.struct, protocol.speech)
    }


def _participants(given: object) -> object:
    if isinstance(given, Mapping):
        return [{"agent": agent, "weight": weight} for agent, weight in given.items()]  # pyright: ignore[reportUnknownVariableType]  - converted, and checked, later
    if isinstance(given, list | tuple):
        return [{"agent": one} if isinstance(one, str) else one for one in given]  # pyright: ignore[reportUnknownVariableType]  - converted, and checked, later
    return given


def _milliseconds(seconds: object) -> object:
    try:
        return round(float(seconds) * _MS)  # type: ignore[arg-type]  # tried
    except (TypeError, ValueError, OverflowError):
        raise Rejected(
            "session.open_for",
            "no such duration",
            field="open_for_seconds",
            value=seconds,
            allowed="a number of seconds",
        ) from None


def _made(struct: type[EventT], fields: Mapping[str, Any]) -> EventT:
    known = struct.__struct_encode_fields__
    for name, value in fields.items():
        if name not in known:
            raise Rejected(
                "session.field",
                "no such field",
                field=name,
                value=value,
                allowed=", ".join(known),
            )
    try:
        return msgspec.convert(dict(fields), struct, strict=False)
    except msgspec.ValidationError as error:
        raise Rejected(
            "session.field",
            "a field does not fit",
            field=struct.__name__,
            value=dict(fields),
            allowed=str(error),
        ) from error
