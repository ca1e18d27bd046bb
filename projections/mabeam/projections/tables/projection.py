"""Which rows follow from an event, asked of the fold's states before and behind it.

No rule is repeated here. Whether a word counts, a declaration holds or a decision stands is
what the world has made of it, so the tables can never disagree with the fold.
"""

from __future__ import annotations

from typing import Final

from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError
from mabeam.core.events import Several
from mabeam.core.tables import Row, Table
from mabeam.projections.tables import agents, constraints, sessions, unreadable, variables
from mabeam.projections.world import WORLD, World

__all__ = ["NAME", "TABLES", "VERSION", "rows"]

NAME: Final = "tables"
"""Stable name, under which checkpoints are kept."""

VERSION: Final = 2
"""Raised whenever the same events would now give other tables, columns or rows."""

TABLES: Final[tuple[Table, ...]] = (
    *agents.TABLES,
    *variables.TABLES,
    *constraints.TABLES,
    *sessions.TABLES,
    *unreadable.TABLES,
)
"""All tables, in the order in which they are best explained."""

_KINDS: Final = {
    "agent": agents.rows,
    "variable": variables.rows,
    "constraint": constraints.rows,
    "session": sessions.rows,
}


def rows(before: World, recorded: Recorded, after: World) -> tuple[Row, ...]:
    """Return the rows that one event adds or replaces; pure, total, and cheap.

    Args:
        before: The world before the event.
        recorded: The event.
        after: The world behind it: ``WORLD.apply(before, recorded)``.
    """
    if after.unreadable is not before.unreadable:
        return unreadable.rows(recorded, after)
    of_kind = _KINDS.get(recorded.kind)
    if of_kind is None:
        return ()
    try:
        event = recorded.data
    except CodecError:
        # What is not unreadable is of a type that nobody registered.
        return ()
    if not isinstance(event, Several):
        return of_kind(before, recorded, event, after)
    found: list[Row] = []
    for part in recorded.parts:
        after = WORLD.apply(before, part)
        found += of_kind(before, part, part.data, after)
        before = after
    return tuple(found)
