"""How a stream stands: who keeps it, how far its copies are, and whether it takes events."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from mabeam.core.errors import ConfigurationError, NotFound
from mabeam.core.subjects import check_space
from mabeam.infra.jetstream.answers import STREAM_NOT_FOUND, StreamAnswer, StreamConfig
from mabeam.infra.jetstream.api import Api

__all__ = [
    "Copy",
    "Keepers",
    "Origin",
    "Standing",
    "change",
    "closed_because",
    "restoring_subject",
    "stand",
]

_RESTORING: Final = "mabeam_restoring."


class Copy(msgspec.Struct, frozen=True):
    """A copy of a stream on a server that does not lead it.

    Attributes:
        name: Name of the server.
        current: Whether it has all that the leader has.
        offline: Whether it is not to be reached.
        lag: How many operations it is behind.
    """

    name: str
    current: bool = False
    offline: bool = False
    lag: int = 0


class Keepers(msgspec.Struct, frozen=True):
    """The servers that keep a stream.

    Attributes:
        leader: Name of the one that orders its messages; empty while there is none.
        replicas: The others.
    """

    leader: str = ""
    replicas: tuple[Copy, ...] = ()


class Origin(msgspec.Struct, frozen=True):
    """Where a mirror gets its messages from, as the server that has the mirror sees it.

    Attributes:
        name: Name of the stream there.
        lag: How many messages the mirror knew to be behind when it last heard.
        active: Nanoseconds since it heard from there; negative when it never has.
        external: How that place is reached if it is another; None for the same one.
    """

    name: str
    lag: int = 0
    active: int = -1
    external: dict[str, str] | None = None


class Standing(StreamAnswer):
    """A description of a stream with those who keep it."""

    cluster: Keepers | None = None
    mirror: Origin | None = None


def restoring_subject(space: str) -> str:
    """Return what a log listens to while it is being restored: nothing that anybody says."""
    return f"{_RESTORING}{check_space(space)}"


def closed_because(config: StreamConfig) -> str:
    """Say why a stream takes no events, or nothing if it takes them."""
    if config.sealed:
        return "it is an archive, sealed for ever"
    if config.mirror is not None:
        return f"it is a mirror of {config.mirror.get('name', '')}; write where that is kept"
    if any(subject.startswith(_RESTORING) for subject in config.subjects):
        return "it is being restored from a backup; 'mabeam log restore' carries that to its end"
    return ""


async def stand(api: Api, stream: str, prefix: str = "$JS.API") -> Standing:
    """Return what the server says of a stream.

    Args:
        api: The management interface.
        stream: Name of the stream.
        prefix: Where that interface is, if it is that of another domain or account.

    Raises:
        NotFound: There is no such stream.
        ConfigurationError: The server refuses to tell.
    """
    answer = await api.request(f"STREAM.INFO.{stream}", None, Standing, prefix=prefix)
    if answer.error is not None:
        if answer.error.err_code == STREAM_NOT_FOUND:
            raise NotFound(f"the server has no stream {stream}")
        raise ConfigurationError(f"stream {stream}: {answer.error}")
    return answer


async def change(
    api: Api, operation: str, stream: str, settings: dict[str, Any] | None
) -> StreamAnswer:
    """Update a stream to what its settings shall be, or delete it.

    Args:
        api: The management interface.
        operation: ``UPDATE`` or ``DELETE``.
        stream: Name of the stream.
        settings: All its settings, for an update.

    Raises:
        ConfigurationError: The server refuses.
        StoreUnavailable: The server did not answer in time.
    """
    answer = await api.request(f"STREAM.{operation}.{stream}", settings, StreamAnswer)
    if answer.error is not None:
        raise ConfigurationError(f"the server refuses {operation} of {stream}: {answer.error}")
    return answer
