"""What agents hold of one thing together: amounts and slots."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.variable import AllocationType, CompositeType, ScheduleType, check_value
from mabeam.core.variable.shares import (
    AMOUNT_MAX,
    SLOTS_MAX,
    SharedType,
    check_claim,
    gives_up,
    in_full,
    serve,
    shortage,
    slots_of,
    whole_claim,
)
from mabeam.core.variable.types import check_type, check_wish, initial_value, sample_wish

AMOUNT = AllocationType(100)
ALONE = AllocationType(100, exclusive=True)
DAY = ScheduleType(9, 17)
NAMES = st.sampled_from(["ann", "bob", "cyd", "dan"])
CLAIMS = st.dictionaries(NAMES, st.integers(0, 100), max_size=4)
STRETCHES = st.dictionaries(
    NAMES,
    st.tuples(st.integers(9, 17), st.integers(9, 17)).map(
        lambda ends: {"start": min(ends), "end": max(ends)}
    ),
    max_size=4,
)


def code_of(type_: SharedType, value: object, *, is_claim: bool = False) -> str:
    with pytest.raises(Rejected) as caught:
        check_claim(type_, value) if is_claim else check_value(type_, value)
    return caught.value.code


def stretch(start: int, end: int) -> dict[str, Any]:
    return {"start": start, "end": end}


class TestDeclarations:
    @pytest.mark.parametrize("type_", [AMOUNT, ALONE, DAY, AllocationType(0)], ids=str)
    def test_one_that_can_be_shared_out_begins_with_nothing(self, type_: SharedType) -> None:
        check_type(type_)
        assert initial_value(type_) == {}
        assert check_value(type_, {}) == {}

    @pytest.mark.parametrize(
        ("type_", "field"),
        [
            (AllocationType(-1), "type.capacity"),
            (AllocationType(AMOUNT_MAX + 1), "type.capacity"),
            (ScheduleType(3, 3), "type.high"),
            (ScheduleType(0, SLOTS_MAX + 1), "type.high"),
            (ScheduleType(AMOUNT_MAX + 1, AMOUNT_MAX + 2), "type.low"),
        ],
        ids=str,
    )
    def test_one_that_cannot_is_refused(self, type_: SharedType, field: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_type(type_)
        assert (caught.value.code, caught.value.field) == ("variable.range", field)

    def test_what_is_shared_is_no_part_of_anything(self) -> None:
        with pytest.raises(Rejected) as caught:
            check_type(CompositeType({"a": AMOUNT}))
        assert (caught.value.code, caught.value.field) == ("variable.shared", "type.parts.a")


class TestClaims:
    @pytest.mark.parametrize(
        ("type_", "claim", "canonical"),
        [
            (AMOUNT, 80, 80),
            (AMOUNT, 80.0, 80),
            (AMOUNT, 0, 0),
            (DAY, stretch(9, 11), stretch(9, 11)),
            (DAY, {"end": 11.0, "start": 9}, stretch(9, 11)),
            (DAY, stretch(9, 9), stretch(9, 9)),
        ],
        ids=str,
    )
    def test_one_has_one_form(self, type_: SharedType, claim: object, canonical: object) -> None:
        assert check_claim(type_, claim) == canonical
        assert check_wish(type_, claim) == canonical

    @pytest.mark.parametrize(
        ("type_", "claim", "code"),
        [
            (AMOUNT, 101, "variable.out_of_range"),
            (AMOUNT, -1, "variable.out_of_range"),
            (AMOUNT, 0.5, "variable.wrong_type"),
            (AMOUNT, True, "variable.wrong_type"),
            (AMOUNT, float("inf"), "variable.wrong_type"),
            (AMOUNT, 2**60, "variable.wrong_type"),
            (AMOUNT, {"ann": 3}, "variable.wrong_type"),
            (DAY, 9, "variable.parts"),
            (DAY, {"start": 9}, "variable.parts"),
            (DAY, stretch(8, 9), "variable.out_of_range"),
            (DAY, stretch(9, 18), "variable.out_of_range"),
            (DAY, stretch(11, 9), "variable.out_of_range"),
            (DAY, {"start": "9", "end": 11}, "variable.wrong_type"),
        ],
        ids=str,
    )
    def test_another_is_refused(self, type_: SharedType, claim: object, code: str) -> None:
        assert code_of(type_, claim, is_claim=True) == code

    @pytest.mark.parametrize("claim", [0, stretch(3, 3)], ids=str)
    def test_one_for_nothing_gives_up(self, claim: object) -> None:
        assert gives_up(claim)

    @pytest.mark.parametrize("type_", [AMOUNT, DAY], ids=str)
    def test_one_for_all_there_is_is_one(self, type_: SharedType) -> None:
        claim = whole_claim(type_)
        assert check_claim(type_, claim) == claim == sample_wish(type_)
        assert not gives_up(claim)


class TestValues:
    @pytest.mark.parametrize(
        ("type_", "value"),
        [
            (AMOUNT, {"ann": 53, "bob": 47}),
            (ALONE, {"ann": 100}),
            (DAY, {"ann": [[9, 10], [12, 13]], "bob": [[10, 12]]}),
        ],
        ids=str,
    )
    def test_one_maps_agents_to_shares(self, type_: SharedType, value: dict[str, Any]) -> None:
        assert check_value(type_, value) == value

    def test_stretches_that_meet_become_one(self) -> None:
        assert check_value(DAY, {"ann": [[10, 11], [9, 10]]}) == {"ann": [[9, 11]]}

    @pytest.mark.parametrize(
        ("type_", "value", "code"),
        [
            (AMOUNT, 5, "variable.wrong_type"),
            (AMOUNT, {"ann": 0}, "variable.wrong_type"),
            (AMOUNT, {"ann": "5"}, "variable.wrong_type"),
            (AMOUNT, {"ann": 53, "bob": 48}, "variable.oversubscribed"),
            (ALONE, {"ann": 1, "bob": 1}, "variable.oversubscribed"),
            (DAY, [9], "variable.wrong_type"),
            (DAY, {"ann": 9}, "variable.wrong_type"),
            (DAY, {"ann": [[9]]}, "variable.wrong_type"),
            (DAY, {"ann": []}, "variable.wrong_type"),
            (DAY, {"ann": [[9, 9]]}, "variable.out_of_range"),
            (DAY, {"ann": [[9, 18]]}, "variable.out_of_range"),
            (DAY, {"ann": [[9, 11]], "bob": [[10, 12]]}, "variable.temporal_clash"),
            (DAY, {"ann": [[9, 11], [10, 12]]}, "variable.temporal_clash"),
            (DAY, {"ann": [[9, 10]] * (SLOTS_MAX + 1)}, "variable.wrong_type"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_another_is_refused(self, type_: SharedType, value: object, code: str) -> None:
        assert code_of(type_, value) == code


class TestSharing:
    def test_claims_that_fit_are_granted_in_full(self) -> None:
        assert in_full(AMOUNT, {"ann": 80, "bob": 20, "cyd": 0}) == {"ann": 80, "bob": 20}
        assert in_full(DAY, {"ann": stretch(9, 11), "bob": stretch(11, 12)}) == {
            "ann": [[9, 11]],
            "bob": [[11, 12]],
        }

    def test_others_are_not(self) -> None:
        assert in_full(AMOUNT, {"ann": 80, "bob": 70}) is None
        assert in_full(ALONE, {"ann": 1, "bob": 1}) is None
        assert in_full(DAY, {"ann": stretch(9, 11), "bob": stretch(10, 12)}) is None
        assert in_full(DAY, {"ann": stretch(9, 11), "bob": stretch(9, 11)}) is None

    def test_served_in_order_each_takes_what_is_left(self) -> None:
        assert serve(AMOUNT, [("ann", 90), ("bob", 80)]) == {"ann": 90, "bob": 10}
        assert serve(AMOUNT, [("bob", 100), ("ann", 90)]) == {"bob": 100}
        assert serve(ALONE, [("bob", 10), ("ann", 20)]) == {"bob": 10}
        assert serve(DAY, [("ann", stretch(10, 11)), ("bob", stretch(9, 12))]) == {
            "ann": [[10, 11]],
            "bob": [[9, 10], [11, 12]],
        }

    def test_the_shortage_is_told(self) -> None:
        assert shortage(AMOUNT, {"ann": 80, "bob": 70}) == "150 of 100"
        assert shortage(ALONE, {"ann": 1, "bob": 1}) == "2 of 100, for one alone"
        claims = {"ann": stretch(9, 14), "bob": stretch(9, 10), "cyd": stretch(12, 14)}
        assert shortage(DAY, claims) == "contested: 9-10, 12-14"

    @given(CLAIMS)
    def test_amounts_are_granted_in_full_exactly_when_they_sum_to_no_more(
        self, claims: dict[str, int]
    ) -> None:
        value = in_full(AMOUNT, claims)
        assert (value is not None) == (sum(claims.values()) <= 100)
        assert value is None or value == {by: c for by, c in sorted(claims.items()) if c}

    @given(STRETCHES)
    def test_stretches_are_granted_in_full_exactly_when_none_overlap(
        self, claims: dict[str, Any]
    ) -> None:
        slots = [slot for claim in claims.values() for slot in slots_of(claim)]
        value = in_full(DAY, claims)
        assert (value is not None) == (len(slots) == len(set(slots)))

    @given(CLAIMS, STRETCHES, st.permutations(["ann", "bob", "cyd", "dan"]))
    def test_whoever_is_served_when_the_value_is_one(
        self, claims: dict[str, int], stretches: dict[str, Any], order: list[str]
    ) -> None:
        for type_, wanted in ((AMOUNT, claims), (ALONE, claims), (DAY, stretches)):
            value = serve(type_, [(by, wanted[by]) for by in order if by in wanted])
            assert check_value(type_, value) == value
