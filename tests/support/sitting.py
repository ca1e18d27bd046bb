"""A session in a test: words are said, coordinators act, and every decision is proved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import pytest

from mabeam.core.consensus import ConsensusDecided
from mabeam.core.decider import Entity, fold
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import (
    SESSION,
    SESSIONS,
    Closed,
    Considered,
    Decision,
    Hearing,
    Opening,
    SessionState,
    hearing,
    protocol_of,
    standing,
)
from mabeam.core.testing import NS_PER_SECOND, history, reacting_ends, said
from support.tampering import refuses_corruptions

__all__ = ["ANOTHER", "FOREVER_MS", "Sitting", "proved_wrong"]

FOREVER_MS: Final = 10**9
ANOTHER: Final = ConsensusDecided(
    outcome="no_quorum", rule=Policy("weighted_mean"), considered=Considered(1, 2)
)
"""A decision of a protocol that no test here is about."""

DecisionT = TypeVar("DecisionT", bound=Decision)
EventT = TypeVar("EventT", bound=Event)


class Sitting:
    """One session. The n-th event is recorded n seconds after the log began.

    Args:
        opening: What is asked.
        by: Who asks.
    """

    def __init__(self, opening: Opening, by: str = "lead") -> None:
        self.opening: Final = opening
        self.log: tuple[Recorded, ...] = history(said(opening, by))

    @property
    def state(self) -> SessionState:
        """What it has come to."""
        return fold(SESSION, self.log).state

    @property
    def course(self) -> Any:  # noqa: ANN401 - every protocol has one of its own
        """How it stands."""
        return self.state.course

    @property
    def hearing(self) -> Hearing[Opening]:
        """The session once it is closed."""
        return hearing("it", self.state)

    def say(self, agent: str, *events: Event, at_seconds: float | None = None) -> Sitting:
        """Say something, without anybody acting on it."""
        at_ns = None if at_seconds is None else round(at_seconds * NS_PER_SECOND)
        for event in events:
            self.log += history(said(event, agent, at_ns=at_ns), after=len(self.log))
        return self

    def settle(self, at_seconds: float = 0) -> Sitting:
        """Let a coordinator do all that is due at a time."""
        self.log = reacting_ends(
            SESSIONS,
            _entity,
            self.log,
            "it",
            now_ns=round(at_seconds * NS_PER_SECOND),
            rounds_max=10_000,
        )
        return self

    def turns(self, *words: tuple[str, Event]) -> Sitting:
        """Say something, and let a coordinator act on each word."""
        for agent, event in words:
            self.say(agent, event).settle()
        return self

    def close(self) -> Sitting:
        """Let the time be up."""
        if not self.state.closed_at:
            self.say("coordinator", Closed(reason="deadline"))
        return self.settle()

    def refused(self, agent: str) -> str:
        """Return why the latest invalid word of somebody does not count."""
        return self.state.refused[agent].reason

    def announced(self, kind: type[EventT]) -> list[EventT]:
        """Return what protocol code announced."""
        return [
            one.data
            for one in self.log
            if one.actor == "coordinator" and isinstance(one.data, kind)
        ]

    def decision(self, kind: type[DecisionT]) -> DecisionT:
        """Return the decision, after its certificate has refused all that differs from it."""
        state = self.close().state
        assert state.phase == "ended", state.reason
        decision = state.decision
        assert isinstance(decision, kind)
        assert refuses_corruptions(protocol_of(self.opening), self.hearing, decision) > 0
        standing("it", state)
        return decision


def _entity(log: Sequence[Recorded]) -> Entity[SessionState]:
    return fold(SESSION, log)


def proved_wrong(sitting: Sitting) -> str:
    """Let a decision of another protocol be refused; return why."""
    protocol = protocol_of(sitting.opening)
    assert protocol.result(ANOTHER) is None
    with pytest.raises(Rejected) as caught:
        protocol.verify(sitting.close().hearing, ANOTHER)
    return str(caught.value)
