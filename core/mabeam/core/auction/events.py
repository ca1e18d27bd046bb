"""Facts of auctions. Names and fields are on disk: add, never change."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Speech

__all__ = [
    "AuctionDecided",
    "AuctionOpened",
    "BidCommitted",
    "BidPlaced",
    "BidRevealed",
    "BidderWithdrew",
    "BiddingEnded",
    "ClockAuctionDecided",
    "ClockAuctionOpened",
    "CommitsClosed",
    "CommittedAuctionDecided",
    "CommittedAuctionOpened",
    "DemandStated",
    "DutchAuctionDecided",
    "DutchAuctionOpened",
    "EnglishAuctionDecided",
    "EnglishAuctionOpened",
    "Forfeit",
    "MultiUnitAuctionDecided",
    "MultiUnitAuctionOpened",
    "OutcryBasis",
    "OutcryWord",
    "PriceAnnounced",
    "PriceAnswered",
    "PriceBasis",
    "Ranked",
    "Seal",
    "SealedWord",
    "UnitAward",
]

PriceBasis: TypeAlias = Literal["second_bid", "reserve", "own_bid"]
OutcryBasis: TypeAlias = Literal["own_bid", "buy_now"]


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


class OutcryWord(Speech, frozen=True, kw_only=True):
    """Base of what bidders call out."""


@event_type("mabeam.auction.bid_placed.v1", kind="session")
class BidPlaced(OutcryWord, frozen=True, kw_only=True):
    """A bidder's latest word on what the lot is worth to it.

    Attributes:
        amount: In minor units, 1 or more.
        note: Why, for people.
    """

    amount: int
    note: str = ""


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


@event_type("mabeam.auction.english_opened.v1", kind="session")
class EnglishAuctionOpened(Opening, frozen=True, kw_only=True):
    """One lot is offered in open outcry: each bid must beat the one that stands.

    Attributes:
        lot: What is offered, for people; at most 1,000 characters.
        reserve: The first bid must be at least this, in minor units.
        increment: By how much each further bid must beat the one that stands, 1 or more.
        bid_for_ms: Bidding ends so long after the opening if no late bid extends it; 0 for
            half of ``open_for_ms``, beyond which nothing extends it.
        soft_close_ms: A bid later than so long before the end moves the end to so long after
            the bid.
        buy_now: Who bids this or more wins at once and pays this; None for no such price.
        unit: What the amounts are counted in, for people.
    """

    lot: str
    reserve: int = 0
    increment: int = 1
    bid_for_ms: int = 0
    soft_close_ms: int = 5_000
    buy_now: int | None = None
    unit: str = ""
    rule: Policy = Policy("open_outcry")


@event_type("mabeam.auction.bidder_withdrew.v1", kind="session")
class BidderWithdrew(OutcryWord, frozen=True, kw_only=True):
    """A bidder will bid no more in an open outcry. A bid of its that stands goes on standing.

    Attributes:
        note: Why, for people.
    """

    note: str = ""


@event_type("mabeam.auction.english_decided.v1", kind="session")
class EnglishAuctionDecided(Decision, frozen=True, kw_only=True):
    """Who got the lot of an open outcry, and at what price. Said by protocol code alone.

    Attributes:
        lot: What was offered.
        winner: Who got it; empty when nobody did.
        price: What the winner pays in minor units; None when nobody won.
        ladder: Certificate: all bids that counted, as they came.
        price_basis: Certificate: ``own_bid`` or ``buy_now``.
    """

    lot: str
    winner: str = ""
    price: int | None = None
    ladder: tuple[Ranked, ...] = ()
    price_basis: OutcryBasis | None = None


@event_type("mabeam.auction.clock_opened.v1", kind="session")
class ClockAuctionOpened(Opening, frozen=True, kw_only=True):
    """One lot is offered at a rising price; who does not accept a price is out.

    Attributes:
        lot: What is offered, for people; at most 1,000 characters.
        start: The first price, which is also the least, in minor units.
        step: By how much it rises, 1 or more.
        tick_ms: How long bidders have to accept a price. Who says nothing is out. The tick
            ends earlier when all who are in have answered.
        rounds_max: After so many prices the clock ends, undecided if several are still in.
        unit: What the amounts are counted in, for people.
    """

    lot: str
    start: int = 1
    step: int = 1
    tick_ms: int = 1_000
    rounds_max: int = 1_000
    unit: str = ""
    rule: Policy = Policy("rising_clock")


@event_type("mabeam.auction.dutch_opened.v1", kind="session")
class DutchAuctionOpened(Opening, frozen=True, kw_only=True):
    """One lot is offered at a falling price to whoever accepts it first.

    Attributes:
        lot: What is offered, for people; at most 1,000 characters.
        start: The first price, in minor units.
        step: By how much it falls, 1 or more.
        reserve: The clock shows no price below it.
        tick_ms: How long a price stands. The tick ends earlier when all named participants
            have said no to it.
        rounds_max: After so many prices the clock ends; 0 for all down to the reserve.
        unit: What the amounts are counted in, for people.
    """

    lot: str
    start: int
    step: int = 1
    reserve: int = 1
    tick_ms: int = 1_000
    rounds_max: int = 0
    unit: str = ""
    rule: Policy = Policy("falling_clock")


@event_type("mabeam.auction.price_announced.v1", kind="session")
class PriceAnnounced(Announcement, frozen=True, kw_only=True):
    """The clock shows the next price, and the answers to the last one are in.

    Said by protocol code alone.

    Attributes:
        round: Its number; the first price is that of the opening.
        price: In minor units.
    """

    round: int
    price: int


@event_type("mabeam.auction.bidding_ended.v1", kind="session")
class BiddingEnded(Announcement, frozen=True, kw_only=True):
    """A rising clock ends at its last price, to which the answers are in.

    Said by protocol code alone.

    Attributes:
        round: Number of that price.
    """

    round: int


@event_type("mabeam.auction.price_answered.v1", kind="session")
class PriceAnswered(Speech, frozen=True, kw_only=True):
    """A bidder accepts the price of a clock, or not.

    On a rising clock, to accept is to stay in; not to is to leave for good. On a falling
    clock, to accept is to stop it; not to is to wait for the next price.

    Attributes:
        price: The price that the clock showed, in minor units.
        accepts: Whether the bidder takes the lot at this price.
    """

    price: int
    accepts: bool = True


@event_type("mabeam.auction.clock_decided.v1", kind="session")
class ClockAuctionDecided(Decision, frozen=True, kw_only=True):
    """Who got the lot of a rising clock, and at what price. Said by protocol code alone.

    Attributes:
        lot: What was offered.
        winner: Who got it; empty when nobody did.
        price: What the winner pays in minor units; None when nobody won.
        rounds: How many prices the clock showed up to the price paid; when nobody won, up to
            the last that was put to all who were in.
        reached: Certificate: the last price that was put to all who were in.
        stays: Certificate: the last price that each bidder accepted, and where; the highest
            first, ties as broken.
    """

    lot: str
    winner: str = ""
    price: int | None = None
    rounds: int = 0
    reached: int = 0
    stays: tuple[Ranked, ...] = ()


@event_type("mabeam.auction.dutch_decided.v1", kind="session")
class DutchAuctionDecided(Decision, frozen=True, kw_only=True):
    """Who stopped a falling clock, and at what price. Said by protocol code alone.

    Attributes:
        lot: What was offered.
        winner: Who got it; empty when nobody did.
        price: What the winner pays in minor units; None when nobody won.
        rounds: How many prices the clock showed.
        stopped_at: Certificate: position of the word that stopped it; 0 for none.
    """

    lot: str
    winner: str = ""
    price: int | None = None
    rounds: int = 0
    stopped_at: int = 0


@event_type("mabeam.auction.multi_unit_opened.v1", kind="session")
class MultiUnitAuctionOpened(Opening, frozen=True, kw_only=True):
    """Several units of one good are offered for sealed bids.

    Attributes:
        lot: What one unit is, for people; at most 1,000 characters.
        units: How many there are, 1 to 1,000.
        reserve: Least price of a unit in minor units; lower amounts do not count.
        unit: What the amounts are counted in, for people.
    """

    lot: str
    units: int
    reserve: int = 0
    unit: str = ""
    rule: Policy = Policy("vickrey")


@event_type("mabeam.auction.demand_stated.v1", kind="session")
class DemandStated(Speech, frozen=True, kw_only=True):
    """A bidder's latest word on what each further unit is worth to it.

    Attributes:
        amounts: For the first unit, the second and so on, in minor units; none more than the
            one before it, at most 100.
        note: Why, for people.
    """

    amounts: tuple[int, ...]
    note: str = ""


class UnitAward(msgspec.Struct, frozen=True):
    """What a bidder asked for, got, and pays.

    Attributes:
        agent: Who bid.
        amounts: What it bid for each further unit.
        position: Where the bid stands.
        units: How many units it gets.
        pays: What it pays in all, in minor units.
    """

    agent: str
    amounts: tuple[int, ...]
    position: int
    units: int
    pays: int


@event_type("mabeam.auction.multi_unit_decided.v1", kind="session")
class MultiUnitAuctionDecided(Decision, frozen=True, kw_only=True):
    """Who got how many units, and what each pays. Said by protocol code alone.

    Attributes:
        lot: What was offered.
        units: How many there were.
        awards: Certificate: one of each bidder that counts, in the order of the names.
        lowest_accepted: Certificate: the least amount that won a unit; None for none.
        highest_rejected: Certificate: the greatest amount that counts and won none.
    """

    lot: str
    units: int
    awards: tuple[UnitAward, ...] = ()
    lowest_accepted: int | None = None
    highest_rejected: int | None = None


@event_type("mabeam.auction.committed_opened.v1", kind="session")
class CommittedAuctionOpened(Opening, frozen=True, kw_only=True):
    """One lot is offered for bids that nobody can read before all are in.

    Attributes:
        lot: What is offered, for people; at most 1,000 characters.
        reserve: Least price in minor units; lower bids do not count.
        bond: What is forfeited by who commits to a bid and does not reveal it, in minor units.
            The decision declares it; to collect it is not mabeam's business.
        commit_for_ms: So long bids are committed to; 0 for half of ``open_for_ms``. It ends
            earlier when all named participants have. They are revealed in the time left.
        unit: What the amounts are counted in, for people.
    """

    lot: str
    reserve: int = 0
    bond: int = 0
    commit_for_ms: int = 0
    unit: str = ""
    rule: Policy = Policy("second_price")


class SealedWord(Speech, frozen=True, kw_only=True):
    """Base of what bidders say under seal and when they break it."""


@event_type("mabeam.auction.bid_committed.v1", kind="session")
class BidCommitted(SealedWord, frozen=True, kw_only=True):
    """A bidder binds itself to a bid that it does not tell yet. The latest counts.

    Attributes:
        commitment: SHA-256 of session, bidder, amount and salt, in 64 hexadecimal digits.
    """

    commitment: str


@event_type("mabeam.auction.commits_closed.v1", kind="session")
class CommitsClosed(Announcement, frozen=True, kw_only=True):
    """Commits are over, and bids are revealed from now on. Said by protocol code alone."""


@event_type("mabeam.auction.bid_revealed.v1", kind="session")
class BidRevealed(SealedWord, frozen=True, kw_only=True):
    """A bidder tells the bid that it has committed to.

    Attributes:
        amount: In minor units, 1 or more.
        salt: The salt of the commitment, 16 to 128 characters.
    """

    amount: int
    salt: str


class Seal(msgspec.Struct, frozen=True):
    """A commitment, and what was revealed under it.

    Attributes:
        agent: Who committed.
        commitment: To what.
        position: Where the commitment stands.
        amount: The bid revealed; None if it was not.
        salt: The salt revealed.
        revealed_at: Where it was revealed; 0 if it was not.
    """

    agent: str
    commitment: str
    position: int
    amount: int | None = None
    salt: str = ""
    revealed_at: int = 0


class Forfeit(msgspec.Struct, frozen=True, gc=False):
    """Who did not reveal what it had committed to, and what it forfeits for that.

    Attributes:
        agent: Who.
        bond: In minor units.
    """

    agent: str
    bond: int


@event_type("mabeam.auction.committed_decided.v1", kind="session")
class CommittedAuctionDecided(Decision, frozen=True, kw_only=True):
    """Who got the lot of an auction under seal. Said by protocol code alone.

    Attributes:
        lot: What was offered.
        winner: Who got it; empty when nobody did.
        price: What the winner pays in minor units; None when nobody won.
        ranking: Certificate: all bids that were revealed and count, the highest first, ties
            as broken; with the positions of their commitments.
        price_basis: Certificate: what the price was taken from.
        seals: Certificate: all commitments, in the order of the names.
        forfeits: Who forfeits its bond, in the order of the names.
    """

    lot: str
    winner: str = ""
    price: int | None = None
    ranking: tuple[Ranked, ...] = ()
    price_basis: PriceBasis | None = None
    seals: tuple[Seal, ...] = ()
    forfeits: tuple[Forfeit, ...] = ()
