"""Commands under conflict."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mabeam.agents.author import Author
from mabeam.agents.transact import transact
from mabeam.core.agent.events import Registered, Updated
from mabeam.core.errors import Conflict
from mabeam.core.ports import Write
from mabeam.core.subjects import Boundary
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD, World

CODER = Boundary("agent", "coder")
AUTHOR = Author(SystemClock(), SystemIds())


def write(expect: int | None, event: Registered | Updated) -> Write:
    return AUTHOR.says(CODER, (event,), source="/agents/coder", expect=expect)


async def test_a_lost_race_is_decided_again_on_the_newer_state() -> None:
    store = MemoryStore("team")
    async with Live(WORLD, store) as live:
        decided: list[int] = []

        def decide(world: World) -> Sequence[Write]:
            entity = world.agents.get("coder")
            decided.append(0 if entity is None else entity.position)
            return [write(decided[-1], Updated(role="monitor"))]

        await store.append(write(0, Registered()))
        position = await transact(store, live, decide)
        assert (decided[0], decided[-1], position) == (0, 1, 2)
        assert live.state.agents["coder"].state.role == "monitor"


async def test_nothing_to_do_records_nothing() -> None:
    store = MemoryStore("team")
    async with Live(WORLD, store) as live:
        assert await transact(store, live, lambda _: ()) == 0
    assert await store.head() == 0


async def test_who_loses_every_race_is_told() -> None:
    store = MemoryStore("team")
    await store.append(write(0, Registered()))
    async with Live(WORLD, store) as live:
        with pytest.raises(Conflict) as caught:
            await transact(store, live, lambda _: [write(0, Registered())])
    assert caught.value.boundary == "agent/coder"
