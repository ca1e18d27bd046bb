"""What several variables must satisfy together."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from immutables import Map

from mabeam.core.decider import Decider, Entity
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.numbers import exact
from mabeam.core.reactor import Part
from mabeam.core.subjects import Boundary
from mabeam.core.testing import Said, given, said
from mabeam.core.variable import (
    CONSTRAINT_INITIAL,
    VARIABLE,
    Condition,
    Constrained,
    Constraint,
    ConstraintChecked,
    ConstraintDeclared,
    ConstraintState,
    Declared,
    FloatType,
    Implies,
    IntegerType,
    Linear,
    TextType,
    Value,
    VariableState,
    declare_constraint,
    evolve_constraint,
    variables_of,
)
from mabeam.core.variable.constraints import check_constraint

NAN = float("nan")
BUDGET = Linear({"x": 1, "y": 2}, "<=", 10)
GROQ = Implies((Condition("provider", "==", "groq"),), (Condition("temperature", "<=", 1.5),))
# A constraint has no commands of its own, but a history like everything else.
CONSTRAINT: Decider[None, ConstraintState] = Decider(
    CONSTRAINT_INITIAL, lambda _, __: (), evolve_constraint
)


def holds(constraint: Constraint, values: Mapping[str, Value]) -> bool:
    try:
        check_constraint("c", constraint, values)
    except Rejected as refusal:
        if refusal.code != "constraint.violated":
            raise
        return False
    return True


class TestLinear:
    @pytest.mark.parametrize(
        ("relation", "sums"),
        [
            ("==", {10}),
            ("!=", {9, 11}),
            ("<", {9}),
            ("<=", {9, 10}),
            (">", {11}),
            (">=", {10, 11}),
        ],
    )
    def test_a_sum_stands_in_a_relation_to_a_bound(self, relation: str, sums: set[int]) -> None:
        constraint = Linear({"x": 1}, relation, 10)  # type: ignore[arg-type]  # one of the six
        assert {value for value in (9, 10, 11) if holds(constraint, {"x": value})} == sums

    @hypothesis_given(
        st.dictionaries(st.sampled_from("abc"), st.floats(-10, 10), min_size=1), st.floats(-10, 10)
    )
    def test_sums_are_exact(self, weights: dict[str, float], bound: float) -> None:
        values = dict.fromkeys(weights, 0.1)
        total = sum((exact(w) / 10 for w in weights.values()), Fraction(0))
        assert holds(Linear(dict(weights), "<=", bound), values) == (total <= exact(bound))

    def test_tenths_add_up(self) -> None:
        assert holds(Linear({"x": 1, "y": 1}, "==", 0.3), {"x": 0.1, "y": 0.2})

    @pytest.mark.parametrize("value", ["1", True, {"a": 1}], ids=str)
    def test_only_numbers_are_added(self, value: Value) -> None:
        with pytest.raises(Rejected) as caught:
            check_constraint("c", BUDGET, {"x": value, "y": 1})
        assert (caught.value.code, caught.value.field) == ("constraint.no_number", "x")

    @pytest.mark.parametrize(
        "constraint", [Linear({"x": NAN}, "<", 1), Linear({"x": 1}, "<", NAN)], ids=str
    )
    def test_only_numbers_are_reckoned_with(self, constraint: Linear) -> None:
        with pytest.raises(Rejected) as caught:
            check_constraint("c", constraint, {"x": 1})
        assert caught.value.code == "number.not_finite"

    def test_what_breaks_it_is_shown_with_all_values(self) -> None:
        with pytest.raises(Rejected) as caught:
            check_constraint("budget", BUDGET, {"x": 5, "y": 4, "z": 0})
        assert caught.value.field == "constraint budget"
        assert caught.value.value == "x = 5, y = 4"
        assert caught.value.allowed == "1 * x + 2 * y <= 10"


class TestImplies:
    @pytest.mark.parametrize(
        ("provider", "temperature", "answer"),
        [("groq", 1.5, "met"), ("groq", 1.8, "broken"), ("openai", 1.8, "met")],
    )
    def test_a_condition_calls_for_another(
        self, provider: str, temperature: float, answer: str
    ) -> None:
        """The composite of the lineage: groq allows no more than 1.5."""
        met = holds(GROQ, {"provider": provider, "temperature": temperature})
        assert met == (answer == "met")

    def test_what_breaks_it_is_shown_with_all_values(self) -> None:
        with pytest.raises(Rejected) as caught:
            check_constraint("range", GROQ, {"provider": "groq", "temperature": 1.8})
        assert caught.value.value == "provider = 'groq', temperature = 1.8"
        assert caught.value.allowed == "temperature <= 1.5 whenever provider == groq"

    def test_all_conditions_call_for_all_others(self) -> None:
        both = Implies(
            (Condition("a", ">", 0), Condition("b", ">", 0)),
            (Condition("c", ">", 0), Condition("d", ">", 0)),
        )
        assert holds(both, {"a": 1, "b": 0, "c": 0, "d": 0})
        assert not holds(both, {"a": 1, "b": 1, "c": 1, "d": 0})
        assert holds(both, {"a": 1, "b": 1, "c": 1, "d": 1})

    @pytest.mark.parametrize("value", [1, 1.0, "true"], ids=repr)
    def test_a_truth_is_no_number(self, value: float | str) -> None:
        """As in JSON and in every other language that reads the log."""
        assert not holds(Implies((), (Condition("a", "==", value),)), {"a": True})
        assert holds(Implies((), (Condition("a", "!=", value),)), {"a": True})

    def test_whole_numbers_equal_fractions(self) -> None:
        assert holds(Implies((), (Condition("a", "==", 1.0),)), {"a": 1})
        assert holds(Implies((), (Condition("a", "==", value=True),)), {"a": True})

    def test_only_numbers_have_an_order(self) -> None:
        cases: list[tuple[Value, Condition]] = [
            ("x", Condition("a", "<", 1)),
            (1, Condition("a", "<", "x")),
        ]
        for value, condition in cases:
            with pytest.raises(Rejected) as caught:
                check_constraint("c", Implies((), (condition,)), {"a": value})
            assert caught.value.code == "constraint.no_number"


def test_a_constraint_knows_its_variables() -> None:
    assert variables_of(Linear({"y": 1, "x": 1}, "<", 1)) == ("x", "y")
    assert variables_of(GROQ) == ("provider", "temperature")


def declared(constraint: Constraint = BUDGET, **values: Value) -> ConstraintDeclared:
    return ConstraintDeclared(constraint=constraint, values=values)


class TestHistory:
    def test_a_declaration_holds_with_its_values(self) -> None:
        state = given(CONSTRAINT, declared(x=1, y=2)).state
        assert state == ConstraintState(BUDGET, Map({"x": 1, "y": 2}))

    def test_the_first_declaration_holds(self) -> None:
        other = said(declared(Linear({"x": 1}, "<", 1), x=0), "eve")
        first = given(CONSTRAINT, declared(x=1, y=2))
        assert given(CONSTRAINT, declared(x=1, y=2), other).state == first.state

    def test_a_declaration_without_all_its_values_is_none(self) -> None:
        """It could not be checked, and every change of its variables would fail."""
        state = given(CONSTRAINT, said(declared(x=1), "eve")).state
        assert state == CONSTRAINT_INITIAL
        state.check("c", "x", 100)

    def test_checks_move_the_values(self) -> None:
        state = given(
            CONSTRAINT, declared(x=1, y=2), ConstraintChecked(variable="x", value=6)
        ).state
        assert dict(state.values) == {"x": 6, "y": 2}

    @pytest.mark.parametrize(
        "fact", [said(ConstraintChecked(variable="x", value=6), "eve"), Constrained(constraint="c")]
    )
    def test_other_facts_change_nothing(self, fact: Event | Said) -> None:
        before = given(CONSTRAINT, declared(x=1, y=2)).state
        assert given(CONSTRAINT, declared(x=1, y=2), fact).state == before

    def test_a_change_is_checked_with_the_other_values(self) -> None:
        state = given(CONSTRAINT, declared(x=1, y=2)).state
        state.check("budget", "x", 6)
        with pytest.raises(Rejected) as caught:
            state.check("budget", "x", 7)
        assert caught.value.value == "x = 7, y = 2"


def variable(*past: Event) -> Entity[VariableState]:
    return given(VARIABLE, *past).entity


WHOLE = Declared(type=IntegerType(0, 9))
NOTHING = Entity(0, CONSTRAINT_INITIAL)


class TestDeclaring:
    def test_it_is_recorded_together_with_a_link_from_each_variable(self) -> None:
        variables = {"x": variable(WHOLE), "y": variable(Constrained(constraint="z"), WHOLE)}
        assert declare_constraint("budget", BUDGET, NOTHING, variables) == (
            Part(Boundary("constraint", "budget"), 0, (declared(x=0, y=0),)),
            Part(Boundary("variable", "x"), 1, (Constrained(constraint="budget"),)),
            Part(Boundary("variable", "y"), 2, (Constrained(constraint="budget"),)),
        )

    def test_the_same_again_changes_nothing(self) -> None:
        present = given(CONSTRAINT, declared(x=0, y=0)).entity
        assert declare_constraint("budget", BUDGET, present, {}) == ()

    def test_another_under_the_same_name_is_refused(self) -> None:
        present = given(CONSTRAINT, declared(x=0, y=0)).entity
        with pytest.raises(Rejected) as caught:
            declare_constraint("budget", GROQ, present, {})
        assert (caught.value.code, caught.value.value) == ("constraint.declared", "budget")

    def test_an_undeclared_variable_is_refused(self) -> None:
        with pytest.raises(Rejected) as caught:
            declare_constraint("b", BUDGET, NOTHING, {"x": variable(WHOLE), "y": variable()})
        assert (caught.value.code, caught.value.field) == ("variable.undeclared", "variable")
        assert caught.value.value == "y"

    def test_present_values_that_break_it_are_refused(self) -> None:
        high = Declared(type=IntegerType(0, 9, 1, 9))
        with pytest.raises(Rejected) as caught:
            declare_constraint("b", BUDGET, NOTHING, {"x": variable(high), "y": variable(high)})
        assert (caught.value.code, caught.value.value) == ("constraint.violated", "x = 9, y = 9")

    def test_a_sum_of_texts_is_refused(self) -> None:
        variables = {"x": variable(Declared(type=TextType())), "y": variable(WHOLE)}
        with pytest.raises(Rejected, match="only numbers"):
            declare_constraint("b", BUDGET, NOTHING, variables)

    @pytest.mark.parametrize("side", ["when", "then"])
    def test_a_condition_on_what_is_no_number_is_refused(self, side: str) -> None:
        """It would be written as null, and nobody could read the declaration."""
        sides = {"when": (), "then": (), side: (Condition("x", "==", NAN),)}
        with pytest.raises(Rejected) as caught:
            declare_constraint("b", Implies(**sides), NOTHING, {"x": variable(WHOLE)})
        assert caught.value.code == "number.not_finite"

    def test_an_illegal_name_is_refused(self) -> None:
        with pytest.raises(Rejected) as caught:
            declare_constraint("", Linear({"x": 1}, "<", 9), NOTHING, {"x": variable(WHOLE)})
        assert (caught.value.code, caught.value.field) == ("name.illegal", "constraint")

    def test_a_variable_can_bear_only_so_many(self) -> None:
        """A change is recorded with one check for each, and an append is bounded."""
        crowded = variable(WHOLE, *(Constrained(constraint=f"c{n}") for n in range(64)))
        with pytest.raises(Rejected) as caught:
            declare_constraint("more", Linear({"x": 1}, "<", 9), NOTHING, {"x": crowded})
        assert (caught.value.code, caught.value.value) == ("constraint.too_many", "x")

    def test_a_float_declared_by_whole_ends_is_a_number(self) -> None:
        variables = {"x": variable(Declared(type=FloatType(0, 1))), "y": variable(WHOLE)}
        assert len(declare_constraint("b", BUDGET, NOTHING, variables)) == 3
