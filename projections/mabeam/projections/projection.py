"""The shape of a read model: a pure fold over the whole log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
        apply_page: Applies several events at once, faster than and with the same result as
            ``apply`` one after the other; None where nothing is gained by it.
    """

    name: str
    version: int
    initial: StateT
    apply: Callable[[StateT, Recorded], StateT]
    apply_page: Callable[[StateT, Sequence[Recorded]], StateT] | None = None

    def advance(self, state: StateT, page: Sequence[Recorded]) -> StateT:
        """Return the state after a page of events, the first one first."""
        if self.apply_page is not None:
            return self.apply_page(state, page)
        apply = self.apply
        for recorded in page:
            state = apply(state, recorded)
        return state

    def fold(self, events: Iterable[Recorded]) -> StateT:
        """Return the state after these events, the first one first."""
        return self.advance(self.initial, tuple(events))
