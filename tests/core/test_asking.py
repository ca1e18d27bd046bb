"""Openings and words made of plain fields."""

from __future__ import annotations

from typing import Any

import pytest

from mabeam.core.asking import kinds_of_speech, opening_of, speech_of
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import Participant, protocol_named

PROTOCOL = protocol_named("auction")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"participants": ["a"]}, {"participants": (Participant("a"),)}),
        ({"participants": {"a": 2}}, {"participants": (Participant("a", 2),)}),
        (
            {"participants": [{"agent": "a", "weight": 3}]},
            {"participants": (Participant("a", 3),)},
        ),
        ({"rule": "second_price"}, {"rule": Policy("second_price")}),
        ({"open_for_seconds": "1.5"}, {"open_for_ms": 1500}),
        ({"open_for_seconds": None}, {}),
    ],
    ids=str,
)
def test_short_forms_are_understood(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert opening_of("auction", {"lot": "l", **fields}) == AuctionOpened(lot="l", **expected)


@pytest.mark.parametrize(
    ("protocol", "fields", "field"),
    [
        ("duel", {}, "protocol"),
        ("auction", {"lots": 1}, "lots"),
        ("auction", {}, "AuctionOpened"),
        ("auction", {"lot": "l", "participants": 3}, "AuctionOpened"),
        ("auction", {"lot": "l", "open_for_seconds": "long"}, "open_for_seconds"),
        ("auction", {"lot": "l", "open_for_seconds": [1]}, "open_for_seconds"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(protocol: str, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Rejected) as caught:
        opening_of(protocol, fields)
    assert caught.value.field == field


def test_a_word_needs_no_name_where_there_is_but_one() -> None:
    assert kinds_of_speech(PROTOCOL) == {"bid_placed": BidPlaced}
    assert speech_of(PROTOCOL, "", {"amount": 3}) == BidPlaced(amount=3)
    assert speech_of(PROTOCOL, "bid_placed", {"amount": "3"}) == BidPlaced(amount=3)
    with pytest.raises(Rejected) as caught:
        speech_of(PROTOCOL, "shout", {})
    assert (caught.value.field, caught.value.allowed) == ("type", "bid_placed")
