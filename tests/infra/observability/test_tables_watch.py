"""How tables are shown that lag, that lack events, and that nobody keeps or reaches."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mabeam.core.errors import StoreUnavailable
from mabeam.core.ports import Build, EventStore
from mabeam.infra.memory import MemoryStore
from mabeam.infra.observability.metrics import Metrics
from mabeam.infra.sql import SqlReadModel, open_database
from mabeam.projections.keeping import catch_up
from mabeam.projections.upkeep import Upkeep
from support.tallies import TALLY, Counts, speak
from support.waiting import until


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mabeam.infra.observability.metrics.watching.LOOK_SECONDS", 0.01)


@pytest.fixture
def found() -> Metrics:
    return Metrics()


@asynccontextmanager
async def tables(store: EventStore, folder: Path) -> AsyncGenerator[Upkeep[Counts]]:
    async with open_database(f"sqlite:///{folder / 'tables.db'}") as database:
        model = SqlReadModel(database, store.space, TALLY.name, TALLY.tables)
        yield Upkeep(TALLY, store, model, holder="me", poison="park")


class Shown:
    """The figures of a space's tables."""

    def __init__(self, found: Metrics) -> None:
        self._found = found

    def __call__(self, name: str) -> float | None:
        label = "follower" if name.startswith("follower") else "projection"
        labels = {"space": "team", label: "tally"}
        return self._found.registry.get_sample_value(f"mabeam_{name}", labels)


async def test_lag_and_missing_events_of_tables_are_shown(found: Metrics, tmp_path: Path) -> None:
    shown = Shown(found)
    async with (
        found.observing(MemoryStore("team")) as store,
        tables(store, tmp_path) as upkeep,
    ):
        with found.keeping("team", upkeep.model):
            await until(lambda: shown("projection_active") == 0)
            assert shown("projection_parked_events") is None
            _ = await speak(store, "one", "poison", "three")
            _ = await catch_up(upkeep)
            await until(lambda: shown("projection_parked_events") == 1)
            assert shown("projection_skipped_events") == 0
            await until(lambda: shown("follower_position") == 3)
            assert shown("follower_lag_events") == 0
            _ = await speak(store, "four", "five")
            await until(lambda: shown("follower_lag_events") == 2)
            await until(lambda: (shown("follower_lag_seconds") or 0) > 0)
        assert shown("projection_parked_events") is None
        assert shown("follower_position") is None


class Absent:
    """Tables whose database is away, after it has answered once."""

    projection = "tally"
    answers = 1

    async def builds(self) -> tuple[Build, ...]:
        if self.answers:
            self.answers -= 1
            return (Build(1, 1, True, 7, "serving", False, "me", 1, "", 2, 0, 1.0),)  # noqa: FBT003 - the struct's own order
        raise StoreUnavailable("away")


async def test_tables_that_do_not_answer_count_as_kept_by_nobody(found: Metrics) -> None:
    shown = Shown(found)
    absent = Absent()
    with found.keeping("team", absent):  # type: ignore[arg-type]  # nothing else is asked of it
        async with found.observing(MemoryStore("team")):
            await until(lambda: shown("projection_parked_events") == 2)
            await until(lambda: shown("projection_active") == 0)
            name = "mabeam_log_reachable"
            assert found.registry.get_sample_value(name, {"space": "team"}) == 1
