"""A log that kept its word is let pass; each way of breaking it is found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import msgspec
import pytest

from mabeam.core.agent import Registered, Suspended
from mabeam.core.envelope import Recorded
from mabeam.core.ports import ANY, NEW, Guard, Write
from mabeam.core.subjects import Boundary
from mabeam.core.testing import (
    Attempt,
    Entry,
    Journal,
    Look,
    boundaries_are_linearizable,
    followers_saw_the_log,
    history,
    log_is_complete,
    read_journal,
    said,
)

ANN = Boundary("agent", "ann")
BOB = Boundary("agent", "bob")


def log_of(*events: tuple[str, Boundary]) -> list[Recorded]:
    """Return a log of events of these ids about these entities."""
    return list(history(*(said(Registered(), id=id_, about=about) for id_, about in events)))


def write(about: Boundary, *ids: str, expect: int | None = ANY) -> Write:
    events = history(*(said(Suspended(reason="late"), id=id_, about=about) for id_ in ids))
    return Write(tuple(one.envelope for one in events), expect)


@pytest.fixture
def journal() -> Journal:
    return Journal(itertools.count(1).__next__)


def test_a_log_that_kept_its_word_passes(journal: Journal) -> None:
    first = journal.attempt("one", write(ANN, "a", expect=NEW))
    journal.recorded(first, 1)
    refused = journal.attempt("two", write(ANN, "never", expect=NEW))
    journal.conflict(refused)
    journal.unknown(journal.attempt("two", write(BOB, "lost")))
    _ = journal.attempt("three", write(BOB, "b"))
    batch = journal.attempt(
        "one", write(ANN, "c", expect=1), write(BOB, "d"), guards=[Guard(BOB, 2)]
    )
    journal.recorded(batch, 4)
    log = log_of(("a", ANN), ("b", BOB), ("c", ANN), ("d", BOB))
    log_is_complete(journal.entries, log)
    followers_saw_the_log(log, [[(1, "a"), (2, "b"), (3, "c"), (4, "d")]])
    boundaries_are_linearizable(journal.entries)


def told(
    *appends: tuple[Sequence[Write], Sequence[Guard], int | None],
) -> list[Entry]:
    """Return what a client says of appends, one after the other: where, or 0 for refused."""
    journal = Journal(itertools.count(1).__next__)
    for writes, guards, position in appends:
        attempt = journal.attempt("one", *writes, guards=guards)
        if position:
            journal.recorded(attempt, position)
        elif position == 0:
            journal.conflict(attempt)
    return list(journal.entries)


FAULTS: dict[str, tuple[list[Entry], list[Recorded]]] = {
    "is lost": (told(([write(ANN, "a")], [], 1)), []),
    "stands at 1, and 2 was acknowledged": (
        told(([write(BOB, "b")], [], None), ([write(ANN, "a")], [], 2)),
        log_of(("a", ANN), ("b", BOB)),
    ),
    r"conflict: stands at \[\[1\]\]": (
        told(([write(ANN, "a")], [], 0)),
        log_of(("a", ANN)),
    ),
    r"not there once and whole, but at \[\[1, 2\]\]": (
        told(([write(ANN, "a")], [], None)),
        log_of(("a", ANN), ("a", ANN)),
    ),
    r"not there once and whole, but at \[\[1\], \[\]\]": (
        told(([write(ANN, "a", "b")], [], None)),
        log_of(("a", ANN)),
    ),
    r"does not stand together, but at \[\[1\], \[3\]\]": (
        told(([write(ANN, "a", "b")], [], 3), ([write(BOB, "x")], [], None)),
        log_of(("a", ANN), ("x", BOB), ("b", ANN)),
    ),
    "event x at 1 was appended by nobody": ([], log_of(("x", ANN))),
    "position 0 is followed by 2": (
        told(([write(ANN, "a")], [], None)),
        [msgspec.structs.replace(log_of(("a", ANN))[0], position=2)],
    ),
    "expected agent/ann at 0, which was at 1": (
        told(([write(ANN, "a")], [], 1), ([write(ANN, "b", expect=NEW)], [], 2)),
        log_of(("a", ANN), ("b", ANN)),
    ),
    "guarded by agent/bob at 1, which was at 2": (
        told(
            ([write(BOB, "a")], [], 1),
            ([write(BOB, "b")], [], 2),
            ([write(ANN, "c")], [Guard(BOB, 1)], 3),
        ),
        log_of(("a", BOB), ("b", BOB), ("c", ANN)),
    ),
    "stands at 1, but was begun after 2 was acknowledged": (
        told(([write(ANN, "a")], [], 2), ([write(ANN, "b")], [], 1)),
        log_of(("b", ANN), ("a", ANN)),
    ),
}


@pytest.mark.parametrize("complaint", FAULTS)
def test_a_log_that_broke_its_word_is_found(complaint: str) -> None:
    entries, log = FAULTS[complaint]
    with pytest.raises(AssertionError, match=complaint):
        log_is_complete(entries, log)


def test_many_complaints_are_counted_and_few_are_shown() -> None:
    with pytest.raises(AssertionError, match="and 5 more") as raised:
        log_is_complete([], log_of(*((str(number), ANN) for number in range(15))))
    assert len(str(raised.value).splitlines()) == 11


@pytest.mark.parametrize(
    "seen",
    [
        [(1, "a")],
        [(1, "a"), (1, "a"), (2, "b")],
        [(2, "b"), (1, "a")],
        [(1, "a"), (2, "x")],
        [(1, "a"), (2, "b"), (3, "c")],
    ],
)
def test_a_follower_that_saw_another_log_is_found(seen: list[tuple[int, str]]) -> None:
    with pytest.raises(AssertionError, match=f"has seen {len(seen)} of 2"):
        followers_saw_the_log(log_of(("a", ANN), ("b", ANN)), [seen])


class TestBoundaries:
    def test_a_boundary_is_a_register_of_ids(self, journal: Journal) -> None:
        journal.recorded(journal.attempt("one", write(ANN, "a", "b", expect=NEW)), 2)
        journal.saw(journal.look("two", str(ANN)), "b")
        journal.conflict(journal.attempt("two", write(ANN, "c", expect=NEW)))
        swap = journal.attempt("two", write(ANN, "d", expect=2), seen={str(ANN): "b"})
        journal.recorded(swap, 3)
        journal.recorded(journal.attempt("two", write(ANN, "e")), 4)
        journal.saw(journal.look("one", str(ANN)), "e")
        _ = journal.look("dead", str(ANN))
        boundaries_are_linearizable(journal.entries)

    def test_who_has_given_up_may_still_be_heard_later(self, journal: Journal) -> None:
        journal.unknown(journal.attempt("one", write(ANN, "a", expect=NEW)))
        journal.saw(journal.look("two", str(ANN)), "")
        journal.saw(journal.look("two", str(ANN)), "a")
        boundaries_are_linearizable(journal.entries)

    def test_a_stale_answer_is_found(self, journal: Journal) -> None:
        journal.recorded(journal.attempt("one", write(ANN, "a")), 1)
        journal.saw(journal.look("two", str(ANN)), "")
        with pytest.raises(AssertionError, match="agent/ann: behind"):
            boundaries_are_linearizable(journal.entries)

    def test_two_accepted_on_the_same_value_are_found(self, journal: Journal) -> None:
        for id_ in ("a", "b"):
            journal.recorded(journal.attempt("one", write(ANN, id_, expect=NEW)), 1)
        with pytest.raises(AssertionError, match="agent/ann: behind"):
            boundaries_are_linearizable(journal.entries)

    def test_a_refusal_without_a_reason_is_found(self, journal: Journal) -> None:
        journal.conflict(journal.attempt("one", write(ANN, "a", expect=NEW)))
        with pytest.raises(AssertionError, match="agent/ann: behind"):
            boundaries_are_linearizable(journal.entries)

    def test_a_refusal_that_may_be_anothers_says_nothing(self, journal: Journal) -> None:
        both = [write(ANN, "a", expect=NEW), write(BOB, "b", expect=NEW)]
        journal.conflict(journal.attempt("one", *both))
        guarded = journal.attempt("one", write(ANN, "c", expect=NEW), guards=[Guard(BOB, 1)])
        journal.failed(guarded)
        journal.conflict(journal.attempt("one", write(ANN, "d", expect=7)))
        boundaries_are_linearizable(journal.entries)

    def test_a_swap_from_a_value_that_nobody_named_counts_as_a_write(
        self, journal: Journal
    ) -> None:
        journal.recorded(journal.attempt("one", write(ANN, "a", expect=7)), 8)
        journal.saw(journal.look("one", str(ANN)), "a")
        boundaries_are_linearizable(journal.entries)


class TestJournals:
    def test_what_was_kept_is_read_again(self) -> None:
        lines: list[bytes] = []
        journal = Journal(itertools.count(1).__next__, keep=lines.append)
        attempt = journal.attempt("one", write(ANN, "a", expect=NEW), guards=[Guard(BOB, 3)])
        journal.recorded(attempt, 7)
        journal.saw(journal.look("one", str(ANN)), "a")
        journal.conflict(journal.attempt("one", write(ANN, "b")))
        assert read_journal(lines) == list(journal.entries)
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)

    def test_of_a_killed_process_what_had_begun_is_unknown(self) -> None:
        lines: list[bytes] = []
        journal = Journal(itertools.count(1).__next__, keep=lines.append)
        attempt = journal.attempt("one", write(ANN, "a"))
        journal.recorded(attempt, 1)
        lines[-1] = lines[-1][:-5]
        [entry] = read_journal(lines)
        assert isinstance(entry, Attempt)
        assert (entry.outcome, entry.ended) == ("unknown", None)

    def test_several_processes_are_put_together_by_time(self) -> None:
        clock: Iterator[int] = itertools.count(1)
        lines: list[bytes] = []
        first, second = (Journal(clock.__next__, keep=lines.append) for _ in range(2))
        looks = [first.look("one", str(ANN)), second.look("two", str(ANN))]
        second.saw(looks[1], "")
        first.saw(looks[0], "")
        entries = read_journal(lines)
        assert [entry.client for entry in entries] == ["one", "two"]
        assert all(isinstance(entry, Look) and entry.ended for entry in entries)

    def test_a_full_journal_says_so(self) -> None:
        journal = Journal(itertools.count(1).__next__, entries_max=1)
        _ = journal.look("one", str(ANN))
        with pytest.raises(AssertionError, match="the journal is full: it holds 1 entries"):
            _ = journal.look("one", str(ANN))
