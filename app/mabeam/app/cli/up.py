"""`mabeam up`: a server and coordinators, for as long as this command runs."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from mabeam.app.cli.codes import Code
from mabeam.app.cli.examples import ExampleCommand
from mabeam.app.cli.options import SPACE_VARIABLE, as_json, complete_space, placed
from mabeam.app.cli.place import SERVER_VARIABLE

if TYPE_CHECKING:
    from mabeam.app.cli.place import Place

__all__ = ["up"]


@click.command(
    cls=ExampleCommand,
    examples=(
        "mabeam up",
        "mabeam up team-a team-b",
        "mabeam up team-a --server nats://10.0.0.7:4222",
    ),
)
@click.argument(
    "spaces",
    nargs=-1,
    envvar=SPACE_VARIABLE,
    metavar="[SPACE]...",
    shell_complete=complete_space,
)
@as_json
@placed
def up(place: Place, spaces: tuple[str, ...], *, json: bool) -> int:
    """Serve and coordinate, until Ctrl-C.

    A server is started on the data folder, and a coordinator for each SPACE. Commands on the
    same folder join it by themselves; for other programs the line that makes its address
    known to them is printed. With --server only coordinators run, on that server; any number
    of them may.
    """
    from mabeam.app.cli.running import complete

    try:
        complete(_serve(place, spaces or ("default",), json=json))
    except KeyboardInterrupt:
        # To be interrupted is how this command ends.
        click.echo(err=True)
    return Code.OK


async def _serve(place: Place, spaces: tuple[str, ...], *, json: bool) -> None:
    import asyncio

    from mabeam.infra.embedded import EmbeddedServer

    async with AsyncExitStack() as stack:
        if place.server:
            await _coordinate(stack, place.server, spaces)
            _tell(place.server, "", spaces, json=json)
            await asyncio.Event().wait()
            return
        server = await stack.enter_async_context(EmbeddedServer(place.data))
        await _coordinate(stack, server.url, spaces)
        _tell(server.url, str(server.folder), spaces, json=json)
        failure = await server.ended()
        if failure is not None:
            raise failure


async def _coordinate(stack: AsyncExitStack, url: str, spaces: tuple[str, ...]) -> None:
    from mabeam.agents.author import Author
    from mabeam.agents.coordinator import Coordinator
    from mabeam.app.composition import open_store
    from mabeam.infra.observability import bind_log
    from mabeam.infra.system import SystemClock, SystemIds

    author = Author(SystemClock(), SystemIds())
    for space in dict.fromkeys(spaces):
        bind_log(space=space)
        store = await stack.enter_async_context(open_store(space, url))
        await stack.enter_async_context(Coordinator(store, author))


def _tell(url: str, folder: str, spaces: tuple[str, ...], *, json: bool) -> None:
    from mabeam.app.cli.output import note, write_json, write_lines

    if json:
        write_json({"server": url, "data": folder or None, "spaces": spaces})
    else:
        facts = {"server": url, "data": folder, "spaces": ", ".join(spaces)}
        write_lines(f"{name:<8}{fact}" for name, fact in facts.items() if fact)
        write_lines([f"export {SERVER_VARIABLE}={url}"])
    note("Ctrl-C ends")
