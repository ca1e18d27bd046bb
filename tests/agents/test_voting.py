"""Votes among real agents, who answer for themselves over the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import (
    AgentPolicy,
    ApprovingVoter,
    MajorityFollower,
    PolicyAgent,
    RankedVoter,
    SilentVoter,
    policy_of,
)
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import Participant, SessionState
from mabeam.core.variable import ChoiceType
from mabeam.core.voting import RULES, VoteCast, VoteDecided, VoteOpened
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.nats_server import NatsServer
from support.worlds import fresh_space

VOTERS = tuple(map(Participant, ("ann", "ben", "cyd")))
RANKED = {
    "ann": RankedVoter(ranking=("tea", "cocoa", "coffee")),
    "ben": RankedVoter(scores={"coffee": 0.9, "tea": 0.5, "beer": 1.0}),
    "cyd": RankedVoter(ranking=("cocoa", "tea")),
}


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


def coordinator(space: Space) -> Coordinator:
    return Coordinator(space.store, Author(SystemClock(), SystemIds()), ack_wait_seconds=0.2)


def drink(rule: str, **fields: object) -> VoteOpened:
    given: dict[str, object] = {"default": "tea", "participants": VOTERS, **fields}
    return VoteOpened(options=("tea", "coffee", "cocoa"), rule=Policy(rule), **given)  # type: ignore[arg-type]  # fields of many types


async def held(space: Space, opening: VoteOpened, policies: dict[str, AgentPolicy]) -> VoteDecided:
    await space.host(*(PolicyAgent(name, [policy]) for name, policy in policies.items()))
    decision = await (await space.sessions.open(opening)).decision()
    assert isinstance(decision, VoteDecided)
    assert (await verify(space.store)).divergences == ()
    return decision


async def test_a_settled_vote_waits_for_nobody(space: Space) -> None:
    voters = (*VOTERS, Participant("dan"), Participant("silent"))
    asked = drink(
        "schulze", participants=voters, revising="first", early=True, open_for_ms=3_600_000
    )
    tea = RankedVoter(ranking=("tea", "cocoa"))
    agreeing = dict.fromkeys(("ann", "ben", "dan"), tea)
    async with coordinator(space):
        decision = await held(space, asked, {"cyd": RANKED["cyd"], **agreeing})
    assert (decision.winner, decision.outcome) == ("tea", "decided")


@pytest.mark.parametrize("coordinators", [1, 3])
async def test_every_rule_comes_to_one_decision(space: Space, coordinators: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(coordinators):
            await stack.enter_async_context(coordinator(space))
        await space.host(*(PolicyAgent(name, [policy]) for name, policy in RANKED.items()))
        for rule, _ in RULES.known():
            decision = await (await space.sessions.open(drink(rule))).decision()
            assert isinstance(decision, VoteDecided)
            assert decision.outcome in {"decided", "default_taken"}, rule
    assert (await verify(space.store)).divergences == ()
    decisions = 0
    async for page in space.store.read():
        decisions += sum(recorded.type == "mabeam.vote.decided.v1" for recorded in page)
    assert decisions == len(RULES.known())


async def test_voters_answer_once_and_by_what_they_prefer(space: Space) -> None:
    async with coordinator(space):
        decision = await held(space, drink("schulze"), dict(RANKED))
    assert decision.winner == "tea"
    assert decision.count is not None
    assert decision.count.pairwise == ((0, 2, 2), (1, 0, 1), (1, 2, 0))


async def test_approving_voters_approve_of_what_is_worth_enough(space: Space) -> None:
    async with coordinator(space):
        decision = await held(
            space,
            drink("approval"),
            {
                "ann": ApprovingVoter(approves=("tea", "beer")),
                "ben": ApprovingVoter(scores={"tea": 0.4, "cocoa": 0.5}),
                "cyd": ApprovingVoter(),
            },
        )
    assert decision.count is not None
    assert [t.votes for t in decision.count.totals] == ["1", "0", "1"]


async def test_who_follows_the_majority_waits_for_it(space: Space) -> None:
    async with coordinator(space):
        decision = await held(
            space,
            drink("majority"),
            {
                "ann": MajorityFollower(after=2),
                "ben": RankedVoter(ranking=("coffee",)),
                "cyd": RankedVoter(ranking=("coffee", "tea"), confidence=Decimal("0.5")),
            },
        )
    assert (decision.winner, decision.support) == ("coffee", "1")


@pytest.mark.parametrize("visibility", ["open", "sealed"])
async def test_who_follows_has_no_vote_of_its_own_where_there_is_none_to_follow(
    space: Space, visibility: str
) -> None:
    voters = {
        "ann": MajorityFollower(),
        "ben": RankedVoter(ranking=("coffee",) if visibility == "sealed" else ()),
    }
    opening = drink("plurality", participants=VOTERS[:2], visibility=visibility, quorum=2)
    async with coordinator(space):
        decision = await held(space, opening, dict(voters))
    assert (decision.count is None) == (visibility == "open")
    [state] = space.sessions.all().values()
    assert state.spoken["ann"].speech == VoteCast()


async def test_scores_can_tie_options_where_a_rule_takes_it(space: Space) -> None:
    scores = {"tea": 1.0, "coffee": 1.0, "cocoa": 0.0}
    tied = RankedVoter(scores=scores, ties=True)
    async with coordinator(space):
        decision = await held(
            space, drink("borda"), {"ann": tied, "ben": tied, "cyd": RankedVoter(scores=scores)}
        )
        assert decision.count is not None
        assert decision.count.pairwise[0] == (0, 0, 3)
        assert decision.count.pairwise[1] == (1, 0, 3)


async def test_who_has_voted_by_hand_is_not_overruled_by_a_policy(space: Space) -> None:
    async with coordinator(space):
        session = await space.sessions.open(drink("plurality", participants=VOTERS[:2]))
        await session.say(VoteCast(ranking=(("cocoa",),)), by="ann")
        await space.host(PolicyAgent("ann", [RANKED["ann"]]))
        await session.say(VoteCast(ranking=(("cocoa",),)), by="ben")
        assert (await session.decision()).winner == "cocoa"


async def test_the_winner_becomes_the_value_of_the_variable(space: Space) -> None:
    async with coordinator(space):
        kind = ChoiceType(("tea", "coffee", "cocoa"))
        await space.variables.declare("drink", kind, update="coordinated")
        await held(space, drink("borda", variable="drink", default=""), dict(RANKED))
        await space.until(lambda world: world.variable("drink").variable.state.changes == 1)
        assert space.variables.value("drink") == "tea"


async def test_time_runs_out_also_while_nobody_coordinates(space: Space) -> None:
    session = await space.sessions.open(drink("majority", open_for_ms=50))
    await session.say(VoteCast(ranking=(("coffee",),)), by="ann")
    async with coordinator(space):
        decision = await session.decision()
    assert (decision.outcome, session.state.reason) == ("decided", "deadline")
    assert decision.winner == "coffee"


class TwoFacedVoter(AgentPolicy, frozen=True, kw_only=True):
    """Wants one thing, and another one later."""

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,
    ) -> Sequence[Answer]:
        """Cast both ballots, one behind the other."""
        if not isinstance(event, VoteOpened):
            return ()
        return [VoteCast(ranking=((option,),)) for option in ("coffee", "beer")]


LIARS: dict[str, AgentPolicy] = {
    "colluding": RankedVoter(ranking=("beer",)),
    "joining": RankedVoter(ranking=("coffee",)),
    "two-faced": TwoFacedVoter(),
    "silent": SilentVoter(),
}


@pytest.mark.parametrize("second", LIARS)
@pytest.mark.parametrize("first", LIARS)
async def test_two_liars_of_any_kind_elect_nothing_that_nobody_honest_wants(
    space: Space, first: str, second: str
) -> None:
    wishes = ("tea", "tea", "coffee", "coffee", "cocoa")
    team: dict[str, AgentPolicy] = {
        f"v{n}": policy
        for n, policy in enumerate(
            [*(RankedVoter(ranking=(wish,)) for wish in wishes), LIARS[first], LIARS[second]]
        )
    }
    opening = VoteOpened(
        options=("tea", "coffee", "cocoa", "beer", "none"),
        rule=Policy("weighted_majority", 1, {"threshold": "2/7"}),
        participants=tuple(map(Participant, team)),
        default="none",
        revising="exclude",
        open_for_ms=150,
    )
    async with coordinator(space):
        decision = await held(space, opening, team)
    # Where everybody has spoken, it closes before the other word of one who has two.
    possible = {"coffee"} if "joining" in {first, second} else {"coffee", "none"}
    assert decision.winner in possible


async def test_where_the_most_votes_are_enough_two_who_collude_win(space: Space) -> None:
    wishes = {"ann": "tea", "ben": "coffee", "cyd": "cocoa", "dan": "beer", "eve": "beer"}
    opening = VoteOpened(
        options=("tea", "coffee", "cocoa", "beer"),
        rule=Policy("plurality"),
        participants=tuple(map(Participant, wishes)),
    )
    async with coordinator(space):
        policies = {name: RankedVoter(ranking=(wish,)) for name, wish in wishes.items()}
        assert (await held(space, opening, dict(policies))).winner == "beer"


def test_policies_are_made_of_plain_fields() -> None:
    assert policy_of({"policy": "ranked_voter", "ranking": ["a", "b"]}) == RankedVoter(
        ranking=("a", "b")
    )
    assert policy_of({"policy": "majority_follower"}) == MajorityFollower()
    assert policy_of({"policy": "approving_voter", "least": 0.2}) == ApprovingVoter(least=0.2)


@pytest.mark.jetstream
async def test_a_vote_over_a_server(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        decision = await held(space, drink("instant_runoff"), dict(RANKED))
    assert decision.outcome == "decided"
    assert decision.winner in {"tea", "coffee", "cocoa"}
