"""Sessions under any speech by anybody, with coordinators that are late or two at once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced, Ranked
from mabeam.core.consensus import BallotCast, ConsensusDecided, ConsensusOpened
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.reactor import Effects
from mabeam.core.session import (
    SESSION,
    Cancel,
    Cancelled,
    Closed,
    Considered,
    Decision,
    Failed,
    Open,
    Opening,
    Participant,
    SessionState,
    hearing,
    protocol_of,
)
from mabeam.core.subjects import Boundary
from support.naive_outcomes import Told, check_outcome
from support.rehearsal import NS_PER_SECOND, Rehearsal

NAMES = st.sampled_from(["s", "t"])
ACTORS = st.sampled_from(["ann", "bob", "cyd"])
TEAMS = st.sampled_from(
    [
        (),
        (),
        (Participant("ann"), Participant("bob")),
        (Participant("ann", 3), Participant("bob", 2), Participant("cyd", 1)),
    ]
)
TIES = st.sampled_from(["canonical", "earliest", "refuse"])
QUORUMS = st.sampled_from([0, 0, 0, 2])
AUCTIONS = st.builds(
    AuctionOpened,
    lot=st.just("task"),
    reserve=st.sampled_from([0, 0, 2]),
    participants=TEAMS,
    quorum=QUORUMS,
    tie_break=TIES,
    open_for_ms=st.sampled_from([1_000, 5_000]),
)
VOTES = st.builds(
    ConsensusOpened,
    low=st.just(Decimal(0)),
    high=st.just(Decimal(2)),
    step=st.sampled_from([None, Decimal("0.3")]),
    default=st.sampled_from([None, Decimal("0.3")]),
    participants=TEAMS,
    quorum=QUORUMS,
)
BROKEN = st.sampled_from(
    [AuctionOpened(lot="x", reserve=-1), ConsensusOpened(low=Decimal(1), high=Decimal(0))]
)
AMOUNTS = st.integers(1, 4)
SPEECH: st.SearchStrategy[Event] = st.one_of(
    st.builds(BidPlaced, amount=st.integers(0, 4), note=st.sampled_from(["", "why"])),
    st.builds(BallotCast, value=st.sampled_from([Decimal(n) for n in ("0", "0.1", "1.2", "9")])),
)
FORGERY: list[Event] = [
    Closed(reason="complete"),
    Failed(code="x", detail="because"),
    Cancelled(),
    AuctionDecided(
        outcome="decided",
        rule=Policy("second_price"),
        considered=Considered(1, 2),
        lot="task",
        winner="eve",
        price=0,
    ),
    ConsensusDecided(
        outcome="decided",
        rule=Policy("weighted_mean"),
        considered=Considered(1, 2),
        value=Decimal(2),
    ),
]
FORGERIES = st.sampled_from(FORGERY)


class Sessions(RuleBasedStateMachine):
    """Two sessions, three agents, a rogue, and two coordinators with plans of different age."""

    def __init__(self) -> None:
        super().__init__()
        self.space = Rehearsal()
        self.plans: dict[str, Effects] = {}

    @initialize(
        lenient=st.booleans(),
        first=AUCTIONS | VOTES,
        second=AUCTIONS | VOTES | BROKEN | st.none(),
        words=st.lists(st.tuples(ACTORS, AMOUNTS), max_size=4),
    )
    def begin(
        self,
        lenient: bool,  # noqa: FBT001 - drawn
        first: Opening,
        second: Opening | None,
        words: list[tuple[str, int]],
    ) -> None:
        self.space = Rehearsal(lenient=lenient)
        self.space.publish(Boundary("session", "s"), first, "ann")
        if second is not None:
            self.space.publish(Boundary("session", "t"), second, "bob")
        for name in ("s", "t"):
            self.answer(name, words)

    def state(self, name: str) -> SessionState:
        """Return a session."""
        return self.space.world.session(name).state

    @rule(name=NAMES, opening=AUCTIONS | VOTES | BROKEN, by=ACTORS, through=st.booleans())
    def open(self, name: str, opening: Opening, by: str, through: bool) -> None:  # noqa: FBT001 - drawn
        boundary = Boundary("session", name)
        if through:
            self.space.command(boundary, SESSION, self.state(name), Open(opening), by)
        else:
            self.space.publish(boundary, opening, by)

    @rule(name=NAMES, words=st.lists(st.tuples(ACTORS, AMOUNTS), min_size=1, max_size=3))
    def answer(self, name: str, words: list[tuple[str, int]]) -> None:
        auction = isinstance(self.state(name).opening, AuctionOpened)
        for by, amount in words:
            ballot = BallotCast(value=Decimal(amount) / 2)
            word = BidPlaced(amount=amount) if auction else ballot
            self.space.publish(Boundary("session", name), word, by)

    @rule(name=NAMES, speech=SPEECH, by=ACTORS)
    def speak(self, name: str, speech: Event, by: str) -> None:
        self.space.publish(Boundary("session", name), speech, by)

    @rule(name=NAMES, by=ACTORS, seriously=st.sampled_from([True, False, False, False]))
    def cancel(self, name: str, by: str, seriously: bool) -> None:  # noqa: FBT001 - drawn
        boundary = Boundary("session", name)
        if seriously:
            self.space.command(boundary, SESSION, self.state(name), Cancel(by), by)

    @rule(name=NAMES, forgery=FORGERIES)
    def forge(self, name: str, forgery: Event) -> None:
        before = self.state(name)
        self.space.publish(Boundary("session", name), forgery, "eve")
        assert self.state(name) == before

    @rule(
        name=NAMES,
        body=st.sampled_from([b"", b"{}"]),
        tail=st.sampled_from(["x", "x.eve", "x.y.z"]),
    )
    def litter(self, name: str, body: bytes, tail: str) -> None:
        before = self.state(name)
        self.space.litter(f"session.{name}.{tail}", body)
        assert self.state(name) == before

    @rule(which=st.integers(0, 1_000))
    def repeat(self, which: int) -> None:
        spoken = [
            one for one in self.space.log if one.problem is None and one.actor != "coordinator"
        ]
        if spoken:
            self.space.repeat(spoken[which % len(spoken)])

    @rule(name=NAMES)
    def step(self, name: str) -> None:
        self.space.carry_out(self.space.due(Boundary("session", name)))

    @rule(name=NAMES)
    def wait_and_step(self, name: str) -> None:
        self.space.now_ns += 5 * NS_PER_SECOND
        self.step(name)

    @rule(coordinator=st.sampled_from("AB"), name=NAMES)
    def plan(self, coordinator: str, name: str) -> None:
        self.plans[coordinator] = self.space.due(Boundary("session", name))

    @rule(coordinator=st.sampled_from("AB"))
    def carry_out(self, coordinator: str) -> None:
        self.space.carry_out(self.plans.pop(coordinator, Effects()))

    @rule(seconds=st.sampled_from([1, 4]))
    def pass_time(self, seconds: int) -> None:
        self.space.now_ns += seconds * NS_PER_SECOND

    @rule()
    def rest(self) -> None:
        self.space.rest()

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        for name in self.space.world.sessions:
            told = Told(self.space.of(Boundary("session", name)))
            state = self.state(name)
            assert (state.phase == "ended") == (told.ended is not None)
            if told.ended is not None:
                assert (state.decided_at, state.decided_id) == (told.ended.position, told.ended.id)
                check_outcome(told)

    def teardown(self) -> None:
        """Let all time pass: every session that was opened has exactly one outcome, proved."""
        self.space.now_ns += 60 * NS_PER_SECOND
        for name in self.space.world.sessions:
            self.step(name)
            self.answer(name, [("ann", 4), ("bob", 3), ("cyd", 4)])
            for forgery in FORGERY:
                self.forge(name, forgery)
        for again in list(self.space.log):
            if again.problem is None and again.actor != "coordinator":
                self.space.repeat(again)
        self.space.rest()
        for name in self.space.world.sessions:
            state = self.state(name)
            assert state.phase in {"unopened", "ended"}
            events = [
                one
                for one in self.space.of(Boundary("session", name))
                if one.actor == "coordinator"
            ]
            assert sum(isinstance(one.data, Decision | Failed) for one in events) <= 1
            assert sum(isinstance(one.data, Closed) for one in events) <= 1
            if state.decision is not None:
                self.check_certificate(name, state, state.decision)

    def check_certificate(self, name: str, state: SessionState, decision: Decision) -> None:
        """Let the decision be proved, and nothing else in its place."""
        assert state.opening is not None
        verify = protocol_of(state.opening).verify
        verify(hearing(name, state), decision)
        for corrupted in corruptions(decision):
            with pytest.raises(Rejected):
                verify(hearing(name, state), corrupted)


def corruptions(decision: Decision) -> Iterator[Decision]:
    """Yield decisions that differ from the right one in winner, price, value or words."""

    def but(**changes: object) -> Decision:
        return msgspec.structs.replace(decision, **changes)

    yield but(superseded=decision.superseded + 1)
    if isinstance(decision, AuctionDecided):
        yield but(winner="eve")
        yield but(price=(decision.price or 0) + 1)
        yield but(ranking=(*decision.ranking, Ranked("eve", 9, 1)))
        yield but(outcome="no_quorum" if decision.outcome == "decided" else "decided")
        if decision.ranking:
            yield but(ranking=decision.ranking[1:])
    if isinstance(decision, ConsensusDecided):
        yield but(value=(decision.value or Decimal(0)) + 1)
        if decision.contributions:
            yield but(contributions=decision.contributions[1:])
            yield but(mean=str(Fraction(decision.mean) + 1))


TestSessions = pytest.mark.slow(Sessions.TestCase)
TestSessions.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
