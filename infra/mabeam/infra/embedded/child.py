"""The guard and the server under it, as one child process of this one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import IO, TYPE_CHECKING, Self

from mabeam.core.errors import ServerFailed
from mabeam.infra.embedded import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mabeam.infra.embedded.folder import FolderLock

__all__ = ["Child"]

# What the guard may take on top of what it grants the server.
_GUARD_SECONDS = 2.0


class Child:
    """A server that runs under a guard, see `mabeam.infra.embedded.guard`."""

    def __init__(
        self, process: asyncio.subprocess.Process, owner_end: int, stop_seconds: float
    ) -> None:
        self._process = process
        self._owner_end = owner_end
        self._stop_seconds = stop_seconds

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        lock: FolderLock,
        log: IO[bytes],
        *,
        stop_seconds: float,
        remove: str = "",
    ) -> Self:
        """Start the command under a guard; whatever either of them prints goes to the log.

        Args:
            command: The server and its arguments.
            lock: Will be the server's.
            log: May be closed afterwards.
            stop_seconds: How long the server may take to end before it is killed.
            remove: A folder that the guard removes if this process dies before it can.

        Raises:
            ServerFailed: No process could be started.
        """
        guard_end, owner_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", guard.__file__),
                *(str(os.getpid()), str(stop_seconds), remove),
                *command,
                stdin=guard_end,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is for this process, which then ends the server.
                start_new_session=True,
                **lock.inherited(),
            )
        except BaseException as error:
            os.close(owner_end)
            if isinstance(error, OSError):
                raise ServerFailed(f"no process could be started: {error}") from error
            raise
        finally:
            os.close(guard_end)
        lock.hand_over()
        return cls(process, owner_end, stop_seconds)

    @property
    def status(self) -> int | None:
        """What the server returned, or None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return what the server returned, when it and its guard have ended."""
        return await self._process.wait()

    async def end(self, server_pid: int) -> None:
        """Ask the guard to end the server, and return when both have ended.

        Args:
            server_pid: Is killed if the guard itself hangs; 0 when not known yet.
        """
        if self._owner_end >= 0:
            owner_end, self._owner_end = self._owner_end, -1
            with contextlib.suppress(BrokenPipeError):
                os.write(owner_end, b".")
            os.close(owner_end)
        try:
            async with asyncio.timeout(self._stop_seconds + _GUARD_SECONDS):
                await self._process.wait()
        except TimeoutError:
            for pid in filter(None, (server_pid, self._process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await self._process.wait()
