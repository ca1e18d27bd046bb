"""What several agents hold of one thing at a time: amounts of a resource, slots of a schedule.

The value of such a variable is made of the claims of all agents. An agent proposes its own
claim and nothing else, so claims commute, whatever they were based on, until together they
are more than there is: then the resource is over-subscribed, or the schedule clashes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeGuard, cast

import msgspec

from mabeam.core.errors import Rejected

__all__ = [
    "AMOUNT_MAX",
    "SLOTS_MAX",
    "AllocationType",
    "Claim",
    "ScheduleType",
    "SharedType",
    "check_claim",
    "check_shared_type",
    "check_shares",
    "gives_up",
    "in_full",
    "is_shared",
    "serve",
    "shortage",
    "slots_of",
    "stretches_of",
    "whole_claim",
]

AMOUNT_MAX: Final = 2**53 - 1
"""The largest amount that every JSON parser reads exactly (RFC 8259, section 6)."""

SLOTS_MAX: Final = 2_000
"""How many slots a schedule has at most; a week has 672 quarters of an hour."""

Claim: TypeAlias = int | dict[str, Any]
"""What an agent wants to hold: an amount, or ``{"start": 9, "end": 11}``."""


class AllocationType(msgspec.Struct, frozen=True, tag="allocation", omit_defaults=True):
    """A limited resource: how much of it each agent holds. An agent claims an amount.

    The value maps agents to amounts, ``{"ann": 53, "bob": 47}``; a claim of 0 gives it up.

    Attributes:
        capacity: How much there is.
        exclusive: Whether only one agent may hold any of it at a time.
    """

    capacity: int
    exclusive: bool = False


class ScheduleType(msgspec.Struct, frozen=True, tag="schedule", omit_defaults=True):
    """Time slots, each of which one agent may hold. An agent claims one stretch of them.

    A claim is ``{"start": 9, "end": 11}``, the end excluded; one that ends where it starts
    gives all up. The value maps agents to their stretches, ``{"ann": [[9, 11], [13, 14]]}``.

    Attributes:
        low: The first slot.
        high: The slot behind the last.
    """

    low: int
    high: int


SharedType: TypeAlias = AllocationType | ScheduleType


def is_shared(type_: object) -> TypeGuard[SharedType]:
    """Tell whether values of a type are made of claims."""
    return isinstance(type_, AllocationType | ScheduleType)


def check_shared_type(type_: SharedType, field: str) -> None:
    """Refuse a resource or schedule that cannot be shared out.

    Raises:
        Rejected: There is less than nothing of it, or more than can be counted.
    """
    if isinstance(type_, AllocationType):
        if not 0 <= type_.capacity <= AMOUNT_MAX:
            allowed = f"0 to {AMOUNT_MAX}"
            raise _refusal("variable.range", f"{field}.capacity", type_.capacity, allowed)
        return
    if not -AMOUNT_MAX <= type_.low <= AMOUNT_MAX:
        raise _refusal("variable.range", f"{field}.low", type_.low, f"up to {AMOUNT_MAX}")
    if not type_.low < type_.high <= type_.low + SLOTS_MAX:
        allowed = f"{type_.low + 1} to {type_.low + SLOTS_MAX}"
        raise _refusal("variable.range", f"{field}.high", type_.high, allowed)


def check_claim(type_: SharedType, claim: object, field: str = "value") -> Claim:
    """Return a claim in its canonical form, or refuse it.

    Raises:
        Rejected: It is none, or for more than there is.
    """
    if isinstance(type_, AllocationType):
        amount = _whole(claim)
        allowed = f"a whole number from 0 to {type_.capacity}"
        if amount is None:
            raise _refusal("variable.wrong_type", field, claim, allowed)
        if not 0 <= amount <= type_.capacity:
            raise _refusal("variable.out_of_range", field, claim, allowed)
        return amount
    allowed = f"start and end, whole numbers from {type_.low} to {type_.high}, the start first"
    if not _is_table(claim) or set(claim) != {"start", "end"}:
        raise _refusal("variable.parts", field, claim, allowed)
    start, end = _whole(claim["start"]), _whole(claim["end"])
    if start is None or end is None:
        raise _refusal("variable.wrong_type", field, claim, allowed)
    if not type_.low <= start <= end <= type_.high:
        raise _refusal("variable.out_of_range", field, claim, allowed)
    return {"start": start, "end": end}


def check_shares(type_: SharedType, value: object, field: str) -> dict[str, Any]:
    """Return what each agent holds in its canonical form, or refuse it.

    Raises:
        Rejected: It is no table of shares, or together they are more than there is.
    """
    if not _is_table(value):
        raise _refusal("variable.wrong_type", field, value, "a table of shares by agent")
    if isinstance(type_, AllocationType):
        return _check_amounts(type_, value, field)
    return _check_stretches(type_, value, field)


def _check_amounts(type_: AllocationType, value: dict[str, Any], field: str) -> dict[str, Any]:
    allowed = f"amounts that sum to {type_.capacity} at most"
    amounts = {agent: _whole(value[agent]) for agent in sorted(value)}
    found = [amount for amount in amounts.values() if amount is not None and amount > 0]
    if len(found) < len(amounts):
        raise _refusal("variable.wrong_type", field, value, allowed)
    if sum(found) > type_.capacity or (type_.exclusive and len(found) > 1):
        allowed += ", of one agent alone" if type_.exclusive else ""
        raise _refusal("variable.oversubscribed", field, value, allowed)
    return amounts


def _check_stretches(type_: ScheduleType, value: dict[str, Any], field: str) -> dict[str, Any]:
    allowed = f"stretches [start, end] from {type_.low} to {type_.high} that do not overlap"
    found: dict[str, Any] = {}
    taken: set[int] = set()
    for agent in sorted(value):
        slots: set[int] = set()
        for start, end in _pairs(value[agent], field, allowed):
            if not type_.low <= start < end <= type_.high:
                raise _refusal("variable.out_of_range", field, value, allowed)
            stretch = set(range(start, end))
            if stretch & (taken | slots):
                raise _refusal("variable.temporal_clash", field, value, allowed)
            slots |= stretch
        if not slots:
            raise _refusal("variable.wrong_type", field, value, allowed)
        taken |= slots
        found[agent] = _stretches(slots)
    return found


def _pairs(given: object, field: str, allowed: str) -> list[tuple[int, int]]:
    try:
        pairs = msgspec.convert(given, list[tuple[int, int]])
    except msgspec.ValidationError:
        raise _refusal("variable.wrong_type", field, given, allowed) from None
    if len(pairs) > SLOTS_MAX:
        raise _refusal("variable.wrong_type", field, len(pairs), f"{SLOTS_MAX} stretches")
    return pairs


def whole_claim(type_: SharedType) -> Claim:
    """Return the claim for all there is."""
    if isinstance(type_, AllocationType):
        return type_.capacity
    return {"start": type_.low, "end": type_.high}


def gives_up(claim: object) -> bool:
    """Tell whether a claim is for nothing."""
    return claim == 0 or (_is_table(claim) and claim.get("start") == claim.get("end"))


def in_full(type_: SharedType, claims: Mapping[str, Claim]) -> dict[str, Any] | None:
    """Return the value that grants every claim, or None if together they are too much.

    Args:
        type_: What there is.
        claims: Canonical claims by agent.
    """
    wanted = {agent: claim for agent, claim in claims.items() if not gives_up(claim)}
    value = serve(type_, tuple(wanted.items()))
    if isinstance(type_, AllocationType):
        return value if value == wanted else None
    had = {agent: sum(end - start for start, end in value[agent]) for agent in value}
    asked = {agent: len(slots_of(claim)) for agent, claim in wanted.items()}
    return value if had == asked else None


def shortage(type_: SharedType, claims: Mapping[str, Claim]) -> str:
    """Return what there is too little of, for people."""
    if isinstance(type_, AllocationType):
        wanted = sum(cast("int", claim) for claim in claims.values())
        return f"{wanted} of {type_.capacity}" + (", for one alone" if type_.exclusive else "")
    counted = Counter(slot for claim in claims.values() for slot in slots_of(claim))
    contested = _stretches({slot for slot, count in counted.items() if count > 1})
    return "contested: " + ", ".join(f"{start}-{end}" for start, end in contested)


def serve(type_: SharedType, claims: Sequence[tuple[str, Claim]]) -> dict[str, Any]:
    """Return the value where each takes of its claim what those before it have left.

    Args:
        type_: What there is.
        claims: Agent and canonical claim, in the order in which they are served.
    """
    shares: dict[str, Any] = {}
    if isinstance(type_, AllocationType):
        left = type_.capacity
        for agent, claim in claims:
            amount = min(cast("int", claim), left)
            if amount and not (type_.exclusive and shares):
                shares[agent] = amount
                left -= amount
    else:
        taken: set[int] = set()
        for agent, claim in claims:
            slots = slots_of(claim) - taken
            taken |= slots
            if slots:
                shares[agent] = _stretches(slots)
    return {agent: shares[agent] for agent in sorted(shares)}


def slots_of(claim: Claim) -> set[int]:
    """Return the slots of a stretch."""
    return set(range(claim["start"], claim["end"])) if isinstance(claim, dict) else set()


def stretches_of(slots: Mapping[str, set[int]]) -> dict[str, Any]:
    """Return the value in which each agent holds these slots."""
    return {agent: _stretches(slots[agent]) for agent in sorted(slots) if slots[agent]}


def _stretches(slots: set[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for slot in sorted(slots):
        if found and found[-1][1] == slot:
            found[-1][1] = slot + 1
        else:
            found.append([slot, slot + 1])
    return found


def _whole(number: object) -> int | None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return int(number) if number == number // 1 and abs(number) <= AMOUNT_MAX else None


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(code, "value refused", field=field, value=value, allowed=allowed)
