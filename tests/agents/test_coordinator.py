"""Coordinators over a log in memory: several at once, and in trouble."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, cast

import pytest

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.auction.events import AuctionDecided, BidPlaced
from mabeam.core.errors import StoreUnavailable
from mabeam.core.policies import Policy
from mabeam.core.ports import EventStore, Write
from mabeam.core.session.events import Closed, Considered
from mabeam.core.subjects import EVERYTHING, Boundary, Filter
from mabeam.core.variable.constraints import Linear
from mabeam.core.variable.events import Changed, Refused
from mabeam.core.variable.types import ChoiceType, FloatType, IntegerType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from mabeam.projections.world import World

MERGE = Policy("weighted_merge", parameters={"weights": {"coder": 3}})
PRIORITY = Policy("priority", parameters={"priorities": {"reviewer": 2, "coder": 1}})


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


def coordinator(store: object) -> Coordinator:
    author = Author(SystemClock(), SystemIds())
    return Coordinator(cast("EventStore", store), author, ack_wait_seconds=0.2)


async def counts(space: Space) -> Counter[str]:
    found = Counter[str]()
    async for page in space.store.read():
        found.update(recorded.type.split(".")[-2] for recorded in page)
    return found


async def test_any_number_of_coordinators_makes_one_decision(space: Space) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(coordinator(space.store))
        sessions = [
            await space.sessions.open_auction(f"lot {n}", bidders=("a", "b")) for n in range(20)
        ]
        for session in sessions:
            await asyncio.gather(session.bid(3, by="a"), session.bid(5, by="b"))
        decisions = [await session.decision() for session in sessions]
    assert {(d.winner, d.price) for d in decisions} == {("b", 3)}
    found = await counts(space)
    assert (found["closed"], found["decided"]) == (20, 20)
    assert (await verify(space.store)).divergences == ()


async def test_deadlines_survive_a_restart(space: Space) -> None:
    async with coordinator(space.store):
        auction = await space.sessions.open_auction("task", open_for_seconds=0.15)
        await auction.bid(4, by="coder")
    async with coordinator(space.store):
        decision = await auction.decision()
    assert (decision.winner, decision.price) == ("coder", 0)
    assert auction.state.reason == "deadline"


async def test_a_deadline_that_passed_while_nobody_looked_is_kept_at_once(space: Space) -> None:
    auction = await space.sessions.open_auction("task", open_for_seconds=0.001)
    await asyncio.sleep(0.002)
    async with coordinator(space.store):
        assert (await auction.decision()).outcome == "no_quorum"


async def test_a_late_bid_is_kept_and_does_not_count(space: Space) -> None:
    async with coordinator(space.store):
        auction = await space.sessions.open_auction("task", bidders=("a", "b"))
        await auction.bid(3, by="a")
        await auction.bid(5, by="b")
        decision = await auction.decision()
        position = await auction.bid(99, by="a")
    assert decision.winner == "b"
    assert auction.state.late["a"] == position
    assert (await verify(space.store)).divergences == ()


async def test_what_agents_claim_to_have_decided_changes_nothing(space: Space) -> None:
    auction = await space.sessions.open_auction("task", bidders=("a", "b"))
    forged = AuctionDecided(
        outcome="decided",
        rule=Policy("second_price"),
        considered=Considered(1, 2),
        lot="task",
        winner="mallory",
        price=0,
    )
    boundary = Boundary("session", auction.name)
    await space.append(boundary, Closed(reason="complete"), by="mallory")
    await space.append(boundary, forged, by="mallory")
    assert auction.state.phase == "open"
    async with coordinator(space.store):
        await auction.bid(3, by="a")
        await auction.bid(5, by="b")
        assert (await auction.decision()).winner == "b"
    assert (await verify(space.store)).divergences == ()


async def test_a_bid_of_nonsense_is_listed_and_stops_nobody(space: Space) -> None:
    store = cast("MemoryStore", space.store)
    async with coordinator(space.store):
        auction = await space.sessions.open_auction("task", name="s", bidders=("a", "b"))
        store.publish_raw("mabeam.team.session.s.bid_placed.a", b"{garbage")
        await space.append("session/s", BidPlaced(amount=-5), by="b")
        await auction.bid(3, by="a")
        await auction.bid(5, by="b")
        decision = await auction.decision()
    assert decision.winner == "b"
    invalid = [a for a in decision.alternatives if a.reason.startswith("invalid")]
    assert [(a.agent, a.said) for a in invalid] == [("b", "-5")]
    assert space.state.unreadable.count == 1


@pytest.mark.parametrize(
    ("policy", "value", "winner"), [(MERGE, 150, ""), (PRIORITY, 300, "reviewer")]
)
async def test_a_conflict_is_resolved_by_the_declared_policy(
    space: Space, policy: Policy, value: int, winner: str
) -> None:
    async with coordinator(space.store), coordinator(space.store):
        await space.variables.declare("budget", IntegerType(0, 1000, 50), on_conflict=policy)
        base = space.variables.get("budget").position
        one = await space.variables.propose("budget", 100, by="coder", base=base)
        two = await space.variables.propose("budget", 300, by="reviewer", base=base)
        outcomes = await asyncio.gather(one.outcome(), two.outcome())
    assert [type(outcome) for outcome in outcomes] == [Changed, Changed]
    assert space.variables.value("budget") == value
    record = next(iter(space.state.conflicts.values()))
    assert (record.status, record.winner) == ("applied", winner)
    found = await counts(space)
    assert [found[n] for n in ("detected", "resolution_chosen", "resolved")] == [1, 1, 1]
    assert (await verify(space.store)).divergences == ()


async def test_without_a_policy_the_later_of_two_from_one_base_is_refused(space: Space) -> None:
    async with coordinator(space.store):
        await space.variables.declare("x", IntegerType(0, 9))
        base = space.variables.get("x").position
        one = await space.variables.propose("x", 1, by="a", base=base)
        two = await space.variables.propose("x", 2, by="b", base=base)
        assert isinstance(await one.outcome(), Changed)
        refused = await two.outcome()
        blind = await space.variables.propose("x", 3, by="b", blind=True)
        assert isinstance(await blind.outcome(), Changed)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.field) == ("variable.stale_base", "base")
    assert space.variables.value("x") == 3


async def test_changes_that_break_a_constraint_together_are_not_both_made(space: Space) -> None:
    async with coordinator(space.store), coordinator(space.store):
        for name in ("a", "b"):
            await space.variables.declare(name, IntegerType(0, 10))
        await space.variables.constrain("sum", Linear({"a": 1, "b": 1}, "<=", 10))
        made = await asyncio.gather(
            space.variables.propose("a", 6, by="x"), space.variables.propose("b", 7, by="y")
        )
        outcomes = [await proposal.outcome() for proposal in made]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Changed", "Refused"]
    a, b = space.variables.value("a"), space.variables.value("b")
    assert cast("int", a) + cast("int", b) <= 10
    assert (await verify(space.store)).divergences == ()


async def test_a_decision_that_its_variable_cannot_take_is_refused_visibly(space: Space) -> None:
    async with coordinator(space.store):
        await space.variables.declare("who", ChoiceType(("a", "b")), update="coordinated")
        for lot, bidder, expected in (("one", "b", "b"), ("two", "stranger", "b")):
            auction = await space.sessions.open_auction(lot, bidders=(bidder,), variable="who")
            await auction.bid(1, by=bidder)
            decided = (await auction.ended()).decided_at
            await space.until(partial(_decided_at, variable="who", position=decided))
            assert space.variables.value("who") == expected
    found = await counts(space)
    assert (found["changed"], found["refused"]) == (1, 1)
    assert (await verify(space.store)).divergences == ()


def _decided_at(world: World, variable: str, position: int) -> bool:
    return world.variable(variable).variable.state.decided_at == position


class Trouble:
    """A log that fails a given number of times in each of its ways."""

    def __init__(self, store: EventStore, **failures: int) -> None:
        self._store = store
        self._left = failures

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the store's own
        return getattr(self._store, name)

    def _fail(self, way: str, error: Callable[[], Exception]) -> None:
        if self._left.get(way):
            self._left[way] -= 1
            raise error()

    async def append(self, *writes: Write) -> int:
        self._fail("append", lambda: StoreUnavailable("the log is away"))
        self._fail("fault", lambda: ZeroDivisionError("a fault in the code"))
        return await self._store.append(*writes)

    def consume(
        self, name: str, wanted: Filter = EVERYTHING, *, ack_wait_seconds: float = 5.0
    ) -> Any:  # noqa: ANN401 - as the store has it
        self._fail("consume", lambda: StoreUnavailable("the log is away"))
        return self._store.consume(name, wanted, ack_wait_seconds=ack_wait_seconds)

    @property
    def used_up(self) -> bool:
        return not any(self._left.values())


@pytest.mark.parametrize("way", ["append", "fault", "consume"])
async def test_a_coordinator_in_trouble_goes_on(
    space: Space, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mabeam.agents.coordinator.RETRY_SECONDS", 0.01)
    store = Trouble(space.store, **{way: 2})
    async with coordinator(store):
        await space.variables.declare("x", FloatType(0, 9), update="coordinated")
        vote = await space.sessions.open_consensus(variable="x", voters=("a",))
        await vote.cast(4, by="a")
        async with asyncio.timeout(20):
            assert (await vote.decision()).value == 4
    assert store.used_up
    assert (await verify(space.store)).divergences == ()
