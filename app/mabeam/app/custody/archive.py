"""A finished space, sealed for ever."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mabeam.app.replaying import folded
from mabeam.core.errors import Rejected
from mabeam.infra.jetstream import Connection, open_store
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.archive import seal
from mabeam.infra.jetstream.topology import stream_name
from mabeam.infra.jetstream.transcript import transcribe
from mabeam.projections.world import World, fingerprint

__all__ = ["Archived", "archive"]

_SHOWN_MAX = 5


class Archived(msgspec.Struct, frozen=True):
    """What an archive comes to.

    Attributes:
        space: Name of the space.
        last: Position of its last event, for ever.
        events: How many events it has.
        sha256: SHA-256 of its transcript.
        fingerprint: SHA-256 of the state that the events fold to.
    """

    space: str
    last: int
    events: int
    sha256: str
    fingerprint: str


async def archive(
    connection: Connection, space: str, reached: Callable[[int], None] | None = None
) -> Archived:
    """Seal a space whose sessions have all ended; return what it comes to.

    Sealing is one step of the server, so there is nothing that a crash could leave half done.
    Done again, it returns the same.

    Args:
        connection: Where the space is.
        space: Its name.
        reached: Called with the position that was read, page by page.

    Raises:
        NotFound: There is no such space.
        Rejected: Sessions have not ended, and nobody could end them then.
        ReadOnly: It is a mirror, or being restored.
        StoreUnavailable: The server did not answer in time. Try again.
    """
    api = Api(connection)
    store = await open_store(connection, space, create=False)
    _check_finished(await folded(store))
    last = (await seal(api, space)).state.last_seq
    transcript = await transcribe(api, stream_name(space), last, reached=reached)
    world = await folded(store, last)
    return Archived(space, last, transcript.messages, transcript.sha256, fingerprint(world))


def _check_finished(world: World) -> None:
    unfinished = sorted(
        name
        for name, session in world.sessions.items()
        if session.state.phase not in {"unopened", "ended"}
    )
    if unfinished:
        more = ", …" if len(unfinished) > _SHOWN_MAX else ""
        raise Rejected(
            "archive.unfinished",
            f"{len(unfinished):,} sessions have not ended",
            field="sessions",
            value=", ".join(unfinished[:_SHOWN_MAX]) + more,
            allowed="a space all of whose sessions have ended",
        )
