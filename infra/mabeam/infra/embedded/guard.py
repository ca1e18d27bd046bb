"""Runs the server as its child, and ends it when the process that asked for it is gone.

This file is a program of its own: ``python guard.py OWNER GRACE REMOVE COMMAND...``. It needs
nothing but the standard library.

The owner holds the other end of standard input. A byte there asks for the server's end; the
end of the file says the same, and the kernel writes it whatever death the owner dies. Nothing
here depends on signals to the owner, on its threads or on its operating system. Two cases
remain. A process forked from the owner may keep that end open, so the guard also looks from
time to time whether it still is the owner's child. And the guard may be killed itself, so
on Linux the kernel is asked to end the server then (``PR_SET_PDEATHSIG``). The owner could not
ask for that: the signal comes when the *thread* that started the child ends, and setting it
takes code between fork and exec, which is not safe beside other threads. The guard has one
thread that starts the server and waits until it has ended.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading

__all__ = ["guard", "main"]

_STANDARD_INPUT = 0
_PR_SET_PDEATHSIG = 1
_NOT_STARTED = 127
_LOOK_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Run the server that the command line names; return what it returned.

    The arguments are the owner's process id, the seconds the server has to end in peace, a
    folder to remove if the owner died (or nothing), and the server's command.
    """
    owner, grace, remove, *command = arguments
    server = _start(command)
    if server is None:
        return _NOT_STARTED
    return guard(server, int(owner), float(grace), remove)


def guard(
    server: subprocess.Popen[bytes],
    owner: int,
    grace_seconds: float,
    remove: str = "",
    source: int = _STANDARD_INPUT,
) -> int:
    """Wait until the server ends, and end it when its owner wants that or is gone."""
    orphaned = threading.Event()

    def end_with_owner() -> None:
        if not _asked(owner, source):
            orphaned.set()
        server.terminate()
        try:
            server.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=end_with_owner, name="guard", daemon=True).start()
    status = server.wait()
    if orphaned.is_set() and remove:
        import shutil  # noqa: PLC0415 - an expensive import for a rare event

        shutil.rmtree(remove, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _asked(owner: int, source: int) -> bool:
    """Wait until the server shall end; say whether the owner was there to ask for it."""
    if sys.platform != "win32":
        while not select.select([source], [], [], _LOOK_SECONDS)[0]:
            if os.getppid() != owner:
                return False
    return os.read(source, 1) != b""


def _start(command: list[str]) -> subprocess.Popen[bytes] | None:
    before_start = _end_with_guard if sys.platform == "linux" else None
    try:
        return subprocess.Popen(  # noqa: S603 - the owner names its own server
            command,
            stdin=subprocess.DEVNULL,
            close_fds=False,  # the open lock on the data folder goes on to the server
            preexec_fn=before_start,  # noqa: PLW1509 - no other thread runs yet
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]} could not be started: {error}\n")
        return None


def _end_with_guard() -> None:
    guard_process = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != guard_process:
        os._exit(_NOT_STARTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
