"""Real agents hold auctions of every form over a log, with one coordinator and with three."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import AgentPolicy, PolicyAgent, policies, policy_of
from mabeam.agents.policies.auctions import (
    BudgetedBidder,
    ClockBidder,
    CommittingBidder,
    DutchBidder,
    OutcryBidder,
    ShadingBidder,
    TruthfulBidder,
)
from mabeam.agents.policies.bundles import TruthfulBundleBidder
from mabeam.app.composition import attach, connect
from mabeam.app.space import Session, Space
from mabeam.core.auction import (
    AuctionOpened,
    ClockAuctionOpened,
    CommittedAuctionOpened,
    DutchAuctionOpened,
    EnglishAuctionOpened,
    Forfeit,
    MultiUnitAuctionOpened,
    PriceAnswered,
    commitment_of,
)
from mabeam.core.auction.events import BidCommitted
from mabeam.core.combinatorial import Bundle, BundlesOffered, Good
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policy
from mabeam.core.session import Decision, Opening, Participant
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify

BUDGETS = {"b1": 100, "b2": 80, "b3": 60, "b4": 90}
SECRET = "a secret of one's own"  # noqa: S105 - it keeps nothing secret


def team(*agents: str) -> tuple[Participant, ...]:
    return tuple(map(Participant, agents))


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


def coordinator(space: Space) -> Coordinator:
    return Coordinator(space.store, Author(SystemClock(), SystemIds()), ack_wait_seconds=0.2)


async def held(
    space: Space,
    opening: Opening,
    bidders: Sequence[PolicyAgent],
    *,
    coordinators: int = 1,
) -> Any:  # noqa: ANN401 - the decision of its protocol
    """Let agents hold an auction, and its history be verified; return the decision."""
    async with AsyncExitStack() as stack:
        for _ in range(coordinators):
            await stack.enter_async_context(coordinator(space))
        await space.host(*bidders)
        session: Session[Decision] = await space.sessions.open(opening)
        decision = await session.decision()
    assert (await verify(space.store)).divergences == ()
    return decision


def bidders(kind: type[Any], values: dict[str, int], **fields: object) -> list[PolicyAgent]:
    return [PolicyAgent(name, [kind(value=value, **fields)]) for name, value in values.items()]


async def counts(space: Space) -> Counter[str]:
    found = Counter[str]()
    async for page in space.store.read():
        found.update(recorded.type.split(".")[-2] for recorded in page)
    return found


@pytest.mark.parametrize("coordinators", [1, 3])
class TestEveryForm:
    async def test_truthful_bidders_under_the_second_price(
        self, space: Space, coordinators: int
    ) -> None:
        opening = AuctionOpened(lot="desk", participants=team("ann", "bob"))
        agents = bidders(TruthfulBidder, {"ann": 9, "bob": 7})
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert (decision.winner, decision.price) == ("ann", 7)

    async def test_shading_bidders_under_the_first_price(
        self, space: Space, coordinators: int
    ) -> None:
        opening = AuctionOpened(
            lot="desk", rule=Policy("first_price"), participants=team("ann", "bob", "cyd")
        )
        agents = bidders(ShadingBidder, {"ann": 9, "bob": 6})
        agents.append(PolicyAgent("cyd", [ShadingBidder(value=8, percent=50)]))
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert (decision.winner, decision.price) == ("ann", 6)
        assert [one.amount for one in decision.ranking] == [6, 4, 4]

    async def test_open_outcry_ends_when_all_but_one_have_withdrawn(
        self, space: Space, coordinators: int
    ) -> None:
        opening = EnglishAuctionOpened(
            lot="desk", reserve=10, increment=5, participants=team("ann", "bob", "cyd")
        )
        agents = bidders(OutcryBidder, {"ann": 41, "bob": 30, "cyd": 5})
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert decision.winner == "ann"
        assert decision.price in {30, 35}

    @pytest.mark.parametrize(
        ("names", "clock", "expected"),
        [
            (("b1", "b2"), (50, 10, 99), ("b1", 60, 2)),
            (("b1",), (10, 1, 99), ("b1", 10, 1)),
            (("b1", "b2", "b3"), (1, 1, 3), ("", None, 3)),
            (("b1", "b2", "b3", "b4"), (5, 1, 99), ("b1", 72, 68)),
        ],
        ids=["two", "one", "too few rounds", "four"],
    )
    async def test_a_rising_clock(
        self,
        space: Space,
        coordinators: int,
        names: tuple[str, ...],
        clock: tuple[int, int, int],
        expected: tuple[str, int | None, int],
    ) -> None:
        """Scenarios of the system this one descends from."""
        start, step, cap = clock
        opening = ClockAuctionOpened(
            lot="desk",
            start=start,
            step=step,
            rounds_max=cap,
            tick_ms=20_000,
            participants=team(*names),
        )
        agents = bidders(ClockBidder, {name: BUDGETS[name] for name in names}, percent=80)
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert (decision.winner, decision.price, decision.rounds) == expected
        assert decision.outcome == ("decided" if decision.winner else "tie_unresolved")

    @pytest.mark.parametrize(
        ("names", "clock", "expected"),
        [
            (("b1", "b2", "b3", "b4"), (100, 20, 0), ("b1", 90, 3)),
            (("b1",), (200, 150, 10), ("", None, 10)),
        ],
        ids=["sold", "no sale"],
    )
    async def test_a_falling_clock(
        self,
        space: Space,
        coordinators: int,
        names: tuple[str, ...],
        clock: tuple[int, int, int],
        expected: tuple[str, int | None, int],
    ) -> None:
        """Scenarios of the system this one descends from."""
        start, reserve, cap = clock
        opening = DutchAuctionOpened(
            lot="desk",
            start=start,
            step=5,
            reserve=reserve,
            rounds_max=cap,
            tick_ms=20_000,
            participants=team(*names),
        )
        agents = bidders(DutchBidder, {name: BUDGETS[name] for name in names}, percent=90)
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert (decision.winner, decision.price, decision.rounds) == expected

    async def test_several_units(self, space: Space, coordinators: int) -> None:
        opening = MultiUnitAuctionOpened(lot="hour", units=2, participants=team("ann", "bob"))
        agents = [
            PolicyAgent("ann", [TruthfulBidder(amounts=(9, 7, 4))]),
            PolicyAgent("bob", [TruthfulBidder(value=8)]),
        ]
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert {one.agent: (one.units, one.pays) for one in decision.awards} == {
            "ann": (1, 0),
            "bob": (1, 7),
        }

    async def test_bids_under_seal(self, space: Space, coordinators: int) -> None:
        opening = CommittedAuctionOpened(
            lot="desk", reserve=5, participants=team("ann", "bob"), open_for_ms=60_000
        )
        agents = bidders(CommittingBidder, {"ann": 9, "bob": 20}, secret=SECRET)
        decision = await held(space, opening, agents, coordinators=coordinators)
        assert (decision.winner, decision.price, decision.forfeits) == ("bob", 9, ())
        assert (await counts(space))["commits_closed"] == 1


class TestTime:
    async def test_a_rising_clock_does_not_wait_for_the_silent(self, space: Space) -> None:
        opening = ClockAuctionOpened(
            lot="desk", start=10, step=10, tick_ms=1_000, participants=team("ann", "bob", "cyd")
        )
        decision = await held(space, opening, bidders(ClockBidder, {"ann": 35, "bob": 25}))
        assert (decision.winner, decision.price) == ("ann", 20)

    async def test_a_falling_clock_falls_without_a_word(self, space: Space) -> None:
        opening = DutchAuctionOpened(lot="desk", start=30, step=10, reserve=10, tick_ms=500)
        decision = await held(space, opening, bidders(DutchBidder, {"ann": 15}))
        assert (decision.winner, decision.price, decision.rounds) == ("ann", 10, 3)
        found = await counts(space)
        assert (found["price_announced"], found["price_answered"]) == (2, 1)

    async def test_a_clock_goes_on_where_a_coordinator_left_it(self, space: Space) -> None:
        opening = ClockAuctionOpened(
            lot="desk", start=10, step=10, tick_ms=50, participants=team("ann", "bob")
        )
        session = await space.sessions.open(opening)
        for agent in ("ann", "bob"):
            await session.say(PriceAnswered(price=10), by=agent)
        async with coordinator(space):
            await space.until(
                lambda world: world.session(session.name).state.course.clock.round == 2
            )
        async with coordinator(space):
            decision = await session.decision()
        assert (decision.outcome, decision.price) == ("decided", 10)
        assert (await verify(space.store)).divergences == ()

    async def test_who_does_not_reveal_forfeits_its_bond(self, space: Space) -> None:
        opening = CommittedAuctionOpened(
            lot="desk",
            bond=50,
            commit_for_ms=1_500,
            open_for_ms=2_000,
            participants=team("ann", "eve"),
        )
        async with coordinator(space):
            await space.host(*bidders(CommittingBidder, {"ann": 9}, secret=SECRET))
            session = await space.sessions.open(opening)
            sealed = commitment_of(session.name, "eve", 99, "x" * 16)
            await session.say(BidCommitted(commitment=sealed), by="eve")
            decision = await session.decision()
        assert (decision.winner, decision.price) == ("ann", 0)
        assert decision.forfeits == (Forfeit("eve", 50),)
        assert (await verify(space.store)).divergences == ()

    async def test_bidding_in_open_outcry_ends_by_the_clock(self, space: Space) -> None:
        opening = EnglishAuctionOpened(lot="desk", bid_for_ms=1_000, soft_close_ms=50)
        decision = await held(space, opening, bidders(OutcryBidder, {"ann": 9, "bob": 4}))
        assert decision.winner == "ann"
        assert decision.price in {4, 5}


class TestPolicies:
    async def test_a_budget_holds_over_all_auctions(self, space: Space) -> None:
        async def opened(name: str) -> int | None:
            """Open an auction; return what ann bids in it, once she has heard of it."""
            lot = AuctionOpened(lot=name, participants=team("ann", "bob"))
            session = await space.sessions.open(lot, name=name)
            # An agent hears in the order of the log, so what comes next tells that it has.
            mark = await space.sessions.open(MultiUnitAuctionOpened(lot="mark", units=1))
            await space.until(lambda world: "ann" in world.session(mark.name).state.spoken)
            await mark.cancel()
            word = session.state.spoken.get("ann")
            return None if word is None else getattr(word.speech, "amount", None)

        async def beaten_or_not(name: str, amount: int) -> int:
            """Let bob bid in it; return what ann owes."""
            session = space.sessions.get(name)
            await session.bid(amount, by="bob")
            decision = await session.decision()
            return decision.price if decision.winner == "ann" else 0

        ann = PolicyAgent(
            "ann", [BudgetedBidder(value=40, budget=100), TruthfulBidder(values={"mark": 1})]
        )
        async with coordinator(space):
            await space.host(ann)
            assert [await opened(name) for name in "abcd"] == [40, 40, 20, None]
            assert [await beaten_or_not(*one) for one in (("a", 30), ("b", 50), ("c", 1))] == [
                30,
                0,
                1,
            ]
            # There was nothing left to bid in the fourth; since then it is kept for it.
            assert await opened("e") == 29
            await space.sessions.get("d").cancel()
            assert [await opened(name) for name in "fg"] == [40, None]
            assert [await beaten_or_not(*one) for one in (("e", 28), ("f", 39))] == [28, 39]
        assert (await verify(space.store)).divergences == ()

    async def test_what_was_won_in_other_forms_is_spent(self, space: Space) -> None:
        forms = (
            MultiUnitAuctionOpened(
                lot="hour", units=1, rule=Policy("discriminatory"), participants=team("ann")
            ),
            ClockAuctionOpened(lot="desk", start=10, tick_ms=20_000, participants=team("ann")),
        )
        policies_of_ann = [
            TruthfulBidder(values={"hour": 25}),
            ClockBidder(values={"desk": 10}),
            BudgetedBidder(values={"chair": 90}, budget=100),
        ]
        async with coordinator(space):
            await space.host(PolicyAgent("ann", policies_of_ann))
            for opening in forms:
                await (await space.sessions.open(opening)).decision()
            chair = AuctionOpened(lot="chair", participants=team("ann"))
            decision = await (await space.sessions.open(chair)).decision()
        assert decision.ranking[0].amount == 100 - 25 - 10

    async def test_what_bundles_have_cost_is_spent(self) -> None:
        async with attach(MemoryStore("team")) as space:
            values = (Bundle({"gpu": 1}, 30),)
            await space.host(
                PolicyAgent(
                    "ann",
                    [TruthfulBundleBidder(values=values), BudgetedBidder(value=90, budget=100)],
                )
            )
            racks = BundlesOffered(goods=(Good("gpu", reserve=27),), participants=team("ann"))
            await (await space.sessions.open(racks)).decision()
            desk = AuctionOpened(lot="desk", participants=team("ann"))
            decision = await (await space.sessions.open(desk)).decision()
        assert decision.ranking[0].amount == 100 - 27

    async def test_units_that_are_worth_nothing_are_not_asked_for(self, space: Space) -> None:
        opening = MultiUnitAuctionOpened(lot="hour", units=3, participants=team("ann"))
        agent = PolicyAgent("ann", [TruthfulBidder(amounts=(9, 7, 0))])
        decision = await held(space, opening, [agent])
        assert [one.amounts for one in decision.awards] == [(9, 7)]

    async def test_a_shaded_bid_is_at_least_one(self, space: Space) -> None:
        opening = AuctionOpened(lot="desk", participants=team("ann", "bob"))
        decision = await held(space, opening, bidders(ShadingBidder, {"ann": 1, "bob": 8}))
        assert [one.amount for one in decision.ranking] == [4, 1]

    async def test_a_bidder_that_is_started_anew_reveals_what_it_had_committed_to(
        self, space: Space
    ) -> None:
        opening = CommittedAuctionOpened(
            lot="desk", participants=team("ann", "bob"), open_for_ms=60_000
        )
        async with attach(space.store, coordinate=False) as first:
            await first.host(*bidders(CommittingBidder, {"ann": 9}, secret=SECRET))
            session = await space.sessions.open(opening)
            await space.until(lambda world: "ann" in world.session(session.name).state.spoken)
        async with coordinator(space):
            await space.host(*bidders(CommittingBidder, {"ann": 9, "bob": 7}, secret=SECRET))
            decision = await session.decision()
        assert (decision.winner, decision.price, decision.forfeits) == ("ann", 7, ())

    async def test_who_values_the_lot_too_little_says_nothing(self, space: Space) -> None:
        async with coordinator(space):
            await space.host(
                PolicyAgent(
                    "ann",
                    [
                        TruthfulBidder(value=0, amounts=(0,)),
                        ShadingBidder(value=0),
                        BudgetedBidder(value=9, budget=0),
                        OutcryBidder(),
                        CommittingBidder(value=3, secret=SECRET),
                        DutchBidder(value=3),
                    ],
                )
            )
            for opening in (
                AuctionOpened(lot="desk", open_for_ms=100),
                MultiUnitAuctionOpened(lot="hour", units=2, open_for_ms=100),
                CommittedAuctionOpened(lot="desk", reserve=5, open_for_ms=100),
                DutchAuctionOpened(lot="desk", start=9, reserve=9, tick_ms=50),
            ):
                session = await space.sessions.open(opening)
                decision = await session.decision()
                assert (decision.outcome, len(session.state.spoken)) == ("no_quorum", 0)

    def test_they_are_made_of_tables(self) -> None:
        assert {
            "budgeted_bidder",
            "clock_bidder",
            "committing_bidder",
            "dutch_bidder",
            "outcry_bidder",
            "shading_bidder",
            "truthful_bidder",
        } <= set(policies())
        made = policy_of({"policy": "truthful_bidder", "values": {"desk": 3}, "value": 2})
        assert isinstance(made, TruthfulBidder)
        assert (made.worth("desk"), made.worth("chair")) == (3, 2)

    @pytest.mark.parametrize(
        "fields",
        [
            {"policy": "shading_bidder", "percent": 101},
            {"policy": "clock_bidder", "percent": 0},
            {"policy": "dutch_bidder", "percent": 0},
            {"policy": "committing_bidder", "secret": "short"},
        ],
        ids=str,
    )
    def test_what_makes_no_sense_is_refused(self, fields: dict[str, object]) -> None:
        with pytest.raises(Rejected):
            policy_of(fields)


@pytest.mark.jetstream
async def test_a_clock_runs_over_jetstream() -> None:
    async with connect("team") as space:
        await space.host(*bidders(ClockBidder, {"ann": 35, "bob": 25}))
        opening = ClockAuctionOpened(
            lot="desk", start=10, step=10, tick_ms=20_000, participants=team("ann", "bob")
        )
        session = await space.sessions.open(opening)
        decision = await session.decision()
        assert (decision.winner, decision.price, decision.rounds) == ("ann", 20, 2)
        assert (await verify(space.store)).divergences == ()


def test_a_policy_is_data() -> None:
    made: AgentPolicy = ClockBidder(value=5)
    assert msgspec.json.decode(msgspec.json.encode(made), type=ClockBidder) == made
