"""Samples of payloads, made from their annotations alone: the same ones every time.

They are for golden files: what is on disk once must be read for ever. A sample shows every
field, also those that may be left out, and there is one for each alternative of a union.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from mabeam.core.events import Event

__all__ = ["samples", "unshown"]

_ANYTHING: Final[dict[type[inspect.Type], tuple[object, ...]]] = {
    inspect.AnyType: ("anything", "something"),
    inspect.BoolType: (True, False),
    inspect.DateTimeType: tuple(datetime(2026, 1, day, 3, 4, 5, tzinfo=UTC) for day in (2, 3)),
    inspect.DecimalType: (Decimal("1.5"), Decimal("2.5")),
}


def samples(struct: type[Event]) -> tuple[Event, ...]:
    """Return payloads of a class that together show all of its fields and alternatives.

    >>> from mabeam.core.auction import BidPlaced
    >>> samples(BidPlaced)
    (BidPlaced(amount=1, note='note'),)

    Raises:
        TypeError: A field is of a kind of which nothing can be made up, or asks of its value
            what cannot be guessed. Write a sample by hand.
    """
    return tuple(_values(inspect.type_info(struct), struct.__name__, msgspec.NODEFAULT, ()))


def unshown(struct: type[Event], known: Iterable[Event]) -> Iterator[tuple[str, Event]]:
    """Return samples of what none of the known payloads shows.

    Each comes with the first thing that it shows and no other does: the path of a field,
    with the alternative behind it if there are several.

    Raises:
        TypeError: As for `samples`.
    """
    node = inspect.type_info(struct)
    shown = [set(_places(node, event, "")) for event in known]
    seen = set[str]().union(*shown)
    for sample in samples(struct):
        places = [place for place in _places(node, sample, "") if place not in seen]
        if places or not shown:
            shown.append(set(places))
            seen.update(places)
            yield places[0] if places else "", sample


def _values(
    node: inspect.Type, name: str, default: object, within: tuple[type, ...]
) -> Iterator[Any]:
    """Return values of a type: the usual one first, then one for each other alternative.

    Args:
        node: The type.
        name: What a text of it says.
        default: What the value must not be, because it would not be written.
        within: The classes it is a part of; none of them is shown within itself.
    """
    match node:
        case inspect.StructType():
            if node.cls not in within:
                yield from _structs(node, (*within, node.cls))
        case inspect.UnionType(types=types):
            for part in types:
                if not isinstance(part, inspect.NoneType):
                    yield from _values(part, name, default, within)
        case inspect.DictType(key_type=keys, value_type=value):
            key = next(_values(keys, name, msgspec.NODEFAULT, within))
            found = [{key: one} for one in _values(value, name, msgspec.NODEFAULT, within)]
            yield from found or [{}]
        case inspect.VarTupleType(item_type=item, min_length=length):
            found = list(_values(item, name, msgspec.NODEFAULT, within))
            yield from [(one,) * (length or 1) for one in found] or [()]
        case _:
            for candidate in _candidates(node, name):
                if candidate != default:
                    yield candidate
                    return
            raise TypeError(f"no sample of {name} can be made up, which is {node}")


def _structs(node: inspect.StructType, within: tuple[type, ...]) -> Iterator[Any]:
    choices = {
        field.name: list(_values(field.type, field.name, _default(field), within))
        for field in node.fields
    }
    first = {name: values[0] for name, values in choices.items() if values}
    yield node.cls(**first)
    for name, values in choices.items():
        for other in values[1:]:
            yield node.cls(**first | {name: other})


def _candidates(node: inspect.Type, name: str) -> Iterator[object]:
    match node:
        case inspect.LiteralType(values=values):
            yield from values
        case inspect.IntType() | inspect.FloatType():
            yield from _numbers(node)
        case inspect.StrType():
            short, long = node.min_length or 0, node.max_length
            for text in (name, f"{name}-2"):
                fitting = text.ljust(short, "-")[:long]
                if node.pattern is None or re.search(node.pattern, fitting):
                    yield fitting
        case _:
            yield from _ANYTHING.get(type(node), ())


def _numbers(node: inspect.IntType | inspect.FloatType) -> Iterator[float]:
    edges = [edge for edge in (node.ge, node.gt, node.le, node.lt) if edge is not None]
    is_whole = isinstance(node, inspect.IntType)
    step = (node.multiple_of or 1) if is_whole else 0.5
    for start in (1, *edges, step) if is_whole else (1.5, *edges, sum(edges) / 2):
        for number in (start, start + step, start - step):
            if (
                (node.ge is None or number >= node.ge)
                and (node.gt is None or number > node.gt)
                and (node.le is None or number <= node.le)
                and (node.lt is None or number < node.lt)
                and (node.multiple_of is None or number % node.multiple_of == 0)
            ):
                yield number


def _places(node: inspect.Type, value: object, path: str) -> Iterator[str]:
    """Return what a value shows: the fields that it gives, and what it chooses of unions."""
    match node:
        case inspect.StructType(fields=fields):
            for field in fields:
                given = getattr(value, field.name)
                if given != _default(field):
                    place = f"{path}.{field.name}" if path else field.name
                    yield place
                    yield from _places(field.type, given, place)
        case inspect.UnionType(types=types):
            if not node.includes_none or len(types) > 2:  # noqa: PLR2004 - a type, or none
                yield f"{path}.{type(value).__name__}"
            for part in types:
                if _is_of(value, part):
                    yield from _places(part, value, path)
        case inspect.DictType(value_type=part) | inspect.VarTupleType(item_type=part):
            is_map = isinstance(value, dict)
            held = cast("dict[str, object]", value).values() if is_map else value
            for one in cast("Iterable[object]", held):
                yield from _places(part, one, path)
        case _:
            return


def _is_of(value: object, node: inspect.Type) -> bool:
    match node:
        case inspect.StructType(cls=cls):
            return isinstance(value, cls)
        case inspect.DictType():
            return isinstance(value, dict)
        case _:
            return isinstance(node, inspect.VarTupleType) and isinstance(value, tuple)


def _default(field: inspect.Field) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
