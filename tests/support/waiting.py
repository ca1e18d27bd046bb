"""Wait for what no event announces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["until"]

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.002


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]],
    patience_seconds: float = _PATIENCE_SECONDS,
) -> None:
    """Return when a condition holds; fail when it does not hold in a very long time."""
    async with asyncio.timeout(patience_seconds):
        while True:
            held = condition()
            if await held if isinstance(held, Awaitable) else held:
                return
            await asyncio.sleep(_PAUSE_SECONDS)
