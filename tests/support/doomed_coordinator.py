"""A coordinator in a process of its own, which kills itself at a chosen step.

Started as ``python doomed_coordinator.py URL SPACE STEP WHEN``: with kill -9 it ends
``before`` or ``after`` its STEP-th append or acknowledgement; with STEP 0 it never does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.app.composition import open_store
from mabeam.core.envelope import Recorded
from mabeam.core.ports import Delivery, EventStore, Write
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.infra.solving import WorkerSolver
from mabeam.infra.system import SystemClock, SystemIds

ACK_WAIT_SECONDS = 0.5


class Doom:
    """Counts the steps of this process, and ends it at the chosen one."""

    def __init__(self, step: int, when: str) -> None:
        self._step = step
        self._when = when
        self._count = 0

    @asynccontextmanager
    async def step(self) -> AsyncGenerator[None]:
        """Surround one step."""
        self._count += 1
        # Steps overlap, so each must remember which one it is.
        count = self._count
        self._die(count, "before")
        try:
            yield
        finally:
            self._die(count, "after")

    def _die(self, count: int, moment: str) -> None:
        if count == self._step and self._when == moment:
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedDelivery:
    """A delivery whose acknowledgement is a step."""

    def __init__(self, delivery: Delivery, doom: Doom) -> None:
        self._delivery = delivery
        self._doom = doom

    @property
    def recorded(self) -> Recorded:
        """The event."""
        return self._delivery.recorded

    @property
    def attempt(self) -> int:
        """How often it has been handed out."""
        return self._delivery.attempt

    async def ack(self) -> None:
        """Settle it."""
        async with self._doom.step():
            await self._delivery.ack()

    async def retry(self, delay_seconds: float = 0.0) -> None:
        """Hand it out again."""
        await self._delivery.retry(delay_seconds)


class DoomedStore:
    """A log on which every append and acknowledgement is a step."""

    def __init__(self, store: Any, doom: Doom) -> None:  # noqa: ANN401 - it stands before any store
        self._store = store
        self._doom = doom

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the store's own
        return getattr(self._store, name)

    async def append(self, *writes: Write) -> int:
        """Append."""
        async with self._doom.step():
            position: int = await self._store.append(*writes)
            return position

    @asynccontextmanager
    async def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> AsyncGenerator[AsyncIterator[Delivery]]:
        """Consume."""
        async with self._store.consume(
            name, wanted, ack_wait_seconds=ack_wait_seconds
        ) as deliveries:
            yield self._doomed(deliveries)

    async def _doomed(self, deliveries: AsyncIterator[Delivery]) -> AsyncIterator[Delivery]:
        async for delivery in deliveries:
            yield DoomedDelivery(delivery, self._doom)


async def main(url: str, space: str, step: int, when: str) -> None:
    """Coordinate until killed."""
    author = Author(SystemClock(), SystemIds())
    async with open_store(space, url) as store, WorkerSolver() as solver:
        doomed = cast("EventStore", DoomedStore(store, Doom(step, when)))
        async with Coordinator(doomed, author, ack_wait_seconds=ACK_WAIT_SECONDS, solver=solver):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
