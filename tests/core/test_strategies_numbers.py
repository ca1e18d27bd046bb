"""Means, medians, and the choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import median as oracle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.variable import (
    AllocationType,
    Candidate,
    ChoiceType,
    FloatType,
    IntegerType,
    Value,
    VariableType,
    median,
    resolve,
)

REAL = FloatType(0, 100)
WHOLE = IntegerType(0, 100)
FRACTIONS = st.lists(st.fractions(0, 100), min_size=1, max_size=9)


def of(strategy: str, type_: VariableType, numbers: Sequence[Value], **weights: int) -> Value:
    policy = Policy(strategy, parameters={"weights": weights} if weights else {})
    candidates = [Candidate(f"p{n}", f"a{n}", value, n, 1) for n, value in enumerate(numbers)]
    return resolve(policy, "c", type_, candidates).value


@given(FRACTIONS)
def test_the_median_is_that_of_the_textbook(numbers: list[Fraction]) -> None:
    assert median(numbers) == oracle(numbers)


@given(st.lists(st.integers(40, 60), min_size=3, max_size=9), st.integers(0, 100))
def test_one_liar_moves_the_median_no_further_than_the_others_go(
    honest: list[int], lie: int
) -> None:
    assert min(honest) <= median([*map(Fraction, honest), Fraction(lie)]) <= max(honest)


def test_one_liar_moves_the_mean_wherever_it_likes() -> None:
    """The negative control of the property above: breakdown point 0."""
    honest = [40, 41, 42, 60]
    assert of("mean", REAL, [*honest, 100]) == 56.6
    assert of("mean", FloatType(0, 10**6), [*honest, 10**6]) == 200036.6
    assert of("median", FloatType(0, 10**6), [*honest, 10**6]) == 42.0


@pytest.mark.parametrize(
    ("strategy", "type_", "numbers", "expected"),
    [
        ("mean", REAL, [0.1, 0.2, 0.6], 0.3),
        ("mean", WHOLE, [1, 2], 2),
        ("mean", IntegerType(0, 100, 10), [11, 44], 30),
        ("median", REAL, [0.1, 0.2, 0.6], 0.2),
        ("median", REAL, [1, 2, 3, 10], 2.5),
        ("median", WHOLE, [7], 7),
    ],
)
def test_the_result_is_exact_and_allowed(
    strategy: str, type_: VariableType, numbers: Sequence[Value], expected: Value
) -> None:
    assert of(strategy, type_, numbers) == expected


class TestCompromise:
    """The hint of the system this one descends from: by range, then by variance."""

    def test_close_numbers_come_to_their_mean_whatever_the_weights(self) -> None:
        assert of("compromise", REAL, [0.50, 0.52, 0.57], a0=9) == 0.53

    def test_scattered_numbers_come_to_their_median(self) -> None:
        assert of("compromise", REAL, [1, 2, 60], a2=9) == 2.0

    def test_others_come_to_the_weighted_mean(self) -> None:
        assert of("compromise", REAL, [0.2, 0.8], a0=2) == 0.4
        assert of("compromise", REAL, [0.2, 0.8]) == 0.5

    def test_a_range_of_a_tenth_is_not_close_and_a_variance_of_a_half_not_scattered(self) -> None:
        assert of("compromise", REAL, [0.1, 0.2], a0=3) == 0.125
        variance_a_half = [0, 0, 1, 1, 2, 2, 1, 1]
        assert of("compromise", REAL, variance_a_half, a2=1, a4=8) == 22 / 15

    def test_the_reason_says_which(self) -> None:
        found = resolve(Policy("compromise"), "c", REAL, [Candidate("p", "a", 0.5, 2, 1)])
        assert found.reason == "mean of 0.5 = 1/2, nearest allowed 0.5"


@pytest.mark.parametrize("strategy", ["mean", "median", "compromise"])
@pytest.mark.parametrize("type_", [ChoiceType(("x", "y")), AllocationType(9)], ids=str)
def test_what_is_no_number_has_no_middle(strategy: str, type_: VariableType) -> None:
    with pytest.raises(Rejected) as caught:
        of(strategy, type_, ["x", "y"])
    assert (caught.value.code, caught.value.field) == ("conflict.unsuitable", "on_conflict")
