"""Look at each event of a space once, out of whichever follower comes to it first.

What sessions come to is told by the log, not by the process that decides: so one follower
that any part of a process has anyway is enough to count, and none is started for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from mabeam.core.actors import from_coordinator
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError, Rejected
from mabeam.core.events import Event
from mabeam.core.ports import Page
from mabeam.core.session.events import Cancelled, Closed, Decision, Failed, Opening, Speech
from mabeam.core.session.protocol import protocol_of

__all__ = ["Ending", "Passage"]

_SECOND_NS: Final = 1_000_000_000


class Ending(msgspec.Struct, frozen=True):
    """How a session ended.

    Attributes:
        protocol: Name of its protocol.
        outcome: How it ended.
        since_opening_seconds: From its opening to its decision; None without a decision.
        since_speech_seconds: From the last word in time; None without a decision or a word.
    """

    protocol: str
    outcome: str
    since_opening_seconds: float | None = None
    since_speech_seconds: float | None = None


class _Open(msgspec.Struct):
    """A session that has not ended."""

    protocol: str
    opened_ns: int
    opened_by: str
    spoken_ns: int = 0
    is_closed: bool = False


class Passage:
    """The history of one space, passing by.

    Args:
        ended: Called when a session has ended.
        unreadable: Called for an event that nobody can read.
    """

    def __init__(self, ended: Callable[[Ending], None], unreadable: Callable[[], None]) -> None:
        self._ended: Final = ended
        self._unreadable: Final = unreadable
        # Ended ones stay as None: a stray second opening must not open them again.
        self._sessions: Final[dict[str, _Open | None]] = {}
        self._position: int | None = None
        self._since = 0

    def begin(self, after: int, head: int) -> None:
        """Take notice of a follower, before its first page.

        Args:
            after: Where it starts.
            head: Where the log ends; only what comes later is news.
        """
        if self._position is None:
            self._position, self._since = after, head

    def take(self, after: int, page: Page) -> None:
        """Look at those events of a follower's page that no follower has shown before.

        Args:
            after: The position before the page, for this follower.
            page: The page.
        """
        assert self._position is not None
        # Who is ahead must not hide what lies between; another follower will show it.
        if after > self._position:
            return
        for recorded in page:
            if recorded.position > self._position:
                self._position = recorded.position
                self._see(recorded, is_news=recorded.position > self._since)

    def _see(self, recorded: Recorded, *, is_news: bool) -> None:
        if recorded.trouble is not None:
            if is_news:
                self._unreadable()
        elif recorded.kind == "session":
            for part in recorded.parts:
                ending = self._follow(part)
                if ending is not None and is_news:
                    self._ended(ending)

    def _follow(self, recorded: Recorded) -> Ending | None:
        """Fold an event of a session; return how the session ended, if it did so by this."""
        try:
            event = recorded.data
        except CodecError:
            return None
        name = recorded.entity
        if isinstance(event, Opening):
            # The first opening holds.
            opened = _Open(_protocol(event), recorded.recorded_ns, recorded.actor)
            _ = self._sessions.setdefault(name, opened)
            return None
        session = self._sessions.get(name)
        ending = None if session is None else _ending(session, event, recorded)
        if ending is not None:
            self._sessions[name] = None
        return ending


def _protocol(opening: Opening) -> str:
    try:
        return protocol_of(opening).name
    except Rejected:
        return "unknown"


def _ending(session: _Open, event: Event, recorded: Recorded) -> Ending | None:
    is_protocol = from_coordinator(recorded)
    match event:
        case Speech() if not session.is_closed:
            session.spoken_ns = recorded.recorded_ns
        case Closed() if is_protocol:
            session.is_closed = True
        case Decision() if is_protocol and session.is_closed:
            return _decided(session, event.outcome, recorded.recorded_ns)
        case Failed() if is_protocol:
            return Ending(session.protocol, "failed")
        case Cancelled() if is_protocol or recorded.actor == session.opened_by:
            return Ending(session.protocol, "cancelled")
        case _:
            pass
    return None


def _decided(session: _Open, outcome: str, now_ns: int) -> Ending:
    spoken = session.spoken_ns
    return Ending(
        session.protocol,
        outcome,
        (now_ns - session.opened_ns) / _SECOND_NS,
        (now_ns - spoken) / _SECOND_NS if spoken else None,
    )
