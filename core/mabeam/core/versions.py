"""How an old event is read today, and how a new one is written for those who know the old.

An old type has no struct any more: it is known by what it became. Most changes are made of
steps, each of which says both directions:

    replace_type("team.moved.v1", "team.moved.v2", rename("where", "place"), default("speed", 1))

What steps cannot say is a function: an `upcaster`, a `downcaster`, and for an event that is
several today a `splitter`. Versions may follow upon each other. All of it is pure and works
on fields as they are on the wire, where a field that has its default is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import msgspec

from mabeam.core.events import Downcast, Fields, Reading, register_older, register_reading

__all__ = [
    "Step",
    "Upcast",
    "change",
    "default",
    "derive",
    "downcaster",
    "drop",
    "merge",
    "rename",
    "replace_type",
    "retire",
    "split",
    "splitter",
    "upcaster",
]

Upcast: TypeAlias = Callable[[Fields], Fields]
Split: TypeAlias = Callable[[Fields], Iterable[tuple[str, Fields]]]


@dataclass(frozen=True, slots=True)
class Step:
    """One difference between two versions.

    Attributes:
        up: From the older fields to the newer ones. It may change what it is given.
        down: The other way round; None if there is none.
    """

    up: Upcast
    down: Downcast | None = None


def replace_type(old: str, new: str, *steps: Step) -> None:
    """Read an old type as a newer one, which may have another name.

    Where all steps have a way back, the newer type can be written as the old one, too.

    Raises:
        ValueError: As for `upcaster`.
    """
    upcaster(old, new)(lambda fields: reduce(lambda found, step: step.up(found), steps, fields))
    down = [step.down for step in reversed(steps) if step.down is not None]
    if len(down) == len(steps):
        downcaster(new, old)(lambda fields: reduce(lambda found, back: back(found), down, fields))


def upcaster(old: str, new: str) -> Callable[[Upcast], Upcast]:
    """Register how the fields of an old type become those of a newer one.

    Chains are followed: v1 to v2 to v3. The function gets a dictionary of its own. Several
    old types may become the same new one.

    Raises:
        ValueError: A name is malformed, the old type has a struct still, or the chain would
            end where it begins. Correct the source.
    """

    def register(function: Upcast) -> Upcast:
        register_reading(old, Reading((new,), lambda fields: ((new, function(fields)),)))
        return function

    return register


def splitter(old: str, *new: str) -> Callable[[Split], Split]:
    """Register how one old event becomes several new ones, each a pair of type and fields.

    All of them belong to the entity of the old one, and stand at its position; see
    `Recorded.parts`. There may be none of a type, or several.

    Raises:
        ValueError: As for `upcaster`.
    """

    def register(function: Split) -> Split:
        register_reading(old, Reading(new, function))
        return function

    return register


def retire(old: str) -> None:
    """Read an old type as nothing: its events stay in the log and count for nothing.

    Raises:
        ValueError: As for `upcaster`.
    """
    splitter(old)(lambda _fields: ())


def downcaster(new: str, old: str) -> Callable[[Downcast], Downcast]:
    """Register how the fields of a type become those of an older one; see `write_as`.

    Chains are followed. The function gets a dictionary of its own.
    """

    def register(function: Downcast) -> Downcast:
        register_older(new, old, function)
        return function

    return register


def rename(old: str, new: str) -> Step:
    """Give a field another name, or move it: `rename("place", "at.place")`."""
    return Step(lambda fields: _move(fields, old, new), lambda fields: _move(fields, new, old))


def default(field: str, value: object) -> Step:
    """Give older events a value for a field that they lack.

    On the way down it stays where it is: readers of the older version ignore what they do
    not know, and those of the newer one get it back.
    """
    return derive(field, lambda _fields: deepcopy(value))


def derive(field: str, function: Callable[[Fields], object]) -> Step:
    """Make the value of a field that older events lack out of their other fields."""

    def up(fields: Fields) -> Fields:
        if _found(fields, field) is msgspec.UNSET:
            _put(fields, field, function(fields))
        return fields

    return Step(up, lambda fields: fields)


def drop(field: str, *, older: object = msgspec.UNSET) -> Step:
    """Take a field away.

    Args:
        field: Its name.
        older: What readers of the older version are given for it; if they can do without,
            leave it out only when nobody is to write the older version.
    """

    def up(fields: Fields) -> Fields:
        _take(fields, field)
        return fields

    def down(fields: Fields) -> Fields:
        _put(fields, field, older)
        return fields

    return Step(up, None if older is msgspec.UNSET else down)


def change(
    field: str, up: Callable[[Any], object], down: Callable[[Any], object] | None = None
) -> Step:
    """Say the value of a field otherwise: in another type, unit or range."""
    return Step(
        lambda fields: _change(fields, field, up),
        None if down is None else lambda fields: _change(fields, field, down),
    )


def split(
    field: str,
    into: Sequence[str],
    apart: Callable[[Any], Iterable[object]],
    together: Callable[..., object] | None = None,
) -> Step:
    """Make several fields of one.

    Args:
        field: The older field.
        into: The newer ones.
        apart: From its value to theirs, in order.
        together: From their values to its; None if nobody is to write the older version.
    """
    return Step(
        lambda fields: _split(fields, field, into, apart),
        None if together is None else lambda fields: _merge(fields, into, field, together),
    )


def merge(
    fields: Sequence[str],
    into: str,
    together: Callable[..., object],
    apart: Callable[[Any], Iterable[object]] | None = None,
) -> Step:
    """Make one field of several. Those that may be left out need a `default` before.

    Args:
        fields: The older fields.
        into: The newer one.
        together: From their values to its.
        apart: From its value to theirs, in order; None if nobody is to write the older version.
    """
    return Step(
        lambda found: _merge(found, fields, into, together),
        None if apart is None else lambda found: _split(found, into, fields, apart),
    )


def _move(fields: Fields, source: str, target: str) -> Fields:
    value = _take(fields, source)
    if value is not msgspec.UNSET:
        _put(fields, target, value)
    return fields


def _change(fields: Fields, field: str, function: Callable[[Any], object]) -> Fields:
    value = _take(fields, field)
    if value is not msgspec.UNSET:
        _put(fields, field, function(value))
    return fields


def _split(
    fields: Fields, field: str, into: Sequence[str], apart: Callable[[Any], Iterable[object]]
) -> Fields:
    value = _take(fields, field)
    if value is not msgspec.UNSET:
        for name, part in zip(into, apart(value), strict=True):
            _put(fields, name, part)
    return fields


def _merge(
    fields: Fields, sources: Sequence[str], into: str, together: Callable[..., object]
) -> Fields:
    values = [_take(fields, source) for source in sources]
    given = [value for value in values if value is not msgspec.UNSET]
    if len(given) == len(values):
        _put(fields, into, together(*values))
    elif given:
        missing = [
            name for name, value in zip(sources, values, strict=True) if value is msgspec.UNSET
        ]
        raise ValueError(f"{into} is made of {', '.join(sources)}; missing: {', '.join(missing)}")
    return fields


def _found(fields: Fields, path: str) -> object:
    *folders, name = path.split(".")
    for folder in folders:
        fields = fields.get(folder, {})
    return fields.get(name, msgspec.UNSET)


def _take(fields: Fields, path: str) -> object:
    """Remove what stands at a path, and return it or `UNSET`."""
    *folders, name = path.split(".")
    for folder in folders:
        fields = fields.get(folder, {})
    return fields.pop(name, msgspec.UNSET)


def _put(fields: Fields, path: str, value: object) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        fields = fields.setdefault(folder, {})
    fields[name] = value
