"""A space as a person's code uses it, over a log in memory and on the embedded server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mabeam.app import connect
from mabeam.app.composition import SERVER_VARIABLE, attach
from mabeam.app.space import Session, Space
from mabeam.core.agent.events import HandlerFailed, Updated
from mabeam.core.auction.events import AuctionOpened
from mabeam.core.errors import (
    ConfigurationError,
    Conflict,
    Fenced,
    NotFound,
    Rejected,
    StoreUnavailable,
)
from mabeam.core.ports import NEW, Guard
from mabeam.core.reactor import Part
from mabeam.core.session.events import Participant
from mabeam.core.subjects import Boundary, Filter
from mabeam.core.variable.constraints import Condition, Implies, Linear
from mabeam.core.variable.events import Changed
from mabeam.core.variable.types import ChoiceType, FloatType, IntegerType
from mabeam.infra.memory import MemoryStore
from mabeam.projections.world import fingerprint
from support.nats_server import NatsServer
from support.worlds import fresh_space


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team")) as attached:
        yield attached


@pytest.mark.jetstream
async def test_ten_lines_on_a_server_of_ones_own() -> None:
    async with connect("team") as space:
        await space.agents.register("coder", capabilities=["python"])
        await space.variables.declare("temperature", FloatType(0, 2, 0.1, default=0.7))
        proposal = await space.variables.propose("temperature", 0.4, by="coder")
        assert isinstance(await proposal.outcome(), Changed)
        auction = await space.sessions.open_auction("task", reserve=5, bidders=["coder"])
        await auction.bid(12, by="coder")
        decision = await auction.decision()
        assert (decision.winner, decision.price) == ("coder", 5)


@pytest.mark.jetstream
async def test_a_space_outlives_its_connections(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = fresh_space()
    monkeypatch.setenv(SERVER_VARIABLE, nats_server.url)
    async with connect(name) as space:
        await space.agents.register("coder")
        before = fingerprint(space.state)
    async with connect(name, server=nats_server.url, coordinate=False) as space:
        assert fingerprint(space.state) == before


@pytest.mark.jetstream
async def test_a_folder_outranks_the_environment_and_excludes_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SERVER_VARIABLE, "nats://127.0.0.1:1")
    async with connect("team", data=tmp_path) as space:
        await space.agents.register("coder")
    async with connect("team", data=tmp_path, coordinate=False) as space:
        assert list(space.agents.all()) == ["coder"]
    with pytest.raises(ConfigurationError, match="server or data"):
        async with connect("team", server="nats://127.0.0.1:1", data=tmp_path):
            pass


async def test_no_server_at_the_address_is_said_clearly() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1\b"):
        async with connect("team", server="nats://127.0.0.1:1"):
            pass


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a" * 33, "über"])
async def test_a_space_whose_name_can_be_no_stream_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        async with connect(name):
            pass
    assert (caught.value.code, caught.value.field) == ("name.illegal", "space")


async def test_agents_come_change_pause_and_go(space: Space) -> None:
    await space.agents.register("coder", role="evaluator", metadata={"model": "small"})
    assert (await space.agents.update("coder", capabilities=["go"])).capabilities == ("go",)
    assert (await space.agents.update("coder", metadata={"model": "big"})).role == "evaluator"
    assert (await space.agents.suspend("coder", "lunch")).status == "suspended"
    assert (await space.agents.resume("coder")).status == "active"
    assert (await space.agents.deregister("coder")).status == "deregistered"
    assert list(space.agents.all()) == ["coder"]
    with pytest.raises(NotFound):
        space.agents.get("nobody")


async def test_the_same_registration_again_records_nothing(space: Space) -> None:
    await space.agents.register("coder", capabilities=["b", "a"])
    position = space.state.position
    await space.agents.register("coder", capabilities=["a", "b"])
    assert space.state.position == position
    with pytest.raises(Rejected) as caught:
        await space.agents.register("coder", capabilities=["c"])
    assert caught.value.code == "agent.registered"
    assert await space.store.head() == position


@pytest.mark.parametrize(
    ("value", "code"),
    [(2.5, "out_of_range"), (0.45, "off_step"), ("hot", "wrong_type"), (True, "wrong_type")],
)
async def test_a_value_that_cannot_be_is_refused_and_not_recorded(
    space: Space, value: float | str, code: str
) -> None:
    await space.variables.declare("temperature", FloatType(0, 2, 0.1))
    position = await space.store.head()
    with pytest.raises(Rejected) as caught:
        await space.variables.propose("temperature", value, by="coder")
    assert caught.value.code == f"variable.{code}"
    assert (caught.value.field, caught.value.value) == ("temperature", str(value))
    assert "from 0" in caught.value.allowed
    assert await space.store.head() == position


async def test_constraints_across_variables_are_kept(space: Space) -> None:
    await space.variables.declare("provider", ChoiceType(("local", "cloud")))
    await space.variables.declare("tokens", IntegerType(0, 10_000, default=500))
    cheap = Implies((Condition("provider", "==", "local"),), (Condition("tokens", "<=", 1_000),))
    await space.variables.constrain("local-is-small", cheap)
    await space.variables.constrain("local-is-small", cheap)
    with pytest.raises(Rejected) as caught:
        await space.variables.propose("tokens", 2_000, by="coder")
    assert caught.value.code == "constraint.violated"
    assert "tokens <= 1000 whenever provider == local" in caught.value.allowed
    for name, value in (("provider", "cloud"), ("tokens", 2_000)):
        proposal = await space.variables.propose(name, value, by="coder")
        assert isinstance(await proposal.outcome(), Changed)
    with pytest.raises(Rejected, match="another constraint has this name"):
        await space.variables.constrain("local-is-small", Linear({"tokens": 1}, "<=", 9_000))
    with pytest.raises(Rejected, match="no such variable"):
        await space.variables.constrain("other", Linear({"nothing": 1}, "<=", 9_000))
    with pytest.raises(Rejected, match="break a constraint"):
        await space.variables.constrain("broken", Linear({"tokens": 1}, "<=", 9))


async def test_scope_and_update_policy_are_kept(space: Space) -> None:
    await space.variables.declare("own", IntegerType(0, 9), scope=["coder"])
    await space.variables.declare("shared", IntegerType(0, 9), update="coordinated")
    with pytest.raises(Rejected, match="coder"):
        await space.variables.propose("own", 1, by="tester")
    with pytest.raises(Rejected, match="only the decision of a session"):
        await space.variables.propose("shared", 1, by="coder")
    with pytest.raises(NotFound):
        space.variables.value("nothing")
    assert list(space.variables.all()) == ["own", "shared"]


async def test_a_vote_takes_its_range_from_the_variable_and_changes_it(space: Space) -> None:
    await space.variables.declare("t", FloatType(0, 1, 0.25), update="coordinated")
    vote = await space.sessions.open_consensus(variable="t", voters={"a": 3, "b": 1})
    await vote.cast(Decimal("0.9"), by="a")
    await vote.cast("0.1", by="b")
    decision = await vote.decision()
    assert (decision.mean, decision.value) == ("7/10", Decimal("0.75"))
    assert (await vote.applied()).value == space.variables.value("t") == 0.75
    assert (await space.verify()).divergences == ()


async def test_a_session_without_a_variable_changes_none(space: Space) -> None:
    auction = await space.sessions.open_auction("task", open_for_seconds=0.01)
    with pytest.raises(NotFound, match="changes no variable: no_quorum"):
        await auction.applied()


async def test_an_auction_is_held_by_all_that_its_opening_says(space: Space) -> None:
    await space.variables.declare("who", ChoiceType(("a", "b")), update="coordinated")
    auction = await space.sessions.open_auction(
        "task", bidders=("a", "b"), quorum=2, tie_break="earliest", variable="who"
    )
    await auction.bid(5, by="b")
    await auction.bid(5, by="a")
    assert (await auction.decision()).winner == "b"
    assert (await auction.applied()).value == "b"


async def test_a_missed_quorum_takes_the_default(space: Space) -> None:
    vote = await space.sessions.open_consensus(
        low=0, high=9, default=4, quorum=2, open_for_seconds=0.02
    )
    await vote.cast(9, by="a")
    decision = await vote.decision()
    assert (decision.outcome, decision.value) == ("default_taken", Decimal(4))
    assert [a.reason for a in decision.alternatives] == ["no_quorum"]


async def test_questions_that_cannot_be_held_are_refused(space: Space) -> None:
    with pytest.raises(Rejected, match="no range is given"):
        await space.sessions.open_consensus(question="how many?")
    with pytest.raises(Rejected, match="no number"):
        await space.sessions.open_consensus(low="few", high=9)
    with pytest.raises(Rejected) as caught:
        await space.sessions.open_auction("task", reserve=-1)
    assert (caught.value.field, caught.value.value) == ("reserve", "-1")
    assert await space.store.head() == 0


async def test_only_the_opener_takes_a_question_back(space: Space) -> None:
    auction = await space.sessions.open_auction("task", name="lot", by="coder")
    with pytest.raises(Rejected, match="only its opener"):
        await auction.cancel(by="tester")
    await auction.cancel("changed my mind", by="coder")
    await auction.cancel("again", by="coder")
    assert (await auction.ended()).outcome == "cancelled"
    with pytest.raises(NotFound, match="changed my mind"):
        await auction.decision()
    with pytest.raises(Rejected, match="cannot be cancelled"):
        await (await _decided(space)).cancel()


async def _decided(space: Space) -> Session[Any]:
    auction = await space.sessions.open_auction("x", bidders=("a",))
    await auction.bid(1, by="a")
    await auction.decision()
    return auction


async def test_a_session_is_found_by_its_name(space: Space) -> None:
    opening = AuctionOpened(lot="task", participants=(Participant("a"),))
    one = await space.sessions.open(opening, name="lot")
    again = await space.sessions.open(opening, name="lot")
    assert one.name == again.name == space.sessions.get("lot").name
    with pytest.raises(Rejected, match="another session has this name"):
        await space.sessions.open(AuctionOpened(lot="other"), name="lot")
    with pytest.raises(NotFound):
        space.sessions.get("nothing")
    assert list(space.sessions.all()) == ["lot"]


async def test_a_bid_that_could_never_count_is_refused(space: Space) -> None:
    auction = await space.sessions.open_auction("task")
    position = await space.store.head()
    with pytest.raises(Rejected) as caught:
        await auction.bid(0, by="coder")
    assert (caught.value.field, caught.value.allowed[:4]) == ("amount", "1 to")
    assert await space.store.head() == position


async def test_a_word_of_another_protocol_is_refused(space: Space) -> None:
    vote = await space.sessions.open_consensus(low=0, high=1)
    position = await space.store.head()
    with pytest.raises(Rejected) as caught:
        await vote.bid(1, by="coder")
    assert (caught.value.field, caught.value.value) == ("type", "bid_placed")
    assert caught.value.allowed == "ballot_cast"
    assert await space.store.head() == position


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 0.0])
async def test_a_session_without_a_duration_is_refused(space: Space, seconds: float) -> None:
    with pytest.raises(Rejected, match="no such duration"):
        await space.sessions.open_auction("task", open_for_seconds=seconds)
    with pytest.raises(Rejected, match="no such duration"):
        await space.sessions.open_consensus(low=0, high=1, open_for_seconds=seconds)
    assert await space.store.head() == 0


async def test_any_registered_event_can_be_appended_and_followed(space: Space) -> None:
    event = HandlerFailed(handler="h", event="e", error="x", message="y")
    position = await space.append("agent/coder", event, event, by="coder", expect=0)
    assert position == 2
    with pytest.raises(Conflict):
        await space.append(Boundary("agent", "coder"), event, by="coder", expect=0)
    async with space.follow(Filter(kind="agent"), after=1) as pages:
        async for page in pages:
            assert [recorded.position for recorded in page] == [2]
            break


async def test_the_past_is_folded_from_the_log(space: Space) -> None:
    await space.agents.register("coder")
    then = fingerprint(space.state)
    await space.agents.deregister("coder")
    assert fingerprint(await space.state_at(1)) == then
    assert (await space.state_at(0)).position == 0
    for position in (-1, 3):
        with pytest.raises(NotFound, match="ends at 2"):
            await space.state_at(position)


async def test_a_proposal_settled_in_a_conflict_names_it(space: Space) -> None:
    await space.variables.declare("x", IntegerType(0, 9))
    base = space.variables.get("x").position
    made = [await space.variables.propose("x", n, by=f"a{n}", base=base) for n in (1, 2)]
    outcomes = await asyncio.gather(*(proposal.outcome() for proposal in made))
    assert [type(outcome).__name__ for outcome in outcomes] == ["Changed", "Refused"]


async def test_events_of_several_entities_are_recorded_together(space: Space) -> None:
    event = Updated(capabilities=("python",))
    parts = [Part(Boundary("agent", name), NEW, (event,)) for name in ("coder", "tester")]
    position = await space.append_together(*parts, by="operator")
    assert await space.store.head() == position
    with pytest.raises(Conflict):
        await space.append_together(*reversed(parts))
    assert await space.store.head() == position


async def test_an_append_may_be_guarded(space: Space) -> None:
    owner = Boundary("desk", "front")
    event = Updated(capabilities=("python",))
    epoch = await space.append(owner, event, expect=NEW)
    guards = [Guard(owner, epoch)]
    await space.append("agent/coder", event, guards=guards)
    await space.append(owner, event, expect=epoch)
    with pytest.raises(Fenced):
        await space.append("agent/coder", event, guards=guards)
    with pytest.raises(Fenced):
        await space.append_together(
            Part(Boundary("agent", "a"), NEW, (event, event)), guards=guards
        )
