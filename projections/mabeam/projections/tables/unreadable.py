"""Events that nobody can read: they stop nobody, and somebody should look into them."""

from __future__ import annotations

from typing import Final

from mabeam.core.envelope import Recorded
from mabeam.core.tables import Column, Row, Table
from mabeam.projections.tables.cells import ORIGIN, instant, text
from mabeam.projections.world import World

__all__ = ["TABLES", "rows"]

UNREADABLE: Final = Table(
    "unreadable",
    "An event that nobody can read, and that changes nothing.",
    (
        *ORIGIN,
        Column("kind", "text", "Kind of the entity on whose subject it is.", is_optional=True),
        Column("entity", "text", "Name of that entity, or a subject that names none."),
        Column("said_by", "text", "Who published it, as the subject says.", is_optional=True),
        Column("type", "text", "Its type, if that could be read.", is_optional=True),
        Column("problem", "text", "What is wrong with it, and where."),
    ),
)
TABLES: Final = (UNREADABLE,)


def rows(recorded: Recorded, after: World) -> tuple[Row, ...]:
    """Return the row of an event that was just counted as unreadable."""
    position, problem = after.unreadable.latest[-1]
    names = (recorded.kind, recorded.entity, recorded.actor, recorded.type)
    kind, entity, actor, type_ = map(text, names)
    at = instant(recorded.recorded_ns)
    values = (position, at, kind or None, entity, actor or None, type_ or None, text(problem))
    return (Row(UNREADABLE.name, values),)
