"""What an append puts onto the wire, and how it will be recognised afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from mabeam.core.appending import check_append
from mabeam.core.envelope import Envelope, encode, wire_subject
from mabeam.core.ports import Guard, Write
from mabeam.core.subjects import Boundary, boundary_filter
from mabeam.infra.jetstream.answers import StoredMessage
from mabeam.infra.jetstream.publisher import Message

__all__ = ["Check", "Plan"]


class _Mark(msgspec.Struct):
    """What of a stored event tells which append it was part of."""

    id: str = ""
    commitid: str = ""


_marks: Final = msgspec.json.Decoder(_Mark)


class Check(msgspec.Struct, frozen=True):
    """An expectation of one boundary.

    Attributes:
        subjects: The boundary's one filter.
        boundary: The boundary as text.
        expect: The position it must be at.
        first: Index of the first event of the append that goes there; no matter for a guard,
            to whose boundary none goes.
    """

    subjects: str
    boundary: str
    expect: int
    first: int


class Plan(msgspec.Struct, frozen=True):
    """An append, ready to be sent.

    Attributes:
        events: All its events, in order.
        messages: The same for the wire.
        checks: The expectations, ordered by filter.
        subjects: The filter of the boundary that the first event goes to.
        guards: What else must stand still, ordered by filter.
    """

    events: tuple[Envelope, ...]
    messages: tuple[Message, ...]
    checks: tuple[Check, ...]
    subjects: str
    guards: tuple[Check, ...] = ()

    @classmethod
    def of(cls, space: str, writes: Sequence[Write], guards: Sequence[Guard], limit: int) -> Plan:
        """Prepare an append.

        Args:
            space: Name of the space.
            writes: What to append.
            guards: Which other boundaries must stand where.
            limit: Bytes that an encoded event may have.

        Raises:
            Rejected: The writes and guards are no append, or an event has illegal names.
            EventTooLarge: An event has too many bytes.
        """
        events: list[Envelope] = []
        messages: list[Message] = []
        checks: list[Check] = []
        filters: list[str] = []
        check_append(writes, guards)
        for write in writes:
            subjects = _filter_of(space, write.events[0].subject)
            filters.append(subjects)
            fields = b""
            if write.expect is not None:
                checks.append(Check(subjects, write.events[0].subject, write.expect, len(events)))
                fields = _EXPECTATION % (write.expect, subjects.encode())
            for event in write.events:
                subject = wire_subject(space, event)
                body = encode(event, limit)
                messages.append(Message(subject, fields + _MESSAGE_ID % event.id.encode(), body))
                events.append(event)
                fields = b""
        if len(checks) > 1:
            checks.sort(key=lambda check: check.subjects)
        guarded: tuple[Check, ...] = ()
        if guards:
            guarded = _guards_of(space, guards)
            _place(guarded, checks, messages)
        return cls(tuple(events), tuple(messages), tuple(checks), filters[0], guarded)

    @property
    def boundary(self) -> str:
        """The boundary that the first event goes to, as text."""
        return self.events[0].subject

    @property
    def commit_id(self) -> str:
        """What the events of this append, and of no other, have in common."""
        return self.events[0].commitid or self.events[0].id

    @property
    def size_max(self) -> int:
        """Bytes of the largest event."""
        return max(len(message.body) for message in self.messages)

    def is_event(self, index: int, stored: StoredMessage) -> bool:
        """Tell whether a stored message is this append's event of that index.

        Actor and entity are compared too, by the subject, because anyone could copy an id
        and a commit id, but nobody can speak on another's subject.
        """
        event = self.events[index]
        if stored.subject != self.messages[index].subject:
            return False
        try:
            mark = _marks.decode(stored.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return (mark.id, mark.commitid) == (event.id, event.commitid)

    def under_fresh_ids(self) -> Plan:
        """Return the same append under message ids that nobody can have used."""
        salt = secrets.token_hex(8).encode()
        messages = tuple(
            msgspec.structs.replace(message, fields=_with_salt(message.fields, salt))
            for message in self.messages
        )
        return msgspec.structs.replace(self, messages=messages)


_EXPECTATION: Final = (
    b"Nats-Expected-Last-Subject-Sequence: %d\r\n"
    b"Nats-Expected-Last-Subject-Sequence-Subject: %b\r\n"
)
_MESSAGE_ID: Final = b"Nats-Msg-Id: %b\r\n"


def _guards_of(space: str, guards: Sequence[Guard]) -> tuple[Check, ...]:
    named = [(str(guard.boundary), guard.position) for guard in guards]
    found = [Check(_filter_of(space, name), name, position, -1) for name, position in named]
    return tuple(sorted(found, key=lambda check: check.subjects))


def _place(guards: Sequence[Check], checks: Sequence[Check], messages: list[Message]) -> None:
    """Put the guards on messages that carry no expectation: one has room for one condition."""
    taken = {check.first for check in checks}
    free = [index for index in range(len(messages)) if index not in taken]
    for guard, index in zip(guards, free, strict=False):
        message = messages[index]
        fields = _EXPECTATION % (guard.expect, guard.subjects.encode()) + message.fields
        messages[index] = Message(message.subject, fields, message.body)


def _with_salt(fields: bytes, salt: bytes) -> bytes:
    # The message id stands last among the fields.
    return b"%b.%b\r\n" % (fields[:-2], salt)


@lru_cache(maxsize=65_536)
def _filter_of(space: str, subject: str) -> str:
    return boundary_filter(space, Boundary.parse(subject))
