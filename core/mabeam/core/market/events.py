"""Facts of markets. Names and fields are on disk: add, never change.

Prices and quantities are whole numbers: ticks and pieces. What is not whole because a rule
halves it is written as an exact fraction, ``175/2``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Speech

__all__ = [
    "Account",
    "CallMarketDecided",
    "CallMarketOpened",
    "CallSelfTrade",
    "ContinuousMarketDecided",
    "ContinuousMarketOpened",
    "Endowment",
    "Exchange",
    "Fill",
    "MarketWord",
    "OrderCancelled",
    "OrderPlaced",
    "OrderReplaced",
    "Payment",
    "PostedPriceDecided",
    "PostedPriceOpened",
    "PurchaseMade",
    "Sale",
    "SelfTrade",
    "SheetOrder",
    "SheetPlaced",
    "Side",
    "Status",
    "Traded",
]

Side: TypeAlias = Literal["buy", "sell"]
Status: TypeAlias = Literal[
    "balanced", "excess_supply", "excess_demand", "no_trade", "no_participants"
]
CallSelfTrade: TypeAlias = Literal["refuse", "allow"]
SelfTrade: TypeAlias = Literal["cancel_newest", "cancel_oldest", "refuse"]


@event_type("mabeam.market.call_opened.v1", kind="session")
class CallMarketOpened(Opening, frozen=True, kw_only=True):
    """Sealed orders for one good are collected and cleared at once.

    Attributes:
        good: What is traded, for people.
        unit: What prices are counted in, for people.
        self_trade: What becomes of a sheet that could trade with itself: ``refuse`` it, or
            ``allow`` it, since at one price it pays itself.
        rule: ``average``, ``k_double_auction``, ``pairwise``, ``mcafee``, ``trade_reduction``,
            ``vcg`` or ``huang``.
    """

    good: str
    unit: str = ""
    self_trade: CallSelfTrade = "refuse"
    rule: Policy = Policy("average")


class SheetOrder(msgspec.Struct, frozen=True, gc=False):
    """One line of a sheet.

    Attributes:
        side: Whether to buy or to sell.
        quantity: How many pieces, 1 or more.
        price: The most to pay, or the least to take, for a piece.
    """

    side: Side
    quantity: int
    price: int


@event_type("mabeam.market.sheet_placed.v1", kind="session")
class SheetPlaced(Speech, frozen=True, kw_only=True):
    """All orders of a trader; a later sheet replaces it. An empty one stands aside.

    Attributes:
        orders: The orders, in any order.
        note: Why, for people.
    """

    orders: tuple[SheetOrder, ...] = ()
    note: str = ""


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """Pieces that go from one order to another.

    Attributes:
        buyer: Who gets them.
        bid: Place of the order in the buyer's sheet, from 0.
        seller: Who gives them.
        ask: Place of the order in the seller's sheet, from 0.
        quantity: How many.
        pays: What the buyer pays for each, as a fraction; empty where agents pay in total.
        gets: What the seller gets for each, likewise.
    """

    buyer: str
    bid: int
    seller: str
    ask: int
    quantity: int
    pays: str = ""
    gets: str = ""


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What an agent trades and pays in total.

    Attributes:
        agent: Who.
        bought: Pieces it gets.
        sold: Pieces it gives.
        pays: What it pays for those, as a fraction.
        gets: What it gets for these, as a fraction.
    """

    agent: str
    bought: int
    sold: int
    pays: str
    gets: str


@event_type("mabeam.market.call_decided.v1", kind="session")
class CallMarketDecided(Decision, frozen=True, kw_only=True):
    """Who trades with whom, and at what price. Said by protocol code alone.

    Attributes:
        good: What was traded.
        status: How supply and demand stand at the equilibrium.
        reason: Why there is no trade, such as ``price_gap_too_large``; else empty.
        low: Certificate: the least equilibrium price, as a fraction; empty without one.
        high: Certificate: the greatest one.
        efficient: Certificate: the greatest quantity that trades at an equilibrium price.
        welfare: Certificate: the greatest sum of values less costs, as a fraction.
        price: The one price at which all trade, as a fraction; empty without one.
        volume: How many pieces are traded.
        average: What a piece costs its buyer on average, as a fraction; empty without trade.
        surplus: What buyers pay more than sellers get, as a fraction; negative is a deficit.
        exchanges: Which orders trade with which.
        payments: What each trader trades and pays, by the agents' names.
    """

    good: str
    status: Status = "no_participants"
    reason: str = ""
    low: str = ""
    high: str = ""
    efficient: int = 0
    welfare: str = "0"
    price: str = ""
    volume: int = 0
    average: str = ""
    surplus: str = "0"
    exchanges: tuple[Exchange, ...] = ()
    payments: tuple[Payment, ...] = ()


class Endowment(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a trader may spend and sell. What it earns and buys adds to it.

    Attributes:
        agent: Who.
        budget: What it may spend; None for as much as it likes.
        holding: How many pieces it may sell; None for as many as it likes.
    """

    agent: str
    budget: int | None = None
    holding: int | None = None


@event_type("mabeam.market.continuous_opened.v1", kind="session")
class ContinuousMarketOpened(Opening, frozen=True, kw_only=True):
    """A book is opened, in which orders for one good trade as soon as they meet.

    Attributes:
        good: What is traded, for people.
        unit: What prices are counted in, for people.
        self_trade: What happens when orders of one agent meet.
        resting_max: How many orders may rest in the book.
        resting_per_agent_max: How many of them may be of one agent.
        endowments: What traders may spend and sell; who is not named has no limit.
        rule: ``price_time``.
    """

    good: str
    unit: str = ""
    self_trade: SelfTrade = "cancel_newest"
    resting_max: int = 1_000
    resting_per_agent_max: int = 50
    endowments: tuple[Endowment, ...] = ()
    rule: Policy = Policy("price_time")


class MarketWord(Speech, frozen=True, kw_only=True):
    """Base of what is said in a continuous market."""


@event_type("mabeam.market.order_placed.v1", kind="session")
class OrderPlaced(MarketWord, frozen=True, kw_only=True):
    """An order. Its name is the id of this event.

    Attributes:
        side: Whether to buy or to sell.
        quantity: How many pieces, 1 or more.
        price: The most to pay, or the least to take, for a piece; what does not trade at
            once rests in the book. None takes whatever price there is, and never rests.
        note: Why, for people.
    """

    side: Side
    quantity: int
    price: int | None = None
    note: str = ""


@event_type("mabeam.market.order_cancelled.v1", kind="session")
class OrderCancelled(MarketWord, frozen=True, kw_only=True):
    """What is left of one's order is taken back. Nothing is left, nothing happens.

    Attributes:
        order: Id of the event that placed it.
        note: Why, for people.
    """

    order: str
    note: str = ""


@event_type("mabeam.market.order_replaced.v1", kind="session")
class OrderReplaced(MarketWord, frozen=True, kw_only=True):
    """What is left of one's resting order is taken back, and another stands in its place.

    The new order has the id of this event and the priority of one that comes now.

    Attributes:
        order: Id of the event that placed the former one.
        quantity: How many pieces, 1 or more.
        price: The most to pay, or the least to take, for a piece.
        note: Why, for people.
    """

    order: str
    quantity: int
    price: int
    note: str = ""


class Fill(msgspec.Struct, frozen=True, gc=False):
    """A trade with an order that rested in the book, at its price.

    Attributes:
        order: Id of the resting order.
        agent: Whose it is.
        price: Its price.
        quantity: How many pieces.
    """

    order: str
    agent: str
    price: int
    quantity: int


@event_type("mabeam.market.traded.v1", kind="session")
class Traded(Announcement, frozen=True, kw_only=True):
    """An incoming order has traded. Said by protocol code alone.

    Attributes:
        order: Id of the incoming order.
        agent: Whose it is.
        side: Its side.
        fills: What it traded with, the first first.
        position: Where the order stands.
    """

    order: str
    agent: str
    side: Side
    fills: tuple[Fill, ...]
    position: int


class Account(msgspec.Struct, frozen=True, gc=False):
    """What an agent has traded in total.

    Attributes:
        agent: Who.
        bought: Pieces it got.
        sold: Pieces it gave.
        paid: What it paid.
        earned: What it was paid.
    """

    agent: str
    bought: int = 0
    sold: int = 0
    paid: int = 0
    earned: int = 0


@event_type("mabeam.market.continuous_decided.v1", kind="session")
class ContinuousMarketDecided(Decision, frozen=True, kw_only=True):
    """What was traded before the market closed. Said by protocol code alone.

    Attributes:
        good: What was traded.
        orders: How many orders were taken.
        trades: How many trades there were.
        volume: How many pieces were traded.
        turnover: What was paid for them.
        average: Turnover through volume, as a fraction; empty without a trade.
        last: Price of the last trade; None without one.
        listed: All trades by incoming order; empty if they are too many to be listed.
        digest: Certificate: BLAKE2b hash, 32 bytes in hexadecimal digits, of all of them,
            listed or not, each batch as its JSON and a line feed.
        accounts: What each trader has traded, by the agents' names.
        unfilled: How many orders rested in the book at the closing.
    """

    good: str
    orders: int = 0
    trades: int = 0
    volume: int = 0
    turnover: int = 0
    average: str = ""
    last: int | None = None
    listed: tuple[Traded, ...] = ()
    digest: str = ""
    accounts: tuple[Account, ...] = ()
    unfilled: int = 0


@event_type("mabeam.market.sale_opened.v1", kind="session")
class PostedPriceOpened(Opening, frozen=True, kw_only=True):
    """A seller offers pieces at a price, first come, first served.

    Attributes:
        good: What is sold, for people.
        price: What a piece costs.
        quantity: How many pieces there are.
        per_buyer_max: How many one buyer may have; None for all.
        partial: Whether who asks for more than there is, or than it can pay, gets what there
            is; else its word does not count.
        unit: What prices are counted in, for people.
        endowments: What buyers may spend; who is not named has no limit.
        rule: ``posted_price``.
    """

    good: str
    price: int
    quantity: int
    per_buyer_max: int | None = None
    partial: bool = True
    unit: str = ""
    endowments: tuple[Endowment, ...] = ()
    rule: Policy = Policy("posted_price")


@event_type("mabeam.market.purchase_made.v1", kind="session")
class PurchaseMade(Speech, frozen=True, kw_only=True):
    """A buyer takes some pieces at the posted price. Each word is one more purchase.

    Attributes:
        quantity: How many, 1 or more.
        note: Why, for people.
    """

    quantity: int = 1
    note: str = ""


class Sale(msgspec.Struct, frozen=True, gc=False):
    """Pieces sold by one word.

    Attributes:
        agent: Who bought.
        asked: How many it asked for.
        quantity: How many it got.
        position: Where its word stands.
    """

    agent: str
    asked: int
    quantity: int
    position: int


@event_type("mabeam.market.sale_decided.v1", kind="session")
class PostedPriceDecided(Decision, frozen=True, kw_only=True):
    """Who bought how much. Said by protocol code alone.

    Attributes:
        good: What was sold.
        price: What a piece costs.
        sold: How many pieces were sold.
        revenue: What was paid for them.
        left: How many pieces are left.
        sales: Certificate: each sale, the first first.
        accounts: What each buyer bought and paid, by the agents' names.
    """

    good: str
    price: int
    sold: int = 0
    revenue: int = 0
    left: int = 0
    sales: tuple[Sale, ...] = ()
    accounts: tuple[Account, ...] = ()
