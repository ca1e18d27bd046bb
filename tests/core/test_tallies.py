"""Tallies of numbers: what each promises, and what the mean does not."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from mabeam.core.consensus import Contribution, median, trimmed
from mabeam.core.consensus.certificate import prove
from mabeam.core.consensus.tallies import TALLIES, Tally
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.weights import capped

MEAN, MEDIAN = Policy("weighted_mean"), Policy("median")
VALUES = st.integers(-20, 20).map(Decimal)
WEIGHTS = st.integers(1, 9)


def without(liars: int) -> Policy:
    return Policy("trimmed_mean", parameters={"liars": liars})


def ballots(*values: Decimal | int, weights: tuple[int, ...] = ()) -> tuple[Contribution, ...]:
    given_weights = weights or (1,) * len(values)
    return tuple(
        Contribution(f"v{number:02}", weight, Decimal(value), number + 2)
        for number, (value, weight) in enumerate(zip(values, given_weights, strict=True))
    )


def tally(rule: Policy, cast: tuple[Contribution, ...]) -> Tally:
    """Tally, and let the certificate prove it."""
    found = TALLIES.find(rule)(cast)
    assert found is not None
    assert prove(rule, cast, found.counted, found.dropped, str(found.value)) == found.value
    return found


class TestMedian:
    def test_it_is_the_least_value_with_half_of_the_weight_at_or_below_it(self) -> None:
        assert median([(1, Fraction(5)), (1, Fraction(1)), (1, Fraction(9))]) == 5
        assert median([(1, Fraction(1)), (1, Fraction(9))]) == 1
        assert median([(5, Fraction(9)), (1, Fraction(1)), (1, Fraction(2))]) == 9

    def test_of_nothing_there_is_none(self) -> None:
        with pytest.raises(AssertionError):
            median([])

    @hypothesis_given(st.lists(st.tuples(VALUES, WEIGHTS), min_size=1, max_size=9))
    def test_it_was_said_and_parts_the_weight(self, cast: list[tuple[Decimal, int]]) -> None:
        values, weights = zip(*cast, strict=True)
        found = tally(MEDIAN, ballots(*values, weights=weights)).value
        total = sum(weights)
        assert found in {Fraction(value) for value in values}
        assert 2 * sum(w for v, w in cast if v < found) < total
        assert 2 * sum(w for v, w in cast if v > found) <= total

    @pytest.mark.parametrize("wishes", list(product(range(4), repeat=3)))
    def test_nobody_gains_by_saying_another_number(self, wishes: tuple[int, ...]) -> None:
        """Wishes are single-peaked: whoever lies gets nothing that is nearer to its wish."""
        honest = tally(MEDIAN, ballots(*wishes)).value
        for liar, lie in product(range(3), range(4)):
            said = [lie if voter == liar else wish for voter, wish in enumerate(wishes)]
            distance = abs(tally(MEDIAN, ballots(*said)).value - wishes[liar])
            assert distance >= abs(honest - wishes[liar])

    def test_of_the_mean_somebody_does(self) -> None:
        honest = tally(MEAN, ballots(0, 0, 3)).value
        lied = tally(MEAN, ballots(0, 0, 9)).value
        assert abs(lied - 3) < abs(honest - 3)


class TestLiars:
    @hypothesis_given(st.data())
    def test_with_enough_ballots_the_outcome_is_within_the_honest_range(
        self, data: st.DataObject
    ) -> None:
        liars = data.draw(st.integers(0, 3))
        honest = data.draw(st.lists(VALUES, min_size=liars + 1, max_size=8))
        lies = data.draw(st.lists(VALUES.map(lambda v: v * 1000), min_size=liars, max_size=liars))
        order = data.draw(st.permutations([*honest, *lies]))
        for rule in (without(liars), MEDIAN):
            assert min(honest) <= tally(rule, ballots(*order)).value <= max(honest)

    @hypothesis_given(st.data())
    def test_the_median_is_off_by_at_most_so_many_ranks_as_there_are_liars(
        self, data: st.DataObject
    ) -> None:
        liars = data.draw(st.integers(0, 3))
        honest = sorted(data.draw(st.lists(VALUES, min_size=2 * liars + 1, max_size=9)))
        lies = data.draw(st.lists(VALUES, min_size=liars, max_size=liars))
        found = tally(MEDIAN, ballots(*honest, *lies)).value
        middle = (len(honest) - 1) // 2
        assert (
            honest[max(0, middle - liars)] <= found <= honest[min(len(honest) - 1, middle + liars)]
        )

    @hypothesis_given(
        st.lists(st.tuples(VALUES, WEIGHTS), min_size=1, max_size=8),
        st.lists(st.tuples(VALUES.map(lambda v: v * 1000), WEIGHTS), max_size=3),
    )
    def test_with_weights_the_liars_must_have_less_than_half_or_be_few(
        self, honest: list[tuple[Decimal, int]], lies: list[tuple[Decimal, int]]
    ) -> None:
        values, weights = zip(*honest, *lies, strict=True)
        cast = ballots(*values, weights=weights)
        low, high = min(v for v, _ in honest), max(v for v, _ in honest)
        if 2 * sum(weight for _, weight in lies) < sum(weights):
            assert low <= tally(MEDIAN, cast).value <= high
        if len(lies) < len(honest):
            assert low <= tally(without(len(lies)), cast).value <= high

    def test_a_liar_with_half_of_the_weight_says_what_the_median_is(self) -> None:
        assert tally(MEDIAN, ballots(-1_000, 1, 2, weights=(2, 1, 1))).value == -1_000

    def test_one_liar_drags_the_mean_out_of_the_honest_range(self) -> None:
        assert tally(MEAN, ballots(1, 2, 3, 1_000_000)).value > 3

    def test_one_liar_too_many_drags_the_trimmed_mean_too(self) -> None:
        assert tally(without(1), ballots(1, 2, 3, 1_000, 1_000)).value > 3

    def test_too_few_ballots_come_to_nothing(self) -> None:
        assert TALLIES.find(without(1))(ballots(1, 2)) is None
        assert trimmed(ballots(1, 2), 1) is None

    def test_equal_numbers_are_dropped_in_the_order_of_names(self) -> None:
        found = tally(without(1), ballots(5, 5, 5))
        assert (found.dropped, [c.agent for c in found.counted]) == (("v00", "v02"), ["v01"])


class TestCaps:
    def test_of_nobody_there_are_none(self) -> None:
        assert capped({}, Fraction(1, 2)) == {}

    @hypothesis_given(
        st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 99), min_size=1),
        st.integers(1, 100),
    )
    def test_nobody_has_more_than_the_share_and_the_others_keep_their_proportions(
        self, weights: dict[str, int], percent: int
    ) -> None:
        found = capped(weights, Fraction(percent, 100))
        total, heaviest = sum(found.values()), max(found.values())
        if percent * len(weights) < 100:
            assert set(found.values()) == {1}
            return
        assert 100 * heaviest <= percent * total
        free = [name for name in weights if found[name] < heaviest]
        assert all(found[a] * weights[b] == found[b] * weights[a] for a in free for b in free)
        assert all(
            found[a] <= found[b] for a in weights for b in weights if weights[a] < weights[b]
        )
        if len({Fraction(found[name], weights[name]) for name in weights}) > 1:
            assert 100 * heaviest == percent * total

    @hypothesis_given(
        st.lists(st.tuples(VALUES, st.integers(1, 99)), min_size=1, max_size=6),
        st.integers(1, 100),
        st.sampled_from(["weighted_mean", "median"]),
    )
    def test_a_cap_is_proved_with_the_rest(
        self, cast: list[tuple[Decimal, int]], percent: int, name: str
    ) -> None:
        values, weights = zip(*cast, strict=True)
        rule = Policy(name, parameters={"share_percent_max": percent})
        tally(rule, ballots(*values, weights=weights))

    def test_no_agent_below_the_cap_changes_what_all_others_back(self) -> None:
        rule = Policy("median", parameters={"share_percent_max": 49})
        assert tally(rule, ballots(900, 1, 1, 1, weights=(1_000, 1, 1, 1))).value == 1


class TestCertificates:
    CAST = ballots(1, 2, 3, 40, 50, weights=(1, 2, 3, 4, 90))

    @pytest.mark.parametrize(
        ("rule", "change"),
        [
            (MEAN, {"number": "1/0"}),
            (MEAN, {"number": "2/2"}),
            (MEAN, {"number": "7"}),
            (MEAN, {"dropped": ("v00",)}),
            (MEAN, {"contributions": CAST[1:]}),
            (MEAN, {"contributions": (msgspec.structs.replace(CAST[0], weight=5), *CAST[1:])}),
            (MEDIAN, {"number": "4"}),
            (MEDIAN, {"number": "40"}),
            (without(1), {"dropped": ("v00",)}),
            (without(1), {"dropped": ("v04", "v00")}),
            (without(1), {"dropped": ("v00", "v09")}),
            (without(1), {"contributions": CAST[:3]}),
            (without(1), {"dropped": ("v01", "v04"), "contributions": (CAST[0], *CAST[2:4])}),
            (without(1), {"dropped": ("v00", "v03"), "contributions": (*CAST[1:3], CAST[4])}),
            (without(1), {"contributions": (CAST[2], CAST[1], CAST[3])}),
        ],
    )
    def test_a_false_one_is_found_out(self, rule: Policy, change: dict[str, object]) -> None:
        found = tally(rule, self.CAST)
        told: dict[str, Any] = {
            "contributions": found.counted,
            "dropped": found.dropped,
            "number": str(found.value),
        } | change
        with pytest.raises(Rejected, match="does not prove"):
            prove(rule, self.CAST, **told)

    @pytest.mark.parametrize(
        "weights",
        [
            (1, 2, 3, 4, 90),
            (1, 2, 3, 4, 9),
            (2, 2, 3, 4, 10),
            (1, 2, 3, 9, 9),
            (2, 4, 6, 8, 20),
            (0, 0, 0, 0, 0),
            (-1, -1, -1, -1, -1),
        ],
    )
    def test_false_weights_under_a_cap_are_found_out(self, weights: tuple[int, ...]) -> None:
        rule = Policy("weighted_mean", parameters={"share_percent_max": 50})
        counted = tuple(
            msgspec.structs.replace(c, weight=w) for c, w in zip(self.CAST, weights, strict=True)
        )
        # Weights of 0 would let any number be their mean.
        number = sum(c.weight * Fraction(c.value) for c in counted) / (sum(weights) or 1)
        with pytest.raises(Rejected, match="does not prove"):
            prove(rule, self.CAST, counted, (), str(Fraction(number)))

    @pytest.mark.parametrize("number", ["1e999999999", "0.2", "1_0", "+1", " 1", "9" * 5_000])
    def test_a_number_in_another_form_is_found_out_without_reckoning(self, number: str) -> None:
        with pytest.raises(Rejected, match="does not prove"):
            prove(MEAN, self.CAST, self.CAST, (), number)
