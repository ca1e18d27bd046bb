"""Subscriptions push what is recorded, through lost lines, until they are stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from eventsourcing.persistence import (
    InternalError,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
    WaitInterruptedError,
)
from eventsourcing.utils import Environment

from mabeam.infra.eventsourcing import Factory
from mabeam.infra.eventsourcing.tail import PAGES_MAX
from support.nats_server import NatsServer
from support.raw_client import RawClient
from support.worlds import fresh_space

pytestmark = [pytest.mark.jetstream, pytest.mark.slow]

Make = Callable[..., Factory]


def note(number: int) -> StoredEvent:
    return StoredEvent(f"note-{number}", 1, f"notes.noted_{number % 2}.v1", b'{"n":%d}' % number)


def ids(notifications: Iterator[Notification], count: int) -> list[int]:
    return [one.id for one in islice(notifications, count)]


def test_a_reader_sees_each_event_once_and_in_order_through_a_crash(
    breakable_server: NatsServer,
) -> None:
    factory = Factory(
        Environment(env={"MABEAM_NATS_URL": breakable_server.url, "MABEAM_SPACE": fresh_space()})
    )
    recorder = factory.application_recorder()
    with recorder.subscribe() as subscription:
        for number in range(5):
            _ = recorder.insert_events([note(number)])
        assert ids(subscription, 5) == [1, 2, 3, 4, 5]
        breakable_server.kill()
        breakable_server.start()
        for number in range(5, 10):
            _ = recorder.insert_events([note(number)])
        assert ids(subscription, 5) == [6, 7, 8, 9, 10]
    factory.close()


def test_a_slow_reader_slows_the_delivery_and_misses_nothing(make: Make) -> None:
    recorder = make().application_recorder()
    count = PAGES_MAX * 400
    for first in range(0, count, 800):
        _ = recorder.insert_events([note(number) for number in range(first, first + 800)])
    with recorder.subscribe() as subscription:
        assert ids(subscription, 1) == [1]
        # What the reader does not take stays with the server.
        assert recorder.max_notification_id() == count
        assert ids(subscription, count - 1) == list(range(2, count + 1))


def test_topics_are_chosen_from(make: Make) -> None:
    recorder = make().application_recorder()
    _ = recorder.insert_events([note(number) for number in range(6)])
    with recorder.subscribe(gt=1, topics=["notes.noted_1.v1"]) as subscription:
        assert ids(subscription, 3) == [2, 4, 6]
    with recorder.subscribe(gt=4, topics=["notes.noted_1.v1", "notes.noted_0.v1"]) as subscription:
        assert ids(subscription, 2) == [5, 6]


def test_stop_wakes_a_thread_that_waits(make: Make) -> None:
    recorder = make().application_recorder()
    subscription = recorder.subscribe()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(list, subscription)
        subscription.stop()
        assert waiting.result() == []
    subscription.stop()


def test_the_end_of_a_factory_ends_its_subscriptions(make: Make) -> None:
    factory = make()
    subscription = factory.application_recorder().subscribe()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(list, subscription)
        factory.close()
        assert waiting.result() == []


def test_a_subscription_is_entered_once(make: Make) -> None:
    subscription = make().application_recorder().subscribe()
    with subscription, pytest.raises(ProgrammingError, match="Already"):
        _ = subscription.__enter__()


def test_a_log_that_cannot_be_reached_is_an_error_of_beginning(
    breakable_server: NatsServer,
) -> None:
    where = {"MABEAM_NATS_URL": breakable_server.url, "MABEAM_SPACE": fresh_space()}
    factory = Factory(Environment(env=where | {"MABEAM_PATIENCE_SECONDS": "0.3"}))
    recorder = factory.application_recorder()
    breakable_server.stop()
    with pytest.raises(OperationalError):
        _ = recorder.subscribe()
    with pytest.raises(OperationalError):
        _ = recorder.max_notification_id()
    breakable_server.start()
    factory.close()


class TestWaiting:
    def test_who_waits_is_woken_when_another_service_has_processed_the_event(
        self, make: Make
    ) -> None:
        reader, worker = (make("orders").tracking_recorder() for _ in range(2))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(reader.wait, "bank", 3, 30.0)
            for number in (1, 2):
                worker.insert_tracking(Tracking("bank", number))
            assert not waiting.done()
            worker.insert_tracking(Tracking("bank", 5))
            waiting.result()

    def test_records_of_other_services_do_not_count(self, make: Make) -> None:
        make("orders").tracking_recorder().insert_tracking(Tracking("bank", 5))
        with pytest.raises(TimeoutError, match="notification 5 of bank"):
            make("mails").tracking_recorder().wait("bank", 5, timeout=0.05)

    def test_an_interrupt_ends_a_wait_long_before_its_time(self, make: Make) -> None:
        recorder = make("orders").tracking_recorder()
        interrupt = threading.Event()
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(recorder.wait, "bank", 1, 3600.0, interrupt)
            interrupt.set()
            with pytest.raises(WaitInterruptedError):
                waiting.result()
        assert time.monotonic() - began < 3600.0

    def test_the_state_of_a_view_is_that_of_its_last_tracking(self, make: Make) -> None:
        recorder = make("orders").tracking_recorder()
        assert recorder.tracked_state("bank") == b""
        recorder.insert_tracking(Tracking("bank", 1), b'{"orders":1}')
        recorder.insert_tracking(Tracking("shop", 1), b"\x00")
        again = make("orders").tracking_recorder()
        assert again.tracked_state("bank") == b'{"orders":1}'
        assert again.tracked_state("shop") == b"\x00"


def test_a_log_that_cannot_be_followed_any_further_is_an_error_of_the_reader(
    breakable_server: NatsServer,
) -> None:
    space = fresh_space()
    factory = Factory(
        Environment(env={"MABEAM_NATS_URL": breakable_server.url, "MABEAM_SPACE": space})
    )
    recorder = factory.application_recorder()
    _ = recorder.insert_events([note(number) for number in range(3)])
    with recorder.subscribe() as subscription, ThreadPoolExecutor(1) as pool:
        assert ids(subscription, 3) == [1, 2, 3]
        waiting = pool.submit(next, subscription)
        with RawClient(breakable_server.url) as client:
            stream = f"$JS.API.STREAM.{{}}.mabeam_{space}"
            config = client.request(stream.format("INFO"))["config"]
            _ = client.request(stream.format("DELETE"))
            # Another log of that name begins far behind what was read.
            _ = client.request(stream.format("CREATE"), config | {"first_seq": 10})
            _ = client.request(f"mabeam.{space}.aggregate.a.noted.coder", "late")
        with pytest.raises(InternalError, match="skipped"):
            _ = waiting.result()
        with pytest.raises(InternalError, match="skipped"):
            _ = next(subscription)
    factory.close()
