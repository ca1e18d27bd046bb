"""A data folder: who may serve it, who does, and what that server last said.

The exclusive lock on the folder is held by the server process itself, through an open file it
inherits. So the folder is free exactly when no process can write to it any more, however the
processes ended, and nothing is left over that a later start would have to judge.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import IO, Any

import msgspec

from mabeam.core.errors import ConfigurationError
from mabeam.infra.embedded.probe import identify

__all__ = ["DataFolder", "FolderLock", "Record", "running_server"]


class Record(msgspec.Struct, frozen=True):
    """What a running server leaves in its folder for others to find.

    Attributes:
        url: Where it listens.
        server_id: Its own name for this run; it has another after each start.
        pid: Its process.
    """

    url: str
    server_id: str
    pid: int


class _Ports(msgspec.Struct):
    nats: list[str]


def running_server(folder: Path | str) -> str | None:
    """Return the address of the server that serves a data folder now, or None.

    A record left by a server that has ended, by whatever death, counts for nothing: the
    address must answer, and with the recorded id.
    """
    return DataFolder(Path(folder)).served_at()


class DataFolder:
    """The files that an embedded server keeps beside its streams."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.configuration = self.path / "server.conf"
        self.log = self.path / "server.log"
        self._record = self.path / "server.json"
        self._lock = self.path / "server.lock"

    def prepare(self) -> None:
        """Make the folder if it is missing, for its owner's eyes only.

        Raises:
            ConfigurationError: It cannot be made or written to. Name another folder.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    def try_lock(self) -> FolderLock | None:
        """Return the folder's lock, or None while another process holds it.

        Raises:
            ConfigurationError: The folder cannot be written to. Name another one.
        """
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        if _take(descriptor):
            return FolderLock(descriptor)
        os.close(descriptor)
        return None

    def write(self, configuration: bytes) -> IO[bytes]:
        """Store the configuration, and return a fresh log file for the server to write to.

        The log of the run before is kept once, for whoever asks why that run ended.

        Raises:
            ConfigurationError: The folder cannot be written to. Name another one.
        """
        try:
            self._record.unlink(missing_ok=True)
            for stale in self.path.glob("*.ports"):
                stale.unlink()
            self.configuration.write_bytes(configuration)
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".previous.log"))
            return self.log.open("ab")
        except OSError as error:
            raise self._unusable(error) from error

    def announced(self) -> tuple[str, int] | None:
        """Return the address and process id the server has announced, or None when not yet."""
        # The name is the program's and its process id; a file of another run was removed.
        for file in self.path.glob("*_*.ports"):
            # It may be read while it is being written: half a file is as good as none.
            with contextlib.suppress(OSError, msgspec.DecodeError):
                url = msgspec.json.decode(file.read_bytes(), type=_Ports).nats[0]
                return url, int(file.stem.rpartition("_")[2])
        return None

    def record(self, record: Record) -> None:
        """Tell other processes which server serves this folder.

        Raises:
            ConfigurationError: The folder cannot be written to. Make room on its disk.
        """
        draft = self._record.with_suffix(".draft")
        try:
            draft.write_bytes(msgspec.json.encode(record))
            draft.replace(self._record)
        except OSError as error:
            raise self._unusable(error) from error

    def forget(self, pid: int) -> None:
        """Take back the record of a server, unless another has taken the folder since."""
        record = self._recorded()
        if record is not None and record.pid == pid:
            self._record.unlink(missing_ok=True)

    def served_at(self) -> str | None:
        """Return the address of the server that serves this folder now, or None."""
        record = self._recorded()
        if record is None or identify(record.url) != record.server_id:
            return None
        return record.url

    def last_words(self, lines: int = 8) -> str:
        """Return the end of the server's log."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:]) or "(it logged nothing)"

    def _recorded(self) -> Record | None:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            return None

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path} cannot be used as a data folder: {error.strerror or error}"
        )


class FolderLock:
    """The right to serve a folder, as an open file that a server process can inherit."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def inherited(self) -> dict[str, Any]:
        """Return the arguments that make a new process hold the lock as well."""
        return {} if sys.platform == "win32" else {"pass_fds": (self._descriptor,)}

    def hand_over(self) -> None:
        """Leave the lock to the process that inherited it.

        A copy kept here would also be kept by every process forked from this one, and
        would outlive the server in them.
        """
        if sys.platform != "win32":
            self.release()

    def release(self) -> None:
        """Give up this process's hold; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> bool:
        # Windows has no lock that a child process could inherit: there it is held by the
        # process that started the server.
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
