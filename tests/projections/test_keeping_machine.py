"""Whatever happens in whatever order, each build holds the fold up to its checkpoint."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mabeam.core.errors import StoreUnavailable
from mabeam.core.ports import Build, Step
from mabeam.infra.memory import MemoryCheckpoints, MemoryStore
from mabeam.infra.sql import Database, SqlReadModel, open_database
from mabeam.projections.keeping import catch_up, rebuild, retry
from mabeam.projections.upkeep import Upkeep
from support.tallies import TABLES, Digest, checkpoint, content, expected, speak, tally

ResultT = TypeVar("ResultT")
LEASE_SECONDS = 0.02


class Died(Exception):
    """The process is gone."""


class Mortal(SqlReadModel):
    """The tables as a process sees them that dies at one of its writes, before or behind it."""

    def __init__(self, database: Database, writes: int, *, behind: bool) -> None:
        super().__init__(database, "team", "tally", TABLES)
        self._writes = writes
        self._behind = behind

    async def write(self, number: int, epoch: int, step: Step) -> None:
        self._writes -= 1
        if self._writes < 0:
            if self._behind:
                await super().write(number, epoch, step)
            raise Died
        await super().write(number, epoch, step)

    async def release(self, number: int, epoch: int, failure: str = "") -> None:
        if self._writes < 0:
            raise StoreUnavailable("the dead release nothing")
        await super().release(number, epoch, failure)


class Keeping(RuleBasedStateMachine):
    """Speaks, applies, dies, pauses, rebuilds and mends."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        opened = open_database(f"sqlite:///{Path(folder) / 'tables.db'}")
        self.database = self.do(self.stack.enter_async_context(opened))
        self.store = MemoryStore("team", page_max=2)
        self.checkpoints = MemoryCheckpoints()
        self.model = SqlReadModel(self.database, "team", "tally", TABLES)
        self.holders = 0
        self.version = 1
        self.poisonous: set[int] = set()

    def do(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self.runner.run(work)

    def upkeep(self, model: SqlReadModel, *bad: str) -> Upkeep[Any]:
        self.holders += 1
        return Upkeep(
            tally(self.version, bad=bad),
            self.store,
            model,
            f"holder {self.holders}",
            checkpoints=self.checkpoints,
            codec=Digest(),
            poison="park",
            lease_seconds=LEASE_SECONDS,
            checkpoint_every=3,
            step_events=2,
        )

    @property
    def builds(self) -> tuple[Build, ...]:
        return self.do(self.model.builds())

    @rule(
        words=st.lists(st.sampled_from(["a", "b", "poison"]), min_size=1, max_size=5),
        about=st.sampled_from(["session/1", "variable/x"]),
    )
    def speak(self, words: list[str], about: str) -> None:
        for word in words:
            position = self.do(speak(self.store, word, about=about))
            if word == "poison":
                self.poisonous.add(position)

    @rule()
    def catch_up(self) -> None:
        self.do(catch_up(self.upkeep(self.model, "poison")))
        (serving,) = [one for one in self.builds if one.state == "serving"]
        assert serving.position == self.do(self.store.head())
        assert serving.version == self.version

    @rule(writes=st.integers(0, 3), behind=st.booleans(), anew=st.booleans())
    def die(self, writes: int, behind: bool, anew: bool) -> None:  # noqa: FBT001 - drawn
        mortal = self.upkeep(Mortal(self.database, writes, behind=behind), "poison")
        try:
            self.do(rebuild(mortal) if anew else catch_up(mortal))
        except Died:
            return

    @precondition(lambda self: self.builds)
    @rule()
    def pause_and_resume(self) -> None:
        self.do(self.model.pause(is_paused=True))
        before = self.builds
        for one in before:
            claimed = self.do(self.model.claim(one.number, "eager", 60))
            assert claimed.holder == ""
        assert self.builds == before
        self.do(self.model.pause(is_paused=False))

    @rule()
    def rebuild(self) -> None:
        build = self.do(rebuild(self.upkeep(self.model, "poison")))
        assert build == self.builds[-1]
        assert build.state == "serving"

    @rule()
    def raise_version(self) -> None:
        self.version += 1

    @precondition(lambda self: any(one.parked and one.state == "serving" for one in self.builds))
    @rule(is_mended=st.booleans())
    def retry(self, is_mended: bool) -> None:  # noqa: FBT001 - drawn
        (build,) = [one for one in self.builds if one.state == "serving"]
        if build.version != self.version:
            return
        bad = () if is_mended else ("poison",)
        left = self.do(retry(self.upkeep(self.model, *bad), build.number))
        assert len(left) == (0 if is_mended else build.parked)

    @invariant()
    def every_build_is_the_fold(self) -> None:
        for build in self.builds:
            position, parked, found = self.do(checkpoint(self.database, build.number))
            left_out = {one.position for one in self.do(self.model.poison(build.number))}
            assert left_out <= {one for one in self.poisonous if one <= position}
            assert parked == len(left_out)
            whole = tally(build.version, bad=())
            assert found == self.do(expected(whole, self.store, position, left_out))

    @invariant()
    def readers_see_the_serving_build(self) -> None:
        for build in self.builds:
            if build.state == "serving":
                _, _, found = self.do(checkpoint(self.database, build.number))
                assert self.do(content(self.database, TABLES)) == found

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.runner.close()


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
