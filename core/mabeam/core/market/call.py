"""Call markets as sessions: which sheets count, how they clear, what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key
from mabeam.core.market.events import (
    CallMarketDecided,
    CallMarketOpened,
    Exchange,
    Payment,
    SheetOrder,
    SheetPlaced,
)
from mabeam.core.market.ladder import Ladder, Order, Price, equilibrium, ladder
from mabeam.core.market.limits import (
    PRICE_MAX,
    check_participants,
    check_range,
    check_text,
    proved_fraction,
)
from mabeam.core.market.mechanisms import Clearing, contested
from mabeam.core.market.proof import verify_call
from mabeam.core.market.rules import MECHANISMS, shape_of, share_of
from mabeam.core.numbers import to_decimal
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing

__all__ = ["CALL_MARKET", "orders_of"]


def check_opening(opening: CallMarketOpened) -> None:
    """Refuse a market that cannot be held.

    Raises:
        Rejected: The rule is unknown or a field is out of its range.
    """
    MECHANISMS.find(opening.rule)
    share_of(opening.rule)
    check_participants(opening)
    for field in ("good", "unit"):
        check_text(field, getattr(opening, field))


def check_speech(opening: CallMarketOpened, speech: Speech) -> None:
    """Refuse a sheet that the rule does not take.

    Raises:
        Rejected: It has too many orders, a number out of its range, or trades with itself.
    """
    if not isinstance(speech, SheetPlaced):
        return
    shape = shape_of(opening.rule)
    check_range("orders", len(speech.orders), 0, shape.orders_max)
    for order in speech.orders:
        check_range("quantity", order.quantity, 1, shape.quantity_max)
        check_range("price", order.price, 0, PRICE_MAX)
    bids = [order.price for order in speech.orders if order.side == "buy"]
    asks = [order.price for order in speech.orders if order.side == "sell"]
    if bids and asks and not shape.both_sides:
        raise Rejected(
            "market.sides",
            f"{opening.rule.name} takes either buy or sell orders of one agent",
            field="orders",
            value=say(speech),
            allowed="orders of one side",
        )
    if bids and asks and opening.self_trade == "refuse" and max(bids) >= min(asks):
        raise Rejected(
            "market.self_trade",
            "the sheet could trade with itself",
            field="orders",
            value=say(speech),
            allowed=f"to buy below {min(asks)}",
        )


def say(speech: Speech) -> str:
    """Write a sheet as text."""
    if not isinstance(speech, SheetPlaced):
        return ""
    return ", ".join(f"{o.side} {o.quantity} @ {o.price}" for o in speech.orders) or "nothing"


def orders_of(hearing: Hearing[CallMarketOpened]) -> Iterable[Order]:
    """Yield all orders that count, by the agents' names."""
    for spoken in hearing.by_agent():
        for index, order in enumerate(_sheet(spoken)):
            yield Order(spoken.agent, order.side, order.price, order.quantity, index)


def decide(hearing: Hearing[CallMarketOpened]) -> CallMarketDecided:
    """Decide a closed market by the rule that its opening names."""
    opening = hearing.opening
    found = ladder(orders_of(hearing), lambda order: hearing.tie_key(hearing.spoken[order.owner]))
    clearing = MECHANISMS.find(opening.rule)(
        found, lambda agent: order_key(hearing.session, hearing.considered.closed, "lottery", agent)
    )
    outcome: Outcome = "decided"
    if not hearing.has_quorum():
        outcome = "no_quorum"
    elif opening.tie_break == "refuse" and contested(found, clearing):
        outcome = "tie_unresolved"
    meant = clearing
    if outcome != "decided":
        clearing = Clearing()
    where = equilibrium(found)
    return CallMarketDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(
            *_alternatives(hearing, found, meant, outcome),
            *hearing.invalid(),
        ),
        superseded=hearing.superseded,
        good=opening.good,
        status=where.status,
        reason=where.reason,
        low=_text(where.low),
        high=_text(where.high),
        efficient=where.quantity,
        welfare=str(where.welfare),
        price=_text(clearing.price),
        volume=clearing.volume,
        average=_average(clearing),
        surplus=str(clearing.surplus),
        exchanges=tuple(
            Exchange(
                found.buys[one.buy].owner,
                found.buys[one.buy].index,
                found.sells[one.sell].owner,
                found.sells[one.sell].index,
                one.quantity,
                _text(one.pays),
                _text(one.gets),
            )
            for one in clearing.trades
        ),
        payments=tuple(
            Payment(one.agent, one.bought, one.sold, str(one.pays), str(one.gets))
            for one in clearing.settlements
        ),
    )


def _text(number: Price | None) -> str:
    return "" if number is None else str(number)


def _average(clearing: Clearing) -> str:
    paid = sum((one.pays for one in clearing.settlements), Fraction(0))
    return str(paid / clearing.volume) if clearing.volume else ""


def _alternatives(
    hearing: Hearing[CallMarketOpened], found: Ladder, clearing: Clearing, outcome: Outcome
) -> Iterable[Alternative]:
    traded = {one.agent: one.bought + one.sold for one in clearing.settlements}
    clear, tied = _clear(found), contested(found, clearing)
    for spoken in hearing.by_agent():
        wanted = sum(order.quantity for order in _sheet(spoken))
        done = traded.get(spoken.agent, 0)
        if outcome == "no_quorum":
            reason = "no_quorum"
        elif outcome == "tie_unresolved" and (done or spoken.agent in tied):
            reason = "tie_unresolved"
        elif done == wanted:
            continue
        elif done:
            reason = "partly_filled"
        elif spoken.agent not in clear:
            reason = "priced_out"
        else:
            reason = "tie_lost" if spoken.agent in tied else "reduced"
        yield Alternative(spoken.agent, say(spoken.speech), spoken.position, reason)


def _clear(found: Ladder) -> set[str]:
    """Return who has an order that an equilibrium price does not rule out."""
    if not found.pairs:
        return set()
    low, high = found.interval
    bids = {order.owner for order in found.buys if order.price >= high}
    return bids | {order.owner for order in found.sells if order.price <= low}


def result(decision: Decision) -> Decimal | str | None:
    """Return the price at which all trade, which becomes the value of the variable at stake."""
    if isinstance(decision, CallMarketDecided) and decision.price:
        return to_decimal(proved_fraction("price", decision.price))
    return None


def standing(hearing: Hearing[CallMarketOpened]) -> Standing:
    """Return the ladders of supply and demand, and after the closing who trades.

    Of a sealed market nothing is shown before.
    """
    heard = len(hearing.spoken)
    if hearing.opening.visibility == "sealed" and not hearing.considered.closed:
        remark = f"The sheets of {heard} agents are sealed until the closing."
        return Standing(("price", "wanted", "offered"), (), (remark,))
    found = ladder(orders_of(hearing))
    remark = _clearing_in_words(found)
    if hearing.considered.closed and (decision := decide(hearing)).payments:
        rows = tuple(
            (p.agent, str(p.bought), str(p.sold), p.pays, p.gets) for p in decision.payments
        )
        price = f"at {decision.price}" if decision.price else f"for {decision.average} each"
        remarks = (remark, f"Traded: {decision.volume} {price}.")
        return Standing(("trader", "bought", "sold", "pays", "gets"), rows, remarks)
    return Standing(("price", "wanted", "offered"), _ladder_rows(found), (remark,))


def _ladder_rows(found: Ladder) -> tuple[tuple[str, str, str], ...]:
    wanted = _by_price(found.buys)
    offered = _by_price(found.sells)
    left = sum(offered.values())
    asked = 0
    rows: list[tuple[str, str, str]] = []
    for price in sorted(wanted.keys() | offered.keys(), reverse=True):
        asked += wanted.get(price, 0)
        rows.append((str(price), str(asked), str(left)))
        left -= offered.get(price, 0)
    return tuple(rows)


def _clearing_in_words(found: Ladder) -> str:
    where = equilibrium(found)
    if where.low is None:
        return f"Nothing would trade: {(where.reason or where.status).replace('_', ' ')}."
    span = f"{where.low}" if where.low == where.high else f"{where.low} to {where.high}"
    return f"{where.quantity} would clear at {span}: {where.status.replace('_', ' ')}."


def _by_price(orders: Iterable[Order]) -> dict[Price, int]:
    pieces: dict[Price, int] = {}
    for order in orders:
        pieces[order.price] = pieces.get(order.price, 0) + order.quantity
    return pieces


def _sheet(spoken: Spoken) -> tuple[SheetOrder, ...]:
    return cast("SheetPlaced", spoken.speech).orders


CALL_MARKET: Final = Protocol(
    name="call_market",
    opening=CallMarketOpened,
    speech=SheetPlaced,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify_call,
    result=result,
    standing=standing,
)
CALL_MARKET.register()
