"""JSON Schemas (Draft 2020-12): one of the envelope, and two of each event type.

A schema asks of writers what lets every reader read, and no more: unknown fields are
welcome, because types grow by fields. Each document stands alone, so any validator or
generator of code takes it without looking for others.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.app.schema.entries import Entry
from mabeam.app.schema.shapes import Json, Shapes, described
from mabeam.app.schema.wording import wording_of
from mabeam.core.actors import COORDINATOR
from mabeam.core.envelope import Envelope

__all__ = [
    "ENVELOPE_ID",
    "LOCAL",
    "attributes",
    "envelope",
    "event",
    "event_id",
    "payload",
    "payload_id",
]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE_ID: Final = "urn:mabeam:schema:mabeam.envelope.v1"
LOCAL: Final = "#/$defs/"

# What the annotations of the envelope cannot say. Absent attributes are left out, as
# CloudEvents asks; so none may be empty.
_ATTRIBUTES: Final[dict[str, Json]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    "source": {"type": "string", "pattern": "[^/]$"},
    "type": {"type": "string", "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"},
    "subject": {"type": "string", "pattern": "^[^/]+/.+$"},
    "time": {"type": "string", "format": "date-time"},
    "datacontenttype": {"type": "string", "minLength": 1},
    "dataschema": {"type": "string", "format": "uri", "minLength": 1},
    "correlationid": {"type": "string", "minLength": 1},
    "causationid": {"type": "string", "minLength": 1},
    "commitid": {"type": "string", "minLength": 1},
    "epoch": {"type": "integer"},
    "traceparent": {"type": "string", "minLength": 1},
    "tracestate": {"type": "string", "minLength": 1},
    "data": {},
}


def payload_id(type_: str) -> str:
    """Return the id of the schema of a type's payload: the ``dataschema`` of its events."""
    return f"urn:mabeam:schema:{type_}"


def event_id(type_: str) -> str:
    """Return the id of the schema of a type's whole events."""
    return f"urn:mabeam:event:{type_}"


def envelope() -> Json:
    """Return the schema that every event meets, of whatever type."""
    return {"$schema": DIALECT, "$id": ENVELOPE_ID} | attributes()


def payload(entry: Entry, shapes: Shapes) -> Json:
    """Return the schema of what an event of the type has in ``data``."""
    shape = shapes.by_name[shapes.name_of(entry.struct)]
    found = {"$schema": DIALECT, "$id": payload_id(entry.name)} | shape
    return _complete(found, shapes)


def event(entry: Entry, shapes: Shapes) -> Json:
    """Return the schema of a whole event of the type: the envelope with its data."""
    general = envelope()
    narrower = narrowing(entry, shapes)
    found = general | {
        "$id": event_id(entry.name),
        "title": f"{entry.struct.__name__}Event",
        "description": entry.summary,
        "required": general["required"] + narrower["required"],
        "properties": general["properties"] | narrower["properties"],
    }
    return _complete(found, shapes)


def narrowing(entry: Entry, shapes: Shapes) -> Json:
    """Return what an event of the type must meet beyond what every event meets."""
    properties: Json = {
        "type": {"const": entry.name},
        "subject": {
            "description": f"The entity: `{entry.kind}/` and its name.",
            "type": "string",
            "pattern": f"^{entry.kind}/.+$",
        },
        "data": shapes.reference(entry.struct),
    }
    if entry.protocol_only:
        properties["source"] = {
            "description": f"Protocol code, a path whose last word is `{COORDINATOR}`. "
            "In any other voice it is recorded and changes nothing.",
            "type": "string",
            "pattern": f"(^|/){COORDINATOR}$",
        }
    return {"required": ["data"] if entry.needs_data else [], "properties": properties}


def attributes() -> Json:
    """Return the schema of the envelope without an id of its own."""
    words = wording_of(Envelope)
    fields = msgspec.structs.fields(Envelope)
    return {
        "title": "Envelope",
        "description": words.summary,
        "type": "object",
        "required": [field.name for field in fields if field.required],
        "properties": {
            field.name: described(_ATTRIBUTES[field.name], words.fields[field.name])
            for field in fields
        },
    }


def _complete(schema: Json, shapes: Shapes) -> Json:
    needed = shapes.needed_by(schema)
    return schema | {"$defs": needed} if needed else schema
