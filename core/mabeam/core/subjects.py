"""Where an event lives: names, boundaries and NATS subjects.

A subject is ``mabeam.<space>.<kind>.<entity>.<event>.<actor>``. The actor stands
last so that a server can keep one agent from speaking as another. The boundary of
an entity is ``mabeam.<space>.<kind>.<entity>.>``; only `boundary_filter` builds it,
because two different overlapping filters would let two writers both succeed.

Characters outside ``[A-Za-z0-9_-]`` are written as ``=`` and two hexadecimal
digits for each byte of their UTF-8 form, as in quoted-printable text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from mabeam.core.errors import MalformedEvent, Rejected

__all__ = [
    "EVERYTHING",
    "Boundary",
    "Filter",
    "boundary_filter",
    "check_name",
    "check_space",
    "escape",
    "event_token",
    "parse_subject",
    "subject_filter",
    "subject_of",
    "unescape",
]

ROOT: Final = "mabeam"
TOKENS: Final = 6
# The sum of these and the root stays below the 256 bytes that NATS advises.
LENGTH_MAX: Final = {"space": 32, "kind": 16, "entity": 80, "event": 48, "actor": 64}
_SPACE: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LENGTH_MAX['space']}}}")
_SAFE: Final = re.compile(r"[A-Za-z0-9_-]+")
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9_-]")
_ESCAPED: Final = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+")
_ESCAPE: Final = re.compile(rb"=([0-9A-F]{2})")
_VERSION: Final = re.compile(r"v\d+")


class Boundary(msgspec.Struct, frozen=True, order=True):
    """One entity, whose events are ordered among themselves by compare-and-set.

    Attributes:
        kind: ``agent``, ``variable``, ``session``, ``constraint`` or a kind of your own.
        entity: Name of the entity among its kind.
    """

    kind: str
    entity: str

    def __str__(self) -> str:
        """Write it as the CloudEvents attribute ``subject`` has it."""
        return f"{self.kind}/{self.entity}"

    @classmethod
    def parse(cls, text: str) -> Boundary:
        """Read ``kind/entity``.

        Raises:
            Rejected: There is no slash, or a name is illegal.
        """
        kind, slash, entity = text.partition("/")
        if not slash:
            raise Rejected(
                "subject.malformed",
                "not an entity",
                field="subject",
                value=text,
                allowed="<kind>/<entity>",
            )
        check_name("kind", kind)
        check_name("entity", entity)
        return cls(kind, entity)


class Filter(msgspec.Struct, frozen=True):
    """Which events to read; None matches all.

    Attributes:
        kind: Kind of entity.
        entity: Name of the entity.
        event: Short name of the event, such as ``bid_placed``.
        actor: Who said it.

    Raises:
        Rejected: A name is empty; leave it out instead.
    """

    kind: str | None = None
    entity: str | None = None
    event: str | None = None
    actor: str | None = None

    def __post_init__(self) -> None:
        """Refuse the empty name, which no subject can have."""
        for field in self.__struct_fields__:
            if getattr(self, field) == "":
                raise Rejected("name.illegal", "empty name", field=field, allowed="a name or None")

    def matches(self, kind: str, entity: str, event: str, actor: str) -> bool:
        """Tell whether an event with these names passes."""
        return (
            (self.kind is None or self.kind == kind)
            and (self.entity is None or self.entity == entity)
            and (self.event is None or self.event == event)
            and (self.actor is None or self.actor == actor)
        )


EVERYTHING: Final = Filter()


def check_space(space: str) -> str:
    """Return the name of a space if it is legal.

    Raises:
        Rejected: It has other characters than letters, digits, ``_`` and ``-``, or is too long.
    """
    if not _SPACE.fullmatch(space):
        raise Rejected(
            "name.illegal",
            "illegal name",
            field="space",
            value=space,
            allowed=f"1 to {LENGTH_MAX['space']} characters of A-Z a-z 0-9 _ -",
        )
    return space


def check_name(part: str, name: str, field: str = "") -> str:
    """Return a name if it can be a kind, entity, event or actor, a token of a subject.

    Args:
        part: Which of these it is to be.
        name: The name.
        field: What the input calls it, if otherwise.

    Raises:
        Rejected: It is empty, not printable, or too long once escaped.
    """
    limit = LENGTH_MAX[part]
    if len(name) <= limit and _SAFE.fullmatch(name):
        return name
    printable = name.isprintable() and name.strip() == name
    if not name or not printable or len(escape(name)) > limit:
        raise Rejected(
            "name.illegal",
            "illegal name",
            field=field or part,
            value=name,
            allowed=f"1 to {limit} printable characters, of which those outside "
            "A-Z a-z 0-9 _ - count three for each UTF-8 byte",
        )
    return name


@lru_cache(maxsize=65_536)
def escape(name: str) -> str:
    """Write any text as one token of a subject."""
    if _SAFE.fullmatch(name):
        return name
    raw = name.encode("utf-8", "surrogatepass")
    return _UNSAFE.sub(lambda found: b"=%02X" % found[0][0], raw).decode("ascii")


# Few, because a reader meets names without end, and soon again only those of late.
@lru_cache(maxsize=4_096)
def unescape(token: str) -> str:
    """Read back what `escape` wrote.

    Raises:
        MalformedEvent: The token was not written by `escape`. A second way to write a name
            would give its entity subjects outside of its boundary.
    """
    if _SAFE.fullmatch(token):
        return token
    if not _ESCAPED.fullmatch(token):
        raise MalformedEvent(f"{token!r} is no escaped name")
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), token.encode("ascii"))
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvent(f"{token!r} is no escaped name") from error
    if escape(name) != token:
        raise MalformedEvent(f"{token!r} is no escaped name, {escape(name)!r} would be")
    return name


def event_token(type_: str) -> str:
    """Return the short name of an event type: its last word before the version.

    ``mabeam.auction.bid_placed.v1`` gives ``bid_placed``; ``com.example.note`` gives ``note``.
    """
    words = type_.split(".")
    if len(words) > 1 and _VERSION.fullmatch(words[-1]):
        words.pop()
    return words[-1]


def subject_of(space: str, boundary: Boundary, event: str, actor: str) -> str:
    """Return the NATS subject of an event."""
    return (
        f"{ROOT}.{space}.{escape(boundary.kind)}.{escape(boundary.entity)}"
        f".{escape(event)}.{escape(actor)}"
    )


def boundary_filter(space: str, boundary: Boundary) -> str:
    """Return the one filter with which every writer of a boundary compares and sets."""
    return f"{ROOT}.{space}.{escape(boundary.kind)}.{escape(boundary.entity)}.>"


def subject_filter(space: str, wanted: Filter = EVERYTHING) -> str:
    """Return the NATS subject filter for reading. Never compare-and-set with it."""
    if wanted == EVERYTHING:
        return f"{ROOT}.{space}.>"
    names = (wanted.kind, wanted.entity, wanted.event, wanted.actor)
    return ".".join((ROOT, space, *("*" if name is None else escape(name) for name in names)))


def parse_subject(subject: str) -> tuple[str, str, str, str]:
    """Return kind, entity, event and actor of a subject.

    Raises:
        MalformedEvent: It is not a subject of an event.
    """
    try:
        head, event, actor = subject.rsplit(".", 2)
        kind, entity = _owner_of(head)
    except ValueError:
        tokens = subject.count(".") + 1
        raise MalformedEvent(f"subject {subject!r} has {tokens} tokens, not {TOKENS}") from None
    return kind, entity, unescape(event), unescape(actor)


# Nearly every event has a subject of its own, but the events of an entity come in bunches.
@lru_cache(maxsize=4_096)
def _owner_of(head: str) -> tuple[str, str]:
    _, _, kind, entity = head.split(".")
    return unescape(kind), unescape(entity)
