"""Projections into tables: what rows a page of events comes to, and which events make none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from mabeam.core.envelope import Recorded
from mabeam.core.tables import Row, Table, Value, check_row, key_of
from mabeam.projections.projection import Projection

__all__ = ["Applied", "TableProjection"]

StateT = TypeVar("StateT")


class Applied(NamedTuple, Generic[StateT]):
    """An event, and what it came to.

    Attributes:
        recorded: The event.
        state: The state behind it; the one before it if the fold failed on it.
        rows: The rows that it changes; none if it failed.
        failure: Why it has no rows, or None.
    """

    recorded: Recorded
    state: StateT
    rows: tuple[Row, ...]
    failure: Exception | None = None


@dataclass(frozen=True, slots=True)
class TableProjection(Generic[StateT]):
    """A fold whose result is kept as tables.

    What stands in the tables at a position is a function of the events up to it: the rows of
    each, the later in the place of the earlier of the same key.

    Attributes:
        name: Stable name.
        version: Raised whenever the same events would now give other rows.
        tables: The tables.
        fold: The state from which the rows are taken.
        rows: Returns the rows that an event changes, from the state before it, the event,
            and the state behind it; pure.
    """

    name: str
    version: int
    tables: tuple[Table, ...]
    fold: Projection[StateT]
    rows: Callable[[StateT, Recorded, StateT], tuple[Row, ...]]

    def apply(self, state: StateT, page: Iterable[Recorded]) -> list[Applied[StateT]]:
        """Apply events one by one; what fails on one is told with it, and the others go on."""
        applied: list[Applied[StateT]] = []
        tables = self._by_name()
        for recorded in page:
            before = state
            try:
                state = self.fold.apply(before, recorded)
                rows = self.rows(before, recorded, state)
                for row in rows:
                    check_row(tables[row.table], row)
            except Exception as error:  # noqa: BLE001 - what to do with poison is the caller's policy
                applied.append(Applied(recorded, state, (), error))
            else:
                applied.append(Applied(recorded, state, rows))
        return applied

    def advance(self, state: StateT, page: Iterable[Recorded]) -> StateT:
        """Return the state behind events; those on which the fold fails change nothing."""
        for recorded in page:
            with suppress(Exception):
                state = self.fold.apply(state, recorded)
        return state

    def last_rows(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the last row of each key."""
        tables = self._by_name()
        last: dict[tuple[str, tuple[Value, ...]], Row] = {}
        for row in rows:
            last[row.table, key_of(tables[row.table], row)] = row
        return tuple(last.values())

    def _by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}
