"""Three servers on this machine that are one cluster, to be killed by a benchmark."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from mabeam.infra.embedded.binary import find_binary
from mabeam.infra.embedded.configuration import LOOPBACK, render

__all__ = ["SIZE", "Server", "cluster"]

SIZE: Final = 3


class Server:
    """One server; what it logs goes to a file in its folder."""

    def __init__(self, folder: Path, name: str, port: int, settings: dict[str, object]) -> None:
        folder.mkdir()
        self.name = name
        self.url = f"nats://{LOOPBACK}:{port}"
        self._configuration = folder / "server.conf"
        basic = render(folder / "data", sync_interval="always", port=port)
        merged = msgspec.json.decode(basic) | settings | {"ports_file_dir": str(folder)}
        _ = self._configuration.write_bytes(msgspec.json.encode(merged))
        self._log: IO[bytes] = (folder / "log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, for the first time or again."""
        command = [str(find_binary()), "-c", str(self._configuration)]
        self._process = subprocess.Popen(  # noqa: S603 - the server of our own dependencies
            command, stdout=self._log, stderr=self._log
        )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def wait(self) -> None:
        """Return when it has ended."""
        assert self._process is not None
        _ = self._process.wait()

    def mend(self) -> None:
        """Let it run, whatever was done to it."""
        assert self._process is not None
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
        else:
            self.start()

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self._process.kill()
            _ = self._process.wait()
        self._log.close()


@contextmanager
def cluster(folder: Path) -> Generator[Sequence[Server]]:
    """Start three servers, and end them."""
    ports = free_ports(2 * SIZE)
    routes = [f"nats://{LOOPBACK}:{port}" for port in ports[SIZE:]]
    with ExitStack() as stack:
        servers: list[Server] = []
        for number in range(SIZE):
            name = f"n{number}"
            settings: dict[str, object] = {
                "server_name": name,
                "cluster": {
                    "name": "bench",
                    "listen": f"{LOOPBACK}:{ports[SIZE + number]}",
                    "routes": routes,
                    "no_advertise": True,
                    "ping_interval": "1s",
                    "ping_max": 2,
                },
                "lame_duck_grace_period": "1s",
            }
            server = Server(folder / name, name, ports[number], settings)
            _ = stack.callback(server.close)
            server.start()
            servers.append(server)
        yield servers


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
