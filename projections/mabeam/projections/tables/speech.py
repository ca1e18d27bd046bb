"""Bids and ballots: every word as it was said, and what the fold made of it there and then."""

from __future__ import annotations

from typing import Final

from mabeam.core.auction.events import BidPlaced
from mabeam.core.consensus.events import BallotCast
from mabeam.core.envelope import Recorded
from mabeam.core.session.events import Speech
from mabeam.core.session.state import SessionState
from mabeam.core.tables import Column, Row, Table, Value
from mabeam.projections.tables.cells import ORIGIN, decimal, instant, text, text_or_none, whole

__all__ = ["TABLES", "rows"]

_SPOKEN: Final = (
    *ORIGIN,
    Column("session", "text", "Name of the session."),
    Column("agent", "text", "Who said it."),
)
_STANDING: Final = (
    Column("note", "text", "Why, for people.", is_optional=True),
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
        *_STANDING,
    ),
    (("session", "agent"),),
)
TABLES: Final = (BIDS, BALLOTS)


def rows(
    before: SessionState, recorded: Recorded, speech: Speech, after: SessionState
) -> tuple[Row, ...]:
    """Return the row of a word. Words of protocols that have no table here are left out."""
    said: Value
    match speech:
        case BidPlaced():
            table, said = BIDS, whole(speech.amount)
        case BallotCast():
            table, said = BALLOTS, decimal(speech.value)
        case _:
            return ()
    spoken = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        text(recorded.actor),
    )
    standing, objection = _standing(before, recorded, after)
    note = text_or_none(speech.note)
    return (Row(table.name, (*spoken, said, note, standing, text_or_none(objection))),)


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
