"""Read from stores as tests want to: all at once, or so many and then no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from mabeam.core.envelope import Recorded
from mabeam.core.ports import Delivery, EventStore, Page
from mabeam.core.subjects import EVERYTHING, Filter

__all__ = ["ids", "next_delivery", "positions", "read_all", "take"]

# Longer than any store of a test tries; this only turns a hang into a failure with a traceback.
_PATIENCE_SECONDS = 60.0


async def read_all(
    store: EventStore, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
) -> list[Recorded]:
    """Return everything that one read gives."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return [one async for page in store.read(wanted, after=after, until=until) for one in page]


async def take(pages: AsyncIterator[Page], count: int) -> list[Recorded]:
    """Return the events of so many pages as are needed for a number of events."""
    taken: list[Recorded] = []
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while len(taken) < count:
            page = await anext(pages)
            assert page, "a page is never empty"
            taken.extend(page)
    return taken


async def next_delivery(deliveries: AsyncIterator[Delivery]) -> Delivery:
    """Return the next delivery."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        return await anext(deliveries)


def ids(events: Page) -> list[str]:
    """Return the ids of the events."""
    return [one.id for one in events]


def positions(events: Page) -> list[int]:
    """Return the positions of the events."""
    return [one.position for one in events]
