"""Faults of the kernel's answers to a running process, by strace."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.administration import require

__all__ = ["injected"]

_ATTACH_SECONDS = 10.0


@contextmanager
def injected(pid: int, fault: str, counted: Path) -> Generator[None]:
    """Have the kernel answer a process in another way than it would.

    Args:
        pid: The process, with all its threads.
        fault: As for ``strace -e inject``.
        counted: File that names each call that was answered so.
    """
    require("strace")
    command = ["strace", "-f", "-q", "-p", str(pid), "-o", str(counted), "-e", f"inject={fault}"]
    call = fault.partition(":")[0]
    with subprocess.Popen([*command, "-e", f"trace={call}"], stderr=subprocess.PIPE) as tracer:
        _await_attached(pid, tracer)
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            _ = tracer.wait(_ATTACH_SECONDS)


def _await_attached(pid: int, tracer: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _ATTACH_SECONDS
    tasks = Path(f"/proc/{pid}/task")
    while time.monotonic() < deadline:
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            pytest.skip(f"this kernel lets nobody trace: {tracer.stderr.read().decode()}")
        statuses = [(task / "status").read_text() for task in tasks.iterdir()]
        if all(f"TracerPid:\t{tracer.pid}" in status for status in statuses):
            return
        time.sleep(0.01)
    raise AssertionError("strace did not attach")
