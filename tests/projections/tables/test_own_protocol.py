"""A protocol of one's own has its sessions and decisions in the tables, with all they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import pytest

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session import PROTOCOLS, Decision, Hearing, Opening, Protocol, Speech
from mabeam.core.subjects import Boundary
from support.rehearsal import NS_PER_SECOND, Rehearsal
from support.tabled import Tabled

HANDS = Boundary("session", "hands")


@event_type("test.hands.opened.v1", kind="session")
class HandsOpened(Opening, frozen=True, kw_only=True):
    """Who raises a hand before noon?"""

    noon: datetime
    rule: Policy = Policy("hands")


@event_type("test.hands.raised.v1", kind="session")
class HandRaised(Speech, frozen=True, kw_only=True):
    """I do."""


@event_type("test.hands.decided.v1", kind="session")
class HandsDecided(Decision, frozen=True, kw_only=True):
    """So many did."""

    hands: int


def decide(hearing: Hearing[HandsOpened]) -> HandsDecided:
    return HandsDecided(
        outcome="decided",
        rule=hearing.opening.rule,
        considered=hearing.considered,
        hands=len(hearing.spoken),
    )


@pytest.fixture
def hands() -> Iterator[None]:
    """The protocol is known."""
    PROTOCOLS[HandsOpened] = cast(
        "Protocol[Opening]",
        Protocol(
            name="hands",
            opening=HandsOpened,
            speech=HandRaised,
            check_opening=lambda opening: None,
            check_speech=lambda opening, speech: None,
            say=lambda speech: "here",
            decide=decide,
            verify=lambda hearing, decision: None,
            result=lambda decision: None,
        ),
    )
    yield
    del PROTOCOLS[HandsOpened]


def held() -> Tabled:
    space = Rehearsal()
    space.publish(HANDS, HandsOpened(noon=datetime(2026, 1, 2, 12, tzinfo=UTC)), "lead")
    space.publish(HANDS, HandRaised(), "ann")
    space.now_ns += 40 * NS_PER_SECOND
    space.rest()
    return Tabled(space.log)


def test_its_opening_and_its_certificate_are_told_in_full(hands: None) -> None:
    tabled = held()
    [session] = tabled.all("sessions")
    assert (session["protocol"], session["outcome"], session["question"]) == (
        "hands",
        "decided",
        None,
    )
    assert json.loads(str(session["opening"]))["noon"] == "2026-01-02T12:00:00Z"
    [decision] = tabled.all("decisions")
    assert json.loads(str(decision["certificate"])) == {"hands": 1}
    [word] = tabled.all("considered")
    assert (word["agent"], word["said"], word["verdict"]) == ("ann", "here", "counted")


def test_where_nobody_knows_the_protocol_the_session_fails_and_is_told() -> None:
    tabled = held()
    [session] = tabled.all("sessions")
    assert (session["protocol"], session["outcome"]) == (None, "failed")
    assert not tabled.all("decisions")
