"""Traces over a real server: what is a span, what links to what, and that replay leaves none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.app.composition import attach
from mabeam.app.telemetry import tracing
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Conflict, EventTooLarge, Rejected
from mabeam.core.ids import derived_id
from mabeam.core.ports import NEW, EventStore, Write
from mabeam.core.reactor import Append
from mabeam.core.session.reactor import SESSIONS
from mabeam.infra.observability.tracing import Tracing
from mabeam.projections.verification import verify
from mabeam.projections.world import WORLD
from support.events import append_each, said, write
from support.jetstream_worlds import JetStreamKind
from support.nats_server import NatsServer
from support.reading import next_delivery, read_all
from support.waiting import until
from support.worlds import MemoryKind, World

PLACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

pytestmark = pytest.mark.jetstream


class Spans:
    """Keeps the spans that have ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = tracing(self.provider)

    def named(self, start: str) -> list[ReadableSpan]:
        return [one for one in self.exporter.get_finished_spans() if one.name.startswith(start)]

    def at(self, recorded: Recorded) -> ReadableSpan:
        """Return the span in which an event says that it was written."""
        _, trace, span, _ = recorded.envelope.traceparent.split("-")
        [found] = [
            one
            for one in self.exporter.get_finished_spans()
            if (f"{context(one).trace_id:032x}", f"{context(one).span_id:016x}") == (trace, span)
        ]
        return found


@pytest.fixture
def spans() -> Iterator[Spans]:
    made = Spans()
    yield made
    made.provider.shutdown()


@pytest.fixture(params=["memory", "jetstream"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        async with MemoryKind().world() as memory:
            yield memory
    else:
        server: NatsServer = request.getfixturevalue("nats_server")
        async with JetStreamKind(server.url).world() as streams:
            yield streams


@pytest.fixture
async def store(world: World, spans: Spans) -> AsyncIterator[EventStore]:
    async with spans.tracing.observing(await world.open()) as observed:
        yield observed


def context(span: ReadableSpan) -> SpanContext:
    found: SpanContext | None = span.context
    assert found is not None
    return found


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


class Bidder(Agent):
    @hears(AuctionOpened)
    async def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        if opened.lot == "broken":
            raise ZeroDivisionError("a fault of its own")
        return BidPlaced(amount=3)


class TestAppends:
    async def test_an_append_is_a_producer_s_span_and_its_event_says_so(
        self, store: EventStore, spans: Spans
    ) -> None:
        one = write()
        position = await store.append(one)
        [recorded] = await read_all(store)
        span = spans.at(recorded)
        assert (span.name, span.kind) == ("append test.said.v1", SpanKind.PRODUCER)
        assert span.parent is None
        shown = attributes(span)
        assert shown["messaging.system"] == "nats"
        assert shown["messaging.operation.type"] == "send"
        assert shown["messaging.destination.name"] == f"mabeam.{store.space}"
        assert shown["messaging.message.id"] == one.events[0].id
        assert (shown["mabeam.entity"], shown["mabeam.position"]) == ("session/1", position)

    async def test_one_of_several_events_is_one_span(self, store: EventStore, spans: Spans) -> None:
        _ = await store.append(write(count=3))
        first, *others = await read_all(store)
        assert {one.envelope.traceparent for one in others} == {first.envelope.traceparent}
        assert attributes(spans.at(first))["messaging.batch.message_count"] == 3

    async def test_it_stands_in_the_trace_around_it(self, store: EventStore, spans: Spans) -> None:
        tracer = spans.provider.get_tracer("a program")
        with tracer.start_as_current_span("a request") as request:
            await append_each(store, 1)
        [recorded] = await read_all(store)
        span = spans.at(recorded)
        assert span.parent is not None
        assert span.parent.span_id == request.get_span_context().span_id

    async def test_where_a_producer_says_it_wrote_is_believed_and_linked(
        self, store: EventStore, spans: Spans
    ) -> None:
        event = msgspec.structs.replace(said(), traceparent=PLACE, tracestate="vendor=1")
        _ = await store.append(Write((event,)))
        [recorded] = await read_all(store)
        assert recorded.envelope == event
        [link] = spans.named("append")[0].links
        assert f"{link.context.trace_id:032x}" == PLACE.split("-")[1]
        assert link.context.trace_state.get("vendor") == "1"

    async def test_to_be_second_or_refused_is_no_fault_and_a_fault_is_one(
        self, store: EventStore, spans: Spans
    ) -> None:
        await append_each(store, 1)
        with pytest.raises(Conflict):
            _ = await store.append(write(expect=NEW))
        with pytest.raises(Rejected):
            _ = await store.append()
        with pytest.raises(EventTooLarge):
            _ = await store.append(Write((said(text="x" * 2_000_000),)))
        found = [
            (attributes(span).get("error.type"), span.status.status_code)
            for span in spans.named("append")
        ]
        assert found == [
            (None, StatusCode.UNSET),
            ("Conflict", StatusCode.UNSET),
            ("Rejected", StatusCode.UNSET),
            ("EventTooLarge", StatusCode.ERROR),
        ]

    async def test_one_that_is_cut_off_ends_its_span(self, store: EventStore, spans: Spans) -> None:
        task = asyncio.ensure_future(store.append(write()))
        await asyncio.sleep(0)
        _ = task.cancel()
        with pytest.raises(asyncio.CancelledError):
            _ = await task
        [span] = spans.named("append")
        assert attributes(span)["error.type"] == "CancelledError"

    @pytest.mark.parametrize("count", [1, 3])
    @pytest.mark.parametrize("expect", [None, NEW])
    async def test_one_that_is_repeated_is_recognised_though_it_is_written_elsewhere(
        self, store: EventStore, spans: Spans, count: int, expect: int | None
    ) -> None:
        one = write(count=count, expect=expect)
        assert await store.append(one) == count
        [first, *_] = await read_all(store)
        assert await store.append(one) == count
        await append_each(store, 2)
        assert await store.append(one) == count
        events = await read_all(store)
        assert len(events) == count + 2
        assert events[0].envelope == first.envelope
        places = {context(span).span_id for span in spans.named("append")}
        assert len(places) == 5, "each attempt is a span of its own"


class TestReactions:
    async def test_a_reaction_links_to_what_caused_it_and_its_output_tells_of_it(
        self, world: World, spans: Spans
    ) -> None:
        async with attach(await world.open(), telemetry=[spans.tracing]) as space:
            auction = await space.sessions.open_auction("lot", bidders=("a",))
            # A reaction looks at the state: while it looks at the opening, it may see the bid.
            await until(lambda: len(spans.named("process")) == 1)
            _ = await auction.bid(3, by="a")
            _ = await auction.decision()
            events = {one.type.split(".")[-2]: one for one in await read_all(space.store)}
            await until(lambda: len(spans.named("process")) == 4)
        bid, closed, decided = (events[name] for name in ("bid_placed", "closed", "decided"))
        written = spans.at(closed)
        [reaction] = [
            span
            for span in spans.named("process")
            if written.parent and context(span).span_id == written.parent.span_id
        ]
        assert (reaction.name, reaction.kind) == (f"process {bid.type}", SpanKind.CONSUMER)
        assert attributes(reaction)["mabeam.role"] == "coordinator"
        assert reaction.parent is None
        [link] = reaction.links
        assert link.context.span_id == context(spans.at(bid)).span_id
        assert link.context.trace_id != context(reaction).trace_id
        traces = {one.envelope.traceparent.split("-")[1] for one in (closed, decided)}
        assert traces == {f"{context(reaction).trace_id:032x}"}

    async def test_whoever_started_the_coordinator_is_no_parent_of_what_it_does(
        self, world: World, spans: Spans
    ) -> None:
        tracer = spans.provider.get_tracer("a program")
        with tracer.start_as_current_span("start"):
            async with attach(await world.open(), telemetry=[spans.tracing]) as space:
                auction = await space.sessions.open_auction("lot", open_for_seconds=0.01)
                _ = await auction.decision()
                await until(lambda: len(spans.named("process deadline")) >= 1)
        processing = spans.named("process")
        assert len(processing) > 1
        assert {span.parent for span in processing} == {None}

    async def test_ids_are_those_that_would_be_given_untraced(
        self, world: World, spans: Spans
    ) -> None:
        async with attach(await world.open(), telemetry=[spans.tracing]) as space:
            auction = await space.sessions.open_auction("lot", bidders=("a",))
            _ = await auction.bid(3, by="a")
            _ = await auction.decision()
            events = await read_all(space.store)
            assert (await verify(space.store)).divergences == ()
        (at,) = (index for index, one in enumerate(events) if one.type.endswith("closed.v1"))
        closed = events[at]
        state = WORLD.fold(events[:at]).session(auction.name)
        [append] = SESSIONS.react(auction.name, state, closed.recorded_ns).append
        assert isinstance(append, Append)
        assert closed.envelope.commitid == append.commit_id
        assert closed.id == append.id_of(closed.boundary, closed.type, 0)
        assert closed.envelope.traceparent

    async def test_several_coordinators_traced_and_untraced_decide_once(
        self, world: World, spans: Spans
    ) -> None:
        async with AsyncExitStack() as stack:
            first, *_ = [
                await stack.enter_async_context(attach(await world.open(), telemetry=telemetry))
                for telemetry in ([spans.tracing], [], [spans.tracing])
            ]
            for number in range(5):
                auction = await first.sessions.open_auction(f"lot {number}", bidders=("a",))
                _ = await auction.bid(3, by="a")
                _ = await auction.decision()
            events = await read_all(first.store)
            assert (await verify(first.store)).divergences == ()
        assert sum(one.type.endswith("decided.v1") for one in events) == 5


class TestAgents:
    async def test_a_handler_links_to_what_it_hears_and_its_answer_tells_of_it(
        self, world: World, spans: Spans
    ) -> None:
        async with attach(await world.open(), telemetry=[spans.tracing]) as space:
            await space.host(Bidder("ann"))
            auction = await space.sessions.open_auction("lot", bidders=("ann",))
            _ = await auction.decision()
            events = {one.type.split(".")[-2]: one for one in await read_all(space.store)}
        answer = spans.at(events["bid_placed"])
        [handler] = [
            span for span in spans.named("process") if attributes(span)["mabeam.role"] == "agent"
        ]
        assert answer.parent is not None
        assert answer.parent.span_id == context(handler).span_id
        [link] = handler.links
        assert link.context.span_id == context(spans.at(events["opened"])).span_id
        assert events["bid_placed"].id == derived_id(events["opened"].id, "ann", 0)

    async def test_a_handler_that_fails_is_a_failed_span_and_so_is_what_is_recorded_of_it(
        self, world: World, spans: Spans
    ) -> None:
        async with attach(await world.open(), telemetry=[spans.tracing]) as space:
            await space.host(Bidder("ann"))
            _ = await space.sessions.open_auction("broken", bidders=("ann",))
            await until(lambda: bool(spans.named("append mabeam.agent.handler_failed.v1")))
            await until(lambda: any(not span.status.is_ok for span in spans.named("process")))
        [failed] = [span for span in spans.named("process") if not span.status.is_ok]
        assert attributes(failed)["error.type"] == "ZeroDivisionError"
        [told] = spans.named("append mabeam.agent.handler_failed.v1")
        assert told.parent is not None
        assert told.parent.span_id == context(failed).span_id


class TestConsumers:
    async def test_a_program_s_own_consumer_links_to_the_producer(
        self, store: EventStore, spans: Spans
    ) -> None:
        await append_each(store, 1)
        async with store.consume("billing") as deliveries:
            delivery = await next_delivery(deliveries)
            with spans.tracing.handling(store.space, "consumer", delivery.recorded):
                _ = await store.append(write("variable/seen"))
            await delivery.ack()
        [handled] = spans.named("process")
        [link] = handled.links
        assert link.context.span_id == context(spans.at(delivery.recorded)).span_id
        assert spans.named("append")[-1].parent == handled.context

    async def test_types_that_nobody_registered_name_no_spans(
        self, store: EventStore, spans: Spans
    ) -> None:
        await append_each(store, 1)
        [recorded] = await read_all(store)
        with spans.tracing.handling(store.space, "consumer", recorded):
            pass
        [span] = spans.named("process")
        assert span.name == "process"
        assert attributes(span)["mabeam.event_type"] == "test.said.v1"

    @pytest.mark.parametrize("place", ["garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", ""])
    async def test_what_tells_no_place_is_linked_to_none(
        self, store: EventStore, spans: Spans, place: str
    ) -> None:
        [event] = [msgspec.structs.replace(one, traceparent=place) for one in write().events]
        recorded = Recorded(1, 1, "session", "1", "ann", event)
        with spans.tracing.handling(store.space, "consumer", recorded):
            pass
        [span] = spans.named("process")
        assert list(span.links) == []


class TestReplay:
    async def test_it_leaves_no_span_of_a_history_full_of_them(
        self, world: World, spans: Spans
    ) -> None:
        async with attach(await world.open(), telemetry=[spans.tracing]) as space:
            await space.host(Bidder("ann"))
            auction = await space.sessions.open_auction("lot", bidders=("ann",))
            _ = await auction.decision()
            head = (await space.caught_up()).position
        assert len(spans.exporter.get_finished_spans()) > 5
        spans.exporter.clear()
        again = attach(await world.open(), coordinate=False, telemetry=[spans.tracing])
        async with again as space:
            assert (await space.caught_up()).position == head
            assert (await space.verify()).divergences == ()
            assert (await space.state_at(head)).position == head
            assert len(await read_all(space.store)) == head
            assert len(await space.store.latest()) > 0
            async with space.follow() as pages:
                _ = await anext(pages)
            assert spans.exporter.get_finished_spans() == ()
            # The control: here a span would be noticed.
            await append_each(space.store, 1)
            assert len(spans.exporter.get_finished_spans()) == 1


async def test_without_a_provider_nothing_is_written_into_events(world: World) -> None:
    one = write()
    async with Tracing().observing(await world.open()) as store:
        _ = await store.append(one)
        [recorded] = await read_all(store)
    assert recorded.envelope == one.events[0]
    assert recorded.envelope.traceparent == ""
