"""Two releases of one program on one log, each a process that knows its own types alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.nats_server import NatsServer
from support.worlds import fresh_space

PROGRAM = Path(__file__).parents[1] / "support" / "release.py"
pytestmark = pytest.mark.jetstream


def run(release: str, verb: str, url: str, space: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), release, verb, url, space],
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def heard(by: str, said_by: str, server: NatsServer) -> dict[str, Any]:
    """Let one release record an event, and another one read it."""
    space = fresh_space()
    assert run(said_by, "says", server.url, space) == []
    (event,) = run(by, "hears", server.url, space)
    return event


def test_a_new_reader_understands_an_old_writer(nats_server: NatsServer) -> None:
    assert heard("new", "old", nats_server) == {
        "type": "team.offered.v1",
        "trouble": "",
        "lot": "parser",
        "first": "Ada",
        "last": "Byron",
        "hours": 1,
        "note": "old",
    }


def test_an_old_reader_understands_a_new_writer_that_writes_as_the_old(
    nats_server: NatsServer,
) -> None:
    assert heard("old", "new-beside-old", nats_server) == {
        "type": "team.offered.v1",
        "trouble": "",
        "what": "parser",
        "seller": "Ada Byron",
        "colour": "grey",
        "note": "new",
    }


def test_a_new_reader_misses_nothing_of_what_was_written_as_old(nats_server: NatsServer) -> None:
    event = heard("new", "new-beside-old", nats_server)
    assert event["type"] == "team.offered.v1"
    assert (event["hours"], event["note"]) == (8, "new")


def test_an_old_reader_does_not_know_what_a_new_writer_writes_as_new(
    nats_server: NatsServer,
) -> None:
    """The control: why readers come before writers, or writers write as old."""
    event = heard("old", "new", nats_server)
    assert event == {"type": "team.offered.v2", "trouble": "", "error": "UnknownEventType"}


def test_a_whole_rolling_update_loses_nothing(nats_server: NatsServer) -> None:
    space = fresh_space()
    for release in ("old", "new-beside-old", "old", "new-beside-old"):
        run(release, "says", nats_server.url, space)
    assert [one["what"] for one in run("old", "hears", nats_server.url, space)] == ["parser"] * 4
    run("new", "says", nats_server.url, space)
    seen = run("new", "hears", nats_server.url, space)
    assert [(one["type"][-2:], one["hours"]) for one in seen] == [
        ("v1", 1),
        ("v1", 8),
        ("v1", 1),
        ("v1", 8),
        ("v2", 8),
    ]
