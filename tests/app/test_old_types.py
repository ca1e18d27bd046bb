"""Events of types that are gone, among people who know only the types of today."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.core.actors import COORDINATOR
from mabeam.core.auction import BidPlaced
from mabeam.core.envelope import Recorded, encode, wire_subject
from mabeam.core.events import write_as
from mabeam.core.ids import derived_id
from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Boundary
from mabeam.infra.memory import MemoryStore
from mabeam.projections.verification import verify
from mabeam.projections.world import fingerprint
from support.nats_server import NatsServer
from support.old_types import (
    CLOSED,
    CLOSED_AND_DECIDED,
    DECIDED,
    ENDED,
    OFFERED,
    PINGED,
    STATED,
    old_event,
)
from support.worlds import fresh_space

SIZE_MAX = 1_000_000


class Listener(Agent):
    """Takes down every bid it hears."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: list[tuple[int, str, int]] = []
        self.has_heard_all = asyncio.Event()

    @hears(BidPlaced)
    def note(self, bid: BidPlaced, heard: Heard) -> None:
        self.heard.append((heard.position, heard.recorded.id, bid.amount))
        if bid.note == "the last":
            self.has_heard_all.set()


async def all_of(store: EventStore) -> list[Recorded]:
    return [recorded async for page in store.read() for recorded in page]


@pytest.mark.jetstream
async def test_bids_in_old_words_count_in_an_auction_of_today(nats_server: NatsServer) -> None:
    listener = Listener("listener")
    async with connect(fresh_space(), server=nats_server.url) as space:
        await space.host(listener)
        auction = await space.sessions.open_auction("task", bidders=("ann", "bob", "cee"))
        it = Boundary("session", auction.name)
        stated = old_event(STATED, {"cents": 700}, it, "ann", "stated")
        offered = old_event(OFFERED, {"amounts": [3, 5]}, it, "bob", "offered")
        pinged = old_event(PINGED, {"at": "noon"}, it, "cee", "pinged")
        at = [await space.store.append(Write((event,))) for event in (stated, offered, pinged)]
        await auction.bid(1, by="cee")
        decision = await auction.decision()

        assert (decision.winner, decision.price) == ("ann", 5)
        assert [(one.agent, one.position) for one in decision.ranking[:2]] == [
            ("ann", at[0]),
            ("bob", at[1]),
        ]
        assert decision.superseded == 1
        assert (await space.verify()).divergences == ()

        # Followers see one event at each position, with all that it says.
        log = await all_of(space.store)
        assert [recorded.position for recorded in log] == list(range(1, len(log) + 1))
        assert [one.data for one in log[at[1] - 1].parts] == [
            BidPlaced(amount=3),
            BidPlaced(amount=5),
        ]
        assert log[at[2] - 1].parts == ()
        live = await space.caught_up()
        assert live.unreadable.count == 0
        assert fingerprint(await space.state_at(live.position)) == fingerprint(live)
        before = await space.state_at(at[0])
        assert before.session(auction.name).state.spoken["ann"].speech == BidPlaced(
            amount=7, note="once stated"
        )
        await space.append(it, BidPlaced(amount=9, note="the last"), by="ann")
        await asyncio.wait_for(listener.has_heard_all.wait(), 30)
    assert listener.heard[:3] == [
        (at[0], "stated", 7),
        (at[1], "offered", 3),
        (at[1], derived_id("offered", 1), 5),
    ]


async def test_protocol_code_may_write_as_an_older_version_and_is_verified() -> None:
    """Ids follow from the type that is written, as they do where the old release runs."""
    store = MemoryStore("team")
    write_as(DECIDED, ENDED)
    try:
        async with attach(store) as space:
            auction = await space.sessions.open_auction("task", bidders=("ann", "bob"))
            await auction.bid(3, by="ann")
            await auction.bid(5, by="bob")
            assert (await auction.decision()).price == 3
    finally:
        write_as(DECIDED, DECIDED)
    written = (await all_of(store))[-1]
    assert written.type == ENDED
    assert b'"paid":3' in bytes(written.envelope.data)  # type: ignore[arg-type]  # it has data
    report = await verify(store)
    assert (report.divergences, report.certificates) == ((), 1)


@pytest.mark.parametrize("forged", [{}, {"winner": "ann"}, {"reason": "deadline"}], ids=str)
async def test_a_decision_recorded_in_one_with_its_closing_is_verified(
    forged: dict[str, Any],
) -> None:
    store = MemoryStore("team")
    async with attach(store) as space:
        auction = await space.sessions.open_auction("task", bidders=("ann", "bob"))
        await auction.bid(3, by="ann")
        await auction.bid(5, by="bob")
        await auction.decision()
    *spoken, closed, decided = await all_of(store)
    assert (closed.type, decided.type) == (CLOSED, DECIDED)
    fields = msgspec.to_builtins(decided.data) | {"reason": "complete"} | forged
    both = old_event(CLOSED_AND_DECIDED, fields, closed.boundary, COORDINATOR, "both")
    retold = MemoryStore("team")
    for event in (*(one.envelope for one in spoken), both):
        retold.publish_raw(wire_subject("team", event), encode(event, SIZE_MAX))
    report = await verify(retold)
    assert report.certificates == 1
    assert {found.position for found in report.divergences} == (
        {closed.position} if forged else set()
    )
