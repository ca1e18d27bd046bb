"""Optimisation as a session: which words count, what is decided, and how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from typing import Any

import msgspec
import pytest

from mabeam.core.consensus import BallotCast, ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.optimisation import (
    OPTIMISATION,
    Assigned,
    Constraint,
    CostsDeclared,
    Move,
    MoveProposed,
    RoundPlayed,
    Variable,
)
from mabeam.core.optimisation.protocol import CELLS_MAX, CONSTRAINTS_MAX
from mabeam.core.optimisation.rules import SIZE
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Cancelled,
    Closed,
    Considered,
    Failed,
    Open,
    Participant,
    Speech,
    standing,
)
from mabeam.core.session.reactor import changes
from mabeam.core.testing import (
    Said,
    given,
    said,
)
from support.optimisations import (
    APART,
    CLOSED,
    COSTS,
    chosen,
    decided,
    declares,
    heard,
    opening,
    played,
    progress_of,
    reasons,
)


class TestOpening:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"rule": Policy("magic")}, "policy.unknown"),
            ({"rule": Policy("mgm", 1, {"rounds": 0})}, "optimisation.rule"),
            ({"rule": Policy("mgm", 1, {"round_ms": 0})}, "optimisation.rule"),
            ({"rule": Policy("max_sum", 1, {"rounds": 0})}, "optimisation.rule"),
            ({"rule": Policy("max_sum", 1, {"rounds": 1001})}, "optimisation.rule"),
            ({"rule": Policy("dsa", 1, {"probability": "0"})}, "optimisation.rule"),
            ({"rule": Policy("dsa", 1, {"probability": "1e-999999"})}, "optimisation.rule"),
            ({"rule": Policy("dsa", 1, {"probability": "NaN"})}, "optimisation.rule"),
            ({"variables": ()}, "optimisation.variables"),
            ({"question": "?" * 1001}, "optimisation.question"),
            ({"participants": (Participant("ann"),)}, "optimisation.participants"),
            ({"tie_break": "refuse"}, "optimisation.tie_break"),
            ({"revising": "first"}, "optimisation.revising"),
            ({"variable": "v"}, "optimisation.variable"),
            (
                {"constraints": (Constraint(("x",), APART[:2]),) * (CONSTRAINTS_MAX + 1)},
                "optimisation.constraints",
            ),
            ({"constraints": (Constraint(("w",), ()),)}, "optimisation.scope"),
        ],
        ids=str,
    )
    def test_what_cannot_be_optimised_is_refused(self, fields: dict[str, Any], code: str) -> None:
        given(SESSION).when(Open(opening(**fields))).then_rejected(code)

    @pytest.mark.parametrize(
        ("variables", "code"),
        [
            ([{"changes": "a"}, {"changes": "a"}], "optimisation.changes"),
            ([{"changes": "a\n"}, {}], "name.illegal"),
            ([{"is_number": True}, {}], "optimisation.domain"),
            ([{"is_number": True, "domain": ("1", "1e999999")}, {}], "optimisation.domain"),
            ([{"is_number": True, "domain": ("1", "NaN")}, {}], "optimisation.domain"),
        ],
        ids=["twice", "illegal", "no number", "too large", "not finite"],
    )
    def test_variables_of_the_space_are_named_once_and_well(
        self, variables: list[dict[str, Any]], code: str
    ) -> None:
        made = tuple(
            msgspec.convert(
                {"name": f"v{n}", "domain": ("a", "b"), "agent": "ann", **fields}, Variable
            )
            for n, fields in enumerate(variables)
        )
        opened = opening(variables=made, participants=(Participant("ann"),))
        given(SESSION).when(Open(opened)).then_rejected(code)

    def test_too_many_combinations_are_refused(self) -> None:
        wide = Variable("x", tuple(map(str, range(64))), "ann")
        other = Variable("y", tuple(map(str, range(64))), "ann")
        table = Constraint(("x", "y"), (Decimal(0),) * 4096)
        opened = opening(
            variables=(wide, other),
            participants=(Participant("ann"),),
            constraints=(table,) * (CELLS_MAX // 4096 + 1),
        )
        given(SESSION).when(Open(opened)).then_rejected("optimisation.cells")


class TestMaxSum:
    RING = tuple(
        declares(agent, Constraint((name, other), APART))
        for agent, name, other in (("ann", "x", "y"), ("bob", "y", "z"), ("cyd", "z", "x"))
    )
    """Three that want to differ, and have two colours: whatever is done costs 5."""

    def test_on_a_tree_the_best_is_found_and_proved(self) -> None:
        decision = decided(opening("max_sum"), *COSTS)
        assert (chosen(decision), decision.cost, decision.status) == ("GRG", Decimal(0), "optimal")

    def test_on_a_loop_what_is_found_is_bounded(self) -> None:
        opened = opening(Policy("max_sum", 1, {"rounds": 7}))
        decision = decided(opened, *self.RING)
        assert decision.outcome == "decided"
        assert decision.bound == 5
        assert decision.cost in {5, 15}

    def test_it_never_ends_up_worse_than_it_began(self) -> None:
        one = Policy("max_sum", 1, {"rounds": 1})
        began = tuple(
            msgspec.structs.replace(variable, initial=value)
            for variable, value in zip(opening().variables, "GRG", strict=True)
        )
        decision = decided(opening(one, variables=began), *COSTS)
        assert decision.cost == 0

    def test_nobody_moves(self) -> None:
        word = MoveProposed(round=1, moves=())
        assert reasons(opening("max_sum"), said(word, "ann")) == {"ann": "invalid"}

    def test_a_cost_that_is_not_so_is_found_out(self) -> None:
        found = heard(opening("max_sum"), *COSTS)
        decision = OPTIMISATION.decide(found)
        with pytest.raises(Rejected, match="certificate"):
            OPTIMISATION.verify(found, msgspec.structs.replace(decision, cost=Decimal(1)))


class TestWords:
    def test_costs_are_about_a_variable_of_ones_own(self) -> None:
        words = (declares("cyd", Constraint(("x", "y"), APART)),)
        assert reasons(opening(), *words) == {"cyd": "not_yours"}

    def test_a_later_declaration_replaces_the_former(self) -> None:
        past = (*COSTS, declares("cyd", Constraint(("z",), APART[:2])))
        assert len(progress_of(opening(), *past).declared["cyd"]) == 1

    def test_costs_are_declared_in_round_0(self) -> None:
        late = declares("ann", Constraint(("x",), APART[:2]))
        past = (*COSTS, said(RoundPlayed(round=0), "coordinator"), late)
        assert reasons(opening("mgm"), *past) == {"ann": "too_late"}

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            (MoveProposed(round=2), "not_this_round"),
            (MoveProposed(round=1, moves=(Move("y", "G", Decimal(10)),)), "not_yours"),
            (MoveProposed(round=1, moves=(Move("x", "G", Decimal(7)),)), "wrong_gain"),
            (MoveProposed(round=1, moves=(Move("x", "R", Decimal(0)),)), "wrong_gain"),
            (MoveProposed(round=1, moves=(Move("w", "G", Decimal(7)),)), "invalid"),
            (MoveProposed(round=1, moves=(Move("x", "B", Decimal(7)),)), "invalid"),
            (MoveProposed(round=1, moves=(Move("x", "G", Decimal("NaN")),)), "invalid"),
            (MoveProposed(round=1, moves=(Move("x", "G", Decimal(6)),) * 2), "invalid"),
            (BallotCast(value=Decimal(1)), "not_understood"),
        ],
        ids=str,
    )
    def test_moves_that_cannot_be_are_refused(self, word: Event, reason: str) -> None:
        begun = (*COSTS, said(RoundPlayed(round=0), "coordinator"))
        assert reasons(opening("mgm"), *begun, said(word, "ann")) == {"ann": reason}

    def test_one_word_in_each_round(self) -> None:
        word = said(MoveProposed(round=1), "ann")
        past = (
            *COSTS,
            said(RoundPlayed(round=0), "coordinator"),
            word,
            said(MoveProposed(round=1), "ann"),
        )
        assert reasons(opening("mgm"), *past) == {"ann": "has_spoken"}

    def test_chance_is_checked(self) -> None:
        rule = Policy("dsa", 1, {"probability": "0.000001"})
        past = (*COSTS, said(RoundPlayed(round=0), "coordinator"))
        move = said(MoveProposed(round=1, moves=(Move("x", "G", Decimal(6)),)), "ann")
        assert reasons(opening(rule=rule), *past, move) == {"ann": "not_active"}

    def test_without_rounds_there_are_no_moves(self) -> None:
        assert reasons(opening(), said(MoveProposed(round=0), "ann")) == {"ann": "invalid"}

    def test_shares_are_even(self) -> None:
        one = Constraint(("x",), APART[:2])
        many = declares("ann", *(one,) * (CONSTRAINTS_MAX // 3 + 1))
        assert reasons(opening(), many) == {"ann": "invalid"}

    def test_strange_words_are_refused_and_written_as_nothing(self) -> None:
        with pytest.raises(Rejected):
            OPTIMISATION.check_speech(opening(), Strange())
        assert OPTIMISATION.say(Strange()) == ""
        assert OPTIMISATION.say(CostsDeclared()) == "0 constraints"
        word = MoveProposed(round=1, moves=(Move("x", "G", Decimal(1)),))
        assert OPTIMISATION.say(word) == "round 1: x=G"
        assert OPTIMISATION.say(MoveProposed(round=2)) == "round 2: stays"


class Strange(Speech, frozen=True, kw_only=True):
    """A word of no protocol."""


class TestElimination:
    def test_it_closes_when_all_have_declared(self) -> None:
        given(SESSION, opening(), *COSTS).when_reacting(SESSIONS).then_appends(
            Closed(reason="complete")
        )
        waiting = given(SESSION, opening(), *COSTS[:2]).when_reacting(SESSIONS)
        assert not waiting.effects.append

    def test_the_best_assignment_is_decided(self) -> None:
        decision = decided(opening(), *COSTS)
        assert (decision.outcome, decision.status, chosen(decision)) == (
            "decided",
            "optimal",
            "GRG",
        )
        assert decision.cost == decision.bound == 0
        assert (decision.width, decision.rounds) == (1, 0)
        assert decision.charged == (Decimal(0),) * 3
        assert decision.considered == Considered(1, 5)

    def test_the_greatest_sum_may_be_sought(self) -> None:
        decision = decided(opening(objective="max"), *COSTS)
        assert (chosen(decision), decision.cost, decision.bound) == (
            "RRR",
            Decimal(11),
            Decimal(11),
        )

    def test_constraints_of_the_opening_come_first(self) -> None:
        own = (Constraint(("z",), (Decimal(0), Decimal("0.5"))),)
        decision = decided(opening(constraints=own), *COSTS)
        assert decision.charged[0] == decision.cost == Decimal("0.5")

    def test_equals_are_parted_by_the_hash_of_session_and_closing(self) -> None:
        opened = opening()
        results = set[str]()
        for words in range(12):
            notes = [declares("cyd")] * words
            results.add(chosen(decided(opened, *notes)))
        assert len(results) > 1

    def test_what_cannot_be_kept_is_proved_so(self) -> None:
        apart = (None, Decimal(0), Decimal(0), None)
        triangle = tuple(Constraint(pair, apart) for pair in (("x", "y"), ("y", "z"), ("x", "z")))
        decision = decided(opening(constraints=triangle), declares("ann"))
        assert (decision.outcome, decision.status) == ("no_quorum", "infeasible")
        assert (decision.assignment, decision.cost, decision.bound) == ((), None, None)
        assert OPTIMISATION.result(decision) is None

    def test_a_problem_too_wide_is_answered_with_a_bound(self) -> None:
        names = [f"v{n:02}" for n in range(13)]
        variables = tuple(Variable(name, tuple("abcd"), "ann") for name in names)
        pairs = tuple(
            Constraint(
                (one, other),
                tuple(Decimal(10 * (n == m) + (3 * n + m) % 4) for n in range(4) for m in range(4)),
            )
            for one in names
            for other in names
            if one < other
        )
        opened = opening(variables=variables, participants=(Participant("ann"),), constraints=pairs)
        decision = decided(opened, declares("ann"))
        assert (decision.outcome, decision.status) == ("decided", "bounded")
        assert decision.bound is not None
        assert decision.cost is not None
        assert decision.bound < decision.cost

    def test_variables_of_one_value_do_not_swell_a_proof(self) -> None:
        fixed = [Variable(f"a{n}", ("only",), "ann") for n in range(4)]
        open_ = [Variable(f"x{n:02}", tuple("abcdefgh"), "ann") for n in range(20)]
        scopes = combinations((one.name for one in open_), 2)
        constraints = tuple(
            Constraint((*(one.name for one in fixed), *scope), tuple(map(Decimal, range(64))))
            for scope in scopes
        )
        opened = opening(
            variables=(*fixed, *open_), participants=(Participant("ann"),), constraints=constraints
        )
        decision = decided(opened, declares("ann"))
        assert sum(len(passed.costs) for passed in decision.proof) <= SIZE.message_cells

    def test_a_missed_quorum_leaves_it_unheard(self) -> None:
        decision = decided(opening(quorum=3), *COSTS[:2])
        assert (decision.outcome, decision.status, decision.proof) == ("no_quorum", "unheard", ())
        assert [lost.reason for lost in decision.alternatives] == ["no_quorum", "no_quorum"]

    def test_those_who_were_silent_are_done_without(self) -> None:
        assert decided(opening(), COSTS[0]).status == "optimal"

    def test_it_changes_variables_of_the_space(self) -> None:
        variables = (
            Variable("x", ("1.5", "2"), "ann", changes="rate", is_number=True),
            Variable("y", ("R", "G"), "bob", changes="colour"),
            Variable("z", ("R", "G"), "cyd"),
        )
        opened = opening(variables=variables)
        decision = decided(opened, declares("ann", Constraint(("x",), (Decimal(1), Decimal(0)))))
        (rate, number), (colour, text) = changes(opened, decision)
        assert (rate, number, colour) == ("rate", Decimal(2), "colour")
        assert text in {"R", "G"}
        assert (
            changes(
                opened,
                ConsensusDecided(outcome="decided", rule=Policy("x"), considered=Considered(1, 2)),
            )
            == ()
        )
        assert changes(opened, decided(msgspec.structs.replace(opened, quorum=3))) == ()
        assert OPTIMISATION.result(decision) == f"x=2, y={text}, z={chosen(decision)[-1]}"


class TestRounds:
    @pytest.mark.parametrize("rule", ["mgm", "dsa"])
    def test_agents_settle(self, rule: str) -> None:
        opened = opening(rule)
        log = played(opened, *COSTS)
        decision = decided(opened, *log[1:])
        assert decision.outcome == "decided"
        assert 1 <= decision.rounds <= 5
        closed = [
            one.event for one in log if isinstance(one, Said) and isinstance(one.event, RoundPlayed)
        ]
        assert [one.round for one in closed] == list(range(decision.rounds + 1))
        assert closed[0].penalty == 12

    def test_by_mgm_the_total_never_rises(self) -> None:
        log = played(opening("mgm"), *COSTS)
        said_ = [one.event for one in log if isinstance(one, Said)]
        totals = [one.cost for one in said_ if isinstance(one, RoundPlayed)]
        assert totals == sorted(totals, reverse=True)
        assert totals[0] > totals[-1]

    def test_who_is_silent_stays(self) -> None:
        opened = opening("mgm")
        log = played(opened, *COSTS[:2], mute="cyd")
        decision = decided(opened, *log[1:])
        assert chosen(decision)[2] == "R"
        assert decision.rounds >= 1

    def test_a_round_is_closed_when_all_have_spoken(self) -> None:
        given(SESSION, opening("mgm"), *COSTS).when_reacting(SESSIONS).then_appends(
            RoundPlayed(round=0, cost=Decimal(11), penalty=Decimal(12))
        )

    def test_a_round_is_closed_by_the_clock(self) -> None:
        begun = given(SESSION, opening("mgm"), COSTS[0])
        waiting = begun.when_reacting(SESSIONS, now_ns=0)
        assert not waiting.effects.append
        due_ns = waiting.effects.schedule[0].due_ns
        assert due_ns < begun.state.due_ns
        begun.when_reacting(SESSIONS, now_ns=due_ns).then_appends(
            RoundPlayed(round=0, cost=Decimal(6), penalty=Decimal(7))
        )

    def test_whatever_ends_it_leaves_the_best_so_far(self) -> None:
        opened = opening("mgm")
        decision = decided(opened, *COSTS)
        assert (chosen(decision), decision.cost, decision.bound) == ("RRR", Decimal(11), Decimal(0))
        assert decision.status == "bounded"

    def test_the_best_is_kept_though_it_was_left(self) -> None:
        opened = opening("dsa")
        moves = [
            RoundPlayed(round=0),
            RoundPlayed(round=1, moved=(Assigned("y", "G"),)),
            RoundPlayed(
                round=2, moved=(Assigned("y", "R"), Assigned("w", "R"), Assigned("x", "B"))
            ),
        ]
        past = [*COSTS, *(said(one, "coordinator") for one in moves)]
        assert decided(opened, *past).cost == 1
        assert progress_of(opened, *past).values == (0, 0, 0)

    def test_announcements_of_other_rounds_change_nothing(self) -> None:
        stray = said(RoundPlayed(round=3, moved=(Assigned("x", "G"),)), "coordinator")
        assert progress_of(opening("mgm"), stray).values == (0, 0, 0)

    def test_none_that_breaks_nothing_was_found(self) -> None:
        forbidden = (Constraint(("x", "y"), (None, None, Decimal(0), None)),)
        decision = decided(opening("mgm", constraints=forbidden), declares("ann"))
        assert (decision.outcome, decision.status) == ("no_quorum", "unsolved")
        assert decision.bound == 0

    def test_standing_shows_values_and_costs(self) -> None:
        state = given(SESSION, opening("mgm"), *COSTS).state
        shown = standing("s", state)
        assert shown.rows[0] == ("x", "ann", "R", "R")
        assert "3 of 3 have declared costs, 3 constraints" in shown.remarks[0]
        assert shown.remarks[1].startswith("Now it costs 11 and breaks 0")

    def test_standing_shows_what_was_decided(self) -> None:
        shown = standing("s", given(SESSION, opening(), *COSTS, CLOSED).state)
        assert shown.columns == ("variable", "agent", "value")
        assert shown.rows == (("x", "ann", "G"), ("y", "bob", "R"), ("z", "cyd", "G"))
        assert shown.remarks == ("It costs 0, and no other is better than 0: optimal.",)

    def test_standing_shows_why_nothing_was_decided(self) -> None:
        never = (Constraint(("x",), (None, None)),)
        shown = standing("s", given(SESSION, opening(constraints=never), *COSTS, CLOSED).state)
        assert (shown.rows, shown.remarks) == ((), ("None was decided: infeasible.",))


class TestOtherEnds:
    def test_it_may_be_cancelled(self) -> None:
        past = (said(opening(), "ann"), *COSTS, said(Cancelled(reason="no"), "ann"))
        assert given(SESSION, *past).state.outcome == "cancelled"

    def test_one_that_cannot_be_held_fails(self) -> None:
        broken = given(SESSION, opening(tie_break="earliest")).when_reacting(SESSIONS)
        assert isinstance(broken.effects.append[0].parts[0].events[0], Failed)

    def test_who_may_not_speak_and_who_comes_late_is_not_heard(self) -> None:
        stranger = said(CostsDeclared(), "eve")
        decision = decided(opening(), stranger, *COSTS)
        assert [(lost.agent, lost.reason) for lost in decision.alternatives] == [
            ("eve", "not_eligible")
        ]
        state = given(SESSION, opening(), CLOSED, said(CostsDeclared(), "ann")).state
        assert dict(state.late) == {"ann": 3}

    def test_a_word_recorded_twice_counts_once(self) -> None:
        word = said(CostsDeclared(), "ann", id="one")
        assert not given(SESSION, opening(), word, word).state.refused
