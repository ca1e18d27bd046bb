"""Could all that the clients of a register saw have happened one after the other?

A history of operations that overlapped is linearizable if each can be given an instant
between its call and its answer so that, in that order, all answers are right (Herlihy and
Wing, 1990). The search is that of Wing and Gong, "Testing and Verifying Concurrent Objects"
(1993), with the memory of Lowe, "Testing for Linearizability" (2017): what has been given
its instant, together with the value then, is tried once. Keys are judged one by one, which
loses nothing: linearizability is local (Horn and Kroening, "Faster Linearizability Checking
via P-Compositionality", 2015).

It looks at answers alone, never at positions, so that it is deceived by no log that is in
error about its own order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec

__all__ = ["NOTHING", "Operation", "Order", "Stuck", "find_order"]

NOTHING: Final = ""
"""What a register holds that was never written."""

CONFIGURATIONS_MAX: Final = 200_000
_EVER: Final = float("inf")


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One operation on a register, as the client that called it saw it.

    Attributes:
        act: ``read``, ``write``, or ``swap``: write if the register holds what is expected.
        value: What a read returned, or what the others were to write.
        expected: What a swap expected; `NOTHING` for a register never written.
        refused: Whether a swap was told that the register holds something else.
        begun: When it was called, on any clock that all clients of the history share.
        ended: When it was answered. None if it never was: then it took effect at any time
            after the call, or never.
        client: Who called it, for the report.
    """

    act: Literal["read", "write", "swap"]
    value: str
    expected: str = NOTHING
    refused: bool = False
    begun: int
    ended: int | None = None
    client: str = ""

    def on(self, held: str) -> str | None:
        """Return what a register holds afterwards, or None if it cannot have answered so."""
        if self.act == "read":
            return held if held == self.value else None
        if self.act == "write":
            return self.value
        if self.refused:
            return held if held != self.expected else None
        return self.value if held == self.expected else None


class Order(msgspec.Struct, frozen=True):
    """An order in which all answers are right.

    Attributes:
        operations: All that took effect; of those never answered, as many as it needs.
        value: What the register holds in the end.
    """

    operations: tuple[Operation, ...]
    value: str


class Stuck(msgspec.Struct, frozen=True):
    """There is no such order.

    Attributes:
        operations: The longest right order there is.
        value: What the register holds behind it.
        next: The operations one of which must be next, though none can.
    """

    operations: tuple[Operation, ...]
    value: str
    next: tuple[Operation, ...]

    def __str__(self) -> str:
        """Show where it ends."""
        last = self.operations[-1] if self.operations else "the beginning"
        lines = "".join(f"\n  {one}" for one in self.next)
        return f"behind {last} the register holds {self.value!r}, and none can be next:{lines}"


def find_order(operations: Iterable[Operation], initial: str = NOTHING) -> Order | Stuck:
    """Find an order of the operations on one register, or the place where there is none.

    Args:
        operations: All on this register, in any order.
        initial: What the register held before them.

    Raises:
        AssertionError: The history is too entangled to be judged: take a shorter one, fewer
            clients, or more registers.
    """
    return _Search(operations).run(initial)


class _Search:
    """Depth first, with a memory of what was tried."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        ordered = sorted(operations, key=lambda one: one.begun)
        self._answered: Final[Sequence[Operation]] = [o for o in ordered if o.ended is not None]
        # A read that was never answered says nothing.
        self._open: Final[Sequence[Operation]] = [
            one for one in ordered if one.ended is None and one.act != "read"
        ]
        self._tried: Final = set[tuple[int, int, str]]()
        # Operations in the order tried at present, and for each what else could stand there.
        self._path: list[Operation] = []
        self._branches: list[Iterator[tuple[Operation, int, int, str]]] = []
        self._best: Stuck | None = None

    def run(self, initial: str) -> Order | Stuck:
        all_answered = (1 << len(self._answered)) - 1
        done, taken, held = 0, 0, initial
        while True:
            if done == all_answered:
                return Order(tuple(self._path), held)
            self._branches.append(self._branch(done, taken, held))
            while (step := next(self._branches[-1], None)) is None:
                self._branches.pop()
                if not self._branches:
                    assert self._best is not None
                    return self._best
                self._path.pop()
            operation, done, taken, held = step
            self._path.append(operation)

    def _branch(
        self, done: int, taken: int, held: str
    ) -> Iterator[tuple[Operation, int, int, str]]:
        """Yield what may be next and has not been tried: itself, what is done then, and the value.

        Args:
            done: Which of the answered operations have their instant, as bits.
            taken: Likewise of those never answered.
            held: What the register holds.
        """
        answered, unanswered = self._candidates(done, taken)
        self._remember(held, [self._answered[n] for n in answered])
        for number in answered:
            operation = self._answered[number]
            if self._is_new(done | 1 << number, taken, after := operation.on(held)):
                yield operation, done | 1 << number, taken, after or NOTHING
        for number in unanswered:
            operation = self._open[number]
            if self._is_new(done, taken | 1 << number, after := operation.on(held)):
                yield operation, done, taken | 1 << number, after or NOTHING

    def _candidates(self, done: int, taken: int) -> tuple[list[int], list[int]]:
        """Return which operations were called before any that is still to come was answered."""
        first = _lowest_clear(done)
        end: float = _EVER
        answered: list[int] = []
        for number in range(first, len(self._answered)):
            operation = self._answered[number]
            if operation.begun > end:
                break
            if not done >> number & 1:
                assert operation.ended is not None
                answered.append(number)
                end = min(end, operation.ended)
        unanswered = [
            number
            for number, operation in enumerate(self._open)
            if operation.begun <= end and not taken >> number & 1
        ]
        return [n for n in answered if self._answered[n].begun <= end], unanswered

    def _is_new(self, done: int, taken: int, held: str | None) -> bool:
        if held is None:
            return False
        before = len(self._tried)
        self._tried.add((done, taken, held))
        if before > CONFIGURATIONS_MAX:
            raise AssertionError(f"not judged after {before} configurations")
        return len(self._tried) > before

    def _remember(self, held: str, candidates: Sequence[Operation]) -> None:
        if self._best is None or len(self._path) > len(self._best.operations):
            self._best = Stuck(tuple(self._path), held, tuple(candidates))


def _lowest_clear(bits: int) -> int:
    """Return the place of the lowest bit that is not set."""
    return (~bits & bits + 1).bit_length() - 1
