"""Very many appends come to what the same appends come to one by one, failures included."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.app.bulk import Outcome, append_all
from mabeam.app.composition import open_store
from mabeam.core.errors import Conflict
from mabeam.core.ports import EventStore, Write
from mabeam.infra.memory import MemoryStore
from support.events import write
from support.nats_server import NatsServer
from support.reading import read_all
from support.worlds import fresh_space

ENTITIES = st.lists(st.sampled_from(["note/1", "note/2", "session/1"]), max_size=30)


async def by_entity(store: EventStore) -> dict[str, list[str]]:
    """Return the ids of each entity's events, in the order of the log."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in await read_all(store):
        found[str(one.boundary)].append(one.id)
    return found


async def outcomes(store: EventStore, writes: Iterator[Write], in_flight: int) -> list[Outcome]:
    return [outcome async for outcome in append_all(store, writes, in_flight=in_flight)]


@given(ENTITIES, st.integers(1, 8))
def test_side_by_side_is_one_by_one_for_each_entity(entities: list[str], in_flight: int) -> None:
    async def check() -> None:
        writes = [write(entity) for entity in entities]
        bulk, plain = MemoryStore("bulk"), MemoryStore("plain")
        found = await outcomes(bulk, iter(writes), in_flight)
        for one in writes:
            await plain.append(one)
        assert await by_entity(bulk) == await by_entity(plain)
        assert [outcome.write for outcome in found] == writes
        at = {one.id: one.position for one in await read_all(bulk)}
        assert [outcome.position for outcome in found] == [at[one.events[0].id] for one in writes]

    asyncio.run(check())


@given(ENTITIES, st.integers(1, 8), st.integers(0, 29))
def test_after_a_failure_all_that_was_taken_has_an_outcome(
    entities: list[str], in_flight: int, bad: int
) -> None:
    async def check() -> None:
        # Nothing can expect a position so far ahead.
        writes = [write(e, expect=99 if n == bad else None) for n, e in enumerate(entities)]
        store, rest = MemoryStore("bulk"), iter(writes)
        found = await outcomes(store, rest, in_flight)
        left = list(rest)
        assert [outcome.write for outcome in found] + left == writes
        recorded = {one.id for one in await read_all(store)}
        for outcome in found:
            assert (outcome.position is not None) == (outcome.write.events[0].id in recorded)
            assert (outcome.error is None) == (outcome.position is not None)
        if bad < len(entities):
            failed = found[bad]
            assert isinstance(failed.error, Conflict)
            for behind in found[bad + 1 :]:
                # It would stand before the one that it follows.
                same = behind.write.events[0].subject == failed.write.events[0].subject
                assert (behind.error is failed.error) == same

    asyncio.run(check())


async def test_writes_are_taken_no_faster_than_they_are_recorded() -> None:
    taken = 0

    def writes() -> Iterator[Write]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield write(f"note/{number}")

    told = 0
    async for _ in append_all(MemoryStore("bulk"), writes(), in_flight=5):
        assert taken <= told + 5
        told += 1
    assert told == 100


async def test_who_leaves_early_leaves_nothing_running() -> None:
    store = MemoryStore("bulk")
    before = asyncio.all_tasks()
    appending = append_all(store, (write("note/1") for _ in range(50)))
    assert (await anext(appending)).position == 1
    await appending.aclose()
    assert asyncio.all_tasks() == before


@pytest.mark.jetstream
async def test_thousands_are_recorded_on_a_server(nats_server: NatsServer) -> None:
    async with open_store(fresh_space(), nats_server.url) as store:
        writes = [write(f"note/{number % 700}") for number in range(3_000)]
        found = await outcomes(store, iter(writes), 512)
        assert [outcome.write for outcome in found] == writes
        assert sorted(outcome.position or 0 for outcome in found) == list(range(1, 3_001))
        expected: dict[str, list[str]] = defaultdict(list)
        for one in writes:
            expected[one.events[0].subject].append(one.events[0].id)
        assert await by_entity(store) == expected
