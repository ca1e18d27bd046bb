"""All the checkpoints of a space, whichever projections they belong to."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from mabeam.core.errors import NotFound
from mabeam.core.ports import Checkpoint
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.standing import describe
from mabeam.infra.jetstream.topology import checkpoint_stream
from mabeam.infra.jetstream.transcript import stored

__all__ = ["saved"]


async def saved(api: Api, space: str) -> AsyncGenerator[tuple[str, Checkpoint | None]]:
    """Return each checkpoint with its subject; None for what cannot be read as one.

    Raises:
        StoreUnavailable: The server did not answer in time.
    """
    stream = checkpoint_stream(space).name
    try:
        head = (await describe(api, stream)).state.last_seq
    except NotFound:
        return
    async for page in stored(api, stream, until=head):
        for message in page:
            try:
                checkpoint = msgspec.msgpack.decode(message.body, type=Checkpoint)
            except msgspec.DecodeError:
                yield message.subject, None
            else:
                yield message.subject, checkpoint
