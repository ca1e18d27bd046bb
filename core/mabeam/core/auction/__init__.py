"""Auctions: a lot, or several units of one, goes to the bidders who value it most.

Six protocols share the life cycle of sessions: `AUCTION` (sealed), `ENGLISH_AUCTION` (open
outcry), `CLOCK_AUCTION` (rising), `DUTCH_AUCTION` (falling), `MULTI_UNIT_AUCTION` and
`COMMITTED_AUCTION` (commit, then reveal). The mechanisms are pure functions for themselves.
"""

from mabeam.core.auction.ausubel import Clinch, ausubel
from mabeam.core.auction.clearing import Bid, Clearing, efficiency, first_price, second_price
from mabeam.core.auction.clock import (
    ClockAward,
    falling_clock,
    last_accepted,
    rising_award,
    rising_clock,
)
from mabeam.core.auction.committed import COMMITTED_AUCTION
from mabeam.core.auction.english import ENGLISH_AUCTION, bid_wanted
from mabeam.core.auction.events import (
    AuctionDecided,
    AuctionOpened,
    BidCommitted,
    BidderWithdrew,
    BiddingEnded,
    BidPlaced,
    BidRevealed,
    ClockAuctionDecided,
    ClockAuctionOpened,
    CommitsClosed,
    CommittedAuctionDecided,
    CommittedAuctionOpened,
    DemandStated,
    DutchAuctionDecided,
    DutchAuctionOpened,
    EnglishAuctionDecided,
    EnglishAuctionOpened,
    Forfeit,
    MultiUnitAuctionDecided,
    MultiUnitAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
    Ranked,
    Seal,
    UnitAward,
)
from mabeam.core.auction.falling import DUTCH_AUCTION
from mabeam.core.auction.multi_unit import MULTI_UNIT_AUCTION
from mabeam.core.auction.protocol import AUCTION
from mabeam.core.auction.rising import CLOCK_AUCTION
from mabeam.core.auction.sealing import commitment_of
from mabeam.core.auction.totals import vickrey_of_totals
from mabeam.core.auction.units import (
    Allotment,
    DemandBid,
    UnitClearing,
    discriminatory,
    uniform,
    unit_efficiency,
    vickrey,
)

__all__ = [
    "AUCTION",
    "CLOCK_AUCTION",
    "COMMITTED_AUCTION",
    "DUTCH_AUCTION",
    "ENGLISH_AUCTION",
    "MULTI_UNIT_AUCTION",
    "Allotment",
    "AuctionDecided",
    "AuctionOpened",
    "Bid",
    "BidCommitted",
    "BidPlaced",
    "BidRevealed",
    "BidderWithdrew",
    "BiddingEnded",
    "Clearing",
    "Clinch",
    "ClockAuctionDecided",
    "ClockAuctionOpened",
    "ClockAward",
    "CommitsClosed",
    "CommittedAuctionDecided",
    "CommittedAuctionOpened",
    "DemandBid",
    "DemandStated",
    "DutchAuctionDecided",
    "DutchAuctionOpened",
    "EnglishAuctionDecided",
    "EnglishAuctionOpened",
    "Forfeit",
    "MultiUnitAuctionDecided",
    "MultiUnitAuctionOpened",
    "PriceAnnounced",
    "PriceAnswered",
    "Ranked",
    "Seal",
    "UnitAward",
    "UnitClearing",
    "ausubel",
    "bid_wanted",
    "commitment_of",
    "discriminatory",
    "efficiency",
    "falling_clock",
    "first_price",
    "last_accepted",
    "rising_award",
    "rising_clock",
    "second_price",
    "uniform",
    "unit_efficiency",
    "vickrey",
    "vickrey_of_totals",
]
