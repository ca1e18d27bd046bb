"""`mabeam up`: a server and coordinators, for as long as this command runs."""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.measuring import metrics_option, served
from mabeam.app.cli.options import SPACE_VARIABLE, as_json, complete_space, placed
from mabeam.app.cli.place import SERVER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mabeam.app.cli.place import Place
    from mabeam.core.telemetry import Telemetry
    from mabeam.infra.solving import WorkerSolver

__all__ = ["up"]

WATCH_SECONDS: Final = 0.5


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam up",
        "mabeam up team-a team-b",
        "mabeam up team-a --server nats://10.0.0.7:4222",
        "mabeam up --metrics 127.0.0.1:9464",
    ),
)
@click.argument(
    "spaces",
    nargs=-1,
    envvar=SPACE_VARIABLE,
    metavar="[SPACE]...",
    shell_complete=complete_space,
)
@metrics_option
@as_json
@placed
def up(
    place: Place, spaces: tuple[str, ...], metrics_at: tuple[str, int] | None, *, json: bool
) -> int:
    """Serve and coordinate, until Ctrl-C.

    A server is started on the data folder, and a coordinator for each SPACE; without one, for
    every space there is, and soon for every one that is made. Commands on the same folder join
    it by themselves; for other programs the line that makes its address known to them is
    printed. With --server only coordinators run, on that server; any number of them may.

    With --metrics, what they do is measured. If nothing can listen at the address, this is said
    and they run without.
    """
    from mabeam.app.cli.running import complete

    try:
        complete(_serve(place, spaces, metrics_at, json=json))
    except KeyboardInterrupt:
        # To be interrupted is how this command ends.
        click.echo(err=True)
    return Code.OK


async def _serve(
    place: Place, spaces: tuple[str, ...], metrics_at: tuple[str, int] | None, *, json: bool
) -> None:
    import asyncio

    from mabeam.core.telemetry import SILENCE
    from mabeam.infra.embedded import EmbeddedServer

    async with AsyncExitStack() as stack:
        measured, metrics = served(stack.enter_context(ExitStack()), metrics_at)
        telemetry = measured or SILENCE
        if place.server:
            await _coordinate(stack, place.server, spaces, telemetry)
            _tell(place.server, "", spaces, metrics, json=json)
            await asyncio.Event().wait()
            return
        server = await stack.enter_async_context(EmbeddedServer(place.data))
        await _coordinate(stack, server.url, spaces, telemetry)
        _tell(server.url, str(server.folder), spaces, metrics, json=json)
        failure = await server.ended()
        if failure is not None:
            raise failure


async def _coordinate(
    stack: AsyncExitStack, url: str, spaces: tuple[str, ...], telemetry: Telemetry
) -> None:
    """Coordinate some spaces, or all there are and will be, until the stack is closed."""
    import asyncio

    coordinators = _Coordinators(url, await stack.enter_async_context(AsyncExitStack()), telemetry)
    if spaces:
        await coordinators.take(spaces)
    else:
        await coordinators.take_all()
        watching = asyncio.create_task(coordinators.watch())
        stack.push_async_callback(asyncio.wait, {watching})
        stack.callback(watching.cancel)


class _Coordinators:
    """Coordinators of several spaces on one server.

    Args:
        url: Address of the server.
        stack: What closes them all.
        telemetry: Looks on.
    """

    def __init__(self, url: str, stack: AsyncExitStack, telemetry: Telemetry) -> None:
        self._url = url
        self._stack = stack
        self._telemetry = telemetry
        self._solver: WorkerSolver | None = None
        self._taken: set[str] = set()
        # Archives and mirrors; a mirror may be promoted one day.
        self._passed: set[str] = set()

    async def present(self) -> tuple[str, ...]:
        """Return the spaces there are on the server."""
        from mabeam.infra.jetstream import connect
        from mabeam.infra.jetstream.inspection import spaces

        connection = await connect(self._url.split(","))
        try:
            return await spaces(connection)
        finally:
            await connection.close()

    async def take(self, spaces: Iterable[str]) -> None:
        """Coordinate those of the spaces that are not coordinated here yet."""
        from mabeam.agents.author import Author
        from mabeam.agents.coordinator import Coordinator
        from mabeam.app.composition import open_store
        from mabeam.infra.observability import bind_log
        from mabeam.infra.solving import WorkerSolver
        from mabeam.infra.system import SystemClock, SystemIds

        author = Author(SystemClock(), SystemIds())
        if self._solver is None:
            # One process solves for all spaces, one problem after the other.
            self._solver = await self._stack.enter_async_context(WorkerSolver())
        for space in spaces:
            if space not in self._taken:
                bind_log(space=space)
                looking = self._telemetry
                opened = open_store(
                    space, self._url, reconnected=partial(looking.reconnected, space)
                )
                store = await self._stack.enter_async_context(opened)
                log = await self._stack.enter_async_context(looking.observing(store))
                coordinator = Coordinator(log, author, telemetry=looking, solver=self._solver)
                await self._stack.enter_async_context(coordinator)
                self._taken.add(space)

    async def take_all(self) -> list[str]:
        """Coordinate all spaces that take events; return those that were not before."""
        from mabeam.app.cli.output import note
        from mabeam.core.errors import ReadOnly

        taken: list[str] = []
        for space in await self.present():
            if space in self._taken:
                continue
            try:
                await self.take([space])
            except ReadOnly as error:
                if space not in self._passed:
                    note(f"not coordinating {space}: {error}")
                self._passed.add(space)
            else:
                taken.append(space)
        return taken

    async def watch(self) -> None:
        """Take every space that is made, soon after it is."""
        import asyncio

        from mabeam.app.cli.output import note
        from mabeam.core.errors import MabeamError

        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                for space in await self.take_all():
                    note(f"coordinating {space}")
            except MabeamError as error:
                note(f"looking for new spaces: {error}")


def _tell(url: str, folder: str, spaces: tuple[str, ...], metrics: str, *, json: bool) -> None:
    from mabeam.app.cli.output import note, write_json, write_lines

    if json:
        facts = {"server": url, "data": folder or None, "spaces": spaces}
        write_json(facts | ({"metrics": metrics} if metrics else {}))
    else:
        coordinated = ", ".join(spaces) or "all, and those to come"
        facts = {"server": url, "data": folder, "spaces": coordinated, "metrics": metrics}
        write_lines(f"{name:<8}{fact}" for name, fact in facts.items() if fact)
        write_lines([f"export {SERVER_VARIABLE}={url}"])
    note("Ctrl-C ends")
