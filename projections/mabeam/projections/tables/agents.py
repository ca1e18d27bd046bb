"""Agents: who is here now, and how each came to be so."""

from __future__ import annotations

from typing import Final

from mabeam.core.agent.decider import AgentState
from mabeam.core.agent.events import Deregistered, HandlerFailed, Suspended
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.subjects import event_token
from mabeam.core.tables import Column, Row, Table
from mabeam.projections.tables.cells import LATEST, ORIGIN, instant, json, text, text_or_none
from mabeam.projections.world import World

__all__ = ["TABLES", "rows"]

_REGISTRATION: Final = (
    Column("status", "text", "`active`, `suspended`, `deregistered`, or `unknown` if never here."),
    Column("role", "text", "Its role in the team."),
    Column("capabilities", "json", "What it can do, as a sorted list of texts."),
    Column("metadata", "json", "Free text by name."),
)

AGENTS: Final = Table(
    "agents",
    "An agent as it is now.",
    (
        Column("agent", "text", "Name of the agent.", is_key=True),
        *_REGISTRATION,
        Column("status_since", "instant", "When its status last changed.", is_optional=True),
        Column("failures", "integer", "How many runs of its handlers have raised."),
        *LATEST,
    ),
)
AGENT_HISTORY: Final = Table(
    "agent_history",
    "One change of an agent, with what it was from then on.",
    (
        *ORIGIN,
        Column("agent", "text", "Name of the agent."),
        Column(
            "change",
            "text",
            "`registered`, `updated`, `suspended`, `resumed`, `deregistered`, or `handler_failed`.",
        ),
        Column("said_by", "text", "Who said so."),
        Column("reason", "text", "Why, for people; what a handler has raised.", is_optional=True),
        *_REGISTRATION,
    ),
    (("agent",),),
)
TABLES: Final = (AGENTS, AGENT_HISTORY)


def rows(before: World, recorded: Recorded, event: Event, after: World) -> tuple[Row, ...]:
    """Return what an event of an agent changes."""
    known = before.agents.get(recorded.entity)
    state = after.agents[recorded.entity].state
    if state == (AgentState() if known is None else known.state):
        return ()
    at = instant(recorded.recorded_ns)
    agent = text(recorded.entity)
    registration = (state.status, text(state.role), json(state.capabilities), json(state.metadata))
    since = instant(state.since_ns) if state.since_ns else None
    latest = (agent, *registration, since, state.failures, recorded.position, at)
    change = event_token(recorded.type)
    entry = (recorded.position, at, agent, change, text(recorded.actor), _reason(event))
    return (Row(AGENTS.name, latest), Row(AGENT_HISTORY.name, (*entry, *registration)))


def _reason(event: Event) -> str | None:
    match event:
        case Suspended() | Deregistered():
            return text_or_none(event.reason)
        case HandlerFailed():
            return text(f"{event.error} in {event.handler}: {event.message}")
        case _:
            return None
