"""Verification accepts what follows and finds what does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mabeam.app.composition import attach
from mabeam.core.auction import AuctionOpened
from mabeam.core.envelope import Envelope, Recorded, encode, wire_subject
from mabeam.core.policies import Policy
from mabeam.core.session import protocol as session_protocol
from mabeam.core.session.protocol import PROTOCOLS, protocol_named
from mabeam.core.variable.constraints import Linear
from mabeam.core.variable.types import FloatType, IntegerType
from mabeam.infra.memory import MemoryStore
from mabeam.projections.verification import Report, verify

SIZE_MAX = 1_000_000
Tamper = Callable[[Envelope, dict[str, Any]], Envelope]


async def a_history() -> MemoryStore:
    """Let a team decide something of every kind."""
    store = MemoryStore("team")
    async with attach(store) as space:
        declare, propose = space.variables.declare, space.variables.propose
        await declare("temperature", FloatType(0, 2, 0.1), update="coordinated")
        await declare("budget", IntegerType(0, 1000), on_conflict=Policy("weighted_merge"))
        await declare("rest", IntegerType(0, 1000))
        await space.variables.constrain("sum", Linear({"budget": 1, "rest": 1}, "<=", 900))
        base = space.variables.get("budget").position
        made = [await propose("budget", n, by=f"a{n}", base=base) for n in (200, 400)]
        made.append(await propose("rest", 700, by="a"))
        for proposal in made:
            await proposal.outcome()
        auction = await space.sessions.open_auction("task", reserve=2, bidders=("a", "b"))
        await auction.bid(5, by="a")
        await auction.bid(9, by="b")
        await auction.decision()
        vote = await space.sessions.open_consensus(variable="temperature", voters=("a", "b"))
        await vote.cast("0.2", by="a")
        await vote.cast("0.4", by="b")
        await vote.applied()
        broken = await space.sessions.open_auction("late", open_for_seconds=0.01)
        await broken.decision()
    return store


class ToldClock:
    """The clock of a log whose events are told again with the times they had."""

    ns = 0

    def now_ns(self) -> int:
        return self.ns


async def retold(
    store: MemoryStore, type_: str, tamper: Tamper | None, *, drop: bool = False
) -> Report:
    """Copy a history, changing or dropping the last event of a type, and verify the copy."""
    events: list[Recorded] = [event async for page in store.read() for event in page]
    target = max(event.position for event in events if event.type == type_)
    clock = ToldClock()
    copy = MemoryStore("team", clock=clock)
    for event in events:
        told = event.envelope
        clock.ns = event.recorded_ns
        if event.position == target and drop:
            continue
        if event.position == target and tamper is not None:
            told = tamper(told, msgspec.json.decode(told.data))  # type: ignore[arg-type]  # it has data
        copy.publish_raw(wire_subject("team", told), encode(told, SIZE_MAX))
    return await verify(copy)


def with_data(**changes: object) -> Tamper:
    """Change fields of the payload."""

    def tamper(event: Envelope, data: dict[str, Any]) -> Envelope:
        raw = msgspec.Raw(msgspec.json.encode(data | changes))
        return msgspec.structs.replace(event, data=raw)

    return tamper


def with_attributes(**changes: str) -> Tamper:
    """Change attributes of the event."""
    return lambda event, _: msgspec.structs.replace(event, **changes)


async def test_a_true_history_is_verified() -> None:
    store = await a_history()
    report = await verify(store)
    assert report.divergences == ()
    assert report.certificates == 3
    assert (report.events, report.unreadable) == (await store.head(), 0)
    assert report.decided >= 12


async def test_a_history_is_verified_up_to_a_position() -> None:
    store = await a_history()
    assert (await verify(store, until=7)).events == 7


FORGERIES: dict[str, tuple[str, Tamper]] = {
    "another winner": ("mabeam.auction.decided.v1", with_data(winner="a", outcome="decided")),
    "another number": ("mabeam.consensus.decided.v1", with_data(value="1.9")),
    "no number": ("mabeam.consensus.decided.v1", with_data(value="sNaN")),
    "a value nobody decided": ("mabeam.variable.changed.v1", with_data(value=1.5)),
    "a decision nobody took": ("mabeam.variable.changed.v1", with_data(session="nothing")),
    "another resolution": ("mabeam.conflict.resolved.v1", with_data(value=999)),
    "another policy": (
        "mabeam.conflict.resolution_chosen.v1",
        with_data(chosen={"name": "priority", "version": 1}),
    ),
    "hidden candidates": ("mabeam.conflict.detected.v1", with_data(candidates=[])),
    "another reason to close": ("mabeam.session.closed.v1", with_data(reason="complete")),
    "another check": ("mabeam.constraint.checked.v1", with_data(value=1)),
    "a refusal without reason": ("mabeam.variable.refused.v1", with_data(code="whim")),
    "another cause": ("mabeam.session.closed.v1", with_attributes(causationid="other")),
    "another id": ("mabeam.session.closed.v1", with_attributes(id="other")),
    "nothing readable": ("mabeam.session.closed.v1", with_data(reason=7)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_decision_that_does_not_follow_is_found(forgery: str) -> None:
    type_, tamper = FORGERIES[forgery]
    store = await a_history()
    position = max(
        [event.position async for page in store.read() for event in page if event.type == type_]
    )
    report = await retold(store, type_, tamper)
    assert report.divergences, forgery
    assert report.divergences[0].position == position


async def test_a_dropped_bid_is_found_though_all_the_rest_is_true() -> None:
    report = await retold(await a_history(), "mabeam.auction.bid_placed.v1", None, drop=True)
    assert report.divergences


async def test_a_certificate_that_no_check_foresees_is_found_and_the_rest_checked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overwhelmed(*_: object) -> None:
        raise ValueError

    store = await a_history()
    blind = dataclasses.replace(protocol_named("auction"), verify=overwhelmed)
    known = PROTOCOLS | {AuctionOpened: blind}
    monkeypatch.setattr(session_protocol, "PROTOCOLS", known)
    report = await verify(store)
    assert report.certificates == 3
    assert ["cannot be checked" in found.detail for found in report.divergences] == [True, True]


async def test_retelling_alone_changes_no_verdict() -> None:
    store = await a_history()
    report = await retold(store, "mabeam.auction.decided.v1", None)
    assert report == await verify(store)
