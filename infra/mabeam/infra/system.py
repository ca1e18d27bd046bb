"""What the machine answers when the core asks for the time or for a fresh id."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from mabeam.core.ports import Clock

__all__ = ["SystemClock", "SystemIds"]

_VERSION: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
_TAIL_BITS: Final = 74
_TAIL_MASK: Final = (1 << _TAIL_BITS) - 1
_LOW_MASK: Final = (1 << 62) - 1
# A random start in the lower half leaves room for 2**73 ids in one millisecond,
# and a random step below 2**40 keeps the next id as hard to guess as RFC 9562 asks.
_START_BYTES: Final = 10
_STEP_BYTES: Final = 5


class SystemClock:
    """The machine's wall clock. It may jump; durations are not measured with it."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return time.time_ns()


class SystemIds:
    """UUIDs of version 7 (RFC 9562, method 2), as text.

    Each id of one source is greater than the one before, also when the clock is set
    back and also when several threads ask. Randomness keeps sources apart.

    Args:
        clock: Gives the milliseconds that lead each id.
        entropy: Returns so many random bytes.
    """

    def __init__(
        self, clock: Clock | None = None, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._clock = SystemClock() if clock is None else clock
        self._entropy = entropy
        self._lock = threading.Lock()
        self._millisecond = -1
        self._tail = 0

    def new_id(self) -> str:
        """Return an id never given before, sortable by the time of its making."""
        with self._lock:
            millisecond, tail = self._advance()
        number = millisecond << 80 | _VERSION | (tail >> 62) << 64 | _VARIANT | tail & _LOW_MASK
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _advance(self) -> tuple[int, int]:
        """Take the next pair of millisecond and tail; the pairs only grow."""
        now = self._clock.now_ns() // 1_000_000
        if now > self._millisecond:
            self._millisecond = now
            self._tail = self._random(_START_BYTES) & _TAIL_MASK >> 1
        else:
            self._tail += 1 + self._random(_STEP_BYTES)
            if self._tail > _TAIL_MASK:
                self._millisecond += 1
                self._tail = self._random(_START_BYTES) & _TAIL_MASK >> 1
        return self._millisecond, self._tail

    def _random(self, size: int) -> int:
        return int.from_bytes(self._entropy(size), "big")
