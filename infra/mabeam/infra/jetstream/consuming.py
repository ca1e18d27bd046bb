"""Durable consumers: work shared among processes, at least once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import structlog

from mabeam.core.envelope import Recorded, decode
from mabeam.core.errors import ConfigurationError, StoreUnavailable
from mabeam.core.ports import Delivery
from mabeam.core.subjects import escape
from mabeam.infra.jetstream.answers import ConsumerAnswer
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.pulling import Puller
from mabeam.infra.jetstream.wire import Disconnected, Wire

__all__ = ["Consumer", "consume"]

WINDOW_EVENTS: Final = 64
"""Few at a time, so that processes of one name share the work evenly."""
PENDING_MAX: Final = 4_096
PULL_BYTES_MAX: Final = 4 * 1024 * 1024
RETRY_SECONDS: Final = 0.5
_NANO: Final = 1_000_000_000

_log: Final = structlog.get_logger(__name__)


@asynccontextmanager
async def consume(
    api: Api, stream: str, subjects: str, name: str, ack_wait_seconds: float
) -> AsyncGenerator[AsyncIterator[Delivery]]:
    """Do what `mabeam.core.ports.EventStore.consume` promises.

    Raises:
        ConfigurationError: Another filter is consumed under this name. Take another name.
    """
    consumer = Consumer(api, stream, subjects, name, ack_wait_seconds)
    try:
        await consumer.start(api.deadline())
        yield consumer
    finally:
        consumer.close()


class _Delivery:
    """An event handed out, until it is settled."""

    __slots__ = ("_reply", "_wire", "attempt", "recorded")

    def __init__(self, wire: Wire, reply: bytes, recorded: Recorded, attempt: int) -> None:
        self._wire = wire
        self._reply = reply
        self.recorded = recorded
        self.attempt = attempt

    async def ack(self) -> None:
        """Settle it: never deliver it again to this consumer."""
        self.settle(b"+ACK")

    async def retry(self, delay_seconds: float = 0.0) -> None:
        """Hand it out again, to any process of this consumer, after a delay."""
        if delay_seconds > 0:
            delay = msgspec.json.encode({"delay": int(delay_seconds * _NANO)})
            self.settle(b"-NAK " + delay)
        else:
            self.settle(b"-NAK")

    def settle(self, verdict: bytes) -> None:
        """Tell the server; if it cannot be told, it hands the event out again."""
        try:
            self._wire.send(self._reply, b"", b"", verdict)
        except Disconnected:
            _log.debug("not settled: disconnected", position=self.recorded.position)


class Consumer:
    """One process's share in a durable consumer."""

    def __init__(
        self, api: Api, stream: str, subjects: str, name: str, ack_wait_seconds: float
    ) -> None:
        self._api = api
        self._stream = stream
        self._subjects = subjects
        self._name = escape(name)
        self._ack_wait_seconds = ack_wait_seconds
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, _Delivery]] = deque()
        self._ready = asyncio.Event()
        self._puller: Puller | None = None
        self._is_closed = False
        self._fruitless = 0

    async def start(self, deadline: float) -> None:
        """Make the consumer known to the server and ask for the first events.

        Raises:
            StoreUnavailable: The server could not be reached until the deadline.
            ConfigurationError: The name is taken for another filter.
        """
        await self._create(deadline)
        if not self._is_closed:
            self._puller = Puller(
                self._api.connection, self._stream, self._name, self, bytes_max=PULL_BYTES_MAX
            )
            self._refill()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        """Return itself."""
        return self

    async def __anext__(self) -> Delivery:
        """Return the next event, until the consumer is closed."""
        while not self._is_closed:
            while self._queue:
                expires, delivery = self._queue.popleft()
                self._refill()
                # What has waited here too long is being handed out again.
                if self._loop.time() < expires:
                    return delivery
            if self._puller is None:
                await self._restart()
                continue
            self._ready.clear()
            await self._ready.wait()
        raise StopAsyncIteration

    def close(self) -> None:
        """End it, also for one who waits; hand back what was not looked at."""
        self._is_closed = True
        self._ready.set()
        if self._puller is not None:
            self._puller.close()
            self._puller = None
        while self._queue:
            self._queue.popleft()[1].settle(b"-NAK")

    def message(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        """Take a message from the server."""
        self._fruitless = 0
        tokens = reply.split(b".")
        # See `feed` on the two forms of a reply subject.
        at = 5 if len(tokens) == 9 else 7  # noqa: PLR2004 - as above
        address = subject.decode(errors="replace")
        recorded = decode(int(tokens[at]), int(tokens[at + 2]), address, payload)
        expires = self._loop.time() + self._ack_wait_seconds
        wire, attempt = self._api.connection.wire, int(tokens[at - 1])
        self._queue.append((expires, _Delivery(wire, reply, recorded, attempt)))
        self._ready.set()

    def heartbeat(self, delivered: int) -> None:
        """Ignore it: what was lost on the way is handed out again."""

    def ended(self) -> None:
        """Ask anew when a request has ended."""
        self._refill()

    def lost(self, why: str) -> None:
        """Make the consumer known again; it may be gone."""
        _log.info("consuming anew", stream=self._stream, consumer=self._name, why=why)
        self._puller = None
        self._ready.set()

    def _refill(self) -> None:
        half = WINDOW_EVENTS // 2
        while self._puller is not None and self._puller.outstanding + len(self._queue) <= half:
            self._puller.pull(half)

    async def _restart(self) -> None:
        # One loss may be bad luck, several in a row are trouble.
        await asyncio.sleep(min(RETRY_SECONDS, RETRY_SECONDS * self._fruitless / 10))
        self._fruitless += 1
        try:
            await self.start(self._api.deadline())
        except StoreUnavailable:
            _log.warning("log unreachable; still trying", stream=self._stream)
            await asyncio.sleep(RETRY_SECONDS)

    async def _create(self, deadline: float) -> None:
        config: dict[str, Any] = {
            "durable_name": self._name,
            "name": self._name,
            "ack_policy": "explicit",
            "ack_wait": int(self._ack_wait_seconds * _NANO),
            "deliver_policy": "all",
            "filter_subject": self._subjects,
            "max_ack_pending": PENDING_MAX,
            "max_deliver": -1,
        }
        patience = Patience(deadline)
        while True:
            known = await self._ask("INFO", None, deadline)
            if known.error is None:
                present = known.config.filter_subject if known.config else ""
                if present != self._subjects:
                    raise ConfigurationError(
                        f"{self._name} consumes {present}, not {self._subjects}"
                    )
            request = {"stream_name": self._stream, "config": config}
            made = await self._ask("CREATE", request, deadline)
            if made.error is None:
                return
            if not await patience.pause():
                raise StoreUnavailable(f"{self._name} cannot be made: {made.error}")

    async def _ask(self, verb: str, body: dict[str, Any] | None, deadline: float) -> ConsumerAnswer:
        operation = f"CONSUMER.{verb}.{self._stream}.{self._name}"
        if verb == "CREATE":
            operation += f".{self._subjects}"
        return await self._api.request(operation, body, ConsumerAnswer, deadline=deadline)
