"""Metrics over a real server: what is counted, and what is shown when something goes wrong."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.app.composition import attach, connect
from mabeam.app.telemetry import metrics
from mabeam.core.actors import COORDINATOR_SOURCE
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.envelope import Recorded
from mabeam.core.errors import ConfigurationError, Conflict, Rejected, StoreUnavailable
from mabeam.core.ports import EventStore, Guard, Write
from mabeam.core.telemetry import Follower
from mabeam.core.variable.types import IntegerType
from mabeam.infra.memory import MemoryStore
from mabeam.infra.observability.metrics import Metrics
from mabeam.infra.observability.metrics.instruments import INSTRUMENTS
from mabeam.projections.projection import Projection
from mabeam.projections.runner import Live
from support.events import append_each, fresh_id, write
from support.jetstream_worlds import JetStreamKind, JetStreamWorld
from support.nats_server import NatsServer
from support.reading import next_delivery, read_all
from support.waiting import until

pytestmark = pytest.mark.jetstream


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mabeam.infra.observability.metrics.watching.LOOK_SECONDS", 0.02)


@pytest.fixture
async def world(nats_server: NatsServer) -> AsyncIterator[JetStreamWorld]:
    async with JetStreamKind(nats_server.url).world() as world:
        yield world


@pytest.fixture
def found() -> Metrics:
    return metrics()


@pytest.fixture
async def store(world: JetStreamWorld, found: Metrics) -> AsyncIterator[EventStore]:
    async with found.observing(await world.open()) as observed:
        yield observed


def shown(found: Metrics, name: str, store: EventStore, **labels: str) -> float | None:
    return found.registry.get_sample_value(name, {"space": store.space, **labels})


class TestAppends:
    async def test_they_are_told_apart_by_their_outcome(
        self, store: EventStore, found: Metrics
    ) -> None:
        def count(outcome: str) -> float | None:
            name = "mabeam_append_duration_seconds_count"
            return shown(found, name, store, outcome=outcome)

        await append_each(store, 2)
        _ = await store.append(write("session/2", 3))
        with pytest.raises(Conflict):
            _ = await store.append(write(expect=1))
        with pytest.raises(Rejected):
            _ = await store.append()
        assert (count("recorded"), count("conflict"), count("rejected")) == (3, 1, 1)
        assert count("unknown") is None
        assert shown(found, "mabeam_events_recorded_total", store) == 5

    async def test_one_that_is_cut_off_is_counted_too(
        self, store: EventStore, found: Metrics
    ) -> None:
        task = asyncio.ensure_future(store.append(write()))
        await asyncio.sleep(0)
        _ = task.cancel()
        with pytest.raises(asyncio.CancelledError):
            _ = await task
        name = "mabeam_append_duration_seconds_count"
        assert shown(found, name, store, outcome="cancelled") == 1


async def test_reading_is_counted_by_its_way(store: EventStore, found: Metrics) -> None:
    await append_each(store, 5)
    assert len(await read_all(store)) == 5
    async with store.follow() as pages:
        seen = 0
        while seen < 5:
            seen += len(await anext(pages))
    _ = await store.latest()
    counts = {
        way: shown(found, "mabeam_events_read_total", store, way=way)
        for way in ("read", "follow", "latest")
    }
    assert counts == {"read": 5, "follow": 5, "latest": 1}
    pages_read = shown(found, "mabeam_pages_read_total", store, way="read")
    assert pages_read is not None
    assert 1 <= pages_read <= 5


async def test_deliveries_are_in_hand_until_they_are_settled(
    store: EventStore, found: Metrics
) -> None:
    await append_each(store, 3)

    def figures() -> list[float | None]:
        names = ("deliveries_total", "redeliveries_total", "unsettled_events")
        return [shown(found, f"mabeam_{name}", store, consumer="worker") for name in names]

    async with store.consume("worker", ack_wait_seconds=20) as deliveries:
        first, second = await next_delivery(deliveries), await next_delivery(deliveries)
        assert figures() == [2, 0, 2]
        await first.ack()
        assert figures() == [2, 0, 1]
        await second.retry()
        assert figures() == [2, 0, 0]
        taken = {(await next_delivery(deliveries)).recorded.position for _ in range(2)}
        assert taken == {2, 3}
        assert figures() == [4, 1, 2]
    assert figures() == [4, 1, None], "who has left has nothing in hand"


async def test_what_is_handed_to_another_is_in_hand_no_more(
    store: EventStore, found: Metrics
) -> None:
    await append_each(store, 1)
    async with store.consume("worker", ack_wait_seconds=0.05) as deliveries:
        _ = await next_delivery(deliveries)
        name = "mabeam_unsettled_events"
        await until(lambda: shown(found, name, store, consumer="worker") == 0)


async def test_two_consumers_of_one_name_in_one_process_are_shown_as_one(
    store: EventStore, found: Metrics
) -> None:
    await append_each(store, 2)
    name = "mabeam_unsettled_events"
    async with store.consume("worker", ack_wait_seconds=20) as deliveries:
        async with store.consume("worker", ack_wait_seconds=20):
            pass
        _ = await next_delivery(deliveries)
        assert shown(found, name, store, consumer="worker") == 1
    assert shown(found, name, store, consumer="worker") is None


class TestSessions:
    async def test_the_time_to_a_decision_is_that_of_the_log(
        self, world: JetStreamWorld, found: Metrics
    ) -> None:
        async with attach(await world.open(), telemetry=[found]) as space:
            auction = await space.sessions.open_auction("lot", bidders=("a", "b"))
            _ = await auction.bid(3, by="a")
            _ = await auction.bid(5, by="b")
            _ = await auction.decision()
            at = {one.type.split(".")[-2]: one.recorded_ns for one in await read_all(space.store)}
            decided = {"protocol": "auction", "outcome": "decided"}
            name = "mabeam_sessions_ended_total"
            await until(lambda: shown(found, name, space.store, **decided) == 1)
            for since, began in (("opening", "opened"), ("last_speech", "bid_placed")):
                total = shown(
                    found,
                    "mabeam_decision_duration_seconds_sum",
                    space.store,
                    protocol="auction",
                    since=since,
                )
                assert total == pytest.approx((at["decided"] - at[began]) / 1e9)

    async def test_history_is_not_news_and_news_is_counted_once(
        self, world: JetStreamWorld, found: Metrics
    ) -> None:
        async with attach(await world.open()) as space:
            former = await space.sessions.open_auction("former", bidders=("a",))
            _ = await former.bid(1, by="a")
            _ = await former.decision()
            pending = await space.sessions.open_auction("pending", bidders=("a",))
        async with AsyncExitStack() as stack:
            spaces = [
                await stack.enter_async_context(attach(await world.open(), telemetry=[found]))
                for _ in range(3)
            ]
            session = spaces[0].sessions.get(pending.name)
            _ = await session.bid(1, by="a")
            _ = await session.decision()
            other = await spaces[1].sessions.open_auction("taken back")
            await other.cancel()
            for space in spaces:
                _ = await space.caught_up()
            counts = {
                outcome: shown(
                    found,
                    "mabeam_sessions_ended_total",
                    spaces[0].store,
                    protocol="auction",
                    outcome=outcome,
                )
                for outcome in ("decided", "cancelled")
            }
        assert counts == {"decided": 1, "cancelled": 1}

    async def test_labels_take_no_names_of_agents_or_entities(
        self, world: JetStreamWorld, found: Metrics
    ) -> None:
        names: set[str] = set()
        async with attach(await world.open(), telemetry=[found]) as space:
            for number in range(4):
                agent, variable = f"agent-{number}", f"variable-{number}"
                _ = await space.agents.register(agent)
                await space.variables.declare(variable, IntegerType(0, 9))
                auction = await space.sessions.open_auction(f"lot {number}", bidders=(agent,))
                _ = await auction.bid(3, by=agent)
                _ = await auction.decision()
                names |= {agent, variable, auction.name, f"lot {number}"}
            labels = {
                value
                for metric in found.registry.collect()
                for sample in metric.samples
                for value in sample.labels.values()
            }
        assert {"recorded", "auction", "coordinator"} <= labels
        assert not names & labels


async def test_what_nobody_can_read_is_counted_once_it_comes(
    world: JetStreamWorld, found: Metrics
) -> None:
    store = await world.open()
    _ = await world.publish_raw(f"mabeam.{world.space}.session.1.said.ann", b"garbage")
    async with attach(store, telemetry=[found]) as space:
        name = "mabeam_events_unreadable_total"
        assert shown(found, name, space.store) == 0
        _ = await world.publish_raw(f"mabeam.{world.space}.session.1.said.ann", b"garbage")
        _ = await space.caught_up()
        assert shown(found, name, space.store) == 1
        await append_each(space.store, 1)
        _ = await space.caught_up()
        assert shown(found, name, space.store) == 1


class Bidder(Agent):
    @hears(AuctionOpened)
    async def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        if opened.lot == "broken":
            raise ZeroDivisionError
        return BidPlaced(amount=3)


@pytest.mark.slow
async def test_handling_is_measured_by_role_and_outcome(
    world: JetStreamWorld, found: Metrics
) -> None:
    async with attach(await world.open(), telemetry=[found]) as space:
        await space.host(Bidder("ann"))
        auction = await space.sessions.open_auction("fine", bidders=("ann",))
        _ = await auction.decision()
        _ = await space.sessions.open_auction("broken", bidders=("ann",), open_for_seconds=60)

        def count(role: str, outcome: str) -> float:
            name = "mabeam_handling_duration_seconds_count"
            return shown(found, name, space.store, role=role, outcome=outcome) or 0

        await until(lambda: count("agent", "failed") == 1)
        assert count("agent", "done") == 1
        assert count("coordinator", "failed") == 0
        await until(lambda: count("coordinator", "done") >= 4)
        hurried = await space.sessions.open_auction("hurried", open_for_seconds=0.01)
        _ = await hurried.decision()
        await until(lambda: count("deadline", "done") >= 1)


class Stumbling(MemoryStore):
    """A log that once is not there when a coordinator comes."""

    stumbled = False

    async def append(self, *writes: Write, guards: Sequence[Guard] = ()) -> int:
        if not self.stumbled and writes[0].events[0].source == COORDINATOR_SOURCE:
            self.stumbled = True
            raise StoreUnavailable("away")
        return await super().append(*writes, guards=guards)


async def test_a_reaction_that_fails_is_counted_and_so_is_its_second_attempt(
    found: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mabeam.agents.coordinator.RETRY_SECONDS", 0.01)
    async with attach(Stumbling("team"), telemetry=[found]) as space:
        auction = await space.sessions.open_auction("lot", bidders=("ann",))
        _ = await auction.bid(3, by="ann")
        _ = await auction.decision()
        store = space.store
        failed = {"role": "coordinator", "outcome": "failed"}
        assert shown(found, "mabeam_handling_duration_seconds_count", store, **failed) == 1
        again = shown(found, "mabeam_redeliveries_total", store, consumer="coordinator")
        assert again == 1


def fails_at(position: int) -> Projection[int]:
    def apply(state: int, recorded: Recorded) -> int:
        if recorded.position == position:
            raise ZeroDivisionError
        return state + 1

    return Projection("faulty", 1, 0, apply)


@pytest.mark.slow
class TestLag:
    def lag(self, found: Metrics, store: EventStore, follower: str) -> list[float | None]:
        names = ("position", "lag_events", "lag_seconds")
        return [shown(found, f"mabeam_follower_{n}", store, follower=follower) for n in names]

    async def test_it_grows_for_a_stalled_projection_and_for_no_other(
        self, store: EventStore, found: Metrics
    ) -> None:
        counting = Projection("counting", 1, 0, lambda state, _: state + 1)
        async with Live(counting, store) as well, Live(fails_at(3), store) as stalled:
            with ExitStack() as stack:
                for name, live in (("well", well), ("stalled", stalled)):
                    _ = stack.enter_context(found.following(store.space, name, live))
                await append_each(store, 7)
                _ = await well.wait_for(7)
                await until(lambda: shown(found, "mabeam_log_head_position", store) == 7)
                await until(lambda: (self.lag(found, store, "stalled")[2] or 0) > 0)
                assert self.lag(found, store, "well") == [7, 0, 0]
                assert self.lag(found, store, "stalled")[:2] == [2, 5]
                before = self.lag(found, store, "stalled")[2]
                assert before is not None
                await until(lambda: (self.lag(found, store, "stalled")[2] or 0) > before)
            assert self.lag(found, store, "well") == [None, None, None]

    async def test_its_age_is_that_of_the_first_event_not_folded(
        self, store: EventStore, found: Metrics
    ) -> None:
        await append_each(store, 4)
        (_, second, *_) = await read_all(store)

        class Halted:
            position = 1

        halted = Halted()
        with found.following(store.space, "halted", cast("Follower", halted)):
            await until(lambda: (self.lag(found, store, "halted")[2] or 0) > 0)
            before = (await store.now_ns() - second.recorded_ns) / 1e9
            await until(lambda: (self.lag(found, store, "halted")[2] or 0) > before)
            halted.position = 4
            assert self.lag(found, store, "halted") == [4, 0, 0]

    async def test_of_several_of_one_name_the_hindmost_is_shown(
        self, store: EventStore, found: Metrics
    ) -> None:
        class At:
            def __init__(self, position: int) -> None:
                self.position = position

        with found.following(store.space, "same", At(5)):
            with found.following(store.space, "same", At(2)):
                assert self.lag(found, store, "same")[0] == 2
            assert self.lag(found, store, "same")[0] == 5

    async def test_every_live_state_of_a_space_is_watched(
        self, world: JetStreamWorld, found: Metrics
    ) -> None:
        async with attach(await world.open(), telemetry=[found]) as space:
            await space.host(Bidder("ann"))
            head = (await space.caught_up()).position
            for follower in ("coordinator", "agents", "space"):
                await until(
                    lambda name=follower: self.lag(found, space.store, name) == [head, 0, 0]
                )


@pytest.mark.slow
async def test_a_log_that_is_away_is_shown_and_so_is_its_return(
    breakable_server: NatsServer, found: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mabeam.infra.observability.metrics.watching.ANSWER_SECONDS", 0.2)
    async with connect(fresh_id()[-8:], server=breakable_server.url, telemetry=[found]) as space:

        def holds(name: str, value: float) -> Callable[[], bool]:
            return lambda: shown(found, name, space.store) == value

        await until(holds("mabeam_log_reachable", 1))
        assert shown(found, "mabeam_reconnects_total", space.store) is None
        breakable_server.kill()
        await until(holds("mabeam_log_reachable", 0))
        breakable_server.start()
        await until(holds("mabeam_log_reachable", 1))
        assert (shown(found, "mabeam_reconnects_total", space.store) or 0) >= 1
    assert shown(found, "mabeam_log_reachable", space.store) is None


async def test_one_observed_space_that_ends_leaves_the_other_shown(
    world: JetStreamWorld, found: Metrics
) -> None:
    async with found.observing(await world.open()) as store:
        async with found.observing(await world.open()):
            pass
        await until(lambda: shown(found, "mabeam_log_reachable", store) == 1)


@pytest.mark.slow
class TestServing:
    async def test_the_figures_are_fetched_by_http(self, store: EventStore, found: Metrics) -> None:
        await append_each(store, 2)
        with found.served("127.0.0.1", 0) as url:
            text = await asyncio.to_thread(fetch, url)
        assert f'mabeam_events_recorded_total{{space="{store.space}"}} 2.0' in text
        assert "process_cpu_seconds_total" in text

    def test_an_address_that_is_taken_is_said(self, found: Metrics) -> None:
        with (
            found.served("127.0.0.1", 0) as url,
            pytest.raises(ConfigurationError, match="choose another address"),
            metrics().served("127.0.0.1", int(url.split(":")[2].split("/")[0])),
        ):
            pass

    def test_a_service_s_own_registry_takes_them_once(self) -> None:
        registry = CollectorRegistry()
        assert metrics(registry).registry is registry
        with pytest.raises(ConfigurationError, match="already"):
            _ = metrics(registry)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of our own
        return str(answer.read().decode())


def test_what_is_declared_is_what_is_registered() -> None:
    registry = CollectorRegistry()
    _ = Metrics(registry)
    registered = {found.name: found for found in registry.collect()}
    declared = {one.name.removesuffix("_total"): one for one in INSTRUMENTS}
    assert set(registered) == set(declared)
    for name, one in declared.items():
        assert (registered[name].type, registered[name].documentation) == (one.kind, one.help)
        assert one.help.endswith(".")
        assert bool(one.buckets) == (one.kind == "histogram")
        assert one.name.endswith("_total") == (one.kind == "counter")
