"""Auctions of bundles in few words, for tests of their sessions."""

from __future__ import annotations

from typing import Any, cast

from mabeam.core.combinatorial import (
    COMBINATORIAL_AUCTION,
    BidsPlaced,
    Bundle,
    BundlesAwarded,
    BundlesOffered,
    ClearingProblem,
    ClearingSolution,
    Good,
    clear_exactly,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Closed,
    Hearing,
    hearing,
)
from mabeam.core.testing import Past, Said, given, said

__all__ = [
    "CLOSED",
    "LLG",
    "awards",
    "bids",
    "concluded",
    "decided",
    "heard",
    "offered",
    "paid",
    "solution_of",
]

CLOSED = Closed(reason="deadline")
TWO = (Good("A"), Good("B"))


def bids(agent: str, *bundles: tuple[str, int], language: str = "xor") -> Said:
    """Return a word on bundles of single letters; a letter twice is two units."""
    wanted = tuple(Bundle({g: goods.count(g) for g in goods}, amount) for goods, amount in bundles)
    return said(BidsPlaced(bundles=wanted, language=language), agent)  # type: ignore[arg-type]  # xor or or


LLG = (bids("ann", ("A", 80)), bids("ben", ("B", 60)), bids("cyd", ("AB", 100)))


def heard(opening: BundlesOffered, *past: Past) -> Hearing[BundlesOffered]:
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[BundlesOffered]", hearing("s", state))


def solution_of(found: Hearing[BundlesOffered]) -> ClearingSolution | None:
    assert COMBINATORIAL_AUCTION.problem is not None
    asked = COMBINATORIAL_AUCTION.problem(found)
    return None if asked is None else clear_exactly(cast("ClearingProblem", asked))


def concluded(found: Hearing[BundlesOffered], solution: ClearingSolution | None) -> BundlesAwarded:
    if solution is None:
        decision = COMBINATORIAL_AUCTION.decide(found)
    else:
        assert COMBINATORIAL_AUCTION.conclude is not None
        decision = COMBINATORIAL_AUCTION.conclude(found, solution)
    assert isinstance(decision, BundlesAwarded)
    return decision


def decided(opening: BundlesOffered, *past: Past) -> BundlesAwarded:
    """Decide a closed auction, and let the certificate prove it."""
    found = heard(opening, *past)
    decision = concluded(found, solution_of(found))
    COMBINATORIAL_AUCTION.verify(found, decision)
    return decision


def offered(
    *goods: Good,
    rule: str = "vcg",
    parameters: dict[str, Any] | None = None,
    **fields: Any,  # noqa: ANN401 - fields of many kinds
) -> BundlesOffered:
    policy = Policy(rule, 1, parameters or {})
    return BundlesOffered(goods=goods or TWO, rule=policy, **fields)


def awards(decision: BundlesAwarded) -> dict[str, dict[str, int]]:
    return {award.agent: award.goods for award in decision.awards}


def paid(decision: BundlesAwarded) -> dict[str, str]:
    return {payment.agent: payment.amount for payment in decision.payments}
