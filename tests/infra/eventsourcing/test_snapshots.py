"""Snapshots are caches in a space of their own: any order, any number, no say in the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from eventsourcing.persistence import InfrastructureFactoryError, StoredEvent

from mabeam.infra.eventsourcing import Factory

pytestmark = pytest.mark.jetstream

Make = Callable[..., Factory]


def snapshot(version: int, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent("a", version, "bank.account_snapshot.v1", state)


def versions(found: Sequence[StoredEvent]) -> list[int]:
    return [one.originator_version for one in found]


def test_they_come_back_by_version_in_whatever_order_they_were_taken(make: Make) -> None:
    recorder = make().aggregate_recorder("snapshots")
    for version in (5, 2, 9):
        assert recorder.insert_events([snapshot(version)]) is None
    assert versions(recorder.select_events("a")) == [2, 5, 9]
    assert versions(recorder.select_events("a", gt=2, lte=9, desc=True)) == [9, 5]
    assert versions(recorder.select_events("a", desc=True, limit=1)) == [9]
    assert versions(recorder.select_events("a", lte=8, desc=True, limit=1)) == [5]


def test_of_two_of_one_version_the_later_counts(make: Make) -> None:
    recorder = make().aggregate_recorder("snapshots")
    for state in (b"1", b"2"):
        _ = recorder.insert_events([snapshot(3, state)])
    assert recorder.select_events("a") == [snapshot(3, b"2")]


def test_they_are_not_among_the_events_of_the_space(make: Make) -> None:
    factory = make()
    _ = factory.aggregate_recorder("snapshots").insert_events([snapshot(1)])
    recorder = factory.application_recorder()
    assert recorder.select_events("a") == []
    assert recorder.max_notification_id() is None


def test_a_space_whose_name_leaves_no_room_for_theirs_is_refused(make: Make) -> None:
    factory = make(MABEAM_SPACE="s" * 30)
    with pytest.raises(InfrastructureFactoryError, match="no space for snapshots"):
        _ = factory.aggregate_recorder("snapshots")
