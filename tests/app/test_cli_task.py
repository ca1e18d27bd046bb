"""The command `task`, and the words in which tasks are shared out."""

from __future__ import annotations

import asyncio

import pytest

from mabeam.app import connect
from mabeam.app.cli.codes import Code
from mabeam.core.allocation import ContractNetDecided
from mabeam.core.session import Decision
from mabeam.projections.world import World
from support.command import Done, invoke
from support.events import fresh_id
from support.nats_server import NatsServer

pytestmark = pytest.mark.jetstream


class Calls:
    """A fresh space, and the command on its server."""

    def __init__(self, server: NatsServer) -> None:
        self.space = f"cli-{fresh_id()[-12:]}"
        self.url = server.url

    def run(self, *arguments: str) -> Done:
        """Run a subcommand on the space."""
        verb, *rest = arguments
        return invoke("task", verb, self.space, *rest, "--server", self.url)

    def settled(self, name: str) -> ContractNetDecided | None:
        """Coordinate until contracts are under way, or the call has ended."""

        def is_settled(world: World) -> bool:
            state = world.session(name).state
            return bool(state.course.under_way) or state.phase == "ended"

        async def settled() -> Decision | None:
            async with connect(self.space, server=self.url) as space:
                await space.until(is_settled)
                return space.sessions.get(name).state.decision

        decision = asyncio.run(settled())
        assert decision is None or isinstance(decision, ContractNetDecided)
        return decision


@pytest.fixture
def calls(nats_server: NatsServer) -> Calls:
    return Calls(nats_server)


OPEN = (
    "open", "fix the parser", "--requires", "python", "--contractor", "ann",
    "--contractor", "ben", "--name", "parser", "--by", "lead",
)  # fmt: skip


def test_a_task_is_proposed_for_awarded_and_done(calls: Calls) -> None:
    assert calls.run(*OPEN).out == "parser\n"
    calls.run("propose", "parser", "--cost", "12", "--can", "python", "--by", "ann")
    assert calls.run("propose", "parser", "--cost", "3", "--by", "ben").out == "3\n"
    assert calls.settled("parser") is None
    shown = calls.run("show", "parser")
    assert "under_way" in shown.out
    assert "incapable" in shown.out
    calls.run("done", "parser", "--result", "merged", "--by", "ann")
    decision = calls.settled("parser")
    assert decision is not None
    assert decision.done_by == ("ann",)
    story = invoke("tail", calls.space, "--no-follow", "--server", calls.url).out
    assert "asks ann, ben and lead who can do 'fix the parser', which takes python" in story
    assert "accepts the proposal of ann" in story
    assert "closes the call: ann done and ben rejected" in story


def test_a_task_may_fail(calls: Calls) -> None:
    calls.run(*OPEN)
    calls.run("propose", "parser", "--cost", "12", "--can", "python", "--by", "ann")
    calls.run("propose", "parser", "--cost", "15", "--can", "python", "--by", "ben")
    calls.settled("parser")
    calls.run("done", "parser", "--failed", "it does not build", "--by", "ann")
    decision = calls.settled("parser")
    assert decision is not None
    assert (decision.outcome, decision.contracts[0].ended) == ("no_quorum", "failed")
    assert calls.run("show", "parser", "--json").json["outcome"] == "no_quorum"


def test_a_call_may_be_refused_or_not_understood(calls: Calls) -> None:
    calls.run(*OPEN)
    assert calls.run("refuse", "parser", "--reason", "busy", "--by", "ann").out == "2\n"
    calls.run("refuse", "parser", "--not-understood", "--reason", "which?", "--by", "ben")
    decision = calls.settled("parser")
    assert decision is not None
    assert [(c.ended, c.detail) for c in decision.contracts] == [
        ("refused", "busy"),
        ("not_understood", "which?"),
    ]


def test_who_calls_takes_contracts_back(calls: Calls) -> None:
    calls.run(*OPEN, "--awards", "2")
    for agent in ("ann", "ben"):
        calls.run("propose", "parser", "--cost", "1", "--can", "python", "--by", agent)
    calls.settled("parser")
    calls.run("cancel", "parser", "--contractor", "ann", "--reason", "too slow", "--by", "lead")
    calls.run("cancel", "parser", "--by", "lead")
    decision = calls.settled("parser")
    assert decision is not None
    assert [(c.ended, c.detail) for c in decision.contracts] == [
        ("cancelled", "too slow"),
        ("cancelled", ""),
    ]


def test_before_the_awards_a_proposal_has_no_fate(calls: Calls) -> None:
    calls.run(*OPEN)
    calls.run("propose", "parser", "--cost", "12", "--can", "python", "--by", "ann")
    rows = calls.run("show", "parser", "--json").json["standing"]["rows"]
    assert rows == [["ann", "proposed", "12", ""], ["ben", "silent", "", ""]]


def test_a_task_may_take_a_year(calls: Calls) -> None:
    assert calls.run("open", "x", "--done-seconds", str(366 * 24 * 3600)).code == Code.OK


def test_with_wait_the_end_is_shown(calls: Calls) -> None:
    done = calls.run("open", "x", "--reply-seconds", "0.05", "--name", "quick", "--wait")
    assert done.out == "quick: no_quorum complete\n"


def test_what_cannot_be_held_is_refused(calls: Calls) -> None:
    done = calls.run("open", "x", "--awards", "0")
    assert done.code == Code.INVALID_DATA
    assert "awards" in done.err
