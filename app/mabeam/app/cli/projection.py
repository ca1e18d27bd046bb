"""`mabeam projection`: a space as tables in SQLite or PostgreSQL, kept current."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.measuring import metrics_option, served
from mabeam.app.cli.options import as_json, placed, space_argument

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place
    from mabeam.core.ports import Build, Poison
    from mabeam.projections.progress import BuildStatus, Status
    from mabeam.projections.upkeep import PoisonPolicy, Upkeep
    from mabeam.projections.world import World

__all__ = ["TABLES_VARIABLE", "projection"]

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
ResultT = TypeVar("ResultT")

TABLES_VARIABLE: Final = "MABEAM_TABLES_URL"
_URL: Final = "sqlite:///team.db"
_LOOK_SECONDS: Final = 0.2


def _to(command: CommandT) -> CommandT:
    return click.option(
        "--to",
        "url",
        envvar=TABLES_VARIABLE,
        metavar="URL",
        required=True,
        help="Database of the tables: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."
        f"  [env: {TABLES_VARIABLE}]",
    )(command)


_poison = click.option(
    "--on-poison",
    "poison",
    type=click.Choice(["stop", "skip", "park"]),
    default="stop",
    show_default=True,
    help="What becomes of an event that cannot be applied.",
)
_lease = click.option(
    "--lease",
    "lease_seconds",
    type=click.FloatRange(min=0.5),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the others wait for an active process that is not heard of.",
)


@click.group
def projection() -> None:
    """Keep a space as tables, for people who live in SQL."""


@projection.command(
    cls=ExampleCommand,
    examples=(
        f"mabeam projection run team --to {_URL}",
        f"mabeam projection run team --to {_URL} --on-poison park",
        f"mabeam projection run team --to {_URL} --no-follow",
        f"mabeam projection run team --to {_URL} --metrics 127.0.0.1:9465",
    ),
)
@space_argument
@_to
@_poison
@_lease
@click.option("--no-follow", is_flag=True, help="End when all that is recorded is applied.")
@metrics_option
@placed
def run(  # noqa: PLR0913 - each is an option of its own
    *,
    place: Place,
    space: str,
    url: str,
    poison: PoisonPolicy,
    lease_seconds: float,
    no_follow: bool,
    metrics_at: tuple[str, int] | None,
) -> None:
    """Keep the tables of SPACE current, until Ctrl-C.

    Any number of processes may run: one is active, and another takes over when it dies. A
    later version of mabeam makes its tables beside those that serve, and lets them serve once
    they are complete; then the processes of the former version end.

    With --metrics, how far the tables are behind is served, with what is missing from them.
    """
    from mabeam.app.cli.output import note
    from mabeam.app.cli.running import complete
    from mabeam.projections.keeping import catch_up, keep

    async def work() -> None:
        tables = _opened(
            *(place, space, url),
            stays=not no_follow,
            poison=poison,
            lease_seconds=lease_seconds,
        )
        async with tables as opened, _measured(opened, metrics_at) as upkeep:
            if no_follow:
                build = await _watched(upkeep, catch_up(upkeep))
                note(f"the tables of {space} stand at position {build.position}")
                return
            note(f"keeping the tables of {space}; Ctrl-C ends")
            await keep(upkeep)
            note("a later version serves now")

    complete(work())


@projection.command(
    cls=ExampleCommand,
    examples=(
        f"mabeam projection status team --to {_URL}",
        f"mabeam projection status team --to {_URL} --json | jq '.builds[].lag'",
    ),
)
@space_argument
@_to
@as_json
@placed
def status(place: Place, space: str, url: str, *, json: bool) -> int:
    """Show how far the tables of SPACE are behind its log.

    A build is a set of tables; readers see the one that serves. LAG counts events, AGE is how
    long the oldest of them waits, LEFT how long it takes at this rate. Exits with 1 if a build
    stopped on its own.
    """
    from mabeam.app.cli.output import note, write_json, write_table
    from mabeam.app.cli.running import complete
    from mabeam.projections.progress import status as look
    from mabeam.projections.world import plain

    async def work() -> Status:
        async with _opened(place, space, url, create=False) as upkeep:
            return await look(upkeep.store, upkeep.model)

    found = complete(work())
    if json:
        write_json(plain(found))
    else:
        write_table(_HEADINGS, [list(cells) for cells in map(_cells, found.builds)])
        for one in found.builds:
            if one.build.failure:
                note(f"build {one.build.number} stopped: {one.build.failure}")
    failed = any(one.condition == "failed" for one in found.builds)
    return Code.CHECK_FAILED if failed else Code.OK


@projection.command(
    cls=ExampleCommand,
    examples=(f"mabeam projection rebuild team --to {_URL}",),
)
@space_argument
@_to
@_poison
@_lease
@placed
def rebuild(place: Place, space: str, url: str, poison: PoisonPolicy, lease_seconds: float) -> None:
    """Make the tables of SPACE anew, beside those that serve.

    Readers see the former tables until the new ones are complete, then all at once the new
    ones. An interrupted rebuild is gone on with, by this command or by one that runs.
    """
    from mabeam.app.cli.output import note
    from mabeam.app.cli.running import complete
    from mabeam.projections.keeping import rebuild as make_anew

    async def work() -> Build:
        tables = _opened(place, space, url, poison=poison, lease_seconds=lease_seconds)
        async with tables as upkeep:
            return await _watched(upkeep, make_anew(upkeep))

    build = complete(work())
    note(f"build {build.number} serves, at position {build.position}")


@projection.command(
    cls=ExampleCommand,
    examples=(f"mabeam projection pause team --to {_URL}",),
)
@space_argument
@_to
@placed
def pause(place: Place, space: str, url: str) -> None:
    """Let nothing be written to the tables of SPACE from now on."""
    _set_paused(place, space, url, is_paused=True)


@projection.command(
    cls=ExampleCommand,
    examples=(f"mabeam projection resume team --to {_URL}",),
)
@space_argument
@_to
@placed
def resume(place: Place, space: str, url: str) -> None:
    """Go on after a pause."""
    _set_paused(place, space, url, is_paused=False)


@projection.command(
    cls=ExampleCommand,
    examples=(
        f"mabeam projection parked team --to {_URL}",
        f"mabeam projection parked team --to {_URL} --json | jq '.[].position'",
    ),
)
@space_argument
@_to
@as_json
@placed
def parked(place: Place, space: str, url: str, *, json: bool) -> None:
    """List the events of SPACE whose rows are missing, and why."""
    from mabeam.app.cli.running import complete

    async def work() -> tuple[Poison, ...]:
        async with _opened(place, space, url, create=False) as upkeep:
            return await upkeep.model.poison(await _current(upkeep))

    _show(complete(work()), json=json)


@projection.command(
    cls=ExampleCommand,
    examples=(
        f"mabeam projection retry team --to {_URL}",
        f"mabeam projection retry team --to {_URL} --position 120 --position 123",
    ),
)
@space_argument
@_to
@click.option(
    "positions",
    "--position",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Only the event at this position; may be given several times.",
)
@as_json
@placed
def retry(place: Place, space: str, url: str, positions: tuple[int, ...], *, json: bool) -> int:
    """Apply parked events of SPACE again, as this version of mabeam reads them.

    Prints those that still cannot be applied, and exits with 1 if there are any.
    """
    from mabeam.app.cli.running import complete
    from mabeam.projections.keeping import retry as try_again

    async def work() -> tuple[Poison, ...]:
        async with _opened(place, space, url) as upkeep:
            return await try_again(upkeep, await _current(upkeep), positions)

    left = complete(work())
    _show(left, json=json)
    return Code.CHECK_FAILED if left else Code.OK


@asynccontextmanager
async def _opened(  # noqa: PLR0913 - those of a place and those of `open_tables`
    place: Place,
    space: str,
    url: str,
    *,
    stays: bool = False,
    create: bool = True,
    poison: PoisonPolicy = "stop",
    lease_seconds: float = 5.0,
) -> AsyncGenerator[Upkeep[World]]:
    from mabeam.app.projecting import open_tables

    async with place.log(space, stays=stays) as store:
        tables = open_tables(
            *(store, url),
            checkpoints=await store.checkpoints() if create else None,
            create=create,
            poison=poison,
            lease_seconds=lease_seconds,
        )
        async with tables as upkeep:
            yield upkeep


@asynccontextmanager
async def _measured(
    upkeep: Upkeep[World], at: tuple[str, int] | None
) -> AsyncGenerator[Upkeep[World]]:
    """Measure how tables are kept, if that is asked for."""
    from dataclasses import replace

    from mabeam.app.cli.output import note

    async with AsyncExitStack() as stack:
        metrics, url = served(stack.enter_context(ExitStack()), at)
        if metrics is not None:
            note(f"metrics {url}")
            log = await stack.enter_async_context(metrics.observing(upkeep.store))
            _ = stack.enter_context(metrics.keeping(log.space, upkeep.model))
            upkeep = replace(upkeep, store=log)
        yield upkeep


async def _watched(upkeep: Upkeep[World], work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do something while its progress is shown."""
    import asyncio

    from mabeam.app.cli.progress import Progress

    head = await upkeep.store.head()
    working = asyncio.ensure_future(work)
    try:
        with Progress("events", head) as progress:
            while not working.done():
                await asyncio.wait({working}, timeout=_LOOK_SECONDS)
                builds = await upkeep.model.builds()
                progress.reached(builds[-1].position if builds else 0)
        return working.result()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _current(upkeep: Upkeep[World]) -> int:
    """Return the number of the build that serves, else of the latest."""
    from mabeam.core.errors import NotFound

    builds = await upkeep.model.builds()
    if not builds:
        raise NotFound(f"there are no tables of space {upkeep.store.space} yet")
    return next((one.number for one in builds if one.state == "serving"), builds[-1].number)


def _set_paused(place: Place, space: str, url: str, *, is_paused: bool) -> None:
    from mabeam.app.cli.running import complete

    async def work() -> None:
        async with _opened(place, space, url, create=False) as upkeep:
            await upkeep.model.pause(is_paused=is_paused)

    complete(work())


def _show(found: tuple[Poison, ...], *, json: bool) -> None:
    from mabeam.app.cli.output import note, write_json, write_table
    from mabeam.projections.world import plain

    if json:
        write_json(plain(found))
    elif found:
        cells = [(one.position, one.type, _fate(one), one.reason) for one in found]
        write_table(("POSITION", "TYPE", "FATE", "REASON"), cells)
    else:
        note("nothing is missing from the tables")


def _fate(one: Poison) -> str:
    return "parked" if one.is_parked else "skipped"


_HEADINGS: Final = (
    *("BUILD", "VERSION", "STATE", "CONDITION", "POSITION", "LAG", "AGE", "RATE", "LEFT"),
    *("PARKED", "SKIPPED", "HOLDER"),
)


def _cells(one: BuildStatus) -> tuple[object, ...]:
    build, left = one.build, one.seconds_left
    return (
        *(build.number, build.version, build.state, one.condition, build.position, one.lag),
        f"{one.age_seconds:.1f} s",
        f"{build.events_per_second:,.0f}/s",
        "?" if left is None else f"{left:.0f} s",
        *(build.parked, build.skipped, build.holder),
    )
