"""Two coordinators at the same entity: one step is recorded once, whoever takes it."""

from __future__ import annotations

import pytest

from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.errors import Conflict
from mabeam.core.session import Closed, Decision, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.variable import Changed, Declared, IntegerType, Proposed
from support.rehearsal import NS_PER_SECOND, Rehearsal

TASK = Boundary("session", "task")
BUDGET = Boundary("variable", "budget")
OPENED = AuctionOpened(
    lot="x", participants=(Participant("ann"), Participant("bob")), open_for_ms=1_000
)


def opened(*, lenient: bool = False) -> Rehearsal:
    """Return a space with an auction in which both have bid."""
    space = Rehearsal(lenient=lenient)
    space.publish(TASK, OPENED, "lead")
    space.publish(TASK, BidPlaced(amount=5), "ann")
    space.publish(TASK, BidPlaced(amount=7), "bob")
    return space


def said(space: Rehearsal, boundary: Boundary) -> list[type]:
    return [type(one.data) for one in space.of(boundary) if one.actor == "coordinator"]


def test_two_that_decide_the_same_on_the_same_state_record_it_once() -> None:
    """Their events have the same ids, so the second append is recognised as the first."""
    space = opened()
    one, two = space.due(TASK), space.due(TASK)
    assert one == two
    assert space.carry_out(one)
    assert space.carry_out(two)
    assert said(space, TASK) == [Closed]


def test_who_has_decided_on_a_former_state_loses() -> None:
    space = opened()
    late = space.due(TASK)
    space.publish(TASK, BidPlaced(amount=9), "ann")
    assert not space.carry_out(late)
    assert said(space, TASK) == []
    space.rest()
    assert space.world.session("task").state.phase == "ended"


def test_of_two_that_decide_differently_one_loses() -> None:
    """One sees all bids, the other the end of the time before the last one."""
    space = Rehearsal()
    space.publish(TASK, OPENED, "lead")
    space.publish(TASK, BidPlaced(amount=5), "ann")
    space.now_ns += 2 * NS_PER_SECOND
    deadline = space.due(TASK)
    space.publish(TASK, BidPlaced(amount=7), "bob")
    complete = space.due(TASK)
    assert deadline != complete
    assert space.carry_out(complete)
    assert not space.carry_out(deadline)
    space.rest()
    outcomes = [kind for kind in said(space, TASK) if issubclass(kind, Decision)]
    assert len(outcomes) == 1


def test_a_bid_that_slips_in_before_the_closing_counts_all_the_same() -> None:
    space = opened(lenient=True)
    closing = space.due(TASK)
    space.publish(TASK, BidPlaced(amount=9), "ann")
    assert space.carry_out(closing)
    space.rest()
    decision = space.world.session("task").state.decision
    assert isinstance(decision, AuctionDecided)
    assert (decision.winner, decision.price) == ("ann", 7)


def test_two_that_judge_the_same_proposal_change_the_variable_once() -> None:
    space = Rehearsal()
    space.publish(BUDGET, Declared(type=IntegerType(0, 9)), "lead")
    space.publish(BUDGET, Proposed(value=3), "ann")
    one, two = space.due(BUDGET), space.due(BUDGET)
    assert space.carry_out(one)
    assert space.carry_out(two)
    assert said(space, BUDGET) == [Changed]
    assert space.world.variable("budget").variable.state.changes == 1


def test_an_expectation_that_does_not_hold_is_a_conflict() -> None:
    """The control: the rehearsal does compare."""
    space = opened()
    events = (BidPlaced(amount=1),)
    with pytest.raises(Conflict) as caught:
        space.append(space.author.says(TASK, events, source="/agents/ann", expect=1))
    assert (caught.value.expected, caught.value.actual) == (1, 3)
