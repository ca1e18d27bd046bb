"""Conflicts of all kinds, as soon as they are on the log, and nothing that is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.decider import Entity, fold
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.subjects import Boundary
from mabeam.core.testing import history, said
from mabeam.core.variable import (
    CONSTRAINT_INITIAL,
    VARIABLE,
    Affirmed,
    AllocationType,
    BooleanType,
    Candidate,
    Changed,
    ChoiceType,
    CompositeType,
    Condition,
    ConflictDetected,
    ConflictKind,
    ConflictResolved,
    Constrained,
    Constraint,
    ConstraintDeclared,
    ConstraintState,
    Declare,
    Declared,
    FloatType,
    Implies,
    IntegerType,
    Linear,
    ModuleType,
    Proposed,
    Refused,
    ScheduleType,
    TextType,
    Value,
    VariableState,
    VariableType,
    VariableView,
    declare_constraint,
)
from mabeam.core.variable.judging import CANDIDATES_MAX, judge
from support.rehearsal import Rehearsal

IT = Boundary("variable", "it")
PRIORITY = Policy("priority", parameters={"priorities": {"ann": 3, "bob": 2, "cyd": 1}})
WHOLE = IntegerType(0, 100)
PAIR = CompositeType({"a": WHOLE, "b": WHOLE})
AMOUNT = AllocationType(100)
DAY = ScheduleType(9, 17)


class Space(Rehearsal):
    """A space with one variable."""

    def __init__(
        self,
        type_: VariableType,
        policy: Policy | None = PRIORITY,
        constraint: Constraint | None = None,
        **declaration: Any,  # noqa: ANN401 - further fields
    ) -> None:
        super().__init__()
        command = Declare(type_, on_conflict=policy, **declaration)
        assert self.command(IT, VARIABLE, VariableState(), command, "lead")
        if constraint is not None:
            views = {"it": self.world.variable("it").variable}
            parts = declare_constraint("c", constraint, Entity(0, CONSTRAINT_INITIAL), views)
            self.append(
                *(
                    self.author.says(
                        part.boundary, part.events, source="/agents/lead", expect=part.expect
                    )
                    for part in parts
                )
            )

    @property
    def state(self) -> VariableState:
        return self.world.variable("it").variable.state

    def propose(self, by: str, value: Value, base: int | None = None) -> str:
        recorded = self.publish(IT, Proposed(value=value, base=base), by)
        return recorded.id

    def clash(self, *said: tuple[str, Value], base: int | None = None) -> list[Event]:
        """Let agents propose from one base, and return what followed."""
        position = self.state.position if base is None else base
        length = len(self.log)
        for by, value in said:
            self.propose(by, value, position)
        self.rest()
        return [one.data for one in self.log[length:] if one.actor == "coordinator"]


def detected(events: Sequence[Event]) -> ConflictDetected | None:
    found = [event for event in events if isinstance(event, ConflictDetected)]
    assert len(found) <= 1
    return found[0] if found else None


class TestKinds:
    @pytest.mark.parametrize(
        ("type_", "one", "two", "kind"),
        [
            (WHOLE, 3, 4, "overlapping_writes"),
            (FloatType(0, 1), 0.3, 0.4, "overlapping_writes"),
            (PAIR, {"a": 1, "b": 0}, {"a": 2, "b": 0}, "overlapping_writes"),
            (ChoiceType(("x", "y", "z")), "y", "z", "incompatible_values"),
            (BooleanType(), True, False, "incompatible_values"),
            (TextType(), "x", "y", "incompatible_values"),
            (ModuleType(("a:B", "c:D", "e:F")), "c:D", "e:F", "incompatible_values"),
            (AMOUNT, 80, 70, "oversubscribed"),
            (AllocationType(100, exclusive=True), 1, 2, "oversubscribed"),
            (DAY, {"start": 9, "end": 11}, {"start": 10, "end": 12}, "temporal_clash"),
        ],
        ids=str,
    )
    def test_two_agents_at_odds_are_reported_by_kind(
        self, type_: VariableType, one: Value, two: Value, kind: ConflictKind
    ) -> None:
        space = Space(type_)
        found = detected(space.clash(("ann", one), ("bob", two)))
        assert found is not None
        assert (found.kind, [c.by for c in found.candidates]) == (kind, ["ann", "bob"])
        assert [c.value for c in found.candidates] == [one, two]
        assert (space.state.conflict, space.state.pending) == (None, ())

    def test_the_numbers_are_told_where_the_candidates_do_not(self) -> None:
        found = detected(Space(AMOUNT).clash(("ann", 80), ("bob", 70)))
        assert found is not None
        assert found.detail == "150 of 100"
        assert found.features.spread == "10"
        stretches = [{"start": 9, "end": 11}, {"start": 10, "end": 12}]
        found = detected(Space(DAY).clash(("ann", stretches[0]), ("bob", stretches[1])))
        assert found is not None
        assert found.detail == "contested: 10-11"

    def test_features_are_of_what_was_before(self) -> None:
        space = Space(WHOLE)
        space.clash(("ann", 1), ("bob", 2))
        found = detected(space.clash(("bob", 9), ("cyd", 4)))
        assert found is not None
        assert all(c.position < space.log[-1].position for c in found.candidates)
        assert found.features.candidates == 2


class TestBrokenConstraints:
    BOUND = Linear({"it": 1}, "<=", 50)

    def test_one_is_refused_unless_declared_otherwise(self) -> None:
        (event,) = Space(WHOLE, PRIORITY, self.BOUND).clash(("ann", 60))
        assert isinstance(event, Refused)
        assert event.code == "constraint.violated"

    def test_it_may_be_a_conflict_with_the_present_value(self) -> None:
        mean = Policy("mean")
        space = Space(WHOLE, mean, self.BOUND, on_violation="resolve")
        found = detected(space.clash(("ann", 60)))
        assert found is not None
        assert found.kind == "constraint_violation"
        assert found.detail == "constraint c: it = 60, allowed: 1 * it <= 50"
        assert [(c.by, c.value) for c in found.candidates] == [("", 0), ("ann", 60)]
        assert found.features.proposers == 1
        assert space.state.value == 30

    def test_the_present_value_is_its_proposer_s(self) -> None:
        space = Space(WHOLE, PRIORITY, self.BOUND, on_violation="resolve")
        space.clash(("ann", 40))
        found = detected(space.clash(("bob", 60)))
        assert found is not None
        assert [(c.by, c.value) for c in found.candidates] == [("ann", 40), ("bob", 60)]
        assert space.state.value == 40

    def test_a_resolution_that_breaks_it_too_ends_the_conflict_without_effect(self) -> None:
        space = Space(WHOLE, PRIORITY, self.BOUND, on_violation="resolve")
        events = space.clash(("ann", 90), ("bob", 40))
        assert detected(events) is not None
        (refused,) = (event for event in events if isinstance(event, Refused))
        assert (refused.code, refused.proposal) == ("constraint.violated", "")
        assert space.state.value == 40

    @pytest.mark.parametrize("on_violation", ["refuse", "resolve"])
    def test_parts_that_break_it_only_together_are_at_odds(self, on_violation: str) -> None:
        """Neither has touched the other's part, but not both can be."""
        space = Space(PAIR, PRIORITY, on_violation=on_violation)
        space.propose("ann", {"a": 9, "b": 0}, 1)
        space.rest()
        view = space.world.variable("it")
        rule = Implies((), (Condition("it", "==", "never"),))
        bound: Entity[ConstraintState] = Entity(
            3, ConstraintState(rule, CONSTRAINT_INITIAL.values.set("it", 0))
        )
        pending = Candidate("p", "bob", {"a": 0, "b": 9}, 9, 1)
        seen = VariableView(view.variable, (("c", bound),))
        ((event,),) = (
            part.events
            for append in judge("it", seen, view.variable.state, pending).append
            for part in append.parts
        )
        if on_violation == "refuse":
            assert isinstance(event, Refused)
            assert event.code == "constraint.violated"
            return
        assert isinstance(event, ConflictDetected)
        assert event.kind == "constraint_violation"
        assert [c.value for c in event.candidates] == [{"a": 9, "b": 0}, {"a": 9, "b": 9}]

    @pytest.mark.parametrize("on_violation", ["refuse", "resolve"])
    def test_of_what_is_shared_the_claims_are_at_odds(self, on_violation: str) -> None:
        """They fit, so no order of serving them helps, and the constraint is what refuses."""
        space = Space(AMOUNT, PRIORITY, on_violation=on_violation)
        rule = Implies((), (Condition("it", "==", "never"),))
        declared = ConstraintDeclared(constraint=rule, values={"it": {}})
        space.publish(Boundary("constraint", "c"), declared, "lead")
        space.publish(IT, Constrained(constraint="c"), "lead")
        *events, refused = space.clash(("ann", 80))
        assert isinstance(refused, Refused)
        assert refused.code == "constraint.violated"
        found = detected(events)
        assert (found is None) == (on_violation == "refuse")
        assert found is None or [(c.by, c.value) for c in found.candidates] == [("ann", 80)]

    def test_nothing_to_resolve_it_by_is_refused_at_the_declaration(self) -> None:
        space = Rehearsal()
        command = Declare(WHOLE, on_violation="resolve")
        assert not space.command(IT, VARIABLE, VariableState(), command, "lead")


class TestSoundness:
    """What is no conflict is not reported as one."""

    def test_equal_proposals_agree(self) -> None:
        space = Space(WHOLE)
        change, affirmed = space.clash(("ann", 7), ("bob", 7.0))
        assert isinstance(change, Changed)
        assert isinstance(affirmed, Affirmed)
        assert (affirmed.by, affirmed.base) == ("bob", 1)
        assert (space.state.value, space.state.changes) == (7, 1)

    def test_who_has_agreed_counts_when_another_does_not(self) -> None:
        space = Space(WHOLE, Policy("weighted_merge"))
        found = detected(space.clash(("ann", 6), ("bob", 6), ("cyd", 9)))
        assert found is not None
        assert [c.by for c in found.candidates] == ["ann", "bob", "cyd"]
        assert space.state.value == 7

    def test_proposals_for_other_parts_are_merged(self) -> None:
        space = Space(PAIR)
        one, two = space.clash(("ann", {"a": 1, "b": 0}), ("bob", {"a": 0, "b": 2}))
        assert isinstance(one, Changed)
        assert isinstance(two, Changed)
        assert (two.merged, two.by, two.value) == (True, "bob", {"a": 1, "b": 2})

    def test_a_third_for_the_same_part_does_not_undo_the_others(self) -> None:
        space = Space(PAIR, Policy("priority", parameters={"priorities": {"cyd": 1}}))
        events = space.clash(
            ("ann", {"a": 1, "b": 0}), ("bob", {"a": 0, "b": 2}), ("cyd", {"a": 3, "b": 0})
        )
        found = detected(events)
        assert found is not None
        assert [c.value for c in found.candidates] == [
            {"a": 1, "b": 2},
            {"a": 1, "b": 2},
            {"a": 3, "b": 2},
        ]
        assert space.state.value == {"a": 3, "b": 2}

    def test_claims_that_fit_are_granted_whatever_they_were_based_on(self) -> None:
        space = Space(AMOUNT, None)
        events = space.clash(("ann", 60), ("bob", 40), base=1)
        assert [type(event) for event in events] == [Changed, Changed]
        assert space.state.value == {"ann": 60, "bob": 40}

    def test_without_a_policy_everybody_else_has_to_look_again(self) -> None:
        """Compare and set: two who have read 5 and write 6 may both be counting."""
        (_, refused) = Space(WHOLE, None).clash(("ann", 6), ("bob", 6))
        assert isinstance(refused, Refused)
        assert refused.code == "variable.stale_base"


class TestClaims:
    def test_a_new_claim_replaces_the_agent_s_own(self) -> None:
        space = Space(AMOUNT)
        space.clash(("ann", 60))
        space.clash(("ann", 90))
        assert space.state.value == {"ann": 90}

    def test_giving_up_grants_what_the_others_had_claimed(self) -> None:
        space = Space(AMOUNT, Policy("proportional"))
        space.clash(("ann", 80), ("bob", 70))
        assert space.state.value == {"ann": 53, "bob": 47}
        space.clash(("ann", 0))
        assert space.state.value == {"bob": 70}

    def test_those_who_remain_too_many_share_anew(self) -> None:
        space = Space(AMOUNT, Policy("proportional"))
        space.clash(("ann", 80), ("bob", 60), ("cyd", 60))
        assert space.state.value == {"ann": 40, "bob": 30, "cyd": 30}
        found = detected(space.clash(("ann", 0)))
        assert found is not None
        assert space.state.value == {"bob": 50, "cyd": 50}
        space.clash(("bob", 20))
        assert space.state.value == {"bob": 20, "cyd": 60}

    def test_without_a_policy_a_claim_too_many_is_refused(self) -> None:
        space = Space(DAY, None)
        morning, noon = {"start": 9, "end": 12}, {"start": 11, "end": 14}
        (_, refused) = space.clash(("ann", morning), ("bob", noon))
        assert isinstance(refused, Refused)
        assert (refused.code, refused.allowed) == (
            "variable.temporal_clash",
            "contested: 11-12",
        )
        assert space.state.value == {"ann": [[9, 12]]}

    def test_only_so_many_share(self) -> None:
        space = Space(AllocationType(CANDIDATES_MAX), Policy("proportional"))
        events = space.clash(*((f"a{n}", 1) for n in range(CANDIDATES_MAX + 1)))
        last = events[-1]
        assert isinstance(last, Refused)
        assert (last.code, last.by) == ("variable.oversubscribed", f"a{CANDIDATES_MAX}")

    def test_a_claim_that_is_none_is_refused(self) -> None:
        (refused,) = Space(AMOUNT).clash(("ann", "all"))
        assert isinstance(refused, Refused)
        assert refused.code == "variable.wrong_type"

    def test_a_change_that_names_a_claim_that_is_none_has_no_claims_behind_it(self) -> None:
        """Only a forged one does; the fold takes it as it takes any."""
        stray = history(
            Declared(type=AMOUNT),
            said(Proposed(value="all"), "ann", id="p"),
            Changed(value={"ann": 9}, previous={}, base=1, proposal="p", by="ann"),
        )
        assert fold(VARIABLE, stray).state.standing == ()

    def test_a_strategy_for_numbers_does_not_suit(self) -> None:
        space = Rehearsal()
        command = Declare(AMOUNT, on_conflict=Policy("weighted_merge"))
        assert not space.command(IT, VARIABLE, VariableState(), command, "lead")


SAID = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cyd"]), st.integers(0, 4), st.integers(0, 3)),
    max_size=8,
)


class TestCompleteness:
    @settings(max_examples=60)
    @given(SAID, st.booleans())
    def test_any_two_concurrent_writes_that_differ_are_reported(
        self,
        said: list[tuple[str, int, int]],
        has_policy: bool,  # noqa: FBT001 - drawn
    ) -> None:
        """No write from another base than the present one changes the value by itself."""
        space = Space(WHOLE, PRIORITY if has_policy else None)
        bases: dict[str, int] = {}
        positions = [space.state.position]
        for by, value, back in said:
            base = positions[max(0, len(positions) - 1 - back)]
            bases[space.propose(by, value, base)] = base
            if back == 0:
                space.rest()
                positions.append(space.state.position)
        space.rest()
        answers: dict[str, Event] = {}
        for one in space.log:
            event = one.data
            if isinstance(event, ConflictDetected):
                answers[event.conflict] = event
            elif isinstance(event, Changed | Refused | Affirmed) and event.proposal:
                answers[event.proposal] = event
        assert answers.keys() == bases.keys()
        for proposal, event in answers.items():
            if isinstance(event, Changed):
                assert event.base == bases[proposal], "made against what it has replaced"
            elif isinstance(event, ConflictDetected):
                *others, mine = event.candidates
                assert all(other.base == mine.base for other in others)
                assert any(other.value != mine.value for other in others)
            elif isinstance(event, Refused):
                assert event.code == "variable.stale_base"

    def test_a_resolved_value_is_reported_against_by_who_comes_later(self) -> None:
        space = Space(WHOLE, Policy("mean"))
        space.clash(("ann", 10), ("bob", 20))
        events = space.clash(("cyd", 60), base=1)
        assert detected(events) is not None
        resolved = next(event for event in events if isinstance(event, ConflictResolved))
        assert resolved.value == 30


@pytest.mark.slow
def test_a_thousand_proposals_from_one_base_keep_the_state_small() -> None:
    """Only so many compete; the others are refused, and every conflict ends in order."""
    space = Space(WHOLE, Policy("last_writer"))
    wishes = [(f"agent-{n}", n % 100) for n in range(1_000)]
    sizes: list[int] = []
    for start in range(0, len(wishes), 100):
        events = space.clash(*wishes[start : start + 100], base=1)
        sizes.append(len(msgspec.json.encode(space.state)))
        assert detected(events[:2]) is not None or isinstance(events[0], Refused)
    found = [one.data for one in space.log if isinstance(one.data, ConflictDetected)]
    ended = [one.data for one in space.log if isinstance(one.data, Changed) and one.data.conflict]
    refused = [one.data for one in space.log if isinstance(one.data, Refused)]
    assert len(found) == len(ended) == CANDIDATES_MAX - 1
    assert [one.conflict for one in found] == [one.conflict for one in ended]
    assert len(refused) == len(wishes) - CANDIDATES_MAX
    assert max(sizes) < 12_000
    assert sizes[-1] < sizes[1] + 20, "it does not grow with what is said"
