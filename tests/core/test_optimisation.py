"""Constraint optimisation: published cases, what is promised, and what is known not to hold."""

from __future__ import annotations

import ast
import json
import random
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.errors import Rejected
from mabeam.core.optimisation import (
    Constraint,
    Group,
    Problem,
    Size,
    Variable,
    activates,
    best_move,
    bounded_plan,
    dsa,
    eliminate,
    induced_width,
    is_one_optimal,
    is_tree,
    max_sum,
    mgm,
    min_fill_order,
    plan,
    problem_of,
    proved_bound,
    solve,
    winners,
)
from mabeam.core.optimisation.certificate import GROUP_CELLS_MAX
from mabeam.core.optimisation.model import check_constraint, check_variables
from support.cases import cases
from support.graphs import brute_force, groups_of, problems, trees
from support.pydcop import evaluate, problem_in_file

TWO = ("R", "G")


def costs(*numbers: int | None) -> tuple[Decimal | None, ...]:
    return tuple(None if number is None else Decimal(number) for number in numbers)


def variables(names: str, domain: tuple[str, ...] = TWO) -> tuple[Variable, ...]:
    return tuple(Variable(name, domain, "ann") for name in names.split())


def optimum(problem: Problem) -> tuple[Decimal, int, dict[str, str]]:
    """Return the best cost, what it breaks, and the assignment, proved."""
    found = solve(problem)
    total = problem.total(found.values)
    assert proved_bound(problem, groups_of(found)) == found.bound == total
    values = {one.variable: one.value for one in problem.assigned(found.values)}
    return problem.shown(total), problem.violations(total), values


class TestPublishedCases:
    """Problems of pyDCOP's tests and tutorials, and of Petcu's thesis, with their optima."""

    TUTORIAL = (
        Constraint(("v1", "v2"), costs(5, 8, 20, 3)),
        Constraint(("v1", "v3"), costs(5, 10, 20, 3)),
        Constraint(("v2", "v3"), costs(5, 4, 3, 3)),
        Constraint(("v2", "v4"), costs(3, 8, 10, 3)),
    )

    def test_the_tutorial_costs_12_at_least(self) -> None:
        found = optimum(problem_of(variables("v1 v2 v3 v4"), self.TUTORIAL))
        assert found == (Decimal(12), 0, dict.fromkeys(["v1", "v2", "v3", "v4"], "G"))

    def test_the_tutorial_costs_53_at_most(self) -> None:
        found = optimum(problem_of(variables("v1 v2 v3 v4"), self.TUTORIAL, "max"))
        assert found == (Decimal(53), 0, {"v1": "G", "v2": "R", "v3": "R", "v4": "G"})

    def test_petcus_example_pays_15(self) -> None:
        """A. Petcu, A Class of Algorithms for Distributed Constraint Optimization, p. 56."""
        tables = (
            Constraint(("x1", "x0"), costs(2, 2, 3, 5, 3, 7, 6, 3, 1)),
            Constraint(("x2", "x1"), costs(0, 2, 1, 3, 4, 6, 5, 2, 5)),
            Constraint(("x3", "x1"), costs(6, 2, 3, 3, 3, 2, 4, 4, 1)),
        )
        problem = problem_of(variables("x0 x1 x2 x3", ("a", "b", "c")), tables, "max")
        assert optimum(problem)[0] == 15
        published = [problem.variables[0].domain.index(value) for value in "acba"]
        assert problem.shown(problem.total(published)) == 15

    @pytest.mark.parametrize(
        ("file", "best"),
        [
            ("graph_coloring1.yaml", "-0.1"),
            ("graph_coloring_3agts.yaml", "-0.1"),
            ("graph_coloring_csp.yaml", "0"),
            ("graph_coloring_tuto.yaml", "12"),
            ("graph_coloring_tuto_max.yaml", "53"),
            ("graph_coloring_10_4_15_0.1.yml", "0"),
        ],
    )
    def test_files_have_the_optima_that_were_published(self, file: str, best: str) -> None:
        folder = cases("dcop")
        stated = json.loads((folder / "expected.json").read_text("utf-8"))[file]
        assert Decimal(str(stated["opt"])) == Decimal(best)
        problem = problem_in_file(folder / file)
        assert optimum(problem)[0] == Decimal(best)
        if "induced_width" in stated:
            assert induced_width(problem, min_fill_order(problem)) <= stated["induced_width"]

    def test_expressions_run_no_code(self) -> None:
        with pytest.raises(ValueError, match="not understood"):
            evaluate(ast.parse("__import__('os')", mode="eval").body, {})


class TestElimination:
    @given(problems())
    def test_it_finds_what_trying_everything_finds(self, problem: Problem) -> None:
        found = solve(problem)
        assert found.bound == problem.total(found.values) == brute_force(problem)
        assert proved_bound(problem, groups_of(found)) == found.bound

    @given(problems(), st.randoms(use_true_random=False))
    def test_any_order_comes_to_the_same(self, problem: Problem, chance: random.Random) -> None:
        order = list(range(len(problem.sizes)))
        chance.shuffle(order)
        found = eliminate(problem, plan(problem, order))
        assert found.bound == solve(problem).bound
        assert max((len(c.planned.scope) for c in found.clusters), default=0) <= found.plan.width

    @given(problems(), st.integers(1, 30))
    def test_smaller_tables_give_a_bound_and_an_assignment_that_costs_no_less(
        self, problem: Problem, cells_max: int
    ) -> None:
        found = eliminate(problem, plan(problem, min_fill_order(problem), cells_max))
        best = brute_force(problem)
        assert found.bound <= best <= problem.total(found.values)
        assert proved_bound(problem, groups_of(found)) == found.bound
        if found.plan.is_exact:
            assert found.bound == best == problem.total(found.values)

    def test_smaller_tables_are_not_exact(self) -> None:
        """The control: two colours do not suffice for a triangle, which pairs cannot see."""
        triangle = [
            Constraint(pair, costs(1, 0, 0, 1)) for pair in (("a", "b"), ("b", "c"), ("a", "c"))
        ]
        problem = problem_of(variables("a b c"), tuple(triangle))
        found = eliminate(problem, plan(problem, min_fill_order(problem), 4))
        assert not found.plan.is_exact
        assert found.bound < brute_force(problem) == solve(problem).bound

    def test_the_width_is_looked_at_before_anything_is_joined(self) -> None:
        many = variables(" ".join(f"v{n}" for n in range(40)), tuple("abcdefghij"))
        all_pairs = tuple(
            Constraint((one.name, other.name), costs(*range(100)))
            for one, other in product(many, many)
            if one.name < other.name
        )
        problem = problem_of(many, all_pairs)
        with pytest.raises(Rejected, match="too wide") as caught:
            solve(problem)
        assert caught.value.value.startswith("39, with 1111")
        assert not bounded_plan(problem, Size(100_000, 100_000)).is_exact

    def test_a_chain_is_narrow_and_a_ring_is_not_wider_than_two(self) -> None:
        five = variables("a b c d e")
        chain = tuple(Constraint((x, y), costs(0, 1, 1, 0)) for x, y in pairwise("abcde"))
        ring = (*chain, Constraint(("e", "a"), costs(0, 1, 1, 0)))
        for tables, width in ((chain, 1), (ring, 2)):
            problem = problem_of(five, tables)
            assert induced_width(problem, min_fill_order(problem)) == width

    def test_a_bad_order_of_a_star_is_wide(self) -> None:
        star = tuple(Constraint(("m", x), costs(0, 1, 1, 0)) for x in "abcd")
        problem = problem_of(variables("m a b c d"), star)
        assert induced_width(problem, [0, 1, 2, 3, 4]) == 4
        assert induced_width(problem, min_fill_order(problem)) == 1

    def test_ties_go_by_the_key(self) -> None:
        problem = problem_of(variables("a b"), ())
        assert solve(problem).values == (0, 0)
        by_last = solve(problem, tie_key=lambda _, value: bytes([9 - value]))
        assert by_last.values == (1, 1)

    def test_the_least_plan_is_returned_though_it_does_not_fit(self) -> None:
        problem = problem_of(variables("a b"), (Constraint(("a", "b"), costs(1, 2, 3, 4)),))
        planned = bounded_plan(problem, Size(1, 1))
        assert (planned.cells, planned.message_cells) == (6, 3)

    def test_what_cannot_be_kept_is_broken_as_little_as_possible(self) -> None:
        apart = costs(None, 0, 0, None)
        triangle = tuple(Constraint(pair, apart) for pair in (("a", "b"), ("b", "c"), ("a", "c")))
        problem = problem_of(variables("a b c"), (*triangle, Constraint(("a",), costs(7, 3))))
        found = optimum(problem)
        assert found[:2] == (Decimal(3), 1)


class TestCertificate:
    PROBLEM = problem_of(
        variables("a b c"),
        (
            Constraint(("a", "b"), costs(1, 4, 2, 7)),
            Constraint(("b", "c"), costs(3, 0, 5, 2)),
            Constraint(("c",), costs(2, 1)),
        ),
    )
    PROOF = groups_of(solve(PROBLEM))

    def refused(self, *groups: Group) -> str:
        with pytest.raises(Rejected) as caught:
            proved_bound(self.PROBLEM, groups)
        assert caught.value.code == "optimisation.certificate"
        return caught.value.field

    def test_every_number_of_it_matters(self) -> None:
        assert proved_bound(self.PROBLEM, self.PROOF) == solve(self.PROBLEM).bound
        for number, group in enumerate(self.PROOF):
            for cell in range(len(group.costs)):
                for step in (-1, 1):
                    changed = list(group.costs)
                    changed[cell] += step
                    groups = list(self.PROOF)
                    groups[number] = msgspec.structs.replace(group, costs=tuple(changed))
                    assert self.refused(*groups).startswith("message of group")

    def test_nothing_is_left_out_or_counted_twice(self) -> None:
        assert self.refused() == "tables"
        assert self.refused(*self.PROOF, self.PROOF[0]) == "tables"
        first, *others = self.PROOF
        assert self.refused(first, *(msgspec.structs.replace(o, messages=()) for o in others)) == (
            "messages"
        )
        lone = Group(0, (), (), (), (0,))
        assert proved_bound(self.PROBLEM, [*self.PROOF, lone]) == solve(self.PROBLEM).bound

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"scope": (1, 1)}, "scope of group 0"),
            ({"scope": (9,)}, "scope of group 0"),
            ({"variable": -1}, "scope of group 0"),
            ({"scope": (2,)}, "scope of group 0"),
            ({"costs": (1, 2, 3)}, "message of group 0"),
        ],
        ids=str,
    )
    def test_a_message_is_about_what_it_says(self, changes: dict[str, Any], field: str) -> None:
        first, *others = self.PROOF
        assert self.refused(msgspec.structs.replace(first, **changes), *others) == field

    def test_messages_do_not_run_in_circles(self) -> None:
        pair = [Group(0, (0, 1, 2), (1,), (1,), (0, 0)), Group(1, (), (0,), (0,), (0, 0))]
        assert self.refused(*pair) == "messages of group 0"

    def test_a_proof_has_a_bound_of_its_own(self) -> None:
        many = variables(" ".join(f"v{n}" for n in range(4)), tuple(map(str, range(64))))
        problem = problem_of(many, ())
        group = Group(0, (), (), (1, 2, 3), (0,) * 64**3)
        assert GROUP_CELLS_MAX < 64**4
        with pytest.raises(Rejected, match="message of group 0"):
            proved_bound(problem, [group, Group(1, (), (0,), (), (0,))])


class TestMgm:
    @given(problems(), st.text(max_size=3))
    def test_the_total_never_rises_and_the_end_is_one_optimal(
        self, problem: Problem, seed: str
    ) -> None:
        trace = mgm(problem, problem.initial(), 1000, seed)
        totals = [problem.total(values) for values in trace]
        assert all(later < earlier for earlier, later in pairwise(totals))
        assert is_one_optimal(problem, trace[-1])

    @given(problems(), st.integers(0, 3))
    def test_it_ends_after_so_many_rounds(self, problem: Problem, rounds: int) -> None:
        assert len(mgm(problem, problem.initial(), rounds)) <= rounds + 1

    @given(problems())
    def test_no_two_neighbours_move_at_once(self, problem: Problem) -> None:
        for before, after in pairwise(mgm(problem, problem.initial(), 50)):
            moved = {n for n, (x, y) in enumerate(zip(before, after, strict=True)) if x != y}
            assert all(not problem.neighbours(one) & moved for one in moved)

    def test_it_is_not_optimal(self) -> None:
        """The control: from a local optimum it does not go on to the better one."""
        problem = problem_of(variables("a b"), (Constraint(("a", "b"), costs(1, 9, 9, 0)),))
        assert mgm(problem, (0, 0), 10) == [(0, 0)]
        assert problem.total((0, 0)) > solve(problem).bound

    def test_equal_gains_of_neighbours_are_parted_by_the_seed(self) -> None:
        problem = problem_of(variables("a b"), (Constraint(("a", "b"), costs(1, 0, 0, 1)),))
        chosen = {winners(problem, {0: 5, 1: 5}, "s", n) for n in range(20)}
        assert chosen == {frozenset({0}), frozenset({1})}
        assert winners(problem, {0: 5, 1: 0}, "s") == {0}


class TestDsa:
    COLOURS = problem_of(variables("a b"), (Constraint(("a", "b"), costs(1, 0, 0, 1)),))

    def test_the_total_may_rise(self) -> None:
        """The control of what MGM promises: neighbours that move at once can lose."""
        table = Constraint(("a", "b"), costs(1, 0, 0, 9))
        problem = problem_of(variables("a b"), (table,))
        traces = [dsa(problem, (0, 0), 1, Fraction(9, 10), str(n)) for n in range(30)]
        assert any(problem.total(t[-1]) > problem.total(t[0]) for t in traces)

    @given(problems(), st.integers(1, 9), st.integers(0, 4))
    def test_rounds_are_bounded_and_can_be_thrown_again(
        self, problem: Problem, tenths: int, rounds: int
    ) -> None:
        trace = dsa(problem, problem.initial(), rounds, Fraction(tenths, 10), "s")
        assert len(trace) <= rounds + 1
        assert trace == dsa(problem, problem.initial(), rounds, Fraction(tenths, 10), "s")

    def test_it_rests_where_nobody_can_gain(self) -> None:
        assert dsa(self.COLOURS, (0, 1), 9, Fraction(1)) == [(0, 1)]

    def test_chance_is_as_probable_as_it_says(self) -> None:
        thrown = sum(activates(Fraction(7, 10), "s", n) for n in range(2000))
        assert 1300 < thrown < 1500
        assert activates(Fraction(1), "s", 1)

    def test_a_move_is_to_the_first_of_the_best(self) -> None:
        problem = problem_of(variables("a", ("x", "y", "z")), (Constraint(("a",), costs(2, 1, 1)),))
        assert best_move(problem, (0,), 0) == (1, problem.total((0,)) - problem.total((1,)))
        assert best_move(problem, (2,), 0) == (2, 0)


class TestMaxSum:
    @settings(max_examples=100)
    @given(trees())
    def test_it_is_exact_on_trees(self, problem: Problem) -> None:
        assert is_tree(problem)
        rounds = len(problem.sizes) + len(problem.tables)
        assert problem.total(max_sum(problem, rounds)) == brute_force(problem)

    def test_equals_are_parted_alike_by_all_variables(self) -> None:
        same = tuple(map(Decimal, (0, 1, 1, 0)))
        pair = problem_of(variables("a b", ("x", "y")), (Constraint(("a", "b"), same),))
        found = {max_sum(pair, 9, str(seed)) for seed in range(20)}
        assert found == {(0, 0), (1, 1)}

    def test_what_nobody_charges_for_is_chosen_by_chance_alone(self) -> None:
        free = problem_of(variables("a", ("x", "y")), ())
        assert {max_sum(free, 1, str(seed)) for seed in range(20)} == {(0,), (1,)}

    def test_it_is_not_exact_on_loops(self) -> None:
        """The control: where all are joined with all, it ends up wrong now and then."""
        chance = random.Random(7)
        wrong = 0
        for _ in range(40):
            joined = tuple(
                Constraint(pair, costs(*chance.choices(range(10), k=9)))
                for pair in combinations(("v0", "v1", "v2", "v3"), 2)
            )
            problem = problem_of(variables("v0 v1 v2 v3", ("a", "b", "c")), joined)
            assert not is_tree(problem)
            wrong += problem.total(max_sum(problem, 20)) > brute_force(problem)
        assert wrong


class TestModel:
    @pytest.mark.parametrize(
        ("given_variables", "code"),
        [
            (variables("a a"), "optimisation.variables"),
            ((Variable("", TWO, "ann"),), "optimisation.variables"),
            (variables("a", ()), "optimisation.domain"),
            (variables("a", ("x", "x")), "optimisation.domain"),
            (variables("a", ("",)), "optimisation.domain"),
            (variables("a", tuple(map(str, range(65)))), "optimisation.domain"),
            ((Variable("a", TWO, "ann", initial="B"),), "optimisation.initial"),
        ],
    )
    def test_variables_without_an_assignment_are_refused(
        self, given_variables: tuple[Variable, ...], code: str
    ) -> None:
        with pytest.raises(Rejected) as caught:
            check_variables(given_variables)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("constraint", "code"),
        [
            (Constraint((), ()), "optimisation.scope"),
            (Constraint(("a", "a"), costs(1, 2, 3, 4)), "optimisation.scope"),
            (Constraint(("z",), costs(1, 2)), "optimisation.scope"),
            (Constraint(("a",), costs(1)), "optimisation.costs"),
            (Constraint(("b", "c", "d"), costs(*range(64**3))), "optimisation.costs"),
            (Constraint(("a",), (Decimal("1e999999"), None)), "optimisation.cost"),
            (Constraint(("a",), (Decimal("0.0000001"), None)), "optimisation.cost"),
            (Constraint(("a",), (Decimal("NaN"), None)), "optimisation.cost"),
            (Constraint(("a",), (Decimal(10**12 + 1), None)), "optimisation.cost"),
            (Constraint(("a",), costs(1, 2), "x" * 65), "optimisation.name"),
        ],
        ids=[*"abcdefghij"],
    )
    def test_constraints_that_do_not_fit_are_refused(
        self, constraint: Constraint, code: str
    ) -> None:
        sizes = {"a": 2, "b": 64, "c": 64, "d": 64}
        with pytest.raises(Rejected) as caught:
            check_constraint(sizes, constraint)
        assert caught.value.code == code

    def test_the_largest_and_the_finest_costs_are_reckoned_exactly(self) -> None:
        table = Constraint(("a",), (Decimal(10**12), Decimal("-0.000001")))
        check_constraint({"a": 2}, table)
        problem = problem_of(variables("a"), (table,))
        assert [problem.shown(problem.total((n,))) for n in (0, 1)] == list(table.costs)
