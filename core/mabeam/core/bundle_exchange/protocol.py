"""Bundle exchanges as sessions: which orders count, how they clear, how that is checked."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from mabeam.core.bundle_exchange.events import (
    BundlesExchanged,
    ExchangeOpened,
    OrdersPlaced,
)
from mabeam.core.bundle_exchange.outcome import (
    alternatives_of,
    conclude,
    decide,
    exchange_sale,
    problem,
    say,
    trades_of,
    unused_of,
)
from mabeam.core.bundle_exchange.pricing import EXCHANGE_PRICINGS
from mabeam.core.bundle_exchange.threshold import vcg_discounts
from mabeam.core.combinatorial.certificate import NODES_CHECKED, Claim, Examiner, disproved
from mabeam.core.combinatorial.clearing import winners_among
from mabeam.core.combinatorial.core_prices import gains_of
from mabeam.core.combinatorial.language import (
    QUANTITY_MAX,
    Bundle,
    Good,
    Sale,
    check_bundles,
    check_goods,
    contents,
)
from mabeam.core.combinatorial.payments import exactly
from mabeam.core.combinatorial.protocol import check_session, sealed
from mabeam.core.combinatorial.winners import greedy, value_of
from mabeam.core.session.events import Decision, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["BUNDLE_EXCHANGE", "examine_exchange"]


def check_opening(opening: ExchangeOpened) -> None:
    """Refuse an exchange that cannot be held.

    Raises:
        Rejected: The rule is unknown, or a field out of its range.
    """
    EXCHANGE_PRICINGS.find(opening.rule)
    check_goods([Good(name) for name in opening.goods])
    check_session(opening, opening.solver_ms, opening.orders_max)


def check_speech(opening: ExchangeOpened, speech: Speech) -> None:
    """Refuse orders that cannot count.

    Raises:
        Rejected: An order is empty, holds what is not traded, or an amount is out of range.
    """
    if isinstance(speech, OrdersPlaced):
        quantities = dict.fromkeys(opening.goods, QUANTITY_MAX)
        bundles = [Bundle(order.goods, order.amount, order.group) for order in speech.orders]
        check_bundles(bundles, quantities, opening.orders_max)


def verify(hearing: Hearing[ExchangeOpened], decision: Decision) -> None:
    """Check a decision by its certificate, with little work.

    Raises:
        Rejected: It does not hold.
    """
    examine_exchange(hearing, decision)


def examine_exchange(
    hearing: Hearing[ExchangeOpened], decision: Decision, nodes_max: int = NODES_CHECKED
) -> tuple[Claim, ...]:
    """Check a decision by its certificate, and tell what of it was proved here and now.

    Args:
        hearing: The closed session.
        decision: What was decided.
        nodes_max: How many nodes of an exact search to spend on each claim that a solver made.

    Raises:
        Rejected: It does not hold.
    """
    if not isinstance(decision, BundlesExchanged):
        raise disproved("outcome", type(decision).__name__, "a decision of a bundle exchange")
    sale = exchange_sale(hearing)
    can_trade = hearing.has_quorum() and bool(sale.placed)
    for field, stated, due in (
        *terms(hearing, decision),
        ("outcome", decision.outcome, "decided" if can_trade else "no_quorum"),
        ("alternatives", decision.alternatives, alternatives_of(hearing, decision.trades)),
        ("unused", decision.unused, unused_of(decision.trades)),
    ):
        if stated != due:
            raise disproved(field, stated, str(due))
    economy = decision.main
    if not can_trade:
        stated = (decision.trades, decision.payments, decision.margin, decision.cut)
        if stated != ((), (), "0", "0") or (economy, decision.marginal) != (None, ()):
            raise disproved("trades", stated, "none")
        return ()
    if economy is None or economy.without:
        raise disproved("main", economy, "the economy of all")
    examiner = Examiner(sale.placed, nodes_max)
    accepted = examiner.check("all", sale.problem, economy)
    if decision.trades != trades_of(sale, accepted):
        raise disproved("trades", decision.trades, "the orders of the main economy")
    traders = winners_among(sale.problem, accepted)
    examiner.check_marginals(sale, traders, accepted, decision.marginal)
    _check_payments(sale, decision, accepted)
    return tuple(examiner.claims)


def _check_payments(sale: Sale, decision: BundlesExchanged, accepted: tuple[int, ...]) -> None:
    """Check that the cut is the least that leaves no deficit, and the payments what it leaves."""
    assert decision.main is not None
    surplus = decision.main.value
    discounts = vcg_discounts(surplus, [one.value for one in decision.marginal])
    cut = exactly("cut", decision.cut)
    kept = [max(Fraction(0), discount - cut) for discount in discounts]
    margin = surplus - sum(kept, Fraction(0))
    is_needed = sum(discounts) > surplus
    if cut < 0 or (cut > 0) != is_needed or (is_needed and margin):
        raise disproved("cut", decision.cut, "the least that the surplus suffices for")
    gains = gains_of(sale.problem, accepted)
    due = {
        sale.agents[trader]: str(gain - one)
        for (trader, gain), one in zip(gains, kept, strict=True)
    }
    stated = [(payment.agent, payment.amount) for payment in decision.payments]
    if stated != sorted(due.items()):
        raise disproved("payments", stated, str(sorted(due.items())))
    if decision.margin != str(margin):
        raise disproved("margin", decision.margin, str(margin))


def result(decision: Decision) -> Decimal | str | None:
    """Return who trades what, as text, which becomes the value of the variable at stake."""
    if isinstance(decision, BundlesExchanged) and decision.outcome == "decided":
        return "; ".join(
            f"{trade.agent} {trade.side}s {contents(trade.goods.items())}"
            for trade in decision.trades
        )
    return None


def standing(hearing: Hearing[ExchangeOpened]) -> Standing:
    """Show every order, and which would be carried out by a quick look, unless under seal."""
    shown = sealed(hearing, "trader", "orders")
    if shown is not None:
        return shown
    sale = exchange_sale(hearing)
    accepted = greedy(sale.problem)
    rows = [
        (
            one.agent,
            "buy" if one.amount > 0 else "sell",
            contents((good, abs(units)) for good, units in one.goods),
            str(abs(one.amount)),
            "traded" if number in accepted else "",
        )
        for number, one in enumerate(sale.placed)
    ]
    surplus = value_of(sale.problem, accepted)
    remark = f"Surplus in this quick look: {surplus}. The decision looks for more."
    return Standing(
        ("trader", "side", "bundle", "amount", "provisional"),
        tuple(sorted(rows)),
        (remark,) if rows else (),
    )


BUNDLE_EXCHANGE: Final = Protocol(
    name="bundle_exchange",
    opening=ExchangeOpened,
    speech=OrdersPlaced,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    problem=problem,
    conclude=conclude,
    standing=standing,
)
BUNDLE_EXCHANGE.register()
