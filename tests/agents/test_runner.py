"""Hosted agents over a log in memory: what they hear, say, and how they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest

from mabeam.agents.agent import Agent, Heard, Proposal, hears
from mabeam.agents.author import Author
from mabeam.agents.runner import AgentRunner
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.agent.events import HandlerFailed
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.consensus.events import BallotCast, ConsensusOpened
from mabeam.core.errors import Rejected, StoreUnavailable
from mabeam.core.ports import EventStore, Write
from mabeam.core.subjects import Filter
from mabeam.core.variable.events import Changed, Declared
from mabeam.core.variable.types import IntegerType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds


class Bidder(Agent):
    capabilities: Sequence[str] = ("python",)

    def __init__(self, name: str, amount: int = 5) -> None:
        super().__init__(name)
        self.amount = amount
        self.heard: list[str] = []

    @hears(AuctionOpened)
    async def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        self.heard.append(heard.entity)
        return BidPlaced(amount=self.amount)


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team")) as attached:
        yield attached


def runner(space: Space, *agents: Agent) -> AgentRunner:
    return AgentRunner(space.store, Author(SystemClock(), SystemIds()), agents)


async def failure(space: Space, agent: str) -> HandlerFailed:
    wanted = Filter(kind="agent", entity=agent, event="handler_failed")
    async with space.follow(wanted) as pages:
        async for page in pages:
            return cast("HandlerFailed", page[0].data)
    raise AssertionError("a follower has no end")


async def test_hosted_agents_register_bid_and_win(space: Space) -> None:
    await space.host(Bidder("coder", 9), Bidder("tester", 4))
    assert space.agents.get("coder").capabilities == ("python",)
    auction = await space.sessions.open_auction("task", bidders=("coder", "tester"))
    decision = await auction.decision()
    assert (decision.winner, decision.price) == ("coder", 4)


async def test_answers_carry_cause_and_run_of_what_was_heard(space: Space) -> None:
    await space.host(Bidder("coder"))
    auction = await space.sessions.open_auction("task", bidders=("coder",))
    await auction.decision()
    events = [r async for page in space.store.read(Filter(kind="session")) for r in page]
    opened, bid = events[0], events[1]
    assert bid.envelope.causationid == opened.id
    assert {event.envelope.correlationid for event in events} == {opened.envelope.correlationid}


async def test_only_those_who_may_speak_hear_an_opening(space: Space) -> None:
    coder, tester = Bidder("coder"), Bidder("tester")
    await space.host(coder, tester)
    closed = await space.sessions.open_auction("a", bidders=("coder",), name="named")
    await closed.decision()
    opened = await space.sessions.open_auction("b", name="free", open_for_seconds=0.05)
    await opened.decision()
    assert (coder.heard, tester.heard) == (["named", "free"], ["free"])


async def test_an_agent_that_starts_late_answers_what_is_still_open(space: Space) -> None:
    past = await space.sessions.open_auction("past", open_for_seconds=0.01)
    await past.ended()
    auction = await space.sessions.open_auction("task", bidders=("coder",), name="open")
    coder = Bidder("coder")
    async with runner(space, coder):
        assert (await auction.decision()).winner == "coder"
    assert coder.heard == ["open"]


async def test_a_restarted_agent_does_not_speak_twice(space: Space) -> None:
    auction = await space.sessions.open_auction("task", bidders=("coder", "other"))
    async with runner(space, Bidder("coder")):
        await space.until(lambda world: "coder" in world.session(auction.name).state.spoken)
    again = Bidder("coder")
    async with runner(space, again):
        await auction.bid(3, by="other")
        await auction.decision()
    assert again.heard == []


class Worker(Bidder):
    @hears(Declared)
    def propose(self, declared: Declared, heard: Heard) -> list[Proposal]:
        return [Proposal(heard.entity, self.amount, "because")]

    @hears(Changed)
    def follow_up(self, changed: Changed, heard: Heard) -> Proposal | None:
        if cast("int", changed.value) < 3:
            return Proposal(heard.entity, cast("int", changed.value) + 1)
        return None


async def test_proposals_go_to_the_variable_they_name(space: Space) -> None:
    await space.host(Worker("coder", 1))
    await space.variables.declare("x", IntegerType(0, 10))
    world = await space.until(lambda world: world.variable("x").variable.state.value == 3)
    assert world.variable("x").variable.state.changes == 3


class Faulty(Bidder):
    @hears(AuctionOpened)
    async def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        if opened.lot == "raise":
            raise ZeroDivisionError("by zero")
        if opened.lot == "nonsense":
            return cast("BidPlaced", "12")
        if opened.lot == "type":
            return BidPlaced(amount=cast("int", "much"))
        return BidPlaced(amount=0 if opened.lot == "range" else self.amount)

    @hears(ConsensusOpened)
    def vote(self, opened: ConsensusOpened, heard: Heard) -> BallotCast:
        return BallotCast(value=cast("Decimal", 1))


@pytest.mark.parametrize(
    ("lot", "error"),
    [
        ("raise", "ZeroDivisionError"),
        ("nonsense", "TypeError"),
        ("type", "MalformedEvent"),
        ("range", "Rejected"),
    ],
)
async def test_a_fault_stays_with_the_agent_and_becomes_an_event(
    space: Space, lot: str, error: str
) -> None:
    await space.host(Faulty("faulty"), Bidder("coder"))
    auction = await space.sessions.open_auction(lot, open_for_seconds=0.05)
    assert (await auction.decision()).winner == "coder"
    failed = await failure(space, "faulty")
    assert (failed.handler, failed.error) == ("bid", error)
    await space.caught_up()
    assert space.agents.get("faulty").failures == 1
    again = await space.sessions.open_auction("fine", bidders=("faulty",))
    assert (await again.decision()).winner == "faulty"


async def test_a_number_of_the_wrong_kind_is_read_as_the_wire_reads_it(space: Space) -> None:
    await space.host(Faulty("faulty"))
    vote = await space.sessions.open_consensus(low=0, high=2, voters=("faulty",))
    assert (await vote.decision()).value == 1


async def test_a_proposal_out_of_range_is_a_fault_of_the_handler(space: Space) -> None:
    await space.host(Worker("coder", 99))
    await space.variables.declare("x", IntegerType(0, 10))
    failed = await failure(space, "coder")
    assert "x = '99'" in failed.message
    assert "from 0 to 10" in failed.message


async def test_a_suspended_agent_hears_nothing(space: Space) -> None:
    coder = Bidder("coder")
    await space.host(coder, Bidder("tester"))
    await space.agents.suspend("coder", "on leave")
    auction = await space.sessions.open_auction("task", open_for_seconds=0.05)
    assert (await auction.decision()).winner == "tester"
    await space.agents.resume("coder")
    again = await space.sessions.open_auction("task", bidders=("coder",))
    assert (await again.decision()).winner == "coder"
    assert coder.heard == [again.name]


async def test_two_agents_of_one_name_cannot_be_hosted_together(space: Space) -> None:
    with pytest.raises(ValueError, match="same name"):
        runner(space, Bidder("coder"), Bidder("coder"))


async def test_an_agent_registered_otherwise_is_not_hosted(space: Space) -> None:
    await space.agents.register("coder", role="monitor")
    with pytest.raises(Rejected) as caught:
        await space.host(Bidder("coder"))
    assert caught.value.code == "agent.registered"


class Trouble:
    """A log in memory whose appends of bids and failures, or whose first follow, fail."""

    def __init__(self, store: MemoryStore, *, follows: bool = False) -> None:
        self._store = store
        self._follows = follows

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the store's own
        return getattr(self._store, name)

    async def append(self, *writes: Write) -> int:
        if any(e.type.split(".")[2] in {"bid_placed", "handler_failed"} for e in writes[0].events):
            raise StoreUnavailable("the log is away")
        return await self._store.append(*writes)


async def test_an_answer_that_cannot_be_recorded_does_not_stop_the_agent(space: Space) -> None:
    store = cast("EventStore", Trouble(cast("MemoryStore", space.store)))
    agent = Faulty("coder")
    async with AgentRunner(store, Author(SystemClock(), SystemIds()), [agent]):
        for lot in ("fine", "raise"):
            auction = await space.sessions.open_auction(lot, open_for_seconds=0.05)
            assert (await auction.decision()).outcome == "no_quorum"
        vote = await space.sessions.open_consensus(low=0, high=2, voters=("coder",))
        assert (await vote.decision()).value == 1


class LostOnce(Trouble):
    """A log that can be followed only from the third try on."""

    tries = 0

    async def append(self, *writes: Write) -> int:
        return await self._store.append(*writes)

    def follow(self, wanted: Filter = Filter(), *, after: int = 0) -> Any:  # noqa: ANN401, B008 - as the store has it
        self.tries += 1
        if self.tries == 2:
            raise StoreUnavailable("the log is away")
        return self._store.follow(wanted, after=after)


async def test_agents_hear_again_when_the_log_is_back(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mabeam.agents.runner.RETRY_SECONDS", 0.0)
    store = cast("EventStore", LostOnce(cast("MemoryStore", space.store)))
    async with AgentRunner(store, Author(SystemClock(), SystemIds()), [Bidder("coder")]):
        auction = await space.sessions.open_auction("task", bidders=("coder",))
        async with asyncio.timeout(10):
            assert (await auction.decision()).winner == "coder"
