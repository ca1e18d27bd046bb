"""Markets with agents who answer for themselves, and any number of coordinators."""

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
    FisherBuyer,
    LimitTrader,
    MarketMaker,
    PolicyAgent,
    PostedPriceBuyer,
    policy_of,
)
from mabeam.app import connect
from mabeam.app.composition import attach
from mabeam.app.space import Space
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.market import (
    CallMarketDecided,
    CallMarketOpened,
    ContinuousMarketDecided,
    ContinuousMarketOpened,
    Endowment,
    FisherMarketDecided,
    FisherMarketOpened,
    OrderCancelled,
    OrderPlaced,
    PostedPriceDecided,
    PostedPriceOpened,
    PurchaseMade,
    SheetPlaced,
    Supply,
    Traded,
)
from mabeam.core.policies import Policy
from mabeam.core.session import SESSION, Participant, SessionState
from mabeam.core.testing import given, said
from mabeam.core.variable import FloatType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.system import SystemClock, SystemIds
from mabeam.projections.verification import verify
from support.nats_server import NatsServer
from support.worlds import fresh_space

TRADERS = {
    "ann": LimitTrader(side="buy", value=90),
    "ben": LimitTrader(side="buy", value=80, good="cpu"),
    "sue": LimitTrader(side="sell", value=30),
    "tom": LimitTrader(side="sell", value=40, quantity=3),
}
TEAM = tuple(map(Participant, TRADERS))


@pytest.fixture
async def space() -> AsyncIterator[Space]:
    async with attach(MemoryStore("team"), coordinate=False) as attached:
        yield attached


async def coordinate(space: Space, stack: AsyncExitStack, count: int) -> None:
    author = Author(SystemClock(), SystemIds())
    for _ in range(count):
        await stack.enter_async_context(Coordinator(space.store, author, ack_wait_seconds=0.2))


async def host(space: Space, policies: dict[str, AgentPolicy]) -> None:
    await space.host(*(PolicyAgent(name, [policy]) for name, policy in policies.items()))


async def is_proved(space: Space) -> bool:
    return (await verify(space.store)).divergences == ()


@pytest.mark.parametrize("coordinators", [1, 3])
@pytest.mark.parametrize(
    ("rule", "volume", "price"), [("average", 2, "40"), ("mcafee", 1, ""), ("vcg", 2, "")]
)
async def test_a_call_market_clears_when_all_have_ordered(
    space: Space, coordinators: int, rule: str, volume: int, price: str
) -> None:
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, coordinators)
        await host(space, dict(TRADERS))
        session = await space.sessions.open(
            CallMarketOpened(good="cpu", rule=Policy(rule), participants=TEAM)
        )
        decision = await session.decision()
    assert isinstance(decision, CallMarketDecided)
    assert (decision.volume, decision.price) == (volume, price)
    assert await is_proved(space)


@pytest.mark.parametrize("coordinators", [1, 3])
async def test_a_book_goes_on_and_each_trade_is_told_once(space: Space, coordinators: int) -> None:
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, coordinators)
        await host(
            space,
            {"maker": MarketMaker(value=100, spread=2, quantity=3, orders_max=6), **TRADERS},
        )
        session = await space.sessions.open(ContinuousMarketOpened(good="cpu", open_for_ms=1500))
        await space.until(lambda world: len(world.session(session.name).state.spoken) == 5)
        for _ in range(3):
            await session.say(OrderPlaced(side="buy", quantity=3), by="cyd")
            await space.until(
                lambda world: (
                    (floor := world.session(session.name).state.course).announced
                    == floor.batches.count
                )
            )
        decision = await session.decision()
    assert isinstance(decision, ContinuousMarketDecided)
    maker = next(one for one in decision.accounts if one.agent == "maker")
    assert maker.bought + maker.sold > 3
    told = [recorded.data async for page in space.store.read() for recorded in page]
    batches = [event for event in told if isinstance(event, Traded)]
    assert len({batch.order for batch in batches}) == len(batches)
    assert [b.order for b in batches] == [b.order for b in decision.listed][: len(batches)]
    assert await is_proved(space)


async def test_trades_that_were_not_told_in_time_count_all_the_same(space: Space) -> None:
    session = await space.sessions.open(ContinuousMarketOpened(good="cpu", open_for_ms=1))
    await session.say(OrderPlaced(side="sell", quantity=3, price=5), by="sue")
    await session.say(OrderPlaced(side="buy", quantity=2, price=5), by="ann")
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, 1)
        decision = await session.decision()
    assert isinstance(decision, ContinuousMarketDecided)
    late = "sue" in session.state.late
    assert late or (decision.volume, decision.unfilled) == (2, 1)
    assert await is_proved(space)


@pytest.mark.parametrize("coordinators", [1, 3])
async def test_a_sale_ends_when_nothing_is_left(space: Space, coordinators: int) -> None:
    buyers = {f"a{n}": PostedPriceBuyer(value=2, quantity=40) for n in range(4)}
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, coordinators)
        await host(space, {**buyers, "poor": PostedPriceBuyer(value=0)})
        session = await space.sessions.open(PostedPriceOpened(good="cpu", price=1, quantity=100))
        decision = await session.decision()
    assert isinstance(decision, PostedPriceDecided)
    assert (decision.sold, decision.left) == (100, 0)
    assert "poor" not in {one.agent for one in decision.accounts}
    assert await is_proved(space)


@pytest.mark.parametrize("coordinators", [1, 3])
async def test_goods_are_shared_out_exactly(space: Space, coordinators: int) -> None:
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, coordinators)
        await host(
            space,
            {
                "ann": FisherBuyer(values={"cpu": 1, "gpu": 20}),
                "ben": FisherBuyer(values={"gpu": 3}),
                "cyd": FisherBuyer(values={"ram": 1}),
            },
        )
        opening = FisherMarketOpened(
            goods=(Supply("cpu", 10), Supply("gpu")),
            endowments=(Endowment("ann", 10), Endowment("ben", 1)),
            participants=(Participant("ann"), Participant("ben")),
        )
        decision = await (await space.sessions.open(opening)).decision()
    assert isinstance(decision, FisherMarketDecided)
    assert [one.price for one in decision.prices] == ["11/30", "22/3"]
    assert await is_proved(space)


async def test_a_price_becomes_the_value_of_a_variable(space: Space) -> None:
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, 2)
        await host(space, dict(TRADERS))
        await space.variables.declare("price", FloatType(0, 100, 0.5), update="coordinated")
        opening = CallMarketOpened(
            good="cpu", rule=Policy("k_double_auction"), participants=TEAM, variable="price"
        )
        session = await space.sessions.open(opening)
        state = await session.applied()
    assert state.value == float(Decimal((await session.decision()).price))


async def test_a_cancelled_market_has_no_decision_and_a_broken_one_fails(space: Space) -> None:
    async with AsyncExitStack() as stack:
        await coordinate(space, stack, 1)
        session = await space.sessions.open(ContinuousMarketOpened(good="cpu"))
        await session.say(OrderPlaced(side="buy", quantity=2, price=5), by="ann")
        await session.cancel("no longer needed")
        assert (await session.ended()).outcome == "cancelled"
    assert await is_proved(space)


# Policies by themselves

HEARD = None


def answers(policy: AgentPolicy, event: Event, state: SessionState) -> Sequence[Answer]:
    heard: Heard = HEARD  # type: ignore[assignment]  # policies of markets look at the state alone
    return policy.answer("me", state, event, heard)


class TestPolicies:
    @pytest.mark.parametrize(
        "policy",
        [
            LimitTrader(side="buy", value=5),
            MarketMaker(value=5),
            PostedPriceBuyer(value=5),
            FisherBuyer(values={"cpu": 1}),
        ],
        ids=str,
    )
    def test_they_say_nothing_of_what_does_not_concern_them(self, policy: AgentPolicy) -> None:
        stray = Traded(order="x", agent="eve", side="buy", fills=(), position=1)
        for opening in (
            CallMarketOpened(good="cpu"),
            ContinuousMarketOpened(good="cpu"),
            PostedPriceOpened(good="cpu", price=9, quantity=1),
            FisherMarketOpened(goods=(Supply("gpu"),), endowments=(Endowment("me", 1),)),
        ):
            assert not answers(policy, stray, SessionState(phase="open", opening=opening))
            assert not answers(policy, opening, SessionState(phase="ended", opening=opening))

    def test_they_trade_their_own_good_alone(self) -> None:
        for opening in (CallMarketOpened(good="cpu"), ContinuousMarketOpened(good="cpu")):
            state = SessionState(phase="open", opening=opening)
            assert answers(LimitTrader(side="buy", value=5, good="cpu"), opening, state)
            assert not answers(LimitTrader(side="buy", value=5, good="gpu"), opening, state)
            assert answers(MarketMaker(value=5, good="cpu"), opening, state)
            assert not answers(MarketMaker(value=5, good="gpu"), opening, state)

    def test_a_maker_offers_on_both_sides_where_it_may(self) -> None:
        opening = CallMarketOpened(good="cpu")
        (sheet,) = answers(
            MarketMaker(value=5, spread=2), opening, SessionState(phase="open", opening=opening)
        )
        assert isinstance(sheet, SheetPlaced)
        assert [(one.side, one.price) for one in sheet.orders] == [("buy", 3), ("sell", 7)]
        one_sided = CallMarketOpened(good="cpu", rule=Policy("vcg"))
        state = SessionState(phase="open", opening=one_sided)
        assert not answers(MarketMaker(value=5), one_sided, state)

    def test_a_maker_that_is_started_anew_does_not_offer_twice(self) -> None:
        opening = ContinuousMarketOpened(good="cpu")
        offers = answers(MarketMaker(value=5), opening, SessionState(phase="open", opening=opening))
        placed = [said(offer, "me") for offer in offers if isinstance(offer, OrderPlaced)]
        assert len(placed) == 2
        assert not answers(MarketMaker(value=5), opening, given(SESSION, opening, *placed).state)

    def test_a_maker_offers_anew_once_for_all_that_took_an_offer(self) -> None:
        opening = ContinuousMarketOpened(good="cpu")
        maker = MarketMaker(value=100, spread=2, quantity=3)
        past = [
            said(OrderPlaced(side="sell", quantity=3, price=102), "me"),
            said(OrderPlaced(side="buy", quantity=3, price=98), "me"),
            *(said(OrderPlaced(side="buy", quantity=n), "ann") for n in (1, 2)),
        ]
        state = given(SESSION, opening, *past).state
        one, two = state.course.batches.entries()
        assert not answers(maker, one, state)
        assert answers(maker, two, state) == (OrderPlaced(side="sell", quantity=3, price=102),)
        # Before the new offer is recorded, the other one is taken as well.
        past.append(said(OrderPlaced(side="sell", quantity=3), "ann"))
        state = given(SESSION, opening, *past).state
        (*_, three) = state.course.batches.entries()
        assert answers(maker, three, state) == (OrderPlaced(side="buy", quantity=3, price=98),)

    def test_a_maker_offers_anew_when_it_has_again_what_it_lacked(self) -> None:
        opening = ContinuousMarketOpened(good="cpu", endowments=(Endowment("me", holding=1),))
        buy = OrderPlaced(side="buy", quantity=1, price=4)
        sell = OrderPlaced(side="sell", quantity=1, price=6)
        past = [
            said(buy, "me"),
            said(sell, "me"),
            said(OrderPlaced(side="buy", quantity=1), "ann"),
            said(sell, "me"),
            said(OrderPlaced(side="sell", quantity=1), "ann"),
        ]
        state = given(SESSION, opening, *past).state
        assert state.refused["me"].reason == "beyond_holding"
        (*_, last) = state.course.batches.entries()
        assert answers(MarketMaker(value=5), last, state) == (buy, sell)

    def test_a_maker_places_no_more_orders_than_it_may(self) -> None:
        opening = ContinuousMarketOpened(good="cpu")
        state = SessionState(phase="open", opening=opening)
        assert len(answers(MarketMaker(value=5, orders_max=1), opening, state)) == 1

    def test_nobody_pays_more_than_a_piece_is_worth_where_prices_begin_at_one(self) -> None:
        opening = ContinuousMarketOpened(good="cpu")
        state = SessionState(phase="open", opening=opening)
        assert answers(MarketMaker(value=1), opening, state) == (
            OrderPlaced(side="sell", quantity=1, price=2),
        )
        assert answers(LimitTrader(side="sell", value=0), opening, state) == (
            OrderPlaced(side="sell", quantity=1, price=1),
        )
        assert not answers(LimitTrader(side="buy", value=0), opening, state)

    def test_a_maker_without_a_spread_is_refused(self) -> None:
        with pytest.raises(Rejected, match="allowed: 1 or more") as caught:
            MarketMaker(value=5, spread=0)
        assert caught.value.field == "spread"

    def test_policies_are_made_of_tables(self) -> None:
        fields: dict[str, object] = {"policy": "fisher_buyer", "values": {"cpu": 2}}
        assert policy_of(fields) == FisherBuyer(values={"cpu": 2})


# Over JetStream


@pytest.mark.jetstream
async def test_a_book_on_a_real_server(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        session = await space.sessions.open(ContinuousMarketOpened(good="cpu", open_for_ms=1000))
        await session.say(OrderPlaced(side="sell", quantity=5, price=10), by="sue")
        position = await session.say(OrderPlaced(side="buy", quantity=2, price=12), by="ann")
        await space.until(lambda world: world.session(session.name).state.course.announced == 1)
        (resting,) = session.state.course.book.orders("sell")
        assert (resting.agent, resting.quantity) == ("sue", 3)
        await session.say(OrderCancelled(order=resting.order), by="sue")
        decision = await session.decision()
        assert isinstance(decision, ContinuousMarketDecided)
        assert (decision.volume, decision.last, decision.unfilled) == (2, 10, 0)
        assert decision.listed[0].position == position
        report = await verify(space.store)
        assert report.divergences == ()


@pytest.mark.jetstream
async def test_first_come_first_served_on_a_real_server(nats_server: NatsServer) -> None:
    async with connect(fresh_space(), server=nats_server.url) as space:
        session = await space.sessions.open(PostedPriceOpened(good="cpu", price=3, quantity=4))
        for agent in ("ann", "ben"):
            await session.say(PurchaseMade(quantity=3), by=agent)
        decision = await session.decision()
        assert isinstance(decision, PostedPriceDecided)
        assert [(one.agent, one.quantity) for one in decision.sales] == [("ann", 3), ("ben", 1)]
