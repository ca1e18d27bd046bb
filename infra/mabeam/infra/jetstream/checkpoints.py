"""Checkpoints of projections: the latest of each, beside the log."""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.core.errors import ConfigurationError, EventTooLarge, StoreUnavailable
from mabeam.core.ports import Checkpoint
from mabeam.core.subjects import escape
from mabeam.infra.jetstream.answers import Failure, failure_of, final_error
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.gets import Gets
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.publisher import Message, Publisher
from mabeam.infra.jetstream.replies import Lost
from mabeam.infra.jetstream.topology import checkpoint_subject

__all__ = ["JetStreamCheckpoints"]

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

    async def load(self, projection: str, version: int) -> Checkpoint | None:
        """Return the checkpoint saved last, or None."""
        stored = await self._gets.last(self._subject(projection, version))
        if stored is None:
            return None
        try:
            return _decoder.decode(stored.data)
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"{stored.subject} holds no checkpoint") from error

    async def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint of this projection and version.

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
