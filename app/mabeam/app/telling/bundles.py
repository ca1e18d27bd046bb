"""Auctions and exchanges of bundles in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mabeam.app.telling.words import because, joined
from mabeam.core.bundle_exchange.events import BundlesExchanged, ExchangeOpened, OrdersPlaced
from mabeam.core.combinatorial.events import (
    BidsPlaced,
    BundlesAwarded,
    BundlesOffered,
    Economy,
    Payment,
)
from mabeam.core.combinatorial.language import contents

__all__ = ["of_bundles"]

_PROOFS: Final = {
    "prices": "which prices prove to be the best",
    "search": "which an exact search proves to be the best",
    "solver": "which the solver says is the best",
}
_RULES: Final = {
    "pay_as_bid": "pay as bid",
    "vcg": "VCG payments",
    "core": "core payments nearest to VCG",
}


def of_bundles(event: object) -> str:
    """Return what an event about bundles says; nothing for any other."""
    match event:
        case BundlesOffered():
            goods = contents((good.name, good.quantity) for good in event.goods)
            return f"offers in bundles: {goods}"
        case BidsPlaced():
            bids = [f"{one.amount:,} for {contents(one.goods.items())}" for one in event.bundles]
            return f"bids {_listed(bids, event.language)}{because(event.note)}"
        case BundlesAwarded():
            return _awarded(event)
        case ExchangeOpened():
            return f"opens an exchange for bundles of {joined(event.goods)}"
        case OrdersPlaced():
            orders = [
                f"{one.side} {contents(one.goods.items())} for {one.amount:,}"
                for one in event.orders
            ]
            return f"would {_listed(orders, event.language)}{because(event.note)}"
        case BundlesExchanged():
            return _exchanged(event)
        case _:
            return ""


def _listed(words: list[str], language: str) -> str:
    return f" {'or also' if language == 'or' else 'or else'} ".join(words) or "nothing"


def _awarded(event: BundlesAwarded) -> str:
    if event.main is None:
        return "sells nothing"
    awards = [f"{one.agent} gets {contents(one.goods.items())}" for one in event.awards]
    paid = _paid(event.payments)
    return f"awards: {joined(awards)}; {_proof(event.main)}; {_RULES[event.pricing]}: {paid}"


def _exchanged(event: BundlesExchanged) -> str:
    if event.main is None or not event.trades:
        return "lets nobody trade"
    trades = [f"{one.agent} {one.side}s {contents(one.goods.items())}" for one in event.trades]
    return f"trades: {joined(trades)}; {_proof(event.main)}; {_paid(event.payments)}"


def _proof(economy: Economy) -> str:
    known = _PROOFS.get(economy.proof, f"and no more than {economy.bound:,} is possible")
    return f"worth {economy.value:,}, {known}"


def _paid(payments: Iterable[Payment]) -> str:
    return joined(
        [
            f"{one.agent} gets {one.amount[1:]}"
            if one.amount.startswith("-")
            else f"{one.agent} pays {one.amount}"
            for one in payments
        ]
    )
