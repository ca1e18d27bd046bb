"""What values a variable may take, and the clear refusal of any other."""

from __future__ import annotations

import json
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact
from mabeam.core.variable import (
    BooleanType,
    ChoiceType,
    CompositeType,
    FloatType,
    IntegerType,
    ModuleType,
    TextType,
    VariableType,
    check_value,
)
from mabeam.core.variable.types import (
    DEPTH_MAX,
    check_type,
    initial_value,
    is_numeric,
    nearest,
)

NAN, INFINITE = float("nan"), float("inf")
TEMPERATURE = FloatType(0, 2)
SAMPLING = CompositeType({"top_p": FloatType(0.0, 1.0, 0.05), "top_k": IntegerType(1, 100)})


def refusal(type_: VariableType, value: object, field: str = "value") -> Rejected:
    with pytest.raises(Rejected) as caught:
        check_value(type_, value, field)
    return caught.value


class TestDeclarations:
    @pytest.mark.parametrize(
        ("type_", "initial"),
        [
            (FloatType(0.5, 2), 0.5),
            (FloatType(0, 2, None, 0.7), 0.7),
            (FloatType(-1.0, -1.0), -1.0),
            (FloatType(0.1, 0.7, 0.2, 0.5), 0.5),
            (IntegerType(1, 9), 1),
            (IntegerType(0, 9, 3, 6), 6),
            (IntegerType(-(10**400), 10**400, 10**400, 0), 0),
            (ChoiceType(("a", "b")), "a"),
            (ChoiceType(("a", "b"), "b"), "b"),
            (BooleanType(), False),
            (BooleanType(default=True), True),
            (TextType(), ""),
            (TextType(3, "abc"), "abc"),
            (TextType(0), ""),
            (ModuleType(("a.b:C", "d")), "a.b:C"),
            (ModuleType(("a.b:C", "d"), "d"), "d"),
            (SAMPLING, {"top_k": 1, "top_p": 0.0}),
        ],
        ids=lambda given: repr(given)[:60],
    )
    def test_a_type_that_makes_sense_has_an_initial_value(
        self, type_: VariableType, initial: object
    ) -> None:
        check_type(type_)
        assert initial_value(type_) == initial
        assert check_value(type_, initial_value(type_)) == initial

    @pytest.mark.parametrize(
        ("type_", "code", "field"),
        [
            (FloatType(2, 0), "variable.range", "type.low"),
            (FloatType(NAN, 1), "variable.range", "type.low"),
            (FloatType(0, INFINITE), "variable.range", "type.high"),
            (FloatType(-INFINITE, 0), "variable.range", "type.low"),
            (FloatType(0, 1, 0), "variable.step", "type.step"),
            (FloatType(0, 1, -0.1), "variable.step", "type.step"),
            (FloatType(0, 1, NAN), "variable.step", "type.step"),
            (FloatType(0, 1, INFINITE), "variable.step", "type.step"),
            (FloatType(0, 1, None, 1.5), "variable.out_of_range", "type.default"),
            (FloatType(0, 1, None, NAN), "variable.wrong_type", "type.default"),
            (FloatType(0, 1, 0.2, 0.3), "variable.off_step", "type.default"),
            (IntegerType(2, 1), "variable.range", "type.low"),
            (IntegerType(0, 9, 0), "variable.step", "type.step"),
            (IntegerType(0, 9, 2, 3), "variable.off_step", "type.default"),
            (ChoiceType(()), "variable.options", "type.options"),
            (ChoiceType(("a", "a")), "variable.options", "type.options"),
            (ChoiceType(("a",), "b"), "variable.no_option", "type.default"),
            (ModuleType(()), "variable.options", "type.modules"),
            (ModuleType(("a b",)), "variable.module", "type.modules"),
            (ModuleType(("a:b:c",)), "variable.module", "type.modules"),
            (ModuleType(("a.1",)), "variable.module", "type.modules"),
            (ModuleType(("a",), "b"), "variable.no_option", "type.default"),
            (TextType(-1), "variable.length", "type.length_max"),
            (TextType(2, "abc"), "variable.wrong_type", "type.default"),
            (CompositeType({}), "variable.parts", "type.parts"),
            (CompositeType({"a": IntegerType(2, 1)}), "variable.range", "type.parts.a.low"),
            (
                CompositeType({"a": CompositeType({"b": ChoiceType(())})}),
                "variable.options",
                "type.parts.a.parts.b.options",
            ),
        ],
        ids=str,
    )
    def test_a_type_that_contradicts_itself_is_refused(
        self, type_: VariableType, code: str, field: str
    ) -> None:
        with pytest.raises(Rejected) as caught:
            check_type(type_)
        assert (caught.value.code, caught.value.field) == (code, field)
        assert caught.value.allowed

    def test_composites_may_be_nested_so_deep_and_no_deeper(self) -> None:
        type_: VariableType = BooleanType()
        for _ in range(DEPTH_MAX):
            type_ = CompositeType({"a": type_})
        check_type(type_)
        for _ in range(100_000):
            type_ = CompositeType({"a": type_})
        with pytest.raises(Rejected) as caught:
            check_type(type_)
        assert caught.value.code == "variable.depth"

    @pytest.mark.parametrize("type_", [TEMPERATURE, IntegerType(0, 1)], ids=str)
    def test_numbers_can_be_averaged(self, type_: VariableType) -> None:
        assert is_numeric(type_)
        assert not is_numeric(BooleanType())

    @pytest.mark.parametrize(
        "type_",
        [
            TEMPERATURE,
            IntegerType(0, 9, 3, 6),
            ChoiceType(("a",)),
            BooleanType(),
            TextType(),
            SAMPLING,
        ],
        ids=str,
    )
    def test_a_type_is_told_by_its_tag_on_the_wire(self, type_: VariableType) -> None:
        written = msgspec.json.encode(type_)
        assert json.loads(written)["type"] == type(type_).__name__.removesuffix("Type").lower()
        assert msgspec.json.decode(written, type=VariableType) == type_


class TestNumbers:
    @pytest.mark.parametrize("value", [0, 2, 0.8, 1, 2.0])
    def test_a_number_within_the_range_is_a_value(self, value: float) -> None:
        """Numbers of the lineage, with ends and whole numbers."""
        found = check_value(TEMPERATURE, value)
        assert (found, type(found)) == (value, float)

    @pytest.mark.parametrize("value", [-0.1, 2.1, -1, 3, 10**400])
    def test_a_number_beyond_the_range_is_refused_with_field_value_and_range(
        self, value: float
    ) -> None:
        found = refusal(TEMPERATURE, value, "temperature")
        assert (found.code, found.field) == ("variable.out_of_range", "temperature")
        assert found.allowed == "a number from 0 to 2"

    @pytest.mark.parametrize(
        "value", ["0.5", "text", True, None, NAN, INFINITE, -INFINITE, [1], {"a": 1}], ids=str
    )
    @pytest.mark.parametrize("type_", [TEMPERATURE, IntegerType(0, 2)], ids=str)
    def test_what_is_no_number_is_refused(self, type_: VariableType, value: object) -> None:
        assert refusal(type_, value).code == "variable.wrong_type"

    @pytest.mark.parametrize("value", [0.1, 0.3, 0.5, 0.7])
    def test_a_step_is_counted_from_the_low_end_as_people_count(self, value: float) -> None:
        assert check_value(FloatType(0.1, 0.7, 0.2), value) == value

    @pytest.mark.parametrize("value", [0.2, 0.4, 0.30000001])
    def test_what_lies_between_two_steps_is_refused(self, value: float) -> None:
        found = refusal(FloatType(0.1, 0.7, 0.2), value)
        assert found.code == "variable.off_step"
        assert found.allowed == "a number from 0.1 to 0.7 in steps of 0.2"

    @pytest.mark.parametrize("value", [3, 3.0])
    def test_a_whole_number_may_be_written_with_a_point(self, value: float) -> None:
        found = check_value(IntegerType(0, 9), value)
        assert (found, type(found)) == (3, int)

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (3.5, "variable.wrong_type"),
            (10, "variable.out_of_range"),
            (-1, "variable.out_of_range"),
            (4, "variable.off_step"),
        ],
    )
    def test_another_number_is_no_value_of_a_whole_one(self, value: float, code: str) -> None:
        found = refusal(IntegerType(0, 9, 3), value)
        assert (found.code, found.value) == (code, str(value))
        assert found.allowed == "a whole number from 0 to 9 in steps of 3"

    @given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.fractions(-(10**7), 10**7))
    def test_the_nearest_value_of_a_float_is_a_value(
        self, one: float, two: float, number: Fraction
    ) -> None:
        type_ = FloatType(*sorted([one, two]))
        assert check_value(type_, nearest(type_, number)) == nearest(type_, number)

    @given(
        st.integers(-1000, 1000),
        st.integers(0, 1000),
        st.integers(1, 100),
        st.fractions(-2000, 2000),
    )
    def test_the_nearest_value_of_an_integer_is_on_its_grid(
        self, low: int, width: int, step: int, number: Fraction
    ) -> None:
        type_ = IntegerType(low, low + width, step)
        found = nearest(type_, number)
        assert isinstance(found, int)
        assert check_value(type_, found) == found

    @given(st.integers(0, 100), st.fractions(0, 10))
    def test_the_nearest_value_on_a_grid_of_decimals_is_on_it(
        self, steps: int, number: Fraction
    ) -> None:
        type_ = FloatType(0.1, 0.1 + steps / 10, 0.1)
        found = nearest(type_, number)
        assert isinstance(found, float)
        assert ((exact(found) - exact(0.1)) / exact(0.1)).denominator == 1
        assert check_value(type_, found) == found


class TestOthers:
    @pytest.mark.parametrize(
        ("type_", "value", "code", "allowed"),
        [
            (ChoiceType(("a", "b")), "c", "variable.no_option", "a, b"),
            (ChoiceType(("a", "b")), 1, "variable.no_option", "a, b"),
            (ModuleType(("a.b:C",)), "a.b", "variable.no_option", "a.b:C"),
            (BooleanType(), 1, "variable.wrong_type", "true or false"),
            (BooleanType(), "true", "variable.wrong_type", "true or false"),
            (TextType(3), "abcd", "variable.wrong_type", "text of at most 3 characters"),
            (TextType(3), 1, "variable.wrong_type", "text of at most 3 characters"),
        ],
        ids=str,
    )
    def test_what_is_no_value_is_refused_with_what_is(
        self, type_: VariableType, value: object, code: str, allowed: str
    ) -> None:
        found = refusal(type_, value)
        assert (found.code, found.field, found.value) == (code, "value", str(value))
        assert found.allowed == allowed

    @pytest.mark.parametrize(
        ("type_", "value"),
        [
            (ChoiceType(("a", "b")), "b"),
            (ModuleType(("a.b:C",)), "a.b:C"),
            (BooleanType(), True),
            (TextType(3), "äöü"),
        ],
        ids=str,
    )
    def test_what_is_a_value_is_returned(self, type_: VariableType, value: object) -> None:
        assert check_value(type_, value) == value


class TestComposites:
    def test_parts_are_put_in_order_and_in_their_form(self) -> None:
        found = check_value(SAMPLING, {"top_p": 1, "top_k": 5.0})
        assert json.dumps(found) == '{"top_k": 5, "top_p": 1.0}'

    @pytest.mark.parametrize(
        "value",
        [
            {"top_p": 0.5},
            {"top_p": 0.5, "top_k": 1, "x": 1},
            {},
            "text",
            1,
            [1],
            {1: 0.5, "top_k": 1},
        ],
        ids=str,
    )
    def test_other_parts_are_refused(self, value: object) -> None:
        found = refusal(SAMPLING, value, "sampling")
        assert (found.code, found.field) == ("variable.parts", "sampling")
        assert found.allowed == "the parts top_k, top_p"

    def test_the_part_at_fault_is_named(self) -> None:
        found = refusal(SAMPLING, {"top_p": 1.5, "top_k": 1}, "sampling")
        assert (found.code, found.field, found.value) == (
            "variable.out_of_range",
            "sampling.top_p",
            "1.5",
        )

    def test_parts_may_have_parts(self) -> None:
        outer = CompositeType({"sampling": SAMPLING, "verbose": BooleanType()})
        value = {"verbose": True, "sampling": {"top_k": 1, "top_p": 0.5}}
        assert check_value(outer, value) == value
        value["sampling"] = {"top_k": 0, "top_p": 0.5}
        assert refusal(outer, value).field == "value.sampling.top_k"
