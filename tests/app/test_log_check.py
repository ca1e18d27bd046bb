"""Each fault that a log can have is planted on a real server, and `mabeam log check` finds it."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest

from mabeam.app.cli.codes import Code
from support.command import Done, invoke
from support.events import fresh_id, said
from support.nats_server import NatsServer
from support.raw_client import RawClient
from support.worlds import fresh_space

NOTE: Final = ("--type", "com.example.note", "--subject", "note/1")

pytestmark = pytest.mark.jetstream


class Bench:
    """A space with three events on a server, and a client that does as it likes."""

    def __init__(self, url: str, client: RawClient) -> None:
        self.space = fresh_space()
        self.stream = f"mabeam_{self.space}"
        self.client = client
        self.here = ("--server", url)

    def fill(self, count: int = 3) -> None:
        for _ in range(count):
            assert invoke("pub", self.space, "1", *NOTE, *self.here).code == Code.OK

    def manage(self, operation: str, body: object = None) -> dict[str, Any]:
        answer = self.client.request(f"$JS.API.{operation}", body)
        assert "error" not in answer, answer
        return answer

    def check(self) -> tuple[Done, dict[str, str]]:
        """Return how the check ended, and what was not ok, by name."""
        done = invoke("log", "check", self.space, "--json", *self.here)
        faults = {
            one["name"].removeprefix(f"{self.space}: "): f"{one['verdict']}: {one['found']}"
            for one in done.json
            if one["verdict"] != "ok"
        }
        assert all(one["fix"] for one in done.json if one["verdict"] != "ok")
        return done, faults


@pytest.fixture
def bench(nats_server: NatsServer) -> Any:  # noqa: ANN401 - a generator of benches
    with RawClient(nats_server.url) as client:
        yield Bench(nats_server.url, client)


def test_a_sound_log_passes(bench: Bench) -> None:
    bench.fill()
    done, faults = bench.check()
    assert (done.code, faults) == (Code.OK, {})
    shown = invoke("log", "check", bench.space, *bench.here)
    assert shown.code == Code.OK
    assert "3 events read, one at each position" in shown.out


def test_a_space_that_is_not_there_is_not_found(bench: Bench) -> None:
    done = invoke("log", "check", bench.space, *bench.here)
    assert done.code == Code.NOT_FOUND


def test_a_deleted_event_fails_the_check(bench: Bench) -> None:
    # A stream that somebody made by hand, without the settings that forbid deletion.
    settings = {"name": bench.stream, "subjects": [f"mabeam.{bench.space}.>"], "allow_direct": True}
    _ = bench.manage(f"STREAM.CREATE.{bench.stream}", settings)
    for number in range(4):
        _ = bench.client.request(f"mabeam.{bench.space}.a.b.c.d", f"{number}")
    _ = bench.manage(f"STREAM.MSG.DELETE.{bench.stream}", {"seq": 2})
    done, faults = bench.check()
    assert done.code == Code.CHECK_FAILED
    assert "deny_delete False" in faults["stream"]
    assert faults["positions"] == "fail: of 4 positions 1 have no event"
    assert faults["sequence"] == "fail: 1 positions have no event, at 2"
    looked = {one["name"]: one for one in invoke("doctor", bench.space, "--json", *bench.here).json}
    assert looked[f"{bench.space}: positions"]["verdict"] == "fail"
    assert looked[f"{bench.space}: events"]["verdict"] == "fail"


def test_a_beginning_that_was_purged_fails_the_check(bench: Bench) -> None:
    settings = {"name": bench.stream, "subjects": [f"mabeam.{bench.space}.>"], "allow_direct": True}
    _ = bench.manage(f"STREAM.CREATE.{bench.stream}", settings)
    for number in range(4):
        _ = bench.client.request(f"mabeam.{bench.space}.a.b.c.d", f"{number}")
    _ = bench.manage(f"STREAM.PURGE.{bench.stream}", {"seq": 3})
    _, faults = bench.check()
    assert faults["positions"] == "fail: of 4 positions 2 have no event, it begins at 3"
    assert faults["sequence"] == "fail: 2 positions have no event, at 1, …"


def test_what_nobody_can_read_deserves_a_look(bench: Bench) -> None:
    bench.fill()
    _ = bench.client.request(f"mabeam.{bench.space}.note.1.note.x", "no json")
    done, faults = bench.check()
    assert done.code == Code.OK
    assert list(faults) == ["events"]
    assert faults["events"].startswith("warn: 1 are unreadable, at 4: malformed event")


def test_an_event_that_was_recorded_twice_deserves_a_look(bench: Bench) -> None:
    bench.fill()
    event = msgspec.json.encode(said("note/1", event="com.example.note")).decode()
    for _ in range(2):
        # Without a message id, as a client that knows no better would.
        _ = bench.client.request(f"mabeam.{bench.space}.note.1.note.ann", event)
    done, faults = bench.check()
    assert done.code == Code.OK
    assert faults == {"ids": "warn: 1 stand in the history of their entity already, at 5"}


def test_a_commit_with_others_in_between_deserves_a_look(bench: Bench) -> None:
    bench.fill(0)
    for number, commit in enumerate(("c1", fresh_id(), "c1")):
        event = said("note/1", event="com.example.note", commit=commit)
        body = msgspec.json.encode(event).decode()
        if number == 0:
            bench.fill(1)
        _ = bench.client.request(f"mabeam.{bench.space}.note.1.note.ann", body)
    _, faults = bench.check()
    assert faults == {"commits": "warn: 1 go on behind the events of others, at 4"}


def test_a_consumer_ahead_of_the_log_fails_the_check(bench: Bench) -> None:
    bench.fill()
    consumer = {
        "stream_name": bench.stream,
        "config": {
            "name": "work",
            "durable_name": "work",
            "ack_policy": "explicit",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": 50,
        },
    }
    _ = bench.manage(f"CONSUMER.CREATE.{bench.stream}.work", consumer)
    done, faults = bench.check()
    assert done.code == Code.CHECK_FAILED
    assert faults == {"consumer work": "fail: has settled 49, and the log ends at 3"}


def test_events_that_are_handed_out_again_and_again_deserve_a_look(bench: Bench) -> None:
    bench.fill()
    consumer = {
        "stream_name": bench.stream,
        "config": {"durable_name": "work", "ack_policy": "explicit"},
    }
    _ = bench.manage(f"CONSUMER.DURABLE.CREATE.{bench.stream}.work", consumer)
    with RawClient(bench.here[1]) as worker:
        for _ in range(2):
            reply = worker.deliver(f"$JS.API.CONSUMER.MSG.NEXT.{bench.stream}.work")
            worker.publish(reply, "-NAK")
        _ = worker.deliver(f"$JS.API.CONSUMER.MSG.NEXT.{bench.stream}.work")
    _, faults = bench.check()
    assert faults["consumer work"].startswith("warn: 1 events were handed out again")


def test_json_is_one_document_even_when_a_check_fails(bench: Bench) -> None:
    bench.fill()
    assert isinstance(json.loads(bench.check()[0].out), list)
