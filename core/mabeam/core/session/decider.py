"""How sessions are opened and taken back."""

from __future__ import annotations

from typing import TypeAlias, assert_never

import msgspec

from mabeam.core.decider import Decider
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.session.events import Cancelled, Opening
from mabeam.core.session.protocol import check_opening, protocol_of
from mabeam.core.session.state import SessionState, evolve

__all__ = ["SESSION", "Cancel", "Open", "SessionCommand"]


class Open(msgspec.Struct, frozen=True):
    """Ask a question. The same opening again changes nothing."""

    opening: Opening


class Cancel(msgspec.Struct, frozen=True):
    """Take the question back before it is decided.

    Attributes:
        by: Who takes it back; only who opened it may.
        reason: Why, for people.
    """

    by: str
    reason: str = ""


SessionCommand: TypeAlias = Open | Cancel


def decide(command: SessionCommand, state: SessionState) -> tuple[Event, ...]:
    """Judge a command against the state of the session."""
    match command:
        case Open(opening=opening):
            check_opening(opening)
            if state.opening is None:
                return (opening,)
            if state.opening == opening:
                return ()
            raise Rejected(
                "session.opened",
                "another session has this name",
                field="session",
                value=protocol_of(state.opening).name,
                allowed="a new name",
            )
        case Cancel():
            return _cancel(command, state)
        case _:
            assert_never(command)


def _cancel(command: Cancel, state: SessionState) -> tuple[Event, ...]:
    if state.outcome == "cancelled":
        return ()
    if state.phase not in {"open", "closed"}:
        raise Rejected(
            "session.not_open",
            "the session cannot be cancelled",
            field="phase",
            value=state.phase,
            allowed="open, closed",
        )
    if command.by != state.opened_by:
        raise Rejected(
            "session.not_yours",
            "only its opener may cancel a session",
            field="by",
            value=command.by,
            allowed=state.opened_by,
        )
    return (Cancelled(reason=command.reason),)


SESSION: Decider[SessionCommand, SessionState] = Decider(SessionState(), decide, evolve)
