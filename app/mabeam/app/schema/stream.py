"""What JetStream does with the events of a space, read off the stream that mabeam declares."""

from __future__ import annotations

from typing import Final

from mabeam.app.schema.shapes import Json
from mabeam.infra.jetstream.topology import event_stream

__all__ = ["stream_facts"]

# Any legal name will do: it is replaced by the name of the parameter.
_SPACE: Final = "SPACE"
_SECOND_NS: Final = 1_000_000_000


def stream_facts() -> Json:
    """Return what a client without mabeam must know of the stream of a space."""
    stream = event_stream(_SPACE)
    return {
        "stream": stream.name.replace(_SPACE, "{space}"),
        "subjects": [subject.replace(_SPACE, "{space}") for subject in stream.subjects],
        "storage": stream.storage,
        "retention": stream.retention,
        "discard": stream.discard,
        "maxAgeSeconds": stream.max_age // _SECOND_NS,
        "maxMsgSizeBytes": stream.max_msg_size,
        "duplicateWindowSeconds": stream.duplicate_window // _SECOND_NS,
        "allowDirect": stream.allow_direct,
        "allowAtomicPublish": stream.allow_atomic,
        "denyDelete": stream.deny_delete,
        "denyPurge": stream.deny_purge,
        "position": "The stream sequence of a message is the event's position.",
        "messageId": "The header Nats-Msg-Id holds the event's id.",
    }
