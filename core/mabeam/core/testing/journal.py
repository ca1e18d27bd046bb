"""What the clients of a log did and were told, for a judgement once all is over.

A client says what it is about to append before it does, and what came of it afterwards.
What it never says, because it died or was never answered, is unknown: such an append may
have been recorded, at any time since, or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from mabeam.core.ports import Guard, Write

__all__ = ["Attempt", "Entry", "Journal", "Look", "Part", "read_journal"]

Outcome: TypeAlias = Literal["recorded", "conflict", "failed", "unknown"]
"""Recorded; not recorded because of an expectation; not recorded for another reason; who knows."""

ENTRIES_MAX: Final = 1_000_000


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """The events of one boundary in an append.

    Attributes:
        boundary: The boundary as text.
        ids: Ids of its events.
        expect: As in `mabeam.core.ports.Write`.
        seen: Id of the event that stands at the expected position, as the client saw it.
    """

    boundary: str
    ids: tuple[str, ...]
    expect: int | None = None
    seen: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, tag="attempt", omit_defaults=True):
    """One append, as its client saw it.

    Attributes:
        number: Its own in the journal.
        client: Who appended.
        begun: When the client began, by the journal's clock.
        parts: What was to be recorded, in order.
        guards: Boundaries, and the position each was to be at.
        ended: When the client was told, or gave up; None while it does neither.
        outcome: What it was told.
        position: Position of the last event, if it was told so.
    """

    number: int
    client: str
    begun: int
    parts: tuple[Part, ...]
    guards: tuple[tuple[str, int], ...] = ()
    ended: int | None = None
    outcome: Outcome = "unknown"
    position: int = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all its events, in order."""
        return tuple(id_ for part in self.parts for id_ in part.ids)


class Look(msgspec.Struct, frozen=True, kw_only=True, tag="look", omit_defaults=True):
    """One reading of the last event of a boundary.

    Attributes:
        number: Its own in the journal.
        client: Who looked.
        begun: When the client began.
        boundary: The boundary as text.
        ended: When it had the answer; None while it has none.
        seen: Id of the last event, empty when there is none.
    """

    number: int
    client: str
    begun: int
    boundary: str
    ended: int | None = None
    seen: str = ""


Entry: TypeAlias = Attempt | Look
"""One thing that a client did."""

_EntryT = TypeVar("_EntryT", Attempt, Look)

_lines: Final = msgspec.json.Decoder(Attempt | Look)


class Journal:
    """Takes down what clients do.

    Args:
        now: A clock that never goes back and that all clients share, such as
            ``time.monotonic_ns``; on one machine, several processes share it.
        keep: Takes each line as it is written, say to a file: what a process has begun is
            then known even if it is killed.
        entries_max: How many appends and readings it holds.
    """

    def __init__(
        self,
        now: Callable[[], int],
        *,
        keep: Callable[[bytes], object] | None = None,
        entries_max: int = ENTRIES_MAX,
    ) -> None:
        self._now: Final = now
        self._keep: Final = keep
        self._entries_max: Final = entries_max
        self._entries: list[Entry] = []

    @property
    def entries(self) -> Sequence[Entry]:
        """All that was taken down, in the order of beginning."""
        return tuple(self._entries)

    def attempt(
        self,
        client: str,
        *writes: Write,
        seen: Mapping[str, str] | None = None,
        guards: Sequence[Guard] = (),
    ) -> Attempt:
        """Take down that a client is about to append.

        Args:
            client: Who.
            writes: What.
            seen: For boundaries of which a write expects a position, the id of the event
                that the client saw there. Without it, the order of such writes is judged by
                positions alone.
            guards: What else must stand still.
        """
        parts = tuple(
            Part(
                str(write.boundary),
                tuple(event.id for event in write.events),
                write.expect,
                (seen or {}).get(str(write.boundary), ""),
            )
            for write in writes
        )
        guarded = tuple((str(guard.boundary), guard.position) for guard in guards)
        number, now = len(self._entries), self._now()
        return self._begin(
            Attempt(number=number, client=client, begun=now, parts=parts, guards=guarded)
        )

    def recorded(self, attempt: Attempt, position: int) -> None:
        """Take down that the client was told the position of the last event."""
        self._end(attempt, outcome="recorded", position=position)

    def conflict(self, attempt: Attempt) -> None:
        """Take down that the client was told that a boundary is not where it expected it."""
        self._end(attempt, outcome="conflict")

    def failed(self, attempt: Attempt) -> None:
        """Take down that the client was told that nothing was recorded, for another reason."""
        self._end(attempt, outcome="failed")

    def unknown(self, attempt: Attempt) -> None:
        """Take down that the client gave up without being told anything."""
        self._end(attempt, outcome="unknown")

    def look(self, client: str, boundary: str) -> Look:
        """Take down that a client is about to read the last event of a boundary."""
        number, now = len(self._entries), self._now()
        return self._begin(Look(number=number, client=client, begun=now, boundary=boundary))

    def saw(self, look: Look, seen: str) -> None:
        """Take down the id that the client has read; empty when there was no event."""
        self._end(look, seen=seen)

    def _begin(self, entry: _EntryT) -> _EntryT:
        if len(self._entries) >= self._entries_max:
            raise AssertionError(f"the journal is full: it holds {self._entries_max} entries")
        self._entries.append(entry)
        self._write(entry)
        return entry

    def _end(self, entry: Entry, **facts: object) -> None:
        ended = msgspec.structs.replace(entry, ended=self._now(), **facts)
        self._entries[entry.number] = ended
        self._write(ended)

    def _write(self, entry: Entry) -> None:
        if self._keep is not None:
            self._keep(msgspec.json.encode(entry) + b"\n")


def read_journal(lines: Iterable[bytes]) -> Sequence[Entry]:
    """Return the entries that a journal has kept, of one process or of several.

    What has begun and not ended counts as unknown. A last line cut short by the death of
    its process is passed over: what it would have ended stays unknown.
    """
    entries: dict[tuple[str, int], Entry] = {}
    for line in lines:
        if line.endswith(b"\n"):
            entry = _lines.decode(line)
            entries[entry.client, entry.number] = entry
    return sorted(entries.values(), key=lambda entry: entry.begun)
