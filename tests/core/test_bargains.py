"""What all protocols of negotiation and task allocation keep, whatever is said in them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mabeam.core import allocation, negotiation
from mabeam.core.allocation import AssignmentOpened, ContractNetOpened, Task
from mabeam.core.decider import Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event, registered
from mabeam.core.negotiation import (
    BargainingOpened,
    NegotiationOpened,
    OptionsIssue,
    RangeIssue,
    ResourceOpened,
    SingleTextOpened,
)
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Cancelled,
    Opening,
    Participant,
    SessionState,
    protocol_of,
)
from mabeam.core.session import hearing as heard
from mabeam.core.testing import (
    evolving_is_total,
    folding_can_be_interrupted,
    history,
    reacting_ends,
    said,
)
from support.payloads import payloads
from support.sitting import Sitting

PAIR = (Participant("ann"), Participant("bob"))
ISSUES = (
    OptionsIssue("way", ("left", "right")),
    RangeIssue("part", Decimal(0), Decimal(1), Decimal("0.5")),
)
OPENINGS: list[Opening] = [
    NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=3),
    SingleTextOpened(issues=ISSUES, participants=PAIR, rounds=3),
    BargainingOpened(issues=ISSUES, participants=PAIR),
    ResourceOpened(resource="cpu", amount=5, participants=PAIR, rounds=3),
    ResourceOpened(
        resource="cpu", amount=5, participants=PAIR, rounds=1, escalate_to="lead", ruling_ms=9
    ),
    ContractNetOpened(task="x", participants=PAIR, open_for_ms=60_000),
    ContractNetOpened(task="x", open_for_ms=60_000),
    AssignmentOpened(tasks=(Task("a"),), participants=PAIR),
]
OURS = tuple(f"{module.__name__}." for module in (negotiation, allocation))
WORDS = [
    known.struct
    for known in registered()
    if known.struct.__module__.startswith(OURS) and not issubclass(known.struct, Opening)
]
anybody = st.sampled_from(["ann", "bob", "coordinator", "eve", "lead"])
anything = st.sampled_from(WORDS).flatmap(payloads)


class TestAnyHistory:
    """A valid opening, and then whatever anybody writes, in the name of protocol code too."""

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(OPENINGS), st.lists(st.builds(said, anything, anybody), max_size=8))
    def test_it_is_folded_and_comes_to_an_end(self, opening: Opening, past: list[Event]) -> None:
        log = history(said(opening, "lead"), *past)
        said_ids = {one.id for one in log}
        evolving_is_total(SESSION, log)
        folding_can_be_interrupted(SESSION, log)
        for now_ns in (0, 10**30):
            log = reacting_ends(SESSIONS, _entity, log, "it", now_ns=now_ns, rounds_max=60)
        state = fold(SESSION, log).state
        assert state.phase == "ended"
        if state.decision is not None and state.decided_id not in said_ids:
            protocol_of(opening).verify(heard("it", state), state.decision)


@pytest.mark.parametrize("opening", OPENINGS)
class TestEnds:
    def test_the_deadline_always_ends_it(self, opening: Opening) -> None:
        state = Sitting(opening).settle(10**6).state
        assert (state.phase, state.outcome) == ("ended", "no_quorum")

    def test_who_opened_it_may_take_it_back(self, opening: Opening) -> None:
        sitting = Sitting(opening).say("lead", Cancelled(reason="no"))
        assert sitting.settle(10**6).state.outcome == "cancelled"

    def test_one_that_cannot_be_held_fails(self, opening: Opening) -> None:
        broken = msgspec.structs.replace(opening, rule=Policy("nonsense"))
        state = Sitting(broken).settle().state
        assert (state.phase, state.outcome) == ("ended", "failed")
        assert "policy.unknown" in state.reason


def _entity(log: Sequence[Recorded]) -> Entity[SessionState]:
    return fold(SESSION, log)
