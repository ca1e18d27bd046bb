"""Verification of conflicts: their kinds, what the policies came to, and their sessions."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest

from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast
from mabeam.core.envelope import Recorded, decode
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.subjects import Boundary
from mabeam.core.variable import (
    VARIABLE,
    Affirmed,
    AllocationType,
    Changed,
    ChoiceType,
    CompositeType,
    ConflictDetected,
    ConflictResolved,
    Declare,
    IntegerType,
    Proposed,
    ResolutionChosen,
    Value,
    VariableState,
    VariableType,
)
from mabeam.projections.verification import divergences_at
from mabeam.projections.world import WORLD, World
from support.rehearsal import NS_PER_SECOND, SPACE, Rehearsal

WHOLE: Final = IntegerType(0, 9)
LAST: Final = {"name": "last_writer"}
BIDS: Final = Policy("auction", parameters={"fallback": LAST})
ASKED: Final = Policy("escalation", parameters={"supervisor": "boss", "fallback": LAST})


class Disputes(Rehearsal):
    """A space in which everything that conflicts know has happened once."""

    def __init__(self) -> None:
        super().__init__()
        colours = ChoiceType(("red", "green", "blue"))
        self._clash("agreed", WHOLE, Policy("mean"), 3, 3)
        pair = CompositeType({"a": WHOLE, "b": WHOLE})
        self._clash("merged", pair, Policy("weighted_merge"), {"a": 1, "b": 0}, {"a": 0, "b": 2})
        self._clash("shared", AllocationType(100), Policy("proportional"), 80, 70)
        self._clash("bid", colours, BIDS, "green", "blue")
        self._say("bid", BidPlaced(amount=5), "ann")
        self._say("bid", BidPlaced(amount=6), "bob")
        self.rest()
        self._clash("given_up", colours, ASKED, "green", "blue")
        self.now_ns += 31 * NS_PER_SECOND
        self.rest()
        self._clash("ruled", colours, ASKED, "green", "blue")
        self._say("ruled", BallotCast(value=Decimal(1)), "boss")
        self.rest()

    def _clash(
        self, name: str, type_: VariableType, policy: Policy, one: Value, two: Value
    ) -> None:
        boundary = Boundary("variable", name)
        command = Declare(type_, on_conflict=policy)
        assert self.command(boundary, VARIABLE, VariableState(), command, "lead")
        base = len(self.log)
        for by, value in (("ann", one), ("bob", two)):
            self.publish(boundary, Proposed(value=value, base=base), by)
        self.rest()

    def _say(self, name: str, event: Event, by: str) -> None:
        conflict = self.world.variable(name).variable.state.conflict
        assert conflict is not None
        self.publish(Boundary("session", conflict.session), event, by)


@pytest.fixture(scope="module")
def space() -> Disputes:
    """Return a history, each event of which was verified as it was recorded."""
    return Disputes()


def events_of(space: Disputes, type_: type[Event]) -> list[tuple[World, Recorded]]:
    """Return events of a type, each with the state before it."""
    found: list[tuple[World, Recorded]] = []
    world = WORLD.initial
    for recorded in space.log:
        if isinstance(recorded.data, type_) and recorded.actor == "coordinator":
            found.append((world, recorded))
        world = WORLD.apply(world, recorded)
    return found


def altered(space: Disputes, recorded: Recorded, **changes: object) -> Recorded:
    """Return an event with other data."""
    subject, body = space.wire[recorded.position - 1]
    told = msgspec.json.decode(body)
    told["data"] = told.get("data", {}) | changes
    at = recorded.recorded_ns
    wire = msgspec.json.encode(told)
    assert subject.startswith(f"mabeam.{SPACE}.")
    return decode(recorded.position, at, subject, wire)


FORGERIES: Final[list[tuple[type[Event], dict[str, Any]]]] = [
    (Affirmed, {"by": "eve"}),
    (Affirmed, {"base": 99}),
    (Changed, {"merged": True}),
    (ConflictDetected, {"kind": "temporal_clash"}),
    (ConflictDetected, {"detail": "never mind"}),
    (ConflictDetected, {"candidates": []}),
    (ResolutionChosen, {"session": "conflict-other"}),
    (ResolutionChosen, {"chooser": "me"}),
    (ResolutionChosen, {"shadows": [{"policy": "last_writer.v1", "value": "forged"}]}),
    (ResolutionChosen, {"follows": "conflict-other", "decided_at": 9}),
    (ResolutionChosen, {"follows": "conflict-other"}),
    (ConflictResolved, {"winner": "eve"}),
    (ConflictResolved, {"value": "red"}),
    (ConflictResolved, {"session": "nothing", "decided_at": 3}),
    (ConflictResolved, {"reason": "because"}),
    (AuctionOpened, {"reserve": 3}),
    (AuctionOpened, {"participants": []}),
    (AuctionOpened, {"parent": "variable/other"}),
    (AuctionOpened, {"parent": "agent/ann"}),
]


@pytest.mark.parametrize(("type_", "changes"), FORGERIES, ids=str)
def test_what_does_not_follow_is_found(
    space: Disputes, type_: type[Event], changes: dict[str, Any]
) -> None:
    for world, recorded in events_of(space, type_):
        forged = altered(space, recorded, **changes)
        if forged.data != recorded.data:
            assert list(divergences_at(world, forged)), recorded


def test_everything_happened(space: Disputes) -> None:
    for type_ in {type_ for type_, _ in FORGERIES}:
        assert events_of(space, type_)
    resolved = [event.data for _, event in events_of(space, ConflictResolved)]
    assert sum(bool(getattr(event, "session", "")) for event in resolved) == 2
    chosen = [event.data for _, event in events_of(space, ResolutionChosen)]
    assert sum(getattr(event, "chooser", "") == "fallback" for event in chosen) == 1
    changes = [event.data for _, event in events_of(space, Changed)]
    assert sum(getattr(event, "merged", False) for event in changes) == 1


def test_a_session_of_another_conflict_settles_nothing(space: Disputes) -> None:
    """The end of a session counts for the entity that it was opened for, and no other."""
    world, resolved = events_of(space, ConflictResolved)[-1]
    others = [name for name in world.sessions if name != getattr(resolved.data, "session", "")]
    assert len(others) == 2
    for name in others:
        decided_at = world.sessions[name].state.decided_at
        forged = altered(space, resolved, session=name, decided_at=decided_at)
        assert list(divergences_at(world, forged))


def old(space: Disputes) -> Iterator[tuple[World, Recorded]]:
    """Return detections as they were before they told their kind."""
    for world, recorded in events_of(space, ConflictDetected):
        yield world, altered(space, recorded, kind="", detail="")


def test_conflicts_from_before_their_kinds_were_recorded_are_accepted(space: Disputes) -> None:
    found = list(old(space))
    assert found
    assert all(list(divergences_at(world, recorded)) == [] for world, recorded in found)


def test_strategies_that_are_not_known_here_may_have_been_known_there(space: Disputes) -> None:
    for shadows in ([], [{"policy": "oracle.v7", "value": 3}]):
        for world, recorded in events_of(space, ResolutionChosen):
            other = altered(space, recorded, shadows=shadows)
            assert list(divergences_at(world, other)) == []
