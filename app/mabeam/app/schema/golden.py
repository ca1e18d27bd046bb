"""Golden files: stored samples of events that are read for ever.

What is missing is derived from the types and written once. A file that exists is never
touched: it is what some log may hold. Whoever wants to change one wants the next version of
the type, and an upcaster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from mabeam.app.schema.entries import Entry, entries
from mabeam.core.actors import COORDINATOR_SOURCE
from mabeam.core.envelope import Envelope, Recorded, decode, encode, envelope_of, wire_subject
from mabeam.core.errors import CodecError, ConfigurationError, MabeamError, NotFound
from mabeam.core.events import Event
from mabeam.core.subjects import Boundary
from mabeam.core.testing import unshown

__all__ = ["grow", "missing", "read_golden", "unreadable"]

_SPACE: Final = "golden"
_SIZE_MAX: Final = 1_000_000


def grow(folder: Path, modules: Sequence[str] = ()) -> list[str]:
    """Write the golden files that are missing; return their names, sorted.

    Raises:
        OSError: The folder cannot be written.
        ConfigurationError: A sample cannot be made up; see `missing`.
    """
    files = missing(folder, modules)
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        with (folder / name).open("xb") as new:
            _ = new.write(body)
    return sorted(files)


def missing(folder: Path, modules: Sequence[str] = ()) -> dict[str, bytes]:
    """Return golden files of what none in a folder shows: a type, a field, an alternative.

    Raises:
        ConfigurationError: A sample cannot be made up. Write a golden file by hand.
    """
    known = {entry.name: entry for entry in entries(modules)}
    shown: dict[str, list[Event]] = {name: [] for name in known}
    for file in sorted(folder.glob("*.json")):
        recorded = read_golden(file)
        if recorded.type in shown and recorded.trouble is None:
            shown[recorded.type].append(recorded.data)
    found: dict[str, bytes] = {}
    for name, entry in known.items():
        has_first = (folder / f"{name}.json").exists()
        for place, sample in _unshown(entry, shown[name]):
            found[f"{name}+{place}.json" if has_first else f"{name}.json"] = _bytes(entry, sample)
            has_first = True
    return found


def _unshown(entry: Entry, shown: list[Event]) -> list[tuple[str, Event]]:
    try:
        return list(unshown(entry.struct, shown))
    except TypeError as error:
        advice = "write a golden file by hand that shows it"
        raise ConfigurationError(f"{entry.name}: {error}; {advice}") from error


def unreadable(folder: Path) -> Iterator[tuple[Path, str]]:
    """Return the golden files that cannot be read any more, and why.

    Raises:
        NotFound: There are none in the folder.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise NotFound(f"no golden files in {folder}; 'mabeam schema golden {folder}' writes them")
    for file in files:
        try:
            _ = read_golden(file).data
        except CodecError as error:
            yield file, str(error)


def read_golden(file: Path) -> Recorded:
    """Read a golden file as if it came from a log, at position 1."""
    body = file.read_bytes()
    try:
        subject = wire_subject(_SPACE, msgspec.json.decode(body, type=Envelope))
    except (msgspec.DecodeError, UnicodeDecodeError, MabeamError):
        # Whatever subject it is said to come from, the log would not understand it either.
        subject = _SPACE
    return decode(1, 0, subject, body)


def _bytes(entry: Entry, sample: Event) -> bytes:
    envelope = envelope_of(
        sample,
        Boundary(entry.kind, "golden"),
        source=COORDINATOR_SOURCE if entry.protocol_only else "/agents/golden",
        id="01890a5d-ac96-774b-bcce-b302099a8057",
        time="2026-01-02T03:04:05.678Z",
        correlation_id="run-1",
        causation_id="01890a5d-ac96-774b-bcce-b302099a8056",
        commit_id="01890a5d-ac96-774b-bcce-b302099a8055",
    )
    return encode(envelope, _SIZE_MAX)
