"""Random histories are told by every store as a naive model tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import Phase, given, settings

from mabeam.core.ports import Guard, Page, Write
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.infra.memory import MemoryStore
from support.histories import History, histories, play
from support.worlds import Kind, MemoryKind


def try_histories(kind: Kind, profile: settings) -> None:
    """Play as many histories as the kind of store has time for."""

    async def in_a_fresh_space(history: History) -> None:
        async with kind.world() as world:
            await play(world, history)

    with asyncio.Runner() as runner:

        @settings(profile, max_examples=kind.examples_max, deadline=None)
        @given(histories)
        def holds(history: History) -> None:
            runner.run(in_a_fresh_space(history))

        holds()


def test_a_store_tells_random_histories_as_the_model_does(kind: Kind) -> None:
    try_histories(kind, settings())


class Forgetful(MemoryStore):
    """Records a retried append twice."""

    def _recorded_at(self, identities: Sequence[tuple[str, str, str]]) -> int:
        del identities
        return 0


class Hasty(MemoryStore):
    """Looks at the first boundary only."""

    def _check_expectations(self, writes: Sequence[Write]) -> None:
        super()._check_expectations(writes[:1])


class Torn(MemoryStore):
    """Records some writes of an append though another one is stale."""

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        last = 0
        for write in writes:
            last = await super().append(write, guards=guards)
        return last


class Shortsighted(MemoryStore):
    """Ends before the position it should end with."""

    async def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncGenerator[Page]:
        async for page in super().read(wanted, after=after, until=until and until - 1):
            yield page


class Deaf(MemoryStore):
    """Does not hear who speaks."""

    async def read(
        self, wanted: Filter = EVERYTHING, *, after: int = 0, until: int | None = None
    ) -> AsyncGenerator[Page]:
        names = Filter(wanted.kind, wanted.entity, wanted.event)
        async for page in super().read(names, after=after, until=until):
            yield page


class Stuttering(MemoryStore):
    """Tells followers once more what they have seen."""

    @asynccontextmanager
    async def follow(
        self, wanted: Filter = EVERYTHING, *, after: int = 0
    ) -> AsyncGenerator[AsyncIterator[Page]]:
        async with super().follow(wanted, after=after and after - 1) as pages:
            yield pages


class Presentist(MemoryStore):
    """Knows of no past."""

    async def latest(self, wanted: Filter = EVERYTHING, *, at: int | None = None) -> Page:
        del at
        return await super().latest(wanted)


FAULTY = [Forgetful, Hasty, Torn, Shortsighted, Deaf, Stuttering, Presentist]


@pytest.mark.parametrize("make", FAULTY)
def test_the_model_finds_a_faulty_store_out(make: type[MemoryStore]) -> None:
    """The control: histories that no fault could fail would prove nothing."""
    # The same histories each time, and the first that fails as it is.
    profile = settings(derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        try_histories(MemoryKind(make), profile)
