"""Places in the log as people give them: a number, an age, a time, or the id of an event."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mabeam.core.ports import EventStore

__all__ = ["HOW", "position_after", "position_at"]

HOW: Final = "number, age such as 5m, ISO time, or event id"

_AGE: Final = re.compile(r"-?(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_NUMBER: Final = re.compile(r"\d+")


async def position_at(store: EventStore, place: str) -> int:
    """Return the position of the last event that a place includes.

    Raises:
        NotFound: The log is not that long, or has no such event.
    """
    position, _ = await _resolve(store, place)
    return position


async def position_after(store: EventStore, place: str) -> int:
    """Return the position behind which to read in order to begin with a place.

    Raises:
        NotFound: The log is not that long, or has no such event.
    """
    position, is_event = await _resolve(store, place)
    return max(position - is_event, 0)


async def _resolve(store: EventStore, place: str) -> tuple[int, bool]:
    """Return a position, and whether the place names the event there, not an instant after it."""
    from mabeam.core.errors import NotFound

    if _NUMBER.fullmatch(place):
        position, head = int(place), await store.head()
        if position > head:
            raise NotFound(f"no position {position} in space {store.space!r}, which ends at {head}")
        return position, True
    instant_ns = await _instant_ns(store, place)
    if instant_ns is not None:
        return await store.position_at(instant_ns), False
    async for page in store.read():
        for recorded in page:
            if recorded.id == place:
                return recorded.position, True
    raise NotFound(f"no event {place!r} in space {store.space!r}; give a {HOW}")


async def _instant_ns(store: EventStore, place: str) -> int | None:
    age = _AGE.fullmatch(place)
    if age:
        past_ns = int(float(age[1]) * _SECONDS[age[2]] * 1e9)
        return await store.now_ns() - past_ns
    try:
        # A time without a zone is one of this machine.
        return int(datetime.fromisoformat(place).astimezone().timestamp() * 1e9)
    except (ValueError, OverflowError):
        return None
