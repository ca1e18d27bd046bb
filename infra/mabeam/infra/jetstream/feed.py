"""A gapless, ordered run of events from one position on, by consumers that may die.

A feed owns an ephemeral consumer without acknowledgements. Whatever happens to it, be
it a lost message, a restarted server or a dropped line, the feed makes another one
behind the last position it has seen.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import structlog

from mabeam.core.envelope import Recorded, decode
from mabeam.core.errors import LogGap, StoreUnavailable
from mabeam.infra.jetstream.answers import ConsumerAnswer
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.gets import Gets
from mabeam.infra.jetstream.pulling import Puller
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["Decoder", "Feed"]

Decoder = Callable[[int, int, str, bytes], Recorded]

WINDOW_EVENTS: Final = 4_000
"""Events that may be on their way or waiting to be taken, at most."""
PAGE_EVENTS: Final = 128
"""Events of a page at most: few enough for a processor's cache, so that folding a page finds
there what decoding it has left."""
PULL_BYTES_MAX: Final = 8 * 1024 * 1024
INACTIVE_SECONDS: Final = 30
HEALINGS_MAX: Final = 3
RETRY_SECONDS: Final = 0.5
PLACING_SECONDS: Final = 2.0
STALLED_SECONDS: Final = 3.0
"""How long a consumer may owe an event; twice as long after each one that gave nothing, for a
server may have to search long for it."""
_NANO: Final = 1_000_000_000
# $JS.ACK.<stream>.<consumer>.<delivered>.<position>.<number>.<time>.<pending>; the later
# form has a domain and an account before the stream, and may have a token at the end.
_BEHIND: Final = 4
_BEHIND_LONGEST: Final = 5
_DOTS_LONGEST: Final = 11

_log: Final = structlog.get_logger(__name__)


class Feed:
    """Events of one filter behind a position, page by page.

    Args:
        api: The management interface.
        stream: Name of the stream.
        subjects: The filter.
        after: Start behind this position.
        until: Deliver nothing behind this position; None for no end.
        is_whole: Whether the filter matches everything, so that positions are neighbours.
        decoder: Makes an event of position, record time, subject and body.
    """

    def __init__(  # noqa: PLR0913 - where, what, from and to
        self,
        api: Api,
        stream: str,
        subjects: str,
        *,
        after: int,
        until: int | None = None,
        is_whole: bool = False,
        decoder: Decoder = decode,
    ) -> None:
        self.position = after
        self._decode = decoder
        self._api = api
        self._stream = stream
        self._subjects = subjects
        self._until = until
        self._is_whole = is_whole
        # Position, record time, subject and body; decoded when they are taken.
        self._held: list[tuple[int, int, bytes, bytes]] = []
        self._held_bytes = 0
        self._is_closed = False
        self._ready = asyncio.Event()
        self._puller: Puller | None = None
        self._consumer = ""
        self._number = 0
        # Why another consumer is needed, and which gap was seen.
        self._broken = "not started"
        self._gap: tuple[int, int] | None = None
        self._fruitless = 0
        self._stalls = 0
        self._healed_at = -1
        self._healings = 0

    @property
    def is_finished(self) -> bool:
        """Whether the last position wanted has been seen."""
        return self._until is not None and self.position >= self._until

    @property
    def held_events(self) -> int:
        """How many events wait to be taken."""
        return len(self._held)

    async def start(self, deadline: float) -> None:
        """Begin now rather than with the first page, so that trouble shows here.

        Raises:
            StoreUnavailable: The server could not be reached until the deadline.
        """
        await self._restart(deadline)

    async def page(self, deadline: float | None = None) -> list[Recorded]:
        """Return the next events, at least one; none only when the feed has ended.

        Args:
            deadline: When to stop trying to reach the server; None for never.

        Raises:
            LogGap: Positions are missing, even after reading again.
            StoreUnavailable: The server could not be reached until the deadline.
        """
        while True:
            if self._held:
                return self._take()
            if self.is_finished or self._is_closed:
                return []
            if self._broken:
                await self._restart(deadline)
                continue
            self._ready.clear()
            await self._wait(deadline)

    async def _wait(self, deadline: float | None) -> None:
        """Wait for what is there for certain, but not for ever from one consumer.

        One that was placed on a server which is far behind the others sends heartbeats and
        nothing else.
        """
        if self._until is None:
            await self._ready.wait()
            return
        try:
            async with asyncio.timeout(STALLED_SECONDS * 2**self._stalls):
                await self._ready.wait()
        except TimeoutError:
            self._stalls += 1
            self._break("stalled")
            if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                raise StoreUnavailable(f"{self._stream} gives nothing in time") from None

    def _take(self) -> list[Recorded]:
        taken = self._held[:PAGE_EVENTS]
        del self._held[:PAGE_EVENTS]
        self._held_bytes -= sum([len(body) for _, _, _, body in taken])
        self._refill()
        decode = self._decode
        return [
            decode(position, recorded_ns, subject.decode(errors="replace"), body)
            for position, recorded_ns, subject, body in taken
        ]

    def close(self) -> None:
        """End it, also for one who waits for a page."""
        self._is_closed = True
        self._ready.set()
        self._discard()

    def _discard(self) -> None:
        """Have the server forget the present consumer."""
        if self._puller is not None:
            self._puller.close()
            self._puller = None
        if self._consumer:
            subject = f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}"
            self._consumer = ""
            try:
                self._api.connection.wire.send(subject.encode(), b"", b"", b"")
            except Disconnected:
                # The server forgets it by itself after a while.
                _log.debug("consumer left behind", stream=self._stream)

    def message(self, subject: bytes, reply: bytes, payload: bytes) -> None:
        """Take a message from the consumer."""
        if self._broken:
            return
        behind = _BEHIND_LONGEST if reply.count(b".") == _DOTS_LONGEST else _BEHIND
        _, position_, number_, recorded_ns, *_ = reply.rsplit(b".", behind)
        position, number = int(position_), int(number_)
        if number != self._number + 1 or (self._is_whole and position != self.position + 1):
            self._gap = (self.position + 1, position)
            self._break("gap")
            return
        self._number = number
        self._fruitless = self._stalls = 0
        if self._until is not None and position > self._until:
            self.position = self._until
            self._ready.set()
            return
        self._held.append((position, int(recorded_ns), subject, payload))
        self._held_bytes += len(payload)
        self.position = position
        if len(self._held) == 1 or self.is_finished:
            self._ready.set()

    def heartbeat(self, delivered: int) -> None:
        """Notice that messages at the end were lost on the way."""
        if delivered > self._number:
            self._break("messages lost on the way")

    def ended(self) -> None:
        """Ask anew when a request has ended."""
        self._refill()

    def lost(self, why: str) -> None:
        """Go on with another consumer."""
        self._break(why)

    def _break(self, why: str) -> None:
        self._broken = self._broken or why
        self._ready.set()

    def _refill(self) -> None:
        """Keep the window full, but ask for no more than a reader could hold."""
        puller = self._puller
        if puller is None or self._broken or self.is_finished:
            return
        half = WINDOW_EVENTS // 2
        while (
            puller.outstanding + len(self._held) <= half
            and self._held_bytes <= PULL_BYTES_MAX
            and not self._broken
        ):
            puller.pull(half)

    async def _restart(self, deadline: float | None) -> None:
        if self._broken != "not started":
            _log.info("reading anew", stream=self._stream, after=self.position, why=self._broken)
        self._discard()
        # One consumer that dies at once may be bad luck, several are trouble.
        await asyncio.sleep(min(RETRY_SECONDS, RETRY_SECONDS * self._fruitless / 10))
        self._fruitless += 1
        try:
            if self._gap is not None:
                await self._judge_gap(*self._gap)
            await self._create(self._api.deadline() if deadline is None else deadline)
        except StoreUnavailable:
            if deadline is not None:
                raise
            _log.warning("log unreachable; still trying", stream=self._stream)
            await asyncio.sleep(RETRY_SECONDS)
            return

    async def _judge_gap(self, expected: int, found: int) -> None:
        """Read again a few times behind the same position, then give up."""
        self._gap = None
        if self._healed_at != self.position:
            self._healed_at = self.position
            self._healings = 0
        self._healings += 1
        if self._healings > HEALINGS_MAX:
            raise LogGap(expected, found)
        if self._is_whole and await Gets(self._api, self._stream).at(expected) is None:
            # The log itself has nothing there, so reading again would not help.
            raise LogGap(expected, found)

    async def _create(self, deadline: float) -> None:
        """Have the server make a consumer.

        A cluster gives it to any server that has the stream, for some seconds also to one that
        has just died, and then never answers; under another name it chooses anew.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._create_one(min(deadline, loop.time() + PLACING_SECONDS))
            except StoreUnavailable:
                if loop.time() >= deadline:
                    raise
            else:
                return

    async def _create_one(self, deadline: float) -> None:
        name = f"feed_{secrets.token_hex(8)}"
        config: dict[str, Any] = {
            "name": name,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.position + 1,
            "filter_subject": self._subjects,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": INACTIVE_SECONDS * _NANO,
        }
        answer = await self._api.request(
            f"CONSUMER.CREATE.{self._stream}.{name}.{self._subjects}",
            {"stream_name": self._stream, "config": config},
            ConsumerAnswer,
            deadline=deadline,
        )
        if answer.error is not None:
            raise StoreUnavailable(f"{self._stream} cannot be read: {answer.error}")
        self.begin(name)

    def begin(self, consumer: str) -> None:
        """Take the events of a consumer that begins behind the present position."""
        self._consumer = consumer
        if self._is_closed:
            self._discard()
            return
        self._number = 0
        self._puller = Puller(
            self._api.connection, self._stream, consumer, self, bytes_max=PULL_BYTES_MAX
        )
        self._broken = ""
        self._refill()
