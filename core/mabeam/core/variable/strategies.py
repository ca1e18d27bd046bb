"""How conflicting proposals become one value: pure functions that know no events.

``priority`` takes the value of the highest-ranked proposer, ``last_writer`` the latest, and
``weighted_merge`` the weighted arithmetic mean of numbers, clamped and moved to the grid, and
of anything else the value with the most weight. Where the value is shared, the first two say
in which order claims are served. Of each proposer only the latest value counts, or whoever
proposes more often would weigh more. Ties are broken by a hash of the conflict's id and the
proposer, an order that nobody could choose beforehand.

Other strategies stand in `mabeam.core.variable.strategies_numbers` and
`mabeam.core.variable.strategies_shares`; those that refer a conflict to a session in
`mabeam.core.variable.referral`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key
from mabeam.core.numbers import exact, weighted_mean
from mabeam.core.policies import Policies, Policy
from mabeam.core.variable.events import Candidate, Shadow
from mabeam.core.variable.shares import Claim, SharedType, check_claim, is_shared, serve
from mabeam.core.variable.types import FloatType, IntegerType, VariableType, nearest, sample_wish
from mabeam.core.variable.types import Value as AnyValue

__all__ = [
    "STRATEGIES",
    "NoParameters",
    "Referral",
    "Resolution",
    "WeightParameters",
    "check_strategy",
    "claims_of",
    "in_order",
    "latest",
    "number_of",
    "referral_by",
    "resolve",
    "shadow_of",
    "shadows",
    "unsuitable",
]

SHADOW_BYTES_MAX: Final = 10_000
"""How large a value may be that is recorded for comparison only."""

UNSUITABLE: Final = "conflict.unsuitable"


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


class Referral(msgspec.Struct, frozen=True):
    """What a strategy answers that leaves a conflict to a session.

    Attributes:
        protocol: Name of the session's protocol.
        fields: Fields of its opening that the policy gives.
        agents: Who may speak; empty for those whose values compete.
        fallback: How the conflict is resolved if the session comes to nothing.
    """

    protocol: str
    fields: dict[str, Any]
    agents: tuple[str, ...]
    fallback: Policy


STRATEGIES: Policies[[str, VariableType, Sequence[Candidate]], Resolution | Referral] = Policies(
    "conflict strategy"
)


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The strategy takes none."""


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
        Rejected: The policy is unknown, its parameters do not fit, it cannot resolve such a
            conflict, or refers it to a session.
    """
    found = STRATEGIES.find(policy)(conflict, type_, candidates)
    if isinstance(found, Referral):
        raise Rejected(
            "conflict.referred",
            "only a session comes to a value",
            field="policy",
            value=policy.name,
            allowed=f"a session of {found.protocol}",
        )
    return found


def referral_by(
    policy: Policy, conflict: str, type_: VariableType, candidates: Sequence[Candidate]
) -> Referral | None:
    """Return to what session a strategy refers a conflict; None if to none, or if it fails."""
    with suppress(Rejected):
        found = STRATEGIES.find(policy)(conflict, type_, candidates)
        return found if isinstance(found, Referral) else None
    return None


def check_strategy(policy: Policy, type_: VariableType) -> Referral | None:
    """Refuse a policy that could never resolve a conflict over values of a type.

    Returns:
        Where it refers conflicts to, if it does.

    Raises:
        Rejected: The policy is unknown, its parameters do not fit, or it is unsuitable.
    """
    rule = STRATEGIES.find(policy)
    wish = sample_wish(type_)
    sample = tuple(Candidate(f"p{n}", f"agent-{n}", wish, n, 1) for n in (2, 3))
    try:
        found = rule("sample", type_, sample)
    except Rejected as refusal:
        if refusal.code == UNSUITABLE:
            raise
        # Another conflict may be one that it does resolve.
        return None
    return found if isinstance(found, Referral) else None


def shadows(
    chosen: Policy, conflict: str, type_: VariableType, candidates: Sequence[Candidate]
) -> tuple[Shadow, ...]:
    """Return what each other registered strategy, by its defaults, would have come to.

    One that refuses the conflict is left out: it was not asked to resolve it. So is one that
    would ask agents, and a value too large to be kept for comparison only.
    """
    known = (Policy(*known) for known in STRATEGIES.known())
    others = (p for p in known if (p.name, p.version) != (chosen.name, chosen.version))
    found = (shadow_of(policy, conflict, type_, candidates) for policy in others)
    return tuple(shadow for shadow in found if shadow is not None)


def shadow_of(
    policy: Policy, conflict: str, type_: VariableType, candidates: Sequence[Candidate]
) -> Shadow | None:
    """Return what a strategy would have come to, None where it is not recorded."""
    with suppress(Rejected):
        value = resolve(policy, conflict, type_, candidates).value
        if len(msgspec.json.encode(value)) <= SHADOW_BYTES_MAX:
            return Shadow(f"{policy.name}.v{policy.version}", value)
    return None


@STRATEGIES.register("priority", 1, PriorityParameters)
def by_priority(
    parameters: PriorityParameters,
    conflict: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the value of the highest-ranked proposer; serve claims by rank."""
    ranks = parameters.priorities
    ranked = sorted(
        latest(candidates), key=lambda c: (-ranks.get(c.by, 0), order_key(conflict, c.by))
    )
    best = ranked[0]
    rivals = sorted({c.by for c in candidates} - {best.by})
    against = ", ".join(f"{by} {ranks.get(by, 0)}" for by in rivals)
    reason = f"priority {ranks.get(best.by, 0)} against {against or 'nobody'}"
    return in_order(type_, ranked, reason)


@STRATEGIES.register("last_writer", 1, NoParameters)
def by_last_writer(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    conflict: str,  # noqa: ARG001 - positions have no ties
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the latest value; serve the latest claim first."""
    ranked = sorted(latest(candidates), key=lambda c: -c.position)
    return in_order(type_, ranked, f"the latest word, at position {ranked[0].position}")


def in_order(type_: VariableType, ranked: Sequence[Candidate], reason: str) -> Resolution:
    """Take the value of the first; where the value is shared, serve the claims in order."""
    best = ranked[0]
    if not is_shared(type_):
        return Resolution(best.value, best.by, reason)
    claims = claims_of(type_, ranked)
    return Resolution(serve(type_, tuple(claims.items())), best.by, reason)


def claims_of(type_: SharedType, candidates: Sequence[Candidate]) -> dict[str, Claim]:
    """Return the claim of each candidate's proposer, in their order.

    Raises:
        Rejected: One is no claim.
    """
    return {c.by: check_claim(type_, c.value) for c in candidates}


@STRATEGIES.register("weighted_merge", 1, WeightParameters)
def by_weighted_merge(
    parameters: WeightParameters,
    conflict: str,
    type_: VariableType,
    candidates: Sequence[Candidate],
) -> Resolution:
    """Take the weighted mean of numbers, or the value with the most weight."""
    if is_shared(type_):
        raise unsuitable("weighted_merge", type_)
    weighted = [(parameters.weights.get(c.by, 1), c) for c in latest(candidates)]
    if isinstance(type_, FloatType | IntegerType):
        mean = weighted_mean((weight, number_of(c)) for weight, c in weighted)
        value = nearest(type_, mean)
        terms = " + ".join(f"{weight} x {c.value}" for weight, c in weighted)
        return Resolution(value, "", f"mean of {terms} = {mean}, nearest allowed {value}")
    totals: dict[bytes, int] = {}
    for weight, candidate in weighted:
        key = msgspec.json.encode(candidate.value)
        totals[key] = totals.get(key, 0) + weight
    best = min(
        latest(candidates),
        key=lambda c: (-totals[msgspec.json.encode(c.value)], order_key(conflict, c.by)),
    )
    return Resolution(
        best.value,
        "",
        f"weight {totals[msgspec.json.encode(best.value)]} of {sum(totals.values())}",
    )


def latest(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the latest word of each proposer."""
    return tuple({c.by: c for c in candidates}.values())


def number_of(candidate: Candidate) -> Fraction:
    """Return the number that a candidate is.

    Raises:
        Rejected: It is none.
    """
    value = candidate.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(
            "variable.wrong_type",
            "a candidate is no number",
            field="value",
            value=value,
            allowed="a number",
        )
    return exact(value)


def unsuitable(strategy: str, type_: VariableType) -> Rejected:
    """Return the refusal of a strategy that makes no sense for a type."""
    return Rejected(
        UNSUITABLE,
        "the strategy does not suit the variable",
        field="on_conflict",
        value=strategy,
        allowed=f"a strategy for values of type {type_.__struct_config__.tag}",
    )
