"""How values in conflict become one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact
from mabeam.core.policies import Policies, Policy
from mabeam.core.variable import (
    STRATEGIES,
    BooleanType,
    Candidate,
    ChoiceType,
    FloatType,
    IntegerType,
    Referral,
    Resolution,
    Shadow,
    TextType,
    Value,
    VariableType,
    check_value,
    resolve,
    strategies,
)
from mabeam.core.variable.strategies import NoParameters, check_strategy, shadows

WHOLE = IntegerType(0, 100)
TEXTS = ChoiceType(("x", "y", "z"))
AGENTS = st.sampled_from(["ann", "bob", "cyd", "dan"])


def candidates(*said: tuple[str, Value]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(f"p{number}", by, value, number, 1) for number, (by, value) in enumerate(said, 2)
    )


def priority(**priorities: int) -> Policy:
    return Policy("priority", 1, {"priorities": priorities})


def merge(**weights: int) -> Policy:
    return Policy("weighted_merge", 1, {"weights": weights})


def merged(type_: VariableType, said: Sequence[tuple[str, Value]], **weights: int) -> Value:
    return resolve(merge(**weights), "conflict", type_, candidates(*said)).value


class TestPriority:
    def test_the_highest_ranked_proposer_prevails(self) -> None:
        said = candidates(("ann", 3), ("bob", 7))
        assert resolve(priority(ann=2, bob=1), "c", WHOLE, said) == Resolution(
            3, "ann", "priority 2 against bob 1"
        )
        assert resolve(priority(bob=1), "c", WHOLE, said).winner == "bob"

    def test_who_is_not_named_has_rank_zero(self) -> None:
        said = candidates(("ann", 3), ("bob", 7))
        assert resolve(priority(ann=-1), "c", WHOLE, said).winner == "bob"

    def test_equals_are_ordered_by_what_nobody_could_choose(self) -> None:
        said = candidates(("ann", 3), ("bob", 7))
        winners = {resolve(priority(), f"c{n}", WHOLE, said).winner for n in range(20)}
        assert winners == {"ann", "bob"}
        assert resolve(priority(), "c", WHOLE, said) == resolve(priority(), "c", WHOLE, said[::-1])

    def test_of_one_proposer_the_latest_word_counts(self) -> None:
        said = candidates(("ann", 3), ("bob", 7), ("ann", 5))
        assert resolve(priority(ann=1), "c", WHOLE, said).value == 5

    def test_one_may_stand_against_nobody(self) -> None:
        assert resolve(priority(), "c", WHOLE, candidates(("ann", 3))).reason == (
            "priority 0 against nobody"
        )


class TestWeightedMerge:
    def test_numbers_are_averaged_by_weight(self) -> None:
        """Proportions of the lineage's negotiation: 0.1, 1.2, 0.3 by 4, 3, 3 give 0.49."""
        said = [("ann", 0.1), ("bob", 1.2), ("cyd", 0.3)]
        assert merged(FloatType(0, 2), said, ann=4, bob=3, cyd=3) == 0.49

    def test_the_reason_shows_the_numbers(self) -> None:
        found = resolve(merge(ann=2), "c", WHOLE, candidates(("ann", 3), ("bob", 7)))
        assert found == Resolution(4, "", "mean of 2 x 3 + 1 x 7 = 13/3, nearest allowed 4")

    def test_the_mean_goes_to_the_nearest_step_within_the_range(self) -> None:
        assert merged(IntegerType(0, 100, 5), [("ann", 10), ("bob", 15)], ann=2) == 10
        assert merged(FloatType(0, 1, 0.1), [("ann", 0.1), ("bob", 0.4)], bob=2) == 0.3

    def test_of_anything_else_the_value_with_the_most_weight_is_taken(self) -> None:
        said = [("ann", "x"), ("bob", "y"), ("cyd", "y")]
        assert merged(TEXTS, said) == "y"
        assert merged(TEXTS, said, ann=3) == "x"
        found = resolve(merge(ann=3), "c", TEXTS, candidates(*said))
        assert (found.winner, found.reason) == ("", "weight 3 of 5")

    def test_truths_are_not_averaged(self) -> None:
        assert merged(BooleanType(), [("ann", True), ("bob", False), ("cyd", True)]) is True

    def test_equal_weights_are_ordered_by_what_nobody_could_choose(self) -> None:
        said = candidates(("ann", "x"), ("bob", "y"))
        found = {str(resolve(merge(), f"c{n}", TEXTS, said).value) for n in range(20)}
        assert found == {"x", "y"}

    @pytest.mark.parametrize(("type_", "mine", "theirs"), [(WHOLE, 100, 0), (TEXTS, "x", "y")])
    def test_who_proposes_more_often_has_no_more_weight(
        self, type_: VariableType, mine: Value, theirs: Value
    ) -> None:
        once = [("eve", mine), ("ann", theirs), ("bob", theirs)]
        often = [*once, *[("eve", mine)] * 9]
        assert merged(type_, often) == merged(type_, once)

    def test_who_changes_its_mind_is_counted_with_the_latest_word(self) -> None:
        assert merged(WHOLE, [("ann", 0), ("bob", 10), ("ann", 20)]) == 15

    @pytest.mark.parametrize("value", ["x", True, {"a": 1}], ids=repr)
    def test_what_is_no_number_cannot_be_averaged(self, value: Value) -> None:
        with pytest.raises(Rejected) as caught:
            merged(WHOLE, [("ann", 1), ("bob", value)])
        assert (caught.value.code, caught.value.field) == ("variable.wrong_type", "value")

    @given(
        st.dictionaries(AGENTS, st.tuples(st.integers(0, 100), st.integers(1, 9)), min_size=1),
        st.integers(1, 7),
    )
    def test_the_result_is_the_exact_mean_on_the_grid(
        self, said: dict[str, tuple[int, int]], step: int
    ) -> None:
        type_ = IntegerType(0, 100, step)
        weights = {by: weight for by, (_, weight) in said.items()}
        found = merged(type_, [(by, value) for by, (value, _) in said.items()], **weights)
        mean = Fraction(sum(v * w for v, w in said.values()), sum(weights.values()))
        assert check_value(type_, found) == found
        assert isinstance(found, int)
        assert abs(found - mean) <= Fraction(step, 2) or found + step > 100

    @given(st.dictionaries(AGENTS, st.floats(0, 1), min_size=1))
    def test_a_mean_of_floats_lies_between_them(self, said: dict[str, float]) -> None:
        found = merged(FloatType(0, 1), list(said.items()))
        assert isinstance(found, float)
        mean = sum(map(exact, said.values())) / len(said)
        assert found == float(mean)
        assert min(said.values()) <= found <= max(said.values())


class TestParameters:
    @pytest.mark.parametrize(
        "policy",
        [
            Policy("duel"),
            Policy("priority", 2),
            Policy("priority", 1, {"priorities": {"ann": "high"}}),
            Policy("priority", 1, {"order": ["ann"]}),
            Policy("weighted_merge", 1, {"weights": {"ann": 0}}),
            Policy("weighted_merge", 1, {"weights": {"ann": -1}}),
            Policy("weighted_merge", 1, {"weights": {"ann": 0.5}}),
        ],
        ids=str,
    )
    def test_what_does_not_fit_is_refused(self, policy: Policy) -> None:
        with pytest.raises(Rejected) as caught:
            resolve(policy, "c", WHOLE, candidates(("ann", 1)))
        assert caught.value.field in {"policy", "policy.parameters"}

    def test_what_is_known_is_listed(self) -> None:
        assert {("priority", 1), ("weighted_merge", 1)} <= set(STRATEGIES.known())


class TestShadows:
    def test_the_other_strategies_are_asked_for_comparison(self) -> None:
        said = candidates(("ann", 3), ("bob", 7))
        found = shadows(priority(ann=1), "c", WHOLE, said)
        assert Shadow("weighted_merge.v1", 5) in found
        assert "priority.v1" not in {shadow.policy for shadow in found}

    def test_they_are_asked_by_their_defaults(self) -> None:
        said = candidates(("ann", 3), ("bob", 7))
        (shadow,) = (s for s in shadows(merge(ann=9), "c", WHOLE, said) if "priority" in s.policy)
        assert shadow.value == resolve(Policy("priority"), "c", WHOLE, said).value

    def test_a_value_too_large_to_be_kept_for_comparison_is_left_out(self) -> None:
        text = TextType(20_000)
        said = candidates(("ann", "x" * 15_000), ("bob", "y"))
        found = shadows(merge(ann=9), "c", text, said)
        assert {shadow.policy: shadow.value for shadow in found}["last_writer.v1"] == "y"
        assert all(len(str(shadow.value)) == 1 for shadow in found)

    def test_a_strategy_that_refuses_a_sample_may_yet_resolve_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rules: Policies[[str, VariableType, Sequence[Candidate]], Resolution | Referral] = Policies(
            "strategy"
        )

        @rules.register("picky", 1, NoParameters)
        def _refuse(*_: object) -> Resolution:
            raise Rejected("test.picky", "not this one")

        monkeypatch.setattr(strategies, "STRATEGIES", rules)
        assert check_strategy(Policy("picky"), WHOLE) is None
