"""What is said in auctions of every form, and how it is told."""

from __future__ import annotations

from mabeam.core.auction import (
    AuctionDecided,
    BidCommitted,
    BidderWithdrew,
    BiddingEnded,
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
    UnitAward,
)
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import Considered, Participant

__all__ = ["CONSIDERED", "RULE", "SAID_IN_AUCTIONS"]

RULE = Policy("x")
CONSIDERED = Considered(1, 2)
TEAM = (Participant("a"), Participant("b"))
SAID_IN_AUCTIONS: list[tuple[Event, str]] = [
    (
        AuctionDecided(
            outcome="decided",
            rule=RULE,
            considered=CONSIDERED,
            lot="x",
            winner="a",
            price=1200,
            price_basis="own_bid",
        ),
        "awards it to a at 1,200, its own bid",
    ),
    (
        EnglishAuctionOpened(lot="x", increment=5, unit="cents", participants=TEAM),
        "offers 'x' to a and b in open outcry, from 1 by 5 cents",
    ),
    (BidderWithdrew(note="too dear"), "bids no more (too dear)"),
    (
        EnglishAuctionDecided(
            outcome="decided",
            rule=RULE,
            considered=CONSIDERED,
            lot="x",
            winner="a",
            price=90,
            price_basis="buy_now",
        ),
        "awards it to a at 90, the price to buy at once",
    ),
    (
        EnglishAuctionDecided(outcome="no_quorum", rule=RULE, considered=CONSIDERED, lot="x"),
        "awards it to nobody: nothing that counts was bid",
    ),
    (ClockAuctionOpened(lot="x", start=10), "offers 'x' on a rising clock, from 10 by 1"),
    (
        DutchAuctionOpened(lot="x", start=1000, step=5),
        "offers 'x' on a falling clock, from 1,000 by 5 to 1",
    ),
    (PriceAnnounced(round=2, price=1000), "shows the price 1,000 in round 2"),
    (BiddingEnded(round=3), "stops the clock after round 3"),
    (PriceAnswered(price=1000), "accepts 1,000"),
    (PriceAnswered(price=10, accepts=False), "does not accept 10"),
    (
        ClockAuctionDecided(
            outcome="decided",
            rule=RULE,
            considered=CONSIDERED,
            lot="x",
            winner="a",
            price=10,
            rounds=1,
        ),
        "awards it to a at 10, after 1 round",
    ),
    (
        DutchAuctionDecided(
            outcome="no_quorum", rule=RULE, considered=CONSIDERED, lot="x", rounds=3
        ),
        "awards it to nobody: nothing that counts was bid, after 3 rounds",
    ),
    (MultiUnitAuctionOpened(lot="x", units=4), "offers 4 x 'x'"),
    (
        MultiUnitAuctionOpened(lot="x", units=4, reserve=7, unit="cents"),
        "offers 4 x 'x', reserve 7 cents",
    ),
    (DemandStated(amounts=(9, 7), note="urgent"), "bids 9 + 7 (urgent)"),
    (
        MultiUnitAuctionDecided(
            outcome="decided",
            rule=RULE,
            considered=CONSIDERED,
            lot="x",
            units=3,
            awards=(
                UnitAward("a", (9, 7), 2, 2, 10),
                UnitAward("b", (8,), 3, 1, 5),
                UnitAward("c", (1,), 4, 0, 0),
            ),
        ),
        "awards 2 to a for 10, 1 to b for 5",
    ),
    (
        MultiUnitAuctionDecided(
            outcome="tie_unresolved", rule=RULE, considered=CONSIDERED, lot="x", units=3
        ),
        "awards it to nobody: a tie was left unresolved",
    ),
    (CommittedAuctionOpened(lot="x"), "offers 'x' for bids under seal"),
    (
        CommittedAuctionOpened(lot="x", reserve=5),
        "offers 'x' for bids under seal, reserve 5",
    ),
    (BidCommitted(commitment="ab" * 32), "seals a bid as abababab"),
    (CommitsClosed(), "lets the bids be revealed"),
    (BidRevealed(amount=1000, salt="x" * 16), "reveals 1,000"),
    (
        CommittedAuctionDecided(
            outcome="decided",
            rule=RULE,
            considered=CONSIDERED,
            lot="x",
            winner="a",
            price=9,
            price_basis="second_bid",
            forfeits=(Forfeit("b", 1),),
        ),
        "awards it to a at 9, the second-highest bid; b did not reveal",
    ),
]
