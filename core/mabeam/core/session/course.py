"""Courses: how a session goes on that is more than one word of each and a decision.

An auction by the clock, an order book, a negotiation in turns: their rules depend on what
was said before. A course folds the words and announcements of a session into a state of
its own, objects to words that do not count there and then, and says what is due next. It
is pure like everything here: time comes in with the events and with the question.

Every course is bounded by the session's own deadline: whatever it waits for, the session
closes ``open_for_ms`` after its opening.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import msgspec

from mabeam.core.session.events import Announcement, Opening, Speech

__all__ = ["NOTHING_DUE", "Child", "Course", "Due", "Said", "Start"]

OpeningT = TypeVar("OpeningT", bound=Opening)
StateT = TypeVar("StateT", bound=msgspec.Struct)


class Start(msgspec.Struct, frozen=True, gc=False):
    """The circumstances of an opening.

    Attributes:
        session: Name of the session.
        by: Who opened it.
        position: Where the opening stands.
        recorded_ns: When it was recorded, on the log's clock.
        event_id: Id of the opening.
        weights: Declared weight of each participant; empty when everybody may speak.
    """

    session: str
    by: str
    position: int
    recorded_ns: int
    event_id: str
    weights: dict[str, int]


class Said(msgspec.Struct, frozen=True, gc=False):
    """A word of a participant, or an announcement of protocol code.

    Attributes:
        agent: Who said it.
        event: What was said.
        position: Where it stands.
        recorded_ns: When it was recorded, on the log's clock.
        event_id: Id of the event.
    """

    agent: str
    event: Speech | Announcement
    position: int
    recorded_ns: int
    event_id: str


class Child(msgspec.Struct, frozen=True):
    """A session that this one needs. It is opened once, however often it is asked for.

    Attributes:
        name: Its name, derived from the parent's and unlike any that people choose.
        opening: What is asked there, with ``parent`` set to ``session/<name of this one>``.
        cause: Id of the event that made it necessary.
    """

    name: str
    opening: Opening
    cause: str


class Due(msgspec.Struct, frozen=True):
    """What is to be done next in a session that is open: one thing at a time.

    Attributes:
        announce: What protocol code says now, or None.
        close: Why the session is closed now, or empty.
        cause: Id of the event that made it necessary. It must be another one for each
            announcement of a type, for the id of an announcement derives from it.
        position: Where that event stands, if anybody but protocol code has said it.
        at_ns: When to ask again though nothing is said, on the log's clock; 0 for never.
        children: Sessions that this one waits for, also while something is announced.
    """

    announce: Announcement | None = None
    close: Literal["", "complete", "deadline"] = ""
    cause: str = ""
    position: int = 0
    at_ns: int = 0
    children: tuple[Child, ...] = ()


NOTHING_DUE = Due()


@dataclass(frozen=True, slots=True)
class Course(Generic[OpeningT, StateT]):
    """The rules of a session of several steps.

    Attributes:
        initial: The state at the opening.
        object_to: Why a word does not count there and then, or an empty text. What depends
            on the opening alone belongs into `Protocol.check_speech`.
        evolve: Applies a word that counts, or an announcement. Announcements are facts: it
            must not refuse any, whatever the state, and ignores those it does not know.
        due: What is to be done next, from the log's clock in nanoseconds.
    """

    initial: Callable[[OpeningT, Start], StateT]
    object_to: Callable[[OpeningT, StateT, Said], str]
    evolve: Callable[[OpeningT, StateT, Said], StateT]
    due: Callable[[OpeningT, StateT, int], Due]
