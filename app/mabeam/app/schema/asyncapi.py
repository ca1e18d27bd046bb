"""The AsyncAPI 3.0 document: which subjects there are, and who says what on them.

It is written from the side of a service that takes part in a space: it sends what agents
say, and receives everything. AsyncAPI's NATS binding knows nothing of streams, so what
JetStream does with the messages stands in extensions, ``x-jetstream``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from mabeam.app.schema.documents import attributes, narrowing, payload_id
from mabeam.app.schema.entries import Entry
from mabeam.app.schema.shapes import Json, Shapes
from mabeam.core.subjects import LENGTH_MAX, ROOT

__all__ = ["COMPONENTS", "asyncapi"]

COMPONENTS: Final = "#/components/schemas/"
_CONTENT_TYPE: Final = "application/cloudevents+json"
_BINDING: Final = {"nats": {"bindingVersion": "0.1.0"}}
_ACK: Final = "ack"

_DESCRIPTION: Final = """\
Agents and services say things on the subjects of a space; coordinators decide what follows \
and say that on the same subjects. All of it is kept, in one total order, by one JetStream \
stream. Operations are given from the side of a service that takes part: it sends what agents \
say and may follow everything. Every message is a CloudEvents 1.0 event in structured JSON \
mode; its attributes repeat what the subject says, and readers skip a message in which the \
two disagree. Messages tagged `coordinators` count only from the actor `coordinator`."""

_PARAMETERS: Final[Json] = {
    "space": {"description": "One team's world: `A-Z a-z 0-9 _ -`, never escaped."},
    "entity": {
        "description": "Name of the entity. Bytes of its UTF-8 form outside `A-Z a-z 0-9 _ -` "
        "are written as `=` and two upper-case hexadecimal digits. "
        f"At most {LENGTH_MAX['entity']} characters when escaped.",
        "examples": ["01JABC", "lot=207"],
    },
    "actor": {
        "description": "Who says it, escaped like the entity; the last word of the event's "
        f"`source`. At most {LENGTH_MAX['actor']} characters when escaped.",
        "examples": ["coder", "coordinator"],
    },
}

_TAGS: Final[dict[bool, Json]] = {
    False: {"name": "agents", "description": "Said by agents and services."},
    True: {"name": "coordinators", "description": "Counts only when a coordinator says it."},
}

_HEADERS: Final[Json] = {
    "title": "Headers",
    "description": "The only headers that matter; a reader needs none of them.",
    "type": "object",
    "required": ["Nats-Msg-Id"],
    "properties": {
        "Nats-Msg-Id": {
            "description": "The event's `id`. A message with the same one within the duplicate "
            "window is acknowledged and not recorded again.",
            "type": "string",
        },
        "Nats-Expected-Last-Subject-Sequence": {
            "description": "Record only if this is the position of the last event on the "
            "boundary, 0 for none. Speech such as a bid goes without.",
            "type": "string",
        },
        "Nats-Expected-Last-Subject-Sequence-Subject": {
            "description": "The boundary, exactly as `x-jetstream.boundary` has it. Two "
            "different filters that overlap would let two writers both succeed.",
            "type": "string",
        },
    },
}

_ACK_SCHEMA: Final[Json] = {
    "title": "Acknowledgement",
    "description": "What JetStream answers to a published event: where it is recorded, or why "
    "it is not.",
    "type": "object",
    "properties": {
        "stream": {"type": "string", "description": "The stream that took it."},
        "seq": {"type": "integer", "description": "The event's position."},
        "duplicate": {
            "type": "boolean",
            "description": "An event with this message id was there already.",
        },
        "error": {
            "type": "object",
            "description": "Nothing was recorded.",
            "required": ["code"],
            "properties": {
                "code": {"type": "integer"},
                "err_code": {
                    "type": "integer",
                    "description": "10071 and 10164: the boundary is elsewhere than expected.",
                },
                "description": {"type": "string"},
            },
        },
    },
    "anyOf": [{"required": ["stream", "seq"]}, {"required": ["error"]}],
}


def asyncapi(entries: Sequence[Entry], stream: Json) -> Json:
    """Return the document.

    Args:
        entries: The event types it describes.
        stream: What is to be known of the stream that records a space.
    """
    shapes = Shapes((entry.struct for entry in entries), COMPONENTS)
    channels = {name: tuple(said) for name, said in groupby(_in_order(entries), _channel)}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:mabeam:space",
        "info": {
            "title": "mabeam",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": _CONTENT_TYPE,
        "servers": {
            "local": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "description": "Any NATS server with JetStream.",
            }
        },
        "channels": {name: _channel_of(said) for name, said in channels.items()}
        | {_ACK: _ack_channel()},
        "operations": dict(_operations(channels)),
        "components": {
            "schemas": {"Envelope": attributes(), "Headers": _HEADERS, "Ack": _ACK_SCHEMA}
            | dict(sorted(shapes.by_name.items()))
            | {entry.name: _whole(entry, shapes) for entry in entries},
            "messages": {entry.name: _message(entry) for entry in entries} | {_ACK: _ack_message()},
            "parameters": _PARAMETERS,
        },
        "x-jetstream": stream,
    }


def _channel(entry: Entry) -> str:
    return f"{entry.kind}.{entry.token}"


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (_channel(entry), entry.name))


def _channel_of(said: tuple[Entry, ...]) -> Json:
    first = said[0]
    return {
        "address": first.address,
        "messages": {entry.name: {"$ref": f"#/components/messages/{entry.name}"} for entry in said},
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"}
            for name in _PARAMETERS
            if f"{{{name}}}" in first.address
        },
        "x-jetstream": {
            "stream": f"{ROOT}_{{space}}",
            "boundary": f"{ROOT}.{{space}}.{first.kind}.{{entity}}.>",
        },
    }


def _ack_channel() -> Json:
    return {
        "address": None,
        "title": "The reply subject of a published message",
        "messages": {_ACK: {"$ref": f"#/components/messages/{_ACK}"}},
    }


def _operations(channels: dict[str, tuple[Entry, ...]]) -> Iterator[tuple[str, Json]]:
    for name, said in channels.items():
        spoken = tuple(entry for entry in said if not entry.protocol_only)
        if spoken:
            reply: Json = {
                "channel": {"$ref": f"#/channels/{_ACK}"},
                "messages": [{"$ref": f"#/channels/{_ACK}/messages/{_ACK}"}],
            }
            yield f"send.{name}", _operation("send", name, spoken) | {"reply": reply}
    for name, said in channels.items():
        yield f"receive.{name}", _operation("receive", name, said)


def _operation(action: str, channel: str, said: tuple[Entry, ...]) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": " ".join(entry.summary for entry in said),
        "tags": [_TAGS[only] for only in sorted({entry.protocol_only for entry in said})],
        "messages": [{"$ref": f"#/channels/{channel}/messages/{entry.name}"} for entry in said],
        "bindings": _BINDING,
    }


def _message(entry: Entry) -> Json:
    return {
        "name": entry.name,
        "title": entry.struct.__name__,
        "summary": entry.summary,
        "contentType": _CONTENT_TYPE,
        "tags": [_TAGS[entry.protocol_only]],
        "headers": {"$ref": f"{COMPONENTS}Headers"},
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {"$ref": COMPONENTS + entry.name},
        "x-dataschema": payload_id(entry.name),
    }


def _ack_message() -> Json:
    return {
        "name": "PubAck",
        "contentType": "application/json",
        "payload": {"$ref": f"{COMPONENTS}Ack"},
    }


def _whole(entry: Entry, shapes: Shapes) -> Json:
    narrower = narrowing(entry, shapes)
    if not narrower["required"]:
        del narrower["required"]
    general = {"$ref": f"{COMPONENTS}Envelope"}
    return {"title": f"{entry.struct.__name__}Event", "allOf": [general, narrower]}
