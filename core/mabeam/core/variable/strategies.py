"""How conflicting proposals become one value: pure functions that know no events.

``priority`` takes the value of the highest-ranked proposer. ``weighted_merge`` takes the
weighted arithmetic mean of numbers, clamped and moved to the grid, and of anything else
the value with the most weight. Of each proposer only the latest value counts, or whoever
proposes more often would weigh more. Both break ties by a hash of the conflict's id and
the proposer, an order that nobody could choose beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key
from mabeam.core.numbers import exact, weighted_mean
from mabeam.core.policies import Policies, Policy
from mabeam.core.variable.events import Candidate, Shadow
from mabeam.core.variable.types import FloatType, IntegerType, VariableType, nearest
from mabeam.core.variable.types import Value as AnyValue

__all__ = ["STRATEGIES", "Resolution", "resolve", "shadows"]


class Resolution(msgspec.Struct, frozen=True):
    """What a strategy makes of a conflict.

    Attributes:
        value: The value it comes to.
        winner: The agent whose value it is; empty when values were merged.
        reason: The rule and the numbers, for people.
    """

    value: AnyValue
    winner: str
    reason: str


STRATEGIES: Policies[[str, VariableType, Sequence[Candidate]], Resolution] = Policies(
    "conflict strategy"
)


class PriorityParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rank of each agent; the higher wins, and an unnamed agent has rank 0."""

    priorities: dict[str, int] = {}


class WeightParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weight of each agent, above 0; an unnamed agent has weight 1."""

    weights: dict[str, int] = {}

    def __post_init__(self) -> None:
        """Refuse weights that would turn the mean around."""
        if any(weight < 1 for weight in self.weights.values()):
            raise ValueError("weights are whole numbers from 1")


def resolve(
    policy: Policy, conflict: str, type_: VariableType, candidates: Sequence[Candidate]
) -> Resolution:
    """Resolve a conflict by a registered strategy.

    Args:
        policy: Name, version and parameters of the strategy.
        conflict: Id of the conflict, for ties.
        type_: What values the variable may take.
        candidates: At least one, all with values of the type.

    Raises:
        Rejected: The policy is unknown or its parameters do not fit.
    """
    return STRATEGIES.find(policy)(conflict, type_, candidates)


def shadows(
    chosen: Policy, conflict: str, type_: VariableType, candidates: Sequence[Candidate]
) -> tuple[Shadow, ...]:
    """Return what each other registered strategy, by its defaults, would have come to.

    One that refuses the conflict is left out: it was not asked to resolve it.
    """
    found: list[Shadow] = []
    for name, version in STRATEGIES.known():
        if (name, version) != (chosen.name, chosen.version):
            with suppress(Rejected):
                other = resolve(Policy(name, version), conflict, type_, candidates)
                found.append(Shadow(f"{name}.v{version}", other.value))
    return tuple(found)


@STRATEGIES.register("priority", 1, PriorityParameters)
def by_priority(
    parameters: PriorityParameters,
    conflict: str,
    type_: VariableType,  # noqa: ARG001 - every strategy is called alike
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the value of the highest-ranked proposer."""
    best = min(
        _latest(candidates),
        key=lambda c: (-parameters.priorities.get(c.by, 0), order_key(conflict, c.by)),
    )
    rank = parameters.priorities.get(best.by, 0)
    rivals = sorted({c.by for c in candidates} - {best.by})
    against = ", ".join(f"{by} {parameters.priorities.get(by, 0)}" for by in rivals)
    return Resolution(best.value, best.by, f"priority {rank} against {against or 'nobody'}")


@STRATEGIES.register("weighted_merge", 1, WeightParameters)
def by_weighted_merge(
    parameters: WeightParameters,
    conflict: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the weighted mean of numbers, or the value with the most weight."""
    weighted = [(parameters.weights.get(c.by, 1), c) for c in _latest(candidates)]
    if isinstance(type_, FloatType | IntegerType):
        mean = weighted_mean((weight, exact(_number(c.value))) for weight, c in weighted)
        value = nearest(type_, mean)
        terms = " + ".join(f"{weight} x {c.value}" for weight, c in weighted)
        return Resolution(value, "", f"mean of {terms} = {mean}, nearest allowed {value}")
    totals: dict[bytes, int] = {}
    for weight, candidate in weighted:
        key = msgspec.json.encode(candidate.value)
        totals[key] = totals.get(key, 0) + weight
    best = min(
        _latest(candidates),
        key=lambda c: (-totals[msgspec.json.encode(c.value)], order_key(conflict, c.by)),
    )
    return Resolution(
        best.value,
        "",
        f"weight {totals[msgspec.json.encode(best.value)]} of {sum(totals.values())}",
    )


def _latest(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    return tuple({c.by: c for c in candidates}.values())


def _number(value: AnyValue) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(
            "variable.wrong_type",
            "a candidate is no number",
            field="value",
            value=value,
            allowed="a number",
        )
    return value
