"""What comes of a closed bundle exchange, by what a solver has found."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import msgspec

from mabeam.core.bundle_exchange.events import (
    BundlesExchanged,
    BundleTrade,
    ExchangeOpened,
    OrdersPlaced,
)
from mabeam.core.bundle_exchange.pricing import EXCHANGE_PRICINGS
from mabeam.core.bundle_exchange.threshold import vcg_discounts
from mabeam.core.combinatorial.certificate import economy_of
from mabeam.core.combinatorial.clearing import ClearingProblem, ClearingSolution, clear_greedily
from mabeam.core.combinatorial.core_prices import gains_of
from mabeam.core.combinatorial.events import Payment
from mabeam.core.combinatorial.language import Placed, Sale, sale_of
from mabeam.core.combinatorial.outcome import said_of, shortened
from mabeam.core.session.events import Alternative, Speech
from mabeam.core.session.protocol import Hearing

__all__ = [
    "alternatives_of",
    "conclude",
    "decide",
    "exchange_sale",
    "problem",
    "say",
    "trades_of",
    "unused_of",
]


def say(speech: Speech) -> str:
    """Write orders as text."""
    if not isinstance(speech, OrdersPlaced):
        return ""
    return said_of(
        f" {speech.language} ",
        ((order.goods, f"{order.side} {order.amount}", order.group) for order in speech.orders),
    )


def exchange_sale(hearing: Hearing[ExchangeOpened]) -> Sale:
    """Return all orders as a problem, in the order of the tie-break. There is no stock."""
    placed: list[Placed] = []
    for spoken in sorted(hearing.by_agent(), key=hearing.tie_key):
        speech = cast("OrdersPlaced", spoken.speech)
        for number, order in enumerate(speech.orders):
            sign = 1 if order.side == "buy" else -1
            # A label of one's own cannot be one of these, for it is printable.
            unlabelled = f"\n{number}" if speech.language == "or" else "\n"
            placed.append(
                Placed(
                    spoken.agent,
                    number,
                    tuple((good, sign * units) for good, units in sorted(order.goods.items())),
                    sign * order.amount,
                    order.group or unlabelled,
                )
            )
    goods = hearing.opening.goods
    return sale_of(goods, (0,) * len(goods), placed, {})


def problem(hearing: Hearing[ExchangeOpened]) -> ClearingProblem | None:
    """Return what a solver is to find; None if nobody wants to trade."""
    sale = exchange_sale(hearing)
    if not hearing.has_quorum() or not sale.placed:
        return None
    return ClearingProblem(sale.problem, "marginals", "marginals", hearing.opening.solver_ms)


def conclude(hearing: Hearing[ExchangeOpened], solution: msgspec.Struct | None) -> BundlesExchanged:
    """Decide a closed exchange by what a solver has found, and greedily where it has not."""
    opening, sale = hearing.opening, exchange_sale(hearing)
    asked = problem(hearing)
    if asked is None:
        return BundlesExchanged(
            outcome="no_quorum",
            rule=opening.rule,
            considered=hearing.considered,
            alternatives=alternatives_of(hearing, ()),
            superseded=hearing.superseded,
        )
    found = clear_greedily(asked, solution if isinstance(solution, ClearingSolution) else None)
    trades = trades_of(sale, found.main.accepted)
    discounts = vcg_discounts(found.main.value, [one.found.value for one in found.marginals])
    cut = EXCHANGE_PRICINGS.find(opening.rule)(found.main.value, discounts)
    gains = gains_of(sale.problem, found.main.accepted)
    payments = tuple(
        Payment(sale.agents[trader], str(gain - max(Fraction(0), discount - cut)))
        for (trader, gain), discount in zip(gains, discounts, strict=True)
    )
    count = len(found.marginals) + 1
    return BundlesExchanged(
        outcome="decided",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=alternatives_of(hearing, trades),
        superseded=hearing.superseded,
        trades=trades,
        payments=tuple(sorted(payments, key=lambda payment: payment.agent)),
        margin=str(sum((Fraction(one.amount) for one in payments), Fraction(0))),
        cut=str(cut),
        unused=unused_of(trades),
        main=economy_of(sale, found.main, economies=count),
        marginal=tuple(
            economy_of(sale, one.found, sale.agents[one.bidder], economies=count)
            for one in found.marginals
        ),
    )


def decide(hearing: Hearing[ExchangeOpened]) -> BundlesExchanged:
    """Decide without a solver: by the greedy orders, where anything can be traded."""
    return conclude(hearing, None)


def trades_of(sale: Sale, accepted: Iterable[int]) -> tuple[BundleTrade, ...]:
    """Return the orders that are carried out, in the order of the agents' names."""
    trades = [
        BundleTrade(
            one.agent,
            one.number,
            "buy" if one.amount > 0 else "sell",
            {good: abs(units) for good, units in one.goods},
            abs(one.amount),
        )
        for one in (sale.placed[number] for number in accepted)
    ]
    return tuple(sorted(trades, key=lambda trade: (trade.agent, trade.number)))


def unused_of(trades: Iterable[BundleTrade]) -> dict[str, int]:
    """Return the units of each good that are sold and not bought, by the goods' names."""
    left: dict[str, int] = {}
    for trade in trades:
        for good, units in trade.goods.items():
            left[good] = left.get(good, 0) + (units if trade.side == "sell" else -units)
    return {good: units for good, units in sorted(left.items()) if units}


def alternatives_of(
    hearing: Hearing[ExchangeOpened], trades: Iterable[BundleTrade]
) -> tuple[Alternative, ...]:
    """List who does not trade. Of a trader's other orders no more is to be said."""
    traders = {trade.agent for trade in trades}
    lost: list[Alternative] = []
    for spoken in hearing.by_agent():
        if spoken.agent not in traders:
            has_orders = bool(cast("OrdersPlaced", spoken.speech).orders)
            reason = "unmatched" if has_orders else "no_order"
            if has_orders and not hearing.has_quorum():
                reason = "no_quorum"
            said = shortened(say(spoken.speech))
            lost.append(Alternative(spoken.agent, said, spoken.position, reason))
    return (*lost, *hearing.invalid())
