"""Agents on a coordination graph: they declare their costs, and move in rounds."""

from __future__ import annotations

from collections.abc import Sequence

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.events import Event
from mabeam.core.optimisation import (
    Constraint,
    CostsDeclared,
    MoveProposed,
    OptimisationOpened,
    Progress,
    RoundPlayed,
    moves_of,
)
from mabeam.core.session.events import Opening
from mabeam.core.session.state import SessionState

__all__ = ["GraphAgent"]


class GraphAgent(AgentPolicy, frozen=True, kw_only=True, tag="graph_agent"):
    """Declares what it knows of the costs; in rounds, proposes the best move of each variable.

    It is honest: the gains it states are those of the declared costs.

    Attributes:
        constraints: What it knows of the costs. Those about variables that a session does not
            have, or about those of others alone, are kept back there.
    """

    constraints: tuple[Constraint, ...] = ()

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - the session says it all
    ) -> Sequence[Answer]:
        """Speak once in each round: at the opening, and whenever a round was closed."""
        opening, progress = session.opening, session.course
        if not isinstance(opening, OptimisationOpened) or session.phase != "open":
            return ()
        if not isinstance(event, Opening | RoundPlayed) or not isinstance(progress, Progress):
            return ()
        if progress.round == 0:
            if me in progress.declared:
                return ()
            return (CostsDeclared(constraints=self._known(me, opening)),)
        if isinstance(event, RoundPlayed) and event.round != progress.round - 1:
            # Heard late: the rounds since then are spoken for when their beginning is heard.
            return ()
        if me in progress.proposed or progress.settled:
            return ()
        moves = moves_of(opening, progress, me)
        return (MoveProposed(round=progress.round, moves=moves),)

    def _known(self, me: str, opening: OptimisationOpened) -> tuple[Constraint, ...]:
        owners = {variable.name: variable.agent for variable in opening.variables}
        return tuple(
            one
            for one in self.constraints
            if me in {owners.get(name) for name in one.scope} and owners.keys() >= set(one.scope)
        )
