"""`mabeam session`: any protocol from the shell."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from pathlib import Path

import click
import pytest

from mabeam.app import connect
from mabeam.app.cli.codes import Code
from mabeam.app.cli.commands import COMMANDS
from mabeam.app.cli.options import Duration
from support.command import Done, invoke, start
from support.events import fresh_id
from support.nats_server import NatsServer

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

PARTICIPANTS = 'participants=["ann","ben"]'


class Shell:
    """The commands about sessions in a fresh space."""

    def __init__(self, server: NatsServer) -> None:
        self.space = f"cli-{fresh_id()[-12:]}"
        self.url = server.url

    def __call__(self, verb: str, *arguments: str) -> Done:
        """Type a command."""
        return invoke("session", verb, self.space, *arguments, "--server", self.url)

    def opened(self) -> None:
        """Have the auction opened."""
        assert self.open().code == Code.OK

    def open(self, *arguments: str) -> Done:
        """Open an auction between two, under the name login."""
        return self(
            *("open", "auction", "--name", "login", "--by", "boss"),
            *("--set", "lot=the login bug", "--set", PARTICIPANTS, *arguments),
        )


@pytest.fixture
def shell(nats_server: NatsServer) -> Shell:
    return Shell(nats_server)


def test_a_session_is_opened_spoken_in_and_shown(shell: Shell) -> None:
    assert shell.open("--set", "reserve=10").out == "login\n"
    assert shell("say", "login", "--set", "amount=25", "--by", "ann").out == "2\n"
    shown = shell("show", "login")
    assert shown.code == Code.OK
    assert "protocol  auction" in shown.lines
    assert "rule      second_price v1" in shown.lines
    assert "spoken    1 of 2" in shown.lines
    assert shown.lines[-1].split() == ["ann", "25"]
    assert shell("show", "login", "--at", "1", "--json").json["standing"]["rows"] == []


def test_the_same_opening_again_changes_nothing(shell: Shell) -> None:
    assert shell.open().out == shell.open().out == "login\n"
    other = shell.open("--set", "reserve=99")
    assert other.code != Code.OK
    assert "another session has this name" in other.err


def test_fields_come_from_a_file_and_flags_count_more(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "login.toml"
    file.write_text(
        'lot = "login"\nreserve = 10\nopen_for_seconds = 2.5\n[participants]\nann = 3\n'
    )
    opened = shell("open", "auction", "--file", str(file), "--set", "reserve=12", "--json").json
    assert opened["phase"] == "open"
    events = invoke("tail", shell.space, "--no-follow", "--json", "--server", shell.url)
    [opening] = [json.loads(line)["data"] for line in events.lines]
    assert opening["participants"] == [{"agent": "ann", "weight": 3}]
    assert (opening["reserve"], opening["open_for_ms"]) == (12, 2500)


def test_who_waits_also_coordinates_and_sees_the_end(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "login.json"
    file.write_text(
        '{"low": 0, "high": 1, "default": "0.5", "open_for_ms": 20, "rule": "weighted_mean"}'
    )
    done = shell("open", "consensus", "--file", str(file), "--name", "bold", "--wait")
    assert done.out == "bold: default_taken 0.5\n"


def test_the_running_state_is_followed_until_the_end(shell: Shell) -> None:
    shell.opened()
    arguments = ("session", "show", shell.space, "login", "--follow", "--json")
    with start(*arguments, "--server", shell.url) as running:
        assert json.loads(running.line())["spoken"] == "0 of 2"
        shell("say", "login", "bid_placed", "--set", "amount=25", "--by", "ann")
        assert json.loads(running.line())["spoken"] == "1 of 2"
        assert shell("cancel", "login", "--by", "boss", "--reason", "done").code == Code.OK
        ended = json.loads(running.line())
        assert (ended["outcome"], ended["reason"]) == ("cancelled", "done")
        assert running.wait().code == Code.OK


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("open", "auctoin"), "unknown protocol"),
        (("open", "auction", "--set", "lto=x"), "no such field: lto"),
        (("open", "auction", "--set", "lot=x", "--set", "reserve=much"), "reserve"),
        (
            ("open", "auction", "--set", "lot=x", "--set", "open_for_seconds=soon"),
            "no such duration",
        ),
        (("open", "auction", "--set", "lot"), "is not FIELD=VALUE"),
        (("say", "login", "ballot_cast", "--set", "value=1"), "no such word"),
        (("open", "vote", "--set", "rule=approval"), "a field is missing: options"),
        (("open", "consensus", "--set", "low=few"), "low = 'few', allowed: a decimal number"),
        (("say", "login", "--set", "amount=0"), "no such amount"),
        (("say", "absent", "--set", "amount=1"), "no session 'absent'"),
        (("show", "absent"), "no session 'absent'"),
        (("show", "login", "--at", "1", "--follow"), "exclude each other"),
        (("cancel", "login", "--by", "ann"), "only its opener may cancel"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_recorded(
    shell: Shell, arguments: tuple[str, ...], message: str
) -> None:
    shell.opened()
    done = shell(*arguments)
    assert done.code != Code.OK
    assert message in done.err
    events = invoke("tail", shell.space, "--no-follow", "--json", "--server", shell.url)
    assert len(events.lines) == 1


def test_who_does_not_count_is_told_so(shell: Shell) -> None:
    shell.opened()
    stranger = shell("say", "login", "--set", "amount=25", "--by", "zoe")
    assert (stranger.code, stranger.out) == (Code.OK, "2\n")
    assert "it does not count: not among those who may speak" in stranger.err
    shell("cancel", "login", "--by", "boss")
    late = shell("say", "login", "--set", "amount=25", "--by", "ann")
    assert (late.code, late.out) == (Code.OK, "4\n")
    assert "it does not count: it came after the closing" in late.err


def test_a_session_without_a_result_shows_why_it_ended(shell: Shell) -> None:
    shell.opened()
    shell("cancel", "login", "--by", "boss", "--reason", "fixed already")
    lines = shell("show", "login").lines
    assert "outcome   cancelled" in lines
    assert "reason    fixed already" in lines


def test_an_auction_that_has_ended_shows_its_price(shell: Shell) -> None:
    shell.opened()
    shell("say", "login", "--set", "amount=25", "--by", "ann")
    shell("say", "login", "--set", "amount=9", "--by", "ben")

    async def decided() -> None:
        async with connect(shell.space, server=shell.url) as space:
            await space.sessions.get("login").decision()

    asyncio.run(decided())
    assert "result    ann at 9" in shell("show", "login").lines


@pytest.mark.parametrize("name", ["session", "vote", "auction", "market", "negotiate", "task"])
def test_the_groups_take_the_same_options(name: str) -> None:
    group = getattr(import_module(COMMANDS[name].split(":")[0]), name)
    assert isinstance(group, click.Group)
    options = {
        verb: {option for parameter in command.params for option in parameter.opts}
        for verb, command in group.commands.items()
    }
    assert {"--name", "--by", "--wait", "--json"} <= options.pop("open")
    assert {"--at", "--follow", "--json"} <= options.pop("show")
    options.pop("cancel", None)
    assert [verb for verb in options if not {"--by", "--json"} <= options[verb]] == []


@pytest.mark.parametrize(
    ("group", "arguments"),
    [
        ("vote", ("cast", "a > b")),
        ("negotiate", ("accept",)),
        ("negotiate", ("reject",)),
        ("task", ("done",)),
    ],
)
def test_a_word_of_another_protocol_is_refused(
    shell: Shell, group: str, arguments: tuple[str, ...]
) -> None:
    shell.opened()
    verb, *rest = arguments
    done = invoke(group, verb, shell.space, "login", *rest, "--server", shell.url)
    assert done.code == Code.INVALID_DATA
    assert "no such word in a session of auction" in done.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("2.5s", 2.5), ("5m", 300), ("2h", 7200), ("20ms", 0.02)]
)
def test_durations_are_written_as_people_do(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("group", "arguments"),
    [
        ("vote", ("--option", "a", "--for")),
        ("auction", ("--lot", "x", "--for")),
        ("market", ("call", "--good", "x", "--for")),
        ("negotiate", ("--party", "a", "--party", "b", "--issue", "d=1,2", "--turn-seconds")),
        ("task", ("mend", "--reply-seconds")),
    ],
)
@pytest.mark.parametrize("duration", ["nan", "inf", "-1", "soon", ""])
def test_what_is_no_duration_is_refused(
    group: str, arguments: tuple[str, ...], duration: str
) -> None:
    done = invoke(group, "open", "team", *arguments, duration)
    assert done.code == Code.USAGE
    assert "is not a duration such as 90, 30s, 5m or 2h" in done.err


def test_a_file_that_cannot_be_read_is_named(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("lot = ")
    done = shell("open", "auction", "--file", str(file))
    assert "broken.toml cannot be read" in done.err
