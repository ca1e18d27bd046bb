"""Commands that record: `pub` and `run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mabeam.app.cli.codes import Code
from support.command import Done, invoke, run
from support.events import fresh_id
from support.nats_server import NatsServer

ROOT = Path(__file__).resolve().parents[2]
BID = "mabeam.auction.bid_placed.v1"
NOTE = "com.example.note"

pytestmark = pytest.mark.jetstream


class Space:
    """A fresh space and the command on its server."""

    def __init__(self, server: NatsServer) -> None:
        self.name = f"cli-{fresh_id()[-12:]}"
        self._server = server

    def pub(self, *arguments: str, stdin: bytes = b"") -> Done:
        """Record something."""
        return invoke("pub", self.name, *arguments, "--server", self._server.url, stdin=stdin)

    def events(self) -> list[dict[str, Any]]:
        """Return what is recorded."""
        done = invoke("tail", self.name, "--no-follow", "--json", "--server", self._server.url)
        return [json.loads(line) for line in done.lines]

    def is_absent(self) -> bool:
        """Tell whether the space was never made."""
        return invoke("agents", self.name, "--server", self._server.url).code == Code.NOT_FOUND


@pytest.fixture
def space(nats_server: NatsServer) -> Space:
    return Space(nats_server)


def bid(data: str = '{"amount": 12}', subject: str = "session/task-1") -> tuple[str, ...]:
    return (data, "--type", BID, "--subject", subject, "--source", "/agents/coder")


def test_an_event_is_recorded_and_its_position_printed(space: Space) -> None:
    assert space.pub(*bid()).out == "1\n"
    assert space.pub(*bid('{"amount": 13}')).out == "2\n"
    first, second = space.events()
    assert first["data"] == {"amount": 12}
    assert (first["source"], first["subject"]) == ("/agents/coder", "session/task-1")
    assert first["correlationid"] == first["id"] != second["id"]
    assert first["datacontenttype"] == "application/json"
    assert "T" in first["time"]


def test_position_and_id_are_printed_as_json(space: Space) -> None:
    found = space.pub(*bid(), "--json").json
    [event] = space.events()
    assert found == {"space": space.name, "position": 1, "id": event["id"]}


def test_run_and_cause_are_recorded(space: Space) -> None:
    assert space.pub(*bid(), "--correlation", "run-7", "--causation", "e-1").code == Code.OK
    [event] = space.events()
    assert (event["correlationid"], event["causationid"]) == ("run-7", "e-1")


def test_data_come_from_standard_input_too(space: Space) -> None:
    options = ("--type", NOTE, "--subject", "note/1")
    assert space.pub("-", *options, stdin=b'{"text": "hi"}\n').out == "1\n"
    assert space.pub(*options).out == "2\n"
    first, second = space.events()
    assert (first["data"], second["data"]) == ({"text": "hi"}, {})
    assert first["source"] == "/agents/operator"


def test_a_type_of_ones_own_is_recorded_unchecked_and_that_is_said(space: Space) -> None:
    done = space.pub("1.50", "--type", NOTE, "--subject", "note/1")
    assert (done.code, done.out) == (Code.OK, "1\n")
    assert "recorded unchecked" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (bid('{"amount": "many"}'), "Expected `int`, got `str` - at `$.amount`"),
        (bid("{}"), "missing required field `amount`"),
        (bid('{"amount": 1'), "the data are not JSON"),
        (bid(subject="agent/coder"), "allowed: session/<entity>"),
        (bid(subject="task-1"), "allowed: <kind>/<entity>"),
        (
            ("{}", "--type", "mabeam.auction.bid_placd.v1", "--subject", "session/a"),
            f"allowed: {BID}",
        ),
        (("{}", "--type", "no type", "--subject", "note/1"), "illegal type"),
        (("{}", "--type", NOTE, "--subject", "note/1", "--source", "/"), "illegal name"),
    ],
)
def test_an_invalid_event_is_refused_in_one_line_and_not_recorded(
    space: Space, arguments: tuple[str, ...], said: str
) -> None:
    done = space.pub(*arguments)
    assert (done.code, done.out) == (Code.INVALID_DATA, "")
    assert said in done.err
    assert done.err.startswith("mabeam: ")
    assert len(done.err.splitlines()) == 1
    assert space.is_absent()


def test_an_event_that_is_too_large_is_refused(space: Space) -> None:
    options = ("--type", NOTE, "--subject", "note/1")
    assert space.pub("1", *options).code == Code.OK
    done = space.pub("-", *options, stdin=b'"' + b"x" * 2_000_000 + b'"')
    assert done.code == Code.INVALID_DATA
    assert "the log takes at most" in done.err
    assert len(space.events()) == 1


@pytest.mark.parametrize(
    "arguments", [("{}",), ("{}", "--type", NOTE), ("{}", "--subject", "note/1")]
)
def test_an_event_without_type_or_subject_is_a_matter_of_usage(
    space: Space, arguments: tuple[str, ...]
) -> None:
    assert space.pub(*arguments).code == Code.USAGE


def test_an_expectation_is_kept_or_said_to_be_broken(space: Space) -> None:
    options = ("--type", NOTE, "--subject", "note/1")
    assert space.pub("1", *options, "--expect", "0").code == Code.OK
    assert space.pub("2", *options, "--expect", "1").code == Code.OK
    done = space.pub("3", *options, "--expect", "1")
    assert (done.code, done.out) == (Code.CHECK_FAILED, "")
    assert "note/1 is at position 2, not at 1" in done.err
    assert [event["data"] for event in space.events()] == [1, 2]


def test_a_whole_cloudevent_is_recorded_as_it_is(space: Space, tmp_path: Path) -> None:
    event = {
        "specversion": "1.0",
        "id": "order-1",
        "source": "/shop/till",
        "type": "com.example.sold",
        "subject": "order/1",
        "time": "2026-01-01T00:00:00Z",
        "data": {"sum": 1.5},
    }
    assert space.pub("--cloudevent", "-", stdin=json.dumps(event).encode()).out == "1\n"
    [found] = space.events()
    assert {name: found[name] for name in event} == event
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event | {"id": "order-2"}))
    assert space.pub("--cloudevent", str(file)).out == "2\n"


def test_the_same_cloudevent_twice_is_recorded_once(space: Space) -> None:
    body = json.dumps(
        {"specversion": "1.0", "id": "e", "source": "/a", "type": NOTE, "subject": "note/1"}
    ).encode()
    assert space.pub("--cloudevent", "-", stdin=body).out == "1\n"
    assert space.pub("--cloudevent", "-", stdin=body).out == "1\n"
    assert len(space.events()) == 1


def test_what_tail_writes_can_be_recorded_elsewhere(space: Space, nats_server: NatsServer) -> None:
    assert space.pub(*bid()).code == Code.OK
    line = json.dumps(space.events()[0]).encode()
    copy = Space(nats_server)
    done = copy.pub("--cloudevent", "-", stdin=line)
    assert (done.out, done.err) == ("1\n", "")
    assert copy.events()[0]["id"] == space.events()[0]["id"]


def test_attributes_that_are_not_kept_are_named(space: Space) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "/a", "type": NOTE, "subject": "note/1"}
    more = event | {"sampledrate": 3, "baggage": "y"}
    done = space.pub("--cloudevent", "-", stdin=json.dumps(more).encode())
    assert done.code == Code.OK
    assert "baggage, sampledrate" in done.err


def test_the_place_in_a_trace_is_kept(space: Space) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "/a", "type": NOTE, "subject": "note/1"}
    place = {"traceparent": "00-x", "tracestate": "y=1"}
    assert space.pub("--cloudevent", "-", stdin=json.dumps(event | place).encode()).code == Code.OK
    [recorded] = space.events()
    assert recorded.items() >= place.items()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no json", "not a CloudEvent"),
        (b"[]", "not a CloudEvent"),
        (b'{"specversion": "0.3", "id": "e", "source": "/a", "type": "t"}', "specversion"),
        (b'{"specversion": "1.0", "source": "/a", "type": "t"}', "`id`"),
        (b'{"specversion": "1.0", "id": "e", "source": "/a", "type": "t"}', "<kind>/<entity>"),
        (b"\xff", "not a CloudEvent"),
    ],
)
def test_what_is_no_cloudevent_is_refused(space: Space, body: bytes, said: str) -> None:
    done = space.pub("--cloudevent", "-", stdin=body)
    assert (done.code, done.out) == (Code.INVALID_DATA, "")
    assert said in done.err


def test_a_cloudevent_excludes_its_parts(space: Space) -> None:
    done = space.pub("--cloudevent", "-", "--type", NOTE, "--source", "/a", stdin=b"{}")
    assert done.code == Code.USAGE
    assert "--cloudevent excludes --type, --source" in done.err


# Scenarios


@pytest.mark.parametrize(
    "name", ["coding-team", "data-pipeline", "delegation", "shared-cluster", "workshop"]
)
def test_a_shipped_scenario_comes_out_as_it_expects(nats_server: NatsServer, name: str) -> None:
    file = str(ROOT / "examples" / f"{name}.toml")
    done = invoke("run", file, "--json", "--server", nats_server.url)
    assert done.code == Code.OK, done.err
    assert done.json["unmet"] == []
    assert done.json["space"].startswith(f"{name}-")
    again = invoke("replay", done.json["space"], "--verify", "--json", "--server", nats_server.url)
    assert again.code == Code.OK, again.err
    assert again.json["fingerprint"] == done.json["fingerprint"]


def test_each_run_has_a_space_of_its_own_unless_one_is_named(
    nats_server: NatsServer, space: Space
) -> None:
    file = str(ROOT / "examples" / "coding-team.toml")
    runs = [invoke("run", file, "--json", "--server", nats_server.url) for _ in range(2)]
    assert len({done.json["space"] for done in runs}) == 2
    named = invoke("run", file, "--json", "--space", space.name, "--server", nats_server.url)
    assert named.json["space"] == space.name


def test_a_story_is_told_in_80_columns(nats_server: NatsServer) -> None:
    file = str(ROOT / "examples" / "data-pipeline.toml")
    done = invoke("run", file, "--server", nats_server.url)
    assert done.code == Code.OK
    assert max(map(len, done.lines)) <= 80
    assert "everything is as the scenario expects" in done.out
    assert "awards it to cleaner at 30, the second-highest bid" in done.out
    assert "mabeam tail data-pipeline-" in done.err


def test_what_is_not_as_expected_is_told_and_exits_with_1(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    text = (ROOT / "examples" / "coding-team.toml").read_text()
    file = tmp_path / "wrong.toml"
    file.write_text(text.replace('decision.price" = 75', 'decision.price" = 80'))
    done = invoke("run", str(file), "--server", nats_server.url)
    assert done.code == Code.CHECK_FAILED
    expected = "not as expected: sessions.login-task.state.decision.price is 75, expected 80"
    assert expected in done.out


def test_a_faulty_scenario_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "faulty.toml"
    file.write_text('space = "x"\nagents = []\nsteps = []\nagent = 1\n')
    done = invoke("run", str(file), "--data", str(tmp_path / "data"))
    assert done.code == Code.INVALID_DATA
    assert "unknown field: agent = '1', allowed: agents, " in done.err
    assert not (tmp_path / "data").exists()


def test_a_missing_scenario_is_a_matter_of_usage() -> None:
    assert invoke("run", "absent.toml").code == Code.USAGE


def test_a_run_in_a_process_of_its_own_says_nothing_but_the_story(
    nats_server: NatsServer,
) -> None:
    file = str(ROOT / "examples" / "coding-team.toml")
    done = run("run", file, "--json", "--server", nats_server.url)
    assert (done.code, done.err) == (Code.OK, "")
