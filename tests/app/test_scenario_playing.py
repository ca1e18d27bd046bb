"""Scenarios played over a log in memory: real agents, real coordination, no server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from mabeam.app.composition import attach
from mabeam.app.console.style import PLAIN, Style
from mabeam.app.demo import SCENARIO
from mabeam.app.narration import Narrator
from mabeam.app.scenario import Chapter, parsed, play, scenario_in, unmet
from mabeam.app.space import Space
from mabeam.core.auction.events import AuctionDecided, AuctionOpened
from mabeam.core.consensus.events import ConsensusDecided
from mabeam.core.errors import Rejected
from mabeam.core.subjects import Filter
from mabeam.infra.memory import MemoryStore
from support.reading import read_all


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team")) as attached:
        yield attached


async def played(space: Space, text: str) -> list[Chapter]:
    return [chapter async for chapter in play(space, parsed(text.encode(), "test.toml"))]


async def missed(space: Space, text: str) -> list[str]:
    scenario = parsed(text.encode(), "test.toml")
    return await unmet(scenario.expect, space.state, space.store, 0)


# Steps


AUCTION = """
space = "t"
[[agents]]
name = "a"
policies = [{ policy = "truthful_bidder", values = { "lot" = 9 } }]
[[agents]]
name = "b"
policies = [{ policy = "truthful_bidder", values = { "lot" = 5 } }]
[[agents]]
name = "idle"
"""


async def test_an_auction_is_held_among_those_it_names(space: Space) -> None:
    chapters = await played(
        space,
        AUCTION
        + """
        [[steps]]
        do = "auction"
        name = "s"
        lot = "a lot"
        reserve = 2
        unit = "credits"
        bidders = ["b"]
        [expect.state]
        "sessions.s.state.decision.winner" = "b"
        """,
    )
    assert [(chapter.after, chapter.until) for chapter in chapters] == [(0, 3), (3, 7)]
    decision = space.sessions.get("s").state.decision
    assert isinstance(decision, AuctionDecided)
    assert (decision.winner, decision.price) == ("b", 2)
    opening = space.sessions.get("s").state.opening
    assert isinstance(opening, AuctionOpened)
    assert (opening.unit, opening.visibility) == ("credits", "sealed")


async def test_agents_speak_for_themselves_over_the_log(space: Space) -> None:
    await played(space, AUCTION + '[[steps]]\ndo="auction"\nname="s"\nlot="lot"\nbidders=["a","b"]')
    events = await read_all(space.store, Filter(event="bid_placed"))
    assert [(e.actor, e.envelope.source) for e in events] == [
        ("a", "/agents/a"),
        ("b", "/agents/b"),
    ]
    opened = (await read_all(space.store, Filter(event="opened")))[0]
    assert {e.envelope.causationid for e in events} == {opened.id}


async def test_a_winner_becomes_the_value_of_the_variable_at_stake(space: Space) -> None:
    text = (
        AUCTION
        + """
    [variables.owner]
    update = "coordinated"
    values = { type = "choice", options = ["nobody", "a", "b"] }
    [[steps]]
    do = "auction"
    name = "s"
    lot = "lot"
    bidders = ["a", "b"]
    variable = "owner"
    """
    )
    await played(space, text)
    assert space.variables.value("owner") == "a"


async def test_sessions_may_be_held_at_once_and_awaited_later(space: Space) -> None:
    text = (
        AUCTION
        + """
    [[steps]]
    do = "auction"
    name = "one"
    lot = "lot 1"
    bidders = ["a", "b"]
    wait = false
    [[steps]]
    do = "auction"
    name = "two"
    lot = "lot 2"
    bidders = ["a"]
    wait = false
    [[steps]]
    do = "wait"
    sessions = ["one", "two"]
    [expect.state]
    "sessions.*.state.outcome" = ["decided", "decided"]
    """
    )
    chapters = await played(space, text)
    assert [chapter.overdue for chapter in chapters] == [""] * 4
    assert await missed(space, text) == []


VOTE = """
space = "t"
[[agents]]
name = "a"
policies = [{ policy = "fixed_voter", wishes = { x = 1, s = 2 } }]
[[agents]]
name = "b"
policies = [{ policy = "fixed_voter", wishes = { x = 4 } }]
[[agents]]
name = "m"
policies = [{ policy = "voter_in_the_middle", wishes = { x = 3.5 } }]
[variables.x]
update = "coordinated"
values = { type = "float", low = 0, high = 9, step = 0.5 }
"""


async def test_a_vote_changes_the_variable_at_stake(space: Space) -> None:
    text = (
        VOTE
        + """
    [[steps]]
    do = "consensus"
    name = "s"
    variable = "x"
    voters = { a = 1, b = 2, m = 1 }
    """
    )
    await played(space, text)
    decision = space.sessions.get("s").state.decision
    assert isinstance(decision, ConsensusDecided)
    ballots = {c.agent: c.value for c in decision.contributions}
    assert ballots == {"a": Decimal(1), "b": Decimal(4), "m": Decimal(3)}
    assert space.variables.value("x") == 3.0
    said = [e for e in await read_all(space.store, Filter(event="ballot_cast")) if e.actor == "m"]
    assert len(said) == 1


async def test_a_vote_needs_no_variable(space: Space) -> None:
    text = (
        VOTE
        + """
    [[steps]]
    do = "consensus"
    name = "s"
    low = 0
    high = 5
    step = 1
    default = 3
    voters = ["a"]
    """
    )
    await played(space, text)
    assert space.sessions.get("s").state.decision is not None
    assert (await space.sessions.get("s").decision()).value == Decimal(2)


async def test_two_who_wait_for_each_other_end_at_the_deadline(space: Space) -> None:
    text = (
        VOTE.replace('policy = "fixed_voter"', 'policy = "voter_in_the_middle"')
        + """
    [[steps]]
    do = "consensus"
    name = "s"
    variable = "x"
    voters = ["a", "b"]
    open_for_seconds = 0.1
    """
    )
    chapters = await played(space, text)
    assert chapters[-1].overdue == ""
    assert space.sessions.get("s").state.outcome == "no_quorum"


CLASH = """
space = "t"
[[agents]]
name = "a"
policies = [{ policy = "proposer_once", wishes = { x = 3 }, reason = "three is enough" }]
[[agents]]
name = "b"
policies = [{ policy = "proposer_once", wishes = { x = 7 } }]
[[agents]]
name = "c"
policies = [{ policy = "proposer_once", wishes = { x = 99 } }]
[variables.x]
values = { type = "integer", low = 0, high = 9 }
on_conflict = { name = "priority", parameters = { priorities = { b = 1 } } }
"""


async def test_wishes_for_a_declared_variable_clash_and_are_resolved(space: Space) -> None:
    text = (
        CLASH
        + """
    [[steps]]
    do = "declare"
    variables = ["x"]
    [expect.state]
    "variables.x.state.value" = 7
    "conflicts.*.winner" = ["b"]
    [expect.events]
    "mabeam.variable.refused.v1" = 1
    """
    )
    chapters = await played(space, text)
    assert len(chapters) == 2
    assert await missed(space, text) == []


async def test_what_no_step_declares_is_declared_at_first(space: Space) -> None:
    chapters = await played(space, CLASH + "[[steps]]\ndo = 'wait'")
    assert len(chapters) == 3
    assert space.variables.value("x") == 7


async def test_a_stubborn_agent_comes_back_until_it_is_tired(space: Space) -> None:
    text = """
    space = "t"
    [[agents]]
    name = "mule"
    policies = [{ policy = "stubborn_proposer", wishes = { x = 1 }, changes = 3 }]
    [[agents]]
    name = "fox"
    [variables.x]
    values = { type = "integer", low = 0, high = 9 }
    [[steps]]
    do = "propose"
    variable = "x"
    proposals = [{ by = "fox", value = 5 }]
    [[steps]]
    do = "wait"
    state = { "variables.x.state.value" = 1, "variables.x.state.changes" = 3 }
    [[steps]]
    do = "propose"
    variable = "x"
    proposals = [{ by = "fox", value = 6 }]
    """
    chapters = await played(space, text)
    assert [chapter.overdue for chapter in chapters] == [""] * 5
    assert space.variables.value("x") == 6


async def test_proposals_of_one_step_are_made_against_one_base(space: Space) -> None:
    text = (
        CLASH.replace("policies", "#")
        + """
    [[steps]]
    do = "propose"
    variable = "x"
    proposals = [{ by = "a", value = 3 }, { by = "b", value = 7 }, { by = "c", value = 99 }]
    """
    )
    chapters = await played(space, text)
    assert space.variables.value("x") == 7
    [refusal] = chapters[-1].refusals
    assert refusal.by == "c"
    assert "x = '99', allowed: a whole number from 0 to 9" in refusal.reason
    assert len(space.state.conflicts) == 1


async def test_constraints_bind_the_variables_of_a_scenario(space: Space) -> None:
    text = """
    space = "t"
    [[agents]]
    name = "a"
    [variables.x]
    values = { type = "integer", low = 0, high = 9 }
    [variables.y]
    values = { type = "integer", low = 0, high = 9 }
    [constraints.sum]
    type = "linear"
    weights = { x = 1, y = 1 }
    relation = "<="
    bound = 10
    [[steps]]
    do = "propose"
    variable = "x"
    proposals = [{ by = "a", value = 6 }]
    [[steps]]
    do = "propose"
    variable = "y"
    proposals = [{ by = "a", value = 6 }]
    """
    chapters = await played(space, text)
    assert "constraint sum" in chapters[-1].refusals[0].reason
    assert space.variables.value("y") == 0


async def test_a_rule_that_the_scenario_breaks_is_told(space: Space) -> None:
    text = CLASH.replace('name = "priority"', 'name = "coin"') + "[[steps]]\ndo = 'wait'"
    with pytest.raises(Rejected, match="unknown conflict strategy"):
        await played(space, text)


# What does not come about


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            'do = "wait"\nstate = { "variables.x.state.value" = 1 }\nwithin_seconds = 0.05',
            "variables.x.state.value is 0, expected 1",
        ),
        (
            'do = "wait"\nsessions = ["s"]\nwithin_seconds = 0.05',
            "session s is open",
        ),
        (
            'do = "propose"\nvariable = "x"\nwithin_seconds = 0.05\nproposals=[{by="a", value=1}]',
            "not all proposals for x have been judged",
        ),
        (
            'do = "declare"\nvariables = ["y"]\nwithin_seconds = 0.05',
            "not all that agents want of y has been proposed and judged",
        ),
    ],
)
async def test_an_overdue_step_ends_the_scenario_and_says_what_it_waited_for(
    step: str, said: str
) -> None:
    text = f"""
    space = "t"
    [[agents]]
    name = "a"
    policies = [{{ policy = "proposer_once", wishes = {{ y = 1 }} }}]
    [variables.x]
    values = {{ type = "integer", low = 0, high = 9 }}
    [variables.y]
    values = {{ type = "integer", low = 0, high = 9 }}
    [[steps]]
    do = "auction"
    name = "s"
    lot = "l"
    wait = false
    [[steps]]
    {step}
    [[steps]]
    do = "wait"
    """
    if "declare" not in step:
        text = text.replace("wishes = { y = 1 }", "wishes = {}")
    # Nobody coordinates here.
    async with attach(MemoryStore("team"), coordinate=False) as space:
        chapters = await played(space, text)
    assert [chapter.overdue for chapter in chapters][-1] == said
    assert len(chapters) == 4


async def test_an_auction_that_does_not_end_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mabeam.app.scenario.playing.GRACE_SECONDS", 0.0)
    step = '[[steps]]\ndo="auction"\nname="s"\nlot="lot"\nopen_for_seconds=0.05'
    async with attach(MemoryStore("team"), coordinate=False) as space:
        chapters = await played(space, AUCTION + step)
    assert chapters[-1].overdue == "session s has not ended; it is open"


async def test_what_is_not_as_expected_is_told(space: Space) -> None:
    text = (
        AUCTION
        + """
    [[steps]]
    do = "wait"
    [expect.state]
    "agents.a.state.role" = "boss"
    "agents.z" = 1
    [expect.events]
    "mabeam.agent.registered.v1" = 2
    """
    )
    await played(space, text)
    assert await missed(space, text) == [
        'agents.a.state.role is "executor", expected "boss"',
        "agents.z is absent, expected 1: nothing is at 'z' in agents; there is a, b, idle",
        "3 events mabeam.agent.registered.v1, expected 2",
    ]


# The story


async def test_a_story_is_told_from_the_log_in_80_columns(space: Space) -> None:
    narrator = Narrator(space.store, PLAIN)
    lines: list[str] = []
    async for chapter in play(space, scenario_in(SCENARIO)):
        lines += await narrator.tell(chapter)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "Who takes the task?" in text
    assert "contractor   bids 75 (worth 100, shaded to 75 %)" in text
    assert "awards it to coder at 75, the second-highest bid" in text
    assert "newcomer lost with 35: outbid" in text
    assert "tester lost with 8: below the reserve" in text
    assert "changes temperature from 0.7 to 0.5, decided by boldness" in text
    assert "priority 3" in text
    assert "refuses newcomer: token_budget = 1000000, allowed: a whole" in text


async def test_a_story_has_colours_where_they_are_wanted(space: Space) -> None:
    narrator = Narrator(space.store, Style(colours=True))
    async for chapter in play(space, scenario_in(SCENARIO)):
        assert "\x1b[" in "".join(await narrator.tell(chapter))


async def test_what_was_refused_or_is_overdue_is_told_too(space: Space) -> None:
    text = (
        CLASH.replace("policies", "#")
        + """
    [[steps]]
    do = "propose"
    title = "Too much"
    variable = "x"
    proposals = [{ by = "c", value = 99 }]
    """
    )
    narrator = Narrator(space.store, PLAIN)
    *_, last = await played(space, text)
    lines = await narrator.tell(last)
    assert lines[:2] == ["", "Too much"]
    assert lines[2].split()[:3] == ["c", "is", "refused:"]
    overdue = Chapter("", "", 0, 0, (), "nobody came")
    assert await narrator.tell(overdue) == ["overdue: nobody came"]
