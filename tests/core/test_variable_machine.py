"""Variables under any proposals by anybody, with conflicts, constraints and late coordinators."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast
from mabeam.core.decider import Entity
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.reactor import Effects, Send
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    CONSTRAINT_INITIAL,
    VARIABLE,
    Affirmed,
    ApplyDecision,
    BooleanType,
    Candidate,
    Changed,
    ChoiceType,
    ConflictDetected,
    ConflictResolved,
    Constrained,
    ConstraintChecked,
    ConstraintDeclared,
    Declare,
    Declared,
    Features,
    IntegerType,
    Linear,
    Proposed,
    Refused,
    ResolutionChosen,
    VariableState,
    check_value,
    declare_constraint,
)
from mabeam.core.variable.constraints import check_constraint
from support.rehearsal import NS_PER_SECOND, Rehearsal

NAMES = st.sampled_from(["x", "y"])
ACTORS = st.sampled_from(["ann", "bob", "cyd"])
MERGE = Policy("weighted_merge", 1, {"weights": {"ann": 2}})
RANKS = Policy("priority", 1, {"priorities": {"ann": 2, "bob": 1}})
BIDS = Policy("auction", 1, {"fallback": {"name": "last_writer"}})
ASKED = Policy("escalation", 1, {"supervisor": "cyd", "fallback": {"name": "auction"}})
DECLARATIONS = st.builds(
    Declare,
    st.just(IntegerType(0, 9)) | st.just(IntegerType(0, 9, 3)),
    st.sampled_from(["last_writer", "last_writer", "coordinated"]),
    st.sampled_from([None, MERGE, RANKS, BIDS, ASKED]),
    st.sampled_from([(), (), ("ann", "bob")]),
)
VALUES = st.sampled_from([0, 3, 5, 6, 9, 9.0, -1, 10, "x", True])
BASES = st.sampled_from(["none", "present", "present", "former", "former", "next", "far"])
SUM = Linear({"x": 1, "y": 1}, "<=", 12)
HALF = Candidate("p", "eve", 5, 1, 1)
FORGERY: list[Event] = [
    Changed(value=5, previous=0, base=1),
    Refused(code="x.y", detail="no", conflict="p"),
    ConflictDetected(conflict="p", base=1, candidates=(HALF,), features=Features(1, 1, 1, 1)),
    ResolutionChosen(conflict="p", chosen=MERGE, eligible=(), propensities=()),
    ConflictResolved(conflict="p", value=5),
    Declared(type=BooleanType()),
    Declared(type=ChoiceType(())),
    Constrained(constraint=""),
]


class Variables(RuleBasedStateMachine):
    """Two variables that may be bound to each other, three agents, a rogue, two coordinators."""

    def __init__(self) -> None:
        super().__init__()
        self.space = Rehearsal()
        self.plans: dict[str, Effects] = {}
        self.sends: list[Send] = []

    @initialize(lenient=st.booleans(), one=DECLARATIONS, two=DECLARATIONS, bound=st.booleans())
    def begin(self, lenient: bool, one: Declare, two: Declare, bound: bool) -> None:  # noqa: FBT001 - drawn
        # Decisions come from sessions that are not here, so nobody could verify them.
        self.space = Rehearsal(lenient=lenient, verified=False)
        for name, command in (("x", one), ("y", two)):
            boundary = Boundary("variable", name)
            assert self.space.command(boundary, VARIABLE, VariableState(), command, "lead")
        if bound:
            self.constrain()

    def state(self, name: str) -> VariableState:
        """Return a variable."""
        return self.space.world.variable(name).variable.state

    @rule(name=NAMES, value=VALUES, base=BASES, by=ACTORS)
    def propose(self, name: str, value: int | str, base: str, by: str) -> None:
        state, head = self.state(name), len(self.space.log)
        bases = {
            "none": None,
            "present": state.position,
            "former": state.base,
            "next": head + 2,
            "far": head + 100,
        }
        proposed = Proposed(value=value, base=bases[base])
        self.space.publish(Boundary("variable", name), proposed, by)

    @rule(
        name=NAMES,
        values=st.lists(st.tuples(ACTORS, st.sampled_from([0, 3, 6, 9])), min_size=2, max_size=4),
    )
    def clash(self, name: str, values: list[tuple[str, int]]) -> None:
        base = self.state(name).position
        for by, value in values:
            self.space.publish(Boundary("variable", name), Proposed(value=value, base=base), by)

    @rule(name=NAMES, value=st.sampled_from([0, 3, 5, 9, 11]))
    def decide(self, name: str, value: int) -> None:
        number = len(self.sends) + 1
        command = ApplyDecision(f"s{number}", 1_000 + number, Decimal(value))
        self.sends.append(Send(f"decision-{number}", Boundary("variable", name), command))
        self.deliver(number)

    @rule(which=st.integers(0, 1_000))
    def deliver(self, which: int) -> None:
        if self.sends:
            self.plans["A"] = Effects(send=(self.sends[which % len(self.sends)],))

    @rule(name=NAMES, by=ACTORS, amount=st.integers(1, 9))
    def speak(self, name: str, by: str, amount: int) -> None:
        """Say something in the session that a conflict is referred to."""
        conflict = self.state(name).conflict
        if conflict is not None and conflict.session in self.space.world.sessions:
            boundary = Boundary("session", conflict.session)
            opening = self.space.world.session(conflict.session).state.opening
            is_auction = isinstance(opening, AuctionOpened)
            word = BidPlaced(amount=amount) if is_auction else BallotCast(value=Decimal(amount))
            self.space.publish(boundary, word, by)

    @rule(seconds=st.sampled_from([10, 40, 200]))
    def wait(self, seconds: int) -> None:
        self.space.now_ns += seconds * NS_PER_SECOND
        self.space.rest()

    @rule()
    def constrain(self) -> None:
        variables = {name: self.space.world.variable(name).variable for name in ("x", "y")}
        present = self.space.world.constraints.get("sum", Entity(0, CONSTRAINT_INITIAL))
        try:
            parts = declare_constraint("sum", SUM, present, variables)
        except Rejected:
            return
        if parts:
            self.space.append(
                *(
                    self.space.author.says(
                        part.boundary, part.events, source="/agents/lead", expect=part.expect
                    )
                    for part in parts
                )
            )

    @rule(name=NAMES, forgery=st.sampled_from(FORGERY))
    def forge(self, name: str, forgery: Event) -> None:
        before = self.state(name)
        self.space.publish(Boundary("variable", name), forgery, "eve")
        assert self.state(name) == before

    @rule()
    def forge_where_nothing_is_declared(self) -> None:
        for event in (Declared(type=ChoiceType(())), Constrained(constraint="")):
            self.space.publish(Boundary("variable", "z"), event, "eve")
        assert self.state("z") == VariableState()

    @rule(value=st.sampled_from([0, 9]))
    def forge_a_check(self, value: int) -> None:
        before = self.space.world.constraints.get("sum")
        forged: list[Event] = [ConstraintChecked(variable="x", value=value)]
        if before is not None and before.state.constraint is not None:
            forged.append(ConstraintDeclared(constraint=Linear({"x": 1}, "<", 0), values={"x": -1}))
        for event in forged:
            self.space.publish(Boundary("constraint", "sum"), event, "eve")
        after = self.space.world.constraints["sum"].state
        assert after == (CONSTRAINT_INITIAL if before is None else before.state)

    @rule(
        entity=st.sampled_from(["variable.x", "variable.y", "constraint.sum"]),
        tail=st.sampled_from(["x", "x.eve", "x.y.z"]),
    )
    def litter(self, entity: str, tail: str) -> None:
        self.space.litter(f"{entity}.{tail}", b"{}")

    @rule(which=st.integers(0, 1_000))
    def repeat(self, which: int) -> None:
        spoken = [
            one for one in self.space.log if one.problem is None and one.actor != "coordinator"
        ]
        self.space.repeat(spoken[which % len(spoken)])

    @rule(name=NAMES)
    def step(self, name: str) -> None:
        self.space.carry_out(self.space.due(Boundary("variable", name)))

    @rule(coordinator=st.sampled_from("AB"), name=NAMES)
    def plan(self, coordinator: str, name: str) -> None:
        self.plans[coordinator] = self.space.due(Boundary("variable", name))

    @rule(coordinator=st.sampled_from("AB"))
    def carry_out(self, coordinator: str) -> None:
        self.space.carry_out(self.plans.pop(coordinator, Effects()))

    @rule()
    def rest(self) -> None:
        self.space.rest()

    @invariant()
    def values_are_of_their_types_and_keep_their_constraints(self) -> None:
        values = {name: self.state(name).value for name in ("x", "y")}
        for name, value in values.items():
            declaration = self.state(name).declaration
            assert declaration is not None
            assert check_value(declaration.type, value) == value
        bound = self.space.world.constraints.get("sum")
        if bound is not None and bound.state.constraint is not None:
            assert dict(bound.state.values) == values
            check_constraint("sum", SUM, values)

    @invariant()
    def the_log_tells_the_same_values(self) -> None:
        """Follow the changes alone, each of which must build on the one before it."""
        for name in self.space.world.variables:
            changes = [
                one.data
                for one in self.space.of(Boundary("variable", name))
                if one.actor == "coordinator" and isinstance(one.data, Changed)
            ]
            values = [change.value for change in changes]
            assert [change.previous for change in changes[1:]] == values[:-1]
            state = self.state(name)
            assert state.changes == len(changes)
            decisions = [change.decided_at for change in changes if change.session]
            assert decisions == sorted(set(decisions))
            assert not values or values[-1] == state.value

    def teardown(self) -> None:
        """Come to rest: no conflict is open, and every proposal has exactly one answer."""
        for _ in range(40):
            self.wait(200)
        for name in self.space.world.variables:
            state = self.state(name)
            assert (state.conflict, state.pending) == (None, ())
            events = self.space.of(Boundary("variable", name))
            proposals = {one.id for one in events if isinstance(one.data, Proposed)}
            answers = Counter(answered(one.data) for one in events if one.actor == "coordinator")
            del answers[""]
            assert set(answers) == proposals
            assert set(answers.values()) <= {1}
            check_conflicts([one.data for one in events if one.actor == "coordinator"])


def answered(event: Event) -> str:
    """Return the proposal that an event of the coordinator answers, if it does."""
    if isinstance(event, Changed | Refused | Affirmed):
        return event.proposal
    return event.conflict if isinstance(event, ConflictDetected) else ""


def check_conflicts(events: list[Event]) -> None:
    """Let every conflict go its way in order, to exactly one end, before the next begins."""
    way: list[str] = []
    conflict = ""
    for event in events:
        if isinstance(event, ConflictDetected):
            assert not conflict
            conflict, way = event.conflict, ["detected"]
        elif isinstance(event, ResolutionChosen | ConflictResolved):
            assert event.conflict == conflict
            if isinstance(event, ResolutionChosen) and event.chooser == "fallback":
                assert way == ["detected", "chosen"]
                continue
            way.append("chosen" if isinstance(event, ResolutionChosen) else "resolved")
            assert way == ["detected", "chosen", "resolved"][: len(way)]
        elif isinstance(event, Changed | Refused) and event.conflict:
            assert event.conflict == conflict
            assert isinstance(event, Refused) or len(way) == 3
            conflict = ""
    assert not conflict


TestVariables = pytest.mark.slow(Variables.TestCase)
TestVariables.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
