"""An event on the wire: a CloudEvents 1.0 event in structured JSON mode.

The body carries everything, so any language reads and writes events with a JSON
parser; headers carry only what the server itself needs. See
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from mabeam.core.errors import (
    CodecError,
    EventTooLarge,
    MalformedEvent,
    Rejected,
    UnknownEventType,
)
from mabeam.core.events import Event, Several, decode_data, encode_data, type_of
from mabeam.core.ids import derived_id
from mabeam.core.subjects import (
    Boundary,
    check_name,
    event_token,
    parse_subject,
    subject_of,
    unescape,
)

__all__ = [
    "DEPTH_MAX",
    "Envelope",
    "Recorded",
    "actor_of",
    "decode",
    "encode",
    "envelope_of",
    "wire_subject",
]

DEPTH_MAX: Final = 64
"""How deep lists and maps may stand in each other. A parser's own limit is no measure: it
depends on the machine and on how deep the caller stands, so folds would come to differ."""

_ID: Final = re.compile(r"[!-~]{1,128}")
_TYPE: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
# What follows from an event names it and its run; ids must leave room for what is said.
_ID_LENGTH_MAX: Final = 256
_OtherId: TypeAlias = Annotated[str, msgspec.Meta(max_length=_ID_LENGTH_MAX)]
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_BOUNDARY_TOKENS: Final = 4
_REMEMBERED_LENGTH_MAX: Final = 512


class Envelope(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The attributes of one event, named as CloudEvents names them.

    Attributes:
        specversion: Always ``1.0``.
        id: Unique among the events of the space; also the message id for the server.
        source: Who said it, as a path whose last word is the actor, ``/agents/coder``.
        type: Stable dotted name with its version, ``mabeam.auction.bid_placed.v1``.
        subject: The entity, ``session/01J…``. A plain CloudEvent may lack it.
        time: The producer's clock, RFC 3339; informative only.
        datacontenttype: ``application/json``.
        dataschema: URI of the schema of ``data``, if the producer gives one.
        correlationid: The run that the event belongs to.
        causationid: Id of the event that caused this one.
        commitid: The append it was part of; makes a retried append recognisable for ever.
        epoch: The writer's fencing number where it holds a lease.
        traceparent: Where in a distributed trace it was written, in the form of W3C Trace
            Context: the CloudEvents extension ``distributed-tracing``.
        tracestate: What tracing systems add to that, each in its own words.
        data: The payload, still as JSON bytes.
    """

    specversion: Literal["1.0"]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=_ID_LENGTH_MAX)]
    source: str
    type: str
    subject: str = ""
    time: str = ""
    datacontenttype: str = ""
    dataschema: str = ""
    correlationid: _OtherId = ""
    causationid: _OtherId = ""
    commitid: _OtherId = ""
    epoch: int | None = None
    traceparent: str = ""
    tracestate: str = ""
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Recorded(msgspec.Struct):
    """An event as the log has it. Position and record time are the log's own.

    Attributes:
        position: Place in the space's total order, from 1.
        recorded_ns: When the log recorded it, nanoseconds since 1970 UTC.
        kind: Kind of the entity it belongs to.
        entity: Name of that entity.
        actor: Who said it, as the server let it through.
        envelope: The event as written; a stand-in of type ``""`` when unreadable.
        problem: Why the event cannot be read, or None.
    """

    position: int
    recorded_ns: int
    kind: str
    entity: str
    actor: str
    envelope: Envelope
    problem: CodecError | None = None
    _data: Event | None = None

    @property
    def id(self) -> str:
        """The event's id."""
        return self.envelope.id

    @property
    def type(self) -> str:
        """The event's type with its version."""
        return self.envelope.type

    @property
    def boundary(self) -> Boundary:
        """The entity it belongs to."""
        return Boundary(self.kind, self.entity)

    @property
    def recorded_at(self) -> datetime:
        """When the log recorded it, to the microsecond."""
        return datetime.fromtimestamp(self.recorded_ns // 1_000 / 1_000_000, UTC)

    @property
    def trouble(self) -> CodecError | None:
        """Why nobody can read it, or None. A type that nobody registered is no trouble."""
        if self._data is not None:
            return None
        try:
            _ = self.data
        except UnknownEventType:
            return None
        except CodecError as error:
            return error
        return None

    @property
    def parts(self) -> tuple[Recorded, ...]:
        """What it says, event by event: itself, unless its type was split or retired since.

        Parts of a split event share its circumstances, among them the position. They have
        types, payloads and ids of their own: the first keeps the id, the others' follow from
        it, as those of one append do. Nobody can read an event in parts that cannot be read.
        """
        try:
            data = self.data
        except CodecError:
            return (self,)
        if type(data) is not Several:
            return (self,)
        return tuple(
            self._part(index, type_, event) for index, (type_, event) in enumerate(data.named)
        )

    def _part(self, index: int, type_: str, event: Event) -> Recorded:
        envelope = msgspec.structs.replace(
            self.envelope,
            id=derived_id(self.id, index) if index else self.id,
            type=type_,
            data=encode_data(event, type_),
        )
        return msgspec.structs.replace(self, envelope=envelope, _data=event)

    @property
    def data(self) -> Event:
        """The payload as the struct registered for its type, decoded at first use.

        For an old event that is not exactly one today it is `Several`; see `parts`.

        Raises:
            UnknownEventType: No struct is registered for the type.
            MalformedEvent: The payload is not of the shape its type promises.
            UpcastFailed: An upcaster raised on it, or gave what does not fit.
        """
        data = self._data
        if data is None:
            if self.problem is not None:
                # Without its former trace, or each time would add to it and keep the frames.
                raise self.problem.with_traceback(None)
            envelope = self.envelope
            data = self._data = decode_data(envelope.type, envelope.data, self.position)
        return data


def envelope_of(  # noqa: PLR0913 - the attributes of a CloudEvent are what they are
    data: Event,
    boundary: Boundary,
    *,
    source: str,
    id: str,  # noqa: A002 - the CloudEvents word
    time: str = "",
    correlation_id: str = "",
    causation_id: str = "",
    commit_id: str = "",
) -> Envelope:
    """Wrap the payload of a registered type, in the form in which that type is written.

    Raises:
        UnknownEventType: The payload's class was never registered.
        DowncastFailed: It is to be written as an older type, and cannot.
    """
    type_ = type_of(data)
    return Envelope(
        specversion="1.0",
        id=id,
        source=source,
        type=type_,
        subject=str(boundary),
        time=time,
        datacontenttype="application/json",
        correlationid=correlation_id,
        causationid=causation_id,
        commitid=commit_id,
        data=encode_data(data, type_),
    )


def actor_of(source: str) -> str:
    """Return who speaks: the last word of the source."""
    return source.rsplit("/", 1)[-1]


def wire_subject(space: str, event: Envelope) -> str:
    """Return the NATS subject on which an event belongs, having checked its names.

    Raises:
        Rejected: An id, type, source or subject cannot be part of an address.
    """
    if not _ID.fullmatch(event.id):
        raise Rejected(
            "event.id",
            "illegal id",
            field="id",
            value=event.id,
            allowed="1 to 128 visible ASCII characters",
        )
    return _address(space, event.subject, event.type, event.source)


@lru_cache(maxsize=65_536)
def _address(space: str, subject: str, type_: str, source: str) -> str:
    """Build a NATS subject; the names of one writer hardly change from event to event."""
    if not _TYPE.fullmatch(type_):
        raise Rejected(
            "event.type",
            "illegal type",
            field="type",
            value=type_,
            allowed="words of A-Z a-z 0-9 _ - joined by dots",
        )
    boundary = Boundary.parse(subject)
    token = check_name("event", event_token(type_))
    return subject_of(space, boundary, token, check_name("actor", actor_of(source)))


def encode(event: Envelope, size_max: int) -> bytes:
    """Write an event as JSON; the same event gives the same bytes everywhere.

    Raises:
        EventTooLarge: It has more than ``size_max`` bytes.
    """
    body = msgspec.json.encode(event)
    if len(body) > size_max:
        raise EventTooLarge(len(body), size_max)
    return body


_decoder: Final = msgspec.json.Decoder(Envelope)


def decode(position: int, recorded_ns: int, subject: str, body: bytes) -> Recorded:
    """Read what the log has at a position. Never raises: trouble is in ``problem``."""
    try:
        kind, entity, token, actor = parse_subject(subject)
    except MalformedEvent as error:
        return _unreadable(position, recorded_ns, _owner(subject), error.detail)
    try:
        event = _decoder.decode(body)
    except RecursionError:
        return _unreadable(position, recorded_ns, (kind, entity, actor), _TOO_DEEP)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(position, recorded_ns, (kind, entity, actor), str(error))
    about = f"{kind}/{entity}"
    brackets = body.count(b"{") + body.count(b"[")
    trouble = (
        _unusable(kind, entity)
        or (brackets > DEPTH_MAX and _is_too_deep(body) and _TOO_DEEP)
        or (event.subject not in {"", about} and _elsewhere(event.subject, about))
        or _disagreement(token, actor, event)
    )
    if trouble:
        return _unreadable(position, recorded_ns, (kind, entity, actor), trouble)
    return Recorded(position, recorded_ns, kind, entity, actor, event)


_TOO_DEEP: Final = f"nested deeper than {DEPTH_MAX}"


def _is_too_deep(body: bytes) -> bool:
    """Tell whether a JSON text is nested too deep, by taking off the innermost level each time.

    Not worth asking where there are fewer brackets than that.
    """
    brackets = _STRING.sub(b"", body).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _owner(subject: str) -> tuple[str, str, str]:
    """Return the entity to whose boundary a message belongs though it is no event.

    A server counts it when it compares and sets, so the entity's position must, too.
    """
    tokens = subject.split(".")
    if len(tokens) > _BOUNDARY_TOKENS:
        with suppress(MalformedEvent):
            return unescape(tokens[2]), unescape(tokens[3]), ""
    return "", subject, ""


# An entity's events come in bunches, and a few speakers say the same few things: what these
# two have found out once, they need not find out again for each event.
@lru_cache(maxsize=4_096)
def _unusable(kind: str, entity: str) -> str:
    """Say why nobody could answer on a boundary of this name, or nothing."""
    return _illegal(("kind", kind), ("entity", entity))


def _elsewhere(claimed: str, about: str) -> str:
    return f"subject {claimed!r} was published on that of {about}"


def _disagreement(token: str, actor: str, event: Envelope) -> str:
    type_, source = event.type, event.source
    # Whoever writes may write words of any length, and a cache must not keep them.
    if len(type_) + len(source) > _REMEMBERED_LENGTH_MAX:
        return _contradiction.__wrapped__(token, actor, type_, source)
    return _contradiction(token, actor, type_, source)


@lru_cache(maxsize=65_536)
def _contradiction(token: str, actor: str, type_: str, source: str) -> str:
    """Say in what an event disagrees with the subject it was published on, or nothing."""
    illegal = _illegal(("event", token), ("actor", actor))
    if illegal:
        return illegal
    if actor_of(source) != actor:
        return f"source {source!r} spoke on the subject of {actor!r}"
    if event_token(type_) != token:
        return f"type {type_!r} was published on the subject of {token!r}"
    return ""


def _illegal(*names: tuple[str, str]) -> str:
    try:
        for part, name in names:
            check_name(part, name)
    except Rejected as refusal:
        return str(refusal)
    return ""


_NOTHING: Final = Envelope(specversion="1.0", id="", source="", type="")


def _unreadable(
    position: int, recorded_ns: int, names: tuple[str, str, str], detail: str
) -> Recorded:
    problem = MalformedEvent(detail, position)
    return Recorded(position, recorded_ns, *names, _NOTHING, problem)
