"""Clients that use a log in every way at once, and write down what they were told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from itertools import pairwise
from typing import Final, Self

from mabeam.core.errors import Conflict, Fenced, OutcomeUnknown, StoreUnavailable
from mabeam.core.ports import ANY, EventStore, Guard, Write
from mabeam.core.subjects import Boundary, Filter
from mabeam.core.testing import (
    Attempt,
    Journal,
    Look,
    boundaries_are_linearizable,
    followers_saw_the_log,
    log_is_complete,
)
from support.events import fresh_id, write
from support.reading import read_all
from support.waiting import until

__all__ = ["Clients"]

# So that judging what was done takes less time than doing it; no two go in step.
PACE_SECONDS: Final = 0.02
APPENDS_PER_TERM: Final = 5
# Elections may fail, and be held again.
GO_ON_SECONDS: Final = 100.0
_READER: Final = "reader"

Open = Callable[[], Awaitable[EventStore]]


class Clients:
    """Speakers, batches, contenders for registers, owners under guards, a follower, a consumer.

    Args:
        open_store: Opens the log as one more process would.
        looking: Whether what contenders read counts as read. It must not while servers are
            halted or cut off: such a server answers from what it knew.
        name: With which the names of all begin.
        keep: Takes each line of their journal at once.
        pace_seconds: How long each waits between two appends, more or less.
    """

    def __init__(
        self,
        open_store: Open,
        *,
        looking: bool = True,
        name: str = "client",
        keep: Callable[[bytes], object] | None = None,
        pace_seconds: float = PACE_SECONDS,
    ) -> None:
        self._open = open_store
        self._looking = looking
        self._name = name
        self._pace_seconds = pace_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        # When each append was acknowledged, and when the last of each writer's had begun.
        self._acknowledged_ns: list[int] = []
        self._last_ns: dict[str, int] = {}
        self.journal = Journal(time.monotonic_ns, keep=keep)
        self.followed: list[tuple[int, str]] = []
        self.delivered: set[int] = set()
        self.fenced = 0

    async def __aenter__(self) -> Self:
        """Let them begin."""
        ways = [self._speak, self._batch, *[self._contend] * 2, *[self._own] * 2]
        for number, way in enumerate(ways):
            name = f"{self._name}-{number}"
            self._begin(way(await self._open(), name), name)
        self._begin(self._follow(await self._open()), _READER)
        self._begin(self._consume(await self._open()), _READER)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End them, whatever they wait for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def acknowledged(self) -> int:
        """How many appends were acknowledged."""
        return len(self._acknowledged_ns)

    @property
    def unknown(self) -> int:
        """Of how many appends nobody could be told what became of them."""
        return sum(
            one.outcome == "unknown" and one.ended is not None
            for one in self.journal.entries
            if isinstance(one, Attempt)
        )

    def gap_seconds(self, since_ns: int) -> float:
        """Return the longest time without an acknowledged append since a monotonic time."""
        times = [since_ns, *(time for time in self._acknowledged_ns if time > since_ns)]
        return max((after - before for before, after in pairwise(times)), default=0) / 1e9

    async def go_on(self, count: int = 60) -> None:
        """Return when so many appends more were acknowledged, some of them of each client."""
        goal = self.acknowledged + count
        begun = time.monotonic_ns()

        def have_gone_on() -> bool:
            self._expect_alive()
            return self.acknowledged >= goal and min(self._last_ns.values()) > begun

        await until(have_gone_on, GO_ON_SECONDS)

    async def end(self) -> None:
        """Let all finish what they have begun, and judge it."""
        self._is_over = True
        _ = await asyncio.gather(*(task for task in self._tasks if task.get_name() != _READER))
        store = await self._open()
        log = await read_all(store)
        last = log[-1].position

        def have_followed() -> bool:
            self._expect_alive()
            return bool(self.followed) and self.followed[-1][0] >= last

        await until(have_followed)
        await until(lambda: len(self.delivered) >= last)
        log_is_complete(self.journal.entries, log)
        followers_saw_the_log(log, [self.followed])
        assert self.delivered == set(range(1, last + 1))
        boundaries_are_linearizable(
            one for one in self.journal.entries if self._looking or isinstance(one, Attempt)
        )

    def _expect_alive(self) -> None:
        for task in self._tasks:
            if task.done() and not (self._is_over and task.get_name() != _READER):
                task.result()
                raise AssertionError("a client has ended")

    def _begin(self, work: Coroutine[object, object, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))
        if name != _READER:
            self._last_ns[name] = 0

    async def _append(
        self,
        store: EventStore,
        client: str,
        *writes: Write,
        seen: Mapping[str, str] | None = None,
        guards: Sequence[Guard] = (),
    ) -> int:
        """Append and take down what came of it; return the position, or 0."""
        attempt = self.journal.attempt(client, *writes, seen=seen, guards=guards)
        position = 0
        try:
            position = await store.append(*writes, guards=guards)
        except Conflict:
            self.journal.conflict(attempt)
        except Fenced:
            self.fenced += 1
            self.journal.failed(attempt)
        except StoreUnavailable:
            self.journal.failed(attempt)
        except OutcomeUnknown:
            self.journal.unknown(attempt)
        else:
            self.journal.recorded(attempt, position)
            self._acknowledged_ns.append(time.monotonic_ns())
            self._last_ns[client] = attempt.begun
        await asyncio.sleep(self._pace_seconds * random.uniform(0.5, 1.5))
        return position

    async def _speak(self, store: EventStore, client: str) -> None:
        while not self._is_over:
            _ = await self._append(store, client, write("session/talk", actor=client))

    async def _batch(self, store: EventStore, client: str) -> None:
        while not self._is_over:
            commit = fresh_id()
            parts = [write(f"session/{name}", 2, expect=ANY, commit=commit) for name in "ab"]
            _ = await self._append(store, client, *parts)

    async def _contend(self, store: EventStore, client: str) -> None:
        """Swap registers, each time from what was seen there last."""
        last: dict[str, tuple[int, str]] = {}
        turn = 0
        while not self._is_over:
            register = f"session/register-{turn % 3}"
            expect, seen = last.get(register, (0, ""))
            swap = write(register, expect=expect, actor=client)
            position = await self._append(store, client, swap, seen={register: seen})
            if position:
                last[register] = (position, swap.events[0].id)
                turn += 1
            else:
                last[register] = await self._look(store, client, register, expect, seen)

    async def _look(
        self, store: EventStore, client: str, register: str, after: int, seen: str
    ) -> tuple[int, str]:
        """Read the last event of a boundary."""
        boundary = Boundary.parse(register)
        wanted = Filter(boundary.kind, boundary.entity)
        look: Look = self.journal.look(client, register)
        try:
            events = await read_all(store, wanted, after=after)
        except StoreUnavailable:
            return after, seen
        if events:
            after, seen = events[-1].position, events[-1].id
        self.journal.saw(look, seen)
        return after, seen

    async def _own(self, store: EventStore, client: str) -> None:
        """Take over the right to write, then write under it until another has it."""
        right, at = "session/right", (0, "")
        while not self._is_over:
            claim = write(right, expect=at[0], actor=client)
            epoch = await self._append(store, client, claim, seen={right: at[1]})
            if epoch:
                at = (epoch, claim.events[0].id)
                guard = Guard(Boundary.parse(right), epoch)
                for number in range(APPENDS_PER_TERM):
                    events = write("session/owned", 1 + number % 2, actor=client)
                    if not await self._append(store, client, events, guards=[guard]):
                        break
            at = await self._look(store, client, right, *at)

    async def _follow(self, store: EventStore) -> None:
        async with store.follow() as pages:
            async for page in pages:
                self.followed += [(one.position, one.id) for one in page]

    async def _consume(self, store: EventStore) -> None:
        async with store.consume("work", ack_wait_seconds=2.0) as deliveries:
            async for delivery in deliveries:
                self.delivered.add(delivery.recorded.position)
                await delivery.ack()
