"""One at a time: who may append to a boundary now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

__all__ = ["Turns"]


class _Queue:
    """Those who want one boundary."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Turns:
    """First come, first served, for each of many boundaries; forgets idle ones."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def __len__(self) -> int:
        """Return how many boundaries are in use."""
        return len(self._queues)

    async def take(self, boundaries: Sequence[str]) -> None:
        """Wait for one's turn on all of them.

        Args:
            boundaries: In an order that is the same everywhere, or two who want the same
                could wait for each other.
        """
        taken: list[str] = []
        try:
            for boundary in boundaries:
                queue = self._queues.get(boundary)
                if queue is None:
                    queue = self._queues[boundary] = _Queue()
                queue.users += 1
                try:
                    await queue.lock.acquire()
                except BaseException:
                    self._leave(boundary, queue)
                    raise
                taken.append(boundary)
        except BaseException:
            self.give_back(taken)
            raise

    def give_back(self, boundaries: Sequence[str]) -> None:
        """Let the next ones have their turn."""
        for boundary in boundaries:
            queue = self._queues[boundary]
            queue.lock.release()
            self._leave(boundary, queue)

    def _leave(self, boundary: str, queue: _Queue) -> None:
        queue.users -= 1
        if not queue.users:
            del self._queues[boundary]
