"""Decisions with one thing changed, each of which a certificate must give away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from mabeam.core.errors import Rejected
from mabeam.core.session import Decision, Hearing, Opening, Protocol

__all__ = ["corruptions", "refuses_corruptions"]


def corruptions(value: object) -> Iterator[object]:
    """Yield values that differ from one in a single place, at any depth."""
    match value:
        case tuple():
            yield from _in_tuple(cast("tuple[object, ...]", value))
        case msgspec.Struct():
            for field in value.__struct_fields__:
                for changed in (*corruptions(getattr(value, field)), *_filled(value, field)):
                    yield msgspec.structs.replace(value, **{field: changed})
        case dict():
            yield {**value, "more": 1}
        case _:
            yield from _OTHERS[type(value)](value)


_OTHERS: Final[dict[type, Callable[[Any], Sequence[object]]]] = {
    bool: lambda value: (not value,),
    int: lambda value: (value + 1, value - 1),
    str: lambda value: (f"{value}1", *([""] if value else [])),
    Decimal: lambda value: (value + 1, None),
    type(None): lambda _: (Decimal(99),),
}


def _in_tuple(value: tuple[object, ...]) -> Iterator[object]:
    # What an empty one may hold, only its struct knows.
    if value:
        yield value[1:]
        yield value[:-1]
        yield (*value, value[0])
    for place, part in enumerate(value):
        for changed in corruptions(part):
            yield (*value[:place], changed, *value[place + 1 :])


def _filled(value: msgspec.Struct, field: str) -> Iterator[object]:
    """Yield a tuple of one thing in place of an empty one."""
    if getattr(value, field) == ():
        info = inspect.type_info(type(value))
        assert isinstance(info, inspect.StructType)
        (found,) = (one.type for one in info.fields if one.name == field)
        assert isinstance(found, inspect.VarTupleType)
        yield (_sample(found.item_type),)


def _sample(node: inspect.Type) -> object:
    match node:
        case inspect.StructType(cls=cls, fields=fields):
            return cls(*(_sample(field.type) for field in fields))
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.StrType():
            return "more"
        case inspect.VarTupleType():
            return ()
        case inspect.UnionType() | inspect.IntType():
            return 1
        case _:
            assert isinstance(node, inspect.BoolType), node
            return True


def refuses_corruptions(
    protocol: Protocol[Opening], hearing: Hearing[Opening], decision: Decision
) -> int:
    """Let the certificate refuse every corruption of a decision; return how many there were."""
    protocol.verify(hearing, decision)
    count = 0
    for corrupted in corruptions(decision):
        assert isinstance(corrupted, Decision)
        try:
            protocol.verify(hearing, corrupted)
        except Rejected:
            count += 1
        else:
            raise AssertionError(f"not refused: {corrupted}")
    return count
