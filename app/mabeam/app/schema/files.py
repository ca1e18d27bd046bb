"""The files that `mabeam schema export` writes, as a pure function, and their writing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mabeam.app.schema import documents
from mabeam.app.schema.asyncapi import asyncapi
from mabeam.app.schema.entries import entries
from mabeam.app.schema.shapes import Json, Shapes
from mabeam.app.schema.stream import stream_facts
from mabeam.core.events import replaced

__all__ = ["check", "export", "files"]


def files(modules: Sequence[str] = ()) -> dict[str, str]:
    """Return the text of every file by its path below the folder of schemas.

    The same version of mabeam gives the same bytes, on every machine:

    - ``envelope.json``: what every event meets.
    - ``payloads/<type>.json``: what an event of the type has in ``data``.
    - ``events/<type>.json``: a whole event of the type.
    - ``asyncapi.json``: subjects, messages and operations.

    Args:
        modules: Names of modules with further types; see `entries`.
    """
    known = entries(modules)
    shapes = Shapes((entry.struct for entry in known), documents.LOCAL)
    found = {
        "asyncapi.json": asyncapi(known, stream_facts()),
        "envelope.json": documents.envelope(),
    }
    for entry in known:
        found[f"events/{entry.name}.json"] = documents.event(entry, shapes)
        found[f"payloads/{entry.name}.json"] = documents.payload(entry, shapes)
    return {path: _text(document) for path, document in sorted(found.items())}


def export(directory: Path, modules: Sequence[str] = ()) -> list[str]:
    """Bring a folder to what `files` returns; return the paths that were changed, sorted.

    Files that are current are left alone, also those of old types that are read as newer
    ones, because logs go on holding them; schemas of types that are gone are removed. The
    folder is made if it is not there, and nothing else in it is touched.

    Raises:
        OSError: The folder cannot be read or written. Name another one.
    """
    wanted = files(modules)
    stale = check(directory, modules)
    for path in stale:
        target = directory / path
        if path in wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            _ = target.write_text(wanted[path], encoding="utf-8")
        else:
            target.unlink()
    return stale


def check(directory: Path, modules: Sequence[str] = ()) -> list[str]:
    """Return the paths that `export` would change in a folder, sorted; none if it is current.

    Raises:
        OSError: A file in the folder cannot be read.
    """
    wanted = files(modules)
    old = replaced()
    stale = {path for path, text in wanted.items() if _read(directory / path) != text}
    left_over = {
        path.relative_to(directory).as_posix()
        for folder in ("events", "payloads")
        for path in (directory / folder).glob("*.json")
        if path.stem not in old
    }
    return sorted(stale | (left_over - wanted.keys()))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _text(document: Json) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
