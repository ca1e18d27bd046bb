"""What is said in markets, made of the words of a command line: ``buy 10 @ 95``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from mabeam.app.asking import speech_of
from mabeam.core.errors import NotFound, Rejected
from mabeam.core.market.call import CALL_MARKET
from mabeam.core.market.continuous import CONTINUOUS_MARKET
from mabeam.core.market.events import (
    CallMarketOpened,
    ContinuousMarketOpened,
    OrderCancelled,
    PostedPriceOpened,
)
from mabeam.core.market.fisher_events import (
    FisherMarketOpened,
)
from mabeam.core.market.fisher_market import FISHER_MARKET
from mabeam.core.market.floor import Floor
from mabeam.core.market.sale import POSTED_PRICE
from mabeam.core.session.events import Opening, Speech
from mabeam.core.session.protocol import Protocol
from mabeam.core.session.state import SessionState

__all__ = ["KINDS", "cancellation_of", "order_of"]

KINDS: Final[dict[str, Protocol[Any]]] = {
    "call": CALL_MARKET,
    "continuous": CONTINUOUS_MARKET,
    "posted-price": POSTED_PRICE,
    "fisher": FISHER_MARKET,
}
"""The protocols of markets, as the command line names them."""

_SIDES: Final = {"buy", "sell"}


def order_of(opening: Opening, words: Sequence[str], note: str = "") -> Speech:
    """Return what the words say in a market.

    Understood are ``buy 10 @ 95`` and ``sell 5`` (without a price only in a continuous market),
    several of them in one sheet for a call market, ``buy 3`` at a posted price, and
    ``cpu=1 gpu=20`` in a Fisher market.

    Raises:
        Rejected: The words say nothing in this market.
    """
    said: dict[str, Any] = {"note": note}
    match opening:
        case CallMarketOpened():
            return speech_of(_any(CALL_MARKET), "", said | {"orders": _orders(words)})
        case ContinuousMarketOpened():
            return speech_of(_any(CONTINUOUS_MARKET), "order_placed", said | _one(words))
        case PostedPriceOpened():
            order = _one(words)
            if order["side"] != "buy" or "price" in order:
                raise _refusal(words, "buy QUANTITY")
            return speech_of(_any(POSTED_PRICE), "", said | {"quantity": order["quantity"]})
        case FisherMarketOpened():
            values = [_value(word) for word in words]
            return speech_of(_any(FISHER_MARKET), "", said | {"values": values})
        case _:
            raise Rejected(
                "market.protocol",
                "the session is no market",
                field="session",
                value=type(opening).__name__,
                allowed=", ".join(KINDS),
            )


def cancellation_of(state: SessionState, order: str) -> OrderCancelled:
    """Return what takes an order back, which is named by its id or its position.

    Raises:
        Rejected: The session is no continuous market.
        NotFound: No order has that id or position.
    """
    floor = state.course
    if not isinstance(floor, Floor):
        raise Rejected(
            "market.protocol",
            "there is no book to take orders from",
            field="session",
            value=type(state.opening).__name__,
            allowed="a continuous market",
        )
    for name, number in floor.known.items():
        if order in {name, str(getattr(floor.journal.entry(number), "position", ""))}:
            return OrderCancelled(order=name)
    raise NotFound(f"no order {order!r}: it is named by its position or id")


def _any(protocol: object) -> Protocol[Opening]:
    return cast("Protocol[Opening]", protocol)


def _one(words: Sequence[str]) -> dict[str, Any]:
    orders = _orders(words)
    if len(orders) != 1:
        raise _refusal(words, "one order")
    return orders[0]


def _orders(words: Sequence[str]) -> list[dict[str, Any]]:
    """Read orders one behind the other, with or without spaces round the ``@``."""
    waiting = " ".join(words).replace("@", " @ ").replace(",", " ").split()
    orders: list[dict[str, Any]] = []
    while waiting:
        side, *waiting = waiting
        if side not in _SIDES or not waiting:
            raise _refusal(words, "buy QUANTITY [@ PRICE] or sell QUANTITY [@ PRICE]")
        quantity, *waiting = waiting
        order: dict[str, Any] = {"side": side, "quantity": _whole(words, quantity)}
        if waiting[:1] == ["@"]:
            price = waiting[1] if len(waiting) > 1 else ""
            order["price"] = _whole(words, price)
            waiting = waiting[2:]
        orders.append(order)
    return orders


def _value(word: str) -> dict[str, Any]:
    good, equals, value = word.rpartition("=")
    if not equals:
        raise _refusal([word], "GOOD=VALUE")
    return {"good": good, "value": _whole([word], value)}


def _whole(words: Sequence[str], number: str) -> int:
    # More digits are no number that a market takes, and a long text is slow to read.
    if not number.isdecimal() or len(number) > len(str(2**53)):
        raise _refusal(words, "whole numbers")
    return int(number)


def _refusal(words: Sequence[str], allowed: str) -> Rejected:
    return Rejected(
        "market.order", "no such order", field="order", value=" ".join(words), allowed=allowed
    )
