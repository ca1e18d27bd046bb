"""The example of several processes: each script a process, over one server."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from mabeam.app import connect
from mabeam.projections.verification import verify
from support.nats_server import NatsServer
from support.worlds import fresh_space

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

FOLDER = Path(__file__).parents[2] / "examples" / "several_processes"
END_SECONDS = 60


@asynccontextmanager
async def script(name: str, *arguments: str) -> AsyncGenerator[Process]:
    """Run a script, and take its process down in the end whatever it does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(FOLDER / name), *arguments, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        _ = await process.communicate()


async def line_of(process: Process) -> str:
    """Wait for the next line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(END_SECONDS):
        return (await process.stdout.readline()).decode().rstrip("\n")


async def last_words(process: Process) -> tuple[int | None, str, str]:
    """Wait for the end of a process; return its exit code and all it printed."""
    async with asyncio.timeout(END_SECONDS):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_processes_of_all_roles_hold_an_auction_and_one_coordinator_may_die(
    nats_server: NatsServer,
) -> None:
    space = fresh_space()
    place = (nats_server.url, space)
    async with AsyncExitStack() as stack:

        async def start(name: str, *arguments: str) -> Process:
            return await stack.enter_async_context(script(name, *place, *arguments))

        # Nobody waits for anybody: the opener may come before bidders and coordinators.
        opener = await start("opener.py", "fix the parser", "ann", "bob")
        ann = await start("bidder.py", "ann", "12")
        first, second = [await start("coordinator.py") for _ in range(2)]
        assert await line_of(first) == await line_of(second) == f"coordinating {space}"
        first.kill()
        bob = await start("bidder.py", "bob", "9")

        assert await last_words(opener) == (0, "decided: ann pays 9\n", "")
        assert (await line_of(bob)).startswith("bidding 9 for fix the parser in ")
        assert (await line_of(ann)).startswith("bidding 12 for fix the parser in ")
        assert (await line_of(ann)).startswith("won fix the parser in ")

        second.send_signal(signal.SIGINT)
        assert await last_words(second) == (0, "", "")
    async with connect(space, server=nats_server.url, coordinate=False) as watching:
        assert (await verify(watching.store)).divergences == ()
