"""What the consumers of this process have in hand: delivered, not settled, not yet due again."""

from __future__ import annotations

import time

from mabeam.core.envelope import Recorded
from mabeam.core.ports import Delivery

__all__ = ["Hand"]


class Hand:
    """Deliveries of one durable consumer."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}

    def take(self, delivery: Delivery, ack_wait_seconds: float) -> Delivery:
        """Take a delivery in hand; return one that leaves it when it is settled."""
        now = time.monotonic()
        # In the order of their taking, so the first that is not due ends the search.
        for position, due in list(self._due.items()):
            if due > now:
                break
            del self._due[position]
        position = delivery.recorded.position
        self.leave(position)
        self._due[position] = now + ack_wait_seconds
        return _Held(delivery, self)

    def leave(self, position: int) -> None:
        """Have an event no more."""
        _ = self._due.pop(position, None)

    def count(self) -> int:
        """Return how many there are."""
        now = time.monotonic()
        return sum(due > now for due in list(self._due.values()))


class _Held:
    """A delivery in hand."""

    def __init__(self, delivery: Delivery, hand: Hand) -> None:
        self._delivery = delivery
        self._hand = hand

    @property
    def recorded(self) -> Recorded:
        """The event."""
        return self._delivery.recorded

    @property
    def attempt(self) -> int:
        """How often it has been handed out so far, this time included."""
        return self._delivery.attempt

    async def ack(self) -> None:
        """Settle it: never deliver it again to this consumer."""
        self._hand.leave(self.recorded.position)
        await self._delivery.ack()

    async def retry(self, delay_seconds: float = 0.0) -> None:
        """Hand it out again, to any process of this consumer, after a delay."""
        self._hand.leave(self.recorded.position)
        await self._delivery.retry(delay_seconds)
