"""What the machine answers when the core asks for the time or for a fresh id."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from mabeam.core.ports import Clock

__all__ = ["SystemClock", "SystemIds"]

_VERSION: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62
# After 48 bits of milliseconds an id has 74 bits of its own, in parts of 12 and 62.
_OWN_BITS: Final = 74
_LOW_BITS: Final = 62
_HIGH_MASK: Final = (1 << _OWN_BITS - _LOW_BITS) - 1
_LOW_MASK: Final = (1 << _LOW_BITS) - 1
# A start in the lower half leaves room for 2**73 ids in one millisecond, and a random
# step keeps the next id as hard to guess as RFC 9562 asks.
_START_MASK: Final = (1 << _OWN_BITS - 1) - 1
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
        self._last = 0

    def new_id(self) -> str:
        """Return an id never given before, sortable by the time of its making."""
        with self._lock:
            last = self._last = self._following(self._last)
        number = (
            last >> _OWN_BITS << 80
            | _VERSION
            | (last >> _LOW_BITS & _HIGH_MASK) << 64
            | _VARIANT
            | last & _LOW_MASK
        )
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _following(self, last: int) -> int:
        """Return a greater number: milliseconds, then what tells ids of one apart."""
        now = self._clock.now_ns() // 1_000_000
        if now > last >> _OWN_BITS:
            return now << _OWN_BITS | self._random(_START_BYTES) & _START_MASK
        return last + 1 + self._random(_STEP_BYTES)

    def _random(self, size: int) -> int:
        return int.from_bytes(self._entropy(size), "big")
