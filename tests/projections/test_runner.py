"""A projection kept current: equal to a fold from zero, resumed, awaited, stopped by a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mabeam.agents.author import Author
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.agent.events import Registered
from mabeam.core.envelope import Recorded
from mabeam.core.errors import MabeamError, ProjectionError
from mabeam.core.policies import Policy
from mabeam.core.ports import Page
from mabeam.core.subjects import Boundary
from mabeam.core.variable.types import IntegerType
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.projection import Projection
from mabeam.projections.runner import Live
from mabeam.projections.verification import verify
from mabeam.projections.world import WORLD, fingerprint

AUTHOR = Author(SystemClock(), SystemIds())
NAMES = st.sampled_from(["ann", "bob", "cyd"])
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), NAMES, st.integers(0, 2)),
        st.tuples(st.just("suspend"), NAMES, st.integers(0, 2)),
        st.tuples(st.just("deregister"), NAMES, st.integers(0, 2)),
        st.tuples(st.just("propose"), NAMES, st.integers(-2, 12)),
        st.tuples(st.just("auction"), NAMES, st.integers(0, 3)),
        st.tuples(st.just("bid"), NAMES, st.integers(-1, 9)),
        st.tuples(st.just("garbage"), NAMES, st.integers(0, 2)),
    ),
    max_size=25,
)


async def act(space: Space, store: MemoryStore, what: str, who: str, number: int) -> None:
    """Do something that anybody could do; what is refused records nothing."""
    match what:
        case "register":
            await space.agents.register(who, capabilities=[f"c{number}"])
        case "suspend":
            await space.agents.suspend(who)
        case "deregister":
            await space.agents.deregister(who)
        case "propose":
            first = space.state.variable("x").variable.state.base
            await space.variables.propose("x", number, by=who, base=first or None)
        case "auction":
            await space.sessions.open_auction(
                "lot", name=f"s{number}", bidders=("ann", "bob"), variable="who"
            )
        case "bid":
            await space.sessions.get(f"s{abs(number) % 4}").bid(number, by=who)
        case _:
            store.publish_raw(f"mabeam.team.variable.x.proposed.{who}", b"{" * number)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=ACTIONS)
def test_a_fold_from_zero_gives_the_state_that_was_live(
    actions: list[tuple[str, str, int]],
) -> None:
    async def check() -> None:
        store = MemoryStore("team", page_max=3)
        async with attach(store) as space:
            merge = Policy("weighted_merge")
            await space.variables.declare("x", IntegerType(0, 10), on_conflict=merge)
            for action in actions:
                with suppress(MabeamError):
                    await act(space, store, *action)
            live = await space.caught_up()
            at = live.position
            replayed = await space.state_at(at)
            middle = await space.state_at(at // 2)
        assert fingerprint(replayed) == fingerprint(live)
        events = [event async for page in store.read(until=at) for event in page]
        assert fingerprint(WORLD.fold(events)) == fingerprint(live)
        assert fingerprint(WORLD.fold(events[: at // 2])) == fingerprint(middle)
        assert (await verify(store)).divergences == ()

    asyncio.run(check())


def count(total: int, _: Recorded) -> int:
    return total + 1


COUNT = Projection("count", 1, 0, count)


class Digits:
    """The codec of a number."""

    def encode(self, state: int) -> bytes:
        return b"%d" % state

    def decode(self, raw: bytes) -> int:
        return int(raw)


async def say(store: MemoryStore, times: int = 1) -> None:
    for _ in range(times):
        boundary = Boundary("agent", "a")
        await store.append(AUTHOR.says(boundary, (Registered(),), source="/agents/a"))


async def test_readers_wait_for_a_position_and_are_woken() -> None:
    store = MemoryStore("team")
    async with Live(COUNT, store) as live:
        waiting = [asyncio.create_task(live.wait_for(position)) for position in (3, 1, 2)]
        hoping = asyncio.create_task(live.until(lambda total: total >= 2))
        await say(store, 3)
        assert all(total >= 1 for total in await asyncio.gather(*waiting))
        assert await hoping >= 2
        assert await live.wait_for(2) == await live.caught_up() == live.state == 3


async def test_a_projection_resumes_where_its_checkpoint_stands() -> None:
    store, checkpoints = MemoryStore("team"), MemoryCheckpoints()
    pages: list[Page] = []
    await say(store, 5)
    async with Live(COUNT, store, checkpoints=checkpoints, codec=Digits()) as live:
        await live.caught_up()
    await say(store, 2)
    again = Live(
        COUNT,
        store,
        checkpoints=checkpoints,
        codec=Digits(),
        on_page=lambda page, _: pages.append(page),
    )
    async with again as live:
        assert await live.caught_up() == 7
    assert [event.position for page in pages for event in page] == [6, 7]


async def test_checkpoints_are_saved_on_the_way() -> None:
    store, checkpoints = MemoryStore("team", page_max=2), MemoryCheckpoints()
    await say(store, 9)
    options = {"checkpoints": checkpoints, "codec": Digits(), "checkpoint_every": 4}
    async with Live(COUNT, store, **options) as live:  # type: ignore[arg-type]  # as given above
        await live.caught_up()
        saved = await checkpoints.load("count", 1)
        assert saved is not None
        assert saved.position in {4, 8}
        assert saved.state == b"%d" % saved.position


async def test_a_checkpoint_of_another_version_is_of_no_use() -> None:
    store, checkpoints = MemoryStore("team"), MemoryCheckpoints()
    await say(store, 3)
    async with Live(COUNT, store, checkpoints=checkpoints, codec=Digits()) as live:
        await live.caught_up()
    newer = Projection("count", 2, 100, count)
    async with Live(newer, store, checkpoints=checkpoints, codec=Digits()) as live:
        assert await live.caught_up() == 103


def test_checkpoints_need_a_codec() -> None:
    with pytest.raises(ValueError, match="codec"):
        Live(COUNT, MemoryStore("team"), checkpoints=MemoryCheckpoints())


def refuse_the_third(total: int, recorded: Recorded) -> int:
    if recorded.position == 3:
        raise ZeroDivisionError
    return total + 1


def refuse_a_page_with_the_third(total: int, page: Page) -> int:
    for recorded in page:
        total = refuse_the_third(total, recorded)
    return total


@pytest.mark.parametrize("apply_page", [None, refuse_a_page_with_the_third])
async def test_a_fold_that_fails_stops_before_the_event_and_tells_whoever_waits(
    apply_page: Callable[[int, Page], int] | None,
) -> None:
    store = MemoryStore("team")
    await say(store, 2)
    faulty = Projection("faulty", 1, 0, refuse_the_third, apply_page)
    async with Live(faulty, store) as live:
        waiting = asyncio.create_task(live.wait_for(4))
        hoping = asyncio.create_task(live.until(lambda total: total > 9))
        await say(store, 2)
        for task in (waiting, hoping):
            with pytest.raises(ProjectionError) as caught:
                await task
            assert (caught.value.projection, caught.value.position) == ("faulty", 3)
        with pytest.raises(ProjectionError):
            await live.wait_for(4)
        with pytest.raises(ProjectionError):
            await live.until(lambda total: total > 9)
        assert (live.state, live.position) == (2, 2)


async def test_whoever_waits_is_let_go_when_following_ends() -> None:
    store = MemoryStore("team")
    async with Live(COUNT, store) as live:
        waiting = asyncio.create_task(live.wait_for(1))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting
