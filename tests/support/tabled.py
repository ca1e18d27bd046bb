"""Tables in memory, for judging what rows say: each row as a mapping from column to value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias, cast

from mabeam.core.envelope import Recorded
from mabeam.core.tables import Row, Table, Value
from mabeam.projections.tables import TABLES, rows
from mabeam.projections.world import WORLD, World

__all__ = ["BY_NAME", "Shown", "Tabled", "key_of", "named", "without_nul"]

BY_NAME: Final[dict[str, Table]] = {table.name: table for table in TABLES}
Shown: TypeAlias = dict[str, Value]


def named(row: Row) -> Shown:
    """Return the values of a row by column."""
    columns = BY_NAME[row.table].columns
    return dict(zip((column.name for column in columns), row.values, strict=True))


def key_of(row: Row) -> tuple[Value, ...]:
    """Return the values of a row's key."""
    shown = named(row)
    return tuple(shown[column.name] for column in BY_NAME[row.table].columns if column.is_key)


def without_nul(value: Any) -> Any:  # noqa: ANN401 - JSON is any
    """Return any JSON with the one character replaced that not every database keeps."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [without_nul(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value).items()
        return {without_nul(key): without_nul(one) for key, one in entries}
    return value


class Tabled:
    """A world and its tables, grown event by event."""

    def __init__(self, log: Iterable[Recorded] = (), world: World = WORLD.initial) -> None:
        self.world = world
        self.tables: dict[str, dict[tuple[Value, ...], Shown]] = {name: {} for name in BY_NAME}
        for recorded in log:
            self.apply(recorded)

    def apply(self, recorded: Recorded) -> tuple[Row, ...]:
        """Apply one event and return its rows."""
        after = WORLD.apply(self.world, recorded)
        found = rows(self.world, recorded, after)
        for row in found:
            self.tables[row.table][key_of(row)] = named(row)
        self.world = after
        return found

    def all(self, table: str) -> list[Shown]:
        """Return the rows of a table in the order in which they came."""
        return list(self.tables[table].values())
