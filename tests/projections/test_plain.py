"""States in plain form, and what tells them apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from immutables import Map

from mabeam.core.auction import AuctionOpened
from mabeam.core.decider import Entity
from mabeam.core.variable import Declared, FloatType, IntegerType
from mabeam.projections.plain import fingerprint, plain


def test_every_field_is_shown_even_where_it_is_the_default() -> None:
    shown = plain(AuctionOpened(lot="x"))
    assert (shown["lot"], shown["reserve"], shown["tie_break"]) == ("x", 0, "canonical")
    assert list(shown) == sorted(AuctionOpened.__struct_fields__)


def test_a_type_that_is_one_of_several_tells_which() -> None:
    assert plain(Declared(type=IntegerType(0, 9)))["type"] == {
        "type": "integer",
        "low": 0,
        "high": 9,
        "step": 1,
        "default": None,
    }


def test_maps_are_in_order_and_everything_is_json() -> None:
    state = Map({"b": Entity(1, (Decimal("0.10"), None, True)), "a": {"y": 1.5, "x": [0]}})
    assert json.dumps(plain(state)) == (
        '{"a": {"x": [0], "y": 1.5}, "b": {"position": 1, "state": ["0.10", null, true]}}'
    )


def test_equal_states_have_equal_fingerprints_though_they_are_written_otherwise() -> None:
    one, two = AuctionOpened(lot="x"), AuctionOpened(lot="x", open_for_ms=int("30000"))
    assert one == two
    assert msgspec.json.encode(one) != msgspec.json.encode(two)
    assert fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (FloatType(0, 1), IntegerType(0, 1)),
        (Map({"a": 1}), Map({"a": 1.5})),
        ((1, 2), (2, 1)),
        ("1", 1),
    ],
    ids=str,
)
def test_other_states_have_other_fingerprints(one: object, two: object) -> None:
    assert fingerprint(one) != fingerprint(two)


def test_the_order_in_which_a_map_was_filled_does_not_matter() -> None:
    assert fingerprint(Map({"a": 1, "b": 2})) == fingerprint(Map({"b": 2, "a": 1}))


@pytest.mark.parametrize("state", [object(), {"a": (object(),)}], ids=["itself", "a part"])
def test_what_is_no_state_has_no_plain_form(state: object) -> None:
    with pytest.raises(NotImplementedError, match="has no plain form"):
        plain(state)


def test_what_events_of_ones_own_hold_is_plain_as_on_the_wire() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert plain((moment, b"ab", {"b", "a"})) == ["2026-01-02T03:04:05Z", "YWI=", ["a", "b"]]
