"""What values a variable may take, and the clear refusal of any other."""

from __future__ import annotations

import re
from fractions import Fraction
from math import inf, isfinite
from typing import Any, Final, TypeAlias, assert_never

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact, on_grid, to_grid
from mabeam.core.variable.shares import (
    AllocationType,
    ScheduleType,
    check_claim,
    check_shared_type,
    check_shares,
    is_shared,
    whole_claim,
)

__all__ = [
    "DEPTH_MAX",
    "AllocationType",
    "BooleanType",
    "ChoiceType",
    "CompositeType",
    "FloatType",
    "IntegerType",
    "ModuleType",
    "ScheduleType",
    "TextType",
    "Value",
    "VariableType",
    "check_type",
    "check_value",
    "check_wish",
    "initial_value",
    "is_numeric",
    "nearest",
    "sample_wish",
]

Value: TypeAlias = bool | int | float | str | dict[str, Any]
"""A value as JSON has it; a composite's is a mapping from part to value."""

DEPTH_MAX: Final = 8
"""How many composites may stand in each other."""

_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*)?")


class FloatType(msgspec.Struct, frozen=True, tag="float", omit_defaults=True):
    """A number between two ends, both allowed; on a grid from ``low`` when a step is given.

    Attributes:
        low: Least value.
        high: Greatest value.
        step: Distance between allowed values; None for any number.
        default: The value before any change; ``low`` without one.
    """

    low: float
    high: float
    step: float | None = None
    default: float | None = None


class IntegerType(msgspec.Struct, frozen=True, tag="integer", omit_defaults=True):
    """A whole number between two ends, both allowed; on a grid from ``low``.

    Attributes:
        low: Least value.
        high: Greatest value.
        step: Distance between allowed values.
        default: The value before any change; ``low`` without one.
    """

    low: int
    high: int
    step: int = 1
    default: int | None = None


class ChoiceType(msgspec.Struct, frozen=True, tag="choice", omit_defaults=True):
    """One of several texts.

    Attributes:
        options: The texts, none twice.
        default: The value before any change; the first option without one.
    """

    options: tuple[str, ...]
    default: str | None = None


class BooleanType(msgspec.Struct, frozen=True, tag="boolean", omit_defaults=True):
    """True or false.

    Attributes:
        default: The value before any change.
    """

    default: bool = False


class TextType(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """Free text of bounded length, such as a prompt.

    Attributes:
        length_max: Most characters allowed.
        default: The value before any change.
    """

    length_max: int = 10_000
    default: str = ""


class ModuleType(msgspec.Struct, frozen=True, tag="module", omit_defaults=True):
    """Which of several program modules does the work, each as ``package.module:Class``.

    Attributes:
        modules: The modules, none twice.
        default: The value before any change; the first module without one.
    """

    modules: tuple[str, ...]
    default: str | None = None


class CompositeType(msgspec.Struct, frozen=True, tag="composite"):
    """Several named parts that change together.

    Attributes:
        parts: The type of each part, by name.
    """

    parts: dict[str, VariableType]


VariableType: TypeAlias = (
    FloatType
    | IntegerType
    | ChoiceType
    | BooleanType
    | TextType
    | ModuleType
    | CompositeType
    | AllocationType
    | ScheduleType
)


def check_type(type_: VariableType, field: str = "type", depth: int = 0) -> None:
    """Refuse a declaration that contradicts itself.

    Args:
        type_: The type.
        field: What an error calls it.
        depth: How many composites it stands in.

    Raises:
        Rejected: Ends are crossed or endless, options are missing or doubled, composites
            are nested too deeply or hold what is shared, or the default is no value.
    """
    match type_:
        case FloatType() | IntegerType():
            _check_range(type_, field)
        case ChoiceType() | ModuleType():
            _check_options(type_, field)
        case TextType() if type_.length_max < 0:
            raise _refusal("variable.length", f"{field}.length_max", type_.length_max, ">= 0")
        case CompositeType():
            if not type_.parts:
                raise _refusal("variable.parts", f"{field}.parts", "", "at least one part")
            if depth == DEPTH_MAX:
                allowed = f"at most {DEPTH_MAX} composites in each other"
                raise _refusal("variable.depth", f"{field}.parts", sorted(type_.parts), allowed)
            for name, part in type_.parts.items():
                if is_shared(part):
                    allowed = "a variable of its own for what is shared"
                    raise _refusal("variable.shared", f"{field}.parts.{name}", name, allowed)
                check_type(part, f"{field}.parts.{name}", depth + 1)
            return
        case AllocationType() | ScheduleType():
            check_shared_type(type_, field)
        case _:
            pass
    check_value(type_, initial_value(type_), f"{field}.default")


def _check_range(type_: FloatType | IntegerType, field: str) -> None:
    for name, end in (("low", type_.low), ("high", type_.high)):
        if not -inf < end < inf:
            raise _refusal("variable.range", f"{field}.{name}", end, "a finite number")
    if type_.low > type_.high:
        raise _refusal("variable.range", f"{field}.low", type_.low, f"<= {type_.high}")
    if type_.step is not None and not 0 < type_.step < inf:
        raise _refusal("variable.step", f"{field}.step", type_.step, "a finite number above 0")


def _check_options(type_: ChoiceType | ModuleType, field: str) -> None:
    name = "options" if isinstance(type_, ChoiceType) else "modules"
    options = type_.options if isinstance(type_, ChoiceType) else type_.modules
    if not options or len(set(options)) != len(options):
        raise _refusal("variable.options", f"{field}.{name}", options, "one or more, none twice")
    if isinstance(type_, ModuleType):
        for option in options:
            if not _MODULE.fullmatch(option):
                raise _refusal("variable.module", f"{field}.{name}", option, "package.module:Class")


def initial_value(type_: VariableType) -> Value:
    """Return the value before any change: the default, else the low end or first option."""
    match type_:
        case FloatType() | IntegerType():
            return type_.low if type_.default is None else type_.default
        case ChoiceType():
            return type_.options[0] if type_.default is None else type_.default
        case ModuleType():
            return type_.modules[0] if type_.default is None else type_.default
        case BooleanType() | TextType():
            return type_.default
        case CompositeType():
            return {name: initial_value(part) for name, part in sorted(type_.parts.items())}
        case AllocationType() | ScheduleType():
            return {}
        case _:
            assert_never(type_)


def check_value(type_: VariableType, value: object, field: str = "value") -> Value:
    """Return the value in its canonical form, or refuse it.

    Raises:
        Rejected: The value is of the wrong type, out of range or off the step. The error
            names the field, down to the part of a composite, the value and what is allowed.
    """
    match type_:
        case FloatType() | IntegerType():
            return _check_number(type_, value, field)
        case ChoiceType():
            return _check_option(type_.options, value, field)
        case ModuleType():
            return _check_option(type_.modules, value, field)
        case BooleanType():
            if not isinstance(value, bool):
                raise _refusal("variable.wrong_type", field, value, "true or false")
            return value
        case TextType():
            if not isinstance(value, str) or len(value) > type_.length_max:
                allowed = f"text of at most {type_.length_max} characters"
                raise _refusal("variable.wrong_type", field, value, allowed)
            return value
        case CompositeType():
            return _check_parts(type_, value, field)
        case AllocationType() | ScheduleType():
            return check_shares(type_, value, field)
        case _:
            assert_never(type_)


def check_wish(type_: VariableType, wish: object, field: str = "value") -> Value:
    """Return what an agent proposes in its canonical form, or refuse it.

    It is a value of the type, and where the value is shared the agent's own claim.

    Raises:
        Rejected: As for `check_value`.
    """
    if is_shared(type_):
        return check_claim(type_, wish, field)
    return check_value(type_, wish, field)


def sample_wish(type_: VariableType) -> Value:
    """Return something that an agent could propose."""
    return whole_claim(type_) if is_shared(type_) else initial_value(type_)


def _check_number(type_: FloatType | IntegerType, value: object, field: str) -> Value:
    whole = isinstance(type_, IntegerType)
    allowed = f"{'a whole' if whole else 'a'} number from {type_.low} to {type_.high}"
    if type_.step is not None and not (whole and type_.step == 1):
        allowed += f" in steps of {type_.step}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal("variable.wrong_type", field, value, allowed)
    if isinstance(value, float) and not isfinite(value):
        raise _refusal("variable.wrong_type", field, value, allowed)
    number, low = exact(value), exact(type_.low)
    if whole and number.denominator != 1:
        raise _refusal("variable.wrong_type", field, value, allowed)
    if not low <= number <= exact(type_.high):
        raise _refusal("variable.out_of_range", field, value, allowed)
    if not on_grid(number, low, None if type_.step is None else exact(type_.step)):
        raise _refusal("variable.off_step", field, value, allowed)
    return int(number) if whole else float(number)


def _check_option(options: tuple[str, ...], value: object, field: str) -> Value:
    if not isinstance(value, str) or value not in options:
        raise _refusal("variable.no_option", field, value, ", ".join(options))
    return value


def _check_parts(type_: CompositeType, value: object, field: str) -> Value:
    names = sorted(type_.parts)
    if not isinstance(value, dict) or sorted(map(str, value)) != names:  # pyright: ignore[reportUnknownArgumentType] - JSON keys are text
        raise _refusal("variable.parts", field, value, f"the parts {', '.join(names)}")  # pyright: ignore[reportUnknownArgumentType] - any JSON
    return {name: check_value(type_.parts[name], value[name], f"{field}.{name}") for name in names}  # pyright: ignore[reportUnknownArgumentType] - any JSON


def is_numeric(type_: VariableType) -> bool:
    """Tell whether values of the type can be averaged."""
    return isinstance(type_, FloatType | IntegerType)


def nearest(type_: FloatType | IntegerType, number: Fraction) -> Value:
    """Return the value of the type that is nearest to a number: clamped, on the grid."""
    step = None if type_.step is None else exact(type_.step)
    found = to_grid(number, exact(type_.low), exact(type_.high), step)
    return int(found) if isinstance(type_, IntegerType) else float(found)


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(code, "value refused", field=field, value=value, allowed=allowed)
