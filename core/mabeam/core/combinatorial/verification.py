"""How a decision on bundles is checked: its claims, its arithmetic, and what it leaves open."""

from __future__ import annotations

from fractions import Fraction

from mabeam.core.combinatorial.certificate import NODES_CHECKED, Claim, Examiner, disproved
from mabeam.core.combinatorial.clearing import winners_among
from mabeam.core.combinatorial.events import Award, BundlesAwarded, BundlesOffered
from mabeam.core.combinatorial.language import Sale
from mabeam.core.combinatorial.outcome import (
    alternatives_of,
    auction_sale,
    awards_of,
    reserves_of,
    unsold_of,
)
from mabeam.core.combinatorial.payments import check_core, exactly, pricing_due
from mabeam.core.combinatorial.pricing import PRICINGS
from mabeam.core.combinatorial.winners import Found
from mabeam.core.session.events import Decision
from mabeam.core.session.protocol import Hearing, terms

__all__ = ["examine"]


def examine(
    hearing: Hearing[BundlesOffered], decision: Decision, nodes_max: int = NODES_CHECKED
) -> tuple[Claim, ...]:
    """Check a decision by its certificate, and tell what of it was proved here and now.

    Args:
        hearing: The closed session.
        decision: What was decided.
        nodes_max: How many nodes of an exact search to spend on each claim that a solver made.

    Raises:
        Rejected: It does not hold.
    """
    if not isinstance(decision, BundlesAwarded):
        raise disproved("outcome", type(decision).__name__, "a decision on bundles")
    sale = auction_sale(hearing)
    can_sell = hearing.has_quorum() and bool(sale.placed)
    for field, stated, due in (
        *terms(hearing, decision),
        ("outcome", decision.outcome, "decided" if can_sell else "no_quorum"),
        ("alternatives", decision.alternatives, alternatives_of(hearing, sale, decision.awards)),
        ("unsold", decision.unsold, unsold_of(hearing, _known(hearing, decision.awards))),
    ):
        if stated != due:
            raise disproved(field, stated, str(due))
    if not can_sell:
        _check_nothing_sold(decision)
        return ()
    examiner = Examiner(sale.placed, nodes_max)
    _check_economies(hearing, sale, decision, examiner)
    return tuple(examiner.claims)


def _known(hearing: Hearing[BundlesOffered], awards: tuple[Award, ...]) -> tuple[Award, ...]:
    known = {good.name for good in hearing.opening.goods}
    if any(not known.issuperset(award.goods) for award in awards):
        raise disproved("awards", awards, "goods that are offered")
    return awards


def _check_nothing_sold(decision: BundlesAwarded) -> None:
    stated = (decision.awards, decision.payments, decision.revenue, decision.pricing)
    proofs = (decision.main, decision.marginal, decision.core)
    if stated != ((), (), "0", "pay_as_bid") or proofs != (None, (), None):
        raise disproved("awards", stated, "none")


def _check_economies(
    hearing: Hearing[BundlesOffered], sale: Sale, decision: BundlesAwarded, examiner: Examiner
) -> None:
    economy = decision.main
    if economy is None or economy.without:
        raise disproved("main", economy, "the economy of all")
    accepted = examiner.check("all", sale.problem, economy)
    main = Found(accepted, economy.value, economy.bound, (), economy.proof)
    if decision.awards != awards_of(sale, main):
        raise disproved("awards", decision.awards, "the accepted bundles")
    winners = winners_among(sale.problem, accepted)
    pricing = PRICINGS.find(hearing.opening.rule)()
    needed = () if pricing.applied == "pay_as_bid" else winners
    examiner.check_marginals(sale, needed, accepted, decision.marginal)
    is_proved = bool(economy.proof) and all(one.proof for one in decision.marginal)
    due = pricing_due(pricing, is_proved=is_proved, has_core=decision.core is not None)
    if decision.pricing != due or (decision.core is None) == (due == "core"):
        raise disproved("pricing", decision.pricing, due)
    _check_payments(hearing, sale, decision, main, examiner)


def _check_payments(
    hearing: Hearing[BundlesOffered],
    sale: Sale,
    decision: BundlesAwarded,
    main: Found,
    examiner: Examiner,
) -> None:
    reserves = reserves_of(hearing, sale, main)
    stated = {one.agent: exactly("payments", one.amount) for one in decision.payments}
    if list(stated) != sorted(reserves) or len(stated) != len(decision.payments):
        raise disproved("payments", list(stated), "one of each winner, by name")
    if decision.revenue != str(sum(stated.values(), Fraction(0))):
        raise disproved("revenue", decision.revenue, "the sum of the payments")
    above = tuple(stated[agent] - reserve for agent, reserve in reserves.items())
    if decision.core is not None:
        check_core(sale, main, decision.marginal, above, decision.core, examiner)
        return
    gained = {agent: -reserve for agent, reserve in reserves.items()}
    for award in decision.awards:
        gained[award.agent] += award.amount
    due = list(gained.values())
    if decision.pricing == "vcg":
        losses = (main.value - one.value for one in decision.marginal)
        due = [gain - loss for gain, loss in zip(due, losses, strict=True)]
    if list(above) != due:
        raise disproved("payments", above, str(due))
