"""Decisions: what each session came to, of what, and why everything else did not."""

from __future__ import annotations

from typing import Final

from mabeam.core.auction.events import AuctionDecided
from mabeam.core.consensus.events import ConsensusDecided
from mabeam.core.envelope import Recorded
from mabeam.core.session.events import Decision, Opening
from mabeam.core.session.protocol import protocol_of
from mabeam.core.session.state import SessionState, hearing
from mabeam.core.tables import Column, Row, Table
from mabeam.projections.tables.cells import (
    LATEST,
    ORIGIN,
    decimal,
    instant,
    json,
    text,
    text_or_none,
    whole,
)

__all__ = ["TABLES", "rows"]

DECISIONS: Final = Table(
    "decisions",
    "The decision of a session. One that was cancelled or failed has none.",
    (
        *ORIGIN,
        Column("session", "text", "Name of the session."),
        Column("variable", "text", "The variable that it changes.", is_optional=True),
        Column("outcome", "text", "`decided`, `no_quorum`, `tie_unresolved` or `default_taken`."),
        Column("rule", "text", "Name of the rule that decided."),
        Column("rule_version", "integer", "Version of that rule.", is_optional=True),
        Column(
            "considered_after",
            "integer",
            "The opening: only words behind this position were considered.",
            is_optional=True,
        ),
        Column(
            "considered_before",
            "integer",
            "The closing: only words before this position were considered.",
            is_optional=True,
        ),
        Column(
            "superseded",
            "integer",
            "How many words were replaced by a later one of the same speaker.",
            is_optional=True,
        ),
        Column("result", "text", "What it came to, as text, if anything.", is_optional=True),
        Column("winner", "text", "Who won the auction.", is_optional=True),
        Column("price", "integer", "What the winner pays, in minor units.", is_optional=True),
        Column("price_basis", "text", "`second_bid`, `own_bid` or `reserve`.", is_optional=True),
        Column("value", "decimal", "The number that a consensus came to.", is_optional=True),
        Column("alternatives", "json", "What did not become the outcome, each with the reason."),
        Column("certificate", "json", "What proves the decision without the rule."),
    ),
    (("session",),),
)
CONSIDERED: Final = Table(
    "considered",
    "The latest valid and the latest invalid word of each speaker, as a decision took it.",
    (
        Column(
            "word_position", "integer", "Where the word stands: a bid or a ballot.", is_key=True
        ),
        Column("session", "text", "Name of the session."),
        Column("agent", "text", "Who said it."),
        Column("said", "text", "What, as text; cut where it is long and invalid."),
        Column("weight", "integer", "How much it weighs; nothing if invalid.", is_optional=True),
        Column(
            "verdict",
            "text",
            "`counted`, or why it lost, such as `outbid`, `below_reserve`, `tie_lost`, "
            "`no_quorum`, `not_eligible` or `invalid: ...`.",
        ),
        *LATEST,
    ),
    (("session",),),
)
TABLES: Final = (DECISIONS, CONSIDERED)


def rows(recorded: Recorded, now: SessionState) -> tuple[Row, ...]:
    """Return the rows of a decision, if that is what has just changed the session."""
    if now.opening is None or now.decision is None:
        return ()
    decision = _decision(recorded, now.opening, now.decision)
    return (decision, *_considered(recorded, now, now.opening, now.decision))


def _decision(recorded: Recorded, opening: Opening, decision: Decision) -> Row:
    award = decision if isinstance(decision, AuctionDecided) else None
    agreed = decision if isinstance(decision, ConsensusDecided) else None
    result = protocol_of(opening).result(decision)
    values = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        text_or_none(opening.variable),
        decision.outcome,
        text(decision.rule.name),
        whole(decision.rule.version),
        whole(decision.considered.opened),
        whole(decision.considered.closed),
        whole(decision.superseded),
        None if result is None else text_or_none(str(result)),
        None if award is None else text_or_none(award.winner),
        None if award is None else whole(award.price),
        None if award is None else award.price_basis,
        None if agreed is None else decimal(agreed.value),
        json(decision.alternatives),
        json(_certificate(decision)),
    )
    return Row(DECISIONS.name, values)


def _certificate(decision: Decision) -> dict[str, object]:
    """Return what the protocol adds to the fields that all decisions have."""
    shared = Decision.__struct_fields__
    own = (name for name in decision.__struct_fields__ if name not in shared)
    return {name: getattr(decision, name) for name in own}


def _considered(
    recorded: Recorded, now: SessionState, opening: Opening, decision: Decision
) -> tuple[Row, ...]:
    say = protocol_of(opening).say
    heard = hearing(recorded.entity, now)
    lost = {one.position: one.reason for one in decision.alternatives}
    words = (
        *(
            (one.position, one.agent, say(one.speech), heard.weight(one.agent), "counted")
            for one in heard.by_agent()
        ),
        *((one.position, one.agent, one.said, None, one.reason) for one in heard.invalid()),
    )
    session, at = text(recorded.entity), instant(recorded.recorded_ns)
    return tuple(
        Row(
            CONSIDERED.name,
            (
                position,
                session,
                text(agent),
                text(said),
                whole(weight),
                text(lost.get(position, verdict)),
                recorded.position,
                at,
            ),
        )
        for position, agent, said, weight, verdict in words
    )
