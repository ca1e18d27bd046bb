"""Sessions on graphs of agents, from the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command import Done, invoke
from support.events import fresh_id
from support.nats_server import NatsServer

pytestmark = pytest.mark.jetstream


class Shell:
    """Commands about a fresh space."""

    def __init__(self, server: NatsServer, folder: Path) -> None:
        self.space = f"cli-{fresh_id()[-12:]}"
        self.folder = folder
        self._server = server

    def session(self, verb: str, *arguments: str) -> Done:
        """Do something with sessions."""
        return invoke("session", verb, self.space, *arguments, "--server", self._server.url)

    def file(self, name: str, fields: dict[str, Any]) -> str:
        """Write a file with fields."""
        path = self.folder / name
        path.write_text(json.dumps(fields), "utf-8")
        return str(path)


@pytest.fixture
def shell(nats_server: NatsServer, tmp_path: Path) -> Shell:
    return Shell(nats_server, tmp_path)


def variable(name: str, agent: str) -> dict[str, object]:
    return {"name": name, "domain": ["red", "green"], "agent": agent}


APART = {"scope": ["x", "y"], "costs": [5, 0, 0, 5]}


def test_an_optimisation_is_opened_spoken_in_and_shown(shell: Shell) -> None:
    fields = {
        "variables": [variable("x", "ann"), variable("y", "ben")],
        "participants": ["ann", "ben"],
        "constraints": [{"scope": ["x"], "costs": [0, 0.5]}],
    }
    opened = shell.session(
        "open", "optimisation", "--file", shell.file("map.json", fields), "--name", "map"
    )
    assert opened.out == "map\n"
    declared = shell.file("ann.json", {"constraints": [APART]})
    said = shell.session("say", "map", "costs_declared", "--file", declared, "--by", "ann")
    assert said.out == "2\n"
    shown = shell.session("show", "map").lines
    assert [line.split() for line in shown if line.startswith("x ")] == [["x", "ann", "red", "red"]]
    assert shell.session("say", "map", "costs_declared", "--by", "ben").out == "3\n"
    state = shell.session("show", "map", "--json").json
    assert state["protocol"] == "optimisation"
    assert shell.session("cancel", "map", "--by", "operator").code == 0


def test_who_waits_for_the_end_sees_the_assignment(shell: Shell) -> None:
    fields = {
        "variables": [variable("x", "ann"), variable("y", "ben")],
        "participants": ["ann", "ben"],
        "open_for_seconds": 0.2,
    }
    done = shell.session("open", "optimisation", "--file", shell.file("a.json", fields), "--wait")
    assert done.out.rstrip().endswith("no_quorum deadline")


def test_a_question_goes_through_a_hierarchy(shell: Shell) -> None:
    toml = shell.folder / "budget.toml"
    toml.write_text(
        """
protocol = "consensus"
default = "5"
is_number = true
stake = 200
at = "coders"
open_for_seconds = 60

[question]
low = 0
high = 10

[[nodes]]
name = "coders"
members = [{agent = "ann"}, {agent = "ben"}]
parent = "leads"
stake_max = 100

[[nodes]]
name = "leads"
members = [{agent = "ann"}, {agent = "cat"}]
""",
        "utf-8",
    )
    assert shell.session("open", "hierarchy", "--file", str(toml), "--name", "budget").code == 0
    shown = shell.session("show", "budget")
    assert [line.split()[0] for line in shown.lines[-2:]] == ["leads", "coders"]
    assert "leads has the question." in shown.err
    said = shell.session("say", "budget", "loss_reported", "--set", "agent=ann", "--by", "ann")
    assert said.out == "2\n"
    assert shell.session("cancel", "budget", "--by", "operator").code == 0
