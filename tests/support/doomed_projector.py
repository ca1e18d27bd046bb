"""A projector in a process of its own, which kills itself at a chosen step.

Started as ``python doomed_projector.py URL SPACE DATABASE STEP WHEN``: with kill -9 it ends
``within`` or ``after`` its STEP-th transaction; with STEP 0 it never does.
It keeps the tables of `support.tallies`, a few events at a time, and parks what is poison.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Final, TypeVar, cast

import sqlalchemy as sa

from mabeam.app.composition import open_store
from mabeam.infra.jetstream import feed
from mabeam.infra.sql import Database, SqlReadModel, open_database
from mabeam.projections.keeping import keep
from mabeam.projections.upkeep import Upkeep
from support.tallies import TABLES, TALLY, Digest

ResultT = TypeVar("ResultT")

LEASE_SECONDS: Final = 0.5
PAGE_EVENTS: Final = 3


class DoomedDatabase:
    """A database on which every transaction is a step."""

    def __init__(self, database: Database, step: int, when: str) -> None:
        self._database = database
        self._step = step
        self._when = when
        self._count = 0

    async def transact(self, work: Callable[[sa.Connection], ResultT]) -> ResultT:
        """Do something in a transaction, and perhaps die of it."""
        self._count += 1
        count = self._count

        def fatal(connection: sa.Connection) -> ResultT:
            result = work(connection)
            self._die(count, "within")
            return result

        result = await self._database.transact(fatal)
        self._die(count, "after")
        return result

    def _die(self, count: int, moment: str) -> None:
        if count == self._step and self._when == moment:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, space: str, address: str, step: int, when: str) -> None:
    """Keep the tables until killed."""
    # Small pages make many steps.
    setattr(feed, "PAGE_EVENTS", PAGE_EVENTS)  # noqa: B010 - it is declared as final
    async with open_store(space, url) as store, open_database(address) as database:
        doomed = cast("Database", DoomedDatabase(database, step, when))
        upkeep = Upkeep(
            TALLY,
            store,
            SqlReadModel(doomed, space, TALLY.name, TABLES),
            holder=str(os.getpid()),
            checkpoints=await store.checkpoints(),
            codec=Digest(),
            poison="park",
            lease_seconds=LEASE_SECONDS,
            checkpoint_every=4,
            step_events=PAGE_EVENTS,
        )
        await keep(upkeep)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
