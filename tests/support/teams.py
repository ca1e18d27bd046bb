"""Random histories of whole teams: what coordinators make of what anybody says, and of garbage.

A history is a list of steps, so that Hypothesis can shrink it; `played` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from hypothesis import strategies as st

from mabeam.core.actors import COORDINATOR
from mabeam.core.agent import AGENT, AgentState, Deregister, Register, Resume, Suspend, Update
from mabeam.core.agent.decider import AgentCommand
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event, registered
from mabeam.core.policies import Policy
from mabeam.core.session import SESSION, Cancel, Open, Opening, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    VARIABLE,
    ChoiceType,
    Declare,
    FloatType,
    IntegerType,
    Proposed,
    VariableState,
)
from support.payloads import payloads
from support.rehearsal import NS_PER_SECOND, Rehearsal

__all__ = ["Step", "forgeries", "histories", "played"]

Step: TypeAlias = Callable[[Rehearsal], object]

VARIABLES: Final = {
    "temperature": Declare(FloatType(0, 2, 0.1), on_conflict=Policy("weighted_merge")),
    "budget": Declare(IntegerType(0, 9)),
    "assignee": Declare(ChoiceType(("nobody", "ann", "bob")), "coordinated", scope=("ann",)),
}
STRUCTS: Final = [
    known.struct for known in registered() if known.struct.__module__.startswith("mabeam.")
]
_agents = st.sampled_from(["ann", "bob", "cyd"])
_sessions = st.sampled_from(["s", "t"])
_variables = st.sampled_from(sorted(VARIABLES))
_targets = st.sampled_from([*VARIABLES, "undeclared", ""])
_teams = st.sampled_from([(), (Participant("ann", 2), Participant("bob"))])
_ties = st.sampled_from(["canonical", "earliest", "refuse"])
_openings: st.SearchStrategy[Opening] = st.builds(
    AuctionOpened,
    lot=st.just("task"),
    reserve=st.sampled_from([0, 2, -1]),
    participants=_teams,
    variable=_targets,
    tie_break=_ties,
    quorum=st.integers(0, 2),
) | st.builds(
    ConsensusOpened,
    low=st.just(Decimal(0)),
    high=st.just(Decimal(2)),
    default=st.sampled_from([None, Decimal(1)]),
    participants=_teams,
    variable=_targets,
    quorum=st.integers(0, 2),
)
_commands: st.SearchStrategy[AgentCommand] = st.sampled_from(
    [Register(), Update(capabilities=("go",)), Suspend("tired"), Resume(), Deregister("gone")]
)
_values = st.sampled_from([0, 0.5, 1, 7, "ann", {"part": 1}])
_places = st.sampled_from(
    [
        Boundary(kind, name)
        for kind in ("session", "variable", "agent", "constraint")
        for name in "s"
    ]
    + [Boundary("variable", name) for name in VARIABLES]
    + [Boundary("session", "t"), Boundary("agent", "ann"), Boundary("toaster", "s")]
)


def _declare(name: str) -> Step:
    return lambda space: space.command(
        Boundary("variable", name), VARIABLE, VariableState(), VARIABLES[name], "lead"
    )


def _open(name: str, opening: Opening, by: str) -> Step:
    return lambda space: space.command(
        Boundary("session", name), SESSION, space.world.session(name).state, Open(opening), by
    )


def _force_open(name: str, opening: Opening, by: str) -> Step:
    return lambda space: space.publish(Boundary("session", name), opening, by)


def _cancel(name: str, by: str) -> Step:
    return lambda space: space.command(
        Boundary("session", name), SESSION, space.world.session(name).state, Cancel(by, "no"), by
    )


def _speak(name: str, by: str, amount: int) -> Step:
    def speak(space: Rehearsal) -> None:
        opening = space.world.session(name).state.opening
        word = BallotCast(value=Decimal(amount) / 2, note="so")
        is_auction = isinstance(opening, AuctionOpened)
        space.publish(
            Boundary("session", name), BidPlaced(amount=amount) if is_auction else word, by
        )

    return speak


def _propose(name: str, by: str, value: float | str, *, blind: bool) -> Step:
    def propose(space: Rehearsal) -> None:
        state = space.world.variable(name).variable.state
        # What is built on the base of the present value is what leads to conflicts.
        base = None if blind else state.base or state.position
        space.publish(Boundary("variable", name), Proposed(value=value, base=base), by)

    return propose


def _command(name: str, command: AgentCommand, by: str) -> Step:
    def carry_through(space: Rehearsal) -> None:
        known = space.world.agents.get(name)
        state = AgentState() if known is None else known.state
        space.command(Boundary("agent", name), AGENT, state, command, by)

    return carry_through


def _say(place: Boundary, event: Event, by: str) -> Step:
    return lambda space: space.publish(place, event, by)


def _litter(place: Boundary, tail: str, body: bytes) -> Step:
    return lambda space: space.litter(f"{place.kind}.{place.entity}.{tail}", body)


def _repeat(which: int) -> Step:
    def repeat(space: Rehearsal) -> None:
        spoken = [one for one in space.log if one.problem is None and one.actor != "coordinator"]
        if spoken:
            space.repeat(spoken[which % len(spoken)])

    return repeat


def _rest(seconds: int) -> Step:
    def rest(space: Rehearsal) -> None:
        space.now_ns += seconds * NS_PER_SECOND
        space.rest()

    return rest


_anything = st.sampled_from(STRUCTS).flatmap(payloads)
histories: Final[st.SearchStrategy[list[Step]]] = st.lists(
    st.one_of(
        st.builds(_declare, _variables),
        st.builds(_open, _sessions, _openings, _agents),
        st.builds(_force_open, _sessions, _openings, _agents),
        st.builds(_cancel, _sessions, _agents),
        st.builds(_speak, _sessions, _agents, st.integers(-1, 5)),
        st.builds(_speak, _sessions, _agents, st.integers(1, 5)),
        st.builds(_propose, _variables, _agents, _values, blind=st.booleans()),
        st.builds(_propose, _variables, _agents, _values, blind=st.just(value=False)),
        st.builds(_command, _agents, _commands, _agents),
        st.builds(_say, _places, _anything, st.just("eve")),
        st.builds(
            _litter, _places, st.sampled_from(["x", "x.eve", "x.y.z"]), st.binary(max_size=3)
        ),
        st.builds(_repeat, st.integers(0, 100)),
        st.builds(_rest, st.sampled_from([0, 1, 40])),
    ),
    min_size=3,
    max_size=40,
)
"""Steps of a team that works, of agents that err, and of a stranger who talks nonsense."""

forgeries: Final[st.SearchStrategy[list[Step]]] = st.lists(
    st.builds(_say, _places, _anything, st.sampled_from([COORDINATOR, "ann"])), max_size=20
)
"""Nonsense in everybody's name, which only a server without permissions would let through."""


def played(steps: Sequence[Step], *, settled: bool = True) -> tuple[Recorded, ...]:
    """Carry the steps out, let the coordinators finish if they can, and return the log."""
    space = Rehearsal(verified=False)
    for step in [*steps, _rest(40)] if settled else steps:
        step(space)
    return tuple(space.log)
