"""What comes of a closed combinatorial auction, by what a solver has found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, cast

import msgspec

from mabeam.core.combinatorial.certificate import economy_of
from mabeam.core.combinatorial.clearing import (
    ClearingProblem,
    ClearingSolution,
    clear_greedily,
    winners_among,
)
from mabeam.core.combinatorial.events import (
    Award,
    BidsPlaced,
    BundlesAwarded,
    BundlesOffered,
    Payment,
)
from mabeam.core.combinatorial.language import Placed, Sale, contents, sale_of
from mabeam.core.combinatorial.payments import priced
from mabeam.core.combinatorial.pricing import PRICINGS
from mabeam.core.combinatorial.winners import Found
from mabeam.core.session.events import Alternative, Speech
from mabeam.core.session.protocol import Hearing

__all__ = [
    "alternatives_of",
    "auction_sale",
    "awards_of",
    "conclude",
    "decide",
    "problem",
    "reserves_of",
    "said_of",
    "say",
    "shortened",
    "unsold_of",
]

SAID_LENGTH_MAX: Final = 100


def say(speech: Speech) -> str:
    """Write bids as text."""
    if not isinstance(speech, BidsPlaced):
        return ""
    return said_of(
        f" {speech.language} ",
        ((bundle.goods, str(bundle.amount), bundle.group) for bundle in speech.bundles),
    )


def said_of(between: str, bundles: Iterable[tuple[Mapping[str, int], str, str]]) -> str:
    """Write bundles, each with its price and its group, as text; goods by their names."""
    return between.join(
        f"{contents(sorted(goods.items()))} for {amount}" + (f" [{group}]" if group else "")
        for goods, amount, group in bundles
    )


def auction_sale(hearing: Hearing[BundlesOffered]) -> Sale:
    """Return what was bid as a problem, in the order of the tie-break."""
    opening = hearing.opening
    placed: list[Placed] = []
    for spoken in sorted(hearing.by_agent(), key=hearing.tie_key):
        speech = cast("BidsPlaced", spoken.speech)
        for number, bundle in enumerate(speech.bundles):
            # A label of one's own cannot be one of these, for it is printable.
            unlabelled = f"\n{number}" if speech.language == "or" else "\n"
            placed.append(
                Placed(
                    spoken.agent,
                    number,
                    tuple(sorted(bundle.goods.items())),
                    bundle.amount,
                    bundle.group or unlabelled,
                )
            )
    return sale_of(
        [good.name for good in opening.goods],
        [good.quantity for good in opening.goods],
        placed,
        {good.name: good.reserve for good in opening.goods},
    )


def problem(hearing: Hearing[BundlesOffered]) -> ClearingProblem | None:
    """Return what a solver is to find; None if nothing can be sold."""
    sale = auction_sale(hearing)
    if not hearing.has_quorum() or not sale.placed:
        return None
    pricing = PRICINGS.find(hearing.opening.rule)()
    if pricing.applied == "pay_as_bid":
        return ClearingProblem(sale.problem, "winners", "winners", hearing.opening.solver_ms)
    return ClearingProblem(
        sale.problem,
        "core" if pricing.applied == "core" else "marginals",
        "core" if pricing.fallback == "core" else "marginals",
        hearing.opening.solver_ms,
    )


def conclude(hearing: Hearing[BundlesOffered], solution: msgspec.Struct | None) -> BundlesAwarded:
    """Decide a closed auction by what a solver has found, and greedily where it has not."""
    opening, sale = hearing.opening, auction_sale(hearing)
    asked = problem(hearing)
    if asked is None:
        return BundlesAwarded(
            outcome="no_quorum",
            rule=opening.rule,
            considered=hearing.considered,
            alternatives=alternatives_of(hearing, sale, ()),
            superseded=hearing.superseded,
            unsold={good.name: good.quantity for good in opening.goods},
        )
    solution = clear_greedily(asked, solution if isinstance(solution, ClearingSolution) else None)
    main = solution.main
    price = priced(sale, solution, PRICINGS.find(opening.rule)())
    awards = awards_of(sale, main)
    payments = _payments(hearing, sale, main, price.payments)
    count = len(solution.marginals) + 1
    return BundlesAwarded(
        outcome="decided",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=alternatives_of(hearing, sale, awards),
        superseded=hearing.superseded,
        awards=awards,
        payments=payments,
        revenue=str(sum((Fraction(one.amount) for one in payments), Fraction(0))),
        unsold=unsold_of(hearing, awards),
        pricing=price.applied,
        main=economy_of(sale, main, economies=count),
        marginal=tuple(
            economy_of(sale, one.found, sale.agents[one.bidder], economies=count)
            for one in solution.marginals
        ),
        core=price.core,
    )


def decide(hearing: Hearing[BundlesOffered]) -> BundlesAwarded:
    """Decide without a solver: by the greedy bids, where anything can be sold."""
    return conclude(hearing, None)


def awards_of(sale: Sale, main: Found) -> tuple[Award, ...]:
    """Return the accepted bundles in the order of the agents' names."""
    placed = (sale.placed[number] for number in main.accepted)
    awards = (Award(one.agent, one.number, dict(one.goods), one.amount) for one in placed)
    return tuple(sorted(awards, key=lambda award: (award.agent, award.number)))


def reserves_of(hearing: Hearing[BundlesOffered], sale: Sale, main: Found) -> dict[str, int]:
    """Return what each winner's bundles cost at the reserve, winners by their numbers."""
    reserve_of = {good.name: good.reserve for good in hearing.opening.goods}
    found = {sale.agents[bidder]: 0 for bidder in winners_among(sale.problem, main.accepted)}
    for number in main.accepted:
        one = sale.placed[number]
        found[one.agent] += sum(reserve_of[good] * units for good, units in one.goods)
    return found


def _payments(
    hearing: Hearing[BundlesOffered], sale: Sale, main: Found, above: tuple[Fraction, ...]
) -> tuple[Payment, ...]:
    reserves = reserves_of(hearing, sale, main)
    paid = zip(reserves.items(), above, strict=True)
    return tuple(
        sorted(
            (Payment(agent, str(reserve + more)) for (agent, reserve), more in paid),
            key=lambda payment: payment.agent,
        )
    )


def unsold_of(hearing: Hearing[BundlesOffered], awards: tuple[Award, ...]) -> dict[str, int]:
    """Return the units of each good that nobody gets."""
    left = {good.name: good.quantity for good in hearing.opening.goods}
    for award in awards:
        for good, units in award.goods.items():
            left[good] -= units
    return {good: units for good, units in left.items() if units}


def alternatives_of(
    hearing: Hearing[BundlesOffered], sale: Sale, awards: tuple[Award, ...]
) -> tuple[Alternative, ...]:
    """List who won nothing. Of a winner's other bundles no more is to be said."""
    winners = {award.agent for award in awards}
    counted = set(sale.agents)
    lost: list[Alternative] = []
    for spoken in hearing.by_agent():
        if spoken.agent in winners:
            continue
        if not cast("BidsPlaced", spoken.speech).bundles:
            reason = "no_bid"
        elif spoken.agent not in counted:
            reason = "below_reserve"
        else:
            reason = "outbid" if hearing.has_quorum() else "no_quorum"
        said = shortened(say(spoken.speech))
        lost.append(Alternative(spoken.agent, said, spoken.position, reason))
    return (*lost, *hearing.invalid())


def shortened(said: str) -> str:
    """Cut what somebody said so far that a decision can list it."""
    return said if len(said) <= SAID_LENGTH_MAX else said[: SAID_LENGTH_MAX - 1] + "…"
