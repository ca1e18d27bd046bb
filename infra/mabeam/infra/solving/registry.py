"""Which function solves problems of which class.

A family of protocols adds its own: a way that is found by the class of the problem, with the
function's place as text, because it is loaded in the solver process alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from mabeam.core.combinatorial.clearing import (
    ClearingProblem,
    ClearingSolution,
    clear,
    clear_greedily,
)
from mabeam.core.combinatorial.search import exact, nodes_for
from mabeam.core.combinatorial.winners import Found, WinnerProblem
from mabeam.core.errors import ConfigurationError

__all__ = ["WAYS", "Way", "way_for"]

SMALL_BIDS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Way:
    """How problems of one class are solved.

    Attributes:
        problem: Their class.
        solution: The class of their solutions.
        solve: Where the function is, as ``module:name``. It is called in the solver process with
            the problem and the instant, on ``time.monotonic``, by which it should be done; it
            yields solutions, each at least as good as the one before.
        limit_ms: How long a problem may take.
        finish: Returns a solution from the last one that came, or from none; quickly.
        at_once: Returns the solution of a problem that needs no process, else None; quickly.
    """

    problem: type[msgspec.Struct]
    solution: type[msgspec.Struct]
    solve: str
    limit_ms: Callable[[Any], int]
    finish: Callable[[Any, Any], msgspec.Struct]
    at_once: Callable[[Any], msgspec.Struct | None] = lambda _: None


class _TooHardError(Exception):
    """A small problem that the bounded search does not prove."""


def _clear_small(problem: ClearingProblem) -> ClearingSolution | None:
    if len(problem.winners.bids) > SMALL_BIDS_MAX:
        return None

    def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:  # noqa: ARG001 - it is quick
        found = exact(winners, nodes_for(winners))
        if not found.proved:
            raise _TooHardError
        return found

    try:
        *_, last = clear(problem, ask)
    except _TooHardError:
        return None
    return last


WAYS: Final[list[Way]] = [
    Way(
        problem=ClearingProblem,
        solution=ClearingSolution,
        solve="mabeam.infra.solving.bundles:solve",
        limit_ms=lambda problem: problem.limit_ms,
        finish=clear_greedily,
        at_once=_clear_small,
    ),
]
"""The known ways."""


def way_for(problem: type[msgspec.Struct] | str) -> Way:
    """Return how problems of a class, or of a class of that name, are solved.

    Raises:
        ConfigurationError: No way is known.
    """
    for way in WAYS:
        if problem in {way.problem, name_of(way.problem)}:
            return way
    raise ConfigurationError(f"no way is known here to solve {problem}")


def name_of(problem: type[msgspec.Struct]) -> str:
    """Return the name under which a class is sent to the solver process."""
    return f"{problem.__module__}.{problem.__qualname__}"
