"""Plain data against the structs they should become: the first fault, with its place.

msgspec says that something does not fit; a person who writes a file by hand also wants to
know what would.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeGuard

import msgspec
from msgspec import inspect

__all__ = ["Fault", "choice_faults", "faults", "in_words"]


class Fault(msgspec.Struct, frozen=True):
    """Something that does not fit.

    Attributes:
        detail: What is wrong.
        field: Where, such as ``steps[2].bidders``.
        value: What stands there.
        allowed: What may stand there.
    """

    detail: str
    field: str
    value: object
    allowed: str


def faults(data: Any, struct: type[msgspec.Struct]) -> Iterator[Fault]:  # noqa: ANN401 - data are any
    """Say what keeps data from becoming a struct, in the order of the data."""
    yield from _faults(data, inspect.type_info(struct), "")


def choice_faults(
    data: Any,  # noqa: ANN401 - data are any
    choices: Mapping[str, type[msgspec.Struct]],
    tag_field: str,
    field: str,
) -> Iterator[Fault]:
    """Say what keeps data from becoming one of several structs, which a field of it names."""
    if not _is_table(data):
        yield Fault("does not fit", field, data, "a table")
        return
    place, name = _within(field, tag_field), data.get(tag_field)
    if name is None:
        yield Fault("missing field", place, "", ", ".join(choices))
    elif name not in choices:
        yield Fault("no such choice", place, name, _nearest_first(str(name), choices))
    else:
        yield from _faults(data, inspect.type_info(choices[name]), field)


def _faults(data: Any, wanted: inspect.Type, field: str) -> Iterator[Fault]:  # noqa: ANN401 - data are any
    match wanted:
        case inspect.StructType():
            yield from _struct_faults(data, wanted, field)
        case inspect.UnionType():
            yield from _union_faults(data, wanted, field)
        case inspect.DictType():
            if not _is_table(data):
                yield _misfit(data, wanted, field)
                return
            for name, value in data.items():
                yield from _faults(value, wanted.value_type, _within(field, name))
        case inspect.VarTupleType():
            if not _is_list(data):
                yield _misfit(data, wanted, field)
                return
            for index, value in enumerate(data):
                yield from _faults(value, wanted.item_type, f"{field}[{index}]")
        case _:
            if not _fits(data, wanted):
                yield _misfit(data, wanted, field)


def _is_table(data: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(data, dict)


def _is_list(data: object) -> TypeGuard[list[Any]]:
    return isinstance(data, list)


def _struct_faults(data: Any, wanted: inspect.StructType, field: str) -> Iterator[Fault]:  # noqa: ANN401 - data are any
    if not _is_table(data):
        yield _misfit(data, wanted, field)
        return
    known = {part.encode_name: part for part in wanted.fields}
    names = [*([wanted.tag_field] if wanted.tag_field else []), *known]
    for name, value in data.items():
        place = _within(field, name)
        if name == wanted.tag_field:
            if value != wanted.tag:
                yield Fault("no such choice", place, value, str(wanted.tag))
        elif name in known:
            yield from _faults(value, known[name].type, place)
        else:
            yield Fault("unknown field", place, value, _nearest_first(name, names))
    for name, part in known.items():
        if part.required and name not in data:
            yield Fault("missing field", _within(field, name), "", in_words(part.type))
    if wanted.tag_field and wanted.tag_field not in data:
        yield Fault("missing field", _within(field, wanted.tag_field), "", str(wanted.tag))


def _union_faults(data: Any, wanted: inspect.UnionType, field: str) -> Iterator[Fault]:  # noqa: ANN401 - data are any
    structs = {str(part.tag): part for part in wanted.types if isinstance(part, inspect.StructType)}
    if _is_table(data) and structs:
        yield from _choice_faults(data, structs, field)
        return
    found = [list(_faults(data, part, field)) for part in wanted.types]
    if all(found):
        # A fault further inside comes from the alternative that was meant.
        inside = next((some for some in found if some[0].field != field), None)
        yield from inside or [_misfit(data, wanted, field)]


def _choice_faults(
    data: dict[str, Any], choices: dict[str, inspect.StructType], field: str
) -> Iterator[Fault]:
    only = next(iter(choices.values()))
    tag_field = only.tag_field
    if tag_field is None:
        # Without a tag there can be but one.
        yield from _struct_faults(data, only, field)
        return
    place = _within(field, tag_field)
    if tag_field not in data:
        yield Fault("missing field", place, "", ", ".join(choices))
    elif data[tag_field] not in choices:
        allowed = _nearest_first(str(data[tag_field]), choices)
        yield Fault("no such choice", place, data[tag_field], allowed)
    else:
        yield from _struct_faults(data, choices[data[tag_field]], field)


def _fits(data: Any, wanted: inspect.Type) -> bool:  # noqa: ANN401 - data are any
    match wanted:
        case inspect.AnyType():
            return True
        case inspect.NoneType():
            return data is None
        case inspect.LiteralType():
            return data in wanted.values
        case inspect.DecimalType():
            return _is_decimal(data)
        case inspect.BoolType() | inspect.StrType():
            return isinstance(data, bool if isinstance(wanted, inspect.BoolType) else str)
        case inspect.IntType() | inspect.FloatType():
            kinds = int if isinstance(wanted, inspect.IntType) else int | float
            return (
                isinstance(data, kinds)
                and not isinstance(data, bool)
                and _within_bounds(data, wanted)
            )
        case _:
            # What has no words here is left to the conversion.
            return True


def _is_decimal(data: object) -> bool:
    if isinstance(data, bool) or not isinstance(data, int | float | str | Decimal):
        return False
    try:
        return Decimal(str(data)).is_finite()
    except InvalidOperation:
        return False


def _within_bounds(number: float, wanted: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (wanted.ge is None or number >= wanted.ge)
        and (wanted.gt is None or number > wanted.gt)
        and (wanted.le is None or number <= wanted.le)
    )


def _misfit(data: Any, wanted: inspect.Type, field: str) -> Fault:  # noqa: ANN401 - data are any
    return Fault("does not fit", field, data, in_words(wanted))


def in_words(wanted: inspect.Type) -> str:
    """Return what fits."""
    match wanted:
        case inspect.UnionType():
            parts = (part for part in wanted.types if not isinstance(part, inspect.NoneType))
            return " or ".join(dict.fromkeys(map(in_words, parts)))
        case inspect.LiteralType():
            return ", ".join(map(str, wanted.values))
        case inspect.IntType() | inspect.FloatType():
            kind = "a whole number" if isinstance(wanted, inspect.IntType) else "a number"
            bounds = [("from", wanted.ge), ("above", wanted.gt), ("to", wanted.le)]
            return " ".join([kind, *(f"{word} {end}" for word, end in bounds if end is not None)])
        case _:
            return _WORDS.get(type(wanted), "a value")


_WORDS: Final[dict[type[inspect.Type], str]] = {
    inspect.AnyType: "anything",
    inspect.BoolType: "true or false",
    inspect.DecimalType: "a decimal number",
    inspect.DictType: "a table",
    inspect.NoneType: "nothing",
    inspect.StrType: "text",
    inspect.StructType: "a table",
    inspect.VarTupleType: "a list",
}


def _within(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _nearest_first(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return ", ".join([*near, *(other for other in names if other not in near)])
