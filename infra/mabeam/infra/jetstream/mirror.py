"""A copy of a log on another server or cluster, kept current by the servers themselves.

A mirror has the same events at the same positions with the same record times. It takes none
of its own until it is promoted, which is for when the origin is lost.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mabeam.core.errors import ConfigurationError, NotFound, ReadOnly, StoreUnavailable
from mabeam.infra.jetstream.answers import StreamAnswer, StreamConfig
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.standing import change, closed_because, describe
from mabeam.infra.jetstream.topology import EVENT_BYTES_MAX, event_stream, stream_name

__all__ = ["Source", "mirror", "mirror_stream", "origin_head", "promote"]

ORIGIN_SECONDS: Final = 2.0
"""How long an origin may take to answer before it counts as out of reach."""


class _External(msgspec.Struct, frozen=True):
    api: str = "$JS.API"
    deliver: str = ""


class _Setting(msgspec.Struct, frozen=True):
    """Where a mirror gets its events from, as the server writes it."""

    name: str
    external: _External = _External()


class Source(msgspec.Struct, frozen=True):
    """Where a mirror gets its events from.

    Attributes:
        stream: Name of the stream there.
        api: Subject under which that place is managed, as it is seen from here:
            ``$JS.hub.API`` for the domain ``hub``, or what an account imports.
        deliver: Where that place sends the events to, if it must be other than usual.
    """

    stream: str
    api: str
    deliver: str = ""

    @classmethod
    def domain(cls, space: str, name: str) -> Source:
        """Return the log of a space in a JetStream domain."""
        return cls(stream_name(space), f"$JS.{name}.API")

    @classmethod
    def of(cls, setting: dict[str, Any]) -> Source:
        """Return what the setting of an existing mirror says."""
        found = msgspec.convert(setting, _Setting)
        return cls(found.name, found.external.api, found.external.deliver)

    @property
    def setting(self) -> dict[str, Any]:
        """The same as a stream's setting."""
        return {"name": self.stream, "external": {"api": self.api, "deliver": self.deliver}}


def mirror_stream(space: str, source: Source, *, replicas: int = 1) -> StreamConfig:
    """Declare a mirror of the log of a space."""
    return StreamConfig(
        name=stream_name(space),
        num_replicas=replicas,
        max_msg_size=EVENT_BYTES_MAX,
        allow_direct=True,
        deny_delete=True,
        deny_purge=True,
        mirror=source.setting,
    )


async def mirror(api: Api, space: str, source: Source, *, replicas: int = 1) -> None:
    """Begin to mirror the log of a space; where that is so already, do nothing.

    Raises:
        NotFound: The origin has no such space.
        StoreUnavailable: The origin is not to be reached from this server.
        ConfigurationError: This server has a log of that name already.
    """
    if await origin_head(api, source) is None:
        raise StoreUnavailable(f"nothing answers at {source.api}: no such domain is connected")
    try:
        present = (await describe(api, stream_name(space))).config
    except NotFound:
        pass
    else:
        if present.mirror is not None and Source.of(present.mirror) == source:
            return
        raise ConfigurationError(
            f"this server has a space {space!r} already, and it is no mirror of {source.api}"
        )
    wanted = msgspec.structs.asdict(mirror_stream(space, source, replicas=replicas))
    # The size of duplicates' memory is the origin's affair.
    body = {k: v for k, v in wanted.items() if v is not None and k != "duplicate_window"}
    answer = await api.request(f"STREAM.CREATE.{stream_name(space)}", body, StreamAnswer)
    if answer.error is not None:
        raise ConfigurationError(f"the server makes no mirror of {space!r}: {answer.error}")


async def origin_head(api: Api, source: Source) -> int | None:
    """Return the head of the log that a mirror copies, or None if it is out of reach.

    Raises:
        NotFound: The origin answers, and has no such space.
    """
    near = Api(api.connection, ORIGIN_SECONDS)
    try:
        return (await describe(near, source.stream, source.api)).state.last_seq
    except StoreUnavailable:
        return None


async def promote(api: Api, space: str) -> int:
    """Make a mirror the log itself, and return the position behind which it goes on.

    What the origin acknowledged and the mirror never got is lost to it. It is for when the
    origin is lost: both would give the same positions to other events.

    Raises:
        NotFound: There is no such space here.
        ReadOnly: It is an archive.
        ConfigurationError: The origin answers, or the server refuses.
        StoreUnavailable: The server did not answer in time. Try again.
    """
    stream = stream_name(space)
    present = await describe(api, stream)
    config = present.config
    if config.mirror is None:
        if closed := closed_because(config):
            raise ReadOnly(closed)
        return present.state.last_seq
    source = Source.of(config.mirror)
    try:
        head = await origin_head(api, source)
    except NotFound:
        head = None
    if head is not None:
        raise ConfigurationError(
            f"the origin of {space!r} answers, at position {head}: two logs of one name would "
            "come to differ. Cut it off for good first"
        )
    wanted = event_stream(space, replicas=config.num_replicas, max_bytes=config.max_bytes)
    declared = {k: v for k, v in msgspec.structs.asdict(wanted).items() if k != "mirror"}
    kept = {k: v for k, v in present.settings.items() if k != "mirror"}
    _ = await change(api, "UPDATE", stream, kept | declared)
    return (await describe(api, stream)).state.last_seq
