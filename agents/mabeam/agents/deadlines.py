"""Deadlines on the log's clock, kept by whoever folds the log.

Waiting is done on the monotonic clock, so a local clock that jumps cannot end a session
early; and before a deadline counts as reached the log's own clock is asked. Deadlines are
nowhere stored: a coordinator that starts anew finds them in the fold.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

import structlog

from mabeam.core.errors import MabeamError
from mabeam.core.subjects import Boundary

__all__ = ["Deadlines"]

RETRY_SECONDS: Final = 1.0
_log: Final = structlog.get_logger(__name__)


class Deadlines:
    """Calls back for each entity whose instant has come.

    Args:
        now_ns: The log's clock.
        reached: Called with the entity and the clock's time.
    """

    def __init__(
        self,
        now_ns: Callable[[], Awaitable[int]],
        reached: Callable[[Boundary, int], Awaitable[None]],
    ) -> None:
        self._now_ns: Final = now_ns
        self._reached: Final = reached
        self._due: Final[dict[Boundary, int]] = {}
        self._heap: Final[list[tuple[int, Boundary]]] = []
        self._changed: Final = asyncio.Event()
        self._offset_ns = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Read the log's clock and start to wait."""
        await self._read_clock()
        self._task = asyncio.create_task(self._run(), name="deadlines")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget all deadlines."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})

    def arm(self, boundary: Boundary, due_ns: int) -> None:
        """Call back for an entity when its instant has come; the latest call counts."""
        if self._due.get(boundary) != due_ns:
            self._due[boundary] = due_ns
            heapq.heappush(self._heap, (due_ns, boundary))
            self._changed.set()

    def disarm(self, boundary: Boundary) -> None:
        """Forget an entity."""
        self._due.pop(boundary, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            self._drop_disarmed()
            wait_seconds = None
            if self._heap:
                now_ns = int(loop.time() * 1e9) + self._offset_ns
                wait_seconds = max(0.0, (self._heap[0][0] - now_ns) / 1e9)
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._changed.wait()
            except TimeoutError:
                await self._fire()

    def _drop_disarmed(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    async def _fire(self) -> None:
        try:
            now_ns = await self._read_clock()
        except MabeamError as error:
            _log.warning("deadlines postponed", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
            return
        due: list[Boundary] = []
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, boundary = heapq.heappop(self._heap)
            if self._due.get(boundary) == due_ns:
                del self._due[boundary]
                due.append(boundary)
        await asyncio.gather(*(self._reach(boundary, now_ns) for boundary in due))

    async def _reach(self, boundary: Boundary, now_ns: int) -> None:
        try:
            await self._reached(boundary, now_ns)
        except Exception as error:  # noqa: BLE001 - one faulty deadline must not end all others
            # It stays armed: an unreachable log is tried again, a fault stays visible.
            _log.warning("deadline postponed", entity=str(boundary), error=str(error))
            self.arm(boundary, now_ns + int(RETRY_SECONDS * 1e9))

    async def _read_clock(self) -> int:
        now_ns = await self._now_ns()
        self._offset_ns = now_ns - int(asyncio.get_running_loop().time() * 1e9)
        return now_ns
