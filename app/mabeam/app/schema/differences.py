"""What differs between two JSON Schemas of one payload, and whether old events can bear it.

Old events are for ever, so the question is always: is whatever met the old schema still
read, and does it still mean the same? A field that was left out had its default, so another
default changes what recorded events say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final, cast

import msgspec

from mabeam.app.schema.shapes import TAG, Json

__all__ = ["Difference", "differences"]

_LOWEST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_TEXT: Final = ("pattern", "multipleOf")
_BEARABLE: Final = frozenset({"added", "made optional", "replaced", "widened"})
_ABSENT: Final = "nothing"


class Difference(msgspec.Struct, frozen=True):
    """One thing that is no longer as it was.

    Attributes:
        field: The path of the field, ``data.lot.reserve``; ``[]`` are the items of a list
            and ``{}`` the values of a map.
        change: What became of it, in a word.
        old: How it was.
        new: How it is.
    """

    field: str
    change: str
    old: str
    new: str

    @property
    def is_breaking(self) -> bool:
        """Whether recorded events are read no more, or would mean something else."""
        return self.change not in _BEARABLE


class Node(msgspec.Struct, frozen=True):
    """A part of a document, with the definitions that it may refer to."""

    schema: Json
    definitions: Json

    def at(self, schema: Json) -> Node:
        """Return another part of the same document, references followed."""
        while True:
            match schema:
                case {"$ref": str(reference)}:
                    schema = self.definitions[reference.rpartition("/")[2]]
                case {"allOf": [one]}:
                    schema = one
                case _:
                    return Node(schema, self.definitions)

    def fields(self) -> dict[str, Field]:
        """Return the fields of an object by name."""
        required = self.schema.get("required", ())
        return {
            name: Field(
                self.at(part),
                name in required,
                "required" if name in required else f"default {_text(part.get('default'))}",
            )
            for name, part in self.schema.get("properties", {}).items()
        }

    def alternatives(self) -> dict[str, Node]:
        """Return what it may be, each under a word by which it is recognised."""
        if "anyOf" not in self.schema:
            return {self.word(): self}
        found: dict[str, Node] = {}
        for part in self.schema["anyOf"]:
            found |= self.at(part).alternatives()
        return found

    def word(self) -> str:
        """Return the JSON type, or the tag of one of several structs."""
        for name, part in self.schema.get("properties", {}).items():
            if part.get("description") == TAG:
                return f"{name} {_text(part['const'])}"
        values = self.values()
        if values:
            return _TYPES[type(values[0])]
        return str(self.schema.get("format", self.schema.get("type", "anything")))

    def values(self) -> list[object]:
        """Return the values that it is limited to, none if it is not."""
        return [self.schema["const"]] if "const" in self.schema else self.schema.get("enum", [])


class Field(msgspec.Struct, frozen=True):
    """A field of an object: what it holds, and whether it may be left out."""

    part: Node
    is_required: bool
    state: str


_TYPES: Final[dict[type, str]] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    type(None): "null",
}


def differences(old: Json, new: Json) -> Iterator[Difference]:
    """Compare the payloads in two schemas of whole events."""
    before, after = Node(old, old.get("$defs", {})), Node(new, new.get("$defs", {}))
    data = before.at(old["properties"]["data"]), after.at(new["properties"]["data"])
    yield from _between(*data, "data", frozenset())


def _between(old: Node, new: Node, field: str, seen: frozenset[int]) -> Iterator[Difference]:
    # Types may hold themselves; what is being compared further out need not be again.
    if id(old.schema) in seen:
        return
    seen |= {id(old.schema)}
    was, now = old.alternatives(), new.alternatives()
    if any(word not in now and not _takes(now, word) for word in was):
        yield Difference(field, "retyped", _listed(was), _listed(now))
    elif now.keys() - was.keys():
        yield Difference(field, "widened", _listed(was), _listed(now))
    for word in was:
        if word in now:
            yield from _limits(was[word].schema, now[word].schema, field)
            yield from _values(was[word].values(), now[word].values(), field)
            yield from _fields(was[word], now[word], field, seen)
            yield from _inside(was[word], now[word], field, seen)


def _takes(now: dict[str, Node], word: str) -> bool:
    return "anything" in now or (word == "integer" and "number" in now)


def _limits(old: Json, new: Json, field: str) -> Iterator[Difference]:
    for names, is_narrower in ((_LOWEST, float.__gt__), (_HIGHEST, float.__lt__)):
        for name in names:
            yield from _limit(name, old.get(name), new.get(name), field, is_narrower)
    for name in _TEXT:
        was, now = old.get(name), new.get(name)
        if was != now:
            change = "widened" if now is None else "narrowed"
            yield Difference(field, change, _named(name, was), _named(name, now))


def _limit(
    name: str,
    old: float | None,
    new: float | None,
    field: str,
    is_narrower: Callable[[float, float], bool],
) -> Iterator[Difference]:
    if old == new:
        return
    narrowed = new is not None and (old is None or is_narrower(float(new), float(old)))
    change = "narrowed" if narrowed else "widened"
    yield Difference(field, change, _named(name, old), _named(name, new))


def _values(old: list[object], new: list[object], field: str) -> Iterator[Difference]:
    if {*map(_text, old)} == {*map(_text, new)}:
        return
    narrowed = bool(new) and (not old or any(value not in new for value in old))
    change = "narrowed" if narrowed else "widened"
    yield Difference(field, change, _choice(old), _choice(new))


def _fields(old: Node, new: Node, field: str, seen: frozenset[int]) -> Iterator[Difference]:
    was, now = old.fields(), new.fields()
    for name in sorted(was.keys() | now.keys()):
        path = f"{field}.{name}"
        if name not in now:
            yield Difference(path, "removed", _listed(was[name].part.alternatives()), _ABSENT)
        elif name not in was:
            change = "added, required" if now[name].is_required else "added"
            yield Difference(path, change, _ABSENT, now[name].state)
        else:
            if was[name].is_required != now[name].is_required:
                change = "made required" if now[name].is_required else "made optional"
                yield Difference(path, change, was[name].state, now[name].state)
            elif was[name].state != now[name].state:
                yield Difference(path, "another default", was[name].state, now[name].state)
            yield from _between(was[name].part, now[name].part, path, seen)


def _inside(old: Node, new: Node, field: str, seen: frozenset[int]) -> Iterator[Difference]:
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        was, now = old.schema.get(key), new.schema.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            before, after = old.at(cast("Json", was)), new.at(cast("Json", now))
            yield from _between(before, after, field + mark, seen)


def _listed(alternatives: dict[str, Node]) -> str:
    return " or ".join(sorted(alternatives))


def _named(name: str, value: object) -> str:
    return _ABSENT if value is None else f"{name} {_text(value)}"


def _choice(values: list[object]) -> str:
    return " or ".join(map(_text, values)) or "any"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
