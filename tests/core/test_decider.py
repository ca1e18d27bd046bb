"""Folding: what events that nobody can read do to an entity."""

from __future__ import annotations

from dataclasses import replace

from mabeam.core.agent import AGENT, AgentState, Registered, Suspended
from mabeam.core.decider import Entity, apply, fold
from mabeam.core.envelope import Recorded, decode
from mabeam.core.testing import history


def unreadable(position: int) -> Recorded:
    return decode(position, 0, "mabeam.lab.agent.it.updated.ann", b"garbage")


def foreign(position: int) -> Recorded:
    body = b'{"specversion":"1.0","id":"7","source":"/agents/ann","type":"com.acme.sang"}'
    return decode(position, 0, "mabeam.lab.agent.it.sang.ann", body)


def test_nothing_folds_to_the_initial_state_at_position_zero() -> None:
    assert fold(AGENT, ()) == Entity(0, AGENT.initial)


def test_a_fold_applies_every_event_in_order() -> None:
    agent = fold(AGENT, history(Registered(), Suspended()))
    assert (agent.position, agent.state.status) == (2, "suspended")


def test_an_event_that_nobody_can_read_moves_the_position_and_nothing_else() -> None:
    """The log compares with it, so the next append must expect it."""
    before = fold(AGENT, history(Registered()))
    for one in (unreadable(5), foreign(5)):
        assert apply(AGENT.evolve, before, one) == Entity(5, before.state)


def test_a_payload_of_another_shape_moves_the_position_and_nothing_else() -> None:
    body = (
        b'{"specversion":"1.0","id":"7","source":"/agents/ann",'
        b'"type":"mabeam.agent.updated.v1","data":{"role":7}}'
    )
    wrong = decode(5, 0, "mabeam.lab.agent.it.updated.ann", body)
    before = fold(AGENT, history(Registered()))
    assert apply(AGENT.evolve, before, wrong) == Entity(5, before.state)


def test_an_event_is_handed_to_the_fold_once_it_is_readable() -> None:
    seen: list[int] = []

    def note(state: AgentState, recorded: Recorded) -> AgentState:
        seen.append(recorded.position)
        return state

    events = (*history(Registered()), unreadable(2), *history(Suspended(), after=2))
    fold(replace(AGENT, evolve=note), events)
    assert seen == [1, 3]
