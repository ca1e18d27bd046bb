"""Every append that racing writers have tried, and whether the log bears them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mabeam.core.envelope import Recorded
from mabeam.core.errors import Conflict, Fenced
from mabeam.core.ports import EventStore, Guard, Write

__all__ = ["Ledger"]


class _Attempt(NamedTuple):
    writes: tuple[Write, ...]
    guards: tuple[Guard, ...]
    last: int

    @property
    def ids(self) -> list[str]:
        return [event.id for write in self.writes for event in write.events]


class Ledger:
    """Carries out appends, notes what came of each, and holds all of it against the log.

    Attributes:
        fenced: How many appends a guard has kept out.
    """

    def __init__(self) -> None:
        self._accepted: list[_Attempt] = []
        self._refused: list[_Attempt] = []
        self._rivals: Counter[tuple[str, int]] = Counter()
        self.fenced = 0

    @property
    def races(self) -> int:
        """For how many positions of a boundary more than one writer contended."""
        return sum(count > 1 for count in self._rivals.values())

    @property
    def refusals(self) -> int:
        """How many appends were refused."""
        return len(self._refused)

    async def append(
        self, store: EventStore, *writes: Write, guards: Sequence[Guard] = ()
    ) -> Conflict | Fenced | int:
        """Append, and return the last position or the refusal."""
        for write in writes:
            if write.expect is not None:
                self._rivals[str(write.boundary), write.expect] += 1
        try:
            last = await store.append(*writes, guards=guards)
        except (Conflict, Fenced) as refusal:
            self._refused.append(_Attempt(writes, tuple(guards), 0))
            self.fenced += isinstance(refusal, Fenced)
            return refusal
        self._accepted.append(_Attempt(writes, tuple(guards), last))
        return last

    def check(self, log: Sequence[Recorded], *, sees_speech: bool) -> None:
        """Fail unless what was accepted, and nothing else, is in the log where it was said to be.

        Args:
            log: All of it.
            sees_speech: Whether an expectation also sees speech that is on its way. On a
                replicated stream it does not, and need only hold among those who expect.
        """
        at = {one.id: one.position for one in log}
        assert len(at) == len(log), "an event stands twice"
        accepted = {id_ for attempt in self._accepted for id_ in attempt.ids}
        assert not [
            id_ for a in self._refused for id_ in a.ids if id_ in at and id_ not in accepted
        ]
        assert accepted == set(at)
        positions: dict[str, list[int]] = {}
        for one in log:
            positions.setdefault(str(one.boundary), []).append(one.position)
        checked = self._checked(at)
        for attempt in self._accepted:
            first = attempt.last - len(attempt.ids) + 1
            assert [at[id_] for id_ in attempt.ids] == list(range(first, attempt.last + 1))
            for write in attempt.writes:
                if write.expect is not None:
                    known = positions if sees_speech else checked
                    here = at[write.events[0].id]
                    between = known.get(str(write.boundary), [])
                    assert not [place for place in between if write.expect < place < here]
            for guard in attempt.guards:
                between = positions.get(str(guard.boundary), [])
                assert not [place for place in between if guard.position < place < first]

    def _checked(self, at: dict[str, int]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for attempt in self._accepted:
            for write in attempt.writes:
                if write.expect is not None:
                    places = found.setdefault(str(write.boundary), [])
                    places.extend(at[event.id] for event in write.events)
        return found
