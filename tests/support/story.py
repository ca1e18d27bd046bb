"""One history in which everything happens that a space can tell of, step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from mabeam.core.agent import Deregistered, HandlerFailed, Registered
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import Cancelled, Participant
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    AllocationType,
    BooleanType,
    ChoiceType,
    Constrained,
    ConstraintDeclared,
    Declared,
    FloatType,
    IntegerType,
    Linear,
    Proposed,
)
from support.rehearsal import NS_PER_SECOND, Rehearsal, source_of

__all__ = ["everything", "told"]

TEMPERATURE: Final = Boundary("variable", "temperature")
BUDGET: Final = Boundary("variable", "budget")
TASK: Final = Boundary("session", "task")


def told() -> Rehearsal:
    """Return a space in which all of it has happened."""
    space = _begun()
    _litter(space)
    return space


def everything() -> Rehearsal:
    """Return one in which all that conflicts know has happened too."""
    space = _begun()
    _share(space)
    _refer(space)
    _litter(space)
    return space


def _begun() -> Rehearsal:
    space = Rehearsal()
    _come_and_go(space)
    _declare(space)
    _propose(space)
    _contend(space)
    _sell(space)
    _agree(space)
    _fail(space)
    return space


def _come_and_go(space: Rehearsal) -> None:
    ann = Boundary("agent", "ann")
    space.publish(ann, Registered(capabilities=("go",), metadata={"team": "a"}), "ann")
    failed = HandlerFailed(handler="on_opened", event="id-1", error="ValueError", message="no lot")
    space.publish(ann, failed, "ann")
    space.publish(ann, Deregistered(reason="done"), "lead")


def _declare(space: Rehearsal) -> None:
    priority = Policy("priority", parameters={"priorities": {"ann": 1}})
    space.publish(TEMPERATURE, Declared(type=FloatType(0, 2), on_conflict=priority), "lead")
    space.publish(BUDGET, Declared(type=IntegerType(0, 9), scope=("ann", "bob")), "lead")
    assignee = Declared(type=ChoiceType(("nobody", "ann")), update="coordinated")
    space.publish(Boundary("variable", "assignee"), assignee, "lead")
    bound = Linear({"budget": 1, "temperature": 1}, "<=", 8)
    declared = ConstraintDeclared(constraint=bound, values={"budget": 0, "temperature": 0.0})
    space.publish(Boundary("constraint", "total"), declared, "lead")
    space.publish(BUDGET, Constrained(constraint="total"), "lead")
    space.publish(TEMPERATURE, Constrained(constraint="total"), "lead")


def _propose(space: Rehearsal) -> None:
    base = space.world.variable("budget").variable.state.position
    space.publish(BUDGET, Proposed(value=3, base=base, reason="enough"), "ann")
    space.repeat(space.publish(BUDGET, Proposed(value=4, base=base), "bob"))
    space.publish(BUDGET, Proposed(value=99), "ann")
    space.rest()


def _contend(space: Rehearsal) -> None:
    """Resolve one conflict, and refuse the resolution of another: a session comes between."""
    base = space.world.variable("temperature").variable.state.position
    for agent, value in (("bob", 1.5), ("ann", 0.5)):
        space.publish(TEMPERATURE, Proposed(value=value, base=base), agent)
    space.rest()
    vote = Boundary("session", "between")
    space.publish(
        vote, ConsensusOpened(low=Decimal(0), high=Decimal(2), variable="temperature"), "ann"
    )
    space.publish(vote, BallotCast(value=Decimal("0.25")), "ann")
    base = space.world.variable("temperature").variable.state.position
    for agent, value in (("bob", 1.0), ("ann", 2.0)):
        space.publish(TEMPERATURE, Proposed(value=value, base=base), agent)
        assert space.carry_out(space.due(TEMPERATURE))
    space.now_ns += 40 * NS_PER_SECOND
    for _ in ("closed", "decided", "applied"):
        assert space.carry_out(space.due(vote))
    space.rest()


def _share(space: Rehearsal) -> None:
    """Claim more than there is, and agree where nobody is at odds."""
    cards, colour = Boundary("variable", "cards"), Boundary("variable", "colour")
    proportional, last = Policy("proportional"), Policy("last_writer")
    space.publish(cards, Declared(type=AllocationType(9), on_conflict=proportional), "lead")
    space.publish(colour, Declared(type=BooleanType(), on_conflict=last), "lead")
    base = len(space.log)
    for agent, amount in (("ann", 6), ("bob", 5)):
        space.publish(cards, Proposed(value=amount), agent)
        space.publish(colour, Proposed(value=True, base=base), agent)
    space.rest()


def _refer(space: Rehearsal) -> None:
    """Leave a conflict to those who are at odds, and then to its fallback."""
    engine = Boundary("variable", "engine")
    auction = Policy("auction", parameters={"fallback": {"name": "last_writer"}})
    declared = Declared(type=ChoiceType(("slow", "fast", "new")), on_conflict=auction)
    space.publish(engine, declared, "lead")
    base = len(space.log)
    for agent, value in (("ann", "fast"), ("bob", "new")):
        space.publish(engine, Proposed(value=value, base=base), agent)
    space.rest()
    space.now_ns += 40 * NS_PER_SECOND
    space.rest()


def _sell(space: Rehearsal) -> None:
    space.publish(TASK, BidPlaced(amount=1), "ann")
    opening = AuctionOpened(
        lot="fix the parser",
        reserve=10,
        unit="credits",
        participants=(Participant("ann", 2), Participant("bob"), Participant("cyd")),
        variable="assignee",
    )
    space.append(
        space.author.says(TASK, (opening,), source=source_of("lead"), correlation_id="run-1")
    )
    _speak(space, TASK, {"bob": BidPlaced(amount=20), "eve": BidPlaced(amount=99)})
    _speak(space, TASK, {"bob": BidPlaced(amount=0)})
    space.repeat(space.publish(TASK, BidPlaced(amount=30, note="I know it"), "bob"))
    _speak(space, TASK, {"ann": BidPlaced(amount=25), "cyd": BidPlaced(amount=5)})
    space.rest()
    _speak(space, TASK, {"ann": BidPlaced(amount=90)})


def _agree(space: Rehearsal) -> None:
    vote = Boundary("session", "vote")
    space.publish(
        vote,
        ConsensusOpened(
            low=Decimal(0), high=Decimal(9), question="How much?", quorum=1, variable="budget"
        ),
        "lead",
    )
    _speak(
        space,
        vote,
        {"ann": BallotCast(value=Decimal("2.5"), note="half"), "eve": BidPlaced(amount=1)},
    )
    _speak(space, vote, {"bob": BallotCast(value=Decimal("NaN"))})
    space.now_ns += 40 * NS_PER_SECOND
    space.rest()


def _fail(space: Rehearsal) -> None:
    broken = Boundary("session", "broken")
    space.publish(broken, ConsensusOpened(low=Decimal(2), high=Decimal(1)), "ann")
    lost = Boundary("session", "taken-back")
    space.publish(lost, AuctionOpened(lot="a mistake"), "ann")
    space.publish(lost, Cancelled(reason="asked by mistake"), "ann")
    space.publish(Boundary("session", "nobody-came"), AuctionOpened(lot="a bore"), "ann")
    space.now_ns += 40 * NS_PER_SECOND
    space.rest()


def _litter(space: Rehearsal) -> None:
    space.litter("session.task.bid_placed.ann", b"{")
    space.litter("session.task", b"")
    event = b'{"specversion":"1.0","id":"x","source":"/agents/eve","data":{"amount":"much"},'
    type_ = b'"type":"mabeam.auction.bid_placed.v1"}'
    space.litter("session.task.bid_placed.eve", event + type_)


def _speak(space: Rehearsal, session: Boundary, words: dict[str, Event]) -> None:
    for agent, word in words.items():
        space.publish(session, word, agent)
