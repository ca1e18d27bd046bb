"""What follows from proposals, conflicts and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from mabeam.core.decider import Decider, Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policies, Policy
from mabeam.core.reactor import DATA_BYTES_MAX, Append, Part, Send
from mabeam.core.subjects import Boundary
from mabeam.core.testing import Past, Reaction, Said, given, history, reacting_ends, said
from mabeam.core.variable import (
    CONSTRAINT_INITIAL,
    VARIABLE,
    VARIABLES,
    ApplyDecision,
    BooleanType,
    Candidate,
    Changed,
    ChoiceType,
    CompositeType,
    ConflictDetected,
    ConflictResolved,
    Constrained,
    ConstraintChecked,
    ConstraintDeclared,
    ConstraintState,
    Declared,
    Features,
    FloatType,
    IntegerType,
    Linear,
    Proposed,
    Referral,
    Refused,
    Resolution,
    ResolutionChosen,
    Shadow,
    TextType,
    Value,
    VariableType,
    VariableView,
    evolve_constraint,
    resolve,
    strategies,
)
from mabeam.core.variable.reactor import CANDIDATES_MAX
from mabeam.core.variable.strategies import PriorityParameters, by_priority

WHOLE = IntegerType(0, 100)
SHADOWS: dict[str, Value] = {"compromise": 20, "last_writer": 30, "mean": 20, "median": 20}
PAIR = CompositeType({"a": WHOLE, "b": WHOLE})
MERGE = Policy("weighted_merge", 1, {"weights": {"bob": 3}})
OPEN = Declared(type=WHOLE, on_conflict=MERGE)
CLOSED = Declared(type=WHOLE)
IT = Boundary("variable", "it")
CONSTRAINT: Decider[None, ConstraintState] = Decider(
    CONSTRAINT_INITIAL, lambda _, __: (), evolve_constraint
)


def proposed(value: Value, base: int | None = 1, by: str = "ann", name: str = "") -> Said:
    return said(Proposed(value=value, base=base), by, id=name)


def reacting(*past: Past) -> Reaction:
    return given(VARIABLE, *past).when_reacting(VARIABLES, view=VariableView)


def refused(*past: Past) -> Refused:
    """Return the refusal that follows, and nothing else."""
    ((event,),) = (part.events for part in reacting(*past).parts)
    assert isinstance(event, Refused)
    return event


def view(log: Sequence[Recorded]) -> VariableView:
    """Fold a log of one variable and one constraint."""
    entity = fold(VARIABLE, (one for one in log if one.kind == "variable"))
    sums: Entity[ConstraintState] = fold(
        CONSTRAINT, (one for one in log if one.kind == "constraint")
    )
    return VariableView(entity, tuple((name, sums) for name in entity.state.constraints))


def settled(*past: Past) -> list[Event]:
    """Let the reactor come to rest; return what it has appended."""
    log = reacting_ends(VARIABLES, view, history(*past), "it")
    return [one.data for one in log[len(past) :]]


def _constrained() -> Event:
    return Constrained(constraint="c")


def _winner(conflict: str) -> Value:
    """Return the value that equals in rank would come to, which no test can choose."""
    both = (Candidate("p", "ann", 10, 2, 1), Candidate("q", "bob", 30, 3, 1))
    return resolve(Policy("priority"), conflict, WHOLE, both).value


class NoParameters(msgspec.Struct, frozen=True):
    """The rule takes none."""


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch) -> Policy:
    """Register a strategy that refuses every conflict, for one test."""
    rules: Policies[..., Resolution | Referral] = Policies("strategy")

    @rules.register("stubborn", 1, NoParameters)
    def _refuse(*_: object) -> Resolution:
        raise Rejected("test.stubborn", "never")

    rules.register("priority", 1, PriorityParameters)(by_priority)
    monkeypatch.setattr(strategies, "STRATEGIES", rules)
    return Policy("stubborn")


class TestProposals:
    def test_one_against_the_present_value_changes_it(self) -> None:
        reaction = reacting(OPEN, proposed(3, name="p"))
        reaction.then_sends().then_schedules()
        reaction.then_appends(Changed(value=3, previous=0, base=1, proposal="p", by="ann"))
        assert reaction.effects.append == (
            Append("p", (Part(IT, 2, reaction.parts[0].events),), 2),
        )

    def test_one_that_minds_no_base_changes_it_too(self) -> None:
        past = (OPEN, proposed(3, name="p"), Changed(value=3, previous=0, base=1, proposal="p"))
        reacting(*past, proposed(4, None, "bob", "q")).then_appends(
            Changed(value=4, previous=3, base=3, proposal="q", by="bob")
        )

    def test_the_value_is_recorded_in_its_form(self) -> None:
        reacting(OPEN, proposed(3.0, name="p")).then_appends(
            Changed(value=3, previous=0, base=1, proposal="p", by="ann")
        )

    def test_the_oldest_is_judged_first(self) -> None:
        events = settled(CLOSED, proposed(3, name="p"), proposed(4, name="q"))
        assert [type(event) for event in events] == [Changed, Refused]

    def test_nothing_pending_is_left_alone(self) -> None:
        reacting(OPEN).then_nothing()
        reacting().then_nothing()

    @pytest.mark.parametrize(
        ("past", "code", "field", "value", "allowed"),
        [
            ((proposed(3),), "variable.undeclared", "variable", "it", ""),
            (
                (OPEN, proposed(101)),
                "variable.out_of_range",
                "it",
                "101",
                "a whole number from 0 to 100",
            ),
            (
                (Declared(type=WHOLE, update="coordinated"), proposed(3)),
                "variable.coordinated",
                "variable",
                "it",
                "open a session on it",
            ),
            (
                (Declared(type=WHOLE, scope=("bob",)), proposed(3)),
                "variable.out_of_scope",
                "agent",
                "ann",
                "bob",
            ),
            ((OPEN, proposed(3, 0)), "variable.stale_base", "base", "0", "1"),
            ((OPEN, proposed(3, 2)), "variable.base_ahead", "base", "2", "below 2"),
            ((OPEN, proposed(3, 999)), "variable.base_ahead", "base", "999", "below 2"),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_refused_with_the_reason(
        self, past: tuple[Past, ...], code: str, field: str, value: str, allowed: str
    ) -> None:
        found = refused(*past)
        assert (found.code, found.field, found.value, found.allowed) == (
            code,
            field,
            value,
            allowed,
        )
        assert (found.by, found.proposal) == ("ann", f"event-{len(past)}")

    def test_who_guesses_the_next_base_does_not_come_before_others(self) -> None:
        """It was said before the change that it claims to have seen."""
        past = (OPEN, proposed(3, 1, "ann", "p"), proposed(99, 4, "eve", "q"))
        change, refusal = settled(*past)
        assert isinstance(change, Changed)
        assert isinstance(refusal, Refused)
        assert (change.value, refusal.proposal, refusal.code) == (3, "q", "variable.base_ahead")

    def test_without_a_policy_the_later_of_two_is_refused(self) -> None:
        change, refusal = settled(CLOSED, proposed(3, name="p"), proposed(4, 1, "bob", "q"))
        assert isinstance(change, Changed)
        assert isinstance(refusal, Refused)
        assert (change.value, refusal.proposal, refusal.by) == (3, "q", "bob")
        assert (refusal.code, refusal.value, refusal.allowed) == ("variable.stale_base", "1", "4")

    def test_what_no_log_would_take_is_refused(self) -> None:
        """A change has the former value too, so two texts together may not fit."""
        text = Declared(type=TextType(DATA_BYTES_MAX))
        half = "x" * (DATA_BYTES_MAX // 2)
        past = (
            text,
            proposed(half, name="p"),
            Changed(value=half, previous="", base=1, proposal="p"),
        )
        found = refused(*past, proposed(half, 3))
        assert (found.code, found.field) == ("event.too_large", "Changed")

    @pytest.mark.parametrize(
        "value",
        ["x" * 900_000, "\n" * 400_000, {"a": "\n" * 400_000}, 10**4_000],
        ids=lambda value: type(value).__name__ + str(value)[:1],
    )
    def test_a_refusal_always_fits_into_the_log(self, value: Value) -> None:
        assert len(msgspec.json.encode(refused(OPEN, proposed(value)))) < 2_000


class TestConflicts:
    PAST = (OPEN, proposed(10, 1, "ann", "p"), proposed(30, 1, "bob", "q"))

    def test_two_from_one_base_come_to_one_value(self) -> None:
        candidates = (Candidate("p", "ann", 10, 2, 1), Candidate("q", "bob", 30, 3, 1))
        assert settled(*self.PAST) == [
            Changed(value=10, previous=0, base=1, proposal="p", by="ann"),
            ConflictDetected(
                conflict="q",
                base=1,
                candidates=candidates,
                features=Features(1, 2, 2, 2, "20", 2),
                kind="overlapping_writes",
            ),
            ResolutionChosen(
                conflict="q",
                chosen=MERGE,
                eligible=(MERGE,),
                propensities=("1",),
                shadows=tuple(
                    Shadow(f"{name}.v1", value)
                    for name, value in {**SHADOWS, "priority": _winner("q")}.items()
                ),
            ),
            ConflictResolved(
                conflict="q",
                value=25,
                reason="mean of 1 x 10 + 3 x 30 = 25, nearest allowed 25",
            ),
            Changed(value=25, previous=10, base=1, conflict="q"),
        ]

    def test_a_third_from_that_base_is_set_against_all_before_it(self) -> None:
        events = settled(*self.PAST, proposed(50, 1, "cyd", "r"))
        *_, detected, _, _, change = events
        assert isinstance(detected, ConflictDetected)
        assert [c.by for c in detected.candidates] == ["ann", "bob", "cyd"]
        assert isinstance(change, Changed)
        assert change.value == (10 + 3 * 30 + 50) / 5

    def test_what_was_proposed_blindly_can_be_contested_too(self) -> None:
        past = (OPEN, proposed(10, None, "ann", "p"), proposed(30, 1, "bob", "q"))
        assert any(isinstance(event, ConflictDetected) for event in settled(*past))

    def test_only_so_many_compete(self) -> None:
        crowd = [proposed(n % 100, 1, f"a{n}", f"p{n}") for n in range(CANDIDATES_MAX + 1)]
        log = reacting_ends(VARIABLES, view, history(OPEN, *crowd), "it", rounds_max=500)
        last = log[-1].data
        assert isinstance(last, Refused)
        assert (last.code, last.proposal) == ("variable.stale_base", f"p{CANDIDATES_MAX}")

    def test_candidates_that_no_log_would_take_together_are_too_many(self) -> None:
        text = Declared(type=TextType(DATA_BYTES_MAX), on_conflict=Policy("priority"))
        large = "x" * (DATA_BYTES_MAX // 2)
        other = "y" * (DATA_BYTES_MAX // 2)
        past = (
            *(text, proposed(large, name="p")),
            *(Changed(value=large, previous="", base=1, proposal="p"), proposed(other, 1, "bob")),
        )
        assert refused(*past).code == "event.too_large"

    @pytest.mark.parametrize(
        ("type_", "one", "two", "features"),
        [
            (FloatType(0, 1), 0.1, 0.4, Features(1, 2, 2, 2, "3/10", 2)),
            (FloatType(0, 1), 1, 0.5, Features(1, 2, 2, 2, "1/2", 2)),
            (ChoiceType(("x", "y")), "x", "y", Features(1, 2, 2, 2, "", 2)),
            (BooleanType(), True, False, Features(1, 2, 2, 2, "", 2)),
            (PAIR, {"a": 1, "b": 2}, {"b": 3.0, "a": 1}, Features(1, 2, 2, 2, "", 2)),
        ],
        ids=str,
    )
    def test_features_are_taken_from_the_values_in_their_form(
        self, type_: VariableType, one: Value, two: Value, features: Features
    ) -> None:
        declared = Declared(type=type_, on_conflict=Policy("priority"))
        events = settled(declared, proposed(one, 1, "ann"), proposed(two, 1, "bob"))
        (detected,) = (event for event in events if isinstance(event, ConflictDetected))
        assert detected.features == features

    def test_a_resolution_that_breaks_a_constraint_is_refused_and_the_conflict_ends(self) -> None:
        bound = ConstraintDeclared(constraint=Linear({"it": 1}, "!=", 25), values={"it": 0})
        linked = Boundary("constraint", "c")
        past = (OPEN, said(bound, about=linked), _constrained(), *self.PAST[1:])
        *_, resolved, last = settled(*past)
        assert isinstance(resolved, ConflictResolved)
        assert isinstance(last, Refused)
        assert (last.code, last.conflict, last.proposal) == ("constraint.violated", "q", "")

    def test_a_strategy_that_refuses_ends_the_conflict(self, stubborn: Policy) -> None:
        *_, chosen, last = settled(Declared(type=WHOLE, on_conflict=stubborn), *self.PAST[1:])
        assert isinstance(chosen, ResolutionChosen)
        assert isinstance(last, Refused)
        assert (last.code, last.conflict) == ("test.stubborn", "q")

    @pytest.mark.usefixtures("stubborn")
    def test_a_strategy_that_refuses_is_no_shadow_of_another(self) -> None:
        declared = Declared(type=WHOLE, on_conflict=Policy("priority"))
        *_, chosen, resolved, _ = settled(declared, *self.PAST[1:])
        assert isinstance(chosen, ResolutionChosen)
        assert isinstance(resolved, ConflictResolved)
        assert chosen.shadows == ()

    @pytest.mark.parametrize("policy", [Policy("duel"), Policy("priority", 1, {"x": 1})], ids=str)
    def test_a_policy_that_cannot_resolve_ends_the_conflict(self, policy: Policy) -> None:
        """A declaration may have been published past the decider."""
        events = settled(Declared(type=WHOLE, on_conflict=policy), *self.PAST[1:])
        last = events[-1]
        assert isinstance(last, Refused)
        assert last.conflict == "q"
        assert len(events) <= 4

    def test_a_policy_too_large_to_be_recorded_ends_the_conflict(self) -> None:
        ranks = {f"agent-{number}": number for number in range(30_000)}
        policy = Policy("priority", 1, {"priorities": ranks})
        last = settled(Declared(type=WHOLE, on_conflict=policy), *self.PAST[1:])[-1]
        assert isinstance(last, Refused)
        assert (last.code, last.conflict) == ("event.too_large", "q")

    def test_a_conflict_that_a_session_has_overtaken_ends_without_effect(self) -> None:
        detected = ConflictDetected(
            conflict="q",
            base=1,
            candidates=(Candidate("p", "ann", 10, 2, 1), Candidate("q", "bob", 30, 3, 1)),
            features=Features(1, 2, 2, 2),
        )
        decision = Changed(value=77, previous=10, base=4, session="s", decided_at=9)
        past = (*self.PAST, Changed(value=10, previous=0, base=1, proposal="p"), detected, decision)
        last = refused(*past)
        assert (last.code, last.conflict, last.allowed) == ("variable.stale_base", "q", "6")

    def test_a_conflict_about_nothing_ends(self) -> None:
        stray = ConflictDetected(
            conflict="p",
            base=1,
            candidates=(Candidate("p", "ann", 3, 1, 1),),
            features=Features(1, 1, 1, 1),
        )
        assert refused(proposed(3, 1, "ann", "p"), stray).code == "variable.undeclared"


class TestRepetitions:
    @pytest.mark.parametrize("value", [3, 300])
    def test_a_proposal_that_is_published_again_and_again_stops_nothing(self, value: int) -> None:
        """What follows must not bear ids that the log has seen, or it is never recorded."""
        others = [proposed(n, None, "bob", f"q{n}") for n in range(70)]
        eve = proposed(value, None, "eve", "p")
        log = history(OPEN)
        for published in ((eve,), (eve, *others), (eve, eve)):
            log += history(*published, after=log[-1].position)
            log = reacting_ends(VARIABLES, view, log, "it", rounds_max=200)
            assert view(log).variable.state.pending == ()


class TestDecisions:
    SEND = Send("decision", IT, ApplyDecision("s", 9, Decimal(7)))

    def receiving(self, send: Send, *past: Past) -> Reaction:
        return given(VARIABLE, *past).when_receiving(VARIABLES, send, view=VariableView)

    def of(self, value: Decimal | str, at: int = 9) -> Send:
        return Send("decision", IT, ApplyDecision("s", at, value))

    def test_a_decision_becomes_the_value(self) -> None:
        reaction = self.receiving(self.SEND, OPEN)
        reaction.then_appends(Changed(value=7, previous=0, base=1, session="s", decided_at=9))
        assert reaction.effects.append == (
            Append("decision", (Part(IT, 1, reaction.parts[0].events),)),
        )

    @pytest.mark.parametrize(
        ("type_", "value", "expected"),
        [
            (IntegerType(0, 9), Decimal("7.0"), 7),
            (FloatType(0, 9), Decimal(7), 7.0),
            (FloatType(0, 9), Decimal("0.1"), 0.1),
            (ChoiceType(("ann", "bob")), "bob", "bob"),
            (TextType(), "ann", "ann"),
        ],
        ids=str,
    )
    def test_it_takes_the_form_of_the_variable(
        self, type_: VariableType, value: Decimal | str, expected: Value
    ) -> None:
        ((event,),) = (p.events for p in self.receiving(self.of(value), Declared(type=type_)).parts)
        assert isinstance(event, Changed)
        assert (event.value, type(event.value)) == (expected, type(expected))

    def test_it_is_applied_once(self) -> None:
        applied = Changed(value=7, previous=0, base=1, session="s", decided_at=9)
        self.receiving(self.SEND, OPEN, applied).then_nothing()

    def test_an_earlier_decision_does_not_undo_a_later_one(self) -> None:
        applied = Changed(value=7, previous=0, base=1, session="t", decided_at=9)
        self.receiving(self.of(Decimal(3), at=8), OPEN, applied).then_nothing()
        self.receiving(self.of(Decimal(3), at=10), OPEN, applied).then_appends(
            Changed(value=3, previous=7, base=2, session="s", decided_at=10)
        )

    @pytest.mark.parametrize(
        ("past", "value", "code"),
        [
            ((OPEN,), Decimal(101), "variable.out_of_range"),
            *(((OPEN,), Decimal(n), "variable.wrong_type") for n in ("7.5", "1e999999", "NaN")),
            ((OPEN,), "ann", "variable.wrong_type"),
            ((), Decimal(7), "variable.undeclared"),
            ((Declared(type=ChoiceType(("ann",))),), "eve", "variable.no_option"),
        ],
        ids=str,
    )
    def test_one_that_cannot_be_the_value_is_refused_once(
        self, past: tuple[Past, ...], value: Decimal | str, code: str
    ) -> None:
        ((event,),) = (part.events for part in self.receiving(self.of(value), *past).parts)
        assert isinstance(event, Refused)
        assert (event.code, event.session, event.decided_at) == (code, "s", 9)
        self.receiving(self.of(value), *past, event).then_nothing()

    def test_a_coordinated_variable_is_there_for_decisions(self) -> None:
        coordinated = Declared(type=WHOLE, update="coordinated")
        self.receiving(self.SEND, coordinated).then_appends(
            Changed(value=7, previous=0, base=1, session="s", decided_at=9)
        )

    def test_a_decision_no_log_would_take_is_refused(self) -> None:
        text = Declared(type=TextType(DATA_BYTES_MAX))
        found = self.receiving(self.of("x" * DATA_BYTES_MAX), text)
        ((event,),) = (part.events for part in found.parts)
        assert isinstance(event, Refused)
        assert event.code == "event.too_large"

    def test_other_commands_are_not_for_variables(self) -> None:
        class Other(msgspec.Struct, frozen=True):
            """Something else."""

        self.receiving(Send("c", IT, Other()), OPEN).then_nothing()


class TestConstraints:
    def test_a_change_is_recorded_together_with_a_check_on_each(self) -> None:
        bound = Linear({"it": 1}, "<=", 50)
        sums = Entity(
            7, given(CONSTRAINT, ConstraintDeclared(constraint=bound, values={"it": 0})).state
        )
        seen = VariableView(
            given(VARIABLE, OPEN, proposed(3, name="p")).entity, (("a", sums), ("b", sums))
        )
        reaction = Reaction(IT, VARIABLES.react("it", seen, 0))
        check = ConstraintChecked(variable="it", value=3)
        reaction.then_appends(
            Changed(value=3, previous=0, base=1, proposal="p", by="ann"), check, check
        )
        assert [(str(part.boundary), part.expect) for part in reaction.parts] == [
            *(("variable/it", 2), ("constraint/a", 7), ("constraint/b", 7))
        ]
        assert len(reaction.effects.append) == 1, "all or nothing"

    def test_a_value_that_breaks_one_is_refused(self) -> None:
        bound = ConstraintDeclared(constraint=Linear({"it": 1}, "<=", 50), values={"it": 0})
        past = (OPEN, said(bound, about=Boundary("constraint", "c")), _constrained(), proposed(51))
        (event,) = settled(*past)
        assert isinstance(event, Refused)
        assert (event.code, event.field, event.value) == (
            "constraint.violated",
            "constraint c",
            "it = 51",
        )
