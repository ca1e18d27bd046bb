"""Voters on numbers who lie in the known ways, to see what a rule withstands; and honest ones.

For simulations and tests of one's own team: nothing here is what an agent should do.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.consensus.events import BallotCast, ConsensusOpened
from mabeam.core.events import Event
from mabeam.core.session.state import SessionState

__all__ = ["DraggingVoter", "EquivocatingVoter", "HonestVoter", "SilentVoter"]


class HonestVoter(AgentPolicy, frozen=True, kw_only=True, tag="honest_voter"):
    """Says what it measured.

    Attributes:
        value: That.
    """

    value: Decimal

    def answer(
        self,
        me: str,  # noqa: ARG002 - policies are asked alike
        session: SessionState,  # noqa: ARG002 - policies are asked alike
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Vote when asked."""
        return (BallotCast(value=self.value),) if isinstance(event, ConsensusOpened) else ()


class DraggingVoter(AgentPolicy, frozen=True, kw_only=True, tag="dragging_voter"):
    """Wants the outcome at one end, and says a number far beyond it. Several may collude.

    Attributes:
        upwards: To which end it drags.
        factor: By how many times the range its number lies beyond.
    """

    upwards: bool = True
    factor: int = 1_000

    def answer(
        self,
        me: str,  # noqa: ARG002 - policies are asked alike
        session: SessionState,  # noqa: ARG002 - policies are asked alike
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Say a number from beyond the range."""
        if not isinstance(event, ConsensusOpened):
            return ()
        reach = self.factor * (event.high - event.low)
        value = event.high + reach if self.upwards else event.low - reach
        return (BallotCast(value=value),)


class EquivocatingVoter(AgentPolicy, frozen=True, kw_only=True, tag="equivocating_voter"):
    """Says one number, and another one later: it tells different agents different things.

    Attributes:
        first: What it says first.
        second: What it says when that is on the log.
    """

    first: Decimal
    second: Decimal

    def answer(
        self,
        me: str,  # noqa: ARG002 - policies are asked alike
        session: SessionState,  # noqa: ARG002 - policies are asked alike
        event: Event,
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Say both, one behind the other."""
        if not isinstance(event, ConsensusOpened):
            return ()
        return (BallotCast(value=self.first), BallotCast(value=self.second))


class SilentVoter(AgentPolicy, frozen=True, kw_only=True, tag="silent_voter"):
    """Says nothing, so that those who wait for everybody wait until the deadline."""

    def answer(
        self,
        me: str,  # noqa: ARG002 - policies are asked alike
        session: SessionState,  # noqa: ARG002 - policies are asked alike
        event: Event,  # noqa: ARG002 - policies are asked alike
        heard: Heard,  # noqa: ARG002 - policies are asked alike
    ) -> Sequence[Answer]:
        """Say nothing."""
        return ()
