"""The test cases that the library `eventsourcing` ships, each bound to our recorders.

They stand apart from the tests that run them, because pytest would also collect those of the
library as they are, without recorders. A case reads where its log is from the environment, as
every application does; the attribute ``place`` says on what kind of stream that is.
"""

from __future__ import annotations

import os
from typing import ClassVar, Final
from unittest import TestCase

import msgspec
import pytest
from eventsourcing.dcb.persistence import DCBInfrastructureFactory
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.tests.application import ApplicationTestCase, ExampleApplicationTestCase
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
from eventsourcing.tests.projection import (
    AggregateEventCountersProjectionTestCase,
    EventCountersView,
    EventCountersViewTestCase,
    EventSourcedProjectionTestCase,
    TaggedDecisionCountersProjectionTestCase,
)
from eventsourcing.utils import Environment

from mabeam.infra.eventsourcing import (
    Factory,
    JetStreamAggregateRecorder,
    JetStreamApplicationRecorder,
    JetStreamProcessRecorder,
    JetStreamTrackingRecorder,
)
from mabeam.infra.eventsourcing.dcb import DCBFactory
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.worlds import fresh_space

__all__ = ["CASES", "MODULE", "PLACES", "CountersView", "environment"]

PLACES: Final = ("file", "memory", "replicated")
"""Streams on the disk of one server, in its memory, and on the disks of three."""

MODULE: Final = "mabeam.infra.eventsourcing"


def environment(request: pytest.FixtureRequest, place: str) -> dict[str, str]:
    """Return the variables of a fresh space in a place."""
    if place == "replicated":
        cluster: NatsCluster = request.getfixturevalue("nats_cluster")
        where = {"MABEAM_NATS_URL": cluster.url, "MABEAM_REPLICAS": "3"}
    else:
        server: NatsServer = request.getfixturevalue("nats_server")
        where = {"MABEAM_NATS_URL": server.url, "MABEAM_STORAGE": place}
    return where | {"PERSISTENCE_MODULE": MODULE, "MABEAM_SPACE": fresh_space()}


class InPlace:
    """Puts the variables of a fresh space into the environment of each test."""

    place: ClassVar[str] = "file"
    more: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _space(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (environment(request, self.place) | self.more).items():
            monkeypatch.setenv(name, value)


def _factory() -> InfrastructureFactory[TrackingRecorder]:
    return InfrastructureFactory.construct(Environment(env=os.environ))


class Counts(msgspec.Struct):
    """The state of the view that the library's projections keep."""

    created: int = 0
    subsequent: int = 0


class CountersView(JetStreamTrackingRecorder, EventCountersView):
    """A view whose state is recorded together with the tracking."""

    upstream: str = ""

    def get_created_event_counter(self) -> int:
        return self._counts(self.upstream).created

    def get_subsequent_event_counter(self) -> int:
        return self._counts(self.upstream).subsequent

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._count(tracking, created=1)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._count(tracking, subsequent=1)

    def _counts(self, upstream: str) -> Counts:
        state = self.tracked_state(upstream)
        return msgspec.json.decode(state, type=Counts) if state else Counts()

    def _count(self, tracking: Tracking, created: int = 0, subsequent: int = 0) -> None:
        self.upstream = tracking.application_name
        counts = self._counts(self.upstream)
        counts.created += created
        counts.subsequent += subsequent
        self.insert_tracking(tracking, msgspec.json.encode(counts))


class AggregateRecorderCase(InPlace, AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return _factory().aggregate_recorder()


class ApplicationRecorderCase(InPlace, ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return _factory().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TrackingRecorderCase(InPlace, TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return _factory().tracking_recorder()


class ProcessRecorderCase(InPlace, ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return _factory().process_recorder()


class NonInterleavingCase(InPlace, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return _factory().application_recorder()


class InfrastructureFactoryCase(InPlace, InfrastructureFactoryTestCase[Factory]):
    def setUp(self) -> None:
        self.env = Environment(env=os.environ)
        super().setUp()

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return JetStreamAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return JetStreamApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return JetStreamTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return CountersView

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return JetStreamProcessRecorder


class ExampleApplicationCase(InPlace, ExampleApplicationTestCase):
    expected_factory_topic = f"{Factory.__module__}:{Factory.__qualname__}"


# One of its tests counts the warning that it provokes.
@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")
class ApplicationCase(InPlace, ApplicationTestCase):
    pass


class EventCountersViewCase(InPlace, EventCountersViewTestCase):
    def construct_event_counters_view(self) -> EventCountersView:
        view = Factory(Environment(env=os.environ)).tracking_recorder(CountersView)
        assert isinstance(view, CountersView)
        return view


class AggregateProjectionCase(InPlace, AggregateEventCountersProjectionTestCase):
    view_class: type[EventCountersView] = CountersView


class DecisionProjectionCase(InPlace, TaggedDecisionCountersProjectionTestCase):
    more: ClassVar[dict[str, str]] = {
        "PERSISTENCE_MODULE": f"{MODULE}.dcb",
        "MAPPER_TOPIC": "eventsourcing.dcb.msgpack:MessagePackMapper",
    }
    env: ClassVar[dict[str, str]] = {}
    view_class: type[EventCountersView] = CountersView


class EventSourcedProjectionCase(InPlace, EventSourcedProjectionTestCase):
    # The counters are aggregates themselves; in the same space they would be counted, too.
    @pytest.fixture(autouse=True)
    def _second_space(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COUNTERS_MABEAM_SPACE", fresh_space())


class DCBRecorderCase(InPlace, DCBRecorderTestCase):
    more: ClassVar[dict[str, str]] = {"PERSISTENCE_MODULE": f"{MODULE}.dcb"}

    def test_append_read(self) -> None:
        self._test_append_read(_dcb_factory().dcb_recorder())

    def test_append_subscribe(self) -> None:
        self._test_append_subscribe(_dcb_factory().dcb_recorder())


def _dcb_factory() -> DCBFactory:
    found = DCBInfrastructureFactory[TrackingRecorder].construct(Environment(env=os.environ))
    assert isinstance(found, DCBFactory)
    return found


CASES: Final[tuple[type[TestCase], ...]] = (
    AggregateRecorderCase,
    ApplicationRecorderCase,
    TrackingRecorderCase,
    ProcessRecorderCase,
    NonInterleavingCase,
    InfrastructureFactoryCase,
    ExampleApplicationCase,
    ApplicationCase,
    EventCountersViewCase,
    AggregateProjectionCase,
    DecisionProjectionCase,
    EventSourcedProjectionCase,
    DCBRecorderCase,
)
