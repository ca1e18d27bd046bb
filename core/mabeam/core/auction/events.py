"""Facts of auctions. Names and fields are on disk: add, never change."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Decision, Opening, Speech

__all__ = ["AuctionDecided", "AuctionOpened", "BidPlaced", "PriceBasis", "Ranked"]

PriceBasis: TypeAlias = Literal["second_bid", "reserve"]


@event_type("mabeam.auction.opened.v1", kind="session")
class AuctionOpened(Opening, frozen=True, kw_only=True):
    """One lot is offered to the highest bidder.

    Attributes:
        lot: What is offered, for people.
        reserve: Least price in minor units, 0 or more; lower bids do not count.
        unit: What the amounts are counted in, for people, such as ``credits``.
    """

    lot: str
    reserve: int = 0
    unit: str = ""
    rule: Policy = Policy("second_price")


@event_type("mabeam.auction.bid_placed.v1", kind="session")
class BidPlaced(Speech, frozen=True, kw_only=True):
    """A bidder's latest word on what the lot is worth to it.

    Attributes:
        amount: In minor units, 1 or more.
        note: Why, for people.
    """

    amount: int
    note: str = ""


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """A bid in the order of the clearing.

    Attributes:
        agent: Who bid.
        amount: In minor units.
        position: Where the bid stands.
    """

    agent: str
    amount: int
    position: int


@event_type("mabeam.auction.decided.v1", kind="session")
class AuctionDecided(Decision, frozen=True, kw_only=True):
    """Who got the lot, and at what price. Said by protocol code alone.

    Attributes:
        lot: What was offered.
        winner: Who got it; empty when nobody did.
        price: What the winner pays in minor units; None when nobody won.
        ranking: Certificate: all counted bids, the highest first, ties as broken.
        price_basis: Certificate: what the price was taken from.
    """

    lot: str
    winner: str = ""
    price: int | None = None
    ranking: tuple[Ranked, ...] = ()
    price_basis: PriceBasis | None = None
