"""Decisions with one thing changed, each of which a certificate must give away."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from msgspec import inspect

from mabeam.core.errors import Rejected
from mabeam.core.session import Decision, Hearing, Opening, Protocol

__all__ = ["corruptions", "refuses_corruptions"]


def corruptions(value: object) -> Iterator[object]:
    """Yield values that differ from one in a single place, at any depth."""
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            yield value - 1
        case str():
            yield f"{value}1"
            if value:
                yield ""
        case Decimal():
            yield value + 1
            yield None
        case None:
            yield Decimal(99)
        case tuple():
            if value:
                yield value[1:]
                yield value[:-1]
                yield (*value, value[0])
                for place, part in enumerate(value):
                    for changed in corruptions(part):
                        yield (*value[:place], changed, *value[place + 1 :])
            # What an empty one may hold, only its struct knows.
        case msgspec.Struct():
            for field in value.__struct_fields__:
                for changed in (*corruptions(getattr(value, field)), *_filled(value, field)):
                    yield msgspec.structs.replace(value, **{field: changed})
        case _:
            assert isinstance(value, dict)
            yield {**value, "more": 1}


def _filled(value: msgspec.Struct, field: str) -> Iterator[object]:
    """Yield a tuple of one thing in place of an empty one."""
    if getattr(value, field) == ():
        (found,) = (one for one in inspect.type_info(type(value)).fields if one.name == field)  # type: ignore[union-attr]  # it is a struct
        yield (_sample(found.type.item_type),)


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
        with pytest.raises(Rejected):
            protocol.verify(hearing, corrupted)
            pytest.fail(f"not refused: {corrupted}")
        count += 1
    return count
