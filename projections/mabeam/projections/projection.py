"""The shape of a read model: a pure fold over the whole log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mabeam.core.envelope import Recorded

__all__ = ["Projection"]

StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class Projection(Generic[StateT]):
    """A named fold.

    Attributes:
        name: Stable name, under which checkpoints are kept.
        version: Raised whenever the same events would now give another state.
        initial: The state before the first event.
        apply: Applies one event; pure, total, and cheap.
    """

    name: str
    version: int
    initial: StateT
    apply: Callable[[StateT, Recorded], StateT]

    def fold(self, events: Iterable[Recorded]) -> StateT:
        """Return the state after these events, the first one first."""
        state, apply = self.initial, self.apply
        for recorded in events:
            state = apply(state, recorded)
        return state
