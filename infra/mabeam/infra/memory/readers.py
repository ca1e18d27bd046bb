"""Those who read the log as it grows: followers, and durable consumers that share work."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from typing import Final

from mabeam.core.envelope import Recorded
from mabeam.core.ports import Page
from mabeam.infra.memory.log import Log, Matcher

__all__ = ["Consumer", "Follower", "SharedWork"]

# As many as a JetStream consumer hands out by default before it waits for settlements.
UNSETTLED_MAX: Final = 1_000


class Follower:
    """Pages of wanted events from a position on, without end."""

    def __init__(self, log: Log, matcher: Matcher, after: int, page_max: int) -> None:
        self._log = log
        self._matcher = matcher
        self._position = after
        self._page_max = page_max
        self._closed = False

    def __aiter__(self) -> AsyncIterator[Page]:
        """Return itself."""
        return self

    async def __anext__(self) -> Page:
        """Return the next page, waiting for it; end once closed."""
        while not self._closed:
            if self._position >= self._log.head:
                await self._log.change()
                continue
            page, self._position = self._log.scan(
                self._matcher, self._position, self._log.head, self._page_max
            )
            if page:
                return page
            await asyncio.sleep(0)
        raise StopAsyncIteration

    def close(self) -> None:
        """End the iteration, also for one who waits in it."""
        self._closed = True
        self._log.wake()


class SharedWork:
    """What all consumers of one name have done together; outlives each of them.

    A position that was handed out is due again at some time until it is settled.
    """

    def __init__(self, log: Log, matcher: Matcher) -> None:
        self._log = log
        self._matcher = matcher
        self._handed_to = 0
        self._due: dict[int, float] = {}
        self._attempts: dict[int, int] = {}
        self._queue: list[tuple[float, int]] = []

    def claim(self, ack_wait_seconds: float) -> Handed | None:
        """Hand out an event that is due again, else the next new one, else nothing."""
        now = _now()
        self._forget_settled()
        if self._queue and self._queue[0][0] <= now:
            _, position = heapq.heappop(self._queue)
        elif len(self._due) < UNSETTLED_MAX:
            position = self._log.next_match(self._matcher, self._handed_to)
            # What does not match need not be looked at again.
            self._handed_to = position or self._log.head
        else:
            position = 0
        if not position:
            return None
        self._schedule(position, now + ack_wait_seconds)
        attempt = self._attempts[position] = self._attempts.get(position, 0) + 1
        return Handed(self._log.message(position).decoded(), attempt, self)

    def seconds_to_next_due(self) -> float | None:
        """Return how long nothing becomes due again, None for ever."""
        self._forget_settled()
        return max(0.0, self._queue[0][0] - _now()) if self._queue else None

    def settle(self, position: int) -> None:
        """Never hand it out again."""
        if self._due.pop(position, None) is not None:
            _ = self._attempts.pop(position)
            self._log.wake()

    def postpone(self, position: int, delay_seconds: float) -> None:
        """Hand it out again after a delay, unless it is settled."""
        if position in self._due:
            self._schedule(position, _now() + delay_seconds)
            self._log.wake()

    def _schedule(self, position: int, due: float) -> None:
        self._due[position] = due
        heapq.heappush(self._queue, (due, position))

    def _forget_settled(self) -> None:
        """Drop from the queue's front what was settled or put to another time."""
        while self._queue and self._due.get(self._queue[0][1]) != self._queue[0][0]:
            _ = heapq.heappop(self._queue)


class Handed:
    """One event handed out, until it is settled."""

    def __init__(self, recorded: Recorded, attempt: int, work: SharedWork) -> None:
        self._recorded = recorded
        self._attempt = attempt
        self._work = work

    @property
    def recorded(self) -> Recorded:
        """The event."""
        return self._recorded

    @property
    def attempt(self) -> int:
        """How often it has been handed out so far, this time included."""
        return self._attempt

    async def ack(self) -> None:
        """Settle it: never deliver it again to this consumer."""
        self._work.settle(self._recorded.position)

    async def retry(self, delay_seconds: float = 0.0) -> None:
        """Hand it out again, to any process of this consumer, after a delay."""
        self._work.postpone(self._recorded.position, delay_seconds)


class Consumer:
    """One of those who share the work of a name."""

    def __init__(self, log: Log, work: SharedWork, ack_wait_seconds: float) -> None:
        self._log = log
        self._work = work
        self._ack_wait_seconds = ack_wait_seconds
        self._closed = False

    def __aiter__(self) -> AsyncIterator[Handed]:
        """Return itself."""
        return self

    async def __anext__(self) -> Handed:
        """Return the next delivery, waiting for it; end once closed."""
        # Others who share the work get their turn even when all is at hand.
        await asyncio.sleep(0)
        while not self._closed:
            handed = self._work.claim(self._ack_wait_seconds)
            if handed is not None:
                return handed
            await self._log.change(self._work.seconds_to_next_due())
        raise StopAsyncIteration

    def close(self) -> None:
        """End the iteration; what is unsettled goes to others once its time is up."""
        self._closed = True
        self._log.wake()


def _now() -> float:
    return asyncio.get_running_loop().time()
