"""Find out what became of an append: ask the leader for the boundary, compare commit ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final

from mabeam.core.errors import Conflict, Fenced, StoreError
from mabeam.core.ports import Page
from mabeam.infra.jetstream.answers import StoredMessage
from mabeam.infra.jetstream.gets import Gets
from mabeam.infra.jetstream.plan import Check, Plan
from mabeam.infra.jetstream.topology import DUPLICATE_WINDOW_SECONDS

__all__ = ["Settlement"]

LOOKS_REPLICATED: Final = 6
READABLE_SECONDS: Final = 0.2
_NANO: Final = 1_000_000_000
# The window, and some more for clocks that differ between servers.
_WINDOW_NS: Final = (DUPLICATE_WINDOW_SECONDS + 60) * _NANO


class Settlement:
    """Looks up what became of appends to one stream.

    Attributes:
        looks: How often an absence must have been seen before it is believed.

    Args:
        gets: Reads of single messages.
        read: Reads all messages of a filter behind a position, until a deadline.
        now_ns: The log's own clock.
        is_led: Whether the leader that answers is the leader still.
        replicated: Whether what the leader shows may lag behind what it accepted.
    """

    def __init__(
        self,
        gets: Gets,
        read: Callable[[str, int, float], AsyncGenerator[Page]],
        now_ns: Callable[[], Awaitable[int]],
        is_led: Callable[[], Awaitable[bool]],
        *,
        replicated: bool,
    ) -> None:
        self._gets = gets
        self._read = read
        self._now_ns = now_ns
        self._is_led = is_led
        self.looks = LOOKS_REPLICATED if replicated else 0

    async def recorded(self, plan: Plan, deadline: float) -> int | None:
        """Return the position of an append's last event if it was recorded.

        Only for an append with an expectation. What stands first behind the expected
        position decides: if the append was recorded, it is that, however far the
        boundary has moved since.

        Raises:
            Conflict: Another's event stands there, so this append never was and never
                will be recorded.
            StoreUnavailable: The leader could not be asked until the deadline.
        """
        for check in plan.checks:
            stored = await self._gets.next(check.subjects, check.expect, deadline)
            if stored is None:
                continue
            position = await self.ours(plan, check.first, stored, deadline)
            if position is None:
                raise await self._conflict(check, deadline)
            return position
        return None

    async def ahead(self, plan: Plan, deadline: float) -> Conflict | Fenced | None:
        """Return what is wrong if a condition is ahead of where the leader has its boundary.

        None also if that leader may have been replaced: then others have what it lacks, and
        perhaps this very append.
        """
        for check in (*plan.guards, *plan.checks):
            last = await self._gets.last(check.subjects, deadline)
            actual = last.seq if last else 0
            if actual < check.expect:
                if not await self._is_led():
                    return None
                kind = Fenced if check in plan.guards else Conflict
                return kind(check.boundary, check.expect, actual)
        return None

    async def fenced(self, plan: Plan, deadline: float) -> Fenced | None:
        """Return the error if a guard has moved: this append is not recorded any more."""
        for guard in plan.guards:
            last = await self._gets.last(guard.subjects, deadline)
            if last is not None and last.seq > guard.expect:
                return Fenced(guard.boundary, guard.expect, last.seq)
        return None

    async def before(self, fenced: Fenced, plan: Plan, deadline: float) -> int | None:
        """Return the position of an append's last event if it was recorded before it was fenced.

        None if that cannot be told now, for the leader may have been replaced.

        Raises:
            Fenced: It was not.
        """
        try:
            seek = self.recorded if plan.checks else self.spoken
            position = await seek(plan, deadline)
        except Conflict as conflict:
            raise fenced from conflict
        if position is None and (not self.looks or await self._is_led()):
            raise fenced
        return position

    async def at(self, position: int, deadline: float) -> StoredMessage | None:
        """Return what stands at a position."""
        return await self._gets.at(position, deadline)

    async def ours(
        self, plan: Plan, index: int, stored: StoredMessage, deadline: float
    ) -> int | None:
        """Return the position of an append's last event if a message is its event of an index.

        Batches are whole or not at all, so it is this append when the last event is in its
        place too; else it is one that has the first event in common with it.
        """
        last = len(plan.events) - 1
        position = stored.seq + last - index
        if not plan.is_event(index, stored):
            return None
        if index != last:
            end = await self._gets.at(position, deadline)
            if end is None or not plan.is_event(last, end):
                return None
        return position

    async def is_readable(self, plan: Plan) -> bool:
        """Tell whether the log answers at all at present."""
        soon = asyncio.get_running_loop().time() + READABLE_SECONDS
        try:
            _ = await self._gets.last(plan.subjects, soon)
        except StoreError:
            return False
        return True

    async def spoken(self, plan: Plan, deadline: float) -> int | None:
        """Return the position of the last event if an append without expectation was recorded.

        Looks as far back as the server remembers message ids; before that it would not
        have called the append a duplicate.
        """
        start = await self._now_ns() - _WINDOW_NS
        oldest = await self._gets.since(plan.subjects, start, deadline)
        if oldest is None:
            return None
        # What a guard lets through stands behind it.
        after = max([oldest.seq - 1, *(guard.expect for guard in plan.guards)])
        first = plan.events[0].id
        async with aclosing(self._read(plan.subjects, after, deadline)) as pages:
            async for recorded in (one async for page in pages for one in page):
                if recorded.id != first:
                    continue
                stored = await self._gets.at(recorded.position, deadline)
                assert stored is not None, "what was read is in the log"
                position = await self.ours(plan, 0, stored, deadline)
                if position is not None:
                    return position
        return None

    async def _conflict(self, check: Check, deadline: float) -> Conflict:
        last = await self._gets.last(check.subjects, deadline)
        return Conflict(check.boundary, check.expect, last.seq if last else None)
