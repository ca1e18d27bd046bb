"""Bargaining solutions: their properties, what they lack, and published cases."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.negotiation import (
    CONCEPTS,
    Evaluation,
    OptionsIssue,
    RangeIssue,
    outcomes,
    pareto,
    proportional,
    rational,
    solve,
    table,
    utility,
)
from support.cases import cases
from support.genius import domain, profile

Points = list[tuple[int, ...]]
WORTH = st.integers(0, 9)
PAIRS: st.SearchStrategy[Points] = st.lists(st.tuples(WORTH, WORTH), min_size=1, max_size=12)
TRIPLES: st.SearchStrategy[Points] = st.lists(
    st.tuples(WORTH, WORTH, WORTH), min_size=1, max_size=12
)
ANY = PAIRS | TRIPLES


def nothing(points: Points) -> tuple[int, ...]:
    return (0,) * len(points[0])


def dominates(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


class TestAllSolutions:
    @pytest.mark.parametrize("concept", CONCEPTS)
    @given(points=ANY)
    def test_none_dominates_what_they_choose(self, concept: str, points: Points) -> None:
        for best in solve(concept, points, nothing(points)).best:
            assert not any(dominates(point, points[best]) for point in points)

    @pytest.mark.parametrize("concept", CONCEPTS)
    @given(points=ANY, least=st.tuples(WORTH, WORTH, WORTH))
    def test_nobody_is_worse_off_than_without_an_agreement(
        self, concept: str, points: Points, least: tuple[int, ...]
    ) -> None:
        disagreement = least[: len(points[0])]
        found = solve(concept, points, disagreement)
        assert bool(found.best) == bool(rational(points, disagreement))
        for best in found.best:
            assert all(a >= b for a, b in zip(points[best], disagreement, strict=True))

    @pytest.mark.parametrize("concept", CONCEPTS)
    @given(points=ANY)
    def test_who_is_called_what_does_not_matter(self, concept: str, points: Points) -> None:
        found = solve(concept, points, nothing(points)).best
        for order in permutations(range(len(points[0]))):
            renamed = [tuple(point[place] for place in order) for point in points]
            assert solve(concept, renamed, nothing(points)).best == found

    @pytest.mark.parametrize("concept", CONCEPTS)
    @given(points=ANY, shift=st.integers(-5, 5))
    def test_where_zero_lies_does_not_matter(
        self, concept: str, points: Points, shift: int
    ) -> None:
        moved = [tuple(worth + shift for worth in point) for point in points]
        disagreement = (shift,) * len(points[0])
        assert (
            solve(concept, moved, disagreement).best == solve(concept, points, nothing(points)).best
        )

    @pytest.mark.parametrize("concept", CONCEPTS)
    def test_where_no_outcome_is_rational_there_is_none(self, concept: str) -> None:
        assert solve(concept, [(1, 0), (0, 1)], (1, 1)).best == ()

    @pytest.mark.parametrize("concept", CONCEPTS)
    def test_a_party_that_can_gain_nothing_does_not_block_the_others(self, concept: str) -> None:
        assert solve(concept, [(1, 1, 5), (2, 2, 5), (9, 0, 5)], (0, 0, 5)).best[0] in {1, 2}
        assert solve(concept, [(1, 5), (2, 5)], (0, 5)).best == (1,)


def positive(points: Points) -> bool:
    return any(all(point) for point in points)


class TestNash:
    @given(points=ANY)
    def test_the_product_of_the_gains_is_greatest(self, points: Points) -> None:
        assume(positive(points))
        best = solve("nash", points, nothing(points)).best

        def product(point: tuple[int, ...]) -> int:
            found = 1
            for worth in point:
                found *= worth
            return found

        most = max(map(product, points))
        assert {points[number] for number in best} <= {p for p in points if product(p) == most}

    @given(points=PAIRS, scale=st.integers(1, 7))
    def test_the_scale_of_a_party_does_not_matter(self, points: Points, scale: int) -> None:
        """Where all can gain at once; else the sum decides, which no scale leaves alone."""
        assume(positive(points))
        scaled: Points = [(a * scale, b) for a, b in points]
        assert solve("nash", scaled, (0, 0)).best == solve("nash", points, (0, 0)).best

    @given(points=ANY, kept=st.sets(st.integers(0, 11)))
    def test_irrelevant_alternatives_do_not_matter(self, points: Points, kept: set[int]) -> None:
        assume(positive(points))
        best = solve("nash", points, nothing(points)).best
        numbers = sorted({n for n in kept if n < len(points)} | {best[0]})
        fewer = [points[number] for number in numbers]
        assert numbers.index(best[0]) in solve("nash", fewer, nothing(points)).best


class TestKalai:
    @given(points=ANY)
    def test_the_least_gain_is_greatest(self, points: Points) -> None:
        assume(positive(points))
        best = solve("kalai", points, nothing(points)).best
        assert min(points[best[0]]) == max(map(min, points))

    def test_the_scale_of_a_party_matters(self) -> None:
        """Egalitarian gains compare parties, so they depend on their scales."""
        points = [(4, 1), (2, 2), (1, 4)]
        assert solve("kalai", points, (0, 0)).best == (1,)
        scaled = [(a, 10 * b) for a, b in points]
        assert solve("kalai", scaled, (0, 0)).best == (0,)
        assert solve("nash", scaled, (0, 0)).best == solve("nash", points, (0, 0)).best

    @given(points=PAIRS, more=PAIRS)
    def test_more_outcomes_leave_nobody_with_less_than_the_former_least(
        self, points: Points, more: Points
    ) -> None:
        assume(positive(points))
        before = points[solve("kalai", points, (0, 0)).best[0]]
        together = points + more
        after = together[solve("kalai", together, (0, 0)).best[0]]
        assert min(after) >= min(before)


class TestKalaiSmorodinsky:
    @given(points=PAIRS, scale=st.integers(1, 7))
    def test_the_scale_of_a_party_does_not_matter(self, points: Points, scale: int) -> None:
        scaled: Points = [(a * scale, b) for a, b in points]
        found = solve("kalai_smorodinsky", scaled, (0, 0))
        assert found.best == solve("kalai_smorodinsky", points, (0, 0)).best

    @given(points=PAIRS, more=PAIRS)
    def test_more_outcomes_with_the_same_ideal_leave_the_least_part_no_smaller(
        self, points: Points, more: Points
    ) -> None:
        """Monotonicity, as far as a finite set can have it: of the smaller relative gain."""
        assume(positive(points))
        ideal = solve("kalai_smorodinsky", points, (0, 0)).ideal
        together = points + [p for p in more if all(w <= m for w, m in zip(p, ideal, strict=True))]

        def least_part(of: Points) -> Fraction:
            point = of[solve("kalai_smorodinsky", of, (0, 0)).best[0]]
            return min(Fraction(w, int(m)) for w, m in zip(point, ideal, strict=True))

        assert least_part(together) >= least_part(points)

    def test_irrelevant_alternatives_matter(self) -> None:
        points = [(5, 5), (8, 4), (10, 0), (0, 10)]
        assert solve("kalai_smorodinsky", points, (0, 0)).best == (0,)
        assert solve("kalai_smorodinsky", points[:2], (0, 0)).best == (1,)


class TestPareto:
    @given(points=ANY)
    def test_it_is_what_none_dominates(self, points: Points) -> None:
        due = [n for n, p in enumerate(points) if not any(dominates(q, p) for q in points)]
        assert list(pareto(points)) == due


AMSTERDAM = ("Amsterdam_domain", "Amsterdam_party1", "Amsterdam_party2")
ENGLAND = ("EnglandZimbabwe_domain", "England", "Zimbabwe")


class TestPublished:
    """Domains of the negotiation competition ANAC, with the values that NegMAS computes."""

    @pytest.mark.parametrize(
        ("name", "files"), [("Amsterdam", AMSTERDAM), ("EnglandZimbabwe", ENGLAND)]
    )
    def test_the_solutions_are_those_published(self, name: str, files: tuple[str, ...]) -> None:
        folder = cases("negotiation")
        due = json.loads((folder / "reference.json").read_text("utf-8"))[name]
        paths = [folder / name / f"{file}.xml" for file in files]
        issues = domain(paths[0])
        profiles = [profile(path, issues) for path in paths[1:]]
        tables = [table(issues, one.evaluations) for one in profiles]
        points = [
            tuple(Fraction(units[n], one.scale) for one, units in ((t, t.units) for t in tables))
            for n in range(len(tables[0].units))
        ]
        assert [one.reservation for one in profiles] == due["reserved"]
        assert len(points) == due["n_outcomes"]
        assert len({points[n] for n in pareto(points)}) == due["pareto_size"]
        # The egalitarian solution published there counts gains from the worst outcome of each.
        worst = tuple(map(min, zip(*points, strict=True)))
        for concept, least in (("nash", (0, 0)), ("kalai", worst), ("max_welfare", (0, 0))):
            best = solve(concept, points, least).best[0]
            key = concept.replace("max_welfare", "maxwelfare")
            assert [round(float(worth), 4) for worth in points[best]] == due[key]


class TestUtilities:
    ISSUES = (
        OptionsIssue("colour", ("red", "blue")),
        RangeIssue("price", Decimal("0.5"), Decimal("1.5"), Decimal("0.25")),
    )
    EVALUATIONS = (
        Evaluation(Decimal(2), (Decimal(1), Decimal("0.5"))),
        Evaluation(Decimal(3), (Decimal(1), Decimal(0))),
    )

    def test_a_sum_of_weights_times_values_linear_in_a_range(self) -> None:
        assert utility(self.ISSUES, self.EVALUATIONS, ("red", "0.75")) == 2 + 3 * Fraction(3, 4)

    def test_the_table_holds_all_of_them_in_order(self) -> None:
        found = table(self.ISSUES, self.EVALUATIONS)
        assert [Fraction(unit, found.scale) for unit in found.units] == [
            utility(self.ISSUES, self.EVALUATIONS, outcome) for outcome in outcomes(self.ISSUES)
        ]

    def test_a_range_of_one_value_is_worth_its_low_end(self) -> None:
        issue = (RangeIssue("price", Decimal(3), Decimal(3), Decimal(1)),)
        assert utility(issue, (Evaluation(Decimal(1), (Decimal(7), Decimal(9))),), ("3",)) == 7

    MISFITS: Final = (
        EVALUATIONS[:1],
        (*EVALUATIONS, EVALUATIONS[0]),
        (Evaluation(Decimal(2), (Decimal(1),) * 3), EVALUATIONS[1]),
        (EVALUATIONS[0], Evaluation(Decimal(-1), (Decimal(1), Decimal(0)))),
        (EVALUATIONS[0], Evaluation(Decimal(1), (Decimal(1), Decimal("1e999999")))),
    )

    @pytest.mark.parametrize("evaluations", MISFITS)
    def test_those_that_do_not_fit_the_issues_are_refused(
        self, evaluations: tuple[Evaluation, ...]
    ) -> None:
        with pytest.raises(Rejected):
            table(self.ISSUES, evaluations)
        with pytest.raises(Rejected):
            utility(self.ISSUES, evaluations, ("red", "0.75"))


class TestProportionalShares:
    def test_the_lineage_is_right_where_it_was_right(self) -> None:
        """Scenarios of the system this one descends from: 60 + 50 of 100, 600 + 600 of 1,000."""
        assert proportional(100, [60, 50]) == (55, 45)
        assert proportional(1000, [600, 600]) == (500, 500)
        assert proportional(100, [80, 70]) == (53, 47)

    @given(st.integers(0, 50), st.lists(st.integers(0, 40), max_size=6))
    def test_nothing_is_lost_and_nobody_has_more_than_it_asked_for(
        self, amount: int, claims: list[int]
    ) -> None:
        parts = proportional(amount, claims)
        assert sum(parts) == min(amount, sum(claims))
        assert all(0 <= part <= claim for part, claim in zip(parts, claims, strict=True))
        if sum(claims) > amount:
            for part, claim in zip(parts, claims, strict=True):
                assert abs(part - Fraction(amount * claim, sum(claims))) < 1
