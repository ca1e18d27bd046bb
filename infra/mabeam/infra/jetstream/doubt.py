"""Whether a server that is alive does what it is there for."""

from __future__ import annotations

import asyncio

__all__ = ["Doubt"]


class Doubt:
    """For how long one kind of request has been in vain.

    A server that is cut off from its cluster answers pings, and may answer reads from what it
    knew; so each kind of request tells for itself.
    """

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds since the first request in vain behind which none was served; 0 without one."""
        return 0.0 if self._since is None else asyncio.get_running_loop().time() - self._since

    def grow(self) -> None:
        """Take notice of a request that nobody answered."""
        if self._since is None:
            self._since = asyncio.get_running_loop().time()

    def end(self) -> None:
        """Take notice of a request that was served, or of another server."""
        self._since = None
