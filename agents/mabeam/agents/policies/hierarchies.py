"""Delegates: agents that answer for themselves, and for the node that they represent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.hierarchy import (
    Deliberation,
    HierarchyOpened,
    Ruled,
    child_name,
    is_number,
    is_ruling,
    representative_of,
    root_of,
)
from mabeam.core.session.events import Announcement, Opening
from mabeam.core.session.state import SessionState
from mabeam.core.subjects import Boundary

__all__ = ["Delegate"]


class Delegate(AgentPolicy, frozen=True, kw_only=True, tag="delegate"):
    """Votes in the sessions of a hierarchy, and rules if it speaks for the root.

    For a node that it represents and that was asked before, it votes what the node came to; else
    its own opinion. It votes on numbers; for other protocols, add the policies of those.

    Attributes:
        value: Its own opinion; None to be silent.
        ruling: What it rules if the root does not decide; empty to be silent.
    """

    value: Decimal | None = None
    ruling: str = ""

    def answer(
        self, me: str, session: SessionState, event: Event, heard: Heard
    ) -> Sequence[Answer]:
        """Vote when a node's session is opened, rule when the root has not decided."""
        opening, state = session.opening, session.course
        if isinstance(opening, HierarchyOpened) and isinstance(state, Deliberation):
            return self._rules(me, opening, state, event) if session.phase == "open" else ()
        if not isinstance(opening, ConsensusOpened) or not isinstance(event, Opening):
            return ()
        value = self._word(me, opening, heard)
        return () if value is None else (BallotCast(value=value),)

    def _rules(
        self, me: str, opening: HierarchyOpened, state: Deliberation, event: Event
    ) -> Sequence[Answer]:
        is_told = isinstance(event, Announcement | Opening)
        if not self.ruling or not is_told or not is_ruling(opening, state):
            return ()
        speaks = representative_of(root_of(opening.nodes), state.lost)
        return (Ruled(value=self.ruling),) if speaks == me else ()

    def _word(self, me: str, opening: ConsensusOpened, heard: Heard) -> Decimal | None:
        try:
            parent = Boundary.parse(opening.parent)
        except Rejected:
            return None
        above = heard.world.session(parent.entity).state
        asked, state = above.opening, above.course
        if not isinstance(asked, HierarchyOpened) or not isinstance(state, Deliberation):
            return None
        named = {child_name(parent.entity, node.name): node.name for node in asked.nodes}
        here = named.get(heard.entity)
        if here is None:
            return None
        for node in asked.nodes:
            answer = state.answered.get(node.name)
            is_mine = node.parent == here and representative_of(node, state.lost) == me
            if is_mine and answer is not None and is_number(answer.result):
                return Decimal(answer.result)
        return self.value
