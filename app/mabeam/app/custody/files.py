"""The files of a backup, and how anyone can tell that they are whole.

A backup is a folder. ``events.jsonl`` is its transcript, one line for each event, for
people and other tools; ``stream.image`` is the server's own image, from which it is restored;
``manifest.json`` says what both hold. ``SHA256SUMS`` has the sums of all three, in the form that
``sha256sum --check SHA256SUMS`` reads.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from mabeam.core.errors import BackupDamaged, ConfigurationError

__all__ = [
    "EVENTS",
    "IMAGE",
    "MANIFEST",
    "Manifest",
    "new_file",
    "read_manifest",
    "seal",
    "unfinished",
]

EVENTS: Final = "events.jsonl"
IMAGE: Final = "stream.image"
MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
FORMAT: Final = 1
_FILES: Final = (EVENTS, IMAGE, MANIFEST)
_BLOCK_BYTES: Final = 1 << 20


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        format: Of the backup, 1.
        space: Name of the space. The subjects of its events have it in them, so it cannot be
            restored under another.
        first: Position of the first event, 0 if there is none.
        last: Position of the last event.
        events: How many events there are.
        sha256: SHA-256 of the transcript.
        fingerprint: SHA-256 of the state that the events fold to.
        fold: Name and version of that fold.
        taken: When, by the server's clock, RFC 3339.
        server: Version of the server.
        mabeam: Version of mabeam.
        settings: The settings of the stream.
        state: What the server said of its image.
    """

    format: int = FORMAT
    space: str
    first: int
    last: int
    events: int
    sha256: str
    fingerprint: str
    fold: str
    taken: str
    server: str
    mabeam: str
    settings: dict[str, Any]
    state: dict[str, Any]


@contextmanager
def unfinished(target: Path) -> Generator[Path]:
    """Make a folder that takes its name only when everything in it is written and on the disk.

    Args:
        target: That name; there must be nothing of it.

    Raises:
        ConfigurationError: There is something of that name already.
    """
    _check_free(target)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            _to_disk(path)
        folder.rename(target)
        _to_disk(target.parent)
    except BaseException:
        shutil.rmtree(folder)
        raise


@contextmanager
def new_file(target: Path) -> Generator[BinaryIO]:
    """Open a file that takes its name only when all of it is written and on the disk.

    Args:
        target: That name; there must be nothing of it.

    Raises:
        ConfigurationError: There is something of that name already.
    """
    _check_free(target)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        _to_disk(Path(name))
        Path(name).rename(target)
        _to_disk(target.parent)
    except BaseException:
        Path(name).unlink()
        raise


def _check_free(target: Path) -> None:
    if target.exists():
        raise ConfigurationError(f"{target} exists already, and nothing is ever written over")
    target.parent.mkdir(parents=True, exist_ok=True)


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and the sums."""
    text = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))
    _ = (folder / MANIFEST).write_bytes(text + b"\n")
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in _FILES]
    _ = (folder / SUMS).write_text("".join(lines), "ascii")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup whose files are whole.

    Raises:
        BackupDamaged: A file is missing or is not what was written.
        ConfigurationError: It was written by a later version of mabeam.
    """
    for name in (*_FILES, SUMS):
        if not (folder / name).is_file():
            raise BackupDamaged(str(folder), f"is no whole backup, it has no {name}")
    _check_sums(folder)
    raw = (folder / MANIFEST).read_bytes()
    try:
        version = msgspec.json.decode(raw, type=_Versioned).format
        if version == FORMAT:
            return msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupDamaged(str(folder / MANIFEST), str(error)) from error
    raise ConfigurationError(
        f"{folder} has format {version}, this version of mabeam reads {FORMAT}: take a later one"
    )


class _Versioned(msgspec.Struct):
    format: int


def _check_sums(folder: Path) -> None:
    try:
        lines = (folder / SUMS).read_text("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise BackupDamaged(str(folder / SUMS), "is no list of sums") from error
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in _FILES:
        if name not in sums:
            raise BackupDamaged(str(folder / SUMS), f"has no sum for {name}")
        found = _sha256(folder / name)
        if found != sums[name]:
            detail = f"SHA-256 is {found[:12]}…, not {sums[name][:12]}… as in {SUMS}"
            raise BackupDamaged(str(folder / name), detail)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
