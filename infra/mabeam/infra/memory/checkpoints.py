"""Checkpoints that last as long as the process."""

from __future__ import annotations

from collections import deque
from typing import Final

from mabeam.core.errors import EventTooLarge
from mabeam.core.ports import Checkpoint

__all__ = ["MemoryCheckpoints"]

_STATE_BYTES_MAX: Final = 64 * 1024 * 1024
_KEPT: Final = 4


class MemoryCheckpoints:
    """Keeps the latest four checkpoints of each projection and version.

    Args:
        state_bytes_max: Greatest state taken.
    """

    def __init__(self, *, state_bytes_max: int = _STATE_BYTES_MAX) -> None:
        self._state_bytes_max = state_bytes_max
        self._saved: dict[tuple[str, int], deque[Checkpoint]] = {}

    async def load(
        self, projection: str, version: int, *, until: int | None = None
    ) -> Checkpoint | None:
        """Return the checkpoint saved last among those up to a position, or None."""
        for saved in reversed(self._saved.get((projection, version), ())):
            if until is None or saved.position <= until:
                return saved
        return None

    async def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and forget the oldest of this projection and version.

        Raises:
            EventTooLarge: The state exceeds what the store takes.
        """
        if len(checkpoint.state) > self._state_bytes_max:
            raise EventTooLarge(len(checkpoint.state), self._state_bytes_max)
        key = checkpoint.projection, checkpoint.version
        self._saved.setdefault(key, deque(maxlen=_KEPT)).append(checkpoint)
