"""The one place that knows the inside of nats-py.

`Wire` is its client with two more seams: a *tap* gets the messages of a subscription
synchronously and unparsed, and `Wire.send` puts a ready command into the outgoing
buffer. Written against nats-py 2.16; a test fails loudly when its private parts change.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# nats-py offers neither seam, and types its private parts only in part.

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import nats.errors
import structlog
from nats.aio.client import PING_PROTO, Client, Srv
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.protocol.parser import PERMISSIONS_ERR, STALE_CONNECTION

from mabeam.infra.jetstream.parser import Tap, TapParser

__all__ = ["Disconnected", "Wire"]

PENDING_BYTES_MAX: Final = 8 * 1024 * 1024
CLOSE_SECONDS_MAX: Final = 2.0

_log: Final = structlog.get_logger(__name__)


class Disconnected(Exception):
    """There is no connection now; nothing was sent."""


def _ignore(_: object) -> None:
    """Serve as a hook until somebody sets another."""


class Wire(Client):
    """The client of nats-py with taps and a direct way to send.

    Attributes:
        tap_failed: Called with each exception that a tap let through.
        complained: Called with each error line as the server wrote it.
        tap_failures: How many exceptions taps let through so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tap_failed: Callable[[Exception], None] = _ignore
        self.complained: Callable[[bytes], None] = _ignore
        self.tap_failures = 0
        self._taps: dict[bytes, Tap] = {}
        self._ps = self._parser = TapParser(self, self._taps, self._failed, self._complain)

    def tap(self, subject: str, tap: Tap) -> int:
        """Subscribe, have each message given to the tap, and return the subscription's id.

        The subscription survives reconnects. It is in force for whatever is sent after it.
        """
        self._sid += 1
        sid = self._sid
        self._taps[b"%d" % sid] = tap
        self._subs[sid] = Subscription(self, sid, subject)
        if self.is_connected:
            self._put(b"SUB %b  %d\r\n" % (subject.encode(), sid))
        return sid

    def untap(self, sid: int) -> None:
        """End a subscription; its tap is not called again."""
        self._taps.pop(b"%d" % sid, None)
        if self._subs.pop(sid, None) is not None and self.is_connected:
            self._put(b"UNSUB %d\r\n" % sid)

    def send(self, subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        """Put a message into the outgoing buffer.

        Args:
            subject: Where to; the caller answers for its being legal.
            reply: Where the answer shall go; may be empty.
            headers: A whole header block from ``NATS/1.0`` to its empty line, or nothing.
            payload: The body.

        Raises:
            Disconnected: Nothing was sent and nothing will be.
        """
        if not self.is_connected:
            raise Disconnected
        size = len(payload)
        if headers:
            length = len(headers)
            command = b"HPUB %b %b %d %d\r\n%b%b\r\n"
            self._put(command % (subject, reply, length, length + size, headers, payload))
        else:
            self._put(b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, size, payload))
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += size

    @property
    def messages_heard(self) -> int:
        """How many messages have come in so far, whoever got them."""
        return self._parser.tapped + int(self.stats["in_msgs"])

    @property
    def is_crowded(self) -> bool:
        """Whether the outgoing buffer holds more than it should; then await `room`."""
        return self._pending_data_size > PENDING_BYTES_MAX // 2

    async def room(self) -> None:
        """Wait until the outgoing buffer has been handed to the socket.

        Raises:
            Disconnected: There is no connection to empty it.
        """
        if not self.is_connected or self._flush_queue is None:
            raise Disconnected
        flushed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        await self._flush_queue.put(flushed)
        await flushed

    async def rtt(self, timeout: float = 10) -> float:  # noqa: ASYNC109 - as nats-py has it
        """Return the seconds that a ping takes; `nats.errors.TimeoutError` when it is too long.

        nats-py loses a cancellation here, while it sends the ping and when one comes together
        with the answer.
        """
        loop = asyncio.get_running_loop()
        pong: asyncio.Future[bool] = loop.create_future()
        began = loop.time()
        self._pongs.append(pong)
        self._put(PING_PROTO)
        try:
            async with asyncio.timeout(timeout):
                _ = await pong
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error
        return loop.time() - began

    @property
    def is_wedged(self) -> bool:
        """Whether a task without which nothing moves has ended though it should be running."""
        if self.is_connected:
            tasks: list[asyncio.Task[Any] | None] = [self._reading_task]
            tasks += [self._flusher_task, self._ping_interval_task]
            return any(task is None or task.done() for task in tasks)
        if self.is_reconnecting:
            return self._reconnection_task is None or self._reconnection_task.done()
        return False

    async def start_over(self) -> None:
        """Leave the present connection, if any, and begin to reconnect."""
        if self.is_reconnecting:
            # `force_reconnect` does nothing in this state, even when the task that
            # should reconnect has died.
            self._status = Client.CONNECTED
        await self.force_reconnect()

    async def shut(self) -> None:
        """Send what is buffered and close for good; on a dead line, just close."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self.close()
        except (OSError, TimeoutError) as error:
            _log.debug("connection not closed in an orderly way", error=repr(error))
        except asyncio.CancelledError:
            # Where a reconnect is broken off while it waits for the old socket, the next
            # to wait for that socket gets its cancellation. Ours is always passed on.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            await self.abandon()

    async def abandon(self) -> None:
        """Close for good what may never have been established."""
        self._status = Client.CLOSED
        self._abort()
        # The socket is closed in the loop's next round.
        await asyncio.sleep(0)

    def _abort(self) -> None:
        writer: asyncio.StreamWriter | None = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    def _put(self, command: bytes) -> None:
        self._pending.append(command)
        self._pending_data_size += len(command)
        queue = self._flush_queue
        if queue is not None and queue.empty():
            queue.put_nowait(asyncio.get_running_loop().create_future())

    def _failed(self, subject: bytes, error: Exception) -> None:
        self.tap_failures += 1
        _log.error("tap failed", subject=subject.decode("ascii", "replace"), exc_info=error)
        self._tell(self.tap_failed, error)

    def _complain(self, line: bytes) -> None:
        self._tell(self.complained, line)

    @staticmethod
    def _tell(hook: Callable[[Any], None], fact: object) -> None:
        try:
            hook(fact)
        except Exception:  # noqa: BLE001 - as in `_dispatch`
            _log.exception("hook failed")

    async def _attempt_reconnect(self) -> None:
        # What is still unsent must not leave long after its sender gave it up; and on a
        # line that is dead at the other end, an orderly close would wait for minutes.
        self._pending = []
        self._pending_data_size = 0
        self._abort()
        await super()._attempt_reconnect()

    async def _connect_to_server(self, s: Srv) -> None:
        # nats-py forgets, and leaves open, the line to a server that was silent when greeted.
        self._abort()
        await super()._connect_to_server(s)

    async def _process_err(self, err_msg: str) -> None:
        # nats-py closes for good on any error but these two, say when credentials have
        # expired; the next attempt may find them renewed.
        if PERMISSIONS_ERR in err_msg or STALE_CONNECTION in err_msg:
            await super()._process_err(err_msg)
        else:
            await self._process_op_err(Error(err_msg))

    async def _process_pong(self) -> None:
        # nats-py leaves the pings that were given up in this list, and the answer to
        # one of them would end its reading task.
        if self._pongs and self._pongs[0].done():
            del self._pongs[0]
            self._pongs_received += 1
            self._pings_outstanding = 0
            return
        await super()._process_pong()
