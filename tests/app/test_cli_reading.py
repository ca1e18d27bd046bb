"""Commands that read: a history played once, and asked in every way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from support.command import MODULE, Done, Running, environment, invoke, start
from support.events import fresh_id
from support.nats_server import NatsServer
from support.raw_client import RawClient

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 30

pytestmark = pytest.mark.jetstream


class History:
    """A space in which the coding team has done its work."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.space = f"cli-{fresh_id()[-12:]}"
        done = self.ask("run", str(ROOT / "examples" / "coding-team.toml"), "--space", self.space)
        assert done.code == Code.OK, done.err + done.out

    def ask(self, *arguments: str) -> Done:
        """Run a command on the server."""
        return invoke(*arguments, "--server", self.server.url)

    def of(self, command: str, *arguments: str) -> Done:
        """Run a command on the space."""
        return self.ask(command, self.space, *arguments)

    def start(self, command: str, *arguments: str) -> AbstractContextManager[Running]:
        """Run a command on the space in a process of its own."""
        return start(command, self.space, *arguments, "--server", self.server.url)


@pytest.fixture(scope="module")
def history(nats_server: NatsServer) -> History:
    return History(nats_server)


def events(done: Done) -> list[dict[str, object]]:
    assert done.code == Code.OK, done.err
    return [json.loads(line) for line in done.lines]


# What is recorded


def test_tail_tells_every_event_in_one_line_of_words(history: History) -> None:
    done = history.of("tail", "--no-follow")
    assert (done.code, done.err, len(done.lines)) == (Code.OK, "", EVENTS)
    bid = next(line for line in done.lines if "bids 80" in line)
    assert bid.split()[2:4] == ["coder", "session/login-task"]
    assert any("awards it to coder at 75, the second-highest bid" in line for line in done.lines)


def test_tail_as_json_gives_whole_events_with_position_and_time(history: History) -> None:
    found = events(history.of("tail", "--no-follow", "--json"))
    assert [event["position"] for event in found] == list(range(1, EVENTS + 1))
    for event in found:
        assert event["specversion"] == "1.0"
        assert str(event["recordedtime"]).endswith("Z")
        assert {"id", "source", "type", "subject", "data"} <= event.keys()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--actor", "coder"], 4),
        (["--kind", "agent"], 5),
        (["--entity", "login-task", "--event", "bid_placed"], 4),
        (["--event", "bid_placed", "--actor", "tester"], 1),
        (["--event", "absent"], 0),
        (["--since", "29"], 2),
        (["--since", "1h"], EVENTS),
        (["--since", "-1h", "--kind", "agent"], 5),
        (["--since", "2000-01-01"], EVENTS),
        (["--limit", "3"], 3),
        (["--limit", "99"], EVENTS),
    ],
)
def test_tail_shows_the_part_that_is_asked_for(
    history: History, options: list[str], expected: int
) -> None:
    done = history.of("tail", "--no-follow", "--json", *options)
    assert len(events(done)) == expected


def test_an_event_is_found_by_its_id(history: History) -> None:
    tenth = events(history.of("tail", "--no-follow", "--json"))[9]
    since = events(history.of("tail", "--no-follow", "--json", "--since", str(tenth["id"])))
    assert [since[0]["position"], len(since)] == [10, EVENTS - 9]
    state = history.of("state", "position", "--at", str(tenth["id"]), "--json")
    assert state.json == 10


def test_a_follower_sees_what_comes_and_ends_after_its_limit(history: History) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    server = ("--server", history.server.url)
    note = ("--type", "com.example.note", "--subject", "note/1", *server)
    assert invoke("pub", space, "1", *note).code == Code.OK
    with start("tail", space, "--limit", "2", *server) as tail:
        tail.await_message("behind position 1")
        for text in ("2", "3"):
            assert invoke("pub", space, text, *note).code == Code.OK
        assert [tail.line().split()[-1] for _ in range(2)] == ["2", "3"]
        assert tail.wait().code == Code.OK


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "TERM"])
def test_a_follower_that_is_interrupted_ends_with_130_and_no_traceback(
    history: History, number: signal.Signals
) -> None:
    with history.start("tail") as tail:
        tail.await_message("behind position")
        done = tail.end(number)
    assert (done.code, done.out) == (Code.INTERRUPTED, "")
    assert "Traceback" not in done.err


def test_a_reader_that_has_seen_enough_is_left_in_peace(history: History) -> None:
    done = run_into_a_closed_pipe("tail", history.space, "--no-follow", history)
    assert (done.code, done.err) == (Code.OK, "")


def run_into_a_closed_pipe(command: str, space: str, option: str, history: History) -> Done:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*MODULE, command, space, option, "--server", history.server.url],
        env=environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    return Done(done.returncode, "", done.stderr.decode())


def test_what_nobody_can_read_is_shown_as_such(history: History) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    server = ("--server", history.server.url)
    note = ("--type", "com.example.note", "--subject", "note/1", *server)
    assert invoke("pub", space, "{}", *note).code == Code.OK
    with RawClient(history.server.url) as client:
        client.request(f"mabeam.{space}.note.1.note.x", "no json")
    lines = invoke("tail", space, "--no-follow", *server).lines
    assert "says what nobody can read" in lines[1]
    found = invoke("tail", space, "--no-follow", "--json", *server)
    problem = events(found)[1]
    assert (problem["position"], problem["entity"], problem["actor"]) == (2, "1", "x")
    assert "malformed" in str(problem["problem"])
    done = invoke("doctor", space, *server)
    assert "1 unreadable, the latest at 2" in done.out


def test_text_that_would_steer_a_terminal_is_spelled_out(history: History) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    server = ("--server", history.server.url)
    evil = '{"role": "executor", "capabilities": ["\\u001b[2Jboo"]}'
    kind = ("--type", "mabeam.agent.registered.v1", "--subject", "agent/x", "--source", "/a/x")
    assert invoke("pub", space, evil, *kind, *server).code == Code.OK
    for arguments in (["tail", space, "--no-follow"], ["agents", space]):
        done = invoke(*arguments, *server)
        assert "\x1b" not in done.out
        assert "\\x1b[2Jboo" in done.out


# How things stand


def test_agents_are_listed(history: History) -> None:
    done = history.of("agents")
    assert done.lines[0].split() == ["NAME", "STATUS", "ROLE", "FAILURES", "CAPABILITIES"]
    assert done.lines[1].split() == ["coder", "active", "executor", "0", "python,", "refactoring"]
    assert [entry["name"] for entry in history.of("agents", "--json").json] == [
        "coder",
        "contractor",
        "newcomer",
        "reviewer",
        "tester",
    ]


def test_variables_are_listed_as_they_are_and_as_they_were(history: History) -> None:
    now = {entry["name"]: entry["value"] for entry in history.of("variables", "--json").json}
    assert now == {"temperature": 0.5, "token_budget": 2000}
    then = history.of("variables", "--json", "--at", "8").json
    assert [(entry["name"], entry["value"]) for entry in then] == [("temperature", 0.7)]
    assert "a number from 0 to 1 in steps of 0.05" in history.of("variables").out


def test_sessions_are_listed_in_their_order(history: History) -> None:
    found = history.of("sessions", "--json").json
    assert [(s["name"], s["protocol"], s["outcome"], s["result"]) for s in found] == [
        ("login-task", "auction", "decided", "coder at 75"),
        ("boldness", "consensus", "decided", "0.5"),
    ]


def test_conflicts_are_listed_with_what_they_came_to(history: History) -> None:
    [found] = history.of("conflicts", "--json").json
    assert found["candidates"] == {"coder": 6000, "reviewer": 2000}
    assert (found["status"], found["value"], found["winner"]) == ("applied", 2000, "reviewer")
    assert found["reason"] == "priority 3 against coder 1"
    assert "coder 6000, reviewer 2000" in history.of("conflicts").out


def test_an_empty_list_says_so_and_stays_out_of_the_data(history: History) -> None:
    done = history.of("conflicts", "--at", "3")
    assert (done.code, done.out) == (Code.OK, "")
    assert "none in space" in done.err
    assert history.of("conflicts", "--at", "3", "--json").json == []


def test_the_state_is_shown_in_part_and_in_whole(history: History) -> None:
    whole = history.of("state", "--json").json
    assert set(whole) >= {"agents", "variables", "sessions", "conflicts", "position"}
    assert history.of("state", "variables.temperature.state.value").out == "0.5\n"
    assert history.of("state", "agents.coder.state.role").out == "executor\n"
    assert history.of("state", "agents.coder.state.role", "--json").out == '"executor"\n'
    roles = history.of("state", "agents.*.state.role", "--json").json
    assert roles == ["executor", "executor", "executor", "evaluator", "evaluator"]
    part = history.of("state", "agents.coder")
    assert json.loads(part.out) == whole["agents"]["coder"]
    assert len(part.lines) > 1


@pytest.mark.parametrize(
    ("at", "value"), [("8", "0.7"), ("19", "0.7"), ("20", "0.5"), ("2999-01-01", "0.5")]
)
def test_the_state_is_shown_as_it_was(history: History, at: str, value: str) -> None:
    done = history.of("state", "variables.temperature.state.value", "--at", at)
    assert done.out.strip() == value


def test_a_replay_gives_the_same_fingerprint_every_time(history: History) -> None:
    first, second = history.of("replay", "--json").json, history.of("replay", "--json").json
    assert first["fingerprint"] == second["fingerprint"]
    assert (first["position"], first["unreadable"]) == (EVENTS, 0)
    assert history.of("replay", "--json", "--at", "29").json["fingerprint"] != first["fingerprint"]
    lines = dict(line.split(maxsplit=1) for line in history.of("replay").lines)
    assert (lines["space"], lines["events"]) == (history.space, str(EVENTS))
    assert lines["fingerprint"] == first["fingerprint"]


def test_a_verified_replay_counts_what_it_has_proved(history: History) -> None:
    done = history.of("replay", "--verify")
    assert done.code == Code.OK
    assert "everything decided follows from the log" in done.out
    found = history.of("replay", "--verify", "--json").json
    assert found["verification"]["divergences"] == []
    assert found["verification"]["certificates"] == 2
    assert found["verification"]["fingerprint"] == found["fingerprint"]
    assert found["verification"]["live"] == found["fingerprint"]


def test_reading_records_nothing(history: History) -> None:
    before = history.of("replay", "--json").json
    for command in ("agents", "variables", "sessions", "conflicts", "state", "replay", "doctor"):
        assert history.of(command).code == Code.OK
    assert history.of("tail", "--no-follow").code == Code.OK
    after = history.of("replay", "--json").json
    assert [after["position"], after["fingerprint"]] == [before["position"], before["fingerprint"]]
    coordinators = invoke("doctor", history.space, "--json", "--server", history.server.url).json
    assert coordinators[-1]["found"] == "none is running, and nothing waits for one"


def test_the_space_may_come_from_the_environment(history: History) -> None:
    done = invoke("agents", "--json", "--server", history.server.url, MABEAM_SPACE=history.space)
    assert len(done.json) == 5


def test_the_server_may_come_from_the_environment(history: History) -> None:
    done = invoke("agents", history.space, "--json", MABEAM_NATS_URL=history.server.url)
    assert len(done.json) == 5


# Colours


def test_colours_come_when_they_are_forced_and_not_in_pipes(history: History) -> None:
    arguments = ("tail", history.space, "--no-follow", "--server", history.server.url)
    assert "\x1b[" not in invoke(*arguments, NO_COLOR="").out
    assert "\x1b[" in invoke(*arguments, NO_COLOR="", FORCE_COLOR="1").out
    assert "\x1b[" not in invoke(*arguments, FORCE_COLOR="1").out
