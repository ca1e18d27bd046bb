"""A solver process for tests, whose solver sleeps, crashes or fails as the problem says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Final

import msgspec

from mabeam.infra.solving.registry import WAYS, Way
from mabeam.infra.solving.worker import main

__all__ = ["WAY", "Number", "Slow", "solve"]


class Slow(msgspec.Struct, frozen=True):
    """What is to be done."""

    does: str
    limit_ms: int = 200


class Number(msgspec.Struct, frozen=True):
    """What comes of it."""

    number: int = 0


def solve(problem: Slow, until: float) -> Iterator[Number]:
    """Yield numbers, or do otherwise."""
    assert until > time.monotonic() - 60
    if not problem.does.endswith("at once"):
        yield Number(1)
    match problem.does.removesuffix(" at once"):
        case "sleeps":
            time.sleep(3600)
        case "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "runs out of memory":
            bytearray(1 << 40)
        case "fails":
            raise ValueError("no")
        case "prints":
            print("a library greets its user")  # noqa: T201 - it must not pass for an answer
            yield Number(2)
        case _:
            yield Number(2)


WAY: Final = Way(
    problem=Slow,
    solution=Number,
    solve="support.slow_solving:solve",
    limit_ms=lambda problem: problem.limit_ms,
    finish=lambda _problem, best: best or Number(),
)

if __name__ == "__main__":
    # The classes of this module as others know them, not those of the main module.
    WAYS.append(import_module("support.slow_solving").WAY)
    main()
