"""The streams of a space, declared as data and applied as often as one likes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec
import structlog

from mabeam.core.errors import ConfigurationError, ReadOnly
from mabeam.core.subjects import check_space, subject_filter
from mabeam.infra.jetstream.answers import (
    STREAM_NOT_FOUND,
    TOO_FEW_SERVERS,
    StreamAnswer,
    StreamConfig,
)
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.patience import Patience
from mabeam.infra.jetstream.standing import closed_because

__all__ = [
    "Storage",
    "apply",
    "checkpoint_stream",
    "checkpoint_subject",
    "deviations",
    "event_stream",
    "stream_name",
]

EVENT_BYTES_MAX: Final = 1024 * 1024
DUPLICATE_WINDOW_SECONDS: Final = 600
PLACING_SECONDS: Final = 5.0
"""How long a cluster may take to find the servers for a new stream."""
CHECKPOINTS_KEPT: Final = 4
_NANO: Final = 1_000_000_000

Storage: TypeAlias = Literal["file", "memory"]
"""Where a server keeps a stream. What is in memory ends with the last server that has it."""

_log: Final = structlog.get_logger(__name__)

# Each of these would let a message vanish or change after it was acknowledged.
_FORBIDDEN: Final[dict[str, object]] = {
    "allow_rollup_hdrs": False,
    "allow_msg_schedules": False,
    "allow_msg_ttl": False,
    "allow_msg_counter": False,
    "max_age": 0,
    "max_msgs_per_subject": -1,
    "discard": "new",
    "sealed": False,
    "subject_transform": None,
    "mirror": None,
    "sources": None,
}
_UNCHANGEABLE: Final = ("storage", "retention")


def stream_name(space: str) -> str:
    """Return the name of the stream that is a space's log."""
    return f"mabeam_{check_space(space)}"


def event_stream(
    space: str, *, replicas: int = 1, max_bytes: int = -1, storage: Storage = "file"
) -> StreamConfig:
    """Declare the log of a space.

    Args:
        space: Name of the space.
        replicas: On how many servers each event is kept.
        max_bytes: Size at which the log refuses more; -1 for the size of the disk.
        storage: Where each of them keeps it.
    """
    return StreamConfig(
        name=stream_name(space),
        subjects=(subject_filter(space),),
        storage=storage,
        discard="new",
        num_replicas=replicas,
        max_bytes=max_bytes,
        max_msg_size=EVENT_BYTES_MAX,
        duplicate_window=DUPLICATE_WINDOW_SECONDS * _NANO,
        allow_atomic=True,
        allow_direct=True,
        deny_delete=True,
        deny_purge=True,
    )


def checkpoint_subject(space: str) -> str:
    """Return what the subjects of a space's checkpoints begin with; not a part of the log."""
    return f"mabeam_checkpoint.{check_space(space)}"


def checkpoint_stream(space: str, *, replicas: int = 1, storage: Storage = "file") -> StreamConfig:
    """Declare where the checkpoints of a space are kept: the latest few of each."""
    return StreamConfig(
        name=f"{stream_name(space)}_checkpoints",
        subjects=(f"{checkpoint_subject(space)}.>",),
        storage=storage,
        num_replicas=replicas,
        max_msgs_per_subject=CHECKPOINTS_KEPT,
        max_msg_size=EVENT_BYTES_MAX,
        # The shortest the server takes: checkpoints carry no message ids.
        duplicate_window=_NANO,
        allow_direct=True,
    )


async def apply(api: Api, wanted: StreamConfig, *, keep: Collection[str] = ()) -> StreamConfig:
    """Create a stream, or bring an existing one to what is wanted; return what it is then.

    Args:
        api: The management interface.
        wanted: What the stream should be.
        keep: Settings that an existing stream keeps, whatever they are.

    Raises:
        ReadOnly: It is an archive, a mirror or being restored, and stays as it is.
        ConfigurationError: The existing stream differs in something that cannot be
            changed, or would let acknowledged events vanish. Take another space, or
            another server.
        StoreUnavailable: The server did not answer in time.
        NotAuthorized: These credentials may not manage streams.
    """
    found = await api.request(f"STREAM.INFO.{wanted.name}", None, StreamAnswer)
    if found.error is None:
        return await _update(api, wanted, found, keep)
    if found.error.err_code != STREAM_NOT_FOUND:
        raise ConfigurationError(f"stream {wanted.name}: {found.error}")
    created = await _create(api, wanted)
    if created.error is None:
        _log.info("stream created", stream=wanted.name)
        return created.config
    # Another process may have been a moment faster.
    again = await api.request(f"STREAM.INFO.{wanted.name}", None, StreamAnswer)
    if again.error is not None:
        raise ConfigurationError(f"stream {wanted.name} cannot be created: {created.error}")
    return await _update(api, wanted, again, keep)


async def _create(api: Api, wanted: StreamConfig) -> StreamAnswer:
    """Create a stream; after the loss of a server, its cluster may first say it has too few."""
    patience = Patience(min(api.deadline(), asyncio.get_running_loop().time() + PLACING_SECONDS))
    while True:
        created = await api.request(f"STREAM.CREATE.{wanted.name}", _as_json(wanted), StreamAnswer)
        if created.error is None or created.error.err_code != TOO_FEW_SERVERS:
            return created
        if not await patience.pause():
            return created


def deviations(space: str, present: StreamConfig) -> Iterator[str]:
    """Say in what a space's stream is not what `event_stream` declares.

    Copies and size are the choice of whoever runs the server, and count as they are.
    """
    wanted = event_stream(space, replicas=present.num_replicas, max_bytes=present.max_bytes)
    faults = list(_faults(wanted, present))
    yield from faults
    for field, value in _changes(wanted, present, ()).items():
        if not any(fault.startswith(f"{field} ") for fault in faults):
            yield f"{field} {getattr(present, field)!r} instead of {value!r}"


async def _update(
    api: Api, wanted: StreamConfig, found: StreamAnswer, keep: Collection[str]
) -> StreamConfig:
    present = found.config
    closed = closed_because(present)
    if closed:
        raise ReadOnly(closed)
    faults = list(_faults(wanted, present))
    if faults:
        raise ConfigurationError(f"stream {wanted.name} exists with {', '.join(faults)}")
    changes = _changes(wanted, present, keep)
    if not changes:
        return present
    # Settings unknown here, such as compression or placement, stay as they are.
    merged = found.settings | changes
    answer = await api.request(f"STREAM.UPDATE.{wanted.name}", merged, StreamAnswer)
    if answer.error is not None:
        raise ConfigurationError(
            f"stream {wanted.name} cannot be changed to {changes}: {answer.error}"
        )
    _log.info("stream updated", stream=wanted.name, changed=sorted(changes))
    return answer.config


def _faults(wanted: StreamConfig, present: StreamConfig) -> Iterator[str]:
    """Say what in the present stream can or may not be mended by an update."""
    for field in _UNCHANGEABLE:
        if getattr(present, field) != getattr(wanted, field):
            yield f"{field} {getattr(present, field)!r} instead of {getattr(wanted, field)!r}"
    for field, harmless in _FORBIDDEN.items():
        value = getattr(present, field)
        # What is wanted itself takes another value there, so the present one can be mended.
        if value != harmless and getattr(wanted, field) == harmless:
            yield f"{field} set to {value!r}"


def _changes(wanted: StreamConfig, present: StreamConfig, keep: Collection[str]) -> dict[str, Any]:
    return {
        field: value
        for field, value in msgspec.structs.asdict(wanted).items()
        if field not in keep and value != getattr(present, field)
    }


def _as_json(config: StreamConfig) -> dict[str, Any]:
    return {
        field: value for field, value in msgspec.structs.asdict(config).items() if value is not None
    }
