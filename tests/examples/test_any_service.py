"""Services without mabeam take part, as real processes against a real server and coordinator."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from mabeam.app.composition import connect
from mabeam.app.schema import files
from mabeam.app.space import Space
from mabeam.core.subjects import Boundary, Filter, subject_of
from support.nats_server import NatsServer
from support.raw_client import RawClient
from support.worlds import fresh_space

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

FOLDER = Path(__file__).parents[2] / "examples" / "any-service"
PYTHON = ("bid_over_tcp.py", "bid_with_nats_client.py")
EXAMPLES = (*PYTHON, "bid.sh")
END_SECONDS = 60
DECIDED = {"outcome": "decided", "considered": {"opened": 1, "closed": 9}, "rule": {"name": "x"}}


@pytest.fixture
async def space(nats_server: NatsServer) -> AsyncGenerator[Space]:
    async with connect(fresh_space(), server=nats_server.url, identity="alice") as space:
        yield space


@asynccontextmanager
async def bidder(
    example: str, url: str, space: str, *, lot: str = "lot-7", agent: str = "coder"
) -> AsyncGenerator[Process]:
    """Let an example bid 12, and take its process down in the end whatever it does."""
    program, where = [sys.executable], [url]
    if example.endswith(".sh"):
        address = urlsplit(url)
        program, where = ["bash"], [str(address.hostname), str(address.port)]
    words = [*program, str(FOLDER / example), *where, space, lot, agent, "12"]
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        _ = await process.communicate()


async def recorded_at(process: Process) -> int:
    """Wait until a bidder says that its bid is recorded; return where."""
    assert process.stdout is not None
    async with asyncio.timeout(END_SECONDS):
        line = (await process.stdout.readline()).decode()
    position = line.rpartition('"seq":')[2] if '"seq":' in line else line.rpartition(" ")[2]
    return int(position.strip().rstrip("}"))


async def last_words(process: Process) -> Any:  # noqa: ANN401 - JSON is any
    """Wait until a bidder has ended well; return what it printed at last."""
    async with asyncio.timeout(END_SECONDS):
        out, trouble = await process.communicate()
    assert process.returncode == 0, trouble.decode()
    printed = json.loads(out)
    # The shell prints the whole event.
    return printed["data"] if "specversion" in printed else printed


def as_json(value: object) -> Any:  # noqa: ANN401 - JSON is any
    return json.loads(msgspec.json.encode(value))


def judge(path: str) -> Validator:
    return Draft202012Validator(json.loads(files()[path]))


@pytest.mark.parametrize("example", EXAMPLES)
async def test_a_bid_wins_and_its_bidder_learns_of_it(
    example: str, nats_server: NatsServer, space: Space
) -> None:
    auction = await space.sessions.open_auction("task", name="lot-7", bidders=("coder", "tester"))
    await auction.bid(9, by="tester")
    async with bidder(example, nats_server.url, space.store.space) as process:
        position = await recorded_at(process)
        learnt = await last_words(process)

    decision = await auction.decision()
    assert (decision.winner, decision.price) == ("coder", 9)
    assert learnt == as_json(decision)
    spoken = auction.state.spoken["coder"]
    assert spoken.position == position
    with RawClient(nats_server.url) as client:
        stream = f"mabeam_{space.store.space}"
        request = {"seq": position}
        message = client.request(f"$JS.API.STREAM.MSG.GET.{stream}", request)["message"]
    event = json.loads(b64decode(message["data"]))
    judge("events/mabeam.auction.bid_placed.v1.json").validate(event)
    assert f"Nats-Msg-Id: {event['id']}\r\n" in b64decode(message["hdrs"]).decode()


@pytest.mark.parametrize("example", PYTHON)
async def test_names_beyond_plain_letters_reach_the_log_as_they_are(
    example: str, nats_server: NatsServer, space: Space
) -> None:
    agent, lot = "Zoë B.", "Büro 7 = *.>"
    auction = await space.sessions.open_auction("task", name=lot, bidders=(agent,))
    async with bidder(example, nats_server.url, space.store.space, lot=lot, agent=agent) as process:
        await recorded_at(process)
        assert (await last_words(process))["winner"] == agent
    assert (await auction.decision()).winner == agent


@pytest.mark.parametrize("example", EXAMPLES)
async def test_who_comes_too_late_still_learns_how_it_ended(
    example: str, nats_server: NatsServer, space: Space
) -> None:
    auction = await space.sessions.open_auction("task", name="lot-7", bidders=("tester",))
    await auction.bid(9, by="tester")
    decision = await auction.decision()
    async with bidder(example, nats_server.url, space.store.space) as process:
        position = await recorded_at(process)
        assert await last_words(process) == as_json(decision)
    assert position > auction.state.decided_at


@pytest.mark.parametrize("example", EXAMPLES)
async def test_impostors_do_not_decide(example: str, nats_server: NatsServer, space: Space) -> None:
    name = space.store.space
    auction = await space.sessions.open_auction("task", name="lot-7", bidders=("coder", "tester"))
    async with bidder(example, nats_server.url, name) as process:
        await recorded_at(process)
        for type_, data in (
            ("mabeam.auction.decided.v1", DECIDED | {"lot": "task", "winner": "mallory"}),
            ("mabeam.session.cancelled.v1", {"reason": "I say so"}),
            ("mabeam.session.failed.v1", {"code": "x", "detail": "y"}),
        ):
            publish(nats_server.url, name, type_, data, actor="mallory")
        await auction.bid(9, by="tester")
        assert (await last_words(process))["winner"] == "coder"


@pytest.mark.parametrize("example", PYTHON)
async def test_a_cancelled_auction_ends_the_waiting(
    example: str, nats_server: NatsServer, space: Space
) -> None:
    auction = await space.sessions.open_auction("task", name="lot-7")
    async with bidder(example, nats_server.url, space.store.space) as process:
        await recorded_at(process)
        await auction.cancel("no longer needed")
        assert await last_words(process) == {"reason": "no longer needed"}


@pytest.mark.parametrize("example", PYTHON)
async def test_an_auction_that_cannot_be_held_ends_the_waiting(
    example: str, nats_server: NatsServer, space: Space
) -> None:
    name = space.store.space
    publish(nats_server.url, name, "mabeam.auction.opened.v1", {"lot": "task", "reserve": -1})
    async with bidder(example, nats_server.url, name) as process:
        await recorded_at(process)
        assert (await last_words(process))["code"] == "auction.reserve"


@pytest.mark.parametrize("example", EXAMPLES)
async def test_a_bid_that_nothing_records_is_no_success(
    example: str, nats_server: NatsServer
) -> None:
    async with bidder(example, nats_server.url, fresh_space()) as process:
        async with asyncio.timeout(END_SECONDS):
            out, trouble = await process.communicate()
    assert process.returncode != 0
    assert out == b""
    assert trouble


async def test_all_that_such_an_auction_leaves_on_the_log_meets_the_schemas(
    nats_server: NatsServer, space: Space
) -> None:
    auction = await space.sessions.open_auction("task", name="lot-7", bidders=("coder", "tester"))
    url, name = nats_server.url, space.store.space
    async with bidder("bid_over_tcp.py", url, name) as process:
        await recorded_at(process)
        async with bidder("bid_with_nats_client.py", url, name, agent="tester") as other:
            assert await last_words(process) == await after_first_line(other)
    await auction.ended()
    types: list[str] = []
    async for page in space.store.read(Filter("session", "lot-7")):
        for recorded in page:
            judge(f"events/{recorded.type}.json").validate(as_json(recorded.envelope))
            types.append(recorded.type.split(".")[-2])
    assert types == ["opened", "bid_placed", "bid_placed", "closed", "decided"]


async def after_first_line(process: Process) -> Any:  # noqa: ANN401 - JSON is any
    await recorded_at(process)
    return await last_words(process)


def publish(url: str, space: str, type_: str, data: object, actor: str = "alice") -> None:
    """Publish as any client could."""
    subject = subject_of(space, Boundary("session", "lot-7"), type_.split(".")[-2], actor)
    event = {
        "specversion": "1.0",
        "id": f"{actor}-{type_}",
        "source": f"/agents/{actor}",
        "type": type_,
        "subject": "session/lot-7",
        "data": data,
    }
    with RawClient(url) as client:
        assert "error" not in client.request(subject, event)
