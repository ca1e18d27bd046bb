"""Auctions: a lot goes to the bidder who values it most."""

from mabeam.core.auction.clearing import Bid, Clearing, second_price
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced, Ranked
from mabeam.core.auction.protocol import AUCTION

__all__ = [
    "AUCTION",
    "AuctionDecided",
    "AuctionOpened",
    "Bid",
    "BidPlaced",
    "Clearing",
    "Ranked",
    "second_price",
]
