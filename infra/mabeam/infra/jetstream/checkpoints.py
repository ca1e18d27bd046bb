"""Checkpoints of projections: the latest few of each, beside the log."""

from __future__ import annotations

from typing import Final

import msgspec
import structlog

from mabeam.core.errors import EventTooLarge, StoreUnavailable
from mabeam.core.ports import Checkpoint
from mabeam.core.subjects import escape
from mabeam.infra.jetstream.answers import Failure, StoredMessage, failure_of, final_error
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.gets import Gets
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.publisher import Message, Publisher
from mabeam.infra.jetstream.replies import Lost
from mabeam.infra.jetstream.topology import checkpoint_subject

__all__ = ["JetStreamCheckpoints"]

_log: Final = structlog.get_logger(__name__)
_decoder: Final = msgspec.msgpack.Decoder(Checkpoint)


class JetStreamCheckpoints:
    """The checkpoints of one space. Made by `mabeam.infra.jetstream.open_checkpoints`.

    Args:
        api: The management interface.
        space: Name of the space.
        stream: The stream that keeps them.
        limit: Bytes that an encoded checkpoint may have.
    """

    def __init__(self, api: Api, space: str, stream: str, limit: int) -> None:
        self._api = api
        self._prefix = checkpoint_subject(space)
        self._gets = Gets(api, stream)
        self._publisher = Publisher(api.connection)
        self._limit = limit

    async def load(
        self, projection: str, version: int, *, until: int | None = None
    ) -> Checkpoint | None:
        """Return the checkpoint saved last among those up to a position, or None.

        One that cannot be read is passed over, with a line in the log.
        """
        subject = self._subject(projection, version)
        last = await self._gets.last(subject)
        if last is None:
            return None
        found = _read(last)
        if found is not None and (until is None or found.position <= until):
            return found
        chosen: Checkpoint | None = None
        stored = await self._gets.next(subject, 0)
        while stored is not None and stored.seq < last.seq:
            found = _read(stored)
            if found is not None and (until is None or found.position <= until):
                chosen = found
            stored = await self._gets.next(subject, stored.seq)
        return chosen

    async def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and forget the oldest of this projection and version.

        Raises:
            EventTooLarge: The state exceeds what the store takes.
            StoreUnavailable: The log could not be reached in time; try again later.
        """
        body = msgspec.msgpack.encode(checkpoint)
        if len(body) > self._limit:
            raise EventTooLarge(len(body), self._limit)
        subject = self._subject(checkpoint.projection, checkpoint.version)
        message = Message(subject, b"", body)
        deadline = self._api.deadline()
        patience = Patience(deadline)
        while True:
            cause: Exception
            try:
                answer = await self._publisher.publish(message, deadline)
            except Lost as error:
                # To save it twice does no harm.
                cause = error
            else:
                if answer.error is None:
                    return
                if failure_of(answer.error) is not Failure.TRANSIENT:
                    raise final_error(answer.error, len(body), self._limit)
                cause = RuntimeError(str(answer.error))
            if not await patience.pause():
                raise StoreUnavailable("the checkpoint could not be saved in time") from cause

    def _subject(self, projection: str, version: int) -> str:
        return f"{self._prefix}.{escape(projection)}.{version}"


def _read(stored: StoredMessage) -> Checkpoint | None:
    try:
        return _decoder.decode(stored.data)
    except msgspec.DecodeError as error:
        _log.warning("no checkpoint; passed over", subject=stored.subject, error=str(error))
        return None
