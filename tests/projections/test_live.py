"""What readers of a live projection may rely on when something goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mabeam.core.envelope import Recorded
from mabeam.core.errors import EventTooLarge, ProjectionError, StoreError, StoreUnavailable
from mabeam.core.ports import Checkpoint, Page
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.projections.projection import Projection
from mabeam.projections.runner import Live
from support.events import append_each


def count(total: int, _: Recorded) -> int:
    return total + 1


def count_to_two(total: int, recorded: Recorded) -> int:
    if recorded.position == 3:
        raise ZeroDivisionError
    return total + 1


COUNT = Projection("count", 1, 0, count)
FAULTY = Projection("faulty", 1, 0, count_to_two)


class Digits:
    """The codec of a number."""

    def encode(self, state: int) -> bytes:
        return b"%d" % state

    def decode(self, raw: bytes) -> int:
        return int(raw)


class FullCheckpoints(MemoryCheckpoints):
    """Takes nothing any more."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.asked = 0

    async def save(self, checkpoint: Checkpoint) -> None:
        self.asked += 1
        raise self.error


async def test_who_waits_for_what_was_folded_before_the_fault_gets_it() -> None:
    store = MemoryStore("team")
    async with Live(FAULTY, store) as live:
        before = [asyncio.create_task(live.wait_for(position)) for position in (1, 2)]
        hoping = asyncio.create_task(live.until(lambda total: total == 2))
        behind = asyncio.create_task(live.wait_for(3))
        await asyncio.sleep(0)
        for _ in range(3):
            store.publish_raw("mabeam.team.a.b.c.d", b"")
        with pytest.raises(ProjectionError) as caught:
            await behind
        assert (caught.value.projection, caught.value.position) == ("faulty", 3)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert await asyncio.gather(*before) == [2, 2]
        assert await hoping == 2
        assert await live.wait_for(2) == 2


async def test_a_fold_that_failed_is_not_saved() -> None:
    store, checkpoints = MemoryStore("team"), MemoryCheckpoints()
    await append_each(store, 3)
    async with Live(FAULTY, store, checkpoints=checkpoints, codec=Digits()) as live:
        with pytest.raises(ProjectionError):
            await live.caught_up()
    assert await checkpoints.load("faulty", 1) is None


async def test_a_listener_that_raises_stops_the_projection() -> None:
    store = MemoryStore("team")

    def listen(page: Page, total: int) -> None:
        raise KeyError(total)

    await append_each(store, 1)
    async with Live(COUNT, store, on_page=listen) as live:
        with pytest.raises(ProjectionError) as caught:
            await live.until(lambda _: False)
        assert isinstance(caught.value.__cause__, KeyError)


async def test_listeners_see_each_page_with_the_state_after_it() -> None:
    store = MemoryStore("team", page_max=2)
    seen: list[tuple[list[int], int]] = []

    def listen(page: Page, total: int) -> None:
        seen.append(([one.position for one in page], total))

    await append_each(store, 3)
    async with Live(COUNT, store, on_page=listen) as live:
        await live.caught_up()
        await append_each(store, 1)
        await live.caught_up()
    assert seen == [([1, 2], 2), ([3], 3), ([4], 4)]


async def test_nobody_waits_for_ever_once_nothing_is_followed() -> None:
    store = MemoryStore("team")
    live = Live(COUNT, store)
    with pytest.raises(StoreUnavailable, match="count"):
        await live.wait_for(1)
    async with live:
        await append_each(store, 1)
        assert await live.caught_up() == 1
    assert await live.wait_for(1) == 1
    assert await live.until(lambda total: total == 1) == 1
    with pytest.raises(StoreUnavailable, match="count"):
        await live.wait_for(2)
    with pytest.raises(StoreUnavailable, match="count"):
        await live.until(lambda total: total == 2)


async def test_who_gives_up_waiting_disturbs_nobody() -> None:
    store = MemoryStore("team")
    async with Live(COUNT, store) as live:
        tasks = [asyncio.create_task(live.wait_for(1)), asyncio.create_task(live.until(bool))]
        patient = asyncio.create_task(live.wait_for(1))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await append_each(store, 1)
        assert await patient == 1
        assert [task.cancelled() for task in tasks] == [True, True]
        hasty = asyncio.create_task(live.wait_for(9))
        await asyncio.sleep(0)
        hasty.cancel()


@pytest.mark.parametrize(
    "error", [EventTooLarge(2, 1), StoreUnavailable("gone")], ids=lambda error: type(error).__name__
)
async def test_a_checkpoint_that_cannot_be_saved_stops_nobody(error: Exception) -> None:
    """It only makes the next start longer."""
    store, checkpoints = MemoryStore("team"), FullCheckpoints(error)
    await append_each(store, 3)
    options = {"checkpoints": checkpoints, "codec": Digits(), "checkpoint_every": 1}
    async with Live(COUNT, store, **options) as live:  # type: ignore[arg-type]  # as given above
        assert await live.caught_up() == 3
        await append_each(store, 1)
        assert await live.caught_up() == 4
    assert checkpoints.asked >= 2


async def test_a_log_that_cannot_be_followed_is_no_fault_of_the_fold() -> None:
    class Unreachable(MemoryStore):
        """Cannot be followed."""

        @asynccontextmanager
        async def follow(
            self, wanted: Filter = EVERYTHING, *, after: int = 0
        ) -> AsyncGenerator[AsyncIterator[Page]]:
            del wanted, after
            raise StoreUnavailable("gone")
            yield  # type: ignore[unreachable]  # makes it a generator

    store = Unreachable("team")
    await append_each(store, 1)
    async with Live(COUNT, store) as live:
        with pytest.raises(StoreError, match="gone"):
            await live.wait_for(1)
