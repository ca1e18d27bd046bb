"""Of appends whose conditions exclude each other at most one succeeds, on one copy and three."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem, DCBRecorder
from eventsourcing.persistence import DataError, IntegrityError, ProgrammingError
from eventsourcing.utils import Environment

from mabeam.infra.eventsourcing import Factory
from mabeam.infra.eventsourcing.dcb import DCBFactory
from support.eventsourcing_cases import environment
from support.raw_client import RawClient

pytestmark = pytest.mark.jetstream

Make = Callable[..., Factory]


def booking(*tags: str) -> DCBEvent:
    return DCBEvent(type="seats.booked.v1", data=b"{}", tags=list(tags))


def unless(*tags: str, after: int | None = None) -> DCBAppendCondition:
    """Fail if there is an event with any of these tags behind a position."""
    return DCBAppendCondition(DCBQuery([DCBQueryItem(tags=[tag]) for tag in tags]), after)


def recorder_of(factory: Factory) -> DCBRecorder:
    assert isinstance(factory, DCBFactory)
    return factory.dcb_recorder()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["file", "replicated"])
def test_of_two_bookings_with_a_seat_in_common_one_succeeds(
    request: pytest.FixtureRequest, place: str
) -> None:
    variables = environment(request, place)
    rounds, writers = 20, 3
    factories = [DCBFactory(Environment(f"w{number}", variables)) for number in range(writers)]
    recorders = [factory.dcb_recorder() for factory in factories]

    def book(writer: int) -> list[int]:
        # Each wants the common seat and one of its own, in another order than its neighbour.
        won: list[int] = []
        for number in range(rounds):
            tags = [f"seat-{number}", f"own-{writer}-{number}"][:: 1 if writer % 2 else -1]
            try:
                _ = recorders[writer].append([booking(*tags)] * (1 + writer % 2), unless(*tags))
            except IntegrityError:
                continue
            won.append(number)
        return won

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(book, range(writers)))

    assert sorted(chain(*won)) == list(range(rounds))
    for writer, numbers in enumerate(won):
        for number in range(rounds):
            query = DCBQuery([DCBQueryItem(tags=[f"own-{writer}-{number}"])])
            events = list(recorders[0].read(query))
            assert len(events) == (1 + writer % 2) * (number in numbers)
    for factory in factories:
        factory.close()


@pytest.mark.slow
def test_bookings_without_a_seat_in_common_all_succeed(make: Make) -> None:
    recorders = [recorder_of(make()) for _ in range(3)]

    def book(writer: int) -> None:
        for number in range(15):
            seat = f"{writer}-{number}"
            _ = recorders[writer].append([booking(seat)], unless(seat))

    with ThreadPoolExecutor(3) as pool:
        _ = list(pool.map(book, range(3)))

    assert len(list(recorders[0].read())) == 45


def test_what_a_reader_has_seen_is_the_head_it_is_given(make: Make) -> None:
    ours, theirs = (recorder_of(make()) for _ in range(2))
    _ = ours.append([booking("a")])
    seen = ours.read()
    assert len(list(seen)) == 1
    assert theirs.append([booking("b")]) == 2
    assert seen.head == 1
    with pytest.raises(IntegrityError):
        _ = ours.append([booking("c")], unless("b", after=seen.head))
    assert ours.append([booking("c")], unless("b", after=2)) == 3


def test_an_unconditional_append_is_seen_by_every_condition(make: Make) -> None:
    ours, theirs = (recorder_of(make()) for _ in range(2))
    _ = ours.append([booking("a")])
    _ = theirs.append([booking("b"), booking("b")])
    with pytest.raises(IntegrityError):
        _ = ours.append([booking("b")], unless("b"))


def test_garbage_hinders_no_append(make: Make, variables: dict[str, str]) -> None:
    recorder = recorder_of(make())
    _ = recorder.append([booking("a")])
    with RawClient(variables["MABEAM_NATS_URL"]) as client:
        for subject in ("dcb.events.booked.x", "dcb.events.x"):
            _ = client.request(f"mabeam.{variables['MABEAM_SPACE']}.{subject}", "garbage")
    assert recorder.append([booking("b")], unless("b")) == 4
    assert [one.position for one in recorder.read()] == [1, 4]
    with pytest.raises(IntegrityError):
        _ = recorder_of(make()).append([booking("b")], unless("b"))


def test_what_cannot_be_appended_is_said(make: Make) -> None:
    recorder = recorder_of(make())
    with pytest.raises(ProgrammingError, match="nothing"):
        _ = recorder.append([])
    with pytest.raises(DataError, match="1 to 1000"):
        _ = recorder.append([booking("a")] * 1_001)
    assert recorder.read().head is None
