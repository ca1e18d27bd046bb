"""Facts that sessions of all protocols share. Names and fields are on disk: add, never change."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.commands import Outcome
from mabeam.core.events import Event, event_type
from mabeam.core.policies import Policy

__all__ = [
    "Alternative",
    "Announcement",
    "Cancelled",
    "ChildEnded",
    "Closed",
    "Considered",
    "Decision",
    "Failed",
    "Opening",
    "Outcome",
    "Participant",
    "Revising",
    "Speech",
    "TieBreak",
    "Visibility",
]

Revising: TypeAlias = Literal["latest", "first", "exclude"]
Visibility: TypeAlias = Literal["open", "sealed"]
TieBreak: TypeAlias = Literal["canonical", "earliest", "refuse"]


class Participant(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One who may speak, and how much its word weighs.

    Attributes:
        agent: Name of the agent.
        weight: How much its word weighs, 1 or more.
    """

    agent: str
    weight: int = 1


class Opening(Event, frozen=True, kw_only=True):
    """Base of the events that open a session: all that the outcome depends on.

    Attributes:
        rule: How the outcome follows from what was said, by name and version.
        participants: Who may speak; empty for everybody. With a list, the session closes
            as soon as all of them have spoken.
        open_for_ms: The session closes this long after the opening was recorded, on the
            log's clock.
        quorum: Least total weight of valid speakers; below it nothing is decided.
        tie_break: ``canonical``: by a hash of session, closing position and agent.
            ``earliest``: who has held that word longest. ``refuse``: leave it unresolved.
        visibility: ``sealed`` asks readers not to look before the closing. The log itself
            hides nothing; only permissions and encryption could.
        variable: The variable that the decision changes, or empty.
        revising: What it means to say another thing later. ``latest``: one has changed one's
            mind, and the latest word counts. ``first``: the first word counts. ``exclude``:
            nothing counts that the speaker says. The latter two list it as ``equivocated``,
            with the position of the former word, as evidence. Of protocols with a course, each
            has rules of its own.
        parent: What the session was opened for and is told its end, as ``session/<name>`` or
            ``variable/<name>``; empty for one that stands by itself. It counts only where
            protocol code opened the session.
    """

    rule: Policy
    participants: tuple[Participant, ...] = ()
    open_for_ms: int = 30_000
    quorum: int = 0
    tie_break: TieBreak = "canonical"
    visibility: Visibility = "open"
    revising: Revising = "latest"
    variable: str = ""
    parent: str = ""


class Speech(Event, frozen=True, kw_only=True):
    """Base of what participants say in a session."""


class Announcement(Event, frozen=True, kw_only=True):
    """Base of what protocol code says in the midst of a session: a round, a price, an award."""


@event_type("mabeam.session.child_ended.v1", kind="session")
class ChildEnded(Announcement, frozen=True, kw_only=True):
    """A session that was opened for this one has ended. Said by protocol code alone.

    Attributes:
        child: Name of that session.
        outcome: How it ended.
        result: What it came to, as text; empty for nothing.
        support: The share of the weight heard that stands behind it, as a fraction from 0 to
            1; empty where its protocol knows none.
        decided_at: Position of its end.
    """

    child: str
    outcome: Outcome
    result: str = ""
    support: str = ""
    decided_at: int = 0


@event_type("mabeam.session.closed.v1", kind="session")
class Closed(Event, frozen=True, kw_only=True):
    """What stands before this position counts, and nothing else. Said by protocol code alone.

    Attributes:
        reason: ``complete`` when all named participants have spoken, or so many of
            them that the rest can change nothing; else ``deadline``.
    """

    reason: Literal["complete", "deadline"]


@event_type("mabeam.session.cancelled.v1", kind="session")
class Cancelled(Event, frozen=True, kw_only=True):
    """The opener took the session back before it was decided.

    Attributes:
        reason: Why, for people.
    """

    reason: str = ""


@event_type("mabeam.session.failed.v1", kind="session")
class Failed(Event, frozen=True, kw_only=True):
    """The session cannot be held, or decided, as opened. Said by protocol code alone.

    Attributes:
        code: The rule that refuses the opening or the decision.
        detail: The rule in words, with field, value and allowed range.
    """

    code: str
    detail: str


class Considered(msgspec.Struct, frozen=True, gc=False):
    """The positions that were considered: after the opening, before the closing.

    Attributes:
        opened: Position of the opening.
        closed: Position of the closing.
    """

    opened: int
    closed: int


class Alternative(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something said that did not become the outcome, and why.

    Attributes:
        agent: Who said it.
        said: What, as text.
        position: Where it stands.
        reason: Why it lost: ``outbid``, ``tie_lost``, ``below_reserve``, ``not_eligible``…
    """

    agent: str
    said: str
    position: int
    reason: str


class Decision(Event, frozen=True, kw_only=True):
    """Base of the events that end a session. Said by protocol code alone.

    Attributes:
        outcome: How it ended.
        rule: The rule applied.
        considered: The positions considered.
        alternatives: What else was said, and why it lost.
        superseded: How many words were replaced by a later one of the same speaker.
    """

    outcome: Outcome
    rule: Policy
    considered: Considered
    alternatives: tuple[Alternative, ...] = ()
    superseded: int = 0
