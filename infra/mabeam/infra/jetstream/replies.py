"""Answers of the server: one inbox, one table of who waits for which.

Every wait ends: by the answer, by its deadline, by the loss of the connection, or by the
server's refusal of the subject.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from mabeam.core.errors import NotAuthorized
from mabeam.infra.jetstream.wire import Wire

__all__ = ["Collect", "Lost", "Replies", "Unserved", "discard"]

Collect = Callable[[bytes, bytes], bool]
"""Takes headers and payload of one part of an answer; tells whether it was the last."""

SWEEP_SECONDS: Final = 0.1
WAITS_MAX: Final = 4_096
_UNSERVED: Final = b"NATS/1.0 503"


class Lost(Exception):
    """No answer came: the request may or may not have been carried out."""


class Unserved(Exception):
    """Nobody serves the subject at present: the request was not carried out."""


def discard(answer: asyncio.Future[bytes]) -> None:
    """Give up an answer whose request was not sent, or not wholly."""
    if not answer.cancel() and not answer.cancelled():
        # It has ended by itself; asked once, its error is not reported as forgotten.
        answer.exception()


class _Wait:
    """One who waits for an answer."""

    __slots__ = ("collect", "deadline", "future", "subjects")

    def __init__(
        self,
        subjects: tuple[str, ...],
        future: asyncio.Future[bytes],
        deadline: float,
        collect: Collect | None,
    ) -> None:
        self.subjects = subjects
        self.future = future
        self.deadline = deadline
        self.collect = collect


class Replies:
    """All answers to the requests of one connection."""

    def __init__(self, wire: Wire, inbox_prefix: str) -> None:
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._inbox = f"{inbox_prefix}.{secrets.token_hex(8)}."
        self._raw_inbox = self._inbox.encode()
        self._skip = len(self._raw_inbox)
        self._waits: dict[bytes, _Wait] = {}
        self._has_room = asyncio.Event()
        self._count = 0
        self._refused = False
        self._sid = wire.tap(self._inbox + "*", self._arrived)
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def is_crowded(self) -> bool:
        """Whether as many answers are awaited as may be; then await `room`."""
        return len(self._waits) >= WAITS_MAX

    async def room(self) -> None:
        """Wait until one more answer may be awaited."""
        while len(self._waits) >= WAITS_MAX:
            self._has_room.clear()
            await self._has_room.wait()

    @property
    def waiting(self) -> int:
        """How many answers are awaited."""
        return len(self._waits)

    def expect(
        self, *subjects: str, seconds: float, collect: Collect | None = None
    ) -> tuple[bytes, asyncio.Future[bytes]]:
        """Prepare for an answer; return the reply subject to send and what to await.

        The future gives the payload (of the last part), or raises `Lost`, `Unserved` or
        `NotAuthorized`.

        Args:
            subjects: What is about to be published; a refusal of one ends the wait.
            seconds: How long to wait at most.
            collect: Takes the parts of an answer that has several.
        """
        self._count += 1
        token = b"%d" % self._count
        future: asyncio.Future[bytes] = self._loop.create_future()
        deadline = self._loop.time() + seconds
        self._waits[token] = _Wait(subjects, future, deadline, collect)
        if self._refused:
            self._end(token, NotAuthorized(self._inbox + "*"))
        elif self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return self._raw_inbox + token, future

    def lose_all(self) -> None:
        """End all waits, for the connection on which the answers would come is gone."""
        for token in list(self._waits):
            self._end(token, Lost("the connection was lost"))

    def refuse(self, kind: str, subject: str) -> None:
        """Learn that the server forbids a subject to these credentials.

        Args:
            kind: ``publish`` or ``subscription``.
            subject: As the server wrote it.
        """
        if kind == "subscription":
            if subject == self._inbox + "*":
                self._refused = True
                for token in list(self._waits):
                    self._end(token, NotAuthorized(subject))
            return
        for token, wait in list(self._waits.items()):
            if subject in wait.subjects:
                self._end(token, NotAuthorized(subject))

    def close(self) -> None:
        """Stop listening."""
        self.lose_all()
        self._wire.untap(self._sid)
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _arrived(self, subject: bytes, _reply: bytes, headers: bytes, payload: bytes) -> None:
        token = subject[self._skip :]
        wait = self._waits.get(token)
        if wait is None:
            return
        if headers and not payload and headers.startswith(_UNSERVED):
            self._end(token, Unserved(wait.subjects[-1]))
            return
        if wait.collect is not None and not wait.future.done():
            try:
                if not wait.collect(headers, payload):
                    return
            except Exception as error:  # noqa: BLE001 - it belongs to the one who waits
                self._end(token, error)
                return
        del self._waits[token]
        self._has_room.set()
        if not wait.future.done():
            wait.future.set_result(payload)

    def _end(self, token: bytes, error: Exception) -> None:
        wait = self._waits.pop(token)
        self._has_room.set()
        if not wait.future.done():
            wait.future.set_exception(error)

    def _sweep(self) -> None:
        now = self._loop.time()
        for token, wait in list(self._waits.items()):
            # A done future here is one whose awaiter was cancelled.
            if wait.future.done():
                del self._waits[token]
                self._has_room.set()
            elif wait.deadline <= now:
                self._end(token, Lost("no answer in time"))
        again = bool(self._waits)
        self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep) if again else None
