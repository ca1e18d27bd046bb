"""A connection fails clearly at first, and afterwards comes back whatever happens to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mabeam.core.errors import ConfigurationError, StoreUnavailable
from mabeam.infra.jetstream import Access, Connection, connect
from mabeam.infra.jetstream.parser import Tap
from mabeam.infra.jetstream.replies import Lost, Unserved
from mabeam.infra.jetstream.wire import Disconnected
from support.nats_server import NatsServer
from support.proxy import Proxy
from support.waiting import until

pytestmark = pytest.mark.jetstream

Open = Callable[[str], Awaitable[Connection]]

SOON_SECONDS = 0.2


async def serves(connection: Connection) -> bool:
    """Ask until an answer comes; the test's own time limit is the only one."""
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        await connection.up(deadline)
        try:
            return b"io.nats" in await connection.ask("$JS.API.INFO", seconds=1)
        except (Lost, Unserved, Disconnected):
            await asyncio.sleep(0.01)


def ignore(*_: bytes) -> None:
    """Hear a question and say nothing."""


def setting(heard: asyncio.Event) -> Tap:
    """Return a tap that sets an event."""

    def tap(*_: bytes) -> None:
        heard.set()

    return tap


class TestConnect:
    async def test_where_nobody_listens_it_fails_clearly_within_the_deadline(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"nats://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(StoreUnavailable) as raised:
                _ = await connect(url, deadline_seconds=0.3)
        assert url in str(raised.value)
        assert isinstance(raised.value.__cause__, OSError)

    async def test_where_nobody_answers_it_fails_clearly_too(self) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"nats://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(StoreUnavailable):
                _ = await connect(url, deadline_seconds=0.3)

    async def test_a_server_that_is_late_is_found(self, breakable_server: NatsServer) -> None:
        breakable_server.stop()
        waiting = asyncio.ensure_future(connect(breakable_server.url, deadline_seconds=30))
        await asyncio.sleep(0)
        await asyncio.to_thread(breakable_server.start)
        connection = await waiting
        assert await serves(connection)
        await connection.close()

    async def test_the_second_server_serves_when_the_first_does_not(
        self, nats_server: NatsServer
    ) -> None:
        connection = await connect(["nats://127.0.0.1:1", nats_server.url])
        assert await serves(connection)
        await connection.close()

    @pytest.mark.parametrize("url", ["nats://", "nats://host:port"])
    async def test_an_unreadable_address_is_a_matter_of_configuration(self, url: str) -> None:
        with pytest.raises(ConfigurationError):
            _ = await connect(url)

    async def test_a_missing_file_of_credentials_is_named(
        self, nats_server: NatsServer, tmp_path: Path
    ) -> None:
        missing = tmp_path / "missing.creds"
        for access in (Access(credentials=missing), Access(nkey_seed=missing)):
            with pytest.raises(ConfigurationError, match=r"missing\.creds"):
                _ = await connect(nats_server.url, access=access)

    async def test_a_line_without_encryption_does_not_serve_one_who_asks_for_it(
        self, nats_server: NatsServer
    ) -> None:
        access = Access(tls=ssl.create_default_context(), inbox_prefix="_INBOX_me")
        connection = await connect(nats_server.url, access=access)
        # The server decides whether a line is encrypted; it said that it is not.
        assert await serves(connection)
        await connection.close()


class TestClose:
    async def test_a_closed_connection_serves_nothing(self, nats_server: NatsServer) -> None:
        connection = await connect(nats_server.url)
        await connection.close()
        await connection.close()
        assert connection.is_closed
        assert not connection.is_up
        with pytest.raises(Disconnected):
            _ = await connection.ask("$JS.API.INFO", seconds=1)
        with pytest.raises(StoreUnavailable):
            await connection.up(asyncio.get_running_loop().time() + 10)

    async def test_it_closes_in_any_moment_of_a_loss(self, nats_server: NatsServer) -> None:
        """Somewhere among these moments, nats-py is told of a cancellation that is not its own."""
        async with Proxy(nats_server.port) as proxy:
            for moments in range(12):
                connection = await connect(proxy.url)
                proxy.cut()
                for _ in range(moments):
                    await asyncio.sleep(0)
                await connection.close()
                assert connection.is_closed

    async def test_one_who_waits_learns_that_no_answer_will_come(
        self, nats_server: NatsServer
    ) -> None:
        connection = await connect(nats_server.url)
        _ = connection.wire.tap("questions", ignore)
        waiting = asyncio.ensure_future(connection.ask("questions", seconds=60))
        await asyncio.sleep(0)
        await connection.close()
        with pytest.raises(Lost):
            _ = await waiting

    async def test_what_was_sent_before_still_arrives(
        self, connection: Connection, nats_server: NatsServer
    ) -> None:
        heard = asyncio.Event()
        _ = connection.wire.tap("last.words", setting(heard))
        assert await serves(connection)
        other = await connect(nats_server.url)
        other.wire.send(b"last.words", b"", b"", b"")
        await other.close()
        async with asyncio.timeout(20):
            _ = await heard.wait()


class TestAsk:
    async def test_a_subject_nobody_serves_is_reported_at_once(
        self, connection: Connection
    ) -> None:
        with pytest.raises(Unserved):
            _ = await connection.ask("nobody.serves.this", seconds=60)

    async def test_an_answer_that_does_not_come_is_lost(self, connection: Connection) -> None:
        _ = connection.wire.tap("questions", ignore)
        with pytest.raises(Lost):
            _ = await connection.ask("questions", seconds=0.01)
        assert connection.replies.waiting == 0

    async def test_one_who_stops_waiting_leaves_nothing_behind(
        self, connection: Connection
    ) -> None:
        _ = connection.wire.tap("questions", ignore)
        waiting = asyncio.ensure_future(connection.ask("questions", seconds=60))
        await asyncio.sleep(0)
        _ = waiting.cancel()
        _ = await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: not connection.replies.waiting)


class TestReturn:
    async def test_it_outlives_a_restart_of_the_server_and_keeps_its_taps(
        self, on: Open, breakable_server: NatsServer
    ) -> None:
        connection = await on(breakable_server.url)
        heard = asyncio.Event()
        _ = connection.wire.tap("afterwards", setting(heard))
        returned: list[bool] = []
        end = connection.on_return(lambda: returned.append(connection.is_up))
        await asyncio.to_thread(breakable_server.restart)
        assert await serves(connection)
        connection.wire.send(b"afterwards", b"", b"", b"")
        async with asyncio.timeout(20):
            _ = await heard.wait()
        assert returned == [True]
        end()

    async def test_a_callback_that_raises_does_not_keep_it_away(
        self, on: Open, nats_server: NatsServer
    ) -> None:
        async with Proxy(nats_server.port) as proxy:
            connection = await on(proxy.url)
            called = asyncio.Event()

            def fail() -> None:
                called.set()
                raise RuntimeError

            _ = connection.on_return(fail)
            proxy.cut()
            async with asyncio.timeout(20):
                _ = await called.wait()
            assert await serves(connection)
            await connection.close()

    async def test_what_was_unsent_when_the_line_was_left_is_not_sent_later(
        self, on: Open, breakable_server: NatsServer
    ) -> None:
        heard: list[bytes] = []

        def tap(*parts: bytes) -> None:
            heard.append(parts[3])

        listener, speaker = [await on(breakable_server.url) for _ in range(2)]
        _ = listener.wire.tap("stale", tap)
        assert await serves(listener)
        breakable_server.freeze()
        for _ in range(20):
            # More than the sockets hold, so that the rest waits on our side.
            speaker.wire.send(b"filler", b"", b"", bytes(900_000))
            await asyncio.sleep(0)
        speaker.wire.send(b"stale", b"", b"", b"before")
        await asyncio.sleep(0)
        assert speaker.wire.pending_data_size > 0
        await speaker.wire.start_over()
        await until(lambda: speaker.wire.pending_data_size == 0)
        breakable_server.thaw()
        assert await serves(speaker)
        speaker.wire.send(b"stale", b"", b"", b"behind")
        assert await serves(speaker)
        assert await serves(listener)
        assert heard == [b"behind"]

    @pytest.mark.parametrize("task", ["_reading_task", "_flusher_task", "_ping_interval_task"])
    async def test_the_watchdog_notices_a_dead_task(
        self, nats_server: NatsServer, task: str
    ) -> None:
        connection = await connect(nats_server.url, watch_seconds=SOON_SECONDS)
        getattr(connection.wire, task).cancel()
        await until(lambda: connection.wire.is_wedged)
        await until(lambda: connection.is_up and not connection.wire.is_wedged)
        assert await serves(connection)
        assert connection.wire.stats["reconnects"] == 1
        await connection.close()

    @pytest.mark.slow
    async def test_the_watchdog_notices_a_dead_attempt_to_reconnect(
        self, nats_server: NatsServer
    ) -> None:
        async with Proxy(nats_server.port) as proxy:
            connection = await connect(proxy.url, watch_seconds=SOON_SECONDS)
            await connection.wire.start_over()
            getattr(connection.wire, "_reconnection_task").cancel()  # noqa: B009 - private
            await until(lambda: connection.wire.stats["reconnects"] > 0)
            assert await serves(connection)
            await connection.close()

    @pytest.mark.slow
    async def test_the_watchdog_notices_a_silent_server(self, nats_server: NatsServer) -> None:
        async with Proxy(nats_server.port) as proxy:
            connection = await connect(proxy.url, watch_seconds=SOON_SECONDS)
            proxy.is_deaf = True
            await until(lambda: not connection.is_up)
            proxy.is_deaf = False
            proxy.cut()
            assert await serves(connection)
            await connection.close()
