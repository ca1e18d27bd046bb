"""Facts of bundle exchanges. Names and fields are on disk: add, never change."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.combinatorial.events import Economy, Payment
from mabeam.core.combinatorial.language import Language
from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Decision, Opening, Speech

__all__ = [
    "BundleOrder",
    "BundleTrade",
    "BundlesExchanged",
    "ExchangeOpened",
    "OrdersPlaced",
    "Side",
]

Side: TypeAlias = Literal["buy", "sell"]


@event_type("mabeam.bundle_exchange.opened.v1", kind="session")
class ExchangeOpened(Opening, frozen=True, kw_only=True):
    """Bundles of goods are bought and sold among the participants.

    Attributes:
        goods: Names of the goods that can be traded, 1 to 256.
        unit: What the amounts are counted in, for people, such as ``credits``.
        solver_ms: How long a solver may look for the best, 1 to 600,000.
        orders_max: How many orders a trader may have, 1 to 200.
    """

    goods: tuple[str, ...]
    unit: str = ""
    solver_ms: int = 5_000
    orders_max: int = 32
    rule: Policy = Policy("threshold")


class BundleOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods that are bought or sold together or not at all.

    Attributes:
        side: Whether they are wanted or offered.
        goods: How many units of each good, by its name.
        amount: In minor units, 1 or more: what a buyer pays at most, a seller gets at least.
        group: Of the orders that one trader puts under one label, at most one is carried out.
            Those without a label stand under one together in the language ``xor``, and each
            for itself in the language ``or``.
    """

    side: Side
    goods: dict[str, int]
    amount: int
    group: str = ""


@event_type("mabeam.bundle_exchange.orders_placed.v1", kind="session")
class OrdersPlaced(Speech, frozen=True, kw_only=True):
    """A trader's latest word on all it wants to buy and sell.

    Attributes:
        orders: What it wants; empty for nothing.
        language: How orders without a group exclude each other: ``xor``: at most one of them is
            carried out; ``or``: any of them may be, together.
        note: Why, for people.
    """

    orders: tuple[BundleOrder, ...]
    language: Language = "or"
    note: str = ""


class BundleTrade(msgspec.Struct, frozen=True):
    """An order that is carried out.

    Attributes:
        agent: Whose it is.
        number: Which of its orders it is, from 0.
        side: Whether the goods are bought or sold.
        goods: Units of each good.
        amount: What the order offers or asks.
    """

    agent: str
    number: int
    side: Side
    goods: dict[str, int]
    amount: int


@event_type("mabeam.bundle_exchange.decided.v1", kind="session")
class BundlesExchanged(Decision, frozen=True, kw_only=True):
    """Who trades what, and who pays how much. Said by protocol code alone.

    Attributes:
        trades: The orders that are carried out, in the order of the agents' names.
        payments: What each trader pays, below 0 if it is paid, by the agents' names.
        margin: What the payments sum to, which stays with the exchange; never below 0.
        cut: By how much each trader's gain is below that of VCG, at most to 0.
        unused: Units of each good that are sold and bought by nobody.
        main: Certificate: the orders as the best of all; None where the quorum was missed.
        marginal: Certificate: the best without each trader that trades.
    """

    trades: tuple[BundleTrade, ...] = ()
    payments: tuple[Payment, ...] = ()
    margin: str = "0"
    cut: str = "0"
    unused: dict[str, int] = {}
    main: Economy | None = None
    marginal: tuple[Economy, ...] = ()
