"""Deadlines on a clock that the test turns."""

from __future__ import annotations

import asyncio

import pytest

from mabeam.agents.deadlines import Deadlines
from mabeam.core.errors import StoreUnavailable
from mabeam.core.subjects import Boundary

A, B = Boundary("session", "a"), Boundary("session", "b")
MS = 1_000_000


class LogClock:
    """A clock of the log that may jump, or be away."""

    def __init__(self) -> None:
        self.ahead_ns = 0
        self.away = 0
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        if self.away:
            self.away -= 1
            raise StoreUnavailable("the log is away")
        return int(asyncio.get_running_loop().time() * 1e9) + self.ahead_ns


class Reached:
    """Remembers what came due."""

    def __init__(self) -> None:
        self.found: asyncio.Queue[Boundary] = asyncio.Queue()
        self.fail = 0

    async def __call__(self, boundary: Boundary, _now_ns: int) -> None:
        if self.fail:
            self.fail -= 1
            raise StoreUnavailable("not now")
        self.found.put_nowait(boundary)


@pytest.fixture
def clock() -> LogClock:
    return LogClock()


@pytest.fixture
def reached() -> Reached:
    return Reached()


async def test_entities_come_due_in_the_order_of_their_instants(
    clock: LogClock, reached: Reached
) -> None:
    async with Deadlines(clock, reached) as deadlines:
        now = await clock()
        deadlines.arm(B, now + 40 * MS)
        deadlines.arm(A, now + 10 * MS)
        assert [await reached.found.get(), await reached.found.get()] == [A, B]


async def test_a_disarmed_entity_is_forgotten(clock: LogClock, reached: Reached) -> None:
    async with Deadlines(clock, reached) as deadlines:
        now = await clock()
        deadlines.arm(A, now + 5 * MS)
        deadlines.arm(B, now + 30 * MS)
        deadlines.disarm(A)
        assert await reached.found.get() == B
    assert reached.found.empty()


async def test_a_clock_that_was_ahead_does_not_end_anything_early(
    clock: LogClock, reached: Reached
) -> None:
    """The clock is read an hour ahead, and right when the deadline seems to have come."""
    clock.ahead_ns = 3_600 * 1_000 * MS
    async with Deadlines(clock, reached) as deadlines:
        clock.ahead_ns = 0
        deadlines.arm(A, await clock() + 50 * MS)
        asked = clock.asked
        assert await reached.found.get() == A
        assert clock.asked >= asked + 2


async def test_an_overdue_deadline_is_reached_at_once(clock: LogClock, reached: Reached) -> None:
    async with Deadlines(clock, reached) as deadlines:
        deadlines.arm(A, 1)
        assert await reached.found.get() == A


async def test_what_fails_is_tried_again(
    clock: LogClock, reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mabeam.agents.deadlines.RETRY_SECONDS", 0.001)
    async with Deadlines(clock, reached) as deadlines:
        clock.away = 2
        reached.fail = 2
        deadlines.arm(A, 1)
        assert await reached.found.get() == A
    assert (clock.away, reached.fail) == (0, 0)
