"""Named policies, each a pure answer to what an agent hears."""

from __future__ import annotations

from decimal import Decimal

from mabeam.app.scenario.policies import (
    FixedVoter,
    MeetInTheMiddle,
    OnceProposer,
    ShadingBidder,
    StubbornProposer,
    TruthfulBidder,
)
from mabeam.core.auction.events import AuctionOpened


def lot(text: str) -> AuctionOpened:
    return AuctionOpened(lot=text)


def test_a_truthful_bidder_bids_the_worth_of_the_first_word_that_fits() -> None:
    bidder = TruthfulBidder(worth={"login": 80, "fix": 30, "*": 5})
    bids = [bidder.bid(lot(text)) for text in ("Fix the LOGIN bug", "fix it", "write docs")]
    assert [bid.amount for bid in bids if bid] == [80, 30, 5]
    assert TruthfulBidder(worth={"login": 80}).bid(lot("write docs")) is None


def test_a_shading_bidder_bids_less_and_says_so() -> None:
    bid = ShadingBidder(worth={"*": 50}, percent=75).bid(lot("x"))
    assert bid is not None
    assert (bid.amount, bid.note) == (37, "worth 50, shaded to 75 %")
    least = ShadingBidder(worth={"*": 1}, percent=1).bid(lot("x"))
    assert least is not None
    assert least.amount == 1
    assert ShadingBidder(worth={"y": 1}, percent=1).bid(lot("x")) is None


def test_a_fixed_voter_votes_its_wish_whatever_others_say() -> None:
    voter = FixedVoter(wishes={"x": 0.1})
    for others in ({}, {"a": Decimal(9)}):
        ballot = voter.vote("x", others, 3)
        assert ballot is not None
        assert ballot.value == Decimal("0.1")
    assert voter.vote("y", {}, 0) is None


def test_one_who_meets_in_the_middle_waits_for_all_others() -> None:
    voter = MeetInTheMiddle(wishes={"x": 1})
    others = {"a": Decimal(3), "b": Decimal(4)}
    assert voter.vote("x", others, 1) is None
    assert voter.vote("y", others, 0) is None
    ballot = voter.vote("x", others, 0)
    assert ballot is not None
    assert ballot.value == Decimal("2.25")
    alone = voter.vote("x", {}, 0)
    assert alone is not None
    assert alone.value == Decimal(1)


def test_one_proposes_once_and_another_insists_for_a_while() -> None:
    once = OnceProposer(wishes={"x": 1}, reason="so")
    first = once.propose("x", 7, 0)
    assert first is not None
    assert (first.value, first.base, first.reason) == (1, 7, "so")
    assert once.propose("x", 8, 1) is None
    assert once.propose("y", 8, 0) is None
    stubborn = StubbornProposer(wishes={"x": 1}, times=2)
    assert [stubborn.propose("x", 7, told) is None for told in range(3)] == [False, False, True]
    assert stubborn.propose("y", 7, 0) is None
