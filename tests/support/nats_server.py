"""A real nats-server for tests: one for the whole run, and others that a test may break.

Tests that use these fixtures carry the marker ``jetstream``. The program itself comes with
mabeam's dependencies, so it is never missing and no such test is ever skipped.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from mabeam.infra.embedded import guard
from mabeam.infra.embedded.binary import find_binary
from mabeam.infra.embedded.configuration import LOOPBACK, render
from mabeam.infra.embedded.folder import DataFolder
from mabeam.infra.embedded.probe import jetstream_answers

__all__ = ["NatsServer", "breakable_server", "free_port", "nats_server", "scratch_folder"]

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
# Linux hands out the ports above these to clients: one that reconnects to a stopped server in
# that range may be given the server's own port, and then nothing can listen there again.
_PORTS = range(20_000, 32_000)


class NatsServer:
    """A server in a process of its own, on the same port and folder through all its starts.

    Its calls return when what they do is done: after `start` JetStream answers, after `stop`
    and `kill` the process is gone. The server also ends when the test process dies.

    Args:
        folder: What it keeps everything in.
        sync_interval: How often it forces events to the disk, as the server writes it.
        settings: Further settings, by their names in the server's configuration.
        host: Where it listens.
        within: The beginning of a command that runs the rest of it somewhere else, such as
            ``nsenter``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sync_interval: str | None = None,
        settings: Mapping[str, Any] | None = None,
        host: str = LOOPBACK,
        within: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.host = host
        self._within = within
        self.port = free_port()
        self.pid = 0
        self._sync_interval = sync_interval
        self._settings = settings or {}
        self._files = DataFolder(folder)
        self._guard: subprocess.Popen[bytes] | None = None
        self._owner_end = -1

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        """The last lines the server has logged since it was started."""
        return self._files.last_words(40)

    @property
    def is_running(self) -> bool:
        """Whether it was started and neither stopped nor killed since."""
        return self._guard is not None

    def start(self) -> None:
        """Start it, for the first time or again."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start it without waiting: of a cluster, one alone is never ready."""
        assert self._guard is None, "it runs already"
        self.pid = 0
        self._files.prepare()
        basic = render(self.folder, sync_interval=self._sync_interval, port=self.port)
        settings = msgspec.json.decode(basic) | {"host": self.host} | self._settings
        guard_end, self._owner_end = os.pipe()
        with self._files.write(msgspec.json.encode(settings)) as log:
            self._guard = subprocess.Popen(
                [
                    *self._within,
                    *(sys.executable, "-I", "-S", guard.__file__),
                    *(str(os.getpid()), str(_STOP_SECONDS), ""),
                    *(str(find_binary()), "-c", str(self._files.configuration)),
                ],
                stdin=guard_end,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(guard_end)

    def stop(self) -> None:
        """End it in an orderly way, as an operator would."""
        self._signal(signal.SIGTERM)
        self._await_end()

    def retire(self) -> None:
        """End it as a lame duck: it hands over what it leads, then sends its clients away."""
        self._signal(signal.SIGUSR2)
        self._await_end()

    def kill(self) -> None:
        """End it as a crash would: nothing is flushed, nobody is told."""
        self._signal(signal.SIGKILL)
        self._await_end()

    def freeze(self) -> None:
        """Halt it where it stands: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        # The signal is on its way to each of its threads when it has been sent.
        deadline = time.monotonic() + _STOP_SECONDS
        while not _is_halted(self.pid):
            assert time.monotonic() < deadline, "it goes on"
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let it run on after `freeze`."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop it in an orderly way and start it again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it if it runs."""
        if self._guard is not None:
            self.kill()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._guard is not None, "it does not run"
        assert self.pid, "nobody has waited for it yet"
        os.kill(self.pid, number)

    def _await_end(self) -> None:
        assert self._guard is not None
        self._guard.wait(_STOP_SECONDS)
        os.close(self._owner_end)
        self._guard = None

    def await_ready(self) -> None:
        """Return when its JetStream answers, and fail when it does not in a long time."""
        self._await_start(lambda: jetstream_answers(self.url) is not None)

    def await_listening(self) -> None:
        """Return when clients may connect, whether or not its JetStream answers them."""
        self._await_start(lambda: True)

    def _await_start(self, is_ready: Callable[[], bool]) -> None:
        process = self._guard
        assert process is not None, "it does not run"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            announced = self._files.announced()
            if announced is not None and is_ready():
                self.pid = announced[1]
                return
            time.sleep(0.002)
        os.close(self._owner_end)
        process.wait(_STOP_SECONDS)
        self._guard = None
        raise AssertionError(f"nats-server is not ready: {self.log}")


def _is_halted(pid: int) -> bool:
    tasks = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    ports = random.Random(os.urandom(8))
    while True:
        port = ports.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port


@pytest.fixture(scope="session")
def scratch_folder() -> Iterator[Path]:
    """A folder for servers of this test run, in memory where there is room for it."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made there is private
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**31
    with tempfile.TemporaryDirectory(prefix="mabeam-test-", dir=memory if roomy else None) as path:
        yield Path(path)


@pytest.fixture(scope="session")
def nats_server(scratch_folder: Path) -> Iterator[NatsServer]:
    """The server all tests share: take a space of your own, and never stop it."""
    with NatsServer(scratch_folder / "shared") as server:
        yield server


@pytest.fixture
def breakable_server(scratch_folder: Path) -> Iterator[NatsServer]:
    """A running server of the test's own, to kill, freeze and start again."""
    folder = Path(tempfile.mkdtemp(dir=scratch_folder))
    with NatsServer(folder) as server:
        yield server
