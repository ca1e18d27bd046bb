"""Can everything that may be recorded still be read, and does it still mean the same?

The registered types are compared with those of a former state, of which a folder of
exported schemas tells, and with the golden files. What broke is listed with what to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from mabeam.app.schema import documents
from mabeam.app.schema.differences import Difference, differences
from mabeam.app.schema.entries import Entry, entries
from mabeam.app.schema.golden import unreadable
from mabeam.app.schema.shapes import Json, Shapes
from mabeam.core.errors import MalformedEvent
from mabeam.core.events import registered, replaced

__all__ = ["Change", "changes", "unreadable_changes"]

_FOLDER: Final = "events"
_ATTRIBUTES: Final = ("subject", "source")
_ANY_SOURCE: Final = str(documents.attributes()["properties"]["source"]["pattern"])


class Change(msgspec.Struct, frozen=True):
    """One thing about a type that is no longer as it was.

    Attributes:
        type: Name of the type.
        field: The path of the field, or the attribute of the event; empty for the type itself.
        change: What became of it.
        old: How it was.
        new: How it is.
        is_breaking: Whether recorded events are read no more, or would mean something else.
        advice: What to do; empty if nothing.
    """

    type: str
    field: str
    change: str
    old: str
    new: str
    is_breaking: bool
    advice: str


def changes(folder: Path, modules: Sequence[str] = ()) -> list[Change]:
    """Compare the types with exported schemas, type by type.

    Args:
        folder: Where `export` wrote them; without any, all types are new.
        modules: Names of modules with further types; see `entries`.

    Raises:
        MalformedEvent: One of them is no JSON Schema of an event.
    """
    known = {entry.name: entry for entry in entries(modules)}
    former = {path.stem: path for path in sorted((folder / _FOLDER).glob("*.json"))}
    found = [
        _change(name, Difference("", "added", "not registered", "registered"))
        for name in known.keys() - former
    ]
    shapes = Shapes((entry.struct for entry in known.values()), documents.LOCAL)
    for name, path in former.items():
        old = _read(path)
        if name in known:
            found += _altered(known[name], old, documents.event(known[name], shapes))
        else:
            found += _gone(name, _attribute(old, "subject"))
    return sorted(found, key=lambda one: (not one.is_breaking, one.type, one.field, one.change))


def unreadable_changes(folder: Path) -> list[Change]:
    """Return what golden files can be read no more.

    Raises:
        NotFound: No golden files are in the folder.
    """
    return [
        _change(
            file.stem.partition("+")[0], Difference("", "unreadable", file.name, why), _UNREADABLE
        )
        for file, why in unreadable(folder)
    ]


_UNREADABLE: Final = "a golden file is never changed: repair the type, or register an upcaster"


def _read(path: Path) -> Json:
    try:
        document: Json = json.loads(path.read_bytes())
        _ = document["properties"]["data"], *(_attribute(document, one) for one in _ATTRIBUTES)
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedEvent(f"{path} is no JSON Schema of an event: {error!r}") from error
    return document


def _altered(entry: Entry, old: Json, new: Json) -> Iterator[Change]:
    found = list(differences(old, new))
    for attribute in _ATTRIBUTES:
        was, now = _attribute(old, attribute), _attribute(new, attribute)
        if was != now:
            is_wider = attribute == "source" and now == _ANY_SOURCE
            found.append(Difference(attribute, "widened" if is_wider else "retyped", was, now))
    renamed = _renamed(found)
    for one in found:
        yield _change(entry.name, one, _advice(entry.name, one, renamed))


def _change(name: str, found: Difference, advice: str = "") -> Change:
    is_breaking = found.is_breaking
    return Change(name, found.field, found.change, found.old, found.new, is_breaking, advice)


def _gone(name: str, subject: str) -> Iterator[Change]:
    """Say of a type that is not registered any more whether its events are read."""
    if name not in replaced():
        advice = (
            f"keep it, or say how it is read: replace_type({name!r}, ...), "
            f"@splitter({name!r}, ...) or retire({name!r})"
        )
        yield _change(name, Difference("", "removed", "registered", "not registered"), advice)
        return
    kinds = {known.name: known.kind for known in registered()}
    ends = sorted(_ends(name))
    unknown = [end for end in ends if end not in kinds]
    if unknown:
        text = ", ".join(unknown)
        advice = f"register {text}, or say how it is read in its turn"
        yield _change(name, Difference("", "leads nowhere", "registered", text), advice)
    for end in ends:
        now = f"^{kinds[end]}/.+$" if end in kinds else subject
        if now != subject:
            advice = "its events stay with entities of their kind: read it as a type of that kind"
            yield _change(name, Difference("subject", "retyped", subject, now), advice)
    yield _change(name, Difference("", "replaced", "registered", ", ".join(ends) or "nothing"))


def _ends(name: str) -> set[str]:
    reading = replaced().get(name)
    return {name} if reading is None else set[str]().union(*map(_ends, reading.types))


def _renamed(found: Sequence[Difference]) -> dict[str, str]:
    """Return the new name of a field that went while another one like it came."""
    lost = [one.field for one in found if one.change == "removed"]
    come = [one.field for one in found if one.change.startswith("added")]
    is_one = len(lost) == len(come) == 1
    return {lost[0]: come[0]} if is_one else {}


def _advice(name: str, one: Difference, renamed: dict[str, str]) -> str:
    if not one.is_breaking:
        return "" if one.change == "added" else _WIDER
    if not one.field.startswith("data."):
        return f"restore it, or register another type beside {name}"
    stem, _, version = name.rpartition(".v")
    later = f"{stem}.v{int(version) + 1}"
    first = "give it a default" if one.new == "required" else "restore it"
    if "[]" in one.field or "{}" in one.field:
        return f"{first}, or register {later} and an @upcaster({name!r}, {later!r})"
    step = _step(one, renamed)
    return f"{first}, or register {later} and replace_type({name!r}, {later!r}, {step})"


_WIDER: Final = "update all readers before any writer makes use of it"


def _step(one: Difference, renamed: dict[str, str]) -> str:
    """Return the step by which the change would be borne."""
    field = one.field.removeprefix("data.")
    match one.change:
        case "removed" if one.field in renamed:
            return f"rename({field!r}, {renamed[one.field].removeprefix('data.')!r})"
        case "removed":
            return f"drop({field!r}, older=...)"
        case "added, required" | "made required":
            return f"default({field!r}, ...)"
        case "another default":
            return f"default({field!r}, {json.loads(one.old.removeprefix('default '))!r})"
        case _:
            return f"change({field!r}, ...)"


def _attribute(document: Json, name: str) -> str:
    return str(document["properties"][name]["pattern"])
