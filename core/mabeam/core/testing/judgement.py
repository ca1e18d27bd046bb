"""Does a log hold what its clients were told, and nothing else?

The log itself is the order of all appends, so whether it is complete is a matter of sorting
(Kingsbury and Alvaro, "Elle", 2020, on recoverable orders). Whether compare-and-set kept its
word is searched for a second time without any look at positions, by
`mabeam.core.testing.linearizability`, so that no fault of the log hides itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from mabeam.core.envelope import Recorded
from mabeam.core.ports import NEW
from mabeam.core.testing.journal import Attempt, Entry, Look, Part
from mabeam.core.testing.linearizability import NOTHING, Operation, Stuck, find_order

__all__ = ["boundaries_are_linearizable", "followers_saw_the_log", "log_is_complete"]

COMPLAINTS_MAX: Final = 10


def log_is_complete(entries: Iterable[Entry], log: Sequence[Recorded]) -> None:
    """Let a log hold what its clients were told.

    Each acknowledged event stands once and where it was acknowledged, in the order of real
    time; no refused one stands there; of the others each append is there once or not at all.
    Appends are whole and stand together. Expectations and guards held when they were recorded.

    Args:
        entries: All appends of all clients; what they have read does not matter.
        log: All events of the log, from the first.

    Raises:
        AssertionError: It does not, with the first complaints.
    """
    attempts = [entry for entry in entries if isinstance(entry, Attempt)]
    _complain(_Judgement(attempts, log).complaints())


def followers_saw_the_log(
    log: Sequence[Recorded], followed: Iterable[Sequence[tuple[int, str]]]
) -> None:
    """Let each follower have seen exactly the log.

    Args:
        log: All events, from the first.
        followed: Positions and ids that each follower has seen, in the order of its seeing.

    Raises:
        AssertionError: One has missed, repeated, reordered or invented an event.
    """
    there = [(one.position, one.id) for one in log]
    _complain(
        f"follower {number} has seen {len(seen)} of {len(there)} events; they differ first at "
        f"{next((a for a, b in zip(there, seen, strict=False) if a != b), 'the end')}"
        for number, seen in enumerate(followed)
        if list(seen) != there
    )


def boundaries_are_linearizable(entries: Iterable[Entry]) -> None:
    """Let each boundary have behaved like one register with compare-and-set.

    A boundary's value is the id of its last event. An append without expectation writes, one
    with an expectation swaps, a `Look` reads. Of what was not recorded only the conflicts on a
    single boundary count: of several, nobody knows which refused.

    Raises:
        AssertionError: No order explains what the clients of some boundary were told.
    """
    registers: defaultdict[str, list[Operation]] = defaultdict(list)
    for entry in entries:
        for boundary, operation in _operations(entry):
            registers[boundary].append(operation)
    found = ((boundary, find_order(one)) for boundary, one in sorted(registers.items()))
    _complain(f"{boundary}: {one}" for boundary, one in found if isinstance(one, Stuck))


def _operations(entry: Entry) -> Iterator[tuple[str, Operation]]:
    if isinstance(entry, Look):
        yield (
            entry.boundary,
            Operation(
                act="read",
                value=entry.seen,
                begun=entry.begun,
                ended=entry.ended,
                client=entry.client,
            ),
        )
        return
    refused = entry.outcome == "conflict"
    if refused and (len(entry.parts) != 1 or not _is_swap(entry.parts[0])):
        return
    if entry.outcome == "failed":
        return
    for part in entry.parts:
        yield (
            part.boundary,
            Operation(
                act="swap" if _is_swap(part) else "write",
                value=part.ids[-1],
                expected=part.seen,
                refused=refused,
                begun=entry.begun,
                ended=None if entry.outcome == "unknown" else entry.ended,
                client=entry.client,
            ),
        )


def _is_swap(part: Part) -> bool:
    """Tell whether it is known which value the boundary was expected to have."""
    return part.expect == NEW or (part.expect is not None and part.seen != NOTHING)


class _Judgement:
    """What is wrong with a log."""

    def __init__(self, attempts: Sequence[Attempt], log: Sequence[Recorded]) -> None:
        self._attempts: Final = attempts
        self._log: Final = log
        self._places: Final[defaultdict[str, list[int]]] = defaultdict(list)
        self._boundaries: Final[defaultdict[str, list[int]]] = defaultdict(list)
        for one in log:
            self._places[one.id].append(one.position)
            self._boundaries[str(one.boundary)].append(one.position)

    def complaints(self) -> Iterator[str]:
        yield from self._numbering()
        yield from self._strangers()
        for attempt in self._attempts:
            yield from self._of(attempt)
        yield from self._order()

    def _numbering(self) -> Iterator[str]:
        for before, after in pairwise([0, *(one.position for one in self._log)]):
            if after != before + 1:
                yield f"position {before} is followed by {after}"

    def _strangers(self) -> Iterator[str]:
        known = {id_ for attempt in self._attempts for id_ in attempt.ids}
        for one in self._log:
            if one.id not in known:
                yield f"event {one.id} at {one.position} was appended by nobody"

    def _of(self, attempt: Attempt) -> Iterator[str]:
        name = f"append {attempt.ids} of {attempt.client}, {attempt.outcome}"
        places = [self._places.get(id_, []) for id_ in attempt.ids]
        if attempt.outcome in {"conflict", "failed"}:
            if any(places):
                yield f"{name}: stands at {places}"
            return
        if not any(places):
            if attempt.outcome == "recorded":
                yield f"{name}: is lost"
            return
        if any(len(one) != 1 for one in places):
            yield f"{name}: is not there once and whole, but at {places}"
            return
        first, last = places[0][0], places[-1][0]
        if [one[0] for one in places] != list(range(first, first + len(places))):
            yield f"{name}: does not stand together, but at {places}"
        if attempt.outcome == "recorded" and last != attempt.position:
            yield f"{name}: stands at {last}, and {attempt.position} was acknowledged"
        yield from self._conditions(attempt, name, first)

    def _conditions(self, attempt: Attempt, name: str, first: int) -> Iterator[str]:
        for part in attempt.parts:
            yield from self._expectation(part, name, first)
        for boundary, position in attempt.guards:
            if (at := self._tail(boundary, first)) != position:
                yield f"{name}: was guarded by {boundary} at {position}, which was at {at}"

    def _expectation(self, part: Part, name: str, first: int) -> Iterator[str]:
        if part.expect is not None and (at := self._tail(part.boundary, first)) != part.expect:
            yield f"{name}: expected {part.boundary} at {part.expect}, which was at {at}"

    def _tail(self, boundary: str, before: int) -> int:
        """Return the last position of a boundary in front of one of the log."""
        places = self._boundaries.get(boundary, [])
        index = bisect_left(places, before)
        return places[index - 1] if index else 0

    def _order(self) -> Iterator[str]:
        """Let what was acknowledged stand in front of all that was begun afterwards."""
        ends = sorted(
            (attempt.ended, attempt.position)
            for attempt in self._attempts
            if attempt.outcome == "recorded" and attempt.ended is not None
        )
        latest = 0
        done = 0
        for attempt in sorted(self._attempts, key=lambda one: one.begun):
            while done < len(ends) and ends[done][0] < attempt.begun:
                latest = max(latest, ends[done][1])
                done += 1
            place = min((p for id_ in attempt.ids for p in self._places.get(id_, [])), default=0)
            if 0 < place < latest:
                yield (
                    f"append {attempt.ids} of {attempt.client} stands at {place}, but was begun "
                    f"after {latest} was acknowledged"
                )


def _complain(complaints: Iterable[str]) -> None:
    listed = list(complaints)
    if listed:
        more = len(listed) - COMPLAINTS_MAX
        shown = "\n".join(listed[:COMPLAINTS_MAX])
        raise AssertionError(f"{shown}\nand {more} more" if more > 0 else shown)
