"""Overlapping pull requests of one consumer, through a tap.

Several requests are open at once, so that the server never waits for the next. The
server serves them in turn, so only their sum is counted.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import msgspec

from mabeam.infra.jetstream.connection import Connection
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["Puller", "Receiver"]


class Receiver(Protocol):
    """Who gets what a consumer gives. None of the methods may raise or wait."""

    def message(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        """Take a message."""
        ...

    def heartbeat(self, delivered: int) -> None:
        """Learn how many messages the consumer has given so far."""
        ...

    def ended(self) -> None:
        """Learn that a request has ended before it was filled."""
        ...

    def lost(self, why: str) -> None:
        """Learn, once, that this consumer gives no more: it is gone, or silent."""
        ...


HEARTBEAT_SECONDS: Final = 1.0
EXPIRES_SECONDS: Final = 30.0
SILENCES_MAX: Final = 3
_NANO: Final = 1_000_000_000
_STATUS: Final = slice(9, 12)
_HEARTBEAT: Final = b"100"
_PULL_ENDED: Final = frozenset({b"404", b"408"})
_CONFLICT: Final = b"409"
# These end one request; every other conflict concerns the consumer itself.
_PULL_CONFLICTS: Final = (b"Message Size Exceeds MaxBytes", b"Batch Completed", b"Exceeded Max")


class Puller:
    """Asks for messages of one consumer and counts what is still to come.

    Args:
        connection: Where.
        stream: Name of the stream.
        consumer: Name of the consumer.
        receiver: Who gets the messages.
        bytes_max: Bytes of messages that one request may bring.
    """

    def __init__(
        self,
        connection: Connection,
        stream: str,
        consumer: str,
        receiver: Receiver,
        *,
        bytes_max: int,
    ) -> None:
        self.outstanding = 0
        self._wire = connection.wire
        self._loop = asyncio.get_running_loop()
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}".encode()
        self._bytes_max = bytes_max
        self._receiver = receiver
        inbox = self._wire.new_inbox()
        self._reply = inbox.encode()
        self._sid = self._wire.tap(inbox, self._arrived)
        self._heard = True
        self._silences = 0
        self._is_closed = False
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._listen)
        self._end_of_return = connection.on_return(self._returned)

    def pull(self, count: int) -> None:
        """Ask for so many messages more."""
        request = {
            "batch": count,
            "expires": int(EXPIRES_SECONDS * _NANO),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * _NANO),
            "max_bytes": self._bytes_max,
        }
        try:
            self._wire.send(self._subject, self._reply, b"", msgspec.json.encode(request))
        except Disconnected:
            self._lose("disconnected")
            return
        self.outstanding += count
        self._heard = True

    def close(self) -> None:
        """Ask for nothing more and hear nothing more."""
        if not self._is_closed:
            self._is_closed = True
            self._timer.cancel()
            self._end_of_return()
            self._wire.untap(self._sid)

    def _arrived(self, subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        self._heard = True
        if reply:
            self.outstanding -= 1
            self._receiver.message(subject, reply, payload)
            return
        status = headers[_STATUS]
        if status == _HEARTBEAT:
            self._receiver.heartbeat(_number(headers, b"Nats-Last-Consumer"))
        elif status in _PULL_ENDED or (
            status == _CONFLICT and any(text in headers for text in _PULL_CONFLICTS)
        ):
            self.outstanding = max(0, self.outstanding - _number(headers, b"Nats-Pending-Messages"))
            self._receiver.ended()
        else:
            self._lose(headers[9:].split(b"\r\n", 1)[0].decode("utf-8", "replace"))

    def _listen(self) -> None:
        """Notice that a server which owes messages or heartbeats sends neither."""
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._listen)
        if self._heard or not self.outstanding:
            self._heard = False
            self._silences = 0
            return
        self._silences += 1
        if self._silences >= SILENCES_MAX:
            self._lose("silent")

    def _returned(self) -> None:
        # Messages may have been lost with the old connection, and so were the requests.
        self._lose("reconnected")

    def _lose(self, why: str) -> None:
        if not self._is_closed:
            self.close()
            self._receiver.lost(why)


def _number(headers: bytes, name: bytes) -> int:
    start = headers.find(name + b": ")
    if start < 0:
        return 0
    start += len(name) + 2
    return int(headers[start : headers.index(b"\r\n", start)])
