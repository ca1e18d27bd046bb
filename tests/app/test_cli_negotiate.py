"""The command `negotiate`, and the words in which negotiations are told."""

from __future__ import annotations

import asyncio

import pytest

from mabeam.app import connect
from mabeam.app.cli.codes import Code
from mabeam.core.session import Decision
from support.command import Done, invoke
from support.events import fresh_id
from support.nats_server import NatsServer

pytestmark = pytest.mark.jetstream


class Talks:
    """A fresh space, and the command on its server."""

    def __init__(self, server: NatsServer) -> None:
        self.space = f"cli-{fresh_id()[-12:]}"
        self.url = server.url

    def run(self, *arguments: str) -> Done:
        """Run a subcommand on the space."""
        verb, *rest = arguments
        return invoke("negotiate", verb, self.space, *rest, "--server", self.url)

    def decided(self, name: str) -> Decision:
        """Coordinate until a session has ended."""

        async def ended() -> Decision:
            async with connect(self.space, server=self.url) as space:
                decision: Decision = await space.sessions.get(name).decision()
                return decision

        return asyncio.run(ended())

    def begun(self, name: str) -> tuple[str, ...]:
        """Coordinate until a text is judged, and return it."""

        async def proposed() -> tuple[str, ...]:
            async with connect(self.space, server=self.url) as space:
                await space.until(lambda world: world.session(name).state.course.round == 1)
                text: tuple[str, ...] = space.sessions.get(name).state.course.text
                return text

        return asyncio.run(proposed())

    def told(self) -> str:
        """Return the whole story."""
        return invoke("tail", self.space, "--no-follow", "--server", self.url).out


@pytest.fixture
def talks(nats_server: NatsServer) -> Talks:
    return Talks(nats_server)


PARTIES = ("--party", "ann", "--party", "ben")


def test_offers_are_made_and_accepted(talks: Talks) -> None:
    opened = talks.run(
        "open", *PARTIES, "--issue", "style=plain,fancy", "--issue", "price=0..10/0.5",
        "--name", "deal", "--by", "lead",
    )  # fmt: skip
    assert opened.out == "deal\n"
    assert talks.run("offer", "deal", "plain", "7.50", "--by", "ann").out == "2\n"
    shown = talks.run("show", "deal")
    assert "it is the turn of ben" in shown.out + shown.err
    assert talks.run("accept", "deal", "--by", "ben").out == "3\n"
    decision = talks.decided("deal")
    assert getattr(decision, "agreement", None) == ("plain", "7.5")
    story = talks.told()
    assert "offers plain, 7.50" in story
    assert "finds them agreed on plain, 7.5, as ann offered" in story
    assert talks.run("show", "deal", "--json").json["outcome"] == "decided"


def test_who_rejects_alternating_offers_walks_away(talks: Talks) -> None:
    talks.run("open", *PARTIES, "--issue", "day=Mon,Tue", "--name", "deal")
    talks.run("accept", "deal", "--by", "ann")
    talks.run("reject", "deal", "--by", "ann")
    decision = talks.decided("deal")
    assert getattr(decision, "ended_by", "") == "ann"
    assert "finds no agreement: somebody walked away" in talks.told()


def test_a_single_text_is_judged(talks: Talks) -> None:
    opened = talks.run(
        "open", *PARTIES, "--issue", "day=Mon,Tue", "--single-text", "--rounds", "1",
        "--name", "text",
    )  # fmt: skip
    assert opened.code == Code.OK
    assert talks.begun("text") == ("Mon",)
    talks.run("accept", "text", "--by", "ann")
    talks.run("reject", "text", "--by", "ben")
    assert (talks.decided("text")).outcome == "no_quorum"
    assert "finds no text that all accept" in talks.told()


def test_with_wait_the_end_is_shown(talks: Talks) -> None:
    done = talks.run(
        "open", *PARTIES, "--issue", "day=Mon,Tue", "--rounds", "1", "--turn-seconds", "0.05",
        "--name", "quick", "--wait",
    )  # fmt: skip
    assert done.out == "quick: no_quorum complete\n"


def test_a_number_of_rounds_that_is_none_is_named(talks: Talks) -> None:
    done = talks.run("open", *PARTIES, "--issue", "day=Mon", "--rounds", "-3")
    assert "rounds = '-3'" in done.err


def test_options_may_look_like_paths(talks: Talks) -> None:
    talks.run("open", *PARTIES, "--issue", "docs=../a,../b/c", "--name", "deal")
    assert talks.run("offer", "deal", "../b/c", "--by", "ann").code == Code.OK


@pytest.mark.parametrize(
    "issue", ["day", "=Mon", "day=", "price=0..10", "price=0../1", "price=a..b/1", "price=0..9/"]
)
def test_an_issue_has_a_name_and_values(talks: Talks, issue: str) -> None:
    assert talks.run("open", *PARTIES, "--issue", issue).code == Code.USAGE


def test_what_cannot_be_held_is_refused(talks: Talks) -> None:
    done = talks.run("open", "--party", "ann", "--issue", "day=Mon,Tue")
    assert done.code == Code.INVALID_DATA
    assert "participants" in done.err


def test_a_solution_is_found_by_the_commands_of_all_sessions(talks: Talks) -> None:
    """What has no command of its own is opened and said with `mabeam session`."""
    at = ("--server", talks.url)
    issues = 'issues=[{"type":"options","name":"day","options":["Mon","Tue"]}]'
    invoke(
        "session", "open", talks.space, "bargaining", "--set", issues, "--set", "rule=kalai",
        "--set", 'participants=["ann","ben"]', "--name", "day", *at,
    )  # fmt: skip
    for agent, values in (("ann", "[1, 0.5]"), ("ben", "[0, 0.75]")):
        worth = f'evaluations=[{{"weight": 1, "values": {values}}}]'
        assert invoke("session", "say", talks.space, "day", "--set", worth, "--by", agent, *at).out
    assert getattr(talks.decided("day"), "agreement", None) == ("Tue",)
    assert "settles on Tue; they gain: ann 1/2 and ben 3/4" in talks.told()
