"""How long something is tried again, and with what pauses."""

from __future__ import annotations

import asyncio
import random
from typing import Final

__all__ = ["Patience"]

SECONDS_MIN: Final = 0.01
SECONDS_MAX: Final = 0.25


class Patience:
    """Growing, jittered pauses until a deadline.

    Attributes:
        deadline: When patience ends, by the loop's clock.
        attempts: How many pauses there were.
    """

    __slots__ = ("attempts", "deadline")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.attempts = 0

    async def pause(self) -> bool:
        """Sleep for a while; tell at once when the deadline has passed instead."""
        left = self.deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        self.attempts += 1
        seconds = min(SECONDS_MAX, SECONDS_MIN * 2 ** min(self.attempts, 10))
        await asyncio.sleep(min(left, seconds * random.uniform(0.5, 1.0)))  # noqa: S311 - no secret
        return True
