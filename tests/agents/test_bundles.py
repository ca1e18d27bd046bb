"""Agents that bid on bundles and trade them, with any number of coordinators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from fractions import Fraction
from typing import Any

import pytest

from mabeam.agents.author import Author
from mabeam.agents.coordinator import Coordinator
from mabeam.agents.policies import (
    AgentPolicy,
    BundleTrader,
    PolicyAgent,
    TruthfulBundleBidder,
    policy_of,
)
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.bundle_exchange import BundleOrder, BundlesExchanged, ExchangeOpened
from mabeam.core.combinatorial import (
    BidsPlaced,
    Bundle,
    BundlesAwarded,
    BundlesOffered,
    Good,
    greedy,
    value_of,
)
from mabeam.core.policies import Policy
from mabeam.core.session import Participant
from mabeam.infra.memory import MemoryStore
from mabeam.infra.solving import WorkerSolver
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.cases import cases
from support.cats import read_cats

GOODS = (Good("A"), Good("B"))
BIDDERS = tuple(map(Participant, ("ann", "ben", "cyd")))


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


async def coordinators(stack: AsyncExitStack, space: Space, count: int) -> None:
    author = Author(SystemClock(), SystemIds())
    for _ in range(count):
        solver = await stack.enter_async_context(WorkerSolver())
        await stack.enter_async_context(
            Coordinator(space.store, author, ack_wait_seconds=0.2, solver=solver)
        )


def bidder(name: str, *values: Bundle, **fields: Any) -> PolicyAgent:  # noqa: ANN401 - fields of many kinds
    return PolicyAgent(name, [TruthfulBundleBidder(values=values, **fields)])


def locals_and_a_global() -> tuple[PolicyAgent, ...]:
    return (
        bidder("ann", Bundle({"A": 1}, 8)),
        bidder("ben", Bundle({"B": 1}, 7), Bundle({"gpu": 1}, 99)),
        bidder("cyd", Bundle({"A": 1, "B": 1}, 10)),
    )


@pytest.mark.parametrize("count", [1, 3])
async def test_truthful_bidders_are_sold_the_best_bundles_once(space: Space, count: int) -> None:
    async with AsyncExitStack() as stack:
        await coordinators(stack, space, count)
        await space.host(*locals_and_a_global())
        opening = BundlesOffered(goods=GOODS, participants=BIDDERS, rule=Policy("core"))
        session = await space.sessions.open(opening)
        decision = await session.decision()
        await space.caught_up()
    assert isinstance(decision, BundlesAwarded)
    assert [(one.agent, one.amount) for one in decision.payments] == [
        ("ann", "11/2"),
        ("ben", "9/2"),
    ]
    found = [event async for page in space.store.read() for event in page]
    assert sum(event.type == "mabeam.combinatorial.decided.v1" for event in found) == 1
    report = await verify(space.store)
    assert (report.divergences, report.certificates) == ((), 1)


async def test_many_bundles_are_solved_in_a_process_and_the_decision_is_proved(
    space: Space,
) -> None:
    goods = tuple(Good(letter) for letter in "ABC")
    names = [f"b{number:02}" for number in range(15)]
    async with AsyncExitStack() as stack:
        await coordinators(stack, space, 2)
        await space.host(
            *(
                bidder(
                    name,
                    *(Bundle({a: 1, b: 1}, 10 + number) for a, b in ("AB", "BC", "CA")),
                )
                for number, name in enumerate(names)
            )
        )
        opening = BundlesOffered(goods=goods, participants=tuple(map(Participant, names)))
        session = await space.sessions.open(opening)
        decision = await session.decision()
    assert isinstance(decision, BundlesAwarded)
    assert [(one.agent, one.amount) for one in decision.payments] == [("b14", "23")]
    assert decision.pricing == "vcg"
    assert (await verify(space.store)).divergences == ()


async def test_traders_exchange_bundles(space: Space) -> None:
    def trader(name: str, *orders: BundleOrder) -> PolicyAgent:
        return PolicyAgent(name, [BundleTrader(orders=orders)])

    async with AsyncExitStack() as stack:
        await coordinators(stack, space, 3)
        await space.host(
            trader("ann", BundleOrder("sell", {"A": 1}, 3)),
            trader("ben", BundleOrder("sell", {"B": 1}, 2), BundleOrder("buy", {"C": 1}, 2)),
            trader("cyd", BundleOrder("buy", {"A": 1, "B": 1}, 11)),
        )
        session = await space.sessions.open(ExchangeOpened(goods=("A", "B"), participants=BIDDERS))
        decision = await session.decision()
    assert isinstance(decision, BundlesExchanged)
    paid = {one.agent: Fraction(one.amount) for one in decision.payments}
    assert (sum(paid.values()), paid["cyd"] > 0 > paid["ann"]) == (0, True)
    assert (await verify(space.store)).divergences == ()


async def test_who_has_spoken_or_hears_of_something_else_keeps_silent(space: Space) -> None:
    """A bidder that is started anew does not bid again; a trader is silent in an auction."""
    async with AsyncExitStack() as stack:
        await coordinators(stack, space, 1)
        session = await space.sessions.open(
            BundlesOffered(goods=GOODS, participants=BIDDERS[:2], open_for_ms=60_000)
        )
        policies: list[AgentPolicy] = [
            BundleTrader(orders=()),
            TruthfulBundleBidder(values=(Bundle({"A": 1}, 5),)),
        ]
        await space.host(PolicyAgent("ann", policies))
        await space.until(lambda world: "ann" in world.session(session.name).state.spoken)
        await space.host(bidder("ben"))
        await session.decision()
    assert session.state.superseded == 0
    await space.sessions.open(ExchangeOpened(goods=("A",), open_for_ms=1))


@pytest.mark.slow
async def test_without_time_the_outcome_is_honest_and_priced_by_the_fallback(space: Space) -> None:
    """A hard auction of 453 bids, with a thousandth of a second to solve it."""
    auction = read_cats(cases("wdp_cats") / "mechlib" / "hard0000.txt")
    async with AsyncExitStack() as stack:
        await coordinators(stack, space, 1)
        session = await space.sessions.open(
            BundlesOffered(
                goods=tuple(Good(f"g{number}") for number in range(auction.goods)),
                participants=tuple(map(Participant, auction.bidders)),
                solver_ms=1,
                bundles_max=200,
            )
        )
        for name in auction.bidders:
            await session.say(BidsPlaced(bundles=auction.bundles(name)), by=name)
        decision = await session.decision()
    assert isinstance(decision, BundlesAwarded)
    assert (decision.pricing, decision.outcome) == ("pay_as_bid", "decided")
    assert decision.main is not None
    least = value_of(auction.problem, greedy(auction.problem))
    assert least <= decision.main.value <= 84_188_562 <= decision.main.bound
    assert decision.main.proof == ""
    assert Fraction(decision.revenue) == decision.main.value
    assert (await verify(space.store)).divergences == ()


def test_policies_are_made_of_tables() -> None:
    table: dict[str, object] = {
        "policy": "truthful_bundle_bidder",
        "values": [{"goods": {"A": 1}, "amount": 5}],
    }
    assert policy_of(table) == TruthfulBundleBidder(values=(Bundle({"A": 1}, 5),))
    assert policy_of({"policy": "bundle_trader", "orders": []}) == BundleTrader(orders=())


@pytest.mark.jetstream
async def test_on_a_server_the_outcome_is_the_same() -> None:
    async with connect("team") as space:
        await space.host(*locals_and_a_global())
        session = await space.sessions.open(BundlesOffered(goods=GOODS, participants=BIDDERS))
        decision = await session.decision()
        assert isinstance(decision, BundlesAwarded)
        assert [(one.agent, one.amount) for one in decision.payments] == [
            ("ann", "3"),
            ("ben", "2"),
        ]
        assert (await verify(space.store)).divergences == ()
