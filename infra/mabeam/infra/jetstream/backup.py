"""Taking a whole log out of a server, and putting it back at the same positions.

A restored log listens to nothing that anybody says until every message of it has been read
again and found to be the one that was backed up. So a restore that is broken off anywhere
leaves a log that nobody could write to, and that the next restore replaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import structlog

from mabeam.core.errors import BackupDamaged, ConfigurationError, NotFound, StoreUnavailable
from mabeam.infra.jetstream.answers import StreamConfig
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.image import CHUNK_BYTES, download, upload
from mabeam.infra.jetstream.standing import change, describe, restoring_subject
from mabeam.infra.jetstream.topology import event_stream, stream_name
from mabeam.infra.jetstream.transcript import Transcript, transcribe

__all__ = ["Sum", "Taken", "put_back", "take"]

ATTEMPTS: Final = 5
_COMMIT: Final = b"\r\nNats-Batch-Commit: "
_BATCH: Final = b"\r\nNats-Batch-Id: "

_log: Final = structlog.get_logger(__name__)


class Sum(msgspec.Struct, frozen=True):
    """What a log comes to.

    Attributes:
        first: Position of the first event, 0 if there is none.
        last: Position of the last one.
        events: How many there are.
        sha256: SHA-256 of its transcript, see `mabeam.infra.jetstream.transcript`.
    """

    first: int
    last: int
    events: int
    sha256: str


class Taken(msgspec.Struct, frozen=True):
    """A log that was taken out.

    Attributes:
        sum: What it comes to.
        settings: The settings of its stream.
        state: What the server said of its image.
    """

    sum: Sum
    settings: dict[str, Any]
    state: dict[str, Any]


async def take(
    api: Api,
    space: str,
    image: BinaryIO,
    events: BinaryIO,
    reached: Callable[[int], None] | None = None,
) -> Taken:
    """Write the server's image of a log and its transcript, both up to the same position.

    The log may grow meanwhile; what comes behind that position is left to the next backup.

    Args:
        api: The management interface.
        space: Name of the space.
        image: File for the image.
        events: File for the transcript.
        reached: Called with the position that was read, page by page.

    Raises:
        NotFound: There is no such space.
        StoreUnavailable: The server did not answer in time, or fell silent half-way.
        ConfigurationError: The server gives out no images.
    """
    stream = stream_name(space)
    await describe(api, stream)
    for _ in range(ATTEMPTS):
        for file in (image, events):
            file.seek(0)
            file.truncate()
        taken = await download(api, stream, image.write)
        until = taken.state.last_seq
        transcript = await transcribe(api, stream, until, write=events.write, reached=reached)
        if not _is_torn(transcript):
            return Taken(_sum(transcript), taken.settings, taken.raw_state)
        # The image was made while an append of several events was being written.
        _log.info("backing up anew", space=space, position=until)
    raise StoreUnavailable(f"the log of {space} is written to without a pause; try again")


async def put_back(  # noqa: PLR0913 - what, whence, how and what it must come to
    api: Api,
    space: str,
    taken: Taken,
    image: Path,
    *,
    replicas: int | None = None,
    reached: Callable[[int], None] | None = None,
) -> StreamConfig:
    """Make a space of what was taken out, verify it, and only then let anyone write to it.

    Args:
        api: The management interface.
        space: Name of the space.
        taken: What was taken out, and what it must come to.
        image: File with the image.
        replicas: On how many servers each event is kept; None for as many as before.
        reached: Called with the position that was verified, page by page.

    Raises:
        ConfigurationError: There is a space of that name, or the server refuses the image.
        BackupDamaged: The image does not hold what the transcript says. Nothing is left of it.
        StoreUnavailable: The server did not answer in time. Try again.
    """
    stream = stream_name(space)
    await _clear(api, space)
    settings = _settings(space, taken.settings, replicas)
    hidden = settings | {"subjects": [restoring_subject(space)], "sealed": False}
    await upload(api, stream, hidden, taken.state, _chunks(image))
    found = await describe(api, stream)
    transcript = await transcribe(api, stream, found.state.last_seq, reached=reached)
    if _sum(transcript) != taken.sum:
        _ = await change(api, "DELETE", stream, None)
        detail = f"holds {_said(_sum(transcript))}, and not {_said(taken.sum)}"
        raise BackupDamaged(str(image), detail)
    opened = found.settings | {"subjects": settings["subjects"]}
    answer = await change(api, "UPDATE", stream, opened)
    if taken.settings.get("sealed"):
        answer = await change(api, "UPDATE", stream, answer.settings | {"sealed": True})
    return answer.config


async def _clear(api: Api, space: str) -> None:
    """See that there is no such space, and take away what a broken restore has left."""
    stream = stream_name(space)
    try:
        found = await describe(api, stream)
    except NotFound:
        return
    if found.config.subjects != (restoring_subject(space),):
        raise ConfigurationError(
            f"the server has a space {space!r} already, and nothing is ever written over; "
            "restore onto another server"
        )
    _log.info("taking away an unfinished restore", space=space)
    _ = await change(api, "DELETE", stream, None)


def _settings(space: str, settings: dict[str, Any], replicas: int | None) -> dict[str, Any]:
    """Return the settings of the restored stream: a log of its own, whatever it was."""
    copies = replicas or int(settings.get("num_replicas", 1))
    wanted = event_stream(space, replicas=copies, max_bytes=settings.get("max_bytes", -1))
    declared = {
        field: value
        for field, value in msgspec.structs.asdict(wanted).items()
        if value is not None and field != "storage"
    }
    kept = {field: value for field, value in settings.items() if field != "mirror"}
    return kept | declared | {"subjects": list(wanted.subjects)}


def _chunks(image: Path) -> Iterator[bytes]:
    with image.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sum(transcript: Transcript) -> Sum:
    return Sum(transcript.first, transcript.last, transcript.messages, transcript.sha256)


def _said(total: Sum) -> str:
    return f"{total.events:,} events up to position {total.last:,} with sum {total.sha256[:12]}"


def _is_torn(transcript: Transcript) -> bool:
    """Tell whether a transcript ends within an append of several events."""
    tail = transcript.tail
    return tail is not None and _BATCH in tail.headers and _COMMIT not in tail.headers
