"""Keep one build of a read model current, as the active one among any number of processes.

Whoever holds the lease applies the log page by page. Rows and checkpoint move in one
transaction, so a process may die, be cut off or be overtaken between any two steps: what is
recorded is always the rows of all events up to the checkpoint, and of none behind it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final, Generic, TypeVar

import msgspec
import structlog

from mabeam.core.envelope import Recorded
from mabeam.core.errors import (
    ConfigurationError,
    Conflict,
    MabeamError,
    NotFound,
    ProjectionError,
    Rejected,
    StoreUnavailable,
)
from mabeam.core.ports import Build, Page, Poison, Step
from mabeam.projections.tabulation import Applied
from mabeam.projections.upkeep import Upkeep

__all__ = ["Applier"]

StateT = TypeVar("StateT")

OUTAGE_SECONDS: Final = 60.0
"""How long log or tables may be out of reach before the applier gives up."""

_REASON_LENGTH_MAX: Final = 500
_RENEWALS_PER_LEASE: Final = 3

_log: Final = structlog.get_logger(__name__)


class Applier(Generic[StateT]):
    """Applies the log to one build whenever nobody else does.

    Args:
        upkeep: What is kept, and how.
        number: The build.
    """

    def __init__(self, upkeep: Upkeep[StateT], number: int) -> None:
        self._upkeep = upkeep
        self._projection = upkeep.projection
        self._store = upkeep.store
        self._model = upkeep.model
        self._number = number
        # Position and state behind the last event whose fate is recorded.
        self._known: tuple[int, StateT] | None = None
        self._kept = 0
        self._build: Build | None = None
        self._head = 0
        self._renewal = 0.0
        self._moved = 0.0
        self._log = _log.bind(
            projection=self._projection.name,
            space=self._store.space,
            build=number,
            holder=upkeep.holder,
        )

    async def run(self, *, until: int | None = None) -> None:
        """Apply events, or wait for the active one to fail, as long as the build is of use.

        Args:
            until: End once the build serves and has this position, whoever brought it there.

        Raises:
            ProjectionError: An event cannot be applied, and the policy is to stop.
            StoreUnavailable: Log or tables were out of reach for too long.
            ConfigurationError: The tables are of another log, or the database refuses them.
        """
        self._moved = _now()
        failure = ""
        try:
            while True:
                try:
                    if not await self._is_wanted(until):
                        return
                    await self._take_a_turn(until)
                except Conflict as conflict:
                    self._log.info("superseded", found=str(conflict))
                except StoreUnavailable as error:
                    await self._ride_out(error)
        except MabeamError as error:
            failure = f"{error}: {_reason(error.__cause__)}" if error.__cause__ else str(error)
            raise
        finally:
            await self._leave(failure)

    async def _is_wanted(self, until: int | None) -> bool:
        """Claim the build, or see that others have it; tell whether it is still of use."""
        upkeep = self._upkeep
        try:
            build = await self._model.claim(self._number, upkeep.holder, upkeep.lease_seconds)
        except NotFound:
            return False
        self._renewal = _now() + upkeep.lease_seconds / _RENEWALS_PER_LEASE
        self._build = build
        return build.state != "retired" and not _is_done(build, until)

    @property
    def _active(self) -> Build | None:
        """The build as it was claimed, or None while another process has it."""
        build = self._build
        return build if build is not None and build.holder == self._upkeep.holder else None

    async def _take_a_turn(self, until: int | None) -> None:
        """Apply events for as long as the build is wanted and ours; else wait a moment."""
        build = self._active
        if build is None:
            self._moved = _now()
            await self._rest()
            return
        self._log.info("active", position=build.position, epoch=build.epoch)
        await self._stand_at(build.position)
        async with self._store.follow(after=build.position) as pages:
            seconds = self._upkeep.lease_seconds / _RENEWALS_PER_LEASE
            paced = _paced(pages, seconds, self._upkeep.step_events)
            async with aclosing(paced) as steps:
                async for page in steps:
                    await self._apply(page)
                    await self._serve_if_current()
                    if _is_done(self._build, until):
                        return
                    if _now() >= self._renewal:
                        wanted = await self._is_wanted(until)
                        if not wanted or self._active is None:
                            return

    async def _stand_at(self, position: int) -> None:
        self._head = await self._store.head()
        if position > self._head:
            raise ConfigurationError(
                f"the tables stand at position {position}, but the log of space "
                f"{self._store.space!r} ends at {self._head}: they were made of another log; "
                "take another database"
            )
        self._known = position, await self._upkeep.state_at(position, self._known)

    async def _apply(self, page: Page) -> None:
        if page:
            assert self._known is not None
            await self._write(self._projection.apply(self._known[1], page))
            self._moved = _now()

    async def _write(self, applied: list[Applied[StateT]]) -> None:
        """Record what events came to, in as few steps as the poison among them allows."""
        stops = self._upkeep.poison == "stop"
        bad = next((at for at, one in enumerate(applied) if one.failure is not None), None)
        if stops and bad is not None:
            if bad:
                await self._write(applied[:bad])
            raise self._poisoned(applied[bad]) from applied[bad].failure
        try:
            await self._commit(applied)
        except Rejected as refusal:
            half = len(applied) // 2
            if half:
                await self._write(applied[:half])
                await self._write(applied[half:])
                return
            poisoned = applied[0]._replace(rows=(), failure=refusal)
            if stops:
                raise self._poisoned(poisoned) from refusal
            await self._commit([poisoned])

    async def _commit(self, applied: list[Applied[StateT]]) -> None:
        assert self._known is not None
        assert self._build is not None
        last = applied[-1]
        poison = tuple(self._poison(one) for one in applied if one.failure is not None)
        step = Step(
            self._known[0],
            last.recorded.position,
            self._projection.last_rows(row for one in applied for row in one.rows),
            poison,
        )
        await self._model.write(self._number, self._build.epoch, step)
        self._known = step.position, last.state
        self._build = msgspec.structs.replace(self._build, position=step.position)
        for one in poison:
            self._log.error(
                "event parked" if one.is_parked else "event skipped",
                position=one.position,
                type=one.type,
                reason=one.reason,
            )
        if step.position - self._kept >= self._upkeep.checkpoint_every:
            await self._keep_state()

    def _poison(self, one: Applied[StateT]) -> Poison:
        return Poison(
            one.recorded.position,
            one.recorded.type,
            _reason(one.failure),
            self._upkeep.poison == "park",
        )

    def _poisoned(self, one: Applied[StateT]) -> ProjectionError:
        return ProjectionError(self._projection.name, one.recorded.position)

    async def _serve_if_current(self) -> None:
        """Let readers see the build once it has everything that is recorded."""
        assert self._known is not None
        assert self._build is not None
        if self._build.state == "serving" or self._known[0] < self._head:
            return
        self._head = await self._store.head()
        if self._known[0] >= self._head:
            await self._model.serve(self._number, self._build.epoch)
            self._build = msgspec.structs.replace(self._build, state="serving")
            self._log.info("serving", position=self._known[0])

    async def _keep_state(self) -> None:
        assert self._known is not None
        if self._known[0] > self._kept:
            await self._upkeep.keep_state(*self._known)
            self._kept = self._known[0]

    async def _ride_out(self, error: StoreUnavailable) -> None:
        if _now() - self._moved > OUTAGE_SECONDS:
            raise error
        self._log.warning("out of reach; still trying", error=str(error))
        await self._rest()

    async def _rest(self) -> None:
        """Wait a part of a lease, not all processes for the same."""
        part = self._upkeep.lease_seconds / _RENEWALS_PER_LEASE
        await asyncio.sleep(part * random.uniform(0.5, 1.0))  # noqa: S311 - nothing is secret

    async def _leave(self, failure: str) -> None:
        if self._known is not None:
            await self._keep_state()
        build = self._active
        if build is None:
            return
        try:
            await self._model.release(self._number, build.epoch, failure)
        except StoreUnavailable as error:
            # The lease ends by itself.
            self._log.warning("not released", error=str(error))


def _reason(failure: BaseException | None) -> str:
    text = str(failure) if isinstance(failure, MabeamError) else repr(failure)
    return text[:_REASON_LENGTH_MAX]


def _is_done(build: Build | None, until: int | None) -> bool:
    if until is None or build is None:
        return False
    return build.state == "serving" and build.position >= until


async def _paced(
    pages: AsyncIterator[Page], seconds: float, events: int
) -> AsyncGenerator[list[Recorded]]:
    """Yield what comes, several pages at once where they are there, up to so many events.

    Nothing is yielded at first, and whenever nothing has come for so many seconds.
    """
    yield []
    upcoming = asyncio.ensure_future(anext(pages))
    try:
        while True:
            await asyncio.wait({upcoming}, timeout=seconds)
            step: list[Recorded] = []
            while upcoming.done() and len(step) < events:
                step.extend(upcoming.result())
                # It comes in while the step is written, if it is not there already.
                upcoming = asyncio.ensure_future(anext(pages))
                await asyncio.sleep(0)
            yield step
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
