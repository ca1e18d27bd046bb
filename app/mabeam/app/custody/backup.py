"""Backup and restore of a space, to and from a folder of files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from mabeam.app.custody.files import (
    EVENTS,
    IMAGE,
    Manifest,
    new_file,
    read_manifest,
    seal,
    unfinished,
)
from mabeam.app.replaying import folded
from mabeam.core.errors import ConfigurationError
from mabeam.infra.jetstream import Connection, open_store
from mabeam.infra.jetstream.answers import instant_text
from mabeam.infra.jetstream.api import Api
from mabeam.infra.jetstream.backup import Sum, Taken, put_back, take
from mabeam.infra.jetstream.inspection import server_version
from mabeam.infra.jetstream.topology import stream_name
from mabeam.infra.jetstream.transcript import transcribe
from mabeam.projections.world import WORLD, fingerprint

__all__ = ["Manifest", "back_up", "export", "restore"]

Reached = Callable[[int], None]
"""Called with the position that was reached, page by page."""

FOLD: Final = f"{WORLD.name} {WORLD.version}"


async def back_up(
    connection: Connection, space: str, folder: Path, reached: Reached | None = None
) -> Manifest:
    """Write everything of a space into a new folder; return what the folder holds.

    The space may be in use; the backup is consistent up to the position it names. What stands
    behind that is left to the next one. Checkpoints are not part of it: they only shorten the
    next start, and are made again.

    Args:
        connection: Where the space is.
        space: Its name.
        folder: Where to; there must be nothing of that name. It appears when it is whole.
        reached: Told of the progress.

    Raises:
        NotFound: There is no such space.
        ConfigurationError: There is something of the folder's name, or the server gives out
            no images, as for a space that is kept in memory.
        StoreUnavailable: The server did not answer in time.
    """
    store = await open_store(connection, space, create=False)
    with unfinished(folder) as place:
        now_ns = await store.now_ns()
        with (place / IMAGE).open("wb") as image, (place / EVENTS).open("wb") as events:
            taken = await take(Api(connection), space, image, events, reached)
        world = await folded(store, taken.sum.last)
        manifest = Manifest(
            space=space,
            first=taken.sum.first,
            last=taken.sum.last,
            events=taken.sum.events,
            sha256=taken.sum.sha256,
            fingerprint=fingerprint(world),
            fold=FOLD,
            taken=instant_text(now_ns),
            server=server_version(connection),
            mabeam=version("mabeam"),
            settings=taken.settings,
            state=taken.state,
        )
        await asyncio.to_thread(seal, place, manifest)
    return manifest


async def restore(
    connection: Connection,
    folder: Path,
    *,
    space: str | None = None,
    replicas: int | None = None,
    reached: Reached | None = None,
) -> tuple[Manifest, str]:
    """Make a space of a backup; return what was restored and the fingerprint of its state.

    Every event is read again and compared with the backup before anyone can write to the
    space. A restore that was broken off leaves a space that takes no events; the next one
    begins anew.

    Args:
        connection: Where to.
        folder: The backup.
        space: Name of the space, to make sure that it is the one meant; None for whichever.
        replicas: Copies in a cluster; None for as many as it had.
        reached: Told of the progress.

    Raises:
        BackupDamaged: The files are not what was backed up.
        ConfigurationError: There is a space of that name already, the backup is of another
            space than the one named, or the server cannot keep so many copies.
        StoreUnavailable: The server did not answer in time. Try again.
    """
    manifest = await asyncio.to_thread(read_manifest, folder)
    if space not in {None, manifest.space}:
        raise ConfigurationError(
            f"{folder} is a backup of {manifest.space!r} and cannot be restored as {space!r}: "
            "the name stands in the subject of every event"
        )
    total = Sum(manifest.first, manifest.last, manifest.events, manifest.sha256)
    taken = Taken(total, manifest.settings, manifest.state)
    await put_back(
        Api(connection),
        manifest.space,
        taken,
        folder / IMAGE,
        replicas=replicas,
        reached=reached,
    )
    store = await open_store(connection, manifest.space, create=False)
    return manifest, fingerprint(await folded(store, manifest.last))


async def export(
    connection: Connection, space: str, file: Path, reached: Reached | None = None
) -> Sum:
    """Write the transcript of a space into a new file; return what it comes to.

    It is the ``events.jsonl`` of a backup alone: for people and other tools.

    Raises:
        NotFound: There is no such space.
        ConfigurationError: There is something of the file's name.
        StoreUnavailable: The server did not answer in time.
    """
    store = await open_store(connection, space, create=False)
    until = await store.head()
    with new_file(file) as lines:
        api = Api(connection)
        stream = stream_name(space)
        transcript = await transcribe(api, stream, until, write=lines.write, reached=reached)
    return Sum(transcript.first, transcript.last, transcript.messages, transcript.sha256)
