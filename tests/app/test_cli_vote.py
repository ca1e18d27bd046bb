"""`mabeam vote`: choose among options from the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from support.command import Done, invoke, start
from support.events import fresh_id
from support.nats_server import NatsServer

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]


class Shell:
    """The commands about votes in a fresh space."""

    def __init__(self, server: NatsServer) -> None:
        self.space = f"cli-{fresh_id()[-12:]}"
        self.url = server.url

    def __call__(self, verb: str, *arguments: str) -> Done:
        """Type a command."""
        return invoke("vote", verb, self.space, *arguments, "--server", self.url)

    def open(self, *arguments: str) -> Done:
        """Open a vote on three drinks, under the name drink."""
        options = ("--option", "tea", "--option", "coffee", "--option", "cocoa")
        return self("open", *options, "--name", "drink", *arguments)


@pytest.fixture
def shell(nats_server: NatsServer) -> Shell:
    return Shell(nats_server)


def test_a_vote_is_opened_cast_and_shown(shell: Shell) -> None:
    opened = shell.open("--rule", "schulze", "--voter", "ann", "--voter", "ben=2", "--for", "10m")
    assert (opened.code, opened.out) == (Code.OK, "drink\n")
    assert shell("cast", "drink", "tea > coffee = cocoa", "--by", "ann").out == "2\n"
    approved = ("--approve", "cocoa", "--approve", "coffee", "--note", "both")
    assert shell("cast", "drink", *approved, "--by", "ben").out == "3\n"
    shown = shell("show", "drink")
    assert shown.code == Code.OK
    assert "spoken    2 of 2" in shown.lines
    assert [line.split() for line in shown.lines[-3:]] == [
        ["tea", "1", "0", "2"],
        ["coffee", "2", "1", "0"],
        ["cocoa", "2", "1", "0"],
    ]
    assert "a tie decides among cocoa, coffee" in shown.err
    told = invoke("tail", shell.space, "--no-follow", "--server", shell.url).out
    assert "votes cocoa = coffee (both)" in told


def test_a_vote_may_close_early_under_rules_that_allow_it(shell: Shell) -> None:
    voters = ("--voter", "ann", "--voter", "ben", "--voter", "cyd")
    refused = shell.open("--rule", "borda", "--early", *voters)
    assert refused.code == Code.INVALID_DATA
    assert "borda may turn with the last ballot" in refused.err
    assert shell.open("--rule", "plurality", "--early", *voters).code == Code.OK
    told = invoke("tail", shell.space, "--no-follow", "--json", "--server", shell.url).out
    assert '"early":true' in told.replace(" ", "")
    assert '"revising":"first"' in told.replace(" ", "")


def test_who_waits_for_the_end_coordinates_meanwhile(shell: Shell) -> None:
    done = shell.open("--for", "100ms", "--default", "tea", "--question", "which?", "--wait")
    assert done.out == "drink: default_taken tea\n"
    assert shell("show", "drink", "--follow").lines[-1].split()[0] == "cocoa"
    told = invoke("tail", shell.space, "--no-follow", "--server", shell.url).out
    assert "which?: tea, coffee or cocoa, by majority" in told
    assert "chooses tea, the default: the quorum was missed" in told


def test_who_casts_a_ballot_that_does_not_count_is_told_so(shell: Shell) -> None:
    assert shell.open("--voter", "ann", "--for", "500ms", "--wait").code == Code.OK
    late = shell("cast", "drink", "tea", "--by", "ann")
    assert late.code == Code.OK
    assert "it does not count: it came after the closing" in late.err
    options = ("--option", "a", "--option", "b", "--voter", "ann", "--voter", "ben")
    assert shell("open", *options, "--name", "x").code == Code.OK
    assert "does not count" not in shell("cast", "x", "a", "--by", "ann").err
    eve = shell("cast", "x", "a", "--by", "eve")
    assert "it does not count: not among those who may speak" in eve.err


def test_all_that_are_elected_are_named(shell: Shell) -> None:
    options = ("--option", "a", "--option", "b", "--rule", "equal_shares", "--seats", "2")
    arguments = ("--voter", "ann", "--for", "10m", "--name", "two", "--wait")
    command = ("vote", "open", shell.space, *options, *arguments, "--server", shell.url)
    with start(*command) as running:
        while shell("cast", "two", "b", "--by", "ann").code != Code.OK:
            assert running.process.poll() is None
        assert running.wait().out == "two: decided b, a\n"


def test_fields_can_stand_in_a_file_and_flags_count_more(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "vote.toml"
    file.write_text(
        'options = ["a", "b", "c"]\nseats = 1\nquorum = 9\n'
        '[rule]\nname = "confidence"\nparameters = { cap = "1/3" }\n'
    )
    done = shell("open", "--file", str(file), "--quorum", "0", "--name", "x", "--json")
    assert done.json["standing"]["remarks"] == ["weight heard: 0, quorum: 1"]
    cast = shell("cast", "x", "b", "--confidence", "0.5", "--by", "ann", "--json")
    assert cast.json["position"] == 2
    shown = shell("show", "x", "--at", "1", "--json").json
    assert shown["rule"] == "confidence v1"


def test_several_seats_are_filled(shell: Shell) -> None:
    assert shell.open("--rule", "single_transferable_vote", "--seats", "2").code == Code.OK


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rule", "lottery"), "unknown voting rule"),
        (("--for", "soon"), "not a duration"),
        (("--voter", "ann=much"), "not NAME or NAME=WEIGHT"),
        (("--default", "beer"), "default"),
        (("--seats", "2"), "seats"),
    ],
)
def test_what_cannot_be_held_is_said(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = shell.open(*arguments)
    assert done.code != Code.OK
    assert said in done.err


def test_a_ballot_is_a_ranking_or_approvals(shell: Shell) -> None:
    assert shell.open().code == Code.OK
    assert "not both" in shell("cast", "drink", "tea", "--approve", "tea").err
    assert "no such ranking" in shell("cast", "drink", "tea >").err
    assert shell("cast", "drink").out == "2\n"
    assert "exclude each other" in shell("show", "drink", "--at", "1", "--follow").err
