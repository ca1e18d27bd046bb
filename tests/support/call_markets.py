"""Call markets as tests write them down: sheets in words, and decisions that are proved."""

from __future__ import annotations

from typing import Any, cast

from mabeam.core.market import (
    CALL_MARKET,
    CallMarketDecided,
    CallMarketOpened,
    SheetOrder,
    SheetPlaced,
    Side,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    Closed,
    Hearing,
    hearing,
)
from mabeam.core.testing import Past, Said, given, said

CLOSED = Closed(reason="deadline")


def sheet(agent: str, *orders: str) -> Said:
    """Return a sheet with orders written as ``buy 5 @ 90``."""
    made: list[SheetOrder] = []
    for order in orders:
        side, quantity, _, price = order.split()
        made.append(SheetOrder(cast("Side", side), int(quantity), int(price)))
    return said(SheetPlaced(orders=tuple(made)), agent)


def market(rule: str = "average", **fields: Any) -> CallMarketOpened:  # noqa: ANN401 - fields are any
    parameters = fields.pop("parameters", {})
    return CallMarketOpened(good="cpu", rule=Policy(rule, 1, parameters), **fields)


def heard(opening: CallMarketOpened, *past: Past, name: str = "s") -> Hearing[CallMarketOpened]:
    state = given(SESSION, opening, *past, CLOSED).state
    return cast("Hearing[CallMarketOpened]", hearing(name, state))


def decided(opening: CallMarketOpened, *past: Past, name: str = "s") -> CallMarketDecided:
    """Decide a closed market, and let the certificate prove it."""
    found = heard(opening, *past, name=name)
    decision = CALL_MARKET.decide(found)
    assert isinstance(decision, CallMarketDecided)
    CALL_MARKET.verify(found, decision)
    return decision


SELLERS = (sheet("sue", "sell 1 @ 30"), sheet("tom", "sell 1 @ 40"))
BUYERS = (sheet("ann", "buy 1 @ 90"), sheet("ben", "buy 1 @ 80"))
