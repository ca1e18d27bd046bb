"""Keep a projection current: resume, catch up, follow live, and let readers wait.

The state held here is only ever the fold of what the log has recorded. Readers wait for a
position by push: they are woken when the fold has passed it, and never poll.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import structlog

from mabeam.core.errors import (
    MabeamError,
    ProjectionError,
    StoreUnavailable,
)
from mabeam.core.ports import CheckpointStore, EventStore, Page
from mabeam.projections.projection import Projection
from mabeam.projections.resuming import StateCodec, resume, save

__all__ = ["Live", "StateCodec"]

StateT = TypeVar("StateT")
_log: Final = structlog.get_logger(__name__)


class Live(Generic[StateT]):
    """A projection that follows the log. Use it as an asynchronous context manager.

    Args:
        projection: The fold.
        store: The log.
        checkpoints: Where to resume from and to save to; None to fold from the beginning.
        codec: How to write the state into checkpoints; needed with ``checkpoints``.
        checkpoint_every: Save after so many events, and at the end.
        on_page: Called with each page and the state after it, in order. It must be quick
            and must not raise.
    """

    def __init__(  # noqa: PLR0913 - each names one independent choice
        self,
        projection: Projection[StateT],
        store: EventStore,
        *,
        checkpoints: CheckpointStore | None = None,
        codec: StateCodec[StateT] | None = None,
        checkpoint_every: int = 10_000,
        on_page: Callable[[Page, StateT], None] | None = None,
    ) -> None:
        if checkpoints is not None and codec is None:
            raise ValueError("checkpoints need a codec for the state")
        self._projection = projection
        self._store = store
        self._checkpoints = checkpoints
        self._codec = codec
        self._checkpoint_every = checkpoint_every
        self._on_page = on_page
        self._state = projection.initial
        self._position = 0
        self._saved = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._hoping: list[tuple[Callable[[StateT], bool], asyncio.Future[StateT]]] = []
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    @property
    def state(self) -> StateT:
        """The state after the last event folded so far."""
        return self._state

    @property
    def position(self) -> int:
        """The position of that event, 0 before the first."""
        return self._position

    async def __aenter__(self) -> Self:
        """Resume from the checkpoint and start to follow."""
        await self._resume()
        self._task = asyncio.create_task(self._run(), name=f"live-{self._projection.name}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop following and save where the fold stands."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        self._stop(asyncio.CancelledError())
        if self._failure is None:
            await self._save()

    async def wait_for(self, position: int) -> StateT:
        """Return the state once the fold has passed a position.

        Raises:
            ProjectionError: The fold failed on an event up to it.
            StoreError: The log could not be followed up to there, or is followed no more.
        """
        if self._position < position:
            self._check_following()
            woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (position, next(self._order), woken))
            await woken
        return self._state

    async def until(self, holds: Callable[[StateT], bool]) -> StateT:
        """Return the first state from now on of which something holds.

        States are looked at after each page of events, so one that holds only between two
        events of a page is not seen.

        Raises:
            ProjectionError: The fold failed before.
            StoreError: The log could not be followed that far, or is followed no more.
        """
        if holds(self._state):
            return self._state
        self._check_following()
        woken: asyncio.Future[StateT] = asyncio.get_running_loop().create_future()
        self._hoping.append((holds, woken))
        return await woken

    async def caught_up(self) -> StateT:
        """Return the state once the fold has passed what is recorded now."""
        return await self.wait_for(await self._store.head())

    def _check_following(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._task is None or self._task.done():
            raise StoreUnavailable(f"projection {self._projection.name} does not follow the log")

    async def _resume(self) -> None:
        if self._checkpoints is None or self._codec is None:
            return
        self._position, self._state = await resume(
            self._projection, self._checkpoints, self._codec, until=await self._store.head()
        )
        self._saved = self._position

    async def _run(self) -> None:
        try:
            async with self._store.follow(after=self._position) as pages:
                async for page in pages:
                    self._fold(page)
                    if self._position - self._saved >= self._checkpoint_every:
                        await self._save()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits must learn of any failure
            _log.exception(
                "projection stopped",
                projection=self._projection.name,
                space=self._store.space,
                position=self._position,
            )
            self._stop(error if isinstance(error, MabeamError) else self._failed_at(error))

    def _fold(self, page: Page) -> None:
        try:
            self._state = self._projection.advance(self._state, page)
            self._position = page[-1].position
        except Exception as error:
            # A fold must be total. If it is not, nothing after the event may be trusted;
            # what stands before it may.
            failed_at = self._fold_until_failure(page)
            self._wake()
            raise ProjectionError(self._projection.name, failed_at) from error
        if self._on_page is not None:
            self._on_page(page, self._state)
        self._wake()

    def _fold_until_failure(self, page: Page) -> int:
        """Fold a page event by event; return the position of the one that cannot be folded."""
        for recorded in page:
            try:
                self._state = self._projection.apply(self._state, recorded)
            except Exception:  # noqa: BLE001 - it is the one that `_fold` raises
                return recorded.position
            self._position = recorded.position
        return self._position

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._position:
            woken = heapq.heappop(self._waiting)[2]
            if not woken.done():
                woken.set_result(None)
        if self._hoping:
            self._wake_hoping(self._state)

    def _wake_hoping(self, state: StateT) -> None:
        still: list[tuple[Callable[[StateT], bool], asyncio.Future[StateT]]] = []
        for holds, woken in self._hoping:
            if woken.done():
                continue
            if holds(state):
                woken.set_result(state)
            else:
                still.append((holds, woken))
        self._hoping = still

    def _failed_at(self, error: Exception) -> ProjectionError:
        failure = ProjectionError(self._projection.name, self._position)
        failure.__cause__ = error
        return failure

    def _stop(self, failure: BaseException) -> None:
        if self._failure is None and not isinstance(failure, asyncio.CancelledError):
            self._failure = failure
        waiting: list[asyncio.Future[None] | asyncio.Future[StateT]] = []
        waiting.extend(woken for _, _, woken in self._waiting)
        waiting.extend(woken for _, woken in self._hoping)
        for woken in waiting:
            if woken.done():
                continue
            if isinstance(failure, asyncio.CancelledError):
                woken.cancel()
            else:
                woken.set_exception(failure)
        self._waiting.clear()
        self._hoping.clear()

    async def _save(self) -> None:
        if self._checkpoints is None or self._codec is None or self._position == self._saved:
            return
        await save(self._projection, self._checkpoints, self._codec, self._position, self._state)
        self._saved = self._position
