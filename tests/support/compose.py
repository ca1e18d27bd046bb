"""The cluster of docker-compose.yml, under a name and on ports that nothing else uses."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from support.nats_image import IMAGE_VARIABLE, Missing

__all__ = ["ROOT", "Cluster", "find_compose"]

ROOT: Final = Path(__file__).parents[2]

_NODES: Final = ("nats-1", "nats-2", "nats-3")
_HEALTH_SECONDS: Final = 90.0


def find_compose() -> list[str]:
    """Return the command that runs Compose.

    Raises:
        Missing: Neither Compose 2 nor Compose 1 is on this machine.
    """
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], check=False, capture_output=True).returncode == 0:
        return plugin
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Missing("there is neither 'docker compose' nor 'docker-compose'")


class Cluster:
    """Three nodes in containers.

    Attributes:
        urls: Where the nodes listen.
        commands: What was run, as the documentation writes it.
    """

    def __init__(self, compose: list[str], image: str, project: str) -> None:
        ports = _free_ports(len(_NODES))
        self.urls = [f"nats://127.0.0.1:{port}" for port in ports]
        self.commands: list[str] = []
        self._compose = compose
        self._settings = {
            IMAGE_VARIABLE: image,
            "COMPOSE_PROJECT_NAME": project,
            **{f"MABEAM_NATS_PORT_{number}": str(port) for number, port in enumerate(ports, 1)},
        }

    def run(self, command: str) -> str:
        """Run a command that is written as for Compose 2; return what it prints."""
        self.commands.append(command)
        words = shlex.split(command)
        assert words[:2] == ["docker", "compose"], command
        return self._ask(*words[2:])

    def await_healthy(self) -> None:
        """Return when the health check of each node has passed."""
        for node in _NODES:
            self.await_health(node, "healthy")

    def await_health(self, node: str, wanted: str) -> None:
        """Return when the health check says that of a node."""
        deadline = time.monotonic() + _HEALTH_SECONDS
        while (health := self._health(node)) != wanted:
            assert time.monotonic() < deadline, f"{node} is {health}\n{self._logs()}"
            time.sleep(0.2)

    def _health(self, node: str) -> str:
        container = self._ask("ps", "--quiet", node)
        template = "{{.State.Status}} {{.State.Health.Status}}"
        command = ["docker", "inspect", "--format", template, container]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        status, health = done.stdout.split()
        return health if status == "running" else status

    def _ask(self, *words: str) -> str:
        done = subprocess.run(
            [*self._compose, *words],
            cwd=ROOT,
            env={**os.environ, **self._settings},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def _logs(self) -> str:
        return self._ask("logs", "--tail", "20")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
