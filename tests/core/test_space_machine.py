"""A whole space: agents, variables in conflict and sessions that decide them, all at once.

Besides what is promised of each entity, every event of the coordinator must follow from the
log before it, and the log alone must give the state that has grown step by step.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mabeam.core.agent import AGENT, AgentState, Register, Suspend
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event, registered
from mabeam.core.policies import Policy
from mabeam.core.reactor import Effects
from mabeam.core.session import SESSION, Open, Opening, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    VARIABLE,
    Changed,
    ChoiceType,
    Declare,
    FloatType,
    IntegerType,
    Proposed,
    Refused,
    VariableState,
    check_value,
)
from mabeam.projections.world import WORLD, fingerprint
from support.naive_outcomes import Told, check_outcome
from support.payloads import payloads
from support.rehearsal import NS_PER_SECOND, Rehearsal

VARIABLES = {
    "temperature": Declare(FloatType(0, 2, 0.1), on_conflict=Policy("weighted_merge")),
    "budget": Declare(IntegerType(0, 9), on_conflict=Policy("priority")),
    "assignee": Declare(ChoiceType(("nobody", "ann", "bob")), "coordinated"),
}
ACTORS = st.sampled_from(["ann", "bob", "cyd"])
SESSIONS = st.sampled_from(["s", "t", "u"])
TARGETS = st.sampled_from([*VARIABLES, "undeclared", ""])
TEAMS = st.sampled_from([(), (Participant("ann", 2), Participant("bob"))])
OPENINGS: st.SearchStrategy[Opening] = st.builds(
    AuctionOpened,
    lot=st.just("task"),
    participants=TEAMS,
    variable=TARGETS,
    open_for_ms=st.sampled_from([1_000, 9_000]),
) | st.builds(
    ConsensusOpened,
    low=st.just(Decimal(0)),
    high=st.just(Decimal(2)),
    step=st.sampled_from([None, Decimal("0.1"), Decimal(1)]),
    participants=TEAMS,
    variable=TARGETS,
)
STRUCTS = [known.struct for known in registered() if known.struct.__module__.startswith("mabeam.")]
PLACES = st.sampled_from(
    [Boundary("session", name) for name in "stu"]
    + [Boundary("variable", name) for name in VARIABLES]
    + [Boundary("agent", "ann"), Boundary("constraint", "c"), Boundary("toaster", "t")]
)


class Spaces(RuleBasedStateMachine):
    """Three sessions, three variables, three agents, a rogue, and two coordinators."""

    def __init__(self) -> None:
        super().__init__()
        self.space = Rehearsal()
        self.plans: dict[str, Effects] = {}

    @initialize(lenient=st.booleans(), opening=OPENINGS)
    def begin(self, lenient: bool, opening: Opening) -> None:  # noqa: FBT001 - drawn
        self.space = Rehearsal(lenient=lenient)
        for name, command in VARIABLES.items():
            boundary = Boundary("variable", name)
            assert self.space.command(boundary, VARIABLE, VariableState(), command, "lead")
        self.open("s", opening, "ann")

    @rule(name=SESSIONS, opening=OPENINGS, by=ACTORS)
    def open(self, name: str, opening: Opening, by: str) -> None:
        state = self.space.world.session(name).state
        self.space.command(Boundary("session", name), SESSION, state, Open(opening), by)

    @rule(
        name=SESSIONS, words=st.lists(st.tuples(ACTORS, st.integers(1, 4)), min_size=1, max_size=3)
    )
    def answer(self, name: str, words: list[tuple[str, int]]) -> None:
        auction = isinstance(self.space.world.session(name).state.opening, AuctionOpened)
        for by, amount in words:
            ballot = BallotCast(value=Decimal(amount) / 2)
            word = BidPlaced(amount=amount) if auction else ballot
            self.space.publish(Boundary("session", name), word, by)

    @rule(
        name=st.sampled_from(sorted(VARIABLES)),
        values=st.lists(
            st.tuples(ACTORS, st.sampled_from([0, 0.5, 1, "ann"])), min_size=1, max_size=3
        ),
        blind=st.booleans(),
    )
    def propose(self, name: str, values: list[tuple[str, float | str]], blind: bool) -> None:  # noqa: FBT001 - drawn
        base = None if blind else self.space.world.variable(name).variable.state.position
        for by, value in values:
            self.space.publish(Boundary("variable", name), Proposed(value=value, base=base), by)

    @rule(name=ACTORS, come=st.booleans())
    def come_or_pause(self, name: str, come: bool) -> None:  # noqa: FBT001 - drawn
        known = self.space.world.agents.get(name)
        state = AgentState() if known is None else known.state
        command = Register() if come else Suspend()
        self.space.command(Boundary("agent", name), AGENT, state, command, name)

    @rule(place=PLACES, event=st.sampled_from(STRUCTS).flatmap(payloads))
    def say_anything(self, place: Boundary, event: Event) -> None:
        self.space.publish(place, event, "eve")

    @rule(place=PLACES, tail=st.sampled_from(["x", "x.eve", "x.y.z"]), body=st.binary(max_size=3))
    def litter(self, place: Boundary, tail: str, body: bytes) -> None:
        self.space.litter(f"{place.kind}.{place.entity}.{tail}", body)

    @rule(which=st.integers(0, 1_000))
    def repeat(self, which: int) -> None:
        spoken = [
            one for one in self.space.log if one.problem is None and one.actor != "coordinator"
        ]
        self.space.repeat(spoken[which % len(spoken)])

    @rule(which=st.integers(0, 1_000))
    def step(self, which: int) -> None:
        entities = self.space.entities()
        self.space.carry_out(self.space.due(entities[which % len(entities)]))

    @rule(coordinator=st.sampled_from("AB"), which=st.integers(0, 1_000))
    def plan(self, coordinator: str, which: int) -> None:
        entities = self.space.entities()
        self.plans[coordinator] = self.space.due(entities[which % len(entities)])

    @rule(coordinator=st.sampled_from("AB"))
    def carry_out(self, coordinator: str) -> None:
        self.space.carry_out(self.plans.pop(coordinator, Effects()))

    @rule()
    def let_a_second_pass_and_rest(self) -> None:
        self.space.now_ns += NS_PER_SECOND
        self.space.rest()

    @invariant()
    def values_are_of_their_types(self) -> None:
        for name, command in VARIABLES.items():
            known = self.space.world.variables.get(name)
            if known is not None:
                assert check_value(command.type, known.state.value) == known.state.value

    def teardown(self) -> None:
        """Let all time pass: everything has come to exactly one end, and the log tells it."""
        self.space.now_ns += 3_600 * 24 * 400 * NS_PER_SECOND
        self.space.rest()
        for name in self.space.world.sessions:
            state = self.space.world.session(name).state
            assert state.phase in {"unopened", "ended"}
            if state.decision is not None and state.opened_by != "eve":
                check_outcome(Told(self.readable(Boundary("session", name))))
        for name in VARIABLES:
            if name in self.space.world.variables:
                self.check_variable(name)
        assert fingerprint(WORLD.fold(self.space.log)) == fingerprint(self.space.world)

    def readable(self, boundary: Boundary) -> list[Recorded]:
        """Return the events of an entity whose payloads can be read."""
        return [one for one in self.space.of(boundary) if one.trouble is None]

    def check_variable(self, name: str) -> None:
        """Let every conflict be over, and every decision be applied or refused once."""
        state = self.space.world.variable(name).variable.state
        assert (state.conflict, state.pending) == (None, ())
        boundary = Boundary("variable", name)
        answers = [
            (one.data.session, one.data.decided_at)
            for one in self.readable(boundary)
            if one.actor == "coordinator"
            and isinstance(one.data, Changed | Refused)
            and one.data.session
        ]
        assert len(answers) == len(set(answers))
        assert [at for _, at in answers] == sorted(at for _, at in answers)
        assert state.decided_at == max((at for _, at in answers), default=0)


TestSpaces = pytest.mark.slow(Spaces.TestCase)
TestSpaces.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
