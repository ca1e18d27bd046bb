"""Replays: the history of a space folded again from its beginning, by a second reader."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from mabeam.core import catalogue
from mabeam.core.ports import EventStore
from mabeam.projections.runner import Live
from mabeam.projections.verification import Report, verify
from mabeam.projections.world import WORLD, World, fingerprint

__all__ = ["Replay", "Verification", "folded", "replay", "verification"]

# Importing the catalogue registers the event types that the fold reads.
_REGISTERED: Final = catalogue.DOMAINS


class Replay(msgspec.Struct, frozen=True):
    """What folding a history came to.

    Attributes:
        space: Name of the space.
        position: The last position folded.
        unreadable: How many events nobody can read.
        seconds: How long reading and folding took.
        fingerprint: SHA-256 of the state.
    """

    space: str
    position: int
    unreadable: int
    seconds: float
    fingerprint: str

    @property
    def events_per_second(self) -> int:
        """How many events were read and folded in a second."""
        return round(self.position / self.seconds) if self.seconds else 0


class Verification(msgspec.Struct, frozen=True):
    """What checking a history found.

    Attributes:
        report: Which decisions follow from the log.
        live: SHA-256 of the state that a follower comes to at the same position; empty when
            it has passed that position.
    """

    report: Report
    live: str

    @property
    def fingerprints_agree(self) -> bool:
        """Whether following, as all processes do, comes to the same state as rebuilding."""
        return self.live in {"", self.report.fingerprint}


async def folded(
    store: EventStore,
    until: int | None = None,
    on_page: Callable[[int], None] | None = None,
) -> World:
    """Fold a log from its beginning up to a position, or to its head.

    Args:
        store: The log.
        until: The last position to fold.
        on_page: Called with the position reached, page by page.

    Raises:
        LogGap: Positions are missing from the log.
    """
    world = WORLD.initial
    async for page in store.read(until=until):
        world = WORLD.advance(world, page)
        if on_page is not None:
            on_page(world.position)
    return world


async def replay(
    store: EventStore,
    until: int | None = None,
    on_page: Callable[[int], None] | None = None,
) -> Replay:
    """Fold a log from its beginning and say how it went; otherwise like `folded`."""
    began = time.perf_counter()
    world = await folded(store, until, on_page)
    seconds = time.perf_counter() - began
    return Replay(store.space, world.position, world.unreadable.count, seconds, fingerprint(world))


async def verification(store: EventStore, until: int) -> Verification:
    """Check that what was decided follows from the log, and that followers see the same state.

    Raises:
        LogGap: Positions are missing from the log.
    """
    async with Live(WORLD, store) as live:
        world = await live.wait_for(until)
        followed = fingerprint(world) if world.position == until else ""
    return Verification(await verify(store, until=until), followed)
