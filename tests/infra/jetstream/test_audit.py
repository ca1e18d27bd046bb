"""Each fault that messages can have is found, and sound ones are not suspected."""

from __future__ import annotations

import msgspec
import pytest

from mabeam.core.envelope import Envelope
from mabeam.infra.jetstream.audit import Audit
from mabeam.infra.jetstream.transcript import Stored
from support.events import said

FAULTS = ("missing", "illegible", "torn", "scattered", "repeated", "backwards")


def stored(position: int, event: Envelope | None = None, batch: str = "", at: int = 0) -> Stored:
    """Return a message; of a batch it is told its id, number, and a + if it commits."""
    event = said() if event is None else event
    headers = f"NATS/1.0\r\nNats-Msg-Id: {event.id}\r\n"
    if batch:
        number = batch[1:].rstrip("+")
        headers += f"Nats-Batch-Id: {batch[0]}\r\nNats-Batch-Sequence: {number}\r\n"
        headers += "Nats-Batch-Commit: 1\r\n" if batch.endswith("+") else ""
    subject = "mabeam.team.session.1.said.ann"
    return Stored(position, at or position, subject, headers.encode(), msgspec.json.encode(event))


def faults(*messages: Stored, head: int | None = None) -> dict[str, list[int]]:
    audit = Audit()
    audit.take(messages)
    audit.end(messages[-1].position if head is None else head)
    found = {name: getattr(audit, name) for name in FAULTS}
    return {name: sightings.places for name, sightings in found.items() if sightings.count}


def test_a_sound_log_has_no_faults() -> None:
    assert (
        faults(
            *(stored(1), stored(2, batch="a1"), stored(3, batch="a2+")),
            *(stored(4, batch="b1+"), stored(5, batch="c1"), stored(6, batch="c2+"), stored(7)),
        )
        == {}
    )


def test_an_empty_log_has_no_faults() -> None:
    audit = Audit()
    audit.end(0)
    assert [getattr(audit, name).count for name in FAULTS] == [0] * 6


def test_a_log_that_does_not_begin_at_one_misses_its_beginning() -> None:
    assert faults(stored(3)) == {"missing": [1]}


def test_missing_positions_are_found_within_and_at_the_end() -> None:
    assert faults(stored(1), stored(4), stored(5), head=7) == {"missing": [2, 6]}


@pytest.mark.parametrize(
    ("batches", "torn"),
    [
        (("a1", ""), [1]),
        (("a2+",), [1]),
        (("a1", "a3+"), [1]),
        (("a1", "b1+"), [1]),
        (("", "a1", "a2"), [3]),
        (("a1+", "a2+"), [2]),
    ],
)
def test_a_batch_that_is_not_whole_is_found(batches: tuple[str, ...], torn: list[int]) -> None:
    messages = [stored(number, batch=batch) for number, batch in enumerate(batches, 1)]
    assert faults(*messages) == {"torn": torn}


def test_a_commit_with_others_in_between_is_found() -> None:
    first, second = said(commit="c1"), said(commit="c1")
    assert faults(stored(1, first), stored(2, second)) == {}
    assert faults(stored(1, first), stored(2), stored(3, second)) == {"scattered": [3]}


def test_an_id_that_stands_twice_in_one_history_is_found() -> None:
    event = said(commit="")
    assert faults(stored(1, event), stored(2), stored(3, event)) == {"repeated": [3]}


def test_a_time_that_goes_backwards_is_found() -> None:
    assert faults(stored(1, at=5), stored(2, at=5), stored(3, at=4)) == {"backwards": [3]}


def test_what_nobody_can_read_is_counted_and_the_first_reason_told() -> None:
    audit = Audit()
    audit.take([Stored(1, 1, "mabeam.team.a.b.c.d", b"", b"no json")])
    audit.end(1)
    assert audit.illegible.count == 1
    assert "malformed" in audit.illegible.detail
    assert str(audit.illegible) == "1"


def test_of_many_sightings_the_first_few_are_named() -> None:
    audit = Audit()
    audit.take([Stored(n, n, "mabeam.team.a.b.c.d", b"", b"") for n in range(1, 10)])
    assert str(audit.illegible) == "1, 2, 3, 4, 5, …"
