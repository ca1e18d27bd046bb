"""The laws that every decider and reactor keeps, tried on histories that anybody could write.

The payloads are random within their annotations, so most of them make no sense, and the
speakers are whoever; plausible histories are the business of the state machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core.agent import AGENT, Deregister, Register, Resume, Suspend, Update
from mabeam.core.agent.decider import AgentCommand
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.catalogue import DOMAINS
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.decider import Decider, Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event, registered
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Cancel,
    Closed,
    Open,
    Participant,
    SessionCommand,
    SessionState,
)
from mabeam.core.testing import (
    Said,
    deciding_is_a_function,
    events_survive_the_wire,
    evolving_is_total,
    folding_can_be_interrupted,
    history,
    reacting_ends,
    repeating_a_command_changes_nothing,
    repeating_events_changes_nothing,
    said,
)
from mabeam.core.variable import (
    CONSTRAINT_INITIAL,
    VARIABLE,
    VARIABLES,
    BooleanType,
    ChoiceType,
    ConstraintState,
    Declare,
    Declared,
    IntegerType,
    Proposed,
    VariableState,
    VariableView,
    evolve_constraint,
)
from support.payloads import payloads

OURS = tuple(f"{domain.__name__}." for domain in DOMAINS)
CONSTRAINT: Decider[None, ConstraintState] = Decider(
    CONSTRAINT_INITIAL, lambda _, __: (), evolve_constraint
)
DECIDERS: list[tuple[str, Decider[Any, Any]]] = [
    ("agent", AGENT),
    ("constraint", CONSTRAINT),
    ("session", SESSION),
    ("variable", VARIABLE),
]
ACTORS = st.sampled_from(["coordinator", "ann", "bob", "eve"])
WHOLE = st.integers(0, 3)


def structs(kind: str) -> list[type[Event]]:
    return [
        known.struct
        for known in registered()
        if known.kind == kind and known.struct.__module__.startswith(OURS)
    ]


def anything(kind: str) -> st.SearchStrategy[list[Said]]:
    """Return histories of any payloads of a kind, by anybody."""
    events = st.one_of(*(payloads(struct) for struct in structs(kind)))
    return st.lists(st.builds(said, events, ACTORS), max_size=8)


class TestAnyHistory:
    """What is in the log is there: no fold may fail on it, whoever wrote it."""

    @settings(max_examples=150)
    @given(st.data())
    def test_every_fold_takes_it(self, data: st.DataObject) -> None:
        kind, decider = data.draw(st.sampled_from(DECIDERS))
        past = history(*data.draw(anything(kind)))
        evolving_is_total(decider, past)
        folding_can_be_interrupted(decider, past)

    @settings(max_examples=150)
    @given(st.data())
    def test_every_reactor_comes_to_rest_on_it(self, data: st.DataObject) -> None:
        now_ns = data.draw(st.sampled_from([0, 10**30]))
        if data.draw(st.booleans()):
            past = history(*data.draw(anything("session")))
            log = reacting_ends(SESSIONS, session, past, "it", now_ns=now_ns)
            ends = {"unopened", "ended"} if now_ns else {"unopened", "ended", "open"}
            assert session(log).state.phase in ends
        else:
            past = history(*data.draw(anything("variable")))
            log = reacting_ends(VARIABLES, view, past, "it", now_ns=now_ns, rounds_max=60)
            assert (view(log).variable.state.pending, view(log).variable.state.conflict) == (
                (),
                None,
            )

    @given(st.sampled_from([s for kind, _ in DECIDERS for s in structs(kind)]).flatmap(payloads))
    def test_every_payload_survives_the_wire(self, event: Event) -> None:
        events_survive_the_wire([event])


def session(log: Sequence[Recorded]) -> Entity[SessionState]:
    return fold(SESSION, log)


def view(log: Sequence[Recorded]) -> VariableView:
    """Return the variable of a log without its constraints, of which nobody has declared any."""
    variable = fold(VARIABLE, (one for one in log if one.kind == "variable"))
    nothing = Entity(0, CONSTRAINT_INITIAL)
    tails = {one.entity: one.position for one in log if one.kind == "constraint"}
    return VariableView(
        variable,
        tuple(
            (name, Entity(tails.get(name, 0), nothing.state)) for name in variable.state.constraints
        ),
    )


NAMES = st.lists(st.sampled_from(["a", "b", ""]), max_size=2).map(tuple)
AGENT_COMMANDS: st.SearchStrategy[AgentCommand] = st.one_of(
    st.builds(Register, st.sampled_from(["executor", "monitor", ""]), NAMES),
    st.builds(Update, st.none() | st.sampled_from(["executor", ""]), st.none() | NAMES),
    st.builds(Suspend, st.sampled_from(["", "late"])),
    st.builds(Resume),
    st.builds(Deregister),
)
OPENINGS = st.builds(
    AuctionOpened,
    lot=st.sampled_from(["x", "y"]),
    reserve=st.integers(-1, 3),
    quorum=st.integers(-1, 3),
    participants=st.lists(
        st.builds(Participant, st.sampled_from(["ann", "bob"]), st.integers(0, 2)), max_size=2
    ).map(tuple),
) | st.builds(
    ConsensusOpened,
    low=st.integers(0, 2).map(Decimal),
    high=st.integers(1, 3).map(Decimal),
    default=st.none() | st.integers(0, 3).map(Decimal),
    variable=st.sampled_from(["", "v"]),
)
SESSION_COMMANDS: st.SearchStrategy[SessionCommand] = st.builds(Open, OPENINGS) | st.builds(
    Cancel, st.sampled_from(["ann", "bob"]), st.just("")
)
VARIABLE_COMMANDS = st.builds(
    Declare,
    st.sampled_from([BooleanType(), IntegerType(0, 3), IntegerType(3, 0), ChoiceType(())]),
    st.sampled_from(["last_writer", "coordinated"]),
    st.none() | st.sampled_from([Policy("priority"), Policy("nothing")]),
    NAMES,
)
COMMANDS: list[tuple[Decider[Any, Any], st.SearchStrategy[Any]]] = [
    (AGENT, AGENT_COMMANDS),
    (SESSION, SESSION_COMMANDS),
    (VARIABLE, VARIABLE_COMMANDS),
]


class TestAnyCommands:
    @settings(max_examples=150)
    @given(st.data())
    def test_deciders_keep_their_laws(self, data: st.DataObject) -> None:
        decider, commands = data.draw(st.sampled_from(COMMANDS))
        past: tuple[Recorded, ...] = ()
        for command in data.draw(st.lists(commands, max_size=6)):
            deciding_is_a_function(decider, past, command)
            repeating_a_command_changes_nothing(decider, past, command)
            try:
                events = decider.decide(command, fold(decider, past).state)
            except Rejected:
                continue
            events_survive_the_wire(events)
            past += history(*(said(event, "ann") for event in events), after=len(past))
        folding_can_be_interrupted(decider, past)


BIDS = st.builds(BidPlaced, amount=st.integers(0, 4))
BALLOTS = st.builds(BallotCast, value=st.integers(0, 4).map(Decimal))
SPEECH = st.lists(st.tuples(BIDS | BALLOTS, st.sampled_from(["ann", "bob"])), max_size=5)
PROPOSALS = st.lists(
    st.tuples(st.builds(Proposed, value=st.integers(-1, 3), base=st.none() | WHOLE), ACTORS),
    max_size=4,
)


class TestRepetitions:
    """The log of a client that is unsure and publishes again holds an event twice."""

    @given(OPENINGS, SPEECH)
    def test_what_a_session_comes_to_does_not_change(
        self, opening: Event, speech: list[tuple[Event, str]]
    ) -> None:
        def matters(state: SessionState) -> object:
            spoken = {agent: (word.speech, word.since) for agent, word in state.spoken.items()}
            refused = {agent: refusal.said for agent, refusal in state.refused.items()}
            return (state.phase, state.opening, spoken, set(refused), state.superseded)

        past = [(opening, "ann"), *speech, (Closed(reason="complete"), "coordinator")]
        events, speakers = zip(*past, strict=True)
        # A word behind the closing is late, first or second; so the closing is left out.
        repeating_events_changes_nothing(SESSION, events[:-1], matters, speakers[:-1])

    @given(PROPOSALS)
    def test_what_waits_for_a_variable_does_not_change(
        self, proposals: list[tuple[Event, str]]
    ) -> None:
        def matters(state: VariableState) -> object:
            return (state.declaration, state.value, [c.proposal for c in state.pending])

        past = [(Declared(type=IntegerType(0, 3)), "ann"), *proposals]
        events, speakers = zip(*past, strict=True)
        repeating_events_changes_nothing(VARIABLE, events, matters, speakers)

    def test_a_closed_session_stays_as_it_was(self) -> None:
        opening = said(AuctionOpened(lot="x"), "ann")
        bid = said(BidPlaced(amount=3), "ann", id="b")
        closed = said(Closed(reason="complete"), id="c")
        once = fold(SESSION, history(opening, bid, closed)).state
        for again in (opening, bid, closed):
            twice = fold(SESSION, history(opening, bid, closed, again)).state
            assert (twice.phase, twice.spoken, twice.closed_at) == ("closed", once.spoken, 3)
