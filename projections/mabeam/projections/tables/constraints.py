"""Constraints: what must hold across variables, and the values it was last checked with."""

from __future__ import annotations

from typing import Final

from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.tables import Column, Row, Table
from mabeam.projections.tables.cells import LATEST, instant, json, text
from mabeam.projections.world import World

__all__ = ["TABLES", "rows"]

CONSTRAINTS: Final = Table(
    "constraints",
    "A constraint on the values of several variables together.",
    (
        Column("name", "text", "Name of the constraint.", is_key=True),
        Column("definition", "json", "What must hold."),
        Column("checked_values", "json", "The values of its variables, which satisfy it."),
        *LATEST,
    ),
)
TABLES: Final = (CONSTRAINTS,)


def rows(before: World, recorded: Recorded, event: Event, after: World) -> tuple[Row, ...]:  # noqa: ARG001 - as for all kinds
    """Return what an event of a constraint changes."""
    known = before.constraints.get(recorded.entity)
    state = after.constraints[recorded.entity].state
    if state.constraint is None or (known is not None and state is known.state):
        return ()
    values = (
        text(recorded.entity),
        json(state.constraint),
        json(state.values),
        recorded.position,
        instant(recorded.recorded_ns),
    )
    return (Row(CONSTRAINTS.name, values),)
