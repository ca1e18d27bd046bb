"""Openings and words made of plain fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mabeam.core import catalogue
from mabeam.core.asking import check_kind, kinds_of_speech, opening_of, speech_of
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import Participant, protocol_named

REGISTERED = catalogue.DOMAINS
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
    ("protocol", "fields", "field", "value", "allowed"),
    [
        ("auction", {"lots": 1}, "lots", 1, "rule, "),
        ("auction", {}, "lot", "", "to be given"),
        ("auction", {"lot": "l", "reserve": "ten"}, "reserve", "ten", "a whole number"),
        ("auction", {"lot": "l", "participants": 3}, "participants", 3, "a list"),
        (
            "auction",
            {"lot": "l", "participants": ["ann", {"weight": 2}]},
            "participants[1].agent",
            "",
            "to be given",
        ),
        (
            "auction",
            {"lot": "l", "participants": {"a": "x"}},
            "participants[0].weight",
            "x",
            "a whole number",
        ),
        ("auction", {"lot": "l", "rule": {"name": 3}}, "rule.name", 3, "text"),
        ("auction", {"lot": "l", "open_for_seconds": "long"}, "open_for_seconds", "long", "a num"),
        ("auction", {"lot": "l", "open_for_seconds": [1]}, "open_for_seconds", [1], "a number"),
        ("consensus", {"low": "x", "high": 1}, "low", "x", "a decimal number"),
        (
            "hierarchy",
            {"protocol": "vote", "nodes": [], "question": {1: 2}},
            "question",
            {1: 2},
            "text",
        ),
        ("auction", {"lot": "l", "visibility": "dim"}, "visibility", "dim", "open, sealed"),
        (
            "hierarchy",
            {"default": "a", "nodes": [{"name": "n", "members": [], "scope": [1]}]},
            "nodes[0].scope[0]",
            1,
            "text",
        ),
        (
            "negotiation",
            {"issues": [{"type": "rang"}]},
            "issues[0].type",
            "rang",
            "Invalid value 'rang'",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_its_place(
    protocol: str, fields: dict[str, Any], field: str, value: object, allowed: str
) -> None:
    with pytest.raises(Rejected) as caught:
        opening_of(protocol, fields)
    assert (caught.value.field, caught.value.value) == (field, str(value))
    assert caught.value.allowed.startswith(allowed)


def test_a_table_stands_for_its_value_that_does_not_fit() -> None:
    with pytest.raises(Rejected) as caught:
        speech_of(protocol_named("assignment"), "", {"costs": {"task": "dear"}})
    assert (caught.value.field, caught.value.value) == ("costs[...]", "{'task': 'dear'}")


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(Rejected, match="auction, bargaining"):
        opening_of("duel", {})


def test_a_word_needs_no_name_where_there_is_but_one() -> None:
    assert kinds_of_speech(PROTOCOL) == {"bid_placed": BidPlaced}
    assert speech_of(PROTOCOL, "", {"amount": 3}) == BidPlaced(amount=3)
    assert speech_of(PROTOCOL, "bid_placed", {"amount": "3"}) == BidPlaced(amount=3)
    with pytest.raises(Rejected) as caught:
        speech_of(PROTOCOL, "shout", {})
    assert (caught.value.field, caught.value.allowed) == ("type", "bid_placed")


def test_a_word_of_another_protocol_means_nothing() -> None:
    check_kind(PROTOCOL, BidPlaced(amount=3))
    with pytest.raises(Rejected, match="no such word in a session of auction") as caught:
        check_kind(PROTOCOL, BallotCast(value=Decimal(3)))
    assert (caught.value.value, caught.value.allowed) == ("ballot_cast", "bid_placed")
