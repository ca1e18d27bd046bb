"""Sessions: what was asked, how far it has come, and how it ended."""

from __future__ import annotations

from typing import Final

from mabeam.core.auction.events import AuctionOpened
from mabeam.core.consensus.events import ConsensusOpened
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.session.decider import SESSION
from mabeam.core.session.events import Opening, Speech
from mabeam.core.session.protocol import PROTOCOLS
from mabeam.core.session.state import SessionState
from mabeam.core.tables import Column, Row, Table
from mabeam.projections.tables import decisions, speech
from mabeam.projections.tables.cells import (
    LATEST,
    instant,
    json,
    place,
    text,
    text_or_none,
    whole,
)
from mabeam.projections.world import World

__all__ = ["TABLES", "rows"]

SESSIONS: Final = Table(
    "sessions",
    "A session as it stands now.",
    (
        Column("session", "text", "Name of the session.", is_key=True),
        Column("protocol", "text", "`auction`, `consensus`, or one of your own.", is_optional=True),
        Column("question", "text", "The lot or the question, for people.", is_optional=True),
        Column(
            "phase",
            "text",
            "`open`, `closed`, `ended`, or `broken` while nobody has said that it cannot be held.",
        ),
        Column(
            "outcome",
            "text",
            "How it ended: `decided`, `no_quorum`, `tie_unresolved`, `default_taken`, `cancelled` "
            "or `failed`.",
            is_optional=True,
        ),
        Column("reason", "text", "Why it was closed, cancelled or failed.", is_optional=True),
        Column("variable", "text", "The variable that its decision changes.", is_optional=True),
        Column("opened_by", "text", "Who opened it."),
        Column("opened_position", "integer", "Where it was opened."),
        Column("due_at", "instant", "When it closes at the latest.", is_optional=True),
        Column("closed_position", "integer", "Where it was closed.", is_optional=True),
        Column("ended_position", "integer", "Where it ended.", is_optional=True),
        Column("rule", "text", "Name of the rule that decides."),
        Column("rule_version", "integer", "Version of that rule.", is_optional=True),
        Column("quorum", "integer", "Least total weight of the valid speakers.", is_optional=True),
        Column("tie_break", "text", "`canonical`, `earliest` or `refuse`."),
        Column("visibility", "text", "`open` or `sealed`."),
        Column("participants", "json", "Who may speak, with weights; an empty list for everybody."),
        Column(
            "reserve", "integer", "Least price of an auction, in minor units.", is_optional=True
        ),
        Column("unit", "text", "What an auction counts in, for people.", is_optional=True),
        Column("opening", "json", "The whole opening."),
        Column("correlation_id", "text", "The run that it belongs to.", is_optional=True),
        *LATEST,
    ),
    (("variable",),),
)
TABLES: Final = (SESSIONS, *speech.TABLES, *decisions.TABLES)


def rows(before: World, recorded: Recorded, event: Event, after: World) -> tuple[Row, ...]:
    """Return what an event of a session changes."""
    known = before.sessions.get(recorded.entity)
    was = SESSION.initial if known is None else known.state
    now = after.sessions[recorded.entity].state
    if isinstance(event, Speech):
        return speech.rows(was, recorded, event, now)
    if now.opening is None or now.phase == was.phase:
        return ()
    return (_session(recorded, now, now.opening), *decisions.rows(recorded, now))


def _session(recorded: Recorded, now: SessionState, opening: Opening) -> Row:
    protocol = PROTOCOLS.get(type(opening))
    auction = opening if isinstance(opening, AuctionOpened) else None
    values = (
        text(recorded.entity),
        None if protocol is None else protocol.name,
        _question(opening),
        now.phase,
        now.outcome,
        text_or_none(now.reason),
        text_or_none(opening.variable),
        text(now.opened_by),
        now.opened_at,
        instant(now.due_ns) if now.due_ns else None,
        place(now.closed_at),
        place(now.decided_at),
        text(opening.rule.name),
        whole(opening.rule.version),
        whole(opening.quorum),
        opening.tie_break,
        opening.visibility,
        json(opening.participants),
        None if auction is None else whole(auction.reserve),
        None if auction is None else text_or_none(auction.unit),
        json(opening),
        text_or_none(now.correlation_id),
        recorded.position,
        instant(recorded.recorded_ns),
    )
    return Row(SESSIONS.name, values)


def _question(opening: Opening) -> str | None:
    match opening:
        case AuctionOpened():
            return text_or_none(opening.lot)
        case ConsensusOpened():
            return text_or_none(opening.question)
        case _:
            return None
