"""Where a command finds the log: a server named, one that runs already, or one of its own."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mabeam.infra.embedded import EmbeddedServer
    from mabeam.infra.embedded.guests import Guests
    from mabeam.infra.jetstream import Connection, JetStreamStore

__all__ = ["CONNECT_SECONDS", "DATA_VARIABLE", "SERVER_VARIABLE", "Place", "data_folder"]

SERVER_VARIABLE: Final = "MABEAM_NATS_URL"
DATA_VARIABLE: Final = "MABEAM_DATA"

CONNECT_SECONDS: Final = 2.0
"""How long a server may take to answer: a person waits for it."""

_SHOWN_MAX: Final = 20
_PATIENCE_SECONDS: Final = 1.0


def data_folder(chosen: Path | None) -> Path:
    """Return the data folder: the chosen one, or that of this user."""
    if chosen is not None:
        return chosen.expanduser()
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "mabeam"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log is.

    Attributes:
        server: Address of a server, or None.
        data: Data folder of the server that is joined or started without an address.
        explicit: Whether the folder was named on the command line.
    """

    server: str | None
    data: Path
    explicit: bool = False

    @property
    def options(self) -> str:
        """What a further command must be given to find the same log; begins with a blank."""
        if self.explicit:
            return f" --data {shlex.quote(str(self.data))}"
        if self.server and self.server != os.environ.get(SERVER_VARIABLE):
            return f" --server {shlex.quote(self.server)}"
        return ""

    @asynccontextmanager
    async def address(self, *, make: bool = True, stays: bool = False) -> AsyncGenerator[str]:
        """Return the address of the server, starting one on the data folder if none runs.

        A server started here stops when the context ends and no other command needs it.

        Args:
            make: Make the data folder if there is none.
            stays: Whether this command has no end of its own, so that nobody waits for it.

        Raises:
            NotFound: There is no data folder, and none is to be made.
            ConfigurationError: No server can run on the folder.
        """
        if self.server:
            yield self.server
            return
        from mabeam.core.errors import NotFound
        from mabeam.infra.embedded import EmbeddedServer, running_server
        from mabeam.infra.embedded.folder import DataFolder
        from mabeam.infra.embedded.guests import Guests

        if not make and not self.data.exists():
            raise NotFound(f"nothing is recorded in {self.data} yet; 'mabeam demo' makes a start")
        DataFolder(self.data).prepare()
        guests = Guests(self.data)
        async with AsyncExitStack() as stack:
            stack.callback(guests.leave)
            await guests.enter()
            running = running_server(self.data) or await _started(
                stack, EmbeddedServer(self.data), guests
            )
            if stays:
                guests.leave()
            yield running

    @asynccontextmanager
    async def connection(
        self, space: str | None = None, *, make: bool = False
    ) -> AsyncGenerator[Connection]:
        """Connect to the server itself, for work on what it keeps.

        Args:
            space: A space that must be there; None for no matter which are.
            make: As for `address`.

        Raises:
            NotFound: There is no such space.
            StoreUnavailable: No server answers at the address.
        """
        from mabeam.core.errors import NotFound
        from mabeam.core.subjects import check_space
        from mabeam.infra.jetstream import connect
        from mabeam.infra.jetstream.inspection import spaces
        from mabeam.infra.observability import bind_log

        if space is not None:
            check_space(space)
            bind_log(space=space)
        async with self.address(make=make) as url:
            connection = await connect(url.split(","), deadline_seconds=CONNECT_SECONDS)
            try:
                if space is not None and space not in await spaces(connection):
                    raise NotFound(f"there is no space {space!r}; {await _others(url)}")
                yield connection
            finally:
                await connection.close()

    @asynccontextmanager
    async def log(
        self, space: str, *, make: bool = False, stays: bool = False
    ) -> AsyncGenerator[JetStreamStore]:
        """Open the log of a space.

        Args:
            space: Name of the space.
            make: Make the space if there is none of that name; else nothing is written.
            stays: As for `address`.

        Raises:
            NotFound: There is no such space, and none is to be made.
            StoreUnavailable: No server answers at the address.
        """
        from mabeam.app.composition import open_store
        from mabeam.core.errors import NotFound
        from mabeam.core.subjects import check_space
        from mabeam.infra.observability import bind_log

        check_space(space)
        bind_log(space=space)
        async with self.address(make=make, stays=stays) as url, AsyncExitStack() as stack:
            opened = open_store(space, url, create=make, deadline_seconds=CONNECT_SECONDS)
            try:
                store = await stack.enter_async_context(opened)
            except NotFound as error:
                raise NotFound(f"there is no space {space!r}; {await _others(url)}") from error
            yield store


async def _started(stack: AsyncExitStack, embedded: EmbeddedServer, guests: Guests) -> str:
    """Start a server that stops with the stack, but not while other commands need it."""
    from asyncio import CancelledError

    from mabeam.core.errors import DataFolderInUse

    try:
        server = await stack.enter_async_context(embedded)
    except DataFolderInUse as error:
        # Another command was a moment faster.
        if not error.url:
            raise
        return error.url

    async def see_off(
        _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        if not isinstance(error, CancelledError):
            await _see_off(guests)

    stack.push_async_exit(see_off)
    return server.url


async def _see_off(guests: Guests) -> None:
    import asyncio

    from mabeam.app.cli.output import note

    going = asyncio.create_task(guests.see_off())
    done, _ = await asyncio.wait({going}, timeout=_PATIENCE_SECONDS)
    if not done:
        note("waiting for other commands that use this server; Ctrl-C stops it now")
        await going


async def _others(url: str) -> str:
    from mabeam.infra.jetstream import connect
    from mabeam.infra.jetstream.inspection import spaces

    connection = await connect(url.split(","))
    try:
        found = await spaces(connection)
    finally:
        await connection.close()
    if not found:
        return "there are none yet, and 'mabeam demo' makes one"
    return f"there are {', '.join(found[:_SHOWN_MAX])}" + ("…" if found[_SHOWN_MAX:] else "")
