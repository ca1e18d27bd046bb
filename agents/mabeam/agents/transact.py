"""Carry a command through: decide on the live state, append, decide again on conflict."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

from mabeam.core.errors import Conflict
from mabeam.core.ports import EventStore, Write
from mabeam.projections.runner import Live
from mabeam.projections.world import World

__all__ = ["ATTEMPTS_MAX", "transact"]

ATTEMPTS_MAX: Final = 50
PAUSE_SECONDS: Final = 0.002


async def transact(
    store: EventStore,
    live: Live[World],
    decide: Callable[[World], Sequence[Write]],
) -> int:
    """Append what a decision on the present state yields.

    Args:
        store: The log.
        live: The state to decide on; it has folded the outcome when this returns.
        decide: From a state to writes that expect the positions it was decided at; no
            writes when nothing is to be done. It is asked again after each conflict.

    Returns:
        The position of the last event appended, or of the state when nothing was to do.

    Raises:
        Rejected: A rule refuses the command; nothing was recorded.
        Conflict: Other writers came first at every one of the attempts.
        StoreError: The log refuses or does not answer.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        writes = decide(live.state)
        if not writes:
            return live.position
        try:
            position = await store.append(*writes)
        except Conflict:
            if attempt == ATTEMPTS_MAX:
                raise
            await live.caught_up()
            # Several losers of one race would otherwise meet again at once.
            await asyncio.sleep(random.random() * PAUSE_SECONDS * min(attempt, 10))  # noqa: S311 - only to part rivals
        else:
            await live.wait_for(position)
            return position
    raise AssertionError("the last attempt returns or raises")
