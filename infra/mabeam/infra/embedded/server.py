"""Starts a real nats-server for this process, and stops it however this process ends."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import structlog

from mabeam.core.errors import ConfigurationError, DataFolderInUse, ServerFailed
from mabeam.infra.embedded.binary import find_binary
from mabeam.infra.embedded.child import Child
from mabeam.infra.embedded.configuration import render
from mabeam.infra.embedded.folder import DataFolder, Record
from mabeam.infra.embedded.probe import jetstream_answers

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from mabeam.infra.embedded.folder import FolderLock

__all__ = ["EmbeddedServer"]

_log = structlog.stdlib.get_logger(__name__)

_READY_POLL_SECONDS = 0.002
_LOCK_POLL_SECONDS = 0.02
# A server whose owner has just died answers a little longer, and must not count as in use.
_SETTLE_SECONDS = 0.5


class EmbeddedServer:
    """A nats-server with JetStream on a free loopback port, for as long as the context lasts.

    An instance is entered once.

    Args:
        folder: Where the streams are kept; made if missing. None keeps them in a temporary
            folder that is deleted in the end.
        sync_interval: How often events are forced to the disk: a death of the server or of
            this process loses nothing, a death of the machine what was written since.
            ``always`` forces each event before it is acknowledged, many times slower.
        start_seconds: How long the server may take to be ready: reading back a large log
            takes a second or two per million events.
        stop_seconds: How long it may take to end before it is killed.

    Attributes:
        url: Where clients connect.
        folder: The data folder.
        pid: The server's process.
        failed: Why the server ended without being asked to, or None.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        sync_interval: str = "1s",
        start_seconds: float = 30.0,
        stop_seconds: float = 10.0,
    ) -> None:
        self.url = ""
        self.pid = 0
        self.failed: ServerFailed | None = None
        self._sync_interval = sync_interval
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._temporary = folder is None
        self._stopping = False
        self._files = DataFolder(Path(folder or ""))
        self._child: Child | None = None
        self._lock: FolderLock | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self._files.path

    async def __aenter__(self) -> Self:
        """Start the server, and return when its JetStream answers.

        Raises:
            ConfigurationError: There is no nats-server program, or the folder cannot be used.
            DataFolderInUse: Another process serves the folder; use the address it names.
            ServerFailed: The server ended or was not ready in time; its last words say why.
        """
        binary = find_binary()
        if self._temporary:
            self._files = DataFolder(_temporary_folder())
        try:
            self._files.prepare()
            self._lock = await self._take_lock()
            self._child = await self._start(binary, self._lock)
            await self._become_ready(self._child)
        except BaseException:
            await _undisturbed(self._stop())
            raise
        self._watch = asyncio.create_task(self._notice_end(self._child))
        _log.debug("embedded server ready", url=self.url, pid=self.pid, folder=str(self.folder))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server; a cancellation in the meantime takes effect when it has ended."""
        await _undisturbed(self._stop())

    async def ended(self) -> ServerFailed | None:
        """Return when the server has ended: with the reason if nobody asked for it."""
        if self._watch is not None:
            await asyncio.shield(self._watch)
        return self.failed

    async def _take_lock(self) -> FolderLock:
        began = time.monotonic()
        while (lock := self._files.try_lock()) is None:
            waited = time.monotonic() - began
            if waited > _SETTLE_SECONDS:
                url = await asyncio.to_thread(self._files.served_at)
                if url or waited > _SETTLE_SECONDS + self._stop_seconds:
                    raise DataFolderInUse(str(self.folder), url or "")
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        return lock

    async def _start(self, binary: Path, lock: FolderLock) -> Child:
        configuration = render(self.folder, sync_interval=self._sync_interval)
        with self._files.write(configuration) as log:
            return await Child.start(
                (str(binary), "-c", str(self._files.configuration)),
                lock,
                log,
                stop_seconds=self._stop_seconds,
                remove=str(self.folder) if self._temporary else "",
            )

    async def _become_ready(self, child: Child) -> None:
        try:
            async with asyncio.timeout(self._start_seconds):
                server_id = await self._ready_id(child)
        except TimeoutError as error:
            raise self._failure(f"was not ready within {self._start_seconds:g} s") from error
        if server_id is None:
            raise self._failure(f"ended with status {child.status} while it started")
        self._files.record(Record(self.url, server_id, self.pid))

    async def _ready_id(self, child: Child) -> str | None:
        """Return the server's id once it serves streams, or None when it has ended."""
        while child.status is None:
            if announced := self._files.announced():
                self.url, self.pid = announced
                if server_id := await asyncio.to_thread(jetstream_answers, self.url):
                    return server_id
            await asyncio.sleep(_READY_POLL_SECONDS)
        return None

    async def _notice_end(self, child: Child) -> None:
        status = await child.wait()
        if not self._stopping:
            self.failed = self._failure(f"ended by itself with status {status}")
            _log.error("embedded server ended", status=status, folder=str(self.folder))

    def _failure(self, what: str) -> ServerFailed:
        return ServerFailed(f"nats-server {what}; its last words:\n{self._files.last_words()}")

    async def _stop(self) -> None:
        self._stopping = True
        self._files.forget(self.pid)
        if self._child is not None:
            await self._child.end(self.pid)
        if self._watch is not None:
            await asyncio.wait({self._watch})
        if self._lock is not None:
            self._lock.release()
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="mabeam-"))
    except OSError as error:
        raise ConfigurationError(f"no temporary folder could be made: {error}") from error


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Do the work to its end, and only then let a cancellation of the caller take effect."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
