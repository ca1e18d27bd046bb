"""What a log holds, message by message and to the last byte, for checks and for copies.

A transcript is a file of JSON lines, one for each message in the order of positions. The
same messages give the same lines, wherever they are kept, so two logs are the same where
the SHA-256 of their transcripts is.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec

from mabeam.core.errors import StoreUnavailable
from mabeam.infra.jetstream.answers import instant_ns, instant_text
from mabeam.infra.jetstream.api import ATTEMPT_SECONDS, Api
from mabeam.infra.jetstream.gets import Gets
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.replies import Lost, Unserved
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["Stored", "Transcript", "line_of", "stored", "transcribe"]

PAGE_MESSAGES: Final = 512
PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
_STATUS: Final = slice(9, 12)
_END: Final = frozenset({b"204", b"404"})
_OWN_FIELDS: Final = b"\r\nNats-Stream: "


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A message as it lies in the stream.

    Attributes:
        position: Its place.
        recorded_ns: When it was recorded, nanoseconds since 1970 UTC.
        subject: The subject it was published on.
        headers: Its header fields, without those that the server adds in answering.
        body: Its body.
    """

    position: int
    recorded_ns: int
    subject: str
    headers: bytes
    body: bytes


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    position: int
    recordedtime: str
    subject: str
    body: str | None = None
    body_base64: bytes | None = None


def line_of(message: Stored) -> bytes:
    """Write a message as one line of a transcript.

    The body stands in it as a JSON string, so that it keeps every byte; where it is no
    UTF-8 it stands as ``body_base64``.
    """
    recorded = instant_text(message.recorded_ns)
    try:
        text = message.body.decode()
    except UnicodeDecodeError:
        line = _Line(message.position, recorded, message.subject, None, message.body)
    else:
        line = _Line(message.position, recorded, message.subject, text)
    return msgspec.json.encode(line) + b"\n"


class Transcript:
    """The sum of a transcript.

    Attributes:
        messages: How many lines it has.
        first: Position of the first one, 0 if there is none.
        last: Position of the last one, 0 if there is none.
        tail: The last message, or None.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.first = 0
        self.tail: Stored | None = None
        self._digest = hashlib.sha256()

    @property
    def last(self) -> int:
        """Position of the last message, 0 if there is none."""
        return 0 if self.tail is None else self.tail.position

    @property
    def sha256(self) -> str:
        """SHA-256 of all its lines."""
        return self._digest.hexdigest()

    def add(self, message: Stored) -> bytes:
        """Add a message; return its line."""
        line = line_of(message)
        self._digest.update(line)
        self.messages += 1
        self.first = self.first or message.position
        self.tail = message
        return line


async def transcribe(
    api: Api,
    stream: str,
    until: int,
    *,
    write: Callable[[bytes], object] | None = None,
    reached: Callable[[int], None] | None = None,
) -> Transcript:
    """Read a stream up to a position and return the sum of its transcript.

    Args:
        api: The management interface.
        stream: Name of the stream.
        until: The last position.
        write: Takes the lines; None if only their sum is wanted.
        reached: Called with the position that was reached, page by page.

    Raises:
        StoreUnavailable: The server did not answer in time.
    """
    transcript = Transcript()
    async for page in stored(api, stream, until=until):
        lines = [transcript.add(message) for message in page]
        if write is not None:
            write(b"".join(lines))
        if reached is not None:
            reached(transcript.last)
    return transcript


async def stored(
    api: Api, stream: str, *, after: int = 0, until: int
) -> AsyncGenerator[list[Stored]]:
    """Read the messages behind a position and up to another, page by page.

    Positions at which there is nothing are left out. Any copy of the stream may answer; one
    that lags is waited for.

    Raises:
        StoreUnavailable: The server did not answer in time.
    """
    gets = Gets(api, stream)
    patience = Patience(api.deadline())
    while after < until:
        found = [
            message for message in await _page(api, stream, after) if message.position <= until
        ]
        if found:
            yield found
            after = found[-1].position
            patience = Patience(api.deadline())
            continue
        # Nothing more here, or a copy that has not got it yet: the leader knows.
        following = await gets.next(">", after)
        if following is None or following.seq > until:
            return
        if not await patience.pause():
            raise StoreUnavailable(f"{stream} cannot be read behind position {after} in time")


async def _page(api: Api, stream: str, after: int) -> list[Stored]:
    query = {"seq": after + 1, "batch": PAGE_MESSAGES, "max_bytes": PAGE_BYTES_MAX}
    payload = msgspec.json.encode(query)
    deadline = api.deadline()
    patience = Patience(deadline)
    while True:
        found: list[Stored] = []
        await api.connection.up(deadline)
        try:
            await api.connection.ask(
                f"$JS.API.DIRECT.GET.{stream}",
                payload,
                seconds=ATTEMPT_SECONDS * 5,
                collect=_Collector(found),
            )
        except (Lost, Unserved, Disconnected) as error:
            if not await patience.pause():
                raise StoreUnavailable(f"{stream} cannot be read in time") from error
        else:
            return found


class _Collector:
    """Turns the parts of a direct get's answer into messages."""

    def __init__(self, found: list[Stored]) -> None:
        self._found = found

    def __call__(self, headers: bytes, payload: bytes) -> bool:
        status = headers[_STATUS]
        if status in _END:
            return True
        if status.strip().isdigit():
            text = headers[9:].split(b"\r\n", 1)[0].decode("utf-8", "replace")
            raise StoreUnavailable(f"the log cannot be read: {text}")
        # The server's own fields stand last, so a publisher cannot forge them.
        own = headers.rindex(_OWN_FIELDS)
        fields = dict(line.split(b": ", 1) for line in headers[own + 2 : -4].split(b"\r\n"))
        self._found.append(
            Stored(
                int(fields[b"Nats-Sequence"]),
                instant_ns(fields[b"Nats-Time-Stamp"].decode()),
                fields[b"Nats-Subject"].decode(errors="replace"),
                headers[: own + 2],
                payload,
            )
        )
        return False
