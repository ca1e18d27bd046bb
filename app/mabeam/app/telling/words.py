"""Values, types and rules in words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from mabeam.core.policies import Policy
from mabeam.core.variable.constraints import Condition, Constraint, Linear
from mabeam.core.variable.types import (
    AllocationType,
    BooleanType,
    ChoiceType,
    CompositeType,
    FloatType,
    IntegerType,
    ModuleType,
    ScheduleType,
    TextType,
    VariableType,
)

__all__ = [
    "because",
    "constraint_in_words",
    "digits_of",
    "joined",
    "policy_in_words",
    "reason_in_words",
    "shown",
    "type_in_words",
]

_LENGTH_MAX: Final = 60
_REASONS: Final = {
    "about_oneself": "about oneself",
    "below_reserve": "below the reserve",
    "no_agreement": "the offers do not agree",
    "left": "left before",
    "no_quorum": "the quorum was missed",
    "not_revealed": "it was not revealed",
    "not_eligible": "not among those who may speak",
    "outbid": "outbid",
    "trimmed": "dropped as extreme",
    "tie_lost": "lost the tie",
    "tie_unresolved": "the tie was left unresolved",
    "undecided": "the clock ended while several were in",
}


def digits_of(number: Decimal) -> str:
    """Return a number without an exponent and closing zeros, where that is short."""
    # Somebody may have opened a question from 0 to 1e999999999, which cannot be held.
    is_short = number.is_finite() and abs(number.adjusted()) <= _LENGTH_MAX
    return f"{number.normalize():f}" if is_short else str(number)


def shown(value: object) -> str:
    """Return a value as JSON has it, cut if it is long; texts without quotes, 1.0 as 1."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    is_text = isinstance(value, str | Decimal)
    text = str(value) if is_text else msgspec.json.encode(value).decode()
    return text if len(text) <= _LENGTH_MAX else f"{text[: _LENGTH_MAX - 1]}…"


def because(reason: str) -> str:
    """Return a reason as the end of a sentence, or nothing."""
    return f" ({reason})" if reason else ""


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Return texts as an enumeration."""
    return f" {last} ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def reason_in_words(reason: str) -> str:
    """Return why something said did not count or win."""
    in_words = reason.replace("_", " ") if reason.isidentifier() else reason
    return _REASONS.get(reason, in_words)


def policy_in_words(policy: Policy) -> str:
    """Return a policy's name, with its version where it is not the first."""
    name = policy.name.replace("_", " ")
    return name if policy.version == 1 else f"{name}, version {policy.version}"


def constraint_in_words(constraint: Constraint) -> str:
    """Return what must hold."""
    if isinstance(constraint, Linear):
        terms = [
            name if weight == 1 else f"{shown(weight)} x {name}"
            for name, weight in constraint.weights.items()
        ]
        return f"{' + '.join(terms)} {constraint.relation} {shown(constraint.bound)}"
    return f"{_conditions(constraint.then)} whenever {_conditions(constraint.when)}"


def _conditions(conditions: Sequence[Condition]) -> str:
    return joined([f"{c.variable} {c.relation} {shown(c.value)}" for c in conditions])


def type_in_words(type_: VariableType) -> str:
    """Return what values a variable may take."""
    match type_:
        case FloatType() | IntegerType():
            kind = "a whole number" if isinstance(type_, IntegerType) else "a number"
            fine = type_.step is None or (type_.step == 1 and isinstance(type_, IntegerType))
            steps = "" if fine else f" in steps of {shown(type_.step)}"
            return f"{kind} from {shown(type_.low)} to {shown(type_.high)}{steps}"
        case ChoiceType():
            return f"one of {joined(list(type_.options), 'or')}"
        case ModuleType():
            return f"the module {joined(list(type_.modules), 'or')}"
        case BooleanType():
            return "true or false"
        case TextType():
            return f"text of at most {type_.length_max:,} characters"
        case CompositeType():
            return f"parts {joined(sorted(type_.parts))}"
        case AllocationType():
            alone = ", for one agent at a time" if type_.exclusive else ""
            return f"shares of {type_.capacity:,}{alone}"
        case ScheduleType():
            return f"slots from {type_.low} to {type_.high}"
