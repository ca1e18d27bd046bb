"""Any state as plain JSON values, so that equal states look alike.

msgspec leaves defaults out of a struct where they are the very objects of its declaration,
so of two equal structs one may be written with a field and the other without. Here every
field is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

import msgspec
from immutables import Map

__all__ = ["fingerprint", "plain"]

_LEAVES: Final = frozenset({str, int, float, bool, type(None)})


def plain(state: object) -> Any:  # noqa: ANN401 - JSON is any
    """Return any state as plain JSON values, with all fields, maps in the order of their keys.

    Raises:
        NotImplementedError: It holds something that is neither a value nor made of values.
    """
    kind: type[Any] = type(state)
    if kind in _LEAVES:
        return state
    if kind is tuple or kind is list:
        return [plain(one) for one in cast("Iterable[object]", state)]
    if kind is Map or kind is dict:
        entries = cast("Mapping[str, object]", state).items()
        return {key: plain(value) for key, value in sorted(entries)}
    if kind is Decimal:
        return str(state)
    if not issubclass(kind, msgspec.Struct):
        return _foreign(state)
    shape = _shapes.get(kind)
    if shape is None:
        shape = _shapes[kind] = _shape_of(kind)
    shown: dict[str, Any] = {}
    for name, field in shape.fields:
        value = getattr(state, field)
        # Most fields are leaves; a call for each of them would cost most of the time.
        shown[name] = value if type(value) in _LEAVES else plain(value)
    return shown | shape.tag


def fingerprint(state: object) -> str:
    """Return the SHA-256 of a state's plain form: equal states give equal fingerprints."""
    canonical = msgspec.json.encode(plain(state), order="sorted")
    return hashlib.sha256(canonical).hexdigest()


class _Shape(NamedTuple):
    """The fields of a class, as they are shown and as they are had, and what tells it apart."""

    fields: tuple[tuple[str, str], ...]
    tag: dict[str, str | int]


_shapes: Final[dict[type[Any], _Shape]] = {}


def _foreign(state: object) -> object:
    """Write what only events of one's own hold, such as times, as it is written on the wire."""
    try:
        return msgspec.to_builtins(state, order="deterministic")
    except TypeError as error:
        raise NotImplementedError(f"{type(state).__name__} has no plain form") from error


def _shape_of(kind: type[msgspec.Struct]) -> _Shape:
    fields = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    field, tag = kind.__struct_config__.tag_field, kind.__struct_config__.tag
    return _Shape(tuple(sorted(fields)), {} if field is None or tag is None else {field: tag})
