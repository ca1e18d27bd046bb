"""`mabeam log`: a space is backed up, restored, exported and archived from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from support.command import invoke
from support.nats_server import NatsServer
from support.worlds import fresh_space

NOTE = ("--type", "com.example.note", "--subject", "note/1")
TEAM = Path(__file__).resolve().parents[2] / "examples" / "coding-team.toml"

pytestmark = pytest.mark.jetstream


@pytest.fixture
def space() -> str:
    return fresh_space()


def test_a_restored_space_verifies_and_has_the_same_fingerprint(
    nats_server: NatsServer, space: str, tmp_path: Path
) -> None:
    here, there = ("--server", nats_server.url), ("--data", str(tmp_path / "data"))
    assert invoke("run", str(TEAM), "--space", space, *here).code == Code.OK
    folder = str(tmp_path / "backup")
    taken = invoke("log", "backup", space, folder, "--json", *here)
    assert taken.code == Code.OK
    replayed = invoke("replay", space, "--verify", "--json", *here).json
    assert taken.json["fingerprint"] == replayed["fingerprint"]
    assert taken.json["events"] == replayed["position"]
    restored = invoke("log", "restore", folder, space, *there)
    assert restored.code == Code.OK
    assert "every event is the same, and so is the state" in restored.out
    verified = invoke("replay", space, "--verify", "--json", *there)
    assert verified.code == Code.OK
    assert verified.json["fingerprint"] == replayed["fingerprint"]
    assert verified.json["verification"]["divergences"] == []
    assert invoke("log", "check", space, *there).code == Code.OK


def test_what_stands_in_the_way_of_a_copy_is_said_with_a_code(
    nats_server: NatsServer, space: str, tmp_path: Path
) -> None:
    here = ("--server", nats_server.url)
    folder = tmp_path / "backup"
    assert invoke("log", "backup", space, str(folder), *here).code == Code.NOT_FOUND
    assert not folder.exists()
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    assert invoke("log", "backup", space, str(folder), *here).code == Code.OK
    again = invoke("log", "backup", space, str(folder), *here)
    assert again.code == Code.USAGE
    assert "exists already" in again.err
    taken = invoke("log", "restore", str(folder), *here)
    assert taken.code == Code.USAGE
    assert f"has a space '{space}' already" in taken.err
    _ = (folder / "stream.image").write_bytes(b"torn")
    damaged = invoke("log", "restore", str(folder), *here)
    assert damaged.code == Code.INVALID_DATA
    assert "stream.image: SHA-256 is" in damaged.err


def test_an_export_has_a_line_for_each_event(
    nats_server: NatsServer, space: str, tmp_path: Path
) -> None:
    here = ("--server", nats_server.url)
    for _ in range(3):
        assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    file = tmp_path / "events.jsonl"
    done = invoke("log", "export", space, str(file), *here)
    assert (done.code, done.lines[0]) == (Code.OK, "events       3")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["position"] for line in lines] == [1, 2, 3]
    assert invoke("log", "export", space, str(file), *here).code == Code.USAGE


def test_an_archive_is_read_as_before_and_takes_no_events(
    nats_server: NatsServer, space: str
) -> None:
    here = ("--server", nats_server.url)
    assert invoke("run", str(TEAM), "--space", space, *here).code == Code.OK
    reads = (("replay", space, "--verify", "--json"), ("state", space, "--json", "--at", "12"))
    tail = ("tail", space, "--no-follow", "--json", *here)
    events = invoke(*tail).out
    before = [invoke(*read, *here).json for read in reads]
    archived = invoke("log", "archive", space, "--json", *here)
    assert archived.code == Code.OK
    assert archived.json["fingerprint"] == before[0]["fingerprint"]
    refused = invoke("pub", space, "1", *NOTE, *here)
    assert refused.code == Code.USAGE
    assert "it is an archive, sealed for ever" in refused.err
    after = [invoke(*read, *here).json for read in reads]
    for one in (before[0], after[0]):
        for volatile in ("seconds", "events_per_second"):
            del one[volatile]
    assert after == before
    assert invoke(*tail).out == events
    again = invoke("log", "archive", space, "--json", *here)
    assert again.json == archived.json
    looked = invoke("doctor", space, "--json", *here)
    assert looked.code == Code.OK
    assert [one["found"] for one in looked.json if "sealed" in one["found"]]


def test_an_archive_is_backed_up_and_restored_as_one(
    nats_server: NatsServer, space: str, tmp_path: Path
) -> None:
    here, there = ("--server", nats_server.url), ("--data", str(tmp_path / "data"))
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    sealed = invoke("log", "archive", space, "--json", *here).json
    assert invoke("log", "backup", space, str(tmp_path / "backup"), *here).code == Code.OK
    assert invoke("log", "restore", str(tmp_path / "backup"), *there).code == Code.OK
    assert invoke("pub", space, "1", *NOTE, *there).code != Code.OK
    assert invoke("log", "archive", space, "--json", *there).json == sealed


def test_a_space_with_an_open_session_is_not_sealed(nats_server: NatsServer, space: str) -> None:
    here = ("--server", nats_server.url)
    golden = TEAM.parents[1] / "tests" / "golden" / "mabeam.auction.opened.v1.json"
    opening = json.loads(golden.read_text())["data"] | {"open_for_ms": 3_600_000}
    opened = ("--type", "mabeam.auction.opened.v1", "--subject", "session/s1")
    done = invoke("pub", space, json.dumps(opening), *opened, *here)
    assert done.code == Code.OK, done.err
    refused = invoke("log", "archive", space, *here)
    assert refused.code == Code.INVALID_DATA
    assert "sessions = 's1'" in refused.err
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK


def test_a_mirror_is_asked_for_with_one_origin(nats_server: NatsServer, space: str) -> None:
    here = ("--server", nats_server.url)
    assert invoke("log", "mirror", space, *here).code == Code.USAGE
    both = ("--domain", "hub", "--api", "$JS.hub.API")
    assert invoke("log", "mirror", space, *both, *here).code == Code.USAGE
    alone = invoke("log", "mirror", space, "--domain", "hub", *here)
    assert alone.code == Code.UNREACHABLE
    assert "no such domain is connected" in alone.err
    assert invoke("log", "promote", space, *here).code == Code.NOT_FOUND
