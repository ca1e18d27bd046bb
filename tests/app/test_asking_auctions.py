"""What is no auction and no bid is refused by name: scenarios of the system before this one."""

from __future__ import annotations

import pytest

from mabeam.app.asking import kinds_of_speech, opening_of, speech_of
from mabeam.core.auction import (
    AUCTION,
    CLOCK_AUCTION,
    COMMITTED_AUCTION,
    DUTCH_AUCTION,
    ENGLISH_AUCTION,
    MULTI_UNIT_AUCTION,
)
from mabeam.core.errors import Rejected
from mabeam.core.session import check_opening, protocol_named


def test_a_bid_without_an_amount_is_refused() -> None:
    with pytest.raises(Rejected, match="amount"):
        speech_of(protocol_named("auction"), "", {})


def test_a_bid_below_zero_is_refused() -> None:
    opening = opening_of("auction", {"lot": "x"})
    bid = speech_of(protocol_named("auction"), "", {"amount": -10})
    with pytest.raises(Rejected) as caught:
        protocol_named("auction").check_speech(opening, bid)
    assert (caught.value.code, caught.value.field, caught.value.value) == (
        "auction.amount",
        "amount",
        "-10",
    )


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        opening_of("all_pay_auction", {"lot": "x"})
    assert (caught.value.code, caught.value.value) == ("session.protocol", "all_pay_auction")
    assert "dutch_auction" in caught.value.allowed


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        check_opening(opening_of("auction", {"lot": "x", "rule": "third_price"}))
    assert caught.value.code == "policy.unknown"
    assert "first_price version 1" in caught.value.allowed


def test_a_falling_clock_needs_a_first_price() -> None:
    with pytest.raises(Rejected, match="start"):
        opening_of("dutch_auction", {"lot": "x"})


def test_each_form_has_words_of_its_own() -> None:
    forms = (AUCTION, ENGLISH_AUCTION, CLOCK_AUCTION, DUTCH_AUCTION)
    found = {
        form.name: sorted(kinds_of_speech(protocol_named(form.name)))
        for form in (*forms, MULTI_UNIT_AUCTION, COMMITTED_AUCTION)
    }
    assert found == {
        "auction": ["bid_placed"],
        "english_auction": ["bid_placed", "bidder_withdrew"],
        "clock_auction": ["price_answered"],
        "dutch_auction": ["price_answered"],
        "multi_unit_auction": ["demand_stated"],
        "committed_auction": ["bid_committed", "bid_revealed"],
    }
