"""Conflicts as a read model, and the registries of single kinds."""

from __future__ import annotations

import pytest

from mabeam.core.agent import Registered
from mabeam.core.auction import AuctionOpened
from mabeam.core.envelope import decode
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.testing import Past, history, said
from mabeam.core.variable import (
    Candidate,
    Changed,
    ConflictDetected,
    ConflictResolved,
    Declared,
    Features,
    IntegerType,
    Refused,
    ResolutionChosen,
)
from mabeam.projections.conflicts import CONFLICTS, ConflictRecord
from mabeam.projections.registry import AGENTS, CONSTRAINTS, SESSIONS, VARIABLES

MERGE = Policy("weighted_merge")
BOTH = (Candidate("p", "ann", 3, 2, 1), Candidate("q", "bob", 5, 4, 1))
DETECTED = ConflictDetected(conflict="q", base=1, candidates=BOTH, features=Features(1, 2, 2, 2))
CHOSEN = ResolutionChosen(conflict="q", chosen=MERGE, eligible=(MERGE,), propensities=("1",))
RESOLVED = ConflictResolved(conflict="q", value=4, winner="bob", reason="mean")
APPLIED = Changed(value=4, previous=3, base=1, conflict="q")
REFUSED = Refused(code="x.y", detail="not possible", conflict="q")


def record(*past: Past) -> ConflictRecord:
    return CONFLICTS.fold(history(*past))["q"]


def test_a_conflict_is_followed_from_its_detection_to_its_end() -> None:
    way = (DETECTED, CHOSEN, RESOLVED, APPLIED)
    found = [record(*way[: count + 1]) for count in range(4)]
    assert found == [
        ConflictRecord("it", BOTH, 1),
        ConflictRecord("it", BOTH, 1, "chosen", MERGE),
        ConflictRecord("it", BOTH, 1, "resolved", MERGE, 4, "bob", "mean"),
        ConflictRecord("it", BOTH, 1, "applied", MERGE, 4, "bob", "mean"),
    ]


def test_a_conflict_may_be_refused_and_says_why() -> None:
    found = record(DETECTED, CHOSEN, RESOLVED, REFUSED)
    assert (found.status, found.reason) == ("refused", "not possible")


def test_what_is_recorded_of_it_again_changes_nothing() -> None:
    assert record(DETECTED, CHOSEN, RESOLVED, APPLIED, DETECTED) == record(
        DETECTED, CHOSEN, RESOLVED, APPLIED
    )


@pytest.mark.parametrize("event", [DETECTED, CHOSEN, RESOLVED, APPLIED, REFUSED], ids=type)
def test_only_the_coordinator_tells_of_conflicts(event: Event) -> None:
    assert dict(CONFLICTS.fold(history(said(event, "eve")))) == {}
    assert record(DETECTED, said(event, "eve")) == record(DETECTED)


@pytest.mark.parametrize(
    "event",
    [
        ResolutionChosen(conflict="x", chosen=MERGE, eligible=(), propensities=()),
        ConflictResolved(conflict="x", value=9),
        Changed(value=9, previous=3, base=1, conflict="x"),
        Changed(value=9, previous=3, base=1),
        Refused(code="x.y", detail="no", conflict="x"),
        Refused(code="x.y", detail="no"),
        Declared(type=IntegerType(0, 9)),
        Registered(),
    ],
    ids=repr,
)
def test_other_events_tell_nothing_of_it(event: Event) -> None:
    assert CONFLICTS.fold(history(DETECTED, event)) == CONFLICTS.fold(history(DETECTED))


def test_what_nobody_can_read_tells_nothing_of_it() -> None:
    body = (
        b'{"specversion":"1.0","id":"7","source":"/protocols/coordinator",'
        b'"type":"mabeam.conflict.resolved.v1","data":{"conflict":7}}'
    )
    wrong = decode(2, 0, "mabeam.lab.variable.it.resolved.coordinator", body)
    assert CONFLICTS.fold(history(DETECTED, wrong)) == CONFLICTS.fold(history(DETECTED))


def test_each_registry_keeps_its_own_kind() -> None:
    log = history(Registered(), AuctionOpened(lot="x"), Declared(type=IntegerType(0, 9)))
    assert list(AGENTS.fold(log)) == list(SESSIONS.fold(log)) == list(VARIABLES.fold(log)) == ["it"]
    assert dict(CONSTRAINTS.fold(log)) == {}
    assert (AGENTS.fold(log)["it"].position, VARIABLES.fold(log)["it"].position) == (1, 3)
