"""Amounts in proportion, slots in turns, and both by rank."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.variable import (
    AllocationType,
    Candidate,
    IntegerType,
    Resolution,
    ScheduleType,
    Value,
    VariableType,
    check_value,
    largest_remainder,
    resolve,
    taking_turns,
)

AMOUNT = AllocationType(100)
ALONE = AllocationType(100, exclusive=True)
DAY = ScheduleType(9, 17)
MORNING: dict[str, Any] = {"start": 9, "end": 13}
KEYS = {name: name.encode() for name in ("ann", "bob", "cyd", "dan")}
CLAIMS = st.dictionaries(st.sampled_from(sorted(KEYS)), st.integers(1, 500), min_size=1)
SLOTS = st.dictionaries(
    st.sampled_from(sorted(KEYS)), st.sets(st.integers(0, 20)), min_size=1, max_size=4
)


def of(
    strategy: str, type_: VariableType, said: dict[str, Value], **parameters: object
) -> Resolution:
    candidates = [Candidate(f"p{n}", by, claim, n, 1) for n, (by, claim) in enumerate(said.items())]
    return resolve(Policy(strategy, parameters=dict(parameters)), "c", type_, candidates)


class TestProportional:
    def test_eighty_and_seventy_of_a_hundred_are_53_and_47(self) -> None:
        """A scenario of the system this one descends from."""
        found = of("proportional", AMOUNT, {"ann": 80, "bob": 70})
        assert found == Resolution(
            {"ann": 53, "bob": 47}, "", "100 in proportion to ann 80, bob 70"
        )

    def test_claims_that_fit_are_granted(self) -> None:
        assert of("proportional", AMOUNT, {"ann": 20, "bob": 0}).value == {"ann": 20}

    def test_equal_remainders_go_by_what_nobody_could_choose(self) -> None:
        said: dict[str, Value] = {"ann": 99, "bob": 99}
        odd = AllocationType(99)
        found = {
            str(
                resolve(
                    Policy("proportional"),
                    f"c{n}",
                    odd,
                    [Candidate(by, by, claim, 2, 1) for by, claim in said.items()],
                ).value
            )
            for n in range(20)
        }
        assert found == {"{'ann': 49, 'bob': 50}", "{'ann': 50, 'bob': 49}"}

    @pytest.mark.parametrize("type_", [ALONE, DAY, IntegerType(0, 9)], ids=str)
    def test_only_a_resource_that_many_may_hold_is_divided(self, type_: VariableType) -> None:
        with pytest.raises(Rejected) as caught:
            of("proportional", type_, {"ann": 1, "bob": 2})
        assert caught.value.code == "conflict.unsuitable"

    def test_a_candidate_that_is_no_claim_is_refused(self) -> None:
        with pytest.raises(Rejected) as caught:
            of("proportional", AMOUNT, {"ann": 1, "bob": "all"})
        assert caught.value.code == "variable.wrong_type"

    @given(CLAIMS, st.integers(0, 400))
    def test_all_is_given_out_and_everybody_is_within_one_of_its_quota(
        self, claims: dict[str, int], capacity: int
    ) -> None:
        shares = largest_remainder(capacity, claims, KEYS)
        total = sum(claims.values())
        assert sum(shares.values()) == capacity
        for name, claim in claims.items():
            quota = Fraction(capacity * claim, total)
            assert floor(quota) <= shares[name] <= ceil(quota)
            assert shares[name] <= claim or capacity > total

    @given(CLAIMS, st.integers(0, 400))
    def test_who_claims_more_gets_no_less(self, claims: dict[str, int], capacity: int) -> None:
        shares = largest_remainder(capacity, claims, KEYS)
        ordered = sorted(claims, key=lambda name: (claims[name], shares[name]))
        assert all(
            shares[one] <= shares[two]
            for one, two in pairwise(ordered)
            if claims[one] < claims[two]
        )

    def test_with_more_to_share_out_somebody_may_get_less(self) -> None:
        """The Alabama paradox, which every method of largest remainders has (1880)."""
        keys = {name: name.encode() for name in "abc"}
        claims = {"a": 6, "b": 6, "c": 2}
        assert largest_remainder(10, claims, keys) == {"a": 4, "b": 4, "c": 2}
        assert largest_remainder(11, claims, keys) == {"a": 5, "b": 5, "c": 1}


class TestByRank:
    RANKS = {"priorities": {"high": 2, "low": 1}}

    def test_the_highest_is_served_first(self) -> None:
        """A scenario of the system this one descends from, which took all ranks for equal."""
        found = of("priority", AMOUNT, {"low": 80, "high": 90}, **self.RANKS)
        assert found == Resolution({"high": 90, "low": 10}, "high", "priority 2 against low 1")

    def test_what_only_one_may_hold_is_the_highest_ranked_s(self) -> None:
        found = of("priority", ALONE, {"low": 10, "high": 20}, **self.RANKS)
        assert found.value == {"high": 20}

    def test_slots_are_the_highest_ranked_s_and_the_rest_is_left(self) -> None:
        said: dict[str, Value] = {"low": MORNING, "high": {"start": 10, "end": 12}}
        found = of("priority", DAY, said, **self.RANKS)
        assert found.value == {"high": [[10, 12]], "low": [[9, 10], [12, 13]]}

    def test_the_latest_is_served_first(self) -> None:
        found = of("last_writer", AMOUNT, {"ann": 80, "bob": 70})
        assert found == Resolution({"ann": 30, "bob": 70}, "bob", "the latest word, at position 1")

    def test_the_latest_word_prevails(self) -> None:
        assert of("last_writer", IntegerType(0, 9), {"ann": 3, "bob": 4}).winner == "bob"

    @pytest.mark.parametrize("type_", [AMOUNT, DAY], ids=str)
    def test_claims_have_no_mean(self, type_: VariableType) -> None:
        with pytest.raises(Rejected) as caught:
            of("weighted_merge", type_, {"ann": 3})
        assert caught.value.code == "conflict.unsuitable"


class TestTimeSharing:
    def test_those_who_want_the_same_slots_take_turns(self) -> None:
        found = of("time_sharing", DAY, {"ann": MORNING, "bob": MORNING})
        assert isinstance(found.value, dict)
        assert sorted(map(str, found.value.values())) == [
            "[[10, 11], [12, 13]]",
            "[[9, 10], [11, 12]]",
        ]
        assert found.reason == "in turns: ann 2 of 4, bob 2 of 4 slots"

    def test_slots_that_one_alone_wants_are_its_own(self) -> None:
        said: dict[str, Value] = {"ann": {"start": 9, "end": 12}, "bob": {"start": 11, "end": 13}}
        found = of("time_sharing", DAY, said).value
        assert found in (
            {"ann": [[9, 11]], "bob": [[11, 13]]},
            {"ann": [[9, 12]], "bob": [[12, 13]]},
        )

    @given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
    def test_two_halve_what_they_are_at_odds_over(self, one: set[int], two: set[int]) -> None:
        turns = taking_turns({"ann": one, "bob": two}, KEYS)
        contested = one & two
        assert abs(len(turns["ann"] & contested) - len(turns["bob"] & contested)) <= 1

    @pytest.mark.parametrize("type_", [AMOUNT, IntegerType(0, 9)], ids=str)
    def test_only_time_is_shared_so(self, type_: VariableType) -> None:
        with pytest.raises(Rejected) as caught:
            of("time_sharing", type_, {"ann": 1})
        assert caught.value.code == "conflict.unsuitable"

    @given(SLOTS)
    def test_every_slot_goes_to_one_who_wants_it(self, claims: dict[str, set[int]]) -> None:
        turns = taking_turns(claims, KEYS)
        given_out = [slot for slots in turns.values() for slot in slots]
        assert len(given_out) == len(set(given_out))
        assert set(given_out) == set[int]().union(*claims.values())
        assert all(turns[name] <= claims[name] for name in claims)

    @given(st.sets(st.integers(0, 50)), st.integers(1, 4))
    def test_equal_claims_differ_by_one_slot_at_most(self, slots: set[int], many: int) -> None:
        turns = taking_turns(dict.fromkeys(sorted(KEYS)[:many], slots), KEYS)
        had = [len(one) for one in turns.values()]
        assert max(had) - min(had) <= 1

    @given(SLOTS)
    def test_the_result_is_a_value(self, claims: dict[str, set[int]]) -> None:
        said: dict[str, Value] = {
            by: {"start": min(slots), "end": max(slots) + 1}
            for by, slots in claims.items()
            if slots
        }
        if said:
            type_ = ScheduleType(0, 21)
            value = of("time_sharing", type_, said).value
            assert check_value(type_, value) == value
