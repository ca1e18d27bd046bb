"""Publish once and tell exactly what is known of the outcome.

An own publisher, because that of nats-py never resolves a pipelined publish which the
server refuses, and cannot send batches.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from mabeam.core.errors import StoreUnavailable
from mabeam.infra.jetstream.answers import PublishAnswer, publish_answer
from mabeam.infra.jetstream.connection import Connection
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.replies import Lost, Unserved, discard
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["Message", "Publisher"]

ATTEMPT_SECONDS: Final = 2.0
ATTEMPT_SECONDS_MIN: Final = 0.2
# The server takes 50 at once on a stream, from all its clients together.
BATCHES_IN_FLIGHT_MAX: Final = 16
_BYTES_PER_SECOND_MIN: Final = 5_000_000
_COMMIT: Final = b"Nats-Batch-Commit: 1\r\n"


class Message(msgspec.Struct, frozen=True):
    """What goes onto the wire for one event.

    Attributes:
        subject: Where to.
        fields: Header fields, each as a line with its end.
        body: The event.
    """

    subject: str
    fields: bytes
    body: bytes


class Publisher:
    """Publishes over one connection, with a bounded number of messages in flight."""

    def __init__(self, connection: Connection, attempt_seconds: float = ATTEMPT_SECONDS) -> None:
        self._connection = connection
        self._attempt_seconds = attempt_seconds
        self._loop = asyncio.get_running_loop()
        self._batch_room = asyncio.Semaphore(BATCHES_IN_FLIGHT_MAX)

    async def publish(self, message: Message, deadline: float) -> PublishAnswer:
        """Publish one message; return what the server answers, an error or not.

        Raises:
            Lost: It was sent, and no answer came. It may have been recorded.
            StoreUnavailable: Nobody took it until the deadline; it was not recorded.
            NotAuthorized: The server forbids the subject; it was not recorded.
        """
        connection = self._connection
        replies = connection.replies
        patience: Patience | None = None
        while True:
            if not connection.wire.is_connected:
                await connection.up(deadline)
            if replies.is_crowded or connection.wire.is_crowded:
                await connection.room(deadline)
            try:
                return await self._answer(self._send(message, deadline))
            except (Unserved, Disconnected) as error:
                patience = patience or Patience(deadline)
                if not await patience.pause():
                    raise StoreUnavailable("nobody takes events in time") from error

    async def publish_batch(self, messages: Sequence[Message], deadline: float) -> PublishAnswer:
        """Publish messages of which all or none are recorded; otherwise like `publish`."""
        async with self._batch_room:
            patience = Patience(deadline)
            while True:
                try:
                    return await self._send_batch(messages, deadline)
                except (Unserved, Disconnected) as error:
                    # Its members went nowhere, or wait for a commit that never comes: the
                    # server forgets them after a while.
                    if not await patience.pause():
                        raise StoreUnavailable("nobody takes events in time") from error

    def _send(self, message: Message, deadline: float) -> asyncio.Future[bytes]:
        connection = self._connection
        reply, answer = connection.replies.expect(
            message.subject, seconds=self._attempt_seconds_until(deadline)
        )
        header = b"NATS/1.0\r\n%b\r\n" % message.fields if message.fields else b""
        try:
            connection.wire.send(message.subject.encode(), reply, header, message.body)
        except Disconnected:
            discard(answer)
            raise
        return answer

    async def _send_batch(self, messages: Sequence[Message], deadline: float) -> PublishAnswer:
        connection = self._connection
        wire = connection.wire
        await connection.up(deadline)
        batch = secrets.token_hex(8).encode()
        seconds = self._attempt_seconds_until(deadline)
        seconds += sum(len(message.body) for message in messages) / _BYTES_PER_SECOND_MIN
        # Expected before anything is sent, for the refusal of a member comes at once.
        subjects = {message.subject for message in messages}
        reply, answer = connection.replies.expect(*subjects, seconds=seconds)
        try:
            for number, message in enumerate(messages, start=1):
                if wire.is_crowded:
                    await connection.room(deadline)
                is_last = number == len(messages)
                wire.send(
                    message.subject.encode(),
                    reply if is_last else b"",
                    _batch_header(message, batch, number, _COMMIT if is_last else b""),
                    message.body,
                )
        except BaseException:
            discard(answer)
            raise
        return await self._answer(answer)

    async def _answer(self, awaited: asyncio.Future[bytes]) -> PublishAnswer:
        """Await an answer, and keep in mind whether this server records anything."""
        try:
            answer = publish_answer(await awaited)
        except (Lost, Unserved):
            self._connection.appends.grow()
            raise
        if answer.error is None:
            self._connection.appends.end()
        return answer

    def _attempt_seconds_until(self, deadline: float) -> float:
        left = deadline - self._loop.time()
        return (
            self._attempt_seconds
            if left > self._attempt_seconds
            else max(left, ATTEMPT_SECONDS_MIN)
        )


def _batch_header(message: Message, batch: bytes, number: int, more: bytes) -> bytes:
    line = b"NATS/1.0\r\n%bNats-Batch-Id: %b\r\nNats-Batch-Sequence: %d\r\n%b\r\n"
    return line % (message.fields, batch, number, more)
