"""The shapes of payloads as JSON Schema, one for each class, referring to each other by name.

msgspec derives them from the annotations; here they get the words of the docstrings and
lose what only some readers of JSON Schema understand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias, cast

import msgspec

from mabeam.app.schema.wording import wording_of

__all__ = ["TAG", "Json", "Shapes", "described", "structs_in"]

Json: TypeAlias = dict[str, Any]

_REF: Final = "$ref"
# The exponent is bounded because a reader may have to write the number out.
_DECIMAL: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$"

TAG: Final = "Tells which of the alternatives this is."
"""How the field is described by which the alternatives of a union are told apart."""


class Shapes:
    """The shapes of some classes and of all that these are made of.

    Args:
        structs: The classes.
        prefix: What stands before the name of a shape where another one refers to it.
    """

    def __init__(self, structs: Iterable[type[msgspec.Struct]], prefix: str) -> None:
        self._prefix: Final = prefix
        found = tuple(structs_in(structs))
        references, shapes = msgspec.json.schema_components(found, ref_template=prefix + "{name}")
        self._names: Final = {
            struct: str(reference[_REF]).removeprefix(prefix)
            for struct, reference in zip(found, references, strict=True)
        }
        self.by_name: Final = {
            name: _worded(_plain(shapes[name]), struct) for struct, name in self._names.items()
        }

    def name_of(self, struct: type[msgspec.Struct]) -> str:
        """Return the name under which a class has its shape."""
        return self._names[struct]

    def reference(self, struct: type[msgspec.Struct]) -> Json:
        """Return a schema that stands for the shape of a class."""
        return {_REF: self._prefix + self._names[struct]}

    def needed_by(self, schema: Json) -> dict[str, Json]:
        """Return the shapes a schema refers to, directly or through others, by name."""
        found: set[str] = set()
        waiting = [schema]
        while waiting:
            fresh = set(self._referred(waiting.pop())) - found
            found |= fresh
            waiting += (self.by_name[name] for name in fresh)
        return {name: self.by_name[name] for name in sorted(found)}

    def _referred(self, node: object) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in cast("Json", node).items():
                if key == _REF:
                    yield str(value).removeprefix(self._prefix)
                else:
                    yield from self._referred(value)
        elif isinstance(node, list):
            for item in cast("list[object]", node):
                yield from self._referred(item)


def structs_in(structs: Iterable[type[msgspec.Struct]]) -> Iterator[type[msgspec.Struct]]:
    """Return classes and, once each, the classes of all that their instances hold."""
    waiting: list[object] = list(msgspec.inspect.multi_type_info(structs))
    seen: set[type[msgspec.Struct]] = set()
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, tuple | list):
            waiting += cast("Iterable[object]", node)
        elif isinstance(node, msgspec.inspect.StructType) and node.cls not in seen:
            seen.add(node.cls)
            yield node.cls
            waiting += (field.type for field in node.fields)
        elif isinstance(node, msgspec.inspect.Type) and not isinstance(
            node, msgspec.inspect.StructType
        ):
            waiting += (getattr(node, name) for name in node.__struct_fields__)


def described(schema: Json, meaning: str) -> Json:
    """Return a schema with a description, in a form that every reader takes.

    Beside a reference older drafts of JSON Schema ignore all other words.
    """
    if _REF in schema:
        return {"description": meaning, "allOf": [schema]}
    return {"description": meaning} | schema


def _worded(schema: Json, struct: type[msgspec.Struct]) -> Json:
    words = wording_of(struct)
    meanings = words.fields | {str(struct.__struct_config__.tag_field): TAG}
    properties = {
        name: described(part, meanings.get(name, "")) for name, part in schema["properties"].items()
    }
    head = {"title": schema["title"], "description": words.summary}
    return head | schema | {"properties": properties}


def _plain(schema: Json) -> Json:
    """Copy a schema of msgspec's, saying the same in words that every validator knows."""
    plain: Json = {}
    for key, value in schema.items():
        match key:
            case "description" | "discriminator":
                # The one is a whole docstring; the other is a word of OpenAPI, and each
                # alternative tells itself apart by the constant in its own ``type``.
                continue
            case "required" if not value:
                continue
            case "enum" if len(value) == 1:
                plain["const"] = value[0]
            case "properties":
                plain[key] = {name: _plain(part) for name, part in value.items()}
            case "items" | "additionalProperties":
                plain[key] = _plain(value)
            case "anyOf":
                plain[key] = [_plain(part) for part in value]
            case _:
                plain[key] = value
    if plain.get("format") == "decimal":
        plain["pattern"] = _DECIMAL
    if _REF in plain and len(plain) > 1:
        plain = {"allOf": [{_REF: plain.pop(_REF)}], **plain}
    return plain
