"""Events as they come in from a shell, checked before anything is recorded."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import Final

import msgspec

from mabeam.core import catalogue
from mabeam.core.envelope import Envelope
from mabeam.core.errors import MalformedEvent, Rejected
from mabeam.core.events import decode_data, known_type, registered
from mabeam.core.subjects import ROOT, Boundary
from mabeam.infra.system import SystemClock, SystemIds

__all__ = ["check", "cloud_event", "composed", "ignored_attributes"]

# Importing the catalogue registers the event types that events are checked against.
_REGISTERED: Final = catalogue.DOMAINS

# What `mabeam tail --json` adds, so that its lines can be recorded elsewhere.
_ADDED: Final = frozenset({"position", "recordedtime"})


def composed(  # noqa: PLR0913 - each is an attribute of the event
    type_: str,
    subject: str,
    source: str,
    data: bytes,
    *,
    correlation_id: str = "",
    causation_id: str = "",
) -> Envelope:
    """Return an event made of its parts, with a fresh id.

    Raises:
        MalformedEvent: The data are not JSON.
    """
    fresh = SystemIds().new_id()
    now = datetime.fromtimestamp(SystemClock().now_ns() / 1e9, UTC)
    return Envelope(
        specversion="1.0",
        id=fresh,
        source=source,
        type=type_,
        subject=subject,
        time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        datacontenttype="application/json",
        correlationid=correlation_id or fresh,
        causationid=causation_id,
        commitid=fresh,
        data=msgspec.Raw(_json(data) if data.strip() else b"{}"),
    )


def cloud_event(raw: bytes) -> Envelope:
    """Read a whole CloudEvent in structured JSON mode.

    Raises:
        MalformedEvent: It is none, or its data are not JSON.
    """
    try:
        return msgspec.json.decode(raw, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedEvent(f"not a CloudEvent in JSON: {error}") from error


def ignored_attributes(raw: bytes) -> list[str]:
    """Return the attributes of a CloudEvent that are not kept, sorted."""
    known = set(Envelope.__struct_fields__) | _ADDED
    return sorted(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).keys() - known)


def check(event: Envelope) -> bool:
    """Check an event against its type; tell whether the type is a known one.

    Raises:
        Rejected: The type bears mabeam's name and is none of its types, or it does not
            belong to that kind of entity.
        MalformedEvent: The data are not what the type promises.
    """
    known = known_type(event.type)
    if known is None:
        if event.type.startswith(f"{ROOT}."):
            names = [type_.name for type_ in registered()]
            near = difflib.get_close_matches(event.type, names, n=3) or names
            raise Rejected(
                "event.unknown_type",
                "mabeam has no such type",
                field="type",
                value=event.type,
                allowed=", ".join(near),
            )
        return False
    wanted, found = known.kind, Boundary.parse(event.subject).kind
    if found != wanted:
        raise Rejected(
            "event.kind",
            f"{event.type} belongs to a {wanted}",
            field="subject",
            value=event.subject,
            allowed=f"{wanted}/<entity>",
        )
    decode_data(event.type, event.data)
    return True


def _json(raw: bytes) -> bytes:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedEvent(f"the data are not JSON: {error}") from error
    return raw.strip()
