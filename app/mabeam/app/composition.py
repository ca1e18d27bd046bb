"""The composition root: bind the log, the coordinator and the live state to a space."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.app.space.desk import Desk
from mabeam.app.space.space import Space
from mabeam.core import catalogue
from mabeam.core.errors import ConfigurationError
from mabeam.core.ports import EventStore
from mabeam.core.subjects import check_name, check_space
from mabeam.core.telemetry import Telemetry, together
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.jetstream import JetStreamStore
from mabeam.infra.jetstream import connect as connect_server
from mabeam.infra.jetstream import open_store as open_log
from mabeam.infra.observability import quiet_log
from mabeam.infra.solving import WorkerSolver
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.runner import Live
from mabeam.projections.world import WORLD

__all__ = ["SERVER_VARIABLE", "attach", "connect", "open_store", "server_address"]

SERVER_VARIABLE: Final = "MABEAM_NATS_URL"
"""Environment variable with the address of the server to use."""

# Importing the catalogue registers every event type that comes with mabeam.
_REGISTERED: Final = catalogue.DOMAINS


@asynccontextmanager
async def connect(  # noqa: PLR0913 - each is a choice of its own
    space: str = "default",
    *,
    server: str | None = None,
    data: Path | str | None = None,
    coordinate: bool = True,
    identity: str = "operator",
    correlation_id: str | None = None,
    replicas: int | None = None,
    telemetry: Sequence[Telemetry] = (),
) -> AsyncGenerator[Space]:
    """Connect to a space, which is made if there is none of that name.

    Args:
        space: Name of the space: 1 to 32 characters of ``A-Z a-z 0-9 _ -``.
        server: Address of a NATS server with JetStream, such as ``nats://127.0.0.1:4222``;
            several separated by commas. The environment variable ``MABEAM_NATS_URL`` if
            None. Without either a server of one's own is started for as long as the
            connection lasts.
        data: Folder in which a server of one's own keeps the log, whatever the environment
            says; a temporary one if None. Not together with ``server``.
        coordinate: Carry out here what protocols decide. Any number of processes may.
        identity: Who speaks where a call does not say.
        correlation_id: The run that everything said here belongs to; a fresh one if None.
        replicas: Copies of the log in a cluster. None leaves an existing space as it is, and
            means one for a new one.
        telemetry: Who looks on: what `mabeam.app.telemetry` makes.

    Raises:
        Rejected: A name is illegal.
        StoreUnavailable: No server answers at the address.
        ConfigurationError: The server of one's own cannot run, or the space exists with
            settings that cannot be trusted.
    """
    check_space(space)
    quiet_log()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(server_address(server, data))
        reconnected = partial(together(telemetry).reconnected, space)
        opened = open_store(space, address, replicas=replicas, reconnected=reconnected)
        attached = attach(
            await stack.enter_async_context(opened),
            coordinate=coordinate,
            identity=identity,
            correlation_id=correlation_id,
            telemetry=telemetry,
        )
        yield await stack.enter_async_context(attached)


@asynccontextmanager
async def server_address(
    server: str | None = None, data: Path | str | None = None
) -> AsyncGenerator[str]:
    """Return the address of the chosen server, starting one if none is chosen.

    Raises:
        ConfigurationError: A server of one's own cannot run, or server and data are given.
    """
    if server and data is not None:
        raise ConfigurationError("a server of others keeps its own data: give server or data")
    chosen = server or (os.environ.get(SERVER_VARIABLE) if data is None else None)
    if chosen:
        yield chosen
        return
    async with EmbeddedServer(data) as embedded:
        yield embedded.url


@asynccontextmanager
async def open_store(  # noqa: PLR0913 - each is a choice of its own
    space: str,
    address: str,
    *,
    replicas: int | None = None,
    create: bool = True,
    deadline_seconds: float = 5.0,
    reconnected: Callable[[], None] | None = None,
) -> AsyncGenerator[JetStreamStore]:
    """Connect to the log of a space.

    Args:
        space: Name of the space.
        address: Address of the server; several separated by commas.
        replicas: Copies of the log in a cluster. None leaves an existing space as it is, and
            means one for a new one.
        create: Make the space if there is none of that name; who only reads passes False.
        deadline_seconds: How long the server may take to answer.
        reconnected: Called whenever a lost connection is there again.

    Raises:
        NotFound: There is no such space, and none is to be made.
        StoreUnavailable: No server answers at the address.
        ConfigurationError: The space exists with settings that cannot be trusted.
    """
    connection = await connect_server(address.split(","), deadline_seconds=deadline_seconds)
    if reconnected is not None:
        _ = connection.on_return(reconnected)
    try:
        yield await open_log(connection, space, replicas=replicas, create=create)
    finally:
        await connection.close()


@asynccontextmanager
async def attach(
    store: EventStore,
    *,
    coordinate: bool = True,
    identity: str = "operator",
    correlation_id: str | None = None,
    telemetry: Sequence[Telemetry] = (),
) -> AsyncGenerator[Space]:
    """Return a space over any log, for instance one in memory.

    Args:
        store: The log.
        coordinate: Carry out here what protocols decide.
        identity: Who speaks where a call does not say.
        correlation_id: The run that everything said here belongs to; a fresh one if None.
        telemetry: Who looks on.

    Raises:
        Rejected: The identity cannot be the token of a subject.
    """
    check_name("actor", identity)
    ids = SystemIds()
    author = Author(SystemClock(), ids)
    observer = together(telemetry)
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(observer.observing(store))
        if coordinate:
            solver = await stack.enter_async_context(WorkerSolver())
            coordinator = Coordinator(log, author, telemetry=observer, solver=solver)
            await stack.enter_async_context(coordinator)
        live = await stack.enter_async_context(Live(WORLD, log))
        _ = stack.enter_context(observer.following(log.space, "space", live))
        await live.caught_up()
        desk = Desk(log, live, author, ids, identity, correlation_id or ids.new_id(), observer)
        yield Space(desk, stack)
