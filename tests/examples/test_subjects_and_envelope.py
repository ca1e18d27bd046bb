"""The page `docs/reference/subjects-and-envelope.md`, held against code and server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import NoRespondersError

from mabeam.app.composition import attach, connect
from mabeam.app.space import Space
from mabeam.core.envelope import Envelope
from mabeam.core.subjects import (
    LENGTH_MAX,
    Boundary,
    Filter,
    escape,
    event_token,
    subject_of,
    unescape,
)
from mabeam.core.variable.constraints import Linear
from mabeam.core.variable.events import Refused
from mabeam.core.variable.types import ChoiceType, CompositeType, FloatType, IntegerType
from mabeam.infra.memory import MemoryStore
from support.documents import blocks, table, without_ticks
from support.events import fresh_id
from support.nats_server import NatsServer
from support.raw_client import RawClient
from support.worlds import fresh_space

PAGE = "reference/subjects-and-envelope.md"
END_SECONDS = 30


@pytest.fixture
async def space(nats_server: NatsServer) -> AsyncGenerator[Space]:
    async with connect(fresh_space(), server=nats_server.url, identity="alice") as space:
        yield space


@pytest.fixture
async def client(nats_server: NatsServer) -> AsyncGenerator[Client]:
    client = Client()
    await client.connect(nats_server.url)
    yield client
    await client.close()


def an_event(boundary: str, type_: str, data: object, actor: str = "coder") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": fresh_id(),
        "source": f"/agents/{actor}",
        "type": type_,
        "subject": boundary,
        "data": data,
    }


def wire(space: str, event: dict[str, Any]) -> str:
    boundary = Boundary.parse(event["subject"])
    actor = event["source"].split("/")[-1]
    return subject_of(space, boundary, event_token(event["type"]), actor)


def test_the_lengths_of_tokens_are_as_said() -> None:
    rows = table(PAGE, "Subject", "token")
    said = {without_ticks(name).strip("<>"): limit for name, _, limit in rows if limit}
    assert said == {name: str(limit) for name, limit in LENGTH_MAX.items()}


def test_names_are_escaped_as_said() -> None:
    rows = table(PAGE, "Subject", "name")
    assert rows
    for name, token in (map(without_ticks, row) for row in rows):
        assert escape(name) == token
        assert unescape(token) == name


def test_attributes_are_those_of_the_envelope() -> None:
    rows = table(PAGE, "Envelope", "attribute")
    said = {without_ticks(name): needed == "yes" for name, needed, _ in rows}
    assert said == {field.name: field.required for field in msgspec.structs.fields(Envelope)}


@pytest.mark.jetstream
async def test_what_is_published_is_answered_as_said(
    client: Client, space: Space, nats_server: NatsServer
) -> None:
    said = str(table(PAGE, "Acknowledgement", "answer"))
    event = an_event("session/lot-7", "mabeam.auction.bid_placed.v1", {"amount": 12})
    subject, headers = wire(space.name, event), {"Nats-Msg-Id": str(event["id"])}
    stream = f"mabeam_{space.name}"

    first = await answer(client, subject, event, headers)
    assert first == {"stream": stream, "seq": 1}
    assert await answer(client, subject, event, headers) == first | {"duplicate": True}

    with pytest.raises(NoRespondersError):
        await client.request("mabeam.nowhere.session.1.note.ann", b"{}")
    with RawClient(nats_server.url) as raw, pytest.raises(ConnectionError) as violation:
        raw.request(subject, "x" * (2**20 + 1))
    # The server says so and closes; a writer may meet the closed line before the words.
    if not isinstance(violation.value, ConnectionResetError | BrokenPipeError):
        assert "-ERR 'Maximum Payload Violation'" in str(violation.value)
    assert "-ERR 'Maximum Payload Violation'" in said

    assert await refused(client, {"max_msg_size": 100}, b"x" * 101) == 10054
    assert await refused(client, {"max_bytes": 100, "discard": "new"}, b"x" * 101) == 10077
    # 10071 is provoked by the next test, and 10164 by none.
    assert set(re.findall(r"\b1\d{4}\b", said)) == {"10054", "10071", "10077", "10164"}


@pytest.mark.jetstream
async def test_an_expected_position_is_held_against_the_entity(
    client: Client, space: Space
) -> None:
    (block,) = blocks(PAGE, "Expecting a position", "")
    headers = dict(line.split(": ") for line in here(block, space).splitlines())
    event = an_event("session/lot-7", "mabeam.auction.opened.v1", {"lot": "task"})
    subject = wire(space.name, event)
    # Another entity and the checkpoints of others do not count.
    _ = await answer(client, f"mabeam.{space.name}.session.lot-8.note.ann", event, {})
    assert (await answer(client, subject, event, headers))["seq"] == 2
    assert (await answer(client, subject, event, headers))["error"]["err_code"] == 10071
    headers["Nats-Expected-Last-Subject-Sequence"] = "2"
    assert (await answer(client, subject, event, headers))["seq"] == 3


@pytest.mark.jetstream
async def test_history_is_read_from_a_position_as_shown(client: Client, space: Space) -> None:
    consumer, direct, present = (here(block, space) for block in blocks(PAGE, "Reading", "json"))
    for number, actor in enumerate(("ann", "bob", "ann"), 1):
        event = an_event("session/lot-7", "mabeam.auction.bid_placed.v1", {"amount": number}, actor)
        _ = await answer(client, wire(space.name, event), event, {})

    reader = await listen(client, "_INBOX.reader")
    subject = f"$JS.API.CONSUMER.CREATE.mabeam_{space.name}"
    created = json.loads((await client.request(subject, consumer.encode())).data)
    for number, position in enumerate((2, 3), 1):
        message = await reader.next_msg(END_SECONDS)
        assert message.subject.startswith(f"mabeam.{space.name}.session.lot-7.bid_placed.")
        words = message.reply.split(".")
        assert words[:2] == ["$JS", "ACK"]
        stream, name, deliveries, found, count, recorded_ns, _ = words[2:]
        assert (stream, name) == (f"mabeam_{space.name}", created["name"])
        assert (int(deliveries), int(found), int(count)) == (1, position, number)
        assert len(recorded_ns) == 19

    subject = f"$JS.API.DIRECT.GET.mabeam_{space.name}"
    one = await client.request(subject, direct.encode())
    assert json.loads(one.data)["data"] == {"amount": 2}
    assert one.header is not None
    assert one.header["Nats-Sequence"] == "2"
    assert one.header["Nats-Subject"].endswith(".bid_placed.bob")
    assert one.header["Nats-Time-Stamp"]
    bids = [
        json.loads(message.data)["data"]["amount"]
        async for message in got(client, subject, present)
    ]
    assert bids == [2, 3]


@pytest.mark.jetstream
async def test_a_wildcard_is_not_taken_for_a_listener(client: Client, space: Space) -> None:
    consumer = here(blocks(PAGE, "Reading", "json")[0], space)
    create = f"$JS.API.CONSUMER.CREATE.mabeam_{space.name}"

    async def is_heard(listens_to: str, inbox: str) -> bool:
        listener = await listen(client, listens_to)
        request = consumer.replace("_INBOX.reader", inbox).encode()
        made = json.loads((await client.request(create, request)).data)
        about = f"$JS.API.CONSUMER.INFO.mabeam_{space.name}.{made['name']}"
        bound = json.loads((await client.request(about)).data).get("push_bound", False)
        await listener.unsubscribe()
        return bool(bound)

    assert await is_heard("_INBOX.literal.reader", "_INBOX.literal.reader")
    assert not await is_heard("_INBOX.wildcard.*", "_INBOX.wildcard.reader")


async def test_words_that_do_not_count_are_listed_with_the_reasons_said() -> None:
    async with attach(MemoryStore("team"), identity="alice") as space:
        reasons = {reason.split(":")[0] for reason in await every_reason(space)}
    said = {
        without_ticks(row[0]).removesuffix(": ...")
        for row in table(PAGE, "What is refused", "reason")
    }
    assert reasons == said


async def every_reason(space: Space) -> set[str]:
    """Hold sessions in which words fail to count in every way there is."""
    bid, ballot = "mabeam.auction.bid_placed.v1", "mabeam.consensus.ballot_cast.v1"
    both = ("ann", "bob")
    words: dict[str, list[tuple[str, str, object]]] = {
        "outbid": [("ann", bid, {"amount": 3}), ("bob", bid, {"amount": 5})],
        "low": [("ann", bid, {"amount": 1}), ("bob", bid, {"amount": 5})],
        "tie": [("ann", bid, {"amount": 5}), ("bob", bid, {"amount": 5})],
        "left": [("ann", bid, {"amount": 5}), ("bob", bid, {"amount": 5})],
        "stranger": [
            *(("mallory", bid, {"amount": 9}), ("ann", bid, {"amount": 0})),
            *(("bob", ballot, {"value": "1"}), ("ann", bid, {"amount": 5})),
            ("bob", bid, {"amount": 4}),
        ],
        "few": [("ann", ballot, {"value": "1"})],
    }
    auction = space.sessions.open_auction
    for name in ("outbid", "tie"):
        await auction("task", name=name, bidders=both)
    await auction("task", name="low", bidders=both, reserve=2)
    await auction("task", name="left", bidders=both, tie_break="refuse")
    await auction("task", name="stranger", bidders=both)
    await space.sessions.open_consensus(
        low=0, high=1, name="few", voters=both, quorum=2, open_for_seconds=0.2
    )
    for name, said in words.items():
        for actor, type_, data in said:
            publish(space, an_event(f"session/{name}", type_, data, actor))
    async with asyncio.timeout(END_SECONDS):
        await space.until(
            lambda world: all(world.session(name).state.phase == "ended" for name in words)
        )
    decisions = (space.state.session(name).state.decision for name in words)
    return {lost.reason for found in decisions if found for lost in found.alternatives}


async def test_proposals_are_refused_with_the_codes_said() -> None:
    async with attach(MemoryStore("team"), identity="alice") as space:
        codes = await every_code(space)
    assert codes == {without_ticks(row[0]) for row in table(PAGE, "What is refused", "code")}


async def every_code(space: Space) -> set[str]:
    """Make proposals that break every rule there is."""
    declare = space.variables.declare
    await declare("heat", FloatType(0, 2, 0.5))
    await declare("agreed", IntegerType(0, 9), update="coordinated")
    await declare("mine", IntegerType(0, 9), scope=("bob",))
    await declare("model", ChoiceType(("small", "large")))
    await declare("both", CompositeType({"x": IntegerType(0, 9)}))
    await declare("cost", IntegerType(0, 9))
    await space.variables.constrain("budget", Linear({"cost": 1}, "<=", 5))
    proposals: list[tuple[str, object, int | None]] = [
        *(("unheard_of", 1, None), ("agreed", 1, None), ("mine", 1, None), ("heat", "hot", None)),
        *(("heat", 3, None), ("heat", 0.7, None), ("model", "tiny", None), ("both", {}, None)),
        *(("cost", 6, None), ("heat", 1, 0)),
    ]
    for variable, value, base in proposals:
        data = {"value": value} | ({} if base is None else {"base": base})
        publish(space, an_event(f"variable/{variable}", "mabeam.variable.proposed.v1", data))
    refused: list[Refused] = []
    async with asyncio.timeout(END_SECONDS), space.follow(Filter(event="refused")) as pages:
        async for page in pages:
            refused += (
                event
                for event in (recorded.data for recorded in page)
                if isinstance(event, Refused)
            )
            if len(refused) == len(proposals):
                break
    return {event.code for event in refused}


async def test_what_cannot_be_read_is_recorded_and_passed_over() -> None:
    good = an_event("session/lot-7", "mabeam.auction.bid_placed.v1", {"amount": 12})
    impostor = good | {"source": "/agents/bob", "id": fresh_id()}
    unfit = an_event("session/lot-7", "mabeam.auction.bid_placed.v1", {"amount": 12.0})
    own = an_event("session/lot-7", "com.example.note", {"text": "mine"})
    decided = an_event("session/lot-7", "mabeam.session.closed.v1", {"reason": "deadline"})
    async with attach(MemoryStore("team"), identity="alice") as space:
        await space.sessions.open_auction("task", name="lot-7")
        publish(space, good, b"no JSON")
        publish(space, good, json.dumps(impostor).encode())
        for event in (unfit, own, decided):
            publish(space, event)
        state = (await space.caught_up()).session("lot-7").state
        assert (state.phase, dict(state.spoken)) == ("open", {})
        publish(space, good)
        state = (await space.caught_up()).session("lot-7").state
        assert (state.phase, list(state.spoken)) == ("open", ["coder"])
        recorded = [found async for page in space.store.read() for found in page]
    assert [found.problem is not None for found in recorded] == [False, True, True, *[False] * 4]


def publish(space: Space, event: dict[str, Any], body: bytes = b"") -> None:
    """Publish an event to a space in memory as any client could, or a body in its place."""
    store = space.store
    assert isinstance(store, MemoryStore)
    _ = store.publish_raw(wire(space.name, event), body or json.dumps(event).encode())


def here(text: str, space: Space) -> str:
    """Move what the page says of the space `team` into another one."""
    moved = text.replace("mabeam_team", f"mabeam_{space.name}")
    return moved.replace("mabeam.team.", f"mabeam.{space.name}.")


async def listen(client: Client, subject: str) -> Subscription:
    return await client.subscribe(subject)  # pyright: ignore[reportUnknownMemberType]  - the client is typed in part


async def answer(
    client: Client, subject: str, event: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    reply = await client.request(subject, json.dumps(event).encode(), headers=headers)
    found: dict[str, Any] = json.loads(reply.data)
    return found


async def refused(client: Client, limits: dict[str, Any], body: bytes) -> int:
    """Publish to a stream with limits; return the number of the error."""
    name = fresh_space()
    config = {"name": name, "subjects": [name], "storage": "memory"} | limits
    _ = await client.request(f"$JS.API.STREAM.CREATE.{name}", json.dumps(config).encode())
    number: int = json.loads((await client.request(name, body)).data)["error"]["err_code"]
    _ = await client.request(f"$JS.API.STREAM.DELETE.{name}")
    return number


async def got(client: Client, subject: str, request: str) -> AsyncGenerator[Msg]:
    """Yield the answers to a request, until one says that it was the last."""
    inbox = client.new_inbox()
    answers = await listen(client, inbox)
    await client.publish(subject, request.encode(), reply=inbox)
    while True:
        message = await answers.next_msg(END_SECONDS)
        if message.header is not None and message.header.get("Status") == "204":
            return
        yield message
