"""What `doctor` finds, and `replay --verify` where a history has been forged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mabeam.app.cli.checks import clock
from mabeam.app.cli.codes import Code
from mabeam.infra.embedded import running_server
from mabeam.infra.embedded.binary import find_binary
from support.command import Done, invoke
from support.events import fresh_id
from support.nats_server import NatsServer
from support.raw_client import RawClient

NOTE = ("--type", "com.example.note", "--subject", "note/1")

pytestmark = pytest.mark.jetstream


@pytest.fixture
def space() -> str:
    return f"cli-{fresh_id()[-12:]}"


def verdicts(done: Done) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in done.json}


def test_a_machine_on_which_nothing_has_happened_yet_is_in_order(tmp_path: Path) -> None:
    done = invoke("doctor", "--data", str(tmp_path / "data"))
    assert done.code == Code.OK, done.out
    assert [line.split()[0] for line in done.lines] == ["ok"] * 5
    assert "not made yet" in done.out
    assert "started for this check" in done.out
    assert "spaces: none yet" in done.out
    assert not (tmp_path / "data").exists()


def test_every_space_of_a_data_folder_is_looked_at(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    for name in ("one", "two"):
        assert invoke("pub", name, "1", *NOTE, *data).code == Code.OK
    found = verdicts(invoke("doctor", "--json", *data))
    for name in ("one", "two"):
        assert found[f"{name}: stream"]["found"].startswith("1 events")
        assert found[f"{name}: events"]["verdict"] == "ok"
        assert found[f"{name}: coordinator"]["verdict"] == "warn"
        assert found[f"{name}: coordinator"]["fix"] == f"'mabeam up {name}' runs one"
    assert "two: stream" not in verdicts(invoke("doctor", "one", "--json", *data))
    assert running_server(tmp_path / "data") is None


def test_a_space_that_is_not_there_is_not_found(nats_server: NatsServer, space: str) -> None:
    done = invoke("doctor", space, "--server", nats_server.url)
    assert done.code == Code.NOT_FOUND
    assert f"there is no space '{space}'" in done.err


def test_work_that_waits_for_a_coordinator_is_counted(nats_server: NatsServer, space: str) -> None:
    here = ("--server", nats_server.url)
    example = Path(__file__).resolve().parents[2] / "examples" / "coding-team.toml"
    assert invoke("run", str(example), "--space", space, *here).code == Code.OK
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    found = verdicts(invoke("doctor", space, "--json", *here))[f"{space}: coordinator"]
    assert found["verdict"] == "warn"
    assert found["found"] == "none is running, and 1 events wait"


def test_settings_that_would_let_events_vanish_fail_the_check(
    nats_server: NatsServer, space: str
) -> None:
    settings = {"name": f"mabeam_{space}", "subjects": [f"mabeam.{space}.>"], "max_age": 10**12}
    with RawClient(nats_server.url) as client:
        client.request(f"$JS.API.STREAM.CREATE.mabeam_{space}", settings)
    done = invoke("doctor", space, "--json", "--server", nats_server.url)
    assert done.code == Code.CHECK_FAILED
    found = verdicts(done)[f"{space}: stream"]
    assert found["verdict"] == "fail"
    assert "max_age set to 1000000000000" in found["found"]
    assert "deny_delete False instead of True" in found["found"]
    assert found["found"].count("max_age") == 1
    assert "fix:" in invoke("doctor", space, "--server", nats_server.url).out


def test_an_absent_server_fails_the_check_with_what_to_do() -> None:
    done = invoke("doctor", "--json", "--server", "nats://127.0.0.1:1")
    assert done.code == Code.CHECK_FAILED
    found = verdicts(done)
    assert found["server"]["verdict"] == "fail"
    assert "mabeam up" in found["server"]["fix"]
    assert "data folder" not in found


def test_a_missing_program_fails_the_check_unless_a_server_is_named(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    absent = str(tmp_path / "absent")
    own = invoke("doctor", "--json", "--data", str(tmp_path / "data"), NATS_SERVER_BIN=absent)
    assert own.code == Code.CHECK_FAILED
    assert verdicts(own)["nats-server"]["verdict"] == "fail"
    space = f"cli-{fresh_id()[-12:]}"
    assert invoke("pub", space, "1", *NOTE, "--server", nats_server.url).code == Code.OK
    here = ("--server", nats_server.url)
    other = invoke("doctor", space, "--json", *here, NATS_SERVER_BIN=absent)
    assert other.code == Code.OK
    assert verdicts(other)["nats-server"]["verdict"] == "warn"


def test_a_folder_that_cannot_be_written_to_fails_the_check(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = invoke("doctor", "--json", "--data", str(tmp_path / "file" / "data"))
    assert done.code == Code.CHECK_FAILED
    assert verdicts(done)["data folder"]["verdict"] == "fail"


@pytest.fixture
def core_server() -> Iterator[str]:
    """A server without JetStream."""
    command = (str(find_binary()), "-a", "127.0.0.1", "-p", "-1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Server is ready" not in lines[-1]:
            lines.append(process.stdout.readline().decode())
            assert lines[-1], "".join(lines)
        listening = next(line for line in lines if "Listening for client connections" in line)
        yield f"nats://{listening.split()[-1]}"
        process.terminate()
        process.communicate()


def test_a_server_without_jetstream_fails_the_check(core_server: str) -> None:
    done = invoke("doctor", "--json", "--server", core_server)
    assert done.code == Code.CHECK_FAILED
    found = verdicts(done)
    assert found["server"]["verdict"] == "ok"
    assert found["jetstream"]["verdict"] == "fail"
    assert "nats-server -js" in found["jetstream"]["fix"]


@pytest.mark.parametrize(
    ("ahead_ns", "verdict", "said"),
    [
        (0, "ok", "0.000 s ahead"),
        (-999_000_000, "ok", "0.999 s behind"),
        (1_500_000_000, "warn", "1.500 s ahead"),
        (-2_000_000_000, "warn", "2.000 s behind"),
    ],
)
def test_a_clock_that_is_more_than_a_second_off_deserves_a_look(
    ahead_ns: int, verdict: str, said: str
) -> None:
    check = clock(ahead_ns, "team")
    assert (check.verdict, said in check.found, bool(check.fix)) == (verdict, True, verdict != "ok")


# Forged histories


def test_a_decision_that_does_not_follow_from_the_log_is_found(
    nats_server: NatsServer, space: str
) -> None:
    here = ("--server", nats_server.url)
    declared = ("--type", "mabeam.variable.declared.v1", "--subject", "variable/x")
    changed = ("--type", "mabeam.variable.changed.v1", "--subject", "variable/x")
    type_ = {"type": "integer", "low": 0, "high": 9}
    assert invoke("pub", space, json.dumps({"type": type_}), *declared, *here).out == "1\n"
    forged = json.dumps({"value": 9, "previous": 0, "base": 1})
    voice = ("--source", "/protocols/coordinator")
    assert invoke("pub", space, forged, *changed, *voice, *here).out == "2\n"
    assert invoke("replay", space, *here).code == Code.OK
    done = invoke("replay", space, "--verify", *here)
    assert done.code == Code.DIVERGED
    assert "diverges     at 2: mabeam.variable.changed.v1 is recorded" in done.out
    assert "mabeam: replay diverges at position 2" in done.err
    found = invoke("replay", space, "--verify", "--json", *here)
    assert found.code == Code.DIVERGED
    assert found.json["verification"]["divergences"][0]["position"] == 2
    assert invoke("replay", space, "--verify", "--at", "1", *here).code == Code.OK


def test_a_replay_counts_what_nobody_can_read(nats_server: NatsServer, space: str) -> None:
    here = ("--server", nats_server.url)
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    with RawClient(nats_server.url) as client:
        client.request(f"mabeam.{space}.note.1.note.x", "no json")
    done = invoke("replay", space, "--verify", *here)
    assert done.code == Code.OK
    assert "2, 1 of them unreadable" in done.out
