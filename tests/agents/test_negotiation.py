"""Agents that negotiate and share resources: real answers over the log, one outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

import pytest

from mabeam.agents.agent import Heard
from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import (
    AgentPolicy,
    ConcedingNegotiator,
    PolicyAgent,
    RankedVoter,
    RequestingParty,
    StubbornNegotiator,
    TextJudge,
    TitForTatNegotiator,
    UtilityDeclarer,
    policy_of,
)
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.negotiation import (
    AmountRequested,
    BargainingDecided,
    BargainingOpened,
    Evaluation,
    NegotiationDecided,
    NegotiationOpened,
    OfferMade,
    OptionsIssue,
    RangeIssue,
    ResourceDecided,
    ResourceOpened,
    SingleTextDecided,
    SingleTextOpened,
    TextJudged,
    TextProposed,
    UtilityDeclared,
    table,
    utility,
)
from mabeam.core.policies import Policy
from mabeam.core.session import Decision, Opening, Participant
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.cases import cases
from support.genius import domain, profile
from support.nats_server import NatsServer
from support.sitting import Sitting
from support.worlds import fresh_space

PAIR: Final = (Participant("ann"), Participant("bob"))
PRICE: Final = RangeIssue("price", Decimal(0), Decimal(20), Decimal(1))
SPEED: Final = OptionsIssue("speed", ("slow", "fast"))
ISSUES: Final = (PRICE, SPEED)


def worth(price: tuple[int, int], speed: tuple[int, int]) -> tuple[Evaluation, ...]:
    return (
        Evaluation(Decimal(1), tuple(map(Decimal, price))),
        Evaluation(Decimal(1), tuple(map(Decimal, speed))),
    )


SELLER: Final = worth((0, 20), (4, 0))
BUYER: Final = worth((20, 0), (0, 10))


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


def coordinator(space: Space) -> Coordinator:
    return Coordinator(space.store, Author(SystemClock(), SystemIds()), ack_wait_seconds=0.2)


async def held(
    space: Space, opening: Opening, *agents: tuple[str, AgentPolicy], coordinators: int = 1
) -> Decision:
    """Let agents take part in a session, and let the log prove what came of it."""
    async with AsyncExitStack() as stack:
        for _ in range(coordinators):
            await stack.enter_async_context(coordinator(space))
        await space.host(*(PolicyAgent(name, [policy]) for name, policy in agents))
        session = await space.sessions.open(opening)
        decision: Decision = await session.decision()
    assert (await verify(space.store)).divergences == ()
    return decision


class TestAlternatingOffers:
    @pytest.mark.parametrize("coordinators", [1, 3])
    async def test_who_concedes_agrees_above_its_reservation(
        self, space: Space, coordinators: int
    ) -> None:
        decision = await held(
            space,
            NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=8),
            ("ann", ConcedingNegotiator(evaluations=SELLER, reservation=Decimal(8))),
            ("bob", ConcedingNegotiator(evaluations=BUYER, reservation=Decimal(6), exponent=2)),
            coordinators=coordinators,
        )
        assert isinstance(decision, NegotiationDecided)
        assert decision.ended == "agreement"
        assert utility(ISSUES, SELLER, decision.agreement) >= 8
        assert utility(ISSUES, BUYER, decision.agreement) >= 6

    @pytest.mark.parametrize("exponent", [-3, -1, 0, 1, 3])
    async def test_with_any_exponent_it_ends_and_nobody_is_worse_off(
        self, space: Space, exponent: int
    ) -> None:
        decision = await held(
            space,
            NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=5),
            ("ann", ConcedingNegotiator(evaluations=SELLER, exponent=exponent)),
            ("bob", TitForTatNegotiator(evaluations=BUYER, reservation=Decimal(5))),
        )
        assert isinstance(decision, NegotiationDecided)
        if decision.ended == "agreement":
            assert utility(ISSUES, BUYER, decision.agreement) >= 5

    async def test_the_stubborn_do_not_agree(self, space: Space) -> None:
        decision = await held(
            space,
            NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=3),
            ("ann", StubbornNegotiator(evaluations=SELLER)),
            ("bob", StubbornNegotiator(evaluations=BUYER)),
        )
        assert isinstance(decision, NegotiationDecided)
        assert (decision.ended, decision.offers_count) == ("rounds", 6)

    async def test_who_can_gain_nothing_walks_away(self, space: Space) -> None:
        decision = await held(
            space,
            NegotiationOpened(issues=ISSUES, participants=PAIR),
            ("ann", StubbornNegotiator(evaluations=SELLER)),
            ("bob", ConcedingNegotiator(evaluations=BUYER, reservation=Decimal(99))),
        )
        assert isinstance(decision, NegotiationDecided)
        assert (decision.ended, decision.ended_by) == ("walked_away", "bob")

    async def test_three_parties_can_agree(self, space: Space) -> None:
        decision = await held(
            space,
            NegotiationOpened(issues=ISSUES, participants=(*PAIR, Participant("cyd")), rounds=10),
            ("ann", ConcedingNegotiator(evaluations=SELLER)),
            ("bob", ConcedingNegotiator(evaluations=BUYER)),
            ("cyd", ConcedingNegotiator(evaluations=worth((5, 5), (0, 9)))),
        )
        assert isinstance(decision, NegotiationDecided)
        assert (decision.ended, len(decision.accepted_by)) == ("agreement", 2)

    async def test_the_turn_of_who_is_silent_passes(self, space: Space) -> None:
        decision = await held(
            space,
            NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=2, turn_ms=100),
            ("bob", StubbornNegotiator(evaluations=BUYER)),
        )
        assert isinstance(decision, NegotiationDecided)
        assert decision.ended == "rounds"
        assert decision.passed >= 2
        assert decision.passed + decision.offers_count == 4

    @pytest.mark.parametrize(
        ("name", "files"),
        [
            ("Amsterdam", ("Amsterdam_domain", "Amsterdam_party1", "Amsterdam_party2")),
            ("EnglandZimbabwe", ("EnglandZimbabwe_domain", "England", "Zimbabwe")),
        ],
    )
    async def test_a_published_domain_is_negotiated_to_an_agreement(
        self, space: Space, name: str, files: tuple[str, ...]
    ) -> None:
        paths = [cases("negotiation") / name / f"{file}.xml" for file in files]
        issues = domain(paths[0])
        profiles = [profile(path, issues) for path in paths[1:]]
        decision = await held(
            space,
            NegotiationOpened(issues=issues, participants=PAIR, rounds=20),
            *(
                (party.agent, ConcedingNegotiator(evaluations=one.evaluations, exponent=2))
                for party, one in zip(PAIR, profiles, strict=True)
            ),
        )
        assert isinstance(decision, NegotiationDecided)
        assert decision.ended == "agreement"
        for one in profiles:
            worths = table(issues, one.evaluations)
            mean = Fraction(sum(worths.units), worths.scale * len(worths.units))
            assert utility(issues, one.evaluations, decision.agreement) > mean


class TestSingleText:
    @pytest.mark.parametrize("coordinators", [1, 3])
    async def test_what_is_kept_is_never_worse_for_anybody(
        self, space: Space, coordinators: int
    ) -> None:
        start = ("20", "slow")
        decision = await held(
            space,
            SingleTextOpened(issues=ISSUES, participants=PAIR, rounds=40, start=start),
            ("ann", TextJudge(evaluations=SELLER)),
            ("bob", TextJudge(evaluations=BUYER)),
            coordinators=coordinators,
        )
        assert isinstance(decision, SingleTextDecided)
        assert decision.rounds == 40
        for evaluations in (SELLER, BUYER):
            kept = utility(ISSUES, evaluations, decision.agreement)
            assert kept >= utility(ISSUES, evaluations, start)

    async def test_it_stays_where_no_single_change_helps_all(self, space: Space) -> None:
        """Two changes together would be better for both; either alone is worse for one."""
        issues = (OptionsIssue("one", ("old", "new")), OptionsIssue("other", ("old", "new")))
        start = ("old", "old")
        decision = await held(
            space,
            SingleTextOpened(issues=issues, participants=PAIR, rounds=20, start=start),
            ("ann", TextJudge(evaluations=worth((0, 3), (1, 0)))),
            ("bob", TextJudge(evaluations=worth((1, 0), (0, 3)))),
        )
        assert isinstance(decision, SingleTextDecided)
        assert decision.agreement == start

    async def test_below_its_reservation_nobody_accepts(self, space: Space) -> None:
        decision = await held(
            space,
            SingleTextOpened(issues=ISSUES, participants=PAIR, rounds=3),
            ("ann", TextJudge(evaluations=SELLER, reservation=Decimal(99))),
            ("bob", TextJudge(evaluations=BUYER)),
        )
        assert decision.outcome == "no_quorum"


class TestBargaining:
    @pytest.mark.parametrize("rule", ["nash", "kalai", "kalai_smorodinsky", "max_welfare"])
    async def test_utilities_are_declared_and_a_solution_decides(
        self, space: Space, rule: str
    ) -> None:
        decision = await held(
            space,
            BargainingOpened(issues=ISSUES, participants=PAIR, rule=Policy(rule)),
            ("ann", UtilityDeclarer(evaluations=SELLER)),
            ("bob", UtilityDeclarer(evaluations=BUYER)),
            coordinators=3,
        )
        assert isinstance(decision, BargainingDecided)
        assert decision.agreement[1] == "fast"
        if rule in {"nash", "kalai"}:
            assert decision.agreement == ("15", "fast")


class TestResources:
    @pytest.mark.parametrize("coordinators", [1, 3])
    async def test_who_concedes_to_its_share_agrees(self, space: Space, coordinators: int) -> None:
        """A scenario of the system this one descends from: 60 and 50 of 100."""
        decision = await held(
            space,
            ResourceOpened(resource="cpu", amount=100, participants=PAIR),
            ("ann", RequestingParty(wanted=60)),
            ("bob", RequestingParty(wanted=50)),
            coordinators=coordinators,
        )
        assert isinstance(decision, ResourceDecided)
        assert [share.amount for share in decision.shares] == [55, 45]
        assert (decision.ended, decision.rounds) == ("agreement", 2)

    @pytest.mark.parametrize(
        "stubborn",
        [RequestingParty(wanted=60, concedes=False), RequestingParty(wanted=60, at_least=60)],
    )
    async def test_who_never_concedes_ends_in_a_deadlock(
        self, space: Space, stubborn: RequestingParty
    ) -> None:
        decision = await held(
            space,
            ResourceOpened(resource="cpu", amount=100, participants=PAIR, escalate_to="boss"),
            ("ann", stubborn),
            ("bob", RequestingParty(wanted=50, at_least=45)),
        )
        assert isinstance(decision, ResourceDecided)
        assert (decision.ended, decision.rounds, decision.escalated_to) == ("deadlock", 5, "boss")

    @pytest.mark.parametrize("coordinators", [1, 3])
    async def test_a_deadlock_is_ruled_on_by_whom_it_is_escalated_to(
        self, space: Space, coordinators: int
    ) -> None:
        decision = await held(
            space,
            ResourceOpened(
                resource="cpu",
                amount=100,
                participants=PAIR,
                escalate_to="boss",
                ruling_ms=20_000,
            ),
            ("ann", RequestingParty(wanted=60, concedes=False)),
            ("bob", RequestingParty(wanted=60, concedes=False)),
            ("boss", RankedVoter(ranking=("proportional", "nothing"))),
            coordinators=coordinators,
        )
        assert isinstance(decision, ResourceDecided)
        assert (decision.ended, decision.escalated_to) == ("ruling", "boss")
        assert [share.amount for share in decision.shares] == [50, 50]


class TestPolicies:
    def test_they_are_made_of_tables(self) -> None:
        fields: dict[str, object] = {
            "policy": "conceding_negotiator",
            "evaluations": [{"weight": 0.18, "values": [1, 2.5]}],
            "exponent": 2,
        }
        assert policy_of(fields) == ConcedingNegotiator(
            evaluations=(Evaluation(Decimal("0.18"), (Decimal(1), Decimal("2.5"))),), exponent=2
        )

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"policy": "conceding_negotiator", "evaluations": [], "exponent": 101}, "exponent"),
            ({"policy": "conceding_negotiator", "evaluations": [], "exponent": -101}, "exponent"),
            ({"policy": "requesting_party", "wanted": -1}, "wanted"),
            ({"policy": "requesting_party", "wanted": 5, "at_least": -1}, "at_least"),
            ({"policy": "requesting_party", "wanted": 5, "at_least": 6}, "at_least"),
        ],
    )
    def test_what_no_agent_could_follow_is_refused(
        self, fields: dict[str, object], field: str
    ) -> None:
        with pytest.raises(Rejected, match=field):
            policy_of(fields)

    def test_in_the_only_round_all_is_conceded(self) -> None:
        sitting = Sitting(NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=1))
        policy = ConcedingNegotiator(evaluations=SELLER, reservation=Decimal(12))
        heard = cast("Heard", None)
        (offer,) = policy.answer("ann", sitting.state, sitting.opening, heard)
        assert isinstance(offer, OfferMade)
        assert utility(ISSUES, SELLER, offer.values) == 12

    def test_tit_for_tat_follows_the_concessions_of_one_at_a_time(self) -> None:
        """That one asks for less than another has asked for is no concession of either."""
        three = (*PAIR, Participant("cyd"))
        sitting = Sitting(NegotiationOpened(issues=ISSUES, participants=three))
        sitting.say("ann", OfferMade(values=("20", "slow")))
        sitting.say("bob", OfferMade(values=("0", "fast")))
        sitting.say("cyd", OfferMade(values=("9", "fast")))
        policy, heard = TitForTatNegotiator(evaluations=SELLER), cast("Heard", None)
        (offer,) = policy.answer("ann", sitting.state, sitting.opening, heard)
        assert isinstance(offer, OfferMade)
        assert utility(ISSUES, SELLER, offer.values) == 24

    @pytest.mark.parametrize(
        ("opening", "policy", "word", "heard_again"),
        [
            (
                SingleTextOpened(issues=ISSUES, participants=PAIR),
                TextJudge(evaluations=SELLER),
                TextJudged(round=1, accept=True),
                TextProposed(round=1, values=("0", "slow")),
            ),
            (
                BargainingOpened(issues=ISSUES, participants=PAIR),
                UtilityDeclarer(evaluations=SELLER),
                UtilityDeclared(evaluations=SELLER),
                BargainingOpened(issues=ISSUES, participants=PAIR),
            ),
            (
                ResourceOpened(resource="cpu", amount=9, participants=PAIR),
                RequestingParty(wanted=1),
                AmountRequested(amount=1),
                ResourceOpened(resource="cpu", amount=9, participants=PAIR),
            ),
        ],
    )
    def test_who_has_spoken_says_it_once(
        self, opening: Opening, policy: AgentPolicy, word: Event, heard_again: Event
    ) -> None:
        """After a restart, or told twice, an agent finds in the session that it has spoken."""
        sitting = Sitting(opening).settle()
        heard = cast("Heard", None)
        assert policy.answer("ann", sitting.state, heard_again, heard) == (word,)
        sitting.say("ann", word)
        assert policy.answer("ann", sitting.state, heard_again, heard) == ()

    async def test_they_do_not_answer_what_is_none_of_their_business(self, space: Space) -> None:
        every: Sequence[AgentPolicy] = (
            ConcedingNegotiator(evaluations=SELLER),
            TextJudge(evaluations=SELLER),
            UtilityDeclarer(evaluations=SELLER),
            RequestingParty(wanted=1),
        )
        async with coordinator(space):
            await space.host(PolicyAgent("ann", every))
            auction = await space.sessions.open_auction("x", open_for_seconds=0.05)
            assert (await auction.decision()).outcome == "no_quorum"
            session = await space.sessions.open(
                ResourceOpened(resource="cpu", amount=9, participants=PAIR, round_ms=50)
            )
            assert (await session.decision()).outcome == "decided"
            assert set(session.state.spoken) == {"ann"}


@pytest.mark.jetstream
async def test_agents_agree_over_a_server(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        await space.host(
            PolicyAgent("ann", [ConcedingNegotiator(evaluations=SELLER)]),
            PolicyAgent("bob", [ConcedingNegotiator(evaluations=BUYER)]),
        )
        session = await space.sessions.open(
            NegotiationOpened(issues=ISSUES, participants=PAIR, rounds=6)
        )
        decision = await session.decision()
        assert isinstance(decision, NegotiationDecided)
        assert decision.ended == "agreement"
        assert (await verify(space.store)).divergences == ()
