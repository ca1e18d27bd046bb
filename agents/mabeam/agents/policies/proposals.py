"""How agents propose values of variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.variable.events import Changed, Declared, Proposed
from mabeam.core.variable.state import VariableState

__all__ = ["ProposerOnce", "StubbornProposer"]


class ProposerOnce(AgentPolicy, frozen=True, kw_only=True, tag="proposer_once"):
    """Proposes its wish when a variable is declared, and accepts what becomes of it.

    Attributes:
        wishes: The wish by the name of the variable; of what is shared, its claim.
        reason: Why, for people.
    """

    wishes: dict[str, Any]
    reason: str = ""

    def propose(
        self,
        me: str,  # noqa: ARG002 - few policies mind all
        variable: VariableState,  # noqa: ARG002 - few policies mind all
        event: Declared | Changed,
        heard: Heard,
    ) -> Sequence[Answer]:
        """Propose against the position just heard of, so that two who do so compete."""
        if heard.entity not in self.wishes or isinstance(event, Changed):
            return ()
        value = self.wishes[heard.entity]
        return (Proposed(value=value, base=heard.position, reason=self.reason),)

    def wishes_for(self, variable: str) -> bool:
        """Tell whether it has a wish."""
        return variable in self.wishes


class StubbornProposer(AgentPolicy, frozen=True, kw_only=True, tag="stubborn_proposer"):
    """Proposes its wish again whenever another value has been taken, for a while.

    Attributes:
        wishes: The wish by the name of the variable.
        reason: Why, for people.
        changes: It gives up when the variable has changed so often.
    """

    wishes: dict[str, Any]
    reason: str = ""
    changes: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3

    def propose(
        self,
        me: str,
        variable: VariableState,
        event: Declared | Changed,
        heard: Heard,
    ) -> Sequence[Answer]:
        """Propose against the position just heard of, unless that is its own doing."""
        if heard.entity not in self.wishes or variable.changes >= self.changes:
            return ()
        value = self.wishes[heard.entity]
        if isinstance(event, Changed) and (event.by == me or event.value == value):
            return ()
        return (Proposed(value=value, base=heard.position, reason=self.reason),)

    def wishes_for(self, variable: str) -> bool:
        """Tell whether it has a wish."""
        return variable in self.wishes
