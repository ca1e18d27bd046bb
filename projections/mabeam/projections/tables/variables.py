"""Variables: what each is now, and every value it has ever had."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.tables import Column, Row, Table
from mabeam.core.variable.events import Changed, Declared
from mabeam.core.variable.state import VariableState
from mabeam.projections.tables import proposals
from mabeam.projections.tables.cells import (
    LATEST,
    ORIGIN,
    instant,
    json,
    place,
    text,
    text_or_none,
)
from mabeam.projections.world import World

__all__ = ["TABLES", "rows"]

VARIABLES: Final = Table(
    "variables",
    "A declared variable as it is now.",
    (
        Column("variable", "text", "Name of the variable.", is_key=True),
        Column("type", "text", "What kind of values it takes, such as `float` or `choice`."),
        Column("declaration", "json", "That type with its range, step, options and default."),
        Column(
            "update_policy",
            "text",
            "`last_writer`: proposals change it. `coordinated`: only sessions do.",
        ),
        Column("on_conflict", "json", "How conflicts are resolved, if it says.", is_optional=True),
        Column("scope", "json", "The agents who may propose; an empty list for everybody."),
        Column("constraints", "json", "Names of the constraints on it."),
        Column("value", "json", "What it is."),
        Column("value_position", "integer", "Position of the event that made it so."),
        Column("changes", "integer", "How often it has changed since it was declared."),
        *LATEST,
    ),
)
VARIABLE_HISTORY: Final = Table(
    "variable_history",
    "One value of a variable, and what it follows from.",
    (
        *ORIGIN,
        Column("variable", "text", "Name of the variable."),
        Column("change_number", "integer", "How many changes that makes; 0 is the declaration."),
        Column("value", "json", "What it became."),
        Column("previous", "json", "What it was before, if anything.", is_optional=True),
        Column(
            "cause",
            "text",
            "`declaration`, `proposal`, `conflict` or `session`: what the value follows from.",
        ),
        Column(
            "agent",
            "text",
            "Who declared it, or whose proposal it is; nothing where several agreed.",
            is_optional=True,
        ),
        Column("base_position", "integer", "The change that it builds on.", is_optional=True),
        Column("proposal_position", "integer", "The proposal that it settles.", is_optional=True),
        Column(
            "conflict_position",
            "integer",
            "Where the conflict that it resolves was detected.",
            is_optional=True,
        ),
        Column("session", "text", "The session that decided it.", is_optional=True),
        Column("decision_position", "integer", "Where it decided so.", is_optional=True),
    ),
    (("variable",), ("proposal_position",)),
)
TABLES: Final = (VARIABLES, VARIABLE_HISTORY, *proposals.TABLES)

_Cause: TypeAlias = Literal["declaration", "proposal", "conflict", "session"]


def rows(before: World, recorded: Recorded, event: Event, after: World) -> tuple[Row, ...]:
    """Return what an event of a variable changes."""
    was, now = proposals.state_of(before, recorded), proposals.state_of(after, recorded)
    found: list[Row] = []
    is_new_value = now.position != was.position
    if now.declaration is not None and (is_new_value or now.constraints != was.constraints):
        found.append(_variable(recorded, now, now.declaration))
    if is_new_value:
        found.append(_value(before, recorded, event, was, now))
    found.extend(proposals.rows(before, recorded, event, after))
    return tuple(found)


def _variable(recorded: Recorded, now: VariableState, declaration: Declared) -> Row:
    conflict = declaration.on_conflict
    values = (
        text(recorded.entity),
        str(type(declaration.type).__struct_config__.tag),
        json(declaration.type),
        declaration.update,
        None if conflict is None else json(conflict),
        json(declaration.scope),
        json(now.constraints),
        json(now.value),
        now.position,
        now.changes,
        recorded.position,
        instant(recorded.recorded_ns),
    )
    return Row(VARIABLES.name, values)


def _value(
    before: World, recorded: Recorded, event: Event, was: VariableState, now: VariableState
) -> Row:
    change = event if isinstance(event, Changed) else None
    conflict = None if change is None else before.conflicts.get(change.conflict)
    values = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        now.changes,
        json(now.value),
        None if was.declaration is None else json(was.value),
        _cause(change),
        text_or_none(recorded.actor if change is None else change.by),
        None if change is None else place(now.base),
        proposals.settled(was, now),
        None if conflict is None else conflict.detected_at,
        None if change is None else text_or_none(change.session),
        None if change is None else place(change.decided_at),
    )
    return Row(VARIABLE_HISTORY.name, values)


def _cause(change: Changed | None) -> _Cause:
    if change is None:
        return "declaration"
    if change.conflict:
        return "conflict"
    return "session" if change.session else "proposal"
