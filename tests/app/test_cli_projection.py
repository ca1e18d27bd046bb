"""`mabeam projection`: a space as tables, seen from the command line and from SQL."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mabeam.app.cli.codes import Code
from support.command import Done, invoke, start
from support.events import fresh_id
from support.nats_server import NatsServer

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 30

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]


class Team:
    """A space, and a database for its tables."""

    def __init__(self, server: NatsServer, folder: Path) -> None:
        self.server = server.url
        self.space = f"cli-{fresh_id()[-12:]}"
        self.file = folder / "tables.db"
        self.url = f"sqlite:///{self.file}"

    def work(self) -> None:
        """Let a team do its work in the space: thirty events."""
        scenario = str(ROOT / "examples" / "coding-team.toml")
        done = invoke("run", scenario, "--space", self.space, "--server", self.server)
        assert done.code == Code.OK, done.err + done.out

    def note(self) -> None:
        """Record one more event, which makes no rows."""
        about = ("--type", "com.example.note", "--subject", "note/1")
        done = invoke("pub", self.space, "{}", *about, "--server", self.server)
        assert done.code == Code.OK, done.err

    def ask(self, command: str, *arguments: str) -> Done:
        """Run a command on the tables."""
        where = (self.space, "--to", self.url, "--server", self.server)
        return invoke("projection", command, *where, *arguments)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(query).fetchall()

    def build(self, number: int) -> dict[str, Any]:
        """Return what the status tells of a build."""
        builds = self.ask("status", "--json").json["builds"]
        found: dict[str, Any] = next(one for one in builds if one["build"]["number"] == number)
        build: dict[str, Any] = found["build"]
        return found | build


@pytest.fixture
def team(nats_server: NatsServer, tmp_path: Path) -> Team:
    team = Team(nats_server, tmp_path)
    team.work()
    return team


def test_what_is_recorded_is_applied_and_can_be_asked_for_in_sql(team: Team) -> None:
    done = team.ask("run", "--no-follow")
    assert (done.code, done.out) == (Code.OK, "")
    assert f"the tables of {team.space} stand at position {EVENTS}" in done.err
    assert ("coder",) in team.sql("SELECT agent FROM agents")
    status = team.ask("status")
    assert status.code == Code.OK
    heading, line = status.lines
    assert heading.split()[:6] == ["BUILD", "VERSION", "STATE", "CONDITION", "POSITION", "LAG"]
    assert line.split()[:6] == ["1", "2", "serving", "idle", str(EVENTS), "0"]
    found = team.ask("status", "--json").json
    assert (found["head"], found["projection"], found["space"]) == (EVENTS, "tables", team.space)


def test_it_follows_until_it_is_interrupted(team: Team) -> None:
    where = (team.space, "--to", team.url, "--server", team.server)
    with start("projection", "run", *where, "-v") as running:
        running.await_message("keeping the tables")
        running.await_message("serving")
        team.note()
        head = team.ask("status", "--json").json["head"]
        assert head > EVENTS
        assert invoke("projection", "run", *where, "--no-follow").code == Code.OK
        assert team.build(1)["position"] == head
        assert team.build(1)["condition"] == "active"
        assert running.end().code == Code.INTERRUPTED
    assert team.build(1)["condition"] == "idle"


def test_a_rebuild_replaces_the_tables(team: Team) -> None:
    team.ask("run", "--no-follow")
    team.sql("DELETE FROM agents_1")
    assert team.sql("SELECT count(*) FROM agents") == [(0,)]
    done = team.ask("rebuild")
    assert done.code == Code.OK
    assert f"build 2 serves, at position {EVENTS}" in done.err
    assert team.sql("SELECT count(*) FROM agents") != [(0,)]
    assert team.build(1)["condition"] == "retired"


def test_a_pause_lasts_until_it_is_ended(team: Team) -> None:
    team.ask("run", "--no-follow")
    assert team.ask("pause").code == Code.OK
    assert team.build(1)["condition"] == "paused"
    team.note()
    assert team.build(1)["lag"] > 0
    assert team.build(1)["age_seconds"] > 0
    assert team.ask("resume").code == Code.OK
    assert team.ask("run", "--no-follow").code == Code.OK
    assert team.build(1)["lag"] == 0


def test_poison_is_parked_listed_and_tried_again(nats_server: NatsServer, tmp_path: Path) -> None:
    team = Team(nats_server, tmp_path)
    team.note()
    team.ask("run", "--no-follow")
    team.sql(
        "CREATE TRIGGER rule BEFORE INSERT ON agents_1 WHEN NEW.agent = 'coder' "
        "BEGIN SELECT RAISE(ABORT, 'no coders here'); END"
    )
    team.work()
    stopped = team.ask("run", "--no-follow")
    assert stopped.code == Code.CHECK_FAILED
    assert "failed at position" in stopped.err
    status = team.ask("status")
    assert status.code == Code.CHECK_FAILED
    assert "no coders here" in status.err
    assert team.ask("run", "--no-follow", "--on-poison", "park").code == Code.OK
    parked = team.ask("parked", "--json").json
    assert parked
    assert {one["type"] for one in parked} >= {"mabeam.agent.registered.v1"}
    assert "no coders here" in team.ask("parked").out
    assert team.build(1)["parked"] == len(parked)
    retried = team.ask("retry")
    assert retried.code == Code.CHECK_FAILED
    assert "no coders here" in retried.out
    assert team.ask("retry", "--position", "1").code == Code.NOT_FOUND
    team.sql("DROP TRIGGER rule")
    mended = team.ask("retry")
    assert (mended.code, mended.out) == (Code.OK, "")
    assert ("coder",) in team.sql("SELECT agent FROM agents")
    assert "nothing is missing" in team.ask("parked").err


@pytest.mark.parametrize("command", ["status", "pause", "parked"])
def test_who_only_looks_makes_no_database(team: Team, command: str) -> None:
    done = team.ask(command)
    assert done.code == Code.NOT_FOUND
    assert "nothing is projected" in done.err
    assert not team.file.exists()


def test_an_empty_database_is_no_read_model(team: Team) -> None:
    team.sql("CREATE TABLE other (a)")
    assert team.ask("status").code == Code.NOT_FOUND


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://user:secret@host/db", "'mysql://user:***@host/db' is no database for this"),
        ("sqlite://", "is no database for this; allowed: sqlite:///file.db"),
        ("nothing", "no address of a database"),
        ("postgresql://127.0.0.1:1/none", "127.0.0.1"),
    ],
)
def test_an_address_that_does_not_do_is_told(team: Team, url: str, said: str) -> None:
    team.url = url
    done = team.ask("run", "--no-follow")
    assert done.code in {Code.USAGE, Code.UNREACHABLE}
    assert said in done.err
    assert "secret" not in done.err


def test_without_the_extra_the_error_names_it(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("mabeam.infra.sql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    done = team.ask("run", "--no-follow")
    assert done.code == Code.USAGE
    assert "pip install 'mabeam[sql]'" in done.err
