"""Prove what ballots came to, without the rules that tallied them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import gcd
from typing import Any, Final

from mabeam.core.consensus.events import Contribution
from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact, in_lowest_terms
from mabeam.core.policies import Policy

__all__ = ["check_finite", "disproved", "prove"]


def check_finite(numbers: Iterable[Decimal | None]) -> None:
    """Refuse a certificate with something in place of a number that is none.

    Raises:
        Rejected: One is not finite. To compare it would be an error, if it signals.
    """
    for number in numbers:
        if number is not None and not number.is_finite():
            raise disproved("value", number, "a number")


def prove(
    rule: Policy,
    ballots: Sequence[Contribution],
    contributions: Sequence[Contribution],
    dropped: Sequence[str],
    number: str,
) -> Fraction:
    """Return the number that a certificate states, if it is the one that follows.

    Args:
        rule: The tally rule.
        ballots: What was cast, with the declared weights, by the voters' names.
        contributions: The certificate: what counted, and with what weight.
        dropped: The certificate: whose ballots were dropped.
        number: The certificate: the exact number, as a fraction.

    Raises:
        Rejected: It does not follow.
    """
    value = in_lowest_terms(number)
    if value is None:
        raise disproved("mean", number, "a fraction in its lowest terms")
    _PROOFS[rule.name, rule.version](rule.parameters, ballots, contributions, dropped, value)
    return value


def _mean_of_all(
    parameters: dict[str, Any],
    ballots: Sequence[Contribution],
    contributions: Sequence[Contribution],
    dropped: Sequence[str],
    value: Fraction,
) -> None:
    _prove_weights(parameters, ballots, contributions)
    _prove_none_dropped(dropped)
    _prove_mean(contributions, value)


def _median_of_all(
    parameters: dict[str, Any],
    ballots: Sequence[Contribution],
    contributions: Sequence[Contribution],
    dropped: Sequence[str],
    value: Fraction,
) -> None:
    _prove_weights(parameters, ballots, contributions)
    _prove_none_dropped(dropped)
    total = sum(c.weight for c in contributions)
    below = sum(c.weight for c in contributions if exact(c.value) < value)
    at = sum(c.weight for c in contributions if exact(c.value) == value)
    if not at or 2 * below >= total or 2 * (below + at) < total:
        raise disproved("mean", value, "a ballot with less than half of the weight below it")


def _mean_of_the_middle(
    parameters: dict[str, Any],
    ballots: Sequence[Contribution],
    contributions: Sequence[Contribution],
    dropped: Sequence[str],
    value: Fraction,
) -> None:
    liars: int = parameters.get("liars", 0)
    cast = {ballot.agent: ballot for ballot in ballots}
    kept = {c.agent for c in contributions}
    is_parted = kept.isdisjoint(dropped) and kept.union(dropped) == set(cast)
    if not is_parted or len(dropped) != 2 * liars or list(dropped) != sorted(set(dropped)):
        raise disproved("dropped", tuple(dropped), f"{liars} at each end, in order")
    if list(contributions) != [ballot for ballot in ballots if ballot.agent in kept]:
        raise disproved("contributions", tuple(contributions), "the ballots that were not dropped")
    ends = sorted((exact(cast[agent].value), agent) for agent in dropped)
    middle = [(exact(c.value), c.agent) for c in contributions]
    if ends[:liars] and ends[liars - 1] > min(middle):
        raise disproved("dropped", tuple(dropped), "the least ballots at one end")
    if ends[liars:] and ends[liars] < max(middle):
        raise disproved("dropped", tuple(dropped), "the greatest ballots at the other end")
    _prove_mean(contributions, value)


_Proof = Callable[
    [dict[str, Any], Sequence[Contribution], Sequence[Contribution], Sequence[str], Fraction], None
]
_PROOFS: Final[dict[tuple[str, int], _Proof]] = {
    ("weighted_mean", 1): _mean_of_all,
    ("median", 1): _median_of_all,
    ("trimmed_mean", 1): _mean_of_the_middle,
}


def _prove_none_dropped(dropped: Sequence[str]) -> None:
    if dropped:
        raise disproved("dropped", tuple(dropped), "none by this rule")


def _prove_mean(contributions: Sequence[Contribution], value: Fraction) -> None:
    weights = sum(c.weight for c in contributions)
    weighted = sum(c.weight * exact(c.value) for c in contributions)
    if value * weights != weighted:
        allowed = "the sum of weight times value over the weights"
        raise disproved("mean", value, allowed)


def _prove_weights(
    parameters: dict[str, Any],
    ballots: Sequence[Contribution],
    contributions: Sequence[Contribution],
) -> None:
    """Check that weights are as declared, but those above the greatest share, which have it."""
    percent: int = parameters.get("share_percent_max", 100)
    stated = [(c.agent, c.value, c.position) for c in contributions]
    if stated != [(b.agent, b.value, b.position) for b in ballots]:
        raise disproved("contributions", tuple(contributions), str(tuple(ballots)))
    if percent == 100:  # noqa: PLR2004 - all of it
        if list(contributions) != list(ballots):
            raise disproved("contributions", tuple(contributions), str(tuple(ballots)))
        return
    weights = [c.weight for c in contributions]
    total, heaviest = sum(weights), max(weights)
    if min(weights) < 1 or gcd(*weights) != 1:
        raise disproved("contributions", tuple(contributions), "the least weights of 1 or more")
    if 100 * heaviest > percent * total and any(c.weight != heaviest for c in contributions):
        raise disproved("contributions", tuple(contributions), f"at most {percent} % each")
    ratios = [Fraction(c.weight, b.weight) for c, b in zip(contributions, ballots, strict=True)]
    for ratio, one in zip(ratios, contributions, strict=True):
        # Only who stands at the limit may have been lowered against the others.
        is_limited = one.weight == heaviest and 100 * heaviest >= percent * total
        if ratio != max(ratios) and not is_limited:
            raise disproved("contributions", tuple(contributions), "weights in proportion")


def disproved(field: str, value: object, allowed: str) -> Rejected:
    """Return the refusal of a certificate that does not prove its decision."""
    return Rejected(
        "consensus.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )
