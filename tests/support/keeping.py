"""Keep the tables of `support.tallies` current while a test does something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mabeam.core.ports import EventStore
from mabeam.infra.sql import Database, SqlReadModel
from mabeam.projections.keeping import keep
from mabeam.projections.progress import status
from mabeam.projections.tabulation import TableProjection
from mabeam.projections.upkeep import Upkeep
from support.tallies import TALLY
from support.waiting import until

__all__ = ["keeping", "reached", "upkeep_of"]

LEASE_SECONDS = 0.3


def upkeep_of(
    database: Database,
    store: EventStore,
    projection: TableProjection[Any] = TALLY,
    holder: str = "one",
    **options: Any,  # noqa: ANN401 - those of `Upkeep`
) -> Upkeep[Any]:
    """Return how a process keeps them."""
    model = SqlReadModel(database, store.space, projection.name, projection.tables)
    chosen: dict[str, Any] = {"lease_seconds": LEASE_SECONDS, "step_events": 2} | options
    return Upkeep(projection, store, model, holder, **chosen)


@asynccontextmanager
async def keeping(upkeep: Upkeep[Any]) -> AsyncGenerator[asyncio.Task[None]]:
    """Keep them until the context ends."""
    # If it ends with an error, the group lets the test fail with it.
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep(upkeep))
        yield task
        task.cancel()


async def reached(upkeep: Upkeep[Any], position: int) -> None:
    """Return once readers see everything up to a position."""

    async def is_there() -> bool:
        found = await status(upkeep.store, upkeep.model)
        return found.serving is not None and found.serving.build.position >= position

    await until(is_there)
