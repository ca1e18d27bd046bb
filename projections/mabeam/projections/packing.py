"""Any state as bytes and back, for checkpoints of states that are made of frozen structs.

What comes back equals what was written, or `unpack` refuses: it knows the code that wrote
the state by the fields of each class, and damage by a checksum. Only structs that this
process has loaded are made again, so bytes from elsewhere run no code.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from immutables import Map

from mabeam.core.errors import CodecError

__all__ = ["Packed"]

StateT = TypeVar("StateT")

_LEAVES: Final = frozenset({str, float, bool, type(None)})
_INT_BITS_MAX: Final = 63
_DIGEST_BYTES: Final = 16
_STATE_BYTES_MAX: Final = 1024 * 1024 * 1024
# What comes of bytes that nobody here has written.
_FAULTS: Final = (
    *(zlib.error, msgspec.MsgspecError, ValueError, LookupError, TypeError),
    *(AttributeError, ArithmeticError, RecursionError),
)
_TUPLE, _LIST, _MAP, _DICT, _DECIMAL, _INT, _STRUCT = range(7)


class _Document(msgspec.Struct, frozen=True, array_like=True):
    """A packed state.

    Attributes:
        classes: Module, name and fields of each class of which there is a struct.
        state: The state; whatever is no leaf is a list that begins with what it is.
    """

    classes: list[tuple[str, str, tuple[str, ...]]]
    state: Any


_decoder: Final = msgspec.msgpack.Decoder(_Document)


class Packed(Generic[StateT]):
    """Writes states of one class, compressed, and reads them back.

    Args:
        kind: The class of the state.
    """

    def __init__(self, kind: type[StateT]) -> None:
        self._kind = kind

    def encode(self, state: StateT) -> bytes:
        """Write a state.

        Raises:
            NotImplementedError: It holds something that is neither a value nor made of values.
        """
        packing = _Packing()
        packed = packing.pack(state)
        body = msgspec.msgpack.encode(_Document(packing.classes, packed))
        return _digest(body) + zlib.compress(body, 1)

    def decode(self, raw: bytes) -> StateT:
        """Read what `encode` wrote.

        Raises:
            CodecError: It is damaged, or other code wrote it. Fold from the beginning.
        """
        try:
            document = _decoder.decode(_body(raw))
            state = _unpack(document.state, [_struct(*known) for known in document.classes])
        except _FAULTS as error:
            raise CodecError(f"no state of {self._kind.__name__}: {error}") from error
        if not isinstance(state, self._kind):
            raise CodecError(f"a state of {type(state).__name__}, not {self._kind.__name__}")
        return state


class _Packing:
    """Numbers the classes of the structs met on the way."""

    def __init__(self) -> None:
        self.classes: list[tuple[str, str, tuple[str, ...]]] = []
        self._numbers: dict[type[Any], int] = {}

    def pack(self, state: object) -> Any:  # noqa: ANN401 - msgpack is any
        kind: type[Any] = type(state)
        if kind in _LEAVES:
            return state
        if kind is int:
            number = cast("int", state)
            return number if number.bit_length() <= _INT_BITS_MAX else [_INT, hex(number)]
        if kind is tuple or kind is list:
            parts = cast("Iterable[object]", state)
            return [_TUPLE if kind is tuple else _LIST, *map(self.pack, parts)]
        if kind is Map or kind is dict:
            entries = cast("Mapping[str, object]", state).items()
            packed = [part for key, value in sorted(entries) for part in (key, self.pack(value))]
            return [_MAP if kind is Map else _DICT, *packed]
        if kind is Decimal:
            return [_DECIMAL, str(state)]
        number = self._number(kind)
        fields: tuple[str, ...] = kind.__struct_fields__
        return [_STRUCT, number, *(self.pack(getattr(state, field)) for field in fields)]

    def _number(self, kind: type[Any]) -> int:
        number = self._numbers.get(kind)
        if number is None:
            if not issubclass(kind, msgspec.Struct):
                raise NotImplementedError(f"{kind.__name__} has no packed form")
            number = self._numbers[kind] = len(self.classes)
            self.classes.append((kind.__module__, kind.__qualname__, kind.__struct_fields__))
        return number


def _unpack(packed: object, classes: list[type[msgspec.Struct]]) -> Any:  # noqa: ANN401 - msgpack is any
    form: type[Any] = type(packed)
    if form is not list:
        return packed
    what, *parts = cast("list[Any]", packed)
    if what == _STRUCT:
        number: int = parts[0]
        kind = classes[number]
        values = (_unpack(value, classes) for value in parts[1:])
        return kind(**dict(zip(kind.__struct_fields__, values, strict=True)))
    if what in (_TUPLE, _LIST):
        unpacked = [_unpack(part, classes) for part in parts]
        return tuple(unpacked) if what == _TUPLE else unpacked
    if what in (_MAP, _DICT):
        values = (_unpack(value, classes) for value in parts[1::2])
        entries = dict(zip(parts[::2], values, strict=True))
        return Map(entries) if what == _MAP else entries
    return Decimal(parts[0]) if what == _DECIMAL else int(parts[0], 16)


def _struct(module: str, name: str, fields: tuple[str, ...]) -> type[msgspec.Struct]:
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    if not (isinstance(found, type) and issubclass(found, msgspec.Struct)):
        raise TypeError(f"{module} has no struct {name}")
    if found.__struct_fields__ != fields:
        raise ValueError(f"{name} has other fields now")
    return found


def _body(raw: bytes) -> bytes:
    body = zlib.decompressobj().decompress(raw[_DIGEST_BYTES:], _STATE_BYTES_MAX)
    if _digest(body) != raw[:_DIGEST_BYTES]:
        raise ValueError("the checksum differs")
    return body


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
