"""Whatever a service does, a space answers as the library's own recorder in memory does.

The two differ in two things, which the model leaves out: a version below the last one that was
skipped before may be filled in there, and not here; and events of one insertion that belong to
several aggregates by turns stand here one aggregate after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent, Tracking
from eventsourcing.popo import POPOProcessRecorder
from eventsourcing.utils import Environment
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from mabeam.infra.eventsourcing import Factory
from support.nats_server import NatsServer
from support.worlds import fresh_space

IDS = st.sampled_from(["a", "b", "c d"])
TOPICS = st.sampled_from(["bank.opened.v1", "bank.closed.v1", "bank:Account.Opened"])
STATES = st.binary(max_size=20) | st.just(b'{"a":1}')
UPSTREAM = st.sampled_from(["bank", "shop"])


class Recorders(RuleBasedStateMachine):
    """One recorder in memory and several services on one space, with their memories of it."""

    url: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.model: ProcessRecorder = POPOProcessRecorder()
        self.factories: list[Factory] = []
        self.ours: list[ProcessRecorder] = []
        self.space = fresh_space()
        self.versions: dict[str, int] = {}
        # Positions of the model's notifications: ours count tracking records, too.
        self.positions: list[int] = []

    @initialize(services=st.integers(1, 2))
    def start(self, services: int) -> None:
        for _ in range(services):
            self.begin()

    def begin(self) -> None:
        variables = {
            "MABEAM_NATS_URL": self.url,
            "MABEAM_SPACE": self.space,
            "MABEAM_STORAGE": "memory",
        }
        self.factories.append(Factory(Environment("service", variables)))
        self.ours.append(self.factories[-1].process_recorder())

    @precondition(lambda self: len(self.ours) < 3)
    @rule()
    def start_another_service(self) -> None:
        self.begin()

    @rule(
        data=st.data(),
        ids=st.lists(IDS, max_size=4).map(sorted),
        back=st.sampled_from([0, 0, 0, 0, 1, 2]),
        tracked=st.none() | st.tuples(UPSTREAM, st.integers(1, 12)),
    )
    def insert(
        self, data: st.DataObject, ids: list[str], back: int, tracked: tuple[str, int] | None
    ) -> None:
        events: list[StoredEvent] = []
        versions = dict(self.versions)
        for originator in ids:
            version = max(versions.get(originator, 0) + 1 - back, 1)
            versions[originator] = version
            events.append(StoredEvent(originator, version, data.draw(TOPICS), data.draw(STATES)))
        more: dict[str, Any] = {"tracking": Tracking(*tracked)} if tracked else {}
        service = data.draw(st.sampled_from(self.ours))
        expected = outcome(lambda: self.model.insert_events(events, **more))
        found = outcome(lambda: service.insert_events(events, **more))
        if isinstance(expected, IntegrityError):
            assert isinstance(found, IntegrityError)
            return
        assert not isinstance(found, Exception), found
        assert len(found) == len(events)
        self.positions += sorted(found)
        self.versions |= {str(event.originator_id): event.originator_version for event in events}

    @rule(
        data=st.data(),
        originator=IDS,
        gt=st.none() | st.integers(0, 6),
        more=st.fixed_dictionaries(
            {
                "lte": st.none() | st.integers(0, 6),
                "desc": st.booleans(),
                "limit": st.none() | st.integers(1, 4),
            }
        ),
    )
    def select(
        self, data: st.DataObject, originator: str, gt: int | None, more: dict[str, Any]
    ) -> None:
        service = data.draw(st.sampled_from(self.ours))
        chosen: dict[str, Any] = {"gt": gt} | more
        expected = self.model.select_events(originator, **chosen)
        assert list(service.select_events(originator, **chosen)) == list(expected)

    @rule(data=st.data(), topics=st.lists(TOPICS, max_size=2, unique=True), limit=st.integers(1, 9))
    def select_notifications(self, data: st.DataObject, topics: list[str], limit: int) -> None:
        service = data.draw(st.sampled_from(self.ours))
        start = data.draw(st.integers(0, len(self.positions)))
        after = self.positions[start - 1] if start else 0
        expected = self.model.select_notifications(
            start, limit, topics=topics, inclusive_of_start=False
        )
        found = service.select_notifications(after, limit, topics=topics, inclusive_of_start=False)
        assert [one.id for one in found] == [self.positions[one.id - 1] for one in expected]
        assert [(one.topic, one.state) for one in found] == [
            (one.topic, one.state) for one in expected
        ]

    @rule(data=st.data(), upstream=UPSTREAM)
    def ask(self, data: st.DataObject, upstream: str) -> None:
        service = data.draw(st.sampled_from(self.ours))
        assert service.max_tracking_id(upstream) == self.model.max_tracking_id(upstream)
        last = self.positions[-1] if self.positions else None
        assert service.max_notification_id() == last

    def teardown(self) -> None:
        for factory in self.factories:
            factory.close()


def outcome(insert: Callable[[], Any]) -> Any:  # noqa: ANN401 - what is returned or raised
    try:
        return insert()
    except IntegrityError as error:
        return error


@pytest.mark.jetstream
@pytest.mark.slow
def test_a_space_answers_as_the_recorder_in_memory(nats_server: NatsServer) -> None:
    class OnServer(Recorders):
        url = nats_server.url

    run_machine(
        OnServer,
        settings=settings(
            max_examples=50,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
