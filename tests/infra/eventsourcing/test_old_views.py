"""What a lagging copy of the log shows may be old: it costs attempts, and never a wrong record.

The log in memory is told how far behind each of its reads shall be. Only the last word, the
comparison at the append, is always current, as it is on three replicas.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

import pytest
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.ports import Page
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.infra.eventsourcing.decisions import Decisions
from mabeam.infra.eventsourcing.journal import Journal
from mabeam.infra.memory import MemoryStore

pytestmark = pytest.mark.slow

SPACE = "old"
# In the end all reads are current, or no append might ever succeed.
LAGS = st.lists(st.sampled_from([1, 1, 2, 0]), min_size=10, max_size=60)
WRITERS = st.integers(0, 2)
AGGREGATES = ("a", "b")


class OldViews(MemoryStore):
    """A log whose reads end before its last events, each as far as it is told."""

    def __init__(self, lags: list[int]) -> None:
        super().__init__(SPACE)
        self.lags: Iterator[int] = iter(lags)

    async def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncGenerator[Page]:
        shown = await self._shown()
        end = shown if until is None else min(until, shown)
        async for page in super().read(wanted, after=after, until=end):
            yield page

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        shown = await self._shown()
        return await super().latest(wanted, at=shown if at is None else min(at, shown))

    async def _shown(self) -> int:
        return max(0, await self.head() - next(self.lags, 0))


def noise(store: MemoryStore, aggregate: str, legible: bool) -> None:  # noqa: FBT001 - drawn
    tail = "noted.coder" if legible else "noise"
    _ = store.publish_raw(f"mabeam.{SPACE}.aggregate.{aggregate}.{tail}", b"garbage")


@settings(max_examples=200)
@given(
    lags=LAGS,
    steps=st.lists(
        st.tuples(WRITERS, st.sampled_from(AGGREGATES), st.integers(-1, 1), st.booleans()),
        max_size=25,
    ),
)
def test_no_version_is_recorded_twice_and_none_is_refused_that_is_free(
    lags: list[int], steps: list[tuple[int, str, int, bool]]
) -> None:
    async def run() -> None:
        store = OldViews(lags)
        journals = [Journal(store, "aggregate", f"writer-{number}") for number in range(3)]
        recorded: dict[str, list[int]] = {one: [] for one in AGGREGATES}
        for writer, aggregate, beside, is_noise in steps:
            if is_noise:
                noise(store, aggregate, legible=beside > 0)
                continue
            versions = recorded[aggregate]
            version = max((versions[-1] if versions else 0) + 1 + beside, 0)
            event = StoredEvent(aggregate, version, "bank.noted.v1", b"{}")
            try:
                (position,) = await journals[writer].insert([event])
            except IntegrityError:
                assert versions
                assert version <= versions[-1]
            else:
                assert not versions or version > versions[-1]
                assert position == await store.head()
                versions.append(version)
        current = Journal(store, "aggregate", "reader")
        # The last look is a current one.
        store.lags = iter(())
        for aggregate, versions in recorded.items():
            found = await current.select(aggregate, None, None, None, desc=False)
            assert [one.originator_version for one in found] == versions

    asyncio.run(run())


@given(
    lags=LAGS,
    steps=st.lists(st.tuples(WRITERS, st.sampled_from("xyz"), st.booleans()), max_size=12),
)
def test_no_condition_is_met_by_what_was_merely_not_seen(
    lags: list[int], steps: list[tuple[int, str, bool]]
) -> None:
    async def run() -> None:
        store = OldViews(lags)
        writers = [Decisions(store, f"writer-{number}", 10.0) for number in range(3)]
        taken: set[str] = set()
        for writer, tag, is_noise in steps:
            if is_noise:
                _ = store.publish_raw(f"mabeam.{SPACE}.dcb.events.noise", b"garbage")
                continue
            event = DCBEvent(type="seats.booked.v1", data=b"{}", tags=[tag])
            query = DCBQuery([DCBQueryItem(tags=[tag])])
            _, head = await writers[writer].read(query, None, None)
            try:
                position = await writers[writer].append([event], DCBAppendCondition(query))
            except IntegrityError:
                assert tag in taken
            except OperationalError:
                raise AssertionError("an old view lasted for ever") from None
            else:
                assert tag not in taken
                assert position == await store.head()
                assert position > (head or 0)
                taken.add(tag)

    asyncio.run(run())
