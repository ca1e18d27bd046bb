"""Where boundaries end: the highest number used there, and the position of the last event.

The library numbers the events of an aggregate; the log compares positions. This is the
bridge: numbers rise with positions, so an append that expects the last position, from a
writer whose number is above the last one, is the uniqueness that the library asks for.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from mabeam.core.envelope import Recorded
from mabeam.core.ports import NEW, EventStore
from mabeam.core.subjects import EVERYTHING, Boundary, Filter
from mabeam.infra.eventsourcing import payload

__all__ = ["End", "Ends", "whole"]

KNOWN_MAX: Final = 65_536
_FIRST_NUMBERS: Final = (0, 1)


class End(NamedTuple):
    """Where a boundary ends.

    Attributes:
        number: The highest number recorded, -1 when there is none.
        position: The position of its last event.
    """

    number: int
    position: int


_NOTHING: Final = End(-1, NEW)


class Ends:
    """The ends of boundaries of one space, as far as they are known here.

    What is remembered may be behind, never ahead, and then the log refuses the append.

    Args:
        store: The log.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._known: OrderedDict[Boundary, End] = OrderedDict()

    async def find(self, boundary: Boundary, number: int) -> End:
        """Return where a boundary ends, as far as known, for a writer of this number."""
        known = self._known.get(boundary)
        if known is not None:
            self._known.move_to_end(boundary)
            return known
        if number in _FIRST_NUMBERS:
            # Most likely it is new, and the log will say if it is not.
            return _NOTHING
        return await self.look(boundary)

    async def look(self, boundary: Boundary, at_least: int = 0) -> End:
        """Read where a boundary ends.

        Args:
            boundary: The entity.
            at_least: A position at which the log has it, if known. An illegible message may
                stand there, or what is read may be older.
        """
        latest = await self._store.latest(_filter(boundary))
        number = payload.number_of(latest[-1]) if latest else _NOTHING.number
        position = latest[-1].position if latest else NEW
        if number is None or position < at_least:
            position = max(position, at_least)
            number = await self._highest(boundary, position)
            if number is None:
                # The view was an old one. To expect nothing is refused, and harms nobody.
                return _NOTHING
        end = End(number, position)
        self.learn(boundary, end)
        return end

    def position_of(self, boundary: Boundary, number: int | None) -> int:
        """Return a position up to which a boundary holds no number above this one, 0 if unknown."""
        known = self._known.get(boundary)
        return known.position if known is not None and known.number == number else 0

    def learn(self, boundary: Boundary, end: End) -> None:
        """Remember where a boundary ends."""
        known = self._known.get(boundary)
        if known is None or end.position >= known.position:
            self._known[boundary] = end
            self._known.move_to_end(boundary)
            if len(self._known) > KNOWN_MAX:
                _ = self._known.popitem(last=False)

    def forget(self, boundary: Boundary) -> None:
        """Remember nothing of a boundary."""
        _ = self._known.pop(boundary, None)

    async def _highest(self, boundary: Boundary, until: int) -> int | None:
        """Return the highest number up to a position; None if that could not be seen."""
        seen = await whole(self._store, boundary, 0, until)
        if seen is None:
            return None
        numbers = (payload.number_of(recorded) for recorded in seen)
        return max((one for one in numbers if one is not None), default=_NOTHING.number)


async def whole(
    store: EventStore, boundary: Boundary, after: int, until: int
) -> list[Recorded] | None:
    """Return all legible events of a boundary between two positions, or None for a part of them.

    Reads of a log with several copies may go to one that is behind, so what was read counts
    only if it includes the last position. Where an illegible message stands there, a read of
    the boundary alone ends before it, and one of everything goes on from there.
    """
    found: list[Recorded] = []
    for wanted in (_filter(boundary), EVERYTHING):
        async for page in store.read(wanted, after=after, until=until):
            after = page[-1].position
            found += [recorded for recorded in page if recorded.boundary == boundary]
        if after >= until:
            return found
    return None


def _filter(boundary: Boundary) -> Filter:
    return Filter(kind=boundary.kind, entity=boundary.entity)
