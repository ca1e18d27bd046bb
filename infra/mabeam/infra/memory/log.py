"""An ordered list of messages with the indexes that a server keeps over its stream."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from mabeam.core.envelope import Recorded, decode
from mabeam.core.ports import Clock
from mabeam.core.subjects import Filter, subject_filter

__all__ = ["Log", "Matcher", "Message"]

# Tokens up to and with the entity: root, space, kind, entity.
_BOUNDARY_TOKENS: Final = 4


class Message(NamedTuple):
    """What a server stores: no event yet, perhaps never one."""

    position: int
    recorded_ns: int
    subject: str
    body: bytes

    def decoded(self) -> Recorded:
        """Read it as an event; trouble is in ``problem``."""
        return decode(self.position, self.recorded_ns, self.subject, self.body)


class Matcher:
    """Decides by tokens, as a server does, so that it also judges what is no event."""

    def __init__(self, space: str, wanted: Filter) -> None:
        self._tokens = subject_filter(space, wanted).split(".")
        self._everything = self._tokens[-1] == ">"
        exact = "*" not in self._tokens[:_BOUNDARY_TOKENS] and not self._everything
        self.boundary = ".".join(self._tokens[:_BOUNDARY_TOKENS]) if exact else None

    def matches(self, subject: str) -> bool:
        """Tell whether a message on this subject is wanted."""
        if self._everything:
            return True
        tokens = subject.split(".")
        return len(tokens) == len(self._tokens) and all(
            wanted in ("*", token) for wanted, token in zip(self._tokens, tokens, strict=True)
        )


class Log:
    """Messages at positions 1, 2, 3 and so on, each with a record time that never falls."""

    def __init__(self, space: str, clock: Clock) -> None:
        self.space = space
        self.size_bytes = 0
        self._clock = clock
        self._now_ns = 0
        self._messages: list[Message] = []
        self._by_subject: dict[str, list[int]] = {}
        self._by_boundary: dict[str, list[int]] = {}
        self._changed = asyncio.Event()

    @property
    def head(self) -> int:
        """Position of the last message, 0 when there is none."""
        return len(self._messages)

    def now_ns(self) -> int:
        """Return the clock's time, or the last time given if the clock was set back."""
        self._now_ns = max(self._now_ns, self._clock.now_ns())
        return self._now_ns

    def tail(self, boundary: str) -> int:
        """Return the position of the last message below a subject of four tokens."""
        positions = self._by_boundary.get(boundary)
        return positions[-1] if positions else 0

    def extend(self, batch: Sequence[tuple[str, bytes]]) -> int:
        """Add messages at consecutive positions, wake all who wait, return the last."""
        now_ns = self.now_ns()
        for subject, body in batch:
            position = len(self._messages) + 1
            self._messages.append(Message(position, now_ns, subject, body))
            self._by_subject.setdefault(subject, []).append(position)
            tokens = subject.split(".")
            if len(tokens) > _BOUNDARY_TOKENS:
                boundary = ".".join(tokens[:_BOUNDARY_TOKENS])
                self._by_boundary.setdefault(boundary, []).append(position)
            self.size_bytes += len(subject) + len(body)
        self.wake()
        return self.head

    def scan(
        self, matcher: Matcher, after: int, until: int, size_max: int
    ) -> tuple[list[Recorded], int]:
        """Look at up to ``size_max`` messages behind a position.

        Returns:
            The wanted ones, and the position up to which all is now looked at.
        """
        until = min(until, self.head)
        if matcher.boundary is None:
            positions: Sequence[int] = range(after + 1, min(until, after + size_max) + 1)
        else:
            known = self._by_boundary.get(matcher.boundary, [])
            start = bisect_right(known, after)
            positions = known[start : min(start + size_max, bisect_right(known, until))]
        found = [self._messages[position - 1] for position in positions]
        looked_to = positions[-1] if len(positions) == size_max else max(after, until)
        return [one.decoded() for one in found if matcher.matches(one.subject)], looked_to

    def next_match(self, matcher: Matcher, after: int) -> int:
        """Return the position of the next wanted message, or 0."""
        for position in range(after + 1, self.head + 1):
            if matcher.matches(self._messages[position - 1].subject):
                return position
        return 0

    def message(self, position: int) -> Message:
        """Return the message at a position that exists."""
        return self._messages[position - 1]

    def last_of_each(self, matcher: Matcher, at: int) -> list[Recorded]:
        """Return the last message of each wanted subject as of a position, in order."""
        found: list[int] = []
        for subject, positions in self._by_subject.items():
            place = bisect_right(positions, at)
            if place and matcher.matches(subject):
                found.append(positions[place - 1])
        return [self._messages[position - 1].decoded() for position in sorted(found)]

    def before(self, instant_ns: int) -> int:
        """Return the position of the last message recorded before an instant."""
        return bisect_left(self._messages, instant_ns, key=lambda one: one.recorded_ns)

    def wake(self) -> None:
        """Let everyone who waits for a change look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def change(self, timeout_seconds: float | None = None) -> None:
        """Wait until somebody wakes the waiters, or until time is up."""
        changed = self._changed
        try:
            async with asyncio.timeout(timeout_seconds):
                _ = await changed.wait()
        except TimeoutError:
            return
