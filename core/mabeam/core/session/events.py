"""Facts that sessions of all protocols share. Names and fields are on disk: add, never change."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import Event, event_type
from mabeam.core.policies import Policy

__all__ = [
    "Alternative",
    "Cancelled",
    "Closed",
    "Considered",
    "Decision",
    "Failed",
    "Opening",
    "Outcome",
    "Participant",
    "Speech",
    "TieBreak",
    "Visibility",
]

Outcome: TypeAlias = Literal[
    "decided", "no_quorum", "tie_unresolved", "default_taken", "cancelled", "failed"
]
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
    """

    rule: Policy
    participants: tuple[Participant, ...] = ()
    open_for_ms: int = 30_000
    quorum: int = 0
    tie_break: TieBreak = "canonical"
    visibility: Visibility = "open"
    variable: str = ""


class Speech(Event, frozen=True, kw_only=True):
    """Base of what participants say in a session."""


@event_type("mabeam.session.closed.v1", kind="session")
class Closed(Event, frozen=True, kw_only=True):
    """What stands before this position counts, and nothing else. Said by protocol code alone.

    Attributes:
        reason: ``complete`` when all named participants have spoken, else ``deadline``.
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
