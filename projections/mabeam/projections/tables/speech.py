"""Words: each as it was said, and what the fold made of it there and then.

Bids and ballots have tables of their own beside the one of all words, because their numbers
are reckoned with.
"""

from __future__ import annotations

from typing import Final

from mabeam.core.auction.events import BidPlaced
from mabeam.core.consensus.events import BallotCast
from mabeam.core.envelope import Recorded
from mabeam.core.session.events import Speech
from mabeam.core.session.protocol import PROTOCOLS
from mabeam.core.session.state import SessionState
from mabeam.core.subjects import event_token
from mabeam.core.tables import Column, Row, Table
from mabeam.projections.tables.cells import (
    ORIGIN,
    decimal,
    instant,
    json,
    text,
    text_or_none,
    whole,
)

__all__ = ["TABLES", "rows"]

_SPOKEN: Final = (
    *ORIGIN,
    Column("session", "text", "Name of the session."),
    Column("agent", "text", "Who said it."),
)
_NOTE: Final = Column("note", "text", "Why, for people.", is_optional=True)
_STANDING: Final = (
    Column(
        "standing",
        "text",
        "`valid`: it counts unless the same agent says another valid word before the closing. "
        "`repeated`: the same event was recorded before. `invalid`: it broke a rule. "
        "`late`: the session was closed, or could never be held. `unopened`: it had not begun.",
    ),
    Column("objection", "text", "The rule that it broke, if it is `invalid`.", is_optional=True),
)
BIDS: Final = Table(
    "bids",
    "A bid, whether it counts or not.",
    (
        *_SPOKEN,
        Column(
            "amount",
            "integer",
            "In minor units; nothing if 64 bits do not hold it, and then it is `invalid`.",
            is_optional=True,
        ),
        _NOTE,
        *_STANDING,
    ),
    (("session", "agent"),),
)
BALLOTS: Final = Table(
    "ballots",
    "A ballot, whether it counts or not.",
    (
        *_SPOKEN,
        Column(
            "value",
            "decimal",
            "The number on it; nothing if it is none or has hundreds of digits.",
            is_optional=True,
        ),
        _NOTE,
        *_STANDING,
    ),
    (("session", "agent"),),
)
WORDS: Final = Table(
    "words",
    "A word of a participant in a session of any protocol, whether it counts or not.",
    (
        *_SPOKEN,
        Column("type", "text", "Short name of the event, such as `bid_placed`."),
        Column(
            "said",
            "text",
            "What, as text; nothing where the session's protocol does not understand it.",
            is_optional=True,
        ),
        Column("payload", "json", "The whole event."),
        *_STANDING,
    ),
    (("session", "agent"),),
)
TABLES: Final = (BIDS, BALLOTS, WORDS)


def rows(
    before: SessionState, recorded: Recorded, speech: Speech, after: SessionState
) -> tuple[Row, ...]:
    """Return the rows of a word: one among all, and one among its like if it is reckoned with."""
    spoken = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        text(recorded.actor),
    )
    standing, objection = _standing(before, recorded, after)
    fold = (standing, text_or_none(objection))
    type_ = text(event_token(recorded.type))
    said = text_or_none(_said(after, speech))
    words = Row(WORDS.name, (*spoken, type_, said, json(speech), *fold))
    match speech:
        case BidPlaced():
            bid = (whole(speech.amount), text_or_none(speech.note))
            return (Row(BIDS.name, (*spoken, *bid, *fold)), words)
        case BallotCast():
            ballot = (decimal(speech.value), text_or_none(speech.note))
            return (Row(BALLOTS.name, (*spoken, *ballot, *fold)), words)
        case _:
            return (words,)


def _said(session: SessionState, speech: Speech) -> str:
    protocol = PROTOCOLS.get(type(session.opening)) if session.opening is not None else None
    is_understood = protocol is not None and isinstance(speech, protocol.speech)
    return protocol.say(speech) if protocol is not None and is_understood else ""


def _standing(before: SessionState, recorded: Recorded, after: SessionState) -> tuple[str, str]:
    """Say where the fold has put a word; it keeps each with its position, or not at all."""
    agent, position = recorded.actor, recorded.position
    if after is before:
        return ("unopened" if after.opening is None else "repeated"), ""
    if after.late.get(agent) == position:
        return "late", ""
    refusal = after.refused.get(agent)
    if refusal is not None and refusal.position == position:
        return "invalid", refusal.reason
    return "valid", ""
