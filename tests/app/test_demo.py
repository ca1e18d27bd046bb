"""The demonstration, as a newcomer runs it: on a server of its own, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from mabeam.app.demo import Demonstration
from mabeam.app.replaying import Replay, Verification
from mabeam.app.staging import Performance, fresh_space
from mabeam.core.subjects import check_space
from mabeam.infra.embedded import running_server
from mabeam.projections.verification import Divergence, Report
from support.command import invoke, run
from support.nats_server import NatsServer

pytestmark = pytest.mark.jetstream


def test_a_newcomer_sees_a_team_and_its_replay_and_can_go_on_from_there(tmp_path: Path) -> None:
    data = str(tmp_path / "my data")
    done = run("demo", "--data", data)
    assert (done.code, done.err) == (Code.OK, "")
    story = done.out.partition("Try next")[0].splitlines()
    assert max(map(len, story[1:])) <= 80
    assert "\x1b" not in done.out
    for told in (
        "registers as executor (python, refactoring)",
        "bids 75 (worth 100, shaded to 75 %)",
        "awards it to coder at 75, the second-highest bid",
        "contractor lost with 75: outbid",
        "changes temperature from 0.7 to 0.5, decided by boldness",
        "sees a conflict over token_budget",
        "refuses newcomer: token_budget = 1000000, allowed: a whole",
        "equal: 30 events",
        "all decisions follow from the log",
    ):
        assert told in done.out
    following = done.out.partition("Try next")[2].splitlines()[1:]
    assert len(following) == 3
    for line in following:
        command, *arguments = shlex.split(line)
        assert command == "mabeam"
        again = invoke(*arguments)
        assert again.code == Code.OK, again.err
        assert again.out
    assert running_server(data) is None


def test_every_demonstration_has_a_space_of_its_own(nats_server: NatsServer) -> None:
    found = [invoke("demo", "--json", "--server", nats_server.url) for _ in range(2)]
    assert [done.code for done in found] == [Code.OK, Code.OK]
    spaces = [done.json["performance"]["space"] for done in found]
    assert len(set(spaces)) == 2
    assert all(re.fullmatch(r"demo-[0-9a-f]{6}", space) for space in spaces)


def test_its_facts_can_be_had_as_json(nats_server: NatsServer) -> None:
    facts = invoke("demo", "--json", "--server", nats_server.url).json
    assert facts["performance"]["unmet"] == []
    fingerprint = facts["performance"]["fingerprint"]
    assert facts["replay"]["fingerprint"] == fingerprint
    assert facts["verification"]["live"] == fingerprint
    assert facts["verification"]["report"]["divergences"] == []


def test_the_next_commands_name_the_server_that_was_named(nats_server: NatsServer) -> None:
    done = invoke("demo", "--server", nats_server.url)
    assert done.out.count(f" --server {nats_server.url}") == 3
    inherited = invoke("demo", MABEAM_NATS_URL=nats_server.url)
    assert "--server" not in inherited.out


def test_a_fresh_space_has_a_legal_name_whatever_it_begins_with() -> None:
    names = {fresh_space("x" * 40) for _ in range(50)}
    assert len(names) == 50
    assert all(check_space(name) for name in names)


@pytest.mark.parametrize(
    ("replayed", "live", "divergences", "proved"),
    [
        ("f", "f", (), True),
        ("f", "", (), True),
        ("g", "f", (), False),
        ("f", "g", (), False),
        ("f", "f", (Divergence(3, "forged"),), False),
    ],
)
def test_it_proves_nothing_unless_everything_agrees(
    replayed: str, live: str, divergences: tuple[Divergence, ...], *, proved: bool
) -> None:
    report = Report(9, 3, 1, 0, "f", divergences)
    found = Demonstration(
        Performance("demo-x", 9, "f", ()),
        Replay("demo-x", 9, 0, 0.001, replayed),
        Verification(report, live),
    )
    assert found.is_proved is proved
