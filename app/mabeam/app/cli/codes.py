"""The exit codes, the same for every command."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Code"]


class Code(IntEnum):
    """What a command tells the program that started it."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    INVALID_DATA = 5
    DIVERGED = 6
    INTERRUPTED = 130
