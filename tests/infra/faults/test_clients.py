"""Clients pass a right log, and find each of the faults that this suite is there to find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mabeam.core.ports import Page
from mabeam.core.subjects import EVERYTHING, Filter
from mabeam.infra.jetstream import JetStreamStore, plan
from mabeam.infra.memory import MemoryStore
from support.clients import Clients
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.waiting import until

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

Open = Callable[..., Awaitable[JetStreamStore]]


async def test_a_log_in_memory_keeps_its_word(space: str) -> None:
    store = MemoryStore(space)

    async def open_store() -> MemoryStore:
        return store

    async with Clients(open_store) as clients:
        await clients.go_on(200)
        await clients.end()
    assert clients.fenced > 0


async def test_a_log_on_one_server_keeps_its_word(nats_server: NatsServer, open_one: Open) -> None:
    async with Clients(lambda: open_one(nats_server.url)) as clients:
        await clients.go_on(200)
        await clients.end()
    assert clients.fenced > 0


async def test_a_log_without_guards_is_found(
    nats_server: NatsServer, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_out(*_: object) -> None:
        """Put no guard on any message."""

    monkeypatch.setattr(plan, "_place", leave_out)
    async with Clients(lambda: open_one(nats_server.url)) as clients:
        await clients.go_on()
        with pytest.raises(AssertionError, match="was guarded by session/right at"):
            await clients.end()


async def test_a_log_without_message_ids_is_found(
    nats_server: NatsServer, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "_MESSAGE_ID", b"X-%b: 1\r\n")
    async with Proxy(nats_server.port) as proxy, Clients(lambda: open_one(proxy.url)) as clients:
        await clients.go_on()
        proxy.is_deaf = True
        # Long enough for an append to be sent, and heard by the server alone.
        await asyncio.sleep(0.2)
        proxy.is_deaf = False
        proxy.cut()
        await clients.go_on()
        with pytest.raises(AssertionError, match="is not there once and whole"):
            await clients.end()


async def test_a_log_without_expectations_is_found(
    nats_server: NatsServer, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "_EXPECTATION", b"X-Expected: %d %b\r\n")
    async with Clients(lambda: open_one(nats_server.url)) as clients:
        await clients.go_on()
        with pytest.raises(AssertionError, match="expected session/re"):
            await clients.end()


async def test_a_log_whose_reads_are_stale_is_found(
    nats_server: NatsServer, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = JetStreamStore.read

    async def read_late(
        self: JetStreamStore,
        wanted: Filter = EVERYTHING,
        *,
        after: int = 0,
        until: int | None = None,
    ) -> AsyncIterator[Page]:
        if wanted != EVERYTHING:
            until = max(await self.head() - 30, 0)
        async for page in read(self, wanted, after=after, until=until):
            yield page

    monkeypatch.setattr(JetStreamStore, "read", read_late)
    async with Clients(lambda: open_one(nats_server.url)) as clients:
        await until(lambda: clients.acknowledged >= 100)
        with pytest.raises(AssertionError, match="the register holds"):
            await clients.end()
