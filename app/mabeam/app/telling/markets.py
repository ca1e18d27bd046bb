"""What events of markets say, as half a sentence after the actor."""

from __future__ import annotations

from typing import Final

from mabeam.app.telling.events import told
from mabeam.app.telling.words import because, joined
from mabeam.core.errors import Rejected
from mabeam.core.market.call import CALL_MARKET
from mabeam.core.market.events import (
    CallMarketDecided,
    CallMarketOpened,
    ContinuousMarketDecided,
    ContinuousMarketOpened,
    OrderCancelled,
    OrderPlaced,
    OrderReplaced,
    PostedPriceDecided,
    PostedPriceOpened,
    PurchaseMade,
    SheetPlaced,
    Traded,
)
from mabeam.core.market.fisher_events import (
    FisherMarketDecided,
    FisherMarketOpened,
    UtilitiesStated,
)
from mabeam.core.market.fisher_market import FISHER_MARKET
from mabeam.core.market.limits import proved_fraction
from mabeam.core.numbers import to_decimal
from mabeam.core.session.events import Opening

__all__ = ["PLACES"]

PLACES: Final = 4
"""How many decimal places of a price are shown."""

_UNDECIDED: Final = {
    "no_quorum": "too few have come",
    "tie_unresolved": "a tie was left unresolved",
}


def _number(fraction: str) -> str:
    try:
        return f"{to_decimal(proved_fraction('price', fraction), PLACES):f}"
    except Rejected:
        # What is no fraction was written by nobody here, and is shown as it is.
        return fraction


def audience(opening: Opening) -> str:
    agents = [participant.agent for participant in opening.participants]
    return f" to {joined(agents)}" if agents else ""


@told.register
def _(event: CallMarketOpened) -> str:
    rule = event.rule.name.replace("_", " ")
    return f"calls for orders of {event.good!r}{audience(event)}, cleared by {rule}"


@told.register
def _(event: SheetPlaced) -> str:
    return f"orders {CALL_MARKET.say(event)}{because(event.note)}"


@told.register
def _(event: CallMarketDecided) -> str:
    if event.outcome != "decided":
        return f"clears nothing: {_UNDECIDED.get(event.outcome, event.outcome)}"
    if not event.volume:
        why = event.reason or "the only trade was given up"
        return f"clears nothing: {why.replace('_', ' ')}"
    price = f"at {_number(event.price)}" if event.price else f"for {_number(event.average)} each"
    rest = ""
    if event.surplus != "0":
        kind = "short" if event.surplus.startswith("-") else "left over"
        rest = f", {_number(event.surplus.lstrip('-'))} {kind}"
    return f"clears {event.volume:,} of {event.good} {price}{rest}"


@told.register
def _(event: ContinuousMarketOpened) -> str:
    return f"opens a book for {event.good!r}{audience(event)}"


@told.register
def _(event: OrderPlaced) -> str:
    verb = "bids" if event.side == "buy" else "offers"
    price = "at any price" if event.price is None else f"at {event.price:,}"
    return f"{verb} {event.quantity:,} {price}{because(event.note)}"


@told.register
def _(event: OrderCancelled) -> str:
    return f"takes back the order {event.order}{because(event.note)}"


@told.register
def _(event: OrderReplaced) -> str:
    words = f"replaces the order {event.order} by {event.quantity:,} at {event.price:,}"
    return f"{words}{because(event.note)}"


@told.register
def _(event: Traded) -> str:
    verb = "buys" if event.side == "buy" else "sells"
    preposition = "from" if event.side == "buy" else "to"
    fills = [f"{f.quantity:,} {preposition} {f.agent} at {f.price:,}" for f in event.fills]
    return f"lets {event.agent} trade: it {verb} {joined(fills)}"


@told.register
def _(event: ContinuousMarketDecided) -> str:
    if not event.volume:
        return f"closes the book for {event.good}: nothing was traded"
    trades = "1 trade" if event.trades == 1 else f"{event.trades:,} trades"
    average = _number(event.average)
    return f"closes the book: {event.volume:,} of {event.good} in {trades}, {average} on average"


@told.register
def _(event: PostedPriceOpened) -> str:
    unit = f" {event.unit}" if event.unit else ""
    return f"sells {event.quantity:,} of {event.good!r} at {event.price:,}{unit}{audience(event)}"


@told.register
def _(event: PurchaseMade) -> str:
    return f"takes {event.quantity:,}{because(event.note)}"


@told.register
def _(event: PostedPriceDecided) -> str:
    return f"sold {event.sold:,} of {event.good} for {event.revenue:,}; {event.left:,} are left"


@told.register
def _(event: FisherMarketOpened) -> str:
    goods = [f"{supply.quantity:,} of {supply.good}" for supply in event.goods]
    buyers = [f"{one.agent} with {one.budget:,}" for one in event.endowments if one.budget]
    return f"shares out {joined(goods)} among {joined(buyers)}"


@told.register
def _(event: UtilitiesStated) -> str:
    return f"values {FISHER_MARKET.say(event)}{because(event.note)}"


@told.register
def _(event: FisherMarketDecided) -> str:
    if event.outcome != "decided":
        return f"shares nothing out: {_UNDECIDED.get(event.outcome, event.outcome)}"
    prices = [f"{one.good} at {_number(one.price)}" for one in event.prices]
    return f"prices {joined(prices)}"
