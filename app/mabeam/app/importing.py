"""Imports: the events of a file recorded in a space, each once, however often it is tried.

The server knows a repeated event again for ten minutes only. A progress file beside the
input therefore says up to where everything is recorded, and behind which position of the log
the rest must stand: after a crash, what the log has there is compared with the events that
may have been under way. Memory is bounded by one chunk of events.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from mabeam.app.bulk import append_all
from mabeam.core.envelope import Envelope
from mabeam.core.errors import ConfigurationError, MabeamError, Rejected
from mabeam.core.ports import EventStore, Write

__all__ = ["CHUNK_EVENTS", "Imported", "import_file", "progress_file"]

CHUNK_EVENTS: Final = 10_000
"""Events that are recorded before the progress file is written anew."""

_BLOCK_BYTES: Final = 1 << 20
_SHOWN_MAX: Final = 80

Parse = Callable[[bytes], Envelope]
"""Makes an event of a line, or raises what is wrong with it."""

Line = tuple[bytes, Envelope]


class Imported(msgspec.Struct, frozen=True):
    """What an import came to.

    Attributes:
        events: How many events the file has.
        recorded: How many of them this import recorded.
        present: How many an earlier import, one that was broken off, had recorded.
    """

    events: int
    recorded: int
    present: int


class _Progress(msgspec.Struct, frozen=True):
    """How far an import has come.

    Attributes:
        events: How many events are recorded for certain.
        offset: Bytes of the file that they take.
        digest: SHA-256 of these bytes.
        position: None of the other events stands up to this position.
        chunk: How many of the others may be recorded already.
    """

    events: int
    offset: int
    digest: str
    position: int
    chunk: int


def progress_file(path: Path, space: str) -> Path:
    """Return the file that remembers how far the import of a file into a space has come."""
    return path.with_name(f"{path.name}.{space}.imported")


async def import_file(
    store: EventStore,
    path: Path,
    parse: Parse,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    chunk_events: int = CHUNK_EVENTS,
) -> Imported:
    """Record the events of a file, one a line; go on where an earlier import was broken off.

    The file is checked to its end before anything is recorded. Events of one entity are
    recorded in their order, others side by side.

    Args:
        store: The log.
        path: The file. No two of its events have the same id.
        parse: Makes an event of a line.
        on_progress: Called with how many events are done and how many there are.
        chunk_events: After how many events the progress is written down.

    Raises:
        Rejected: A line is no event that can be recorded. Nothing was recorded by this import.
        ConfigurationError: The file is not the one that the import was begun with, or another
            process imports it now.
        StoreError: The log takes no more. The same import again goes on from there.
    """
    beside = progress_file(path, store.space)
    with path.open("rb") as file:
        _lock(file, path)
        begun = _load(beside)
        if begun is None:
            nothing = hashlib.sha256().hexdigest()
            begun = _Progress(0, 0, nothing, await store.head(), chunk_events)
        digest = _passed(file, begun, beside)
        total = begun.events + sum(1 for _ in _lines(file, parse, begun.events))
        _save(beside, begun)
        file.seek(begun.offset)
        lines = _lines(file, parse, begun.events)

        done, recorded = begun, 0
        chunk = list(itertools.islice(lines, begun.chunk))
        there = await _present(store, chunk, begun.position)
        present = len(there)
        while chunk:
            wanted = [event for _, event in chunk if _mark(event) not in there]
            before = begun.events + present + recorded
            position = await _record(store, wanted, lambda now: on_progress(now, total), before)
            recorded += len(wanted)
            for raw, _ in chunk:
                digest.update(raw)
            done = _Progress(
                done.events + len(chunk),
                done.offset + sum(len(raw) for raw, _ in chunk),
                digest.hexdigest(),
                # Nothing is under way now, so what follows will stand behind this.
                max(position, done.position),
                chunk_events,
            )
            _save(beside, done)
            there = frozenset[Mark]()
            chunk = list(itertools.islice(lines, chunk_events))
        return Imported(total, recorded, begun.events + present)


async def _record(
    store: EventStore, events: Sequence[Envelope], on_done: Callable[[int], None], before: int
) -> int:
    """Record what can be recorded; return the last position of any, 0 if there is none."""
    position, done = 0, before
    failure: MabeamError | None = None
    # Heard to the end, so that nothing is under way when this has ended.
    async for outcome in append_all(store, [Write((event,)) for event in events]):
        failure = failure or outcome.error
        if outcome.position is not None:
            position = max(position, outcome.position)
            done += 1
            on_done(done)
    if failure is not None:
        raise failure
    return position


Mark = tuple[str, str, str]


def _mark(event: Envelope) -> Mark:
    return event.id, event.subject, event.source


async def _present(store: EventStore, chunk: Sequence[Line], after: int) -> frozenset[Mark]:
    """Return which of these events stand in the log behind a position."""
    wanted = {_mark(event) for _, event in chunk}
    found: set[Mark] = set()
    async for page in store.read(after=after):
        found.update(mark for one in page if (mark := _mark(one.envelope)) in wanted)
    return frozenset(found)


def _lines(file: IO[bytes], parse: Parse, before: int) -> Iterator[Line]:
    """Read the lines from here on, of which so many stand before."""
    for number, raw in enumerate(file, start=before + 1):
        try:
            yield raw, parse(raw)
        except MabeamError as error:
            raise Rejected(
                "import.line",
                str(error),
                field=f"line {number}",
                value=raw[:_SHOWN_MAX].decode(errors="replace").rstrip(),
                allowed="an event as a CloudEvent in JSON",
            ) from error


def _passed(file: IO[bytes], begun: _Progress, beside: Path) -> Any:  # noqa: ANN401 - hashlib names no type
    """Read past what is recorded for certain; return the digest of it."""
    digest = hashlib.sha256()
    left = begun.offset
    while left and (block := file.read(min(left, _BLOCK_BYTES))):
        digest.update(block)
        left -= len(block)
    if digest.hexdigest() != begun.digest:
        raise ConfigurationError(
            f"the first {begun.events:,} lines differ from those that {beside} says are recorded; "
            "give the same file again, or remove that one to begin anew"
        )
    return digest


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(f"another process imports {path} now") from error


def _load(beside: Path) -> _Progress | None:
    try:
        return msgspec.json.decode(beside.read_bytes(), type=_Progress)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{beside} does not say how far an import has come; remove it to begin anew"
        ) from error


def _save(beside: Path, progress: _Progress) -> None:
    """Replace the progress file so that the older one can never come back."""
    fresh = beside.with_name(f"{beside.name}.new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.encode(progress))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(beside)
    folder = os.open(beside.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
