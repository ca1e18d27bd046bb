"""Keep a read model current for good, rebuild it beside the one that serves, mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final, TypeVar

import structlog

from mabeam.core.errors import NotFound, ProjectionError, Rejected
from mabeam.core.ports import Build, Poison, Step
from mabeam.core.tables import Row
from mabeam.projections.applying import Applier
from mabeam.projections.upkeep import Upkeep

__all__ = ["catch_up", "keep", "rebuild", "retry"]

StateT = TypeVar("StateT")
_log: Final = structlog.get_logger(__name__)


async def keep(upkeep: Upkeep[StateT]) -> None:
    """Keep the builds of this version current, until a later version serves.

    The first start makes the tables. A start with a later version, or with other tables, makes
    new ones beside those that serve, and lets them serve once they are complete. Any number of
    processes may do this; for each build one is active, the others stand by.

    Raises:
        ProjectionError: An event cannot be applied, and the policy is to stop.
        StoreUnavailable: Log or tables were out of reach for too long.
        ConfigurationError: The tables are of another log or of a later version.
    """
    model = upkeep.model
    first = await model.begin(upkeep.projection.version)
    appliers = {first.number: asyncio.create_task(Applier(upkeep, first.number).run())}
    try:
        while appliers:
            await asyncio.wait(
                appliers.values(),
                timeout=upkeep.lease_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for number in [number for number, task in appliers.items() if task.done()]:
                appliers.pop(number).result()
            for build in await model.builds():
                if build.number not in appliers and _is_ours(upkeep, build):
                    run = Applier(upkeep, build.number).run()
                    appliers[build.number] = asyncio.create_task(run)
    finally:
        for task in appliers.values():
            task.cancel()
        await asyncio.gather(*appliers.values(), return_exceptions=True)


async def catch_up(upkeep: Upkeep[StateT]) -> Build:
    """Bring the tables to the present head of the log, and return once they are there.

    It does not matter who brings them there: where another process is active, this one waits.

    Raises:
        ProjectionError: An event cannot be applied, and the policy is to stop.
        StoreUnavailable: Log or tables were out of reach for too long.
        ConfigurationError: The tables are of another log or of a later version.
        NotFound: A later version has taken their place meanwhile.
    """
    build = await upkeep.model.begin(upkeep.projection.version)
    await Applier(upkeep, build.number).run(until=await upkeep.store.head())
    return await _serving(upkeep, build.number)


async def rebuild(upkeep: Upkeep[StateT]) -> Build:
    """Make the tables anew from the beginning of the log, and return once they serve.

    Until then readers see the former ones. A rebuild that was interrupted is gone on with.

    Raises:
        ProjectionError: An event cannot be applied, and the policy is to stop.
        StoreUnavailable: Log or tables were out of reach for too long.
        NotFound: A still later build has taken its place meanwhile.
    """
    build = await upkeep.model.begin(upkeep.projection.version, anew=True)
    await Applier(upkeep, build.number).run(until=0)
    return await _serving(upkeep, build.number)


async def retry(
    upkeep: Upkeep[StateT], number: int, positions: Collection[int] = ()
) -> tuple[Poison, ...]:
    """Try parked events of a build again; return those that still cannot be applied.

    The events are read from the log anew, in their present form. As later rows may rest on
    them, the rows of all events from there on are made again, and recorded in one
    transaction; they are held in memory meanwhile.

    Args:
        upkeep: What is kept.
        number: The build.
        positions: Which; none for all.

    Raises:
        NotFound: At one of the positions nothing is parked.
        Conflict: The build has moved on meanwhile. Try again.
        ProjectionError: An event that was applied before cannot be applied now.
    """
    poison = await upkeep.model.poison(number)
    parked = {one.position for one in poison if one.is_parked}
    unknown = sorted(set(positions) - parked)
    if unknown:
        raise NotFound(f"no event is parked at position {unknown[0]}")
    await _retry(upkeep, number, sorted(positions or parked))
    return tuple(one for one in await upkeep.model.poison(number) if one.is_parked)


async def _retry(upkeep: Upkeep[StateT], number: int, positions: list[int]) -> None:
    if not positions:
        return
    try:
        await _retry_together(upkeep, number, positions)
    except Rejected as refusal:
        half = len(positions) // 2
        if half:
            await _retry(upkeep, number, positions[:half])
            await _retry(upkeep, number, positions[half:])
        else:
            _log.warning("still refused", position=positions[0], reason=str(refusal))


async def _retry_together(upkeep: Upkeep[StateT], number: int, positions: list[int]) -> None:
    projection, model = upkeep.projection, upkeep.model
    build = next(one for one in await model.builds() if one.number == number)
    left_out = {one.position for one in await model.poison(number)} - set(positions)
    begin = positions[0] - 1
    state = await upkeep.state_at(begin)
    rows: list[Row] = []
    mended: set[int] = set(positions)
    async for page in upkeep.store.read(after=begin, until=build.position):
        for one in projection.apply(state, page):
            state, position = one.state, one.recorded.position
            if position in left_out:
                continue
            rows.extend(one.rows)
            if one.failure is not None and position not in positions:
                raise ProjectionError(projection.name, position) from one.failure
            if one.failure is not None:
                mended.discard(position)
        rows = list(projection.last_rows(rows))
    step = Step(build.position, build.position, tuple(rows), mended=tuple(sorted(mended)))
    await model.write(number, build.epoch, step)


async def _serving(upkeep: Upkeep[StateT], number: int) -> Build:
    for one in await upkeep.model.builds():
        if one.number == number and one.state == "serving":
            return one
    raise NotFound(f"build {number} was replaced by a later one")


def _is_ours(upkeep: Upkeep[StateT], build: Build) -> bool:
    is_of_use = build.state != "retired" and build.fits
    return is_of_use and build.version == upkeep.projection.version
