"""Exact arithmetic, compared with the plain definition in fractions."""

from __future__ import annotations

import random
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.numbers import (
    exact,
    in_digits,
    on_grid,
    to_decimal,
    to_grid,
    weighted_mean,
)

FRACTIONS = st.fractions(-1000, 1000, max_denominator=1000)
STEPS = st.fractions(Fraction(1, 1000), 10, max_denominator=1000)
RANGES = st.tuples(FRACTIONS, FRACTIONS).map(sorted)
TERMS = st.lists(st.tuples(st.integers(1, 10**9), FRACTIONS), min_size=1, max_size=20)


class TestDigits:
    @given(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
        st.integers(0, 5),
    )
    def test_equal_numbers_are_written_alike_and_others_are_not(
        self, number: Decimal, zeros: int
    ) -> None:
        sign, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)
        longer = Decimal((sign, digits + (0,) * zeros, exponent - zeros))
        if abs(number.adjusted()) <= 60:
            assert in_digits(number) == in_digits(longer)
        assert Decimal(in_digits(number)) == number

    @pytest.mark.parametrize("number", ["sNaN", "-Infinity", "1E+999999999", "1E-99"])
    def test_what_would_be_long_is_written_as_it_is(self, number: str) -> None:
        assert in_digits(Decimal(number)) == number


class TestExact:
    @pytest.mark.parametrize(
        ("number", "fraction"),
        [
            (0.1, Fraction(1, 10)),
            (-0.25, Fraction(-1, 4)),
            (1e22, Fraction(10**22)),
            (5e-324, Fraction(5, 10**324)),
            (7, Fraction(7)),
            (Decimal("0.30"), Fraction(3, 10)),
            (Decimal("1E+3"), Fraction(1000)),
        ],
    )
    def test_a_number_is_what_a_person_wrote(
        self, number: float | Decimal, fraction: Fraction
    ) -> None:
        assert exact(number) == fraction

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_a_float_comes_back(self, number: float) -> None:
        assert float(exact(number)) == number

    @given(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
    )
    def test_a_decimal_is_itself(self, number: Decimal) -> None:
        assert exact(number) == Fraction(number)

    @pytest.mark.parametrize(
        "number",
        [
            float("nan"),
            float("inf"),
            float("-inf"),
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("inf"),
        ],
        ids=str,
    )
    def test_what_is_no_number_is_refused(self, number: float | Decimal) -> None:
        with pytest.raises(Rejected) as caught:
            exact(number)
        assert (caught.value.code, caught.value.value) == ("number.not_finite", str(number))

    @pytest.mark.parametrize("number", ["1e401", "-1e999999999", "1e-999999999"])
    def test_what_would_be_a_fraction_of_endless_digits_is_refused(self, number: str) -> None:
        with pytest.raises(Rejected) as caught:
            exact(Decimal(number))
        assert caught.value.code == "number.too_large"

    def test_a_whole_number_may_have_any_length(self) -> None:
        assert exact(10**10_000) == 10**10_000


class TestToDecimal:
    @given(FRACTIONS, st.integers(0, 12))
    def test_it_is_the_nearest_with_so_many_places(self, number: Fraction, places: int) -> None:
        found = to_decimal(number, places)
        exponent = found.as_tuple().exponent
        assert isinstance(exponent, int)
        assert -exponent <= places
        assert abs(Fraction(found) - number) <= Fraction(1, 2 * 10**places)

    @given(st.fractions(-(10**40), 10**40), st.integers(0, 60))
    def test_it_is_exact_however_many_digits_that_takes(
        self, number: Fraction, places: int
    ) -> None:
        rounded = Fraction(round(number * 10**places), 10**places)
        assert Fraction(to_decimal(number, places)) == rounded

    def test_it_does_not_depend_on_the_precision_that_somebody_set(self) -> None:
        expected = to_decimal(Fraction(1, 3))
        with localcontext() as context:
            context.prec = 3
            assert to_decimal(Fraction(1, 3)) == expected == Decimal("0.333333333")

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (Fraction(1, 2), "0.5"),
            (Fraction(49, 100), "0.49"),
            (Fraction(100), "100"),
            (Fraction(0), "0"),
            (Fraction(-1, 10**10), "0"),
            (Fraction(-1200), "-1200"),
            (Fraction(1, 2 * 10**9), "0"),
            (Fraction(3, 2 * 10**9), "2E-9"),
        ],
    )
    def test_it_is_written_as_people_write(self, number: Fraction, text: str) -> None:
        assert str(to_decimal(number)) == text


class TestGrid:
    @given(FRACTIONS, STEPS, st.integers(-100, 100))
    def test_what_is_a_whole_number_of_steps_away_is_on_it(
        self, low: Fraction, step: Fraction, count: int
    ) -> None:
        assert on_grid(low + count * step, low, step)
        assert not on_grid(low + count * step + step / 2, low, step)

    @given(FRACTIONS, FRACTIONS)
    def test_without_a_step_everything_is_on_it(self, number: Fraction, low: Fraction) -> None:
        assert on_grid(number, low, None)

    @given(FRACTIONS, RANGES)
    def test_without_a_step_a_number_is_clamped(
        self, number: Fraction, ends: list[Fraction]
    ) -> None:
        low, high = ends
        assert to_grid(number, low, high) == sorted([low, number, high])[1]

    @given(FRACTIONS, RANGES, STEPS)
    def test_a_number_moves_to_the_nearest_step_within_the_range(
        self, number: Fraction, ends: list[Fraction], step: Fraction
    ) -> None:
        low, high = ends
        clamped = min(max(number, low), high)
        found = to_grid(number, low, high, step)
        assert on_grid(found, low, step)
        assert low <= found <= high
        count = (found - low) / step
        for neighbour in (low + (count - 1) * step, low + (count + 1) * step):
            if low <= neighbour <= high:
                assert abs(found - clamped) <= abs(neighbour - clamped)

    def test_halves_go_to_the_even_step(self) -> None:
        low, high, step = Fraction(0), Fraction(10), Fraction(1)
        assert to_grid(Fraction(1, 2), low, high, step) == 0
        assert to_grid(Fraction(3, 2), low, high, step) == 2

    def test_the_top_is_the_last_whole_step(self) -> None:
        assert to_grid(Fraction(10), Fraction(0), Fraction(10), Fraction(3)) == 9


class TestWeightedMean:
    @given(TERMS)
    def test_it_is_the_sum_of_products_over_the_sum_of_weights(
        self, terms: list[tuple[int, Fraction]]
    ) -> None:
        expanded = Fraction(sum(weight * value for weight, value in terms))
        assert weighted_mean(terms) * sum(weight for weight, _ in terms) == expanded

    @given(TERMS, st.randoms(use_true_random=False))
    def test_it_does_not_depend_on_the_order(
        self, terms: list[tuple[int, Fraction]], chance: random.Random
    ) -> None:
        shuffled = list(terms)
        chance.shuffle(shuffled)
        assert weighted_mean(shuffled) == weighted_mean(terms)

    @given(TERMS)
    def test_it_lies_between_the_least_and_the_greatest(
        self, terms: list[tuple[int, Fraction]]
    ) -> None:
        values = [value for _, value in terms]
        assert min(values) <= weighted_mean(terms) <= max(values)

    def test_binary_fractions_would_depend_on_the_order(self) -> None:
        """The control: why the terms are fractions."""
        terms = [0.1, 0.2, 0.3]
        assert sum(terms) != sum(reversed(terms))
        one = weighted_mean((1, exact(value)) for value in terms)
        two = weighted_mean((1, exact(value)) for value in reversed(terms))
        assert one == two == Fraction(1, 5)

    @pytest.mark.parametrize("terms", [[], [(0, Fraction(1))], [(-1, Fraction(1))]], ids=str)
    def test_nothing_has_no_mean(self, terms: list[tuple[int, Fraction]]) -> None:
        with pytest.raises(Rejected) as caught:
            weighted_mean(terms)
        assert (caught.value.code, caught.value.field) == ("mean.weights", "weights")
        assert caught.value.allowed == "a sum above 0"
