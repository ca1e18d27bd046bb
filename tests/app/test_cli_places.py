"""Where commands find the log: servers named, joined and started, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from mabeam.infra.embedded import running_server
from mabeam.infra.embedded.folder import DataFolder
from mabeam.infra.embedded.guests import Guests
from support.command import Done, Running, invoke, run, start
from support.events import fresh_id
from support.nats_server import NatsServer
from support.processes import await_end

NOTE = ("--type", "com.example.note", "--subject", "note/1")

pytestmark = pytest.mark.jetstream


@pytest.fixture
def data(scratch_folder: Path) -> Path:
    """A data folder that does not exist yet."""
    return Path(tempfile.mkdtemp(dir=scratch_folder)) / "data"


@pytest.fixture
def up(data: Path) -> Iterator[Running]:
    """The command `up` at work on the data folder, for the space "team"."""
    with start("up", "team", "--data", str(data)) as running:
        running.await_message("Ctrl-C ends")
        yield running


def address(up: Running) -> str:
    facts = [up.line() for _ in range(4)]
    assert facts[2] == "spaces  team"
    assert facts[3] == f"export MABEAM_NATS_URL={facts[0].split()[1]}"
    return facts[0].split()[1]


def made(data: Path) -> Path:
    data.mkdir()
    return data


def server_pid(data: Path) -> int:
    announced = DataFolder(data).announced()
    assert announced is not None
    return announced[1]


# Servers of one's own


def test_what_one_command_records_the_next_one_finds(data: Path) -> None:
    assert run("pub", "team", '"first"', *NOTE, "--data", str(data)).out == "1\n"
    assert run("pub", "team", '"second"', *NOTE, "--data", str(data)).out == "2\n"
    done = run("tail", "team", "--no-follow", "--data", str(data))
    assert [line.split()[-1] for line in done.lines] == ['"first"', '"second"']
    assert running_server(data) is None


def test_the_data_folder_comes_from_the_environment_or_from_the_user_s_own(tmp_path: Path) -> None:
    folder = str(tmp_path / "chosen")
    assert invoke("pub", "team", "1", *NOTE, MABEAM_DATA=folder).code == Code.OK
    assert (tmp_path / "chosen" / "jetstream").is_dir()
    shared = str(tmp_path / "share")
    assert invoke("pub", "team", "1", *NOTE, XDG_DATA_HOME=shared).code == Code.OK
    assert (tmp_path / "share" / "mabeam" / "jetstream").is_dir()
    home = str(tmp_path / "home")
    assert invoke("pub", "team", "1", *NOTE, HOME=home, XDG_DATA_HOME="").code == Code.OK
    assert (tmp_path / "home" / ".local" / "share" / "mabeam" / "jetstream").is_dir()


def test_a_reader_makes_no_data_folder(data: Path) -> None:
    done = invoke("agents", "team", "--data", str(data))
    assert (done.code, done.out) == (Code.NOT_FOUND, "")
    assert "'mabeam demo' makes a start" in done.err
    assert not data.exists()


def test_a_reader_makes_no_space_and_names_those_there_are(data: Path) -> None:
    assert invoke("pub", "team", "1", *NOTE, "--data", str(data)).code == Code.OK
    done = invoke("agents", "taem", "--data", str(data))
    assert (done.code, done.out) == (Code.NOT_FOUND, "")
    assert "there is no space 'taem'; there are team" in done.err
    assert invoke("agents", "taem", "--data", str(data)).code == Code.NOT_FOUND


def test_a_folder_that_cannot_be_used_is_a_matter_of_usage(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert invoke("agents", "--data", str(file)).code == Code.USAGE
    done = invoke("pub", "team", "1", *NOTE, "--data", str(file / "below"))
    assert done.code == Code.USAGE
    assert "cannot be used as a data folder" in done.err


def test_a_command_that_is_killed_leaves_no_server(data: Path) -> None:
    assert invoke("pub", "team", "1", *NOTE, "--data", str(data)).code == Code.OK
    with start("tail", "team", "--data", str(data)) as tail:
        tail.await_message("following")
        pid = server_pid(data)
        tail.end(signal.SIGKILL)
    await_end(pid)
    assert invoke("agents", "team", "--data", str(data)).code == Code.OK


def test_commands_at_once_on_one_folder_all_succeed(data: Path) -> None:
    with ExitStack() as stack:
        arguments = ("pub", "team", "1", *NOTE, "--data", str(data))
        running = [stack.enter_context(start(*arguments)) for _ in range(6)]
        done = [command.wait() for command in running]
    assert [one.code for one in done] == [Code.OK] * 6
    assert sorted(one.out for one in done) == [f"{number}\n" for number in range(1, 7)]
    assert running_server(data) is None


async def test_a_server_is_not_stopped_while_another_command_needs_it(data: Path) -> None:
    other = Guests(made(data))
    await other.enter()
    with start("pub", "team", "1", *NOTE, "--data", str(data)) as pub:
        pub.await_message("waiting for other commands")
        assert running_server(data) is not None
        other.leave()
        done = pub.wait()
    assert (done.code, done.out) == (Code.OK, "1\n")
    assert running_server(data) is None


async def test_a_command_that_is_interrupted_waits_for_nobody(data: Path) -> None:
    other = Guests(made(data))
    await other.enter()
    with start("pub", "team", "1", *NOTE, "--data", str(data)) as pub:
        pub.await_message("waiting for other commands")
        assert pub.end(signal.SIGINT).code == Code.INTERRUPTED
    assert running_server(data) is None
    other.leave()


# Servers that run


def test_commands_join_the_server_that_up_has_started(up: Running, data: Path) -> None:
    url = address(up)
    here = ("--data", str(data))
    with start("tail", "team", "--limit", "2", *here) as tail:
        tail.await_message("following team")
        assert run("pub", "team", '"one"', *NOTE, *here).out == "1\n"
        assert invoke("pub", "team", '"two"', *NOTE, MABEAM_NATS_URL=url).out == "2\n"
        done = tail.wait()
    assert done.code == Code.OK
    assert [line.split()[-1] for line in done.lines] == ['"one"', '"two"']
    assert running_server(data) == url


def test_up_coordinates_what_others_publish(up: Running, data: Path) -> None:
    here = ("--data", str(data))
    opened = ("--type", "mabeam.auction.opened.v1", "--subject", "session/task")
    lot = '{"lot": "x", "rule": {"name": "second_price"}, "participants": [{"agent": "a"}]}'
    bid = ("--type", "mabeam.auction.bid_placed.v1", "--subject", "session/task")
    with start("tail", "team", "--event", "decided", "--limit", "1", *here) as tail:
        tail.await_message("following")
        assert invoke("pub", "team", lot, *opened, *here).code == Code.OK
        said = invoke("pub", "team", '{"amount": 7}', *bid, "--source", "/agents/a", *here)
        assert said.code == Code.OK
        done = tail.wait()
    assert "awards it to a at 0, the reserve" in done.out
    checked = invoke("doctor", "team", *here)
    assert checked.code == Code.OK
    assert "running, 0 events in hand" in checked.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "Ctrl-C"])
def test_up_ends_in_order_and_leaves_no_server(
    up: Running, data: Path, number: signal.Signals
) -> None:
    pid = server_pid(data)
    done = up.end(number)
    assert done.code == Code.OK
    assert "Traceback" not in done.err
    await_end(pid)
    assert running_server(data) is None


def test_a_second_up_on_the_folder_is_told_whom_to_ask(up: Running, data: Path) -> None:
    url = address(up)
    done = invoke("up", "--data", str(data))
    assert (done.code, done.out) == (Code.USAGE, "")
    assert f"use --server {url}" in done.err


def test_up_says_why_its_server_has_ended(up: Running, data: Path) -> None:
    os.kill(server_pid(data), signal.SIGKILL)
    done = up.wait()
    assert done.code == Code.UNREACHABLE
    assert "nats-server ended by itself" in done.err


def test_up_tells_other_programs_in_json(data: Path) -> None:
    with start("up", "team", "other", "--json", "--data", str(data)) as up:
        facts = json.loads(up.line())
        assert facts == {
            "server": running_server(data),
            "data": str(data),
            "spaces": ["team", "other"],
        }


def test_up_runs_coordinators_alone_on_a_server_that_is_named(nats_server: NatsServer) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    with start("up", space, "--server", nats_server.url) as up:
        assert up.line() == f"server  {nats_server.url}"
        assert up.line() == f"spaces  {space}"
        checked = invoke("doctor", space, "--server", nats_server.url)
        assert "running, 0 events in hand" in checked.out
        assert up.end().code == Code.OK


def test_up_passes_over_an_archive_unless_it_is_named(data: Path) -> None:
    here = ("--data", str(data))
    assert invoke("pub", "old", '"one"', *NOTE, *here).code == Code.OK
    assert invoke("log", "archive", "old", *here).code == Code.OK
    with start("up", *here) as up:
        up.await_message("not coordinating old: ")
        up.await_message("Ctrl-C ends")
        assert up.end().code == Code.OK
    named = invoke("up", "old", *here)
    assert named.code == Code.USAGE
    assert "sealed for ever" in named.err


def test_up_coordinates_the_spaces_that_are_made_later(data: Path) -> None:
    def pub(event: str, source: str, fields: str) -> None:
        what = ("--type", f"mabeam.auction.{event}.v1", "--subject", "session/s")
        done = invoke("pub", "late", fields, *what, "--source", source, "--data", str(data))
        assert done.code == Code.OK, done.err

    with start("up", "--data", str(data)) as up:
        up.await_message("Ctrl-C ends")
        pub("opened", "/agents/boss", '{"lot": "x", "participants": [{"agent": "ann"}]}')
        pub("bid_placed", "/agents/ann", '{"amount": 5}')
        up.await_message("coordinating late")
        # The limit of one ends the command; without it there would be no end to wait for.
        wanted = ("--since", "1", "--event", "decided", "--limit", "1")
        decided = invoke("tail", "late", *wanted, "--data", str(data))
        assert "awards it to ann" in decided.out
        assert up.end().code == Code.OK


# Whom to believe


def test_what_is_typed_counts_more_than_the_environment(
    nats_server: NatsServer, data: Path
) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    typed = invoke("pub", space, "1", *NOTE, "--data", str(data), MABEAM_NATS_URL=nats_server.url)
    assert typed.code == Code.OK
    assert invoke("agents", space, "--data", str(data)).code == Code.OK
    assert invoke("agents", space, "--server", nats_server.url).code == Code.NOT_FOUND


def test_server_and_data_exclude_each_other(data: Path) -> None:
    done = invoke("agents", "--server", "nats://127.0.0.1:1", "--data", str(data))
    assert done.code == Code.USAGE


# Errors


def one_line(done: Done, code: Code) -> str:
    assert (done.code, done.out) == (code, "")
    [line] = done.err.splitlines()
    assert line.startswith("mabeam: ")
    return line


def test_an_absent_server_is_told_with_what_to_do() -> None:
    line = one_line(invoke("agents", "--server", "nats://127.0.0.1:1"), Code.UNREACHABLE)
    assert "no server answers at nats://127.0.0.1:1" in line
    assert "start a server with 'mabeam up'" in line


def test_an_address_that_is_none_is_a_matter_of_usage() -> None:
    done = invoke("agents", "--server", "nats://nowhere:port")
    assert done.code in {Code.USAGE, Code.UNREACHABLE}
    assert "Traceback" not in done.err


def test_an_illegal_name_is_told_with_what_is_allowed(data: Path) -> None:
    line = one_line(invoke("agents", "no name", "--data", str(data)), Code.INVALID_DATA)
    assert "space = 'no name', allowed: 1 to 32 characters" in line


@pytest.mark.parametrize("place", ["99", "no-such-event", "0000-not-an-id"])
def test_a_place_that_is_not_in_the_log_is_not_found(nats_server: NatsServer, place: str) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    here = ("--server", nats_server.url)
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    for arguments in (["state", space, "--at", place], ["tail", space, "--since", place]):
        line = one_line(invoke(*arguments, *here), Code.NOT_FOUND)
        assert space in line


def test_a_path_that_leads_nowhere_is_not_found(nats_server: NatsServer) -> None:
    space = f"cli-{fresh_id()[-12:]}"
    here = ("--server", nats_server.url)
    assert invoke("pub", space, "1", *NOTE, *here).code == Code.OK
    line = one_line(invoke("state", space, "agnets.x", *here), Code.NOT_FOUND)
    assert "there is agents, " in line


def test_a_traceback_is_shown_only_on_request(data: Path) -> None:
    assert "Traceback" not in invoke("agents", "--data", str(data)).err
    done = invoke("agents", "--data", str(data), "-v")
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("mabeam: nothing is recorded in")


def test_a_wrong_level_of_log_lines_is_a_matter_of_usage() -> None:
    done = invoke("agents", MABEAM_LOG="chatty")
    assert done.code == Code.USAGE
    assert "allowed: debug, info, warning, error, critical" in done.err


def test_log_lines_are_json_in_a_pipe_and_name_the_space(data: Path) -> None:
    assert run("pub", "team", "1", *NOTE, "--data", str(data)).err == (
        "com.example.note is no type of mabeam's: recorded unchecked\n"
    )
    done = run("pub", "other", "1", *NOTE, "--data", str(data), MABEAM_LOG="debug")
    assert '"event":"stream created","space":"other"' in done.err
