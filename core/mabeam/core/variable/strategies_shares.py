"""Strategies for what is shared: amounts in proportion, slots in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from mabeam.core.ids import order_key
from mabeam.core.variable.events import Candidate
from mabeam.core.variable.shares import (
    AllocationType,
    ScheduleType,
    slots_of,
    stretches_of,
)
from mabeam.core.variable.strategies import (
    STRATEGIES,
    NoParameters,
    Resolution,
    claims_of,
    latest,
    unsuitable,
)
from mabeam.core.variable.types import VariableType

__all__ = ["by_proportional", "by_time_sharing", "largest_remainder", "taking_turns"]


def largest_remainder(
    capacity: int, claims: Mapping[str, int], tie_key: Mapping[str, bytes]
) -> dict[str, int]:
    """Divide a whole number in proportion to claims, in whole numbers.

    Each gets its exact quota rounded down; what is left goes, one by one, to the largest
    fractions cut off (Hamilton's method: Balinski and Young, "Fair Representation", 2001).
    Nobody gets less than its quota rounded down or more than it rounded up, so nobody more
    than it claims where the claims exceed the capacity. O(n log n).

    Args:
        capacity: What there is, 0 or more.
        claims: Amounts above 0 by name, at least one.
        tie_key: Who comes first among equal fractions; the least.
    """
    total = sum(claims.values())
    quotas = {name: Fraction(capacity * claim, total) for name, claim in claims.items()}
    shares = {name: int(quota) for name, quota in quotas.items()}
    left = capacity - sum(shares.values())
    order = sorted(claims, key=lambda name: (shares[name] - quotas[name], tie_key[name]))
    for name in order[:left]:
        shares[name] += 1
    return shares


def taking_turns(
    claims: Mapping[str, set[int]], tie_key: Mapping[str, bytes]
) -> dict[str, set[int]]:
    """Give each contested slot to whoever wants it and has had the fewest of those so far.

    Slots that one alone wants are its own, and do not count. Two who are at odds with each
    other alone, or any number who want the same slots, get as many of the contested ones,
    give or take one. O(slots times claimants).

    Args:
        claims: Slots by name.
        tie_key: Who comes first among equals; the least.
    """
    given: dict[str, set[int]] = {name: set() for name in claims}
    turns = dict.fromkeys(claims, 0)
    for slot in sorted(set[int]().union(*claims.values())):
        wanting = [name for name, slots in claims.items() if slot in slots]
        taker = min(wanting, key=lambda name: (turns[name], tie_key[name]))
        given[taker].add(slot)
        turns[taker] += len(wanting) > 1
    return given


@STRATEGIES.register("proportional", 1, NoParameters)
def by_proportional(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    conflict: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Share a resource out in proportion to the claims."""
    if not isinstance(type_, AllocationType) or type_.exclusive:
        raise unsuitable("proportional", type_)
    claimed = claims_of(type_, latest(candidates)).items()
    claims = {by: amount for by, amount in claimed if isinstance(amount, int) and amount}
    shares = claims
    if sum(claims.values()) > type_.capacity:
        shares = largest_remainder(type_.capacity, claims, _tie_keys(conflict, claims))
    listed = ", ".join(f"{by} {claims[by]}" for by in sorted(claims))
    reason = f"{type_.capacity} in proportion to {listed}"
    return Resolution({by: shares[by] for by in sorted(shares) if shares[by]}, "", reason)


@STRATEGIES.register("time_sharing", 1, NoParameters)
def by_time_sharing(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    conflict: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Let those who claim the same slots take turns in them."""
    if not isinstance(type_, ScheduleType):
        raise unsuitable("time_sharing", type_)
    claimed = claims_of(type_, latest(candidates)).items()
    claims = {by: slots_of(claim) for by, claim in claimed}
    turns = taking_turns(claims, _tie_keys(conflict, claims))
    listed = ", ".join(f"{by} {len(turns[by])} of {len(claims[by])}" for by in sorted(claims))
    return Resolution(stretches_of(turns), "", f"in turns: {listed} slots")


def _tie_keys(conflict: str, names: Mapping[str, object]) -> dict[str, bytes]:
    return {name: order_key(conflict, name) for name in names}
