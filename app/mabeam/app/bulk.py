"""Very many appends: several under way at once, each with its own exact outcome."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import Final

import msgspec

from mabeam.core.errors import MabeamError
from mabeam.core.ports import EventStore, Write

__all__ = ["IN_FLIGHT", "Outcome", "append_all"]

IN_FLIGHT: Final = 512
"""Appends under way at once; more gain nothing, for the server is busy with these."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one write.

    Attributes:
        write: The write.
        position: The position of its last event if it was recorded, else None.
        error: Why it was not, or why that is not known, else None. A write that followed
            another to the same entity was not attempted and has the error of that one.
    """

    write: Write
    position: int | None = None
    error: MabeamError | None = None


async def append_all(
    store: EventStore, writes: Iterable[Write], *, in_flight: int = IN_FLIGHT
) -> AsyncGenerator[Outcome]:
    """Append each write by itself, and tell what became of it, in the order given.

    Writes to one entity are recorded in the order given, one after the other; the others
    side by side. Memory is bounded, whatever ``writes`` yields. After a failure nothing
    more is taken from ``writes`` and what is under way is brought to its end, so that all
    that was taken has an outcome. Hear it to its end; who must leave the loop early closes
    it (`contextlib.aclosing`), and does not learn of those under way.

    Args:
        store: The log.
        writes: What to append, taken one by one.
        in_flight: How many may be under way at once.
    """
    under_way: deque[tuple[Write, asyncio.Task[Outcome]]] = deque()
    latest: dict[str, asyncio.Task[Outcome]] = {}
    has_failed = False
    remaining = iter(writes)
    try:
        while True:
            write = None if has_failed else next(remaining, None)
            if write is not None:
                entity = write.events[0].subject
                appending = asyncio.create_task(_append(store, write, latest.get(entity)))
                under_way.append((write, appending))
                latest[entity] = appending
            if not under_way:
                return
            if write is None or len(under_way) >= in_flight:
                oldest, appending = under_way.popleft()
                outcome = await appending
                has_failed = has_failed or outcome.error is not None
                entity = oldest.events[0].subject
                if latest[entity] is appending:
                    del latest[entity]
                yield outcome
    finally:
        for _, appending in under_way:
            appending.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


async def _append(store: EventStore, write: Write, before: asyncio.Task[Outcome] | None) -> Outcome:
    if before is not None:
        await asyncio.wait({before})
        if (error := before.result().error) is not None:
            return Outcome(write, error=error)
    try:
        return Outcome(write, await store.append(write))
    except MabeamError as error:
        return Outcome(write, error=error)
