"""The event types in words: the page `docs/reference/events.md`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from mabeam.app.schema.documents import LOCAL, payload
from mabeam.app.schema.entries import Entry, entries
from mabeam.app.schema.shapes import Json, Shapes
from mabeam.core.actors import COORDINATOR

__all__ = ["reference"]

_HEAD: Final = f"""\
# Events

Every event type that comes with mabeam, generated from the source by
`python -m mabeam.app.schema`. How an event travels is told in
[subjects and envelope](subjects-and-envelope.md); each type has its
[JSON Schemas](../../schemas/).

*Agents* stands for whoever speaks for itself: agents, services, people. What *coordinators*
say counts only from the actor `{COORDINATOR}`; from anybody else it is recorded and changes
nothing. A field that is not needed has the given value when it is left out. Whole numbers are
written without fraction or exponent, and a *decimal* is a text such as `"0.4"`.
"""
_SCHEMAS: Final = "../../schemas/events/"
_WORDS: Final = {
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}


def reference() -> str:
    """Return the page as Markdown."""
    known = sorted(entries(), key=lambda entry: (entry.kind, entry.name))
    shapes = Shapes((entry.struct for entry in known), LOCAL)
    page = "\n".join((_HEAD, *_overview(known), *_details(known, shapes), *_parts(known, shapes)))
    for entry in known:
        # An event may be a part of another one, and is described under its own name.
        name = shapes.name_of(entry.struct)
        page = page.replace(f"](#{_anchor(name)})", f"](#{_anchor(entry.name)})")
    return page


def _overview(known: Iterable[Entry]) -> Iterator[str]:
    yield "| type | kind | said by | meaning |"
    yield "|---|---|---|---|"
    for entry in known:
        link = f"[`{entry.name}`](#{_anchor(entry.name)})"
        yield f"| {link} | {entry.kind} | {_voice(entry)} | {_cell(entry.summary)} |"
    yield ""


def _details(known: Iterable[Entry], shapes: Shapes) -> Iterator[str]:
    for kind, said in groupby(known, key=lambda entry: entry.kind):
        yield f"## {kind.capitalize()}"
        yield ""
        for entry in said:
            yield f"### {entry.name}"
            yield ""
            yield f"{entry.summary} Said by {_voice(entry)} on `{entry.address}`."
            yield f"[Schema]({_SCHEMAS}{entry.name}.json)."
            yield ""
            yield from _fields(payload(entry, shapes))


def _parts(known: Iterable[Entry], shapes: Shapes) -> Iterator[str]:
    """Describe what the fields above are made of."""
    roots = {shapes.name_of(entry.struct) for entry in known}
    yield "## Parts of events"
    yield ""
    for name in sorted(shapes.by_name.keys() - roots):
        shape = shapes.by_name[name]
        yield f"### {name}"
        yield ""
        yield shape["description"]
        yield ""
        yield from _fields(shape)


def _fields(shape: Json) -> Iterator[str]:
    properties: Json = shape["properties"]
    if not properties:
        yield "It has no fields."
        yield ""
        return
    required = shape.get("required", ())
    yield "| field | what | needed | meaning |"
    yield "|---|---|---|---|"
    for name, part in properties.items():
        needed = "yes" if name in required else f"no: `{_json(part.get('default'))}`"
        yield f"| `{name}` | {_what(part)} | {needed} | {_cell(part.get('description', ''))} |"
    yield ""


def _what(part: Json) -> str:
    """Say in words what may stand in a field."""
    match part:
        case {"$ref": str(reference)}:
            name = reference.removeprefix(LOCAL)
            return f"[{name}](#{_anchor(name)})"
        case {"allOf": [one]}:
            return _what(one)
        case {"anyOf": [*choices]}:
            return _any_of(choices)
        case {"const": value}:
            return f"`{_json(value)}`"
        case {"enum": [*values]}:
            return " or ".join(f"`{_json(value)}`" for value in values)
        case {"format": "decimal"}:
            return "decimal"
        case {"items": items}:
            return f"list of {_what(items)}"
        case {"additionalProperties": values}:
            return f"map from name to {_what(values)}"
        case _:
            return _WORDS[part["type"]]


def _any_of(choices: list[Json]) -> str:
    words = dict.fromkeys(_what(choice) for choice in choices)
    if "number" in words:
        words.pop("whole number", None)
    return " or ".join(words)


def _voice(entry: Entry) -> str:
    return "coordinators" if entry.protocol_only else "agents"


def _anchor(heading: str) -> str:
    return heading.lower().replace(".", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
