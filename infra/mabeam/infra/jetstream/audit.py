"""What can be wrong with the messages of a log, found by reading every one of them.

The audit is a pure fold over stored messages. It keeps some numbers for each event, and no
event: about a hundred bytes each when it draws its conclusions.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from mabeam.core.envelope import Recorded, decode
from mabeam.infra.jetstream.transcript import Stored

__all__ = ["Audit", "Sightings"]

KEPT: Final = 5
_BATCH: Final = b"\r\nNats-Batch-Id: "
_NUMBER: Final = b"\r\nNats-Batch-Sequence: "
_COMMIT: Final = b"\r\nNats-Batch-Commit: "
_HASH: Final = 2**64 - 1


class Sightings:
    """Positions at which something was seen: how many, and the first few of them.

    Attributes:
        count: How many.
        places: The first few.
        detail: What was seen first, in words.
    """

    __slots__ = ("count", "detail", "places")

    def __init__(self) -> None:
        self.count = 0
        self.places: list[int] = []
        self.detail = ""

    def add(self, position: int, detail: str = "", count: int = 1) -> None:
        """Take note."""
        self.count += count
        self.detail = self.detail or detail
        if len(self.places) < KEPT:
            self.places.append(position)

    def __str__(self) -> str:
        """Say where."""
        more = ", …" if self.count > len(self.places) else ""
        return ", ".join(f"{place:,}" for place in self.places) + more


class Audit:
    """What was found so far.

    Attributes:
        events: How many messages were read.
        position: Position of the last one.
        missing: Positions at which there is nothing.
        illegible: Messages that nobody can read.
        torn: Where a commit of several events was begun or broken off, but not whole.
        scattered: Where a commit goes on though others stand in between.
        repeated: Events whose id stands in their entity's history already.
        backwards: Events recorded at an earlier time than the one before.
    """

    def __init__(self) -> None:
        self.events = 0
        self.position = 0
        self.missing = Sightings()
        self.illegible = Sightings()
        self.torn = Sightings()
        self.scattered = Sightings()
        self.repeated = Sightings()
        self.backwards = Sightings()
        self._recorded_ns = 0
        self._ids = _Repeats()
        self._commits = _Repeats()
        self._commit = ""
        # Id of the batch under way, and the number of its last message.
        self._batch = b""
        self._number = 0

    def take(self, page: Iterable[Stored]) -> None:
        """Look at the messages that follow."""
        for message in page:
            position = message.position
            if position != self.position + 1:
                missing = position - self.position - 1
                self.missing.add(self.position + 1, count=missing)
            if message.recorded_ns < self._recorded_ns:
                self.backwards.add(position)
            self._look_at_batch(message)
            self._read(message)
            self.position = position
            self._recorded_ns = message.recorded_ns
            self.events += 1

    def end(self, head: int) -> None:
        """Draw conclusions, once, when everything up to the head was taken."""
        if head > self.position:
            self.missing.add(self.position + 1, count=head - self.position)
        if self._batch:
            self.torn.add(self.position)
        self._ids.tell(self.repeated)
        self._commits.tell(self.scattered)

    def _read(self, message: Stored) -> None:
        recorded = decode(message.position, message.recorded_ns, message.subject, message.body)
        trouble = recorded.trouble
        if trouble is not None:
            self.illegible.add(message.position, str(trouble))
        if recorded.problem is None:
            self._compare(recorded)

    def _compare(self, recorded: Recorded) -> None:
        event = recorded.envelope
        self._ids.add(hash((recorded.kind, recorded.entity, event.id)), recorded.position)
        if event.commitid != self._commit:
            self._commit = event.commitid
            if self._commit:
                self._commits.add(hash(self._commit), recorded.position)

    def _look_at_batch(self, message: Stored) -> None:
        """See that the messages of one batch stand together and end with its commit.

        A mirror keeps no mark of batches, so there is nothing to see there.
        """
        batch = _field(message.headers, _BATCH)
        number = int(_field(message.headers, _NUMBER) or b"0")
        follows = batch == self._batch and number == self._number + 1
        if self._batch and not follows:
            self.torn.add(self.position)
        elif batch and not self._batch and number != 1:
            self.torn.add(message.position)
        ended = not batch or bool(_field(message.headers, _COMMIT))
        self._batch = b"" if ended else batch
        self._number = number


class _Repeats:
    """Finds what occurs twice among millions, in sixteen bytes for each."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._positions = array("Q")

    def add(self, digest: int, position: int) -> None:
        self._hashes.append(digest & _HASH)
        self._positions.append(position)

    def tell(self, sightings: Sightings) -> None:
        twice = {one for one, other in pairwise(sorted(self._hashes)) if one == other}
        seen: set[int] = set()
        for digest, position in zip(self._hashes, self._positions, strict=True):
            if digest in twice:
                if digest in seen:
                    sightings.add(position)
                seen.add(digest)


def _field(headers: bytes, name: bytes) -> bytes:
    start = headers.find(name)
    if start < 0:
        return b""
    start += len(name)
    return headers[start : headers.index(b"\r\n", start)]
