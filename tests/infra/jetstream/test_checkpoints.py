"""A checkpoint that was saved is there, whatever became of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mabeam.core.errors import ConfigurationError, StoreFull, StoreUnavailable
from mabeam.core.ports import Checkpoint
from mabeam.infra.jetstream import Connection, open_checkpoints
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.waiting import until

pytestmark = pytest.mark.jetstream

Open = Callable[[str], Awaitable[Connection]]

SAVED = Checkpoint("agents", 1, 7, b"state")


async def test_one_whose_answer_was_lost_is_saved_all_the_same(
    on: Open, nats_server: NatsServer, connection: Connection, space: str
) -> None:
    near = await open_checkpoints(connection, space)

    async def is_saved() -> bool:
        return await near.load("agents", 1) == SAVED

    async with Proxy(nats_server.port) as proxy:
        far_connection = await on(proxy.url)
        far = await open_checkpoints(far_connection, space, create=False)
        proxy.is_deaf = True
        saving = asyncio.ensure_future(far.save(SAVED))
        await until(is_saved)
        proxy.is_deaf = False
        proxy.cut()
        await saving
        assert await far.load("agents", 1) == SAVED
        await far_connection.close()


async def test_without_an_answer_patience_ends(
    on: Open, nats_server: NatsServer, space: str
) -> None:
    async with Proxy(nats_server.port) as proxy:
        connection = await on(proxy.url)
        checkpoints = await open_checkpoints(connection, space, patience_seconds=0.3)
        proxy.is_deaf = True
        with pytest.raises(StoreUnavailable):
            await checkpoints.save(SAVED)
        await connection.close()


async def test_where_there_is_no_room_it_is_refused(
    on: Open, small_share_url: str, space: str
) -> None:
    checkpoints = await open_checkpoints(await on(small_share_url), space)
    for version in (1, 2):
        await checkpoints.save(Checkpoint("agents", version, 1, bytes(700_000)))
    with pytest.raises(StoreFull):
        await checkpoints.save(Checkpoint("agents", 3, 1, bytes(700_000)))


async def test_what_is_no_checkpoint_is_not_taken_for_one(
    connection: Connection, space: str
) -> None:
    checkpoints = await open_checkpoints(connection, space)
    _ = await connection.ask(f"mabeam_checkpoint.{space}.agents.1", b"garbage", seconds=5)
    with pytest.raises(ConfigurationError):
        _ = await checkpoints.load("agents", 1)
