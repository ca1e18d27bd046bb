"""How a stream stands: who keeps it, how far its copies are, and whether it takes events."""

from __future__ import annotations

from typing import Any, Final

from mabeam.core.errors import ConfigurationError, NotFound
from mabeam.core.subjects import check_space
from mabeam.infra.jetstream.answers import STREAM_NOT_FOUND, StreamAnswer, StreamConfig
from mabeam.infra.jetstream.api import Api

__all__ = [
    "change",
    "closed_because",
    "describe",
    "restoring_subject",
]

_RESTORING: Final = "mabeam_restoring."


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


async def describe(api: Api, stream: str, prefix: str = "$JS.API") -> StreamAnswer:
    """Return what the server says of a stream.

    Args:
        api: The management interface.
        stream: Name of the stream.
        prefix: Where that interface is, if it is that of another domain or account.

    Raises:
        NotFound: There is no such stream. Create it with `mabeam.infra.jetstream.topology.apply`.
        ConfigurationError: The server refuses to tell.
    """
    answer = await api.request(f"STREAM.INFO.{stream}", None, StreamAnswer, prefix=prefix)
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
