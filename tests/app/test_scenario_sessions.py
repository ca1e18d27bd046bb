"""Sessions of any protocol in scenario files, and those that conflicts are referred to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mabeam.app.composition import attach
from mabeam.app.scenario import Chapter, parsed, play, unmet
from mabeam.app.space import Space
from mabeam.infra.memory import MemoryStore


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team")) as attached:
        yield attached


async def played(space: Space, text: str) -> list[Chapter]:
    return [chapter async for chapter in play(space, parsed(text.encode(), "test.toml"))]


async def missed(space: Space, text: str) -> list[str]:
    scenario = parsed(text.encode(), "test.toml")
    return await unmet(scenario.expect, space.state, space.store, 0)


AUCTION = """
space = "t"
[[agents]]
name = "a"
policies = [{ policy = "truthful_bidder", values = { "lot" = 9 } }]
[[agents]]
name = "b"
policies = [{ policy = "truthful_bidder", values = { "lot" = 5 } }]
"""


async def test_a_session_of_any_protocol_is_held_with_words_from_the_file(space: Space) -> None:
    text = """
    space = "t"
    agents = [{ name = "a" }, { name = "b" }]
    [[steps]]
    do = "session"
    name = "s"
    protocol = "auction"
    fields = { lot = "l", participants = ["a", "b"], open_for_seconds = 60 }
    wait = false
    [[steps]]
    do = "say"
    session = "s"
    by = "a"
    fields = { amount = 7 }
    [[steps]]
    do = "say"
    session = "s"
    by = "b"
    type = "bid_placed"
    fields = { amount = 9 }
    [[steps]]
    do = "wait"
    sessions = ["s"]
    [expect.state]
    "sessions.s.state.decision.winner" = "b"
    "sessions.s.state.decision.price" = 7
    """
    await played(space, text)
    assert await missed(space, text) == []


async def test_a_session_that_is_waited_for_ends_by_its_agents(space: Space) -> None:
    text = (
        AUCTION
        + """
    [[steps]]
    do = "session"
    name = "s"
    protocol = "auction"
    fields = { lot = "a lot", participants = { a = 1, b = 1 } }
    [expect.state]
    "sessions.s.state.decision.winner" = "a"
    """
    )
    await played(space, text)
    assert await missed(space, text) == []


ESCALATED = """
space = "t"
agents = [{ name = "a" }, { name = "b" }, { name = "boss" }]
[variables.x]
values = { type = "choice", options = ["red", "green", "blue"] }
on_conflict = { name = "escalation", parameters = { supervisor = "boss" } }
[[steps]]
do = "propose"
variable = "x"
proposals = [{ by = "a", value = "green" }, { by = "b", value = "blue" }]
wait = false
"""


async def test_words_reach_the_session_that_a_conflict_is_referred_to(space: Space) -> None:
    text = (
        ESCALATED
        + """
    [[steps]]
    do = "say"
    session = "variable/x"
    by = "boss"
    fields = { value = 2 }
    [[steps]]
    do = "wait"
    state = { "variables.x.state.value" = "blue" }
    [expect.state]
    "conflicts.*.winner" = ["b"]
    """
    )
    await played(space, text)
    assert await missed(space, text) == []


async def test_a_word_for_a_session_that_is_not_opened_is_overdue(space: Space) -> None:
    text = (
        ESCALATED.replace('by = "b", value = "blue"', 'by = "b", value = "green"')
        + """
    [[steps]]
    do = "say"
    session = "variable/x"
    by = "boss"
    fields = { value = 2 }
    within_seconds = 0.1
    """
    )
    chapters = await played(space, text)
    assert chapters[-1].overdue == "there is no session variable/x to speak in"


async def test_a_supervisor_rules_by_policy(space: Space) -> None:
    policy = 'name = "boss", policies = [{ policy = "supervisor", favours = ["nobody", "a"] }]'
    text = (
        ESCALATED.replace('name = "boss"', policy, 1).replace("wait = false", "")
        + """
    [expect.state]
    "variables.x.state.value" = "green"
    """
    )
    await played(space, text)
    assert await missed(space, text) == []
