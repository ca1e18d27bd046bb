"""Checkpoints that last as long as the process."""

from __future__ import annotations

from typing import Final

from mabeam.core.errors import EventTooLarge
from mabeam.core.ports import Checkpoint

__all__ = ["MemoryCheckpoints"]

_STATE_BYTES_MAX: Final = 64 * 1024 * 1024


class MemoryCheckpoints:
    """Keeps the latest checkpoint of each projection and version.

    Args:
        state_bytes_max: Greatest state taken.
    """

    def __init__(self, *, state_bytes_max: int = _STATE_BYTES_MAX) -> None:
        self._state_bytes_max = state_bytes_max
        self._saved: dict[tuple[str, int], Checkpoint] = {}

    async def load(self, projection: str, version: int) -> Checkpoint | None:
        """Return the checkpoint saved last, or None."""
        return self._saved.get((projection, version))

    async def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint of this projection and version.

        Raises:
            EventTooLarge: The state exceeds what the store takes.
        """
        if len(checkpoint.state) > self._state_bytes_max:
            raise EventTooLarge(len(checkpoint.state), self._state_bytes_max)
        self._saved[checkpoint.projection, checkpoint.version] = checkpoint
