"""Hosts on a network of their own, whose lines can be cut in either direction.

Each host is a network namespace that a process holds, joined by a bridge in one more. All of
them end with their holders, and those with the test process, whatever death it dies: nothing
is left behind, and nothing of the machine's own network is touched.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from support.administration import require, run, run_if_able

__all__ = ["Host", "Network"]

_HUB: Final = "10.77.0.254"
_HOLD_SECONDS: Final = 10.0
_NETWORK: Final = 0x4000_0000  # CLONE_NEWNET, of which Python 3.11 knows nothing.


class Host:
    """One namespace, for as long as somebody holds it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        deadline = time.monotonic() + _HOLD_SECONDS
        while self._namespace.readlink() == Path("/proc/self/ns/net").readlink():
            assert time.monotonic() < deadline, "no namespace was made"
            time.sleep(0.002)
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._holder.pid

    @property
    def _namespace(self) -> Path:
        return Path(f"/proc/{self.pid}/ns/net")

    @property
    def within(self) -> Sequence[str]:
        """The beginning of a command that runs the rest of it on this host."""
        return ("nsenter", f"--net={self._namespace}", "--")

    def run(self, *command: str) -> None:
        """Run a command on it."""
        _ = run(*self.within, *command)

    def refuse(self, others: Iterable[Host], *, speaking: bool = True) -> None:
        """Drop whatever comes from others, and unless told otherwise what goes to them."""
        for other in others:
            self.run("iptables", "-w", "-A", "INPUT", "-s", other.address, "-j", "DROP")
            if speaking:
                self.run("iptables", "-w", "-A", "OUTPUT", "-d", other.address, "-j", "DROP")

    def heal(self) -> None:
        """Let everything through again."""
        self.run("iptables", "-w", "-F")

    @contextmanager
    def entered(self) -> Generator[None]:
        """Let this thread, and those it starts, open its connections on this host."""
        before = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(self._namespace, os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(before)
            os.close(before)
            os.close(there)

    def close(self) -> None:
        """Let it go."""
        self._holder.kill()
        _ = self._holder.communicate()


class Network:
    """Some hosts, and one more in their middle for whoever uses them."""

    def __init__(self, size: int) -> None:
        require("unshare", "nsenter", "ip", "iptables")
        run_if_able("network namespaces", ["unshare", "--net", "true"])
        run_if_able("packet filter", ["unshare", "--net", "iptables", "-w", "-L"])
        self.hub = Host(_HUB)
        self.hosts = [Host(f"10.77.0.{number + 1}") for number in range(size)]

    def __enter__(self) -> Self:
        """Join them."""
        hub = self.hub
        hub.run("ip", "link", "add", "bridge", "type", "bridge")
        hub.run("ip", "addr", "add", f"{hub.address}/24", "dev", "bridge")
        hub.run("ip", "link", "set", "bridge", "up")
        for number, host in enumerate(self.hosts):
            line, end = f"line{number}", ("peer", "name", "eth0", "netns", str(host.pid))
            hub.run("ip", "link", "add", line, "type", "veth", *end)
            hub.run("ip", "link", "set", line, "master", "bridge", "up")
            host.run("ip", "addr", "add", f"{host.address}/24", "dev", "eth0")
            host.run("ip", "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        """Take it down."""
        for host in (*self.hosts, self.hub):
            host.close()

    def heal(self) -> None:
        """Let everything through everywhere."""
        for host in self.hosts:
            host.heal()


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _NETWORK):
        raise OSError(ctypes.get_errno(), "cannot enter the namespace")
