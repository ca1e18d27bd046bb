"""Assignments as sessions, and the mechanisms behind them: exact, greedy, and pools."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.allocation import (
    ASSIGNMENT,
    Assigned,
    AssignmentDecided,
    AssignmentOpened,
    Limits,
    Member,
    Task,
    Unassigned,
    WorkOffered,
    assign,
    diminishing,
    flaw,
    load_of,
    sequential_greedy,
)
from mabeam.core.auction import BidPlaced
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import Participant, check_opening, standing
from support.sitting import FOREVER_MS, Sitting, proved_wrong

TEAM = tuple(map(Participant, ("ann", "bob", "cyd")))
ABC = tuple(map(Task, "abc"))
COSTS = st.none() | st.integers(0, 9)


def opened(
    rule: str = "exact", tasks: tuple[Task, ...] = ABC, **fields: object
) -> AssignmentOpened:
    parameters = fields.pop("parameters", {})
    chosen = {
        "tasks": tasks,
        "participants": TEAM,
        "open_for_ms": FOREVER_MS,
        "rule": Policy(rule, 1, parameters),  # type: ignore[arg-type]  # a table
    }
    return AssignmentOpened(**(chosen | fields))  # type: ignore[arg-type]  # by name


def decided(opening: AssignmentOpened, *offers: WorkOffered) -> AssignmentDecided:
    sitting = Sitting(opening)
    for participant, offer in zip(opening.participants, offers, strict=False):
        sitting.say(participant.agent, offer)
    return sitting.settle().decision(AssignmentDecided)


def pairs(decision: AssignmentDecided) -> dict[str, str]:
    return {one.task: one.agent for one in decision.assigned}


class TestMatching:
    @given(st.data())
    def test_as_many_tasks_as_possible_at_the_least_cost_and_proved(
        self, data: st.DataObject
    ) -> None:
        tasks, agents = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 3))
        costs = [[data.draw(COSTS) for _ in range(agents)] for _ in range(tasks)]
        capacities = [data.draw(st.integers(0, 2)) for _ in range(agents)]
        found = assign(costs, capacities)
        places: list[int | None] = [None, *range(agents)]
        all_ways = [
            (way.count(None), sum(costs[t][a] or 0 for t, a in enumerate(way) if a is not None))
            for way in itertools.product(places, repeat=tasks)
            if all(a is None or costs[t][a] is not None for t, a in enumerate(way))
            and all(way.count(a) <= capacities[a] for a in range(agents))
        ]
        assert (found.agent_of.count(None), found.cost) == min(all_ways)
        prices = (found.task_prices, found.agent_prices)
        assert flaw(costs, capacities, found.agent_of, *prices) == ""

    @given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
    def test_no_prices_prove_an_assignment_that_is_not_the_best(
        self, costs: list[list[int]]
    ) -> None:
        best = assign(costs, [1, 1, 1])
        for way in itertools.permutations(range(3)):
            cost = sum(costs[task][agent] for task, agent in enumerate(way))
            is_proved = not flaw(costs, [1, 1, 1], way, best.task_prices, best.agent_prices)
            assert is_proved == (cost == best.cost)

    @pytest.mark.parametrize(
        ("capacities", "agent_of", "task_prices", "agent_prices", "why"),
        [
            ([1, 1], [0, 0], [1, 4], [0, -1], "more than its capacity"),
            ([1, 1], [0, 1], [1, 4], [1, -1], "has a price"),
            ([2, 1], [0, 1], [1, 4], [-1, -1], "has a price"),
            ([1, 1], [0, 1], [99, 4], [0, 0], "leaving it"),
            ([1, 1], [0, None], [1, 2], [0, 0], "leaving it"),
            ([1, 1], [0, 1], [2, 4], [0, 0], "cheaper with"),
            ([1, 1], [0, 1], [0, 3], [0, 0], "what its prices say"),
        ],
    )
    def test_each_flaw_is_named(
        self,
        capacities: list[int],
        agent_of: list[int | None],
        task_prices: list[int],
        agent_prices: list[int],
        why: str,
    ) -> None:
        assert why in flaw([[1, 2], [5, 3]], capacities, agent_of, task_prices, agent_prices)

    def test_a_task_is_not_done_where_it_cannot_be(self) -> None:
        assert "cannot be done" in flaw([[None]], [1], [0], [1], [0])


class TestExact:
    def test_the_total_cost_is_least(self) -> None:
        decision = decided(
            opened(),
            WorkOffered(costs={"a": 1, "b": 2, "c": 3}),
            WorkOffered(costs={"a": 2, "b": 4, "c": 6}),
            WorkOffered(costs={"a": 3, "b": 6, "c": 9}),
        )
        assert pairs(decision) == {"a": "cyd", "b": "bob", "c": "ann"}
        assert decision.total == "10"
        assert ASSIGNMENT.result(decision) == "a cyd, b bob, c ann"

    def test_an_agent_takes_as_many_as_it_says(self) -> None:
        decision = decided(
            opened(),
            WorkOffered(costs={"a": 1, "b": 1, "c": 1}, capacity=2),
            WorkOffered(costs={"a": 5, "b": 6, "c": 7}),
        )
        assert decision.total == "7"
        assert Counter(pairs(decision).values()) == {"ann": 2, "bob": 1}

    def test_what_nobody_can_do_is_left_with_the_reason(self) -> None:
        tasks = (Task("a"), Task("b"), Task("c", ("fly",)))
        decision = decided(opened(tasks=tasks), WorkOffered(costs={"a": 1, "b": 3, "c": 1}))
        assert pairs(decision) == {"a": "ann"}
        assert decision.unassigned == (
            Unassigned("b", "no_suitable_agent"),
            Unassigned("c", "incapable"),
        )
        assert decision.outcome == "decided"

    def test_a_lone_task_makes_its_agent_the_value(self) -> None:
        decision = decided(opened(tasks=(Task("a"),)), WorkOffered(costs={"a": 1}))
        assert ASSIGNMENT.result(decision) == "ann"
        assert [lost.reason for lost in decision.alternatives] == []

    def test_where_nobody_offers_anything_nothing_is_assigned(self) -> None:
        decision = decided(opened(), WorkOffered())
        assert (decision.outcome, decision.assigned) == ("no_quorum", ())
        assert decision.alternatives[0].reason == "no_quorum"
        assert ASSIGNMENT.result(decision) is None

    def test_below_the_quorum_nothing_is_assigned(self) -> None:
        decision = decided(opened(quorum=2), WorkOffered(costs={"a": 1}))
        assert (decision.outcome, decision.total) == ("no_quorum", "")
        assert {one.reason for one in decision.unassigned} == {"no_quorum"}

    def test_another_optimum_with_its_prices_is_as_good(self) -> None:
        offers = [WorkOffered(costs={"a": 1, "b": 1}) for _ in range(2)]
        sitting = Sitting(opened(tasks=ABC[:2])).say("ann", offers[0]).say("bob", offers[1])
        decision = sitting.decision(AssignmentDecided)
        swapped = tuple(
            msgspec.structs.replace(one, agent="bob" if one.agent == "ann" else "ann")
            for one in decision.assigned
        )
        other = msgspec.structs.replace(decision, assigned=swapped)
        ASSIGNMENT.verify(sitting.hearing, other)  # type: ignore[arg-type]  # one of its own

    def test_who_overstates_its_costs_gets_less_to_do(self) -> None:
        """Nobody is paid here, so no rule makes it best to say what is so."""
        others = WorkOffered(costs={"a": 5, "b": 5, "c": 5}, capacity=3)
        honest = decided(opened(), WorkOffered(costs={"a": 1, "b": 1, "c": 1}, capacity=3), others)
        lying = decided(opened(), WorkOffered(costs={"a": 9, "b": 9, "c": 9}, capacity=3), others)
        assert set(pairs(honest).values()) == {"ann"}
        assert set(pairs(lying).values()) == {"bob"}

    def test_prices_for_others_prove_nothing(self) -> None:
        sitting = Sitting(opened(tasks=ABC[:2])).say("ann", WorkOffered(costs={"a": 1}))
        decision = sitting.say("bob", WorkOffered(costs={"b": 1})).decision(AssignmentDecided)
        swapped = msgspec.structs.replace(decision, assigned=decision.assigned[::-1])
        with pytest.raises(Rejected, match="in their order"):
            ASSIGNMENT.verify(sitting.hearing, swapped)  # type: ignore[arg-type]  # one of its own


class TestGreedy:
    def test_the_highest_marginal_gain_goes_first(self) -> None:
        decision = decided(
            opened("greedy", parameters={"keep_percent": 50}),
            WorkOffered(gains={"a": 8, "b": 6, "c": 1}, capacity=3),
            WorkOffered(gains={"a": 1, "b": 4, "c": 1}, capacity=3),
        )
        assert [(one.task, one.agent, one.worth) for one in decision.assigned[:2]] == [
            ("a", "ann", "8"),
            ("b", "bob", "4"),
        ]
        assert decision.total == "25/2"

    def test_what_adds_nothing_is_left(self) -> None:
        decision = decided(opened("greedy"), WorkOffered(gains={"a": 0}), WorkOffered())
        assert decision.unassigned[0] == Unassigned("a", "no_suitable_agent")
        assert decision.unassigned[1] == Unassigned("b", "incapable")

    def test_a_task_left_that_would_add_something_is_found_out(self) -> None:
        sitting = Sitting(opened("greedy", tasks=ABC[:2]))
        sitting.say("ann", WorkOffered(gains={"a": 3, "b": 2}, capacity=2))
        decision = sitting.decision(AssignmentDecided)
        fewer = msgspec.structs.replace(
            decision,
            assigned=decision.assigned[:1],
            total="3",
            unassigned=(Unassigned("b", "no_suitable_agent"),),
        )
        with pytest.raises(Rejected, match="is left"):
            ASSIGNMENT.verify(sitting.hearing, fewer)  # type: ignore[arg-type]  # one of its own

    @settings(max_examples=60)
    @given(st.data())
    def test_it_gains_at_least_half_of_the_greatest_possible(self, data: st.DataObject) -> None:
        agents, tasks = ["x", "y"], data.draw(st.integers(1, 4))
        gains = {(a, t): data.draw(st.integers(0, 9)) for a in agents for t in range(tasks)}
        keep = Fraction(data.draw(st.integers(0, 4)), 4)
        names = [str(task) for task in range(tasks)]

        def worth(agent: str, held: tuple[str, ...]) -> Fraction:
            return diminishing([gains[agent, int(task)] for task in held], keep)

        def marginal(agent: str, held: tuple[str, ...], task: str) -> Fraction:
            return worth(agent, (*held, task)) - worth(agent, held)

        steps = sequential_greedy(names, agents, marginal, lambda task, agent: (agent, task))
        assert len({step.task for step in steps}) == len(steps)
        most = max(
            sum(
                worth(agent, tuple(t for t, a in zip(names, way, strict=True) if a == agent))
                for agent in agents
            )
            for way in itertools.product(agents, repeat=tasks)
        )
        assert 2 * sum(step.gain for step in steps) >= most

    def test_without_diminishing_gains_it_may_come_to_less_than_half(self) -> None:
        """The promise needs them: here two tasks are worth something only together."""
        together: dict[tuple[str, tuple[str, ...]], Fraction] = {
            ("x", ("a", "b")): Fraction(100),
            ("y", ("a",)): Fraction(1),
        }

        def marginal(agent: str, held: tuple[str, ...], task: str) -> Fraction:
            after = together.get((agent, tuple(sorted((*held, task)))), Fraction(0))
            return after - together.get((agent, held), Fraction(0))

        steps = sequential_greedy("ab", "xy", marginal, lambda task, agent: (agent, task))
        assert 2 * sum(step.gain for step in steps) < 100

    @given(
        st.lists(st.integers(0, 9), max_size=5),
        st.lists(st.integers(0, 9), max_size=3),
        st.integers(0, 9),
        st.integers(0, 4),
    )
    def test_a_task_never_adds_more_to_a_larger_bundle(
        self, few: list[int], more: list[int], gain: int, quarter: int
    ) -> None:
        keep = Fraction(quarter, 4)
        many = few + more
        adds_to_few = diminishing([*few, gain], keep) - diminishing(few, keep)
        adds_to_many = diminishing([*many, gain], keep) - diminishing(many, keep)
        assert adds_to_few >= adds_to_many >= 0


class TestPools:
    """Scenarios of the system this one descends from, with the values it promised."""

    def test_round_robin_gives_each_of_three_two_of_six(self) -> None:
        tasks = tuple(map(Task, "abcdef"))
        decision = decided(opened("round_robin", tasks), *[WorkOffered(capacity=9)] * 3)
        assert Counter(pairs(decision).values()) == {"ann": 2, "bob": 2, "cyd": 2}
        assert [one.worth for one in decision.assigned] == ["0", "0", "0", "1", "1", "1"]

    def test_the_least_loaded_is_taken(self) -> None:
        decision = decided(
            opened("least_loaded", tasks=ABC[:1]),
            WorkOffered(cpu=Decimal("0.2"), memory_mb=100, active=1),
            WorkOffered(cpu=Decimal("0.8"), memory_mb=800, active=8),
        )
        assert pairs(decision) == {"a": "ann"}

    @pytest.mark.parametrize("load", [{"cpu": Decimal("0.95")}, {"active": 15}])
    def test_who_is_overloaded_takes_nothing(self, load: dict[str, Decimal | int]) -> None:
        decision = decided(opened("least_loaded", tasks=ABC[:1]), WorkOffered(**load))  # type: ignore[arg-type]  # by name
        assert decision.unassigned == (Unassigned("a", "no_suitable_agent"),)

    def test_of_three_loads_two_are_available_and_one_is_overloaded(self) -> None:
        loads = [
            load_of(Member("x", 1, cpu=Decimal(cpu)), 0, Limits()) for cpu in ("0.3", "0.7", "0.95")
        ]
        assert [load < 1 for load in loads] == [True, True, False]

    def test_each_specialisation_finds_its_agent(self) -> None:
        agents = {
            "data_engineer_1": ("data",),
            "ml_engineer_1": ("training",),
            "validator_1": ("validation",),
            "mlops_specialist": ("deployment",),
        }
        tasks = tuple(Task(f"{skill}-task", (skill,)) for (skill,) in agents.values())
        opening = opened("best_match", tasks, participants=tuple(map(Participant, agents)))
        offers = [WorkOffered(capabilities=skills, capacity=4) for skills in agents.values()]
        decision = decided(opening, *offers)
        assert list(pairs(decision).values()) == list(agents)

    def test_who_can_do_much_is_left_for_what_needs_it(self) -> None:
        tasks = (Task("a", ("go",)), Task("b", ("go", "sql")))
        decision = decided(
            opened("best_match", tasks),
            WorkOffered(capabilities=("go", "sql")),
            WorkOffered(capabilities=("go",)),
        )
        assert pairs(decision) == {"a": "bob", "b": "ann"}

    def test_what_nobody_can_take_is_skipped(self) -> None:
        tasks = (Task("a", ("fly",)), Task("b"), Task("c"))
        decision = decided(opened("round_robin", tasks), WorkOffered())
        assert pairs(decision) == {"b": "ann"}
        assert [one.reason for one in decision.unassigned] == ["incapable", "no_suitable_agent"]

    def test_a_task_that_nobody_can_take_is_not_given(self) -> None:
        tasks = (Task("a", ("fly",)), Task("b"))
        sitting = Sitting(opened("round_robin", tasks)).say("ann", WorkOffered(capacity=2))
        decision = sitting.decision(AssignmentDecided)
        flown = msgspec.structs.replace(
            decision, assigned=(Assigned("a", "ann", "0"), *decision.assigned), unassigned=()
        )
        with pytest.raises(Rejected, match="nobody can take a"):
            ASSIGNMENT.verify(sitting.hearing, flown)  # type: ignore[arg-type]  # one of its own

    def test_more_than_the_tasks_in_their_order_is_refused(self) -> None:
        sitting = Sitting(opened("round_robin")).say("ann", WorkOffered(capacity=2))
        decision = sitting.say("bob", WorkOffered(capacity=0)).decision(AssignmentDecided)
        priced = msgspec.structs.replace(decision, total="2")
        with pytest.raises(Rejected, match="no more than"):
            ASSIGNMENT.verify(sitting.hearing, priced)  # type: ignore[arg-type]  # one of its own

    def test_equals_are_taken_in_the_declared_order(self) -> None:
        opening = opened("round_robin", ABC[:1], tie_break="earliest")
        assert pairs(decided(opening, *[WorkOffered()] * 3)) == {"a": "ann"}
        assert len(decided(opening, *[WorkOffered()] * 3).alternatives) == 2


class TestBounds:
    @pytest.mark.parametrize(
        ("opening", "code"),
        [
            (opened(tasks=()), "assignment.tasks"),
            (opened(tasks=tuple(Task(f"t{n}") for n in range(101))), "assignment.tasks"),
            (opened(tasks=(Task("a"), Task("a"))), "assignment.tasks"),
            (opened(tasks=(Task(""),)), "assignment.tasks"),
            (opened(tasks=(Task("a", ("",)),)), "task.capabilities"),
            (opened(participants=()), "assignment.agents"),
            (opened(tie_break="refuse"), "assignment.tie_break"),
            (opened("nash"), "policy.unknown"),
            (opened("greedy", parameters={"keep_percent": 101}), "policy.parameters"),
            (opened("least_loaded", parameters={"cpu_max": 0}), "policy.parameters"),
            (opened("least_loaded", parameters={"active_max": 0}), "policy.parameters"),
        ],
    )
    def test_what_cannot_be_held_is_refused(self, opening: AssignmentOpened, code: str) -> None:
        with pytest.raises(Rejected) as caught:
            check_opening(opening)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        "offer",
        [
            WorkOffered(costs={"z": 1}),
            WorkOffered(costs={"a": -1}),
            WorkOffered(gains={"a": 2**53}),
            WorkOffered(capacity=-1),
            WorkOffered(capacity=101),
            WorkOffered(capabilities=("",)),
            WorkOffered(cpu=Decimal(-1)),
            WorkOffered(cpu=Decimal("NaN")),
            WorkOffered(memory_mb=-1),
            WorkOffered(active=-1),
            WorkOffered(note="x" * 4001),
        ],
    )
    def test_an_offer_out_of_range_does_not_count(self, offer: WorkOffered) -> None:
        sitting = Sitting(opened()).say("ann", offer)
        assert sitting.refused("ann").startswith("invalid")

    def test_words_are_written_as_text(self) -> None:
        offer = WorkOffered(costs={"b": 3, "a": 1}, gains={"b": 2}, capabilities=("go",))
        assert ASSIGNMENT.say(offer) == (
            'takes 1, cpu 0, memory 0, active 0, costs {"a":1,"b":3}, gains {"b":2}, can ["go"]'
        )
        assert ASSIGNMENT.say(WorkOffered()) == "takes 1, cpu 0, memory 0, active 0"
        ASSIGNMENT.check_speech(opened(), BidPlaced(amount=1))
        assert ASSIGNMENT.say(BidPlaced(amount=1)) == ""

    def test_offers_that_differ_are_written_differently(self) -> None:
        """What is written alike counts as said again, and would replace the former word."""
        former, latter = (WorkOffered(capabilities=can) for can in (("go sql",), ("go", "sql")))
        sitting = Sitting(opened(revising="first")).say("ann", former, latter)
        assert sitting.state.spoken["ann"].speech == former
        assert sitting.refused("ann").startswith("equivocated")

    def test_it_shows_what_is_offered(self) -> None:
        long = WorkOffered(costs=dict.fromkeys("abc", 2**52), capabilities=("x" * 99,))
        shown = standing("it", Sitting(opened()).say("ann", long).state)
        assert shown.remarks == ("tasks: a, b, c",)
        assert (shown.rows[0][0], len(shown.rows[0][1])) == ("ann", 100)

    def test_a_decision_of_another_protocol_is_refused(self) -> None:
        assert "that of an assignment" in proved_wrong(Sitting(opened()))


OFFERS = st.builds(
    WorkOffered,
    costs=st.dictionaries(st.sampled_from("abc"), st.integers(0, 5)),
    gains=st.dictionaries(st.sampled_from("abc"), st.integers(0, 5)),
    capacity=st.integers(0, 3),
    capabilities=st.sampled_from([(), ("go",)]),
    active=st.integers(0, 12),
)


class TestPromises:
    @settings(max_examples=60)
    @given(
        st.sampled_from(["exact", "greedy", "round_robin", "least_loaded", "best_match"]),
        st.lists(OFFERS, max_size=3),
        st.sampled_from(["canonical", "earliest"]),
    )
    def test_no_task_is_given_twice_and_nobody_has_more_than_its_capacity(
        self, rule: str, offers: list[WorkOffered], tie_break: str
    ) -> None:
        tasks = (Task("a"), Task("b", ("go",)), Task("c"))
        decision = decided(opened(rule, tasks, tie_break=tie_break), *offers)
        given_to = Counter(one.agent for one in decision.assigned)
        limits = {p.agent: offer.capacity for p, offer in zip(TEAM, offers, strict=False)}
        assert all(count <= limits[agent] for agent, count in given_to.items())
        names = [one.task for one in decision.assigned + decision.unassigned]
        assert sorted(names) == ["a", "b", "c"]
