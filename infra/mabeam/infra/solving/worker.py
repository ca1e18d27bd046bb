"""The solver process: takes problems, gives solutions, and ends with its owner.

It is started as ``python -m mabeam.infra.solving.worker``. Whatever a solver's library prints
goes to standard error, because standard output is for answers.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from importlib import import_module
from queue import SimpleQueue
from typing import BinaryIO, Final

from mabeam.core import catalogue
from mabeam.infra.solving.frames import Answer, Task, packed, read_task, unpacked, write
from mabeam.infra.solving.registry import WAYS, way_for

__all__ = ["main"]

MEMORY_BYTES_MAX: Final = 8 << 30
_PR_SET_PDEATHSIG: Final = 1
_REGISTERED: Final = catalogue.DOMAINS


def main() -> None:
    """Serve until the owner closes the pipe, or dies."""
    _die_with_owner()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for way in WAYS:
        import_module(way.solve.partition(":")[0])
    tasks = SimpleQueue[Task]()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks), daemon=True).start()
    write(answers, Answer("ready"))
    while True:
        _answer(answers, tasks.get())


def _die_with_owner() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Ctrl-C is for the owner, which ends this process when it is done with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _listen(stream: BinaryIO, tasks: SimpleQueue[Task]) -> None:
    """Take tasks while another is being solved, so that the end of the owner is heard at once."""
    while (task := read_task(stream)) is not None:
        tasks.put(task)
    os._exit(0)


def _answer(answers: BinaryIO, task: Task) -> None:
    try:
        way = way_for(task.way)
        problem = unpacked(task.problem, way.problem)
        module, _, name = way.solve.partition(":")
        solve = getattr(import_module(module), name)
        for solution in solve(problem, time.monotonic() + task.limit_ms / 1000):
            write(answers, Answer("better", packed(solution)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the owner is told
        write(answers, Answer("failed", error=f"{type(error).__name__}: {error}"))
    else:
        write(answers, Answer("done"))


if __name__ == "__main__":
    main()
