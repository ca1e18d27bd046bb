"""The server's own image of a stream: what it gives out to be kept, and takes to restore.

An image has every message with its position, record time and headers. Its form is the
server's affair; https://github.com/nats-io/nats-architecture-and-design and the command
``nats stream backup`` use the same requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from mabeam.core.errors import ConfigurationError, StoreUnavailable
from mabeam.infra.jetstream.answers import Answer, StreamState
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.replies import Lost, Unserved
from mabeam.infra.jetstream.wire import Disconnected

__all__ = ["CHUNK_BYTES", "Image", "download", "upload"]

CHUNK_BYTES: Final = 128 * 1024
SILENCE_SECONDS_MAX: Final = 20.0
RESTORE_SECONDS_MAX: Final = 120.0
_STATUS: Final = slice(9, 12)
_WHOLE: Final = b"204"


class Image(Answer):
    """What an image shows.

    Attributes:
        settings: All settings of the stream.
        state: How full it was.
        raw_state: The same as the server wrote it; it wants it back.
    """

    settings: dict[str, Any] = msgspec.field(name="config", default_factory=dict)
    raw_state: dict[str, Any] = msgspec.field(name="state", default_factory=dict)

    @property
    def state(self) -> StreamState:
        """How full the stream was."""
        return msgspec.convert(self.raw_state, StreamState)


class _Target(Answer):
    deliver_subject: str = ""


async def download(api: Api, stream: str, write: Callable[[bytes], object]) -> Image:
    """Have the server give out the image of a stream, as of a position it chooses.

    Args:
        api: The management interface.
        stream: Name of the stream.
        write: Takes the parts of the image in order.

    Raises:
        ConfigurationError: The server refuses.
        StoreUnavailable: The connection was lost, or the server fell silent half-way; what was
            written so far is of no use.
    """
    receipt = _Receipt(api, write)
    try:
        request = {
            "deliver_subject": receipt.subject,
            "no_consumers": True,
            "chunk_size": CHUNK_BYTES,
        }
        # Asked once: the parts of two images would come in mixed.
        subject = f"$JS.API.STREAM.SNAPSHOT.{stream}"
        answer = await _ask(api, subject, msgspec.json.encode(request))
        image = msgspec.json.decode(answer, type=Image)
        if image.error is not None:
            raise ConfigurationError(f"the server gives no image of {stream}: {image.error}")
        await receipt.whole()
    finally:
        receipt.close()
    return image


class _Receipt:
    """Takes an image as it comes in."""

    def __init__(self, api: Api, write: Callable[[bytes], object]) -> None:
        self._wire = api.connection.wire
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self.subject = self._wire.new_inbox()
        self._sid = self._wire.tap(self.subject, self._arrived)
        self._forget = api.connection.on_return(self._cut)
        self._heard = self._loop.time()

    async def whole(self) -> None:
        """Wait for the last part."""
        while not self._end.done():
            silent = self._loop.time() - self._heard
            if silent > SILENCE_SECONDS_MAX:
                raise StoreUnavailable("the server fell silent in the middle of an image")
            await asyncio.wait({self._end}, timeout=SILENCE_SECONDS_MAX - silent + 0.1)
        self._end.result()

    def close(self) -> None:
        """Hear nothing more."""
        self._wire.untap(self._sid)
        self._forget()
        self._end.cancel()

    def _arrived(self, _subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        self._heard = self._loop.time()
        if self._end.done():
            return
        if payload:
            try:
                self._write(payload)
                if reply:
                    # The server sends no more than some parts ahead of these.
                    self._wire.send(reply, b"", b"", b"")
            except (OSError, Disconnected) as error:
                self._end.set_exception(error)
        elif not headers or headers[_STATUS] == _WHOLE:
            self._end.set_result(None)
        else:
            text = headers[9:].split(b"\r\n", 1)[0].decode("utf-8", "replace")
            self._end.set_exception(StoreUnavailable(f"the server broke off the image: {text}"))

    def _cut(self) -> None:
        if not self._end.done():
            text = "the connection was lost in the middle of an image"
            self._end.set_exception(StoreUnavailable(text))


async def upload(
    api: Api,
    stream: str,
    settings: dict[str, Any],
    state: dict[str, Any],
    chunks: Iterable[bytes],
) -> None:
    """Have the server make a stream of an image.

    The server makes it as a whole or not at all.

    Args:
        api: The management interface.
        stream: Name of the stream; there must be none of that name.
        settings: Its settings; they may be others than those of the image.
        state: As `download` returned it.
        chunks: The parts of the image.

    Raises:
        ConfigurationError: The server refuses: the name is taken, the image is damaged, or it
            cannot keep so many copies.
        StoreUnavailable: The server did not answer in time.
    """
    request = {"config": settings, "state": state}
    # Asked once: a second request would find the name taken by the first.
    subject = f"$JS.API.STREAM.RESTORE.{stream}"
    answer = await _ask(api, subject, msgspec.json.encode(request))
    target = msgspec.json.decode(answer, type=_Target)
    _check(target, stream)
    for chunk in chunks:
        answer = await _ask(api, target.deliver_subject, chunk)
        if answer:
            # Nothing is said of a part that was taken.
            _check(msgspec.json.decode(answer, type=Answer), stream)
            raise ConfigurationError(f"the server ended the restoring of {stream} early")
    end = await _ask(api, target.deliver_subject, b"")
    _check(msgspec.json.decode(end, type=Answer), stream)


async def _ask(api: Api, subject: str, payload: bytes) -> bytes:
    try:
        return await api.connection.ask(subject, payload, seconds=RESTORE_SECONDS_MAX)
    except (Lost, Unserved, Disconnected) as error:
        raise StoreUnavailable("the server did not answer in time") from error


def _check(answer: Answer, stream: str) -> None:
    if answer.error is not None:
        raise ConfigurationError(f"the server does not restore {stream}: {answer.error}")
