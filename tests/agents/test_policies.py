"""Ready policies: what agents that follow them say, over a log."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from mabeam.agents import policies as ready
from mabeam.agents.agent import Agent, Answer, Heard
from mabeam.agents.policies import (
    AgentPolicy,
    FixedVoter,
    PolicyAgent,
    ProposerOnce,
    ShadingBidder,
    StubbornProposer,
    Supervisor,
    TruthfulBidder,
    VoterInTheMiddle,
    policies,
)
from mabeam.agents.policies.auctions import worth_of
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.auction.events import BidPlaced
from mabeam.core.consensus.events import BallotCast, ConsensusOpened
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session.events import Participant, Speech
from mabeam.core.session.state import SessionState
from mabeam.core.variable.events import Proposed
from mabeam.core.variable.types import ChoiceType, IntegerType, Value, VariableType
from mabeam.infra.memory import MemoryStore


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team")) as attached:
        yield attached


async def host(space: Space, **followed: AgentPolicy) -> None:
    agents: list[Agent] = [PolicyAgent(name, [policy]) for name, policy in followed.items()]
    await space.host(*agents)


async def said(space: Space, by: str) -> list[Any]:
    return [
        one.data
        async for page in space.store.read()
        for one in page
        if one.actor == by and isinstance(one.data, Speech | Proposed)
    ]


def asked(*voters: str, **fields: Any) -> ConsensusOpened:  # noqa: ANN401 - of any field
    participants = tuple(map(Participant, voters))
    return ConsensusOpened(low=Decimal(0), high=Decimal(9), participants=participants, **fields)


def test_every_policy_has_a_name_of_its_own() -> None:
    listed = [getattr(ready, name) for name in ready.__all__]
    offered = {one for one in listed if inspect.isclass(one) and issubclass(one, AgentPolicy)}
    found = [one for one in policies().values() if one.__module__.startswith("mabeam.")]
    assert {AgentPolicy, *found} == offered
    assert len(found) == len(offered) - 1


def test_the_first_word_that_occurs_in_a_lot_tells_its_worth() -> None:
    worth = {"login": 80, "fix": 30, "*": 5}
    found = [worth_of(worth, lot) for lot in ("Fix the LOGIN bug", "fix it", "write docs")]
    assert found == [80, 30, 5]
    assert worth_of({"login": 80}, "write docs") is None


async def test_what_has_ended_is_not_kept_in_mind(space: Space) -> None:
    ann = PolicyAgent("ann", [TruthfulBidder(values={"lot": 50})])
    await space.host(ann)
    for lot in ("nothing", "lot", "lot", "nothing"):
        auction = await space.sessions.open_auction(lot, bidders=["ann"], open_for_seconds=0.2)
        await auction.ended()
    last = await space.sessions.open_auction("the last lot", bidders=["ann"])
    await last.ended()
    assert len(await said(space, "ann")) == 3
    assert set(vars(ann)["_first"]) <= {last.name}


class Confused(AgentPolicy, frozen=True, kw_only=True, tag="test_confused"):
    """Answers whatever is said in an auction with a ballot, which means nothing there."""

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Cast it."""
        return (BallotCast(value=Decimal(1)),)


async def test_words_that_do_not_count_are_not_said_for_ever(space: Space) -> None:
    await host(space, ann=Confused(), bob=Confused())
    auction = await space.sessions.open_auction("lot", open_for_seconds=0.3)
    await auction.ended()
    assert [len(await said(space, by)) for by in ("ann", "bob")] == [1, 1]


async def test_bidders_bid_once_what_they_must(space: Space) -> None:
    await host(
        space,
        ann=TruthfulBidder(values={"lot": 50}),
        bob=ShadingBidder(values={"lot": 60}, percent=75),
        cyd=TruthfulBidder(values={"other": 50}),
        dan=ShadingBidder(values={"other": 50}, percent=75),
        eve=ShadingBidder(values={"lot": 1}, percent=1),
    )
    auction = await space.sessions.open_auction("the lot", bidders=["ann", "bob", "eve"])
    assert (await auction.decision()).winner == "ann"
    other = await space.sessions.open_auction("nothing", open_for_seconds=0.2)
    await other.decision()
    assert await said(space, "ann") == [BidPlaced(amount=50)]
    assert await said(space, "bob") == [BidPlaced(amount=45, note="worth 60, shaded to 75 %")]
    assert [bid.amount for bid in await said(space, "eve")] == [1]
    assert await said(space, "cyd") == await said(space, "dan") == []


async def test_one_votes_its_wish_and_another_between_it_and_the_others(space: Space) -> None:
    await space.variables.declare("x", IntegerType(0, 10), update="coordinated")
    await host(
        space,
        ann=FixedVoter(wishes={"x": 4}),
        bob=VoterInTheMiddle(wishes={"x": 1}),
        cyd=FixedVoter(wishes={"y": 1}),
    )
    both = await space.sessions.open_consensus(variable="x", voters=["ann", "bob"])
    assert (await both.decision()).value == Decimal(3)
    alone = await space.sessions.open_consensus(variable="x", voters=["bob"])
    assert (await alone.decision()).value == Decimal(1)
    notes = [ballot.note for ballot in await said(space, "bob")]
    assert notes == ["between 1 and the others' mean 4", ""]
    assert await said(space, "cyd") == []


async def test_one_in_the_middle_waits_for_nobody_whose_word_cannot_count(space: Space) -> None:
    await host(space, bob=VoterInTheMiddle(wishes={"s": 1}))
    vote = await space.sessions.open(asked("ann", "bob", "cyd", revising="exclude"), name="s")
    for agent, value in (("ann", 0), ("ann", 9), ("cyd", 4)):
        await vote.cast(value, by=agent)
    assert (await vote.decision()).value == Decimal("3.25")
    assert vote.state.reason == "complete"


async def test_one_in_the_middle_does_not_look_at_sealed_ballots(space: Space) -> None:
    await host(space, ann=FixedVoter(wishes={"s": 4}), bob=VoterInTheMiddle(wishes={"s": 1}))
    vote = await space.sessions.open(asked("ann", "bob", visibility="sealed"), name="s")
    assert (await vote.decision()).value == Decimal("2.5")
    assert [ballot.note for ballot in await said(space, "bob")] == [""]


async def test_votes_of_their_own_sessions_go_by_the_session_s_name(space: Space) -> None:
    await host(space, ann=FixedVoter(wishes={"s": 4}))
    vote = await space.sessions.open_consensus(low=0, high=9, voters=["ann"], name="s")
    assert (await vote.decision()).value == Decimal(4)


async def test_one_proposes_once_and_another_insists_for_a_while(space: Space) -> None:
    await host(
        space,
        once=ProposerOnce(wishes={"x": 3, "y": 2}, reason="so"),
        mule=StubbornProposer(wishes={"y": 7}, changes=4),
    )
    await space.variables.declare("x", IntegerType(0, 9))
    await space.until(lambda world: world.variable("x").variable.state.value == 3)
    await space.variables.declare("y", IntegerType(0, 9), on_conflict=Policy("last_writer"))
    await space.until(lambda world: world.variable("y").variable.state.changes > 0)
    for value in (5, 6, 5):
        await (await space.variables.propose("y", value, by="fox", blind=True)).outcome()
    await space.caught_up()
    assert [one.value for one in await said(space, "once")] == [3, 2]
    mule = await said(space, "mule")
    assert {one.value for one in mule} == {7}
    assert 1 <= len(mule) <= 4


@pytest.mark.parametrize(
    ("type_", "wishes", "expected"),
    [
        (IntegerType(0, 9), (3, 7), 7),
        (ChoiceType(("red", "green", "blue")), ("green", "blue"), "blue"),
    ],
    ids=str,
)
async def test_a_supervisor_rules_in_favour_of_whom_it_favours(
    space: Space,
    type_: VariableType,
    wishes: tuple[Value, Value],
    expected: Value,
) -> None:
    await host(
        space,
        ann=ProposerOnce(wishes={"x": wishes[0]}),
        bob=ProposerOnce(wishes={"x": wishes[1]}),
        boss=Supervisor(favours=("cyd", "bob", "ann")),
        rival=Supervisor(favours=("ann",)),
    )
    escalation = Policy("escalation", parameters={"supervisor": "boss"})
    await space.variables.declare("x", type_, on_conflict=escalation)
    await space.until(lambda world: any(c.status == "applied" for c in world.conflicts.values()))
    assert space.variables.value("x") == expected
    assert [ballot.note for ballot in await said(space, "boss")] == ["in favour of bob"]
    assert await said(space, "rival") == []


async def test_a_supervisor_says_nothing_of_what_is_no_conflict_of_its_friends(
    space: Space,
) -> None:
    await host(space, boss=Supervisor(favours=("nobody",)))
    vote = await space.sessions.open_consensus(low=0, high=9, open_for_seconds=0.2)
    assert (await vote.decision()).outcome == "no_quorum"
    escalation = Policy(
        "escalation",
        parameters={
            "supervisor": "boss",
            "fields": {"open_for_seconds": 0.2},
            "fallback": {"name": "last_writer"},
        },
    )
    await space.variables.declare("x", IntegerType(0, 9), on_conflict=escalation)
    base = space.variables.get("x").position
    await space.variables.propose("x", 3, by="ann", base=base)
    await (await space.variables.propose("x", 4, by="bob", base=base)).outcome()
    assert space.variables.value("x") == 4
    assert await said(space, "boss") == []


async def test_a_policy_that_answers_nothing_says_nothing(space: Space) -> None:
    class Silent(AgentPolicy, frozen=True, kw_only=True, tag="test_silent"):
        """Says nothing."""

    class Loud(AgentPolicy, frozen=True, kw_only=True, tag="test_loud"):
        """Votes whenever anything is said, even at the end."""

        def answer(
            self,
            me: str,
            session: SessionState,
            event: Event,
            heard: Heard,
        ) -> Sequence[Answer]:
            return (BallotCast(value=Decimal(1)),) if session.phase == "open" else ()

    await space.host(PolicyAgent("ann", [Silent(), Loud()]))
    assert not Silent().wishes_for("x")
    await space.variables.declare("x", IntegerType(0, 9))
    vote = await space.sessions.open_consensus(low=0, high=9, voters=["ann"])
    assert (await vote.decision()).value == Decimal(1)
    assert len(await said(space, "ann")) == 1
