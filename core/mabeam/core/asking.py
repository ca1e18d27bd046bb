"""Openings and words made of plain fields, as files, flags and scenarios have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.events import Event, registered, type_of
from mabeam.core.session.events import Opening, Speech
from mabeam.core.session.protocol import Protocol, protocol_named

__all__ = ["check_kind", "kinds_of_speech", "milliseconds_of", "opening_of", "speech_of"]

EventT = TypeVar("EventT", bound=Event)
_MS: Final = 1000

# How msgspec says what is wrong, and where.
_PLACE: Final = re.compile(r" - at (?:`key` in )?`\$([^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_EXPECTED: Final = re.compile(r"Expected (.+?)(?:, got .*| - at .*)$")
_WORDS: Final = {
    "Invalid decimal string": "a decimal number",
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table",
    "str": "text",
}
_STEP: Final = re.compile(r"(\w+)|\[([^]]*)\]")


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
        given["open_for_ms"] = milliseconds_of(seconds)
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
        raise _unknown_word(protocol, kind)
    return _made(kinds[kind], fields)


def check_kind(protocol: Protocol[Opening], speech: Speech) -> None:
    """Refuse a word that means nothing in sessions of a protocol.

    Raises:
        Rejected: It is a word of other protocols; the error names those of this one.
    """
    if not isinstance(speech, protocol.speech):
        raise _unknown_word(protocol, _short(type_of(speech)))


def kinds_of_speech(protocol: Protocol[Opening]) -> dict[str, type[Speech]]:
    """Return what may be said in sessions of a protocol, by short name."""
    return {
        _short(type_.name): type_.struct
        for type_ in registered()
        if issubclass(type_.struct, protocol.speech)
    }


def milliseconds_of(seconds: object) -> int:
    """Return a duration in whole milliseconds.

    Raises:
        Rejected: It is no finite number.
    """
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


def _short(type_: str) -> str:
    return type_.split(".")[-2]


def _unknown_word(protocol: Protocol[Opening], kind: str) -> Rejected:
    return Rejected(
        "session.speech",
        f"no such word in a session of {protocol.name}",
        field="type",
        value=kind,
        allowed=", ".join(kinds_of_speech(protocol)),
    )


def _participants(given: object) -> object:
    if isinstance(given, Mapping):
        return [{"agent": agent, "weight": weight} for agent, weight in given.items()]  # pyright: ignore[reportUnknownVariableType]  - converted, and checked, later
    if isinstance(given, list | tuple):
        return [{"agent": one} if isinstance(one, str) else one for one in given]  # pyright: ignore[reportUnknownVariableType]  - converted, and checked, later
    return given


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
        raise _misfit(str(error), struct, fields) from error


def _misfit(text: str, struct: type[Event], fields: Mapping[str, Any]) -> Rejected:
    """Return the refusal of a field, from what msgspec says of it."""
    placed = _PLACE.search(text)
    place = placed[1].removeprefix(".") if placed else ""
    missing = _MISSING.match(text)
    if missing:
        field = f"{place}.{missing[1]}" if place else missing[1]
        return Rejected(
            "session.field", "a field is missing", field=field, value="", allowed="to be given"
        )
    wanted = _EXPECTED.match(text)
    named = wanted[1].replace("`", "") if wanted else _PLACE.sub("", text)
    allowed = " or ".join(_WORDS.get(one, one) for one in named.split(" | "))
    for known in msgspec.structs.fields(struct):
        if known.encode_name == place and get_origin(known.type) is Literal:
            allowed = ", ".join(map(str, get_args(known.type)))
    return Rejected(
        "session.field",
        "a field does not fit",
        field=place,
        value=_value_at(fields, place),
        allowed=allowed,
    )


def _value_at(found: Any, place: str) -> object:  # noqa: ANN401 - plain data are any
    """Return the value at a place such as ``issues[0].low``, or the nearest one around it."""
    for name, index in _STEP.findall(place):
        if name:
            found = found[name]
        elif index != "...":
            found = found[int(index)]
    return found
