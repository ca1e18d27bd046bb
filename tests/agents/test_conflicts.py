"""Conflicts over a log: real agents, one coordinator and three, restarts, and a storm."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import (
    ConcedingNegotiator,
    PolicyAgent,
    ProposerOnce,
    RankedVoter,
    Supervisor,
    TruthfulBidder,
    VoterInTheMiddle,
)
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.auction.events import AuctionOpened
from mabeam.core.consensus.events import ConsensusOpened
from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.negotiation.utility import Evaluation
from mabeam.core.policies import Policy
from mabeam.core.session.events import Opening
from mabeam.core.subjects import Boundary
from mabeam.core.variable.events import (
    Changed,
    ConflictDetected,
    ConflictResolved,
    Proposed,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.resolving import PATIENCE_NS
from mabeam.core.variable.types import ChoiceType, IntegerType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.nats_server import NatsServer
from support.worlds import fresh_space

COLOURS: Final = ChoiceType(("red", "green", "blue"))
LAST: Final = {"name": "last_writer"}
AUCTION: Final = Policy("auction", parameters={"fallback": LAST})
STORM: Final = 1_000
EACH: Final = 10


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


def coordinator(space: Space) -> Coordinator:
    return Coordinator(space.store, Author(SystemClock(), SystemIds()), ack_wait_seconds=0.2)


async def log_of(space: Space) -> list[Recorded]:
    await space.caught_up()
    return [one async for page in space.store.read() for whole in page for one in whole.parts]


async def events(space: Space, type_: type[Event]) -> list[Recorded]:
    return [one for one in await log_of(space) if isinstance(one.data, type_)]


async def choices(space: Space) -> list[ResolutionChosen]:
    data = [one.data for one in await log_of(space)]
    return [event for event in data if isinstance(event, ResolutionChosen)]


async def applied(space: Space, many: int = 1) -> None:
    async with asyncio.timeout(20):
        await space.until(
            lambda world: (
                sum(c.status in {"applied", "refused"} for c in world.conflicts.values()) >= many
            )
        )


async def clash(space: Space, name: str, **values: Any) -> None:  # noqa: ANN401 - values of any type
    base = space.variables.get(name).position
    for by, value in values.items():
        await space.variables.propose(name, value, by=by, base=base)


@pytest.mark.parametrize("many", [1, 3])
async def test_those_who_disagree_bid_for_their_value(space: Space, many: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(many):
            await stack.enter_async_context(coordinator(space))
        wish = "value of colour"
        await space.host(
            PolicyAgent(
                "ann",
                [ProposerOnce(wishes={"colour": "green"}), TruthfulBidder(values={wish: 5})],
            ),
            PolicyAgent(
                "bob",
                [ProposerOnce(wishes={"colour": "blue"}), TruthfulBidder(values={wish: 4})],
            ),
            PolicyAgent("cyd", [TruthfulBidder(values={wish: 99})]),
        )
        await space.variables.declare("colour", COLOURS, on_conflict=AUCTION)
        await applied(space)
    assert space.variables.value("colour") == "green"
    (opened,) = await events(space, AuctionOpened)
    assert (opened.actor, len(await events(space, ConflictResolved))) == ("coordinator", 1)
    assert (await verify(space.store)).divergences == ()


@pytest.mark.parametrize("many", [1, 3])
async def test_others_vote_on_what_two_disagree_about(space: Space, many: int) -> None:
    brief = {"fields": {"participants": ["cyd", "dan", "eve"], "rule": "plurality"}}
    async with AsyncExitStack() as stack:
        for _ in range(many):
            await stack.enter_async_context(coordinator(space))
        wishes = {"cyd": "blue", "dan": "green", "eve": "blue"}
        for name, wish in wishes.items():
            await space.host(PolicyAgent(name, [RankedVoter(ranking=(wish,))]))
        policy = Policy("vote", parameters=brief)
        await space.variables.declare("colour", COLOURS, on_conflict=policy)
        await clash(space, "colour", ann="green", bob="blue")
        await applied(space)
    assert space.variables.value("colour") == "blue"
    assert (await verify(space.store)).divergences == ()


async def test_delegates_vote_and_what_they_cannot_decide_goes_up(space: Space) -> None:
    """A variable, its conflict's hierarchy, and the votes of the nodes."""
    nodes = [
        {"name": "peers", "members": [{"agent": "cyd"}, {"agent": "dan"}], "parent": "lead"},
        {"name": "lead", "members": [{"agent": "eve"}]},
    ]
    fields = {"nodes": nodes, "at": "peers", "support_min": "0.6"}
    policy = Policy("hierarchy", parameters={"fields": fields})
    async with coordinator(space):
        for name, wish in {"cyd": "blue", "dan": "green", "eve": "green"}.items():
            await space.host(PolicyAgent(name, [RankedVoter(ranking=(wish,))]))
        await space.variables.declare("colour", COLOURS, on_conflict=policy)
        await clash(space, "colour", ann="green", bob="blue")
        await applied(space)
    assert space.variables.value("colour") == "green"
    counts = Counter(one.type.split(".", 1)[1] for one in await log_of(space))
    assert (counts["hierarchy.escalated.v1"], counts["vote.decided.v1"]) == (1, 2)
    assert (await verify(space.store)).divergences == ()


async def test_those_who_disagree_negotiate(space: Space) -> None:
    policy = Policy("negotiation", parameters={"fields": {"rounds": 3}})
    async with coordinator(space):
        for name, green, blue in (("ann", 2, 1), ("bob", 1, 2)):
            worth = Evaluation(Decimal(1), (Decimal(green), Decimal(blue)))
            haggler = ConcedingNegotiator(evaluations=(worth,))
            await space.host(PolicyAgent(name, [haggler]))
        await space.variables.declare("colour", COLOURS, on_conflict=policy)
        await clash(space, "colour", ann="green", bob="blue")
        await applied(space)
    (resolved,) = await events(space, ConflictResolved)
    assert isinstance(resolved.data, ConflictResolved)
    assert resolved.data.reason.endswith(" was chosen")
    assert (await verify(space.store)).divergences == ()


@pytest.mark.parametrize("many", [1, 3])
async def test_a_chain_of_fallbacks_ends_with_the_supervisor(space: Space, many: int) -> None:
    escalation = {"name": "escalation", "parameters": {"supervisor": "boss", "fallback": LAST}}
    fields = {"open_for_seconds": 0.2}
    chain = Policy("auction", parameters={"fields": fields, "fallback": escalation})
    async with AsyncExitStack() as stack:
        for _ in range(many):
            await stack.enter_async_context(coordinator(space))
        await space.host(PolicyAgent("boss", [Supervisor(favours=("ann",))]))
        await space.variables.declare("colour", COLOURS, on_conflict=chain)
        await clash(space, "colour", ann="green", bob="blue")
        await applied(space)
    assert [choice.chosen.name for choice in await choices(space)] == ["auction", "escalation"]
    assert space.variables.value("colour") == "green"
    assert (await verify(space.store)).divergences == ()


async def test_a_session_belongs_to_the_run_of_the_conflict_and_says_what_caused_it(
    space: Space,
) -> None:
    async with coordinator(space):
        fields = {"participants": ["ann"]}
        asked = Policy("consensus", parameters={"fields": fields})
        await space.variables.declare("x", IntegerType(0, 9), on_conflict=asked)
        await clash(space, "x", ann=1, bob=5)
        stranger = Author(SystemClock(), SystemIds()).says(
            Boundary("variable", "x"),
            (Proposed(value=7),),
            source="/agents/cyd",
            correlation_id="another-run",
        )
        await space.store.append(stranger)
        await space.host(PolicyAgent("ann", [VoterInTheMiddle(wishes={"x": 3})]))
        async with asyncio.timeout(20):
            await space.until(lambda world: world.variable("x").variable.state.value == 7)
    (detected,) = await events(space, ConflictDetected)
    (chosen,) = await events(space, ResolutionChosen)
    (opened,) = await events(space, ConsensusOpened)
    (resolved,) = await events(space, ConflictResolved)
    changed = next(
        one for one in await log_of(space) if isinstance(one.data, Changed) and one.data.conflict
    )
    (decided,) = [one for one in await log_of(space) if one.type == "mabeam.consensus.decided.v1"]
    assert opened.envelope.causationid == chosen.id
    assert resolved.envelope.causationid == decided.id
    run = detected.envelope.correlationid
    assert run not in {"", "another-run"}
    for one in (chosen, opened, decided, resolved, changed):
        assert one.envelope.correlationid == run


async def test_a_conflict_waits_for_its_session_over_a_restart(space: Space) -> None:
    async with coordinator(space):
        await space.variables.declare("colour", COLOURS, on_conflict=AUCTION)
        await clash(space, "colour", ann="green", bob="blue")
        async with asyncio.timeout(10):
            await space.until(lambda world: bool(world.sessions))
    async with coordinator(space):
        (name,) = space.state.sessions
        session = space.sessions.get(name)
        for amount, by in ((3, "ann"), (4, "bob")):
            await session.bid(amount, by=by)
        await applied(space)
    assert space.variables.value("colour") == "blue"
    assert (await verify(space.store)).divergences == ()


async def test_patience_ends_a_conflict_whose_session_nobody_opens(
    monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:
    """Also after a restart: whoever folds the log knows the deadline."""
    monkeypatch.setattr("mabeam.core.variable.resolving.PATIENCE_NS", 0)
    assert PATIENCE_NS > 0
    brief = AUCTION.parameters | {"fields": {"open_for_seconds": 0.3}}
    await space.variables.declare("colour", COLOURS, on_conflict=Policy("auction", 1, brief))
    await clash(space, "colour", ann="green", bob="blue")
    blind = coordinator(space)
    monkeypatch.setattr(blind, "_deliver", _nothing)
    async with blind:
        async with asyncio.timeout(10):
            await space.until(lambda world: any(c.session for c in world.conflicts.values()))
    again = coordinator(space)
    monkeypatch.setattr(again, "_deliver", _nothing)
    async with again:
        await applied(space)
    assert (space.variables.value("colour"), dict(space.state.sessions)) == ("blue", {})
    _, fallback = await choices(space)
    assert (fallback.chooser, fallback.decided_at) == ("fallback", 0)
    assert (await verify(space.store)).divergences == ()


async def _nothing(*_: object) -> None:
    """Lose a command, as a coordinator does that dies before it has delivered it."""


async def test_a_fault_in_a_strategy_stops_no_coordinator(
    monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:
    with capture_logs() as logged:
        async with coordinator(space):
            await _go_on_after_a_fault(monkeypatch, space)
    assert {"deadline unknown", "reaction failed"} <= {one["event"] for one in logged}


async def _go_on_after_a_fault(monkeypatch: pytest.MonkeyPatch, space: Space) -> None:
    await space.variables.declare("colour", COLOURS, on_conflict=AUCTION)
    await space.variables.declare("number", IntegerType(0, 9), on_conflict=Policy("mean"))
    await clash(space, "colour", ann="green", bob="blue")
    async with asyncio.timeout(10):
        await space.until(lambda world: bool(world.sessions))
    monkeypatch.setattr("mabeam.core.variable.resolving.opening_for", _fail)
    await space.variables.propose("colour", "red", by="cyd", blind=True)
    await clash(space, "number", ann=2, bob=4)
    async with asyncio.timeout(10):
        await space.until(lambda world: world.variable("number").variable.state.value == 3)


def _fail(*_: object) -> Opening:
    raise ZeroDivisionError("a fault")


# A storm


async def storm(space: Space, coordinators: int, conflicts: int) -> None:
    """Let conflicts break out on some variables at once, each against all before it."""
    names = [f"v{n}" for n in range(conflicts // EACH)]
    for name in names:
        await space.variables.declare(name, IntegerType(0, 100), on_conflict=Policy("last_writer"))
    # All are on the log before anybody looks.
    for turn in range(EACH + 1):
        for name in names:
            base = space.variables.get(name).position
            await space.variables.propose(name, turn, by=f"agent-{turn}", base=base)
    async with AsyncExitStack() as stack:
        for _ in range(coordinators):
            await stack.enter_async_context(coordinator(space))
        async with asyncio.timeout(240):
            await space.until(
                lambda world: not any(world.variable(n).variable.state.pending for n in names)
            )


async def check_order(space: Space) -> None:
    """Every conflict has ended, once, before the next on its variable began."""
    open_: dict[str, str] = {}
    ends: Counter[str] = Counter()
    latest: dict[str, int] = {}
    for one in await log_of(space):
        match one.data:
            case ConflictDetected() as event:
                assert one.entity not in open_
                open_[one.entity] = event.conflict
                assert event.candidates[-1].position > latest.get(one.entity, 0)
                latest[one.entity] = event.candidates[-1].position
            case (Changed() | Refused()) as event if event.conflict:
                assert open_.pop(one.entity) == event.conflict
                ends[event.conflict] += 1
            case _:
                pass
    assert open_ == {}
    assert set(ends.values()) == {1}


@pytest.mark.slow
async def test_a_storm_of_conflicts_keeps_its_order(space: Space) -> None:
    await storm(space, 2, STORM)
    await check_order(space)
    counts = Counter(type(one.data).__name__ for one in await log_of(space))
    assert counts["ConflictDetected"] == counts["ConflictResolved"] == STORM
    assert counts["Refused"] == 0
    assert all(state.value == EACH for state in space.variables.all().values())
    assert (await verify(space.store)).divergences == ()


@pytest.mark.slow
@pytest.mark.jetstream
async def test_a_storm_on_a_server_keeps_its_order_too(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url, coordinate=False) as space:
        await storm(space, 1, STORM)
        await check_order(space)
        assert (await verify(space.store)).divergences == ()


@pytest.mark.slow
async def test_a_storm_of_auctions_ends_every_conflict(space: Space) -> None:
    many = 100
    brief = AUCTION.parameters | {"fields": {"open_for_seconds": 1}}
    names = [f"v{n}" for n in range(many)]
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(coordinator(space))
        bidders = [PolicyAgent(by, [TruthfulBidder(values={"1": 3})]) for by in ("ann", "bob")]
        await space.host(*bidders)
        for name in names:
            await space.variables.declare(
                name, COLOURS, on_conflict=Policy("auction", parameters=brief)
            )
        await asyncio.gather(*(clash(space, name, ann="green", bob="blue") for name in names))
        async with asyncio.timeout(60):
            await applied(space, many)
    assert not any(c.status == "refused" for c in space.state.conflicts.values())
    assert len(space.state.sessions) == many
    assert (await verify(space.store)).divergences == ()


@pytest.mark.jetstream
async def test_a_conflict_is_put_up_for_auction_on_a_server(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        await space.host(*(PolicyAgent(by, [TruthfulBidder(values={"*": 3})]) for by in ("a", "b")))
        await space.variables.declare("colour", COLOURS, on_conflict=AUCTION)
        await clash(space, "colour", a="green", b="blue")
        await applied(space)
        assert (await verify(space.store)).divergences == ()
        (record,) = space.state.conflicts.values()
        assert (record.status, record.kind) == ("applied", "incompatible_values")
        assert record.session in space.state.sessions
