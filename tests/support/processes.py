"""Watching processes that are not the test's own children."""

from __future__ import annotations

import os
import select
from pathlib import Path

__all__ = ["await_end", "parent_of"]


def await_end(pid: int, timeout_seconds: float = 20.0) -> None:
    """Return when a process has ended, whosever child it is."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([watched], [], [], timeout_seconds)
    finally:
        os.close(watched)
    assert ended, f"process {pid} still runs after {timeout_seconds} s"


def parent_of(pid: int) -> int:
    """Return the process that started a process."""
    # The second field, the program's name, may hold spaces and parentheses.
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    return int(stat.rpartition(")")[2].split()[1])
