"""Variables: how they are declared, what may be proposed, and what their events come to."""

from __future__ import annotations

import pytest
from immutables import Map

from mabeam.core.agent import Resumed
from mabeam.core.decider import Entity
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.subjects import Boundary
from mabeam.core.testing import Past, Said, given, history, said
from mabeam.core.variable import (
    VARIABLE,
    BooleanType,
    Candidate,
    Changed,
    ChoiceType,
    CompositeType,
    ConflictDetected,
    ConflictResolved,
    Constrained,
    ConstraintState,
    Declare,
    Declared,
    Features,
    FloatType,
    IntegerType,
    Linear,
    Proposed,
    Refused,
    ResolutionChosen,
    Value,
    VariableState,
    VariableType,
    VariableView,
    check_proposal,
)
from mabeam.core.variable.decider import check_change
from mabeam.core.variable.state import BLIND, CONSTRAINTS_MAX, JUDGED_MAX

WHOLE = IntegerType(0, 100)
MERGE = Policy("weighted_merge")
OPEN = Declared(type=WHOLE, on_conflict=MERGE)


def proposed(value: Value, base: int | None = 1, by: str = "ann", id: str = "") -> Said:  # noqa: A002 - as in `said`
    return said(Proposed(value=value, base=base), by, id=id)


def changed(value: Value, proposal: str = "", base: int = 1, previous: Value = 0) -> Changed:
    return Changed(value=value, previous=previous, base=base, proposal=proposal)


def candidate(proposal: str, by: str, value: Value, position: int, base: int = 1) -> Candidate:
    return Candidate(proposal, by, value, position, base)


def detected(*candidates: Candidate) -> ConflictDetected:
    return ConflictDetected(
        conflict=candidates[-1].proposal,
        base=1,
        candidates=candidates,
        features=Features(1, 2, 2, 2),
    )


def state(*past: Past) -> VariableState:
    return given(VARIABLE, *past).state


class TestDeclaring:
    def test_a_variable_gets_its_rules(self) -> None:
        command = Declare(WHOLE, "coordinated", MERGE, ("bob", "ann", "bob"))
        given(VARIABLE).when(command).then(
            Declared(type=WHOLE, update="coordinated", on_conflict=MERGE, scope=("ann", "bob"))
        )

    def test_the_same_rules_again_change_nothing(self) -> None:
        given(VARIABLE, OPEN).when(Declare(WHOLE, on_conflict=MERGE)).then_nothing()
        scoped = Declared(type=WHOLE, scope=("ann", "bob"))
        given(VARIABLE, scoped).when(Declare(WHOLE, scope=("bob", "ann"))).then_nothing()

    def test_whole_ends_of_a_float_are_the_same_rules(self) -> None:
        given(VARIABLE, Declared(type=FloatType(0, 1))).when(
            Declare(FloatType(0, 1))
        ).then_nothing()

    def test_other_rules_are_refused(self) -> None:
        refusal = given(VARIABLE, OPEN).when(Declare(WHOLE)).then_rejected("variable.declared")
        assert refusal.field == "declaration"
        assert "on_conflict=None" in refusal.value
        assert "weighted_merge" in refusal.allowed

    @pytest.mark.parametrize(
        ("command", "code", "field"),
        [
            (Declare(IntegerType(2, 1)), "variable.range", "type.low"),
            (Declare(ChoiceType(())), "variable.options", "type.options"),
            (Declare(WHOLE, on_conflict=Policy("duel")), "policy.unknown", "policy"),
            (
                Declare(WHOLE, on_conflict=Policy("priority", 1, {"x": 1})),
                "policy.parameters",
                "policy.parameters",
            ),
            (Declare(WHOLE, scope=("ann", "")), "name.illegal", "scope"),
        ],
        ids=str,
    )
    def test_rules_that_make_no_sense_are_refused(
        self, command: Declare, code: str, field: str
    ) -> None:
        given(VARIABLE).when(command).then_rejected(code, field=field)
        given(VARIABLE, OPEN).when(command).then_rejected(code, field=field)


class TestProposals:
    def view(self, *past: Past) -> VariableView:
        return VariableView(given(VARIABLE, *past).entity)

    def refusal(self, view: VariableView, value: object, by: str = "ann") -> Rejected:
        with pytest.raises(Rejected) as caught:
            check_proposal("x", view, by, value)
        return caught.value

    def test_a_value_is_returned_in_its_form(self) -> None:
        assert check_proposal("x", self.view(OPEN), "ann", 3.0) == 3

    def test_an_undeclared_variable_takes_none(self) -> None:
        for refusal in (self.refusal(self.view(), 3), self.change(self.view(), 3)):
            assert (refusal.code, refusal.field) == ("variable.undeclared", "variable")
            assert refusal.value == "x"

    def change(self, view: VariableView, value: object) -> Rejected:
        with pytest.raises(Rejected) as caught:
            check_change("x", view, value)
        return caught.value

    def test_a_coordinated_variable_takes_decisions_alone(self) -> None:
        view = self.view(Declared(type=WHOLE, update="coordinated"))
        refusal = self.refusal(view, 3)
        assert (refusal.code, refusal.allowed) == ("variable.coordinated", "open a session on it")
        assert check_change("x", view, 3) == 3

    def test_only_agents_in_scope_propose(self) -> None:
        view = self.view(Declared(type=WHOLE, scope=("ann", "bob")))
        assert check_proposal("x", view, "bob", 3) == 3
        refusal = self.refusal(view, 3, "eve")
        assert (refusal.code, refusal.field, refusal.value) == (
            "variable.out_of_scope",
            "agent",
            "eve",
        )
        assert refusal.allowed == "ann, bob"

    def test_a_value_of_another_type_is_refused_under_the_variable_s_name(self) -> None:
        refusal = self.refusal(self.view(OPEN), 101)
        assert (refusal.code, refusal.field, refusal.value) == ("variable.out_of_range", "x", "101")
        assert refusal.allowed == "a whole number from 0 to 100"

    def test_a_value_that_breaks_a_constraint_is_refused(self) -> None:
        bound = ConstraintState(Linear({"x": 1, "y": 1}, "<=", 10), Map({"x": 0, "y": 6}))
        view = VariableView(given(VARIABLE, OPEN).entity, (("sum", Entity(3, bound)),))
        assert check_proposal("x", view, "ann", 4) == 4
        refusal = self.refusal(view, 5)
        assert (refusal.code, refusal.field) == ("constraint.violated", "constraint sum")
        assert refusal.value == "x = 5, y = 6"

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")], ids=str)
    def test_what_is_no_number_cannot_even_be_said(self, value: float) -> None:
        with pytest.raises(Rejected) as caught:
            Proposed(value=value)
        assert (caught.value.code, caught.value.value) == ("number.not_finite", str(value))


class TestDeclared:
    def test_a_variable_begins_with_its_default(self) -> None:
        begun = state(Declared(type=IntegerType(0, 9, 1, 4)))
        assert (begun.value, begun.position, begun.base, begun.changes) == (4, 1, 0, 0)

    def test_the_first_declaration_holds(self) -> None:
        other = said(Declared(type=BooleanType()), "eve")
        assert state(OPEN, other) == state(OPEN)

    @pytest.mark.parametrize(
        "type_",
        [ChoiceType(()), IntegerType(2, 1), FloatType(0, 1, 0), CompositeType({})],
        ids=str,
    )
    def test_a_declaration_that_contradicts_itself_is_none(self, type_: VariableType) -> None:
        """It stopped the fold of everybody, since an empty choice has no first option."""
        assert state(said(Declared(type=type_), "eve")) == VariableState()
        assert state(said(Declared(type=type_), "eve"), OPEN).declaration == OPEN

    def test_constraints_are_gathered_in_order(self) -> None:
        linked = state(OPEN, *(Constrained(constraint=name) for name in "bab"))
        assert linked.constraints == ("a", "b")

    @pytest.mark.parametrize("name", ["", "a\nb", "x" * 81])
    def test_a_constraint_that_nobody_can_have_declared_is_none(self, name: str) -> None:
        """No check could be recorded on its boundary, and so no change either."""
        assert state(OPEN, said(Constrained(constraint=name), "eve")) == state(OPEN)

    def test_a_variable_bears_only_so_many_constraints(self) -> None:
        many = [Constrained(constraint=f"c{n:03}") for n in range(CONSTRAINTS_MAX + 1)]
        assert len(state(OPEN, *many[:-1]).constraints) == CONSTRAINTS_MAX
        assert state(OPEN, *many).constraints == state(OPEN, *many[:-1]).constraints
        assert state(OPEN, *many, many[0]).constraints == state(OPEN, *many).constraints


class TestProposed:
    def test_proposals_wait_in_their_order(self) -> None:
        assert state(OPEN, proposed(3, id="p"), proposed(4, None, "bob", "q")).pending == (
            candidate("p", "ann", 3, 2),
            candidate("q", "bob", 4, 3, BLIND),
        )

    def test_a_base_below_all_is_not_the_same_as_none(self) -> None:
        (waiting,) = state(OPEN, proposed(3, BLIND)).pending
        assert waiting.base == 0

    def test_a_proposal_recorded_twice_waits_once(self) -> None:
        once = state(OPEN, proposed(3, id="p"))
        assert state(OPEN, proposed(3, id="p"), proposed(3, id="p")) == once

    def test_a_proposal_that_became_the_value_is_known_again(self) -> None:
        past = (OPEN, proposed(3, id="p"), changed(3, "p"))
        assert state(*past, proposed(3, id="p")) == state(*past)

    def test_a_proposal_that_became_a_former_value_is_known_again(self) -> None:
        """A blind one would change the variable a second time."""
        past = (
            *(OPEN, proposed(3, None, id="p"), changed(3, "p")),
            *(proposed(4, None, id="q"), changed(4, "q", base=3, previous=3)),
        )
        assert state(*past, proposed(3, None, id="p")) == state(*past)

    def test_a_refused_proposal_is_known_again(self) -> None:
        past = (OPEN, proposed(300, id="p"), Refused(code="x.y", detail="no", proposal="p"))
        assert state(*past).pending == ()
        assert state(*past, proposed(300, id="p")) == state(*past)

    def test_the_memory_for_judged_proposals_is_bounded(self) -> None:
        past: list[Past] = [OPEN]
        for number in range(JUDGED_MAX + 10):
            past += [
                proposed(300, id=f"p{number}"),
                Refused(code="x.y", detail="no", proposal=f"p{number}"),
            ]
        assert len(state(*past).judged) == JUDGED_MAX
        assert state(*past, proposed(300, id=f"p{JUDGED_MAX + 9}")).pending == ()


class TestChanged:
    def test_a_change_follows_a_proposal(self) -> None:
        after = state(OPEN, proposed(3, id="p"), proposed(4, id="q"), changed(3, "p"))
        assert (after.value, after.position, after.base, after.changes) == (3, 4, 1, 1)
        assert after.standing == (candidate("p", "ann", 3, 2),)
        assert after.pending == (candidate("q", "ann", 4, 3),)

    def test_what_stands_is_the_value_in_its_form_on_the_base_it_was_set_against(self) -> None:
        after = state(OPEN, proposed(3.0, None, id="p"), changed(3, "p"))
        (stands,) = after.standing
        assert (stands.value, type(stands.value), stands.base) == (3, int, 1)

    def test_a_change_by_a_session_stands_for_no_proposal(self) -> None:
        decision = Changed(value=7, previous=0, base=1, session="s", decided_at=9)
        after = state(OPEN, proposed(3, id="p"), decision)
        assert (after.value, after.standing, after.decided_at) == (7, (), 9)
        assert [waiting.proposal for waiting in after.pending] == ["p"]

    def test_a_change_recorded_twice_changes_once(self) -> None:
        past = (OPEN, proposed(3, id="p"), changed(3, "p"))
        assert state(*past, changed(3, "p")) == state(*past)
        later = (*past, proposed(4, 3, id="q"), changed(4, "q", base=3, previous=3))
        assert state(*later, changed(3, "p")) == state(*later)

    def test_a_refusal_is_remembered_with_its_session(self) -> None:
        refused = Refused(code="x.y", detail="no", session="s", decided_at=9)
        after = state(OPEN, refused)
        assert (after.decided_at, after.value) == (9, 0)
        assert state(OPEN, refused, refused) == after

    @pytest.mark.parametrize(
        "fact",
        [
            changed(3),
            Refused(code="x.y", detail="no", proposal="p"),
            detected(candidate("p", "ann", 3, 2)),
            ResolutionChosen(conflict="p", chosen=MERGE, eligible=(), propensities=()),
            ConflictResolved(conflict="p", value=3),
        ],
        ids=lambda fact: type(fact).__name__,
    )
    def test_nobody_but_the_coordinator_changes_anything(self, fact: Event) -> None:
        past = (OPEN, proposed(3, id="p"))
        assert state(*past, said(fact, "eve")) == state(*past)

    def test_facts_of_other_kinds_change_nothing(self) -> None:
        (other,) = history(said(Resumed(), about=Boundary("variable", "it")), after=1)
        assert state(OPEN, other) == state(OPEN)


PAST: tuple[Past, ...] = (OPEN, proposed(3, id="p"), changed(3, "p"), proposed(5, 1, "bob", "q"))
P, Q = candidate("p", "ann", 3, 2), candidate("q", "bob", 5, 4)
DETECTED = said(detected(P, Q), id="d")
CHOSEN = said(
    ResolutionChosen(conflict="q", chosen=MERGE, eligible=(MERGE,), propensities=("1",)), id="c"
)
RESOLVED = said(ConflictResolved(conflict="q", value=4, winner="bob"), id="r")
APPLIED = Changed(value=4, previous=3, base=1, conflict="q", by="bob")


class TestConflicts:
    def test_a_conflict_goes_from_detection_to_a_value(self) -> None:
        steps = [
            state(*PAST, *(DETECTED, CHOSEN, RESOLVED)[:count]).conflict for count in (1, 2, 3)
        ]
        found = [(c.id, c.event_id, c.chosen, c.resolved, c.value, c.winner) for c in steps if c]
        assert found == [
            ("q", "d", None, False, "", ""),
            ("q", "c", MERGE, False, "", ""),
            ("q", "r", MERGE, True, 4, "bob"),
        ]

    def test_its_value_answers_to_the_same_base(self) -> None:
        after = state(*PAST, DETECTED, CHOSEN, RESOLVED, APPLIED)
        assert (after.value, after.base, after.position) == (4, 1, 8)
        assert (after.conflict, after.pending, after.standing) == (None, (), (P, Q))

    def test_a_refused_one_leaves_the_former_value(self) -> None:
        refused = Refused(code="x.y", detail="no", conflict="q")
        after = state(*PAST, DETECTED, CHOSEN, RESOLVED, refused)
        assert (after.value, after.conflict, after.pending) == (3, None, ())
        assert after.standing == (P,)

    def test_a_refusal_of_another_one_leaves_it_open(self) -> None:
        refused = Refused(code="x.y", detail="no", conflict="other")
        assert state(*PAST, DETECTED, refused).conflict == state(*PAST, DETECTED).conflict

    @pytest.mark.parametrize(
        "again",
        [DETECTED, CHOSEN, RESOLVED, said(APPLIED)],
        ids=lambda one: type(one.event).__name__,
    )
    def test_what_was_recorded_of_it_twice_changes_nothing(self, again: Said) -> None:
        past = (*PAST, DETECTED, CHOSEN, RESOLVED, APPLIED)
        assert state(*past, again) == state(*past)

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_steps_of_another_conflict_change_nothing(self, count: int) -> None:
        past = (*PAST, *(DETECTED, CHOSEN, RESOLVED)[:count])
        for step in (
            ResolutionChosen(conflict="x", chosen=MERGE, eligible=(), propensities=()),
            ConflictResolved(conflict="x", value=9),
            Changed(value=9, previous=3, base=1, conflict="x"),
            detected(candidate("x", "ann", 3, 2)),
            ConflictDetected(conflict="x", base=1, candidates=(), features=Features(1, 0, 0, 0)),
        ):
            assert state(*past, step) == state(*past)
