"""Processes that use a server which another process started, so that it does not stop too soon.

A guest holds a shared lock on a file of the data folder. The host, before it stops its server,
waits for the exclusive one, and keeps it until the server has ended: whoever comes in the
meantime waits, finds the folder free, and starts a server of its own. The locks are held by
open files, so a process that dies leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Final

__all__ = ["Guests"]

_POLL_SECONDS: Final = 0.01
_STOP_SECONDS_MAX: Final = 30.0
_NAME: Final = "guests.lock"


class Guests:
    """The guests of the server on a data folder, of whom this process may be one.

    Args:
        folder: The data folder, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self._file: Final = folder / _NAME
        self._descriptor = -1

    async def enter(self) -> None:
        """Become a guest, as soon as no server on the folder is about to stop.

        Where the folder cannot be written to, or a host takes longer to stop than any should,
        nothing happens.
        """
        if self._open():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS_MAX):
                    await self._lock(shared=True)

    async def see_off(self) -> None:
        """Return when there are no other guests, and keep new ones waiting until `leave`.

        That may take as long as they like; a cancellation ends the wait.
        """
        if self._open():
            await self._lock(shared=False)

    def leave(self) -> None:
        """Be no guest any more; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> bool:
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError:
                return False
        return True

    async def _lock(self, *, shared: bool) -> None:
        while not _try(self._descriptor, shared=shared):  # noqa: ASYNC110 - other processes give no sign
            await asyncio.sleep(_POLL_SECONDS)


if sys.platform == "win32":

    def _try(descriptor: int, *, shared: bool) -> bool:  # noqa: ARG001 - see below
        # Windows has no lock that several processes share; there nobody waits for anybody.
        return True

else:
    import fcntl

    def _try(descriptor: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
