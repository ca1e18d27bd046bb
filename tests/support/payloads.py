"""Random payloads of every event type, made from the annotations alone."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from mabeam.core.events import Event

__all__ = ["payloads"]

_WHOLE = st.integers(-(2**53), 2**53)
_REAL = st.floats(allow_nan=False, allow_infinity=False)
_DECIMAL = st.decimals(Decimal("-1e20"), Decimal("1e20"), allow_nan=False, allow_infinity=False)

_LEAVES: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.AnyType: st.none() | st.booleans() | _WHOLE | _REAL | st.text(max_size=5),
    inspect.BoolType: st.booleans(),
    inspect.DecimalType: _DECIMAL,
    inspect.FloatType: _REAL,
    inspect.IntType: _WHOLE,
    inspect.NoneType: st.none(),
    inspect.StrType: st.text(max_size=20),
}


@cache
def payloads(struct: type[Event]) -> st.SearchStrategy[Event]:
    """Return a strategy for instances of a class, with any of its optional fields given."""
    return _of(inspect.type_info(struct))


def _of(node: inspect.Type) -> st.SearchStrategy[Any]:
    match node:
        case inspect.StructType():
            return _struct(node.cls)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of, types))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.VarTupleType(item_type=item):
            return st.lists(_of(item), max_size=3).map(tuple)
        case inspect.DictType(value_type=value):
            return st.dictionaries(st.text(max_size=5), _of(value), max_size=3)
        case _:
            # A type that no event has had so far raises here, and wants a line above.
            return _LEAVES[type(node)]


@cache
def _struct(struct: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    # Deferred, because a composite type holds types.
    return st.deferred(lambda: _instances(struct))


@cache
def _instances(struct: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    needed = {field.name: _of(field.type) for field in info.fields if field.required}
    optional = {field.name: _of(field.type) for field in info.fields if not field.required}
    fields = st.fixed_dictionaries(needed, optional=optional)
    return fields.map(lambda given: struct(**given))
