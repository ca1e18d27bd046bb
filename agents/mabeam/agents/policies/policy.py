"""What all policies of agents have in common, and the agent that follows some.

A policy is data and pure methods: from what an agent hears, and how the session or variable
stands, to what it says. Whatever it must remember it finds in that state, so an agent that is
started anew goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from mabeam.agents.agent import Agent, Answer, Heard, hears
from mabeam.core.errors import Rejected
from mabeam.core.events import Event
from mabeam.core.session.events import Announcement, Decision, Opening, Speech
from mabeam.core.session.state import SessionState
from mabeam.core.variable.events import Changed, Declared
from mabeam.core.variable.state import VariableState

__all__ = ["AgentPolicy", "PolicyAgent", "policies", "policy_of"]


class AgentPolicy(msgspec.Struct, frozen=True, kw_only=True, tag_field="policy"):
    """Base of policies. Subclass with a ``tag``, and answer what concerns the policy.

    Both methods answer nothing unless they are overridden: few policies concern both.
    """

    def answer(
        self,
        me: str,  # noqa: ARG002 - few policies mind all
        session: SessionState,  # noqa: ARG002 - few policies mind all
        event: Event,  # noqa: ARG002 - few policies mind all
        heard: Heard,  # noqa: ARG002 - few policies mind all
    ) -> Sequence[Answer]:
        """Return what the agent says now, nothing if it has nothing to say.

        Args:
            me: Name of the agent.
            session: The session in which something was said.
            event: What was said: an opening, a word of another, an announcement, a decision.
            heard: The circumstances.
        """
        return ()

    def propose(
        self,
        me: str,  # noqa: ARG002 - few policies mind all
        variable: VariableState,  # noqa: ARG002 - few policies mind all
        event: Declared | Changed,  # noqa: ARG002 - few policies mind all
        heard: Heard,  # noqa: ARG002 - few policies mind all
    ) -> Sequence[Answer]:
        """Return what the agent proposes now, nothing if it leaves the variable alone.

        Args:
            me: Name of the agent.
            variable: The variable that was declared or has changed.
            event: Which of both.
            heard: The circumstances.
        """
        return ()

    def wishes_for(self, variable: str) -> bool:  # noqa: ARG002 - few policies mind all
        """Tell whether the agent proposes a value as soon as a variable is declared."""
        return False


class PolicyAgent(Agent):
    """An agent that follows policies, asked at every event of sessions and change of variables.

    Args:
        name: The name under which it speaks.
        policies: What it follows; each is asked, in this order.
        role: Its role in the team.
        capabilities: What it can do.
        metadata: Free text by name.
    """

    def __init__(
        self,
        name: str,
        policies: Sequence[AgentPolicy],
        *,
        role: str = "executor",
        capabilities: Sequence[str] = (),
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.role = role
        self.capabilities = tuple(capabilities)
        self.metadata = dict(metadata or {})
        self._policies: Final = tuple(policies)
        self._first: Final[dict[str, tuple[Answer, ...]]] = {}

    @hears(Opening)
    def opened(self, event: Opening, heard: Heard) -> Sequence[Answer]:
        """Answer when a session is opened."""
        return self._answers(event, heard)

    @hears(Speech)
    def spoken(self, event: Speech, heard: Heard) -> Sequence[Answer]:
        """Answer what another says."""
        return self._answers(event, heard)

    @hears(Announcement)
    def announced(self, event: Announcement, heard: Heard) -> Sequence[Answer]:
        """Answer what protocol code says in the midst of a session."""
        return self._answers(event, heard)

    @hears(Decision)
    def decided(self, event: Decision, heard: Heard) -> Sequence[Answer]:
        """Answer how a session ended."""
        return self._answers(event, heard)

    @hears(Declared)
    def declared(self, event: Declared, heard: Heard) -> Sequence[Answer]:
        """Propose a value for a new variable."""
        return self._proposals(event, heard)

    @hears(Changed)
    def changed(self, event: Changed, heard: Heard) -> Sequence[Answer]:
        """Propose a value when a variable has taken another one."""
        return self._proposals(event, heard)

    def _proposals(self, event: Declared | Changed, heard: Heard) -> Sequence[Answer]:
        variable = heard.world.variable(heard.entity).variable.state
        return [
            answer
            for policy in self._policies
            for answer in policy.propose(self.name, variable, event, heard)
        ]

    def _answers(self, event: Event, heard: Heard) -> Sequence[Answer]:
        session = heard.world.session(heard.entity).state
        if session.weights and self.name not in session.weights:
            return ()
        answers = [
            answer
            for policy in self._policies
            for answer in policy.answer(self.name, session, event, heard)
        ]
        said = self._first.pop(heard.entity, ())
        if self.name in session.spoken:
            return answers
        # A word that does not count is not said again, lest two such agents never stop.
        answers = [one for one in answers if one not in said]
        if said or answers:
            self._forget_what_has_ended(heard)
            self._first[heard.entity] = (*said, *answers)
        return answers

    def _forget_what_has_ended(self, heard: Heard) -> None:
        for name in list(self._first):
            if heard.world.session(name).state.phase == "ended":
                del self._first[name]


def policies() -> dict[str, type[AgentPolicy]]:
    """Return every policy that is loaded, by its tag."""
    found: dict[str, type[AgentPolicy]] = {}
    waiting = [*AgentPolicy.__subclasses__()]
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        tag = one.__struct_config__.tag
        # A class without a tag of its own is a base, and has its own name for one.
        if isinstance(tag, str) and tag != one.__name__:
            found[tag] = one
    return dict(sorted(found.items()))


def policy_of(fields: dict[str, object]) -> AgentPolicy:
    """Make a policy of a table with its tag under ``policy`` and its fields.

    Raises:
        Rejected: There is no such policy, or a field does not fit it.
    """
    known = policies()
    name = fields.get("policy")
    if not isinstance(name, str) or name not in known:
        raise Rejected(
            "policy.unknown",
            "no such policy of agents",
            field="policy",
            value=name,
            allowed=", ".join(known),
        )
    unknown = sorted(set(fields) - {"policy", *known[name].__struct_encode_fields__})
    if unknown:
        raise Rejected(
            "policy.parameters",
            f"{name} has no such field",
            field=unknown[0],
            value=fields[unknown[0]],
            allowed=", ".join(known[name].__struct_encode_fields__),
        )
    try:
        return msgspec.convert(fields, known[name])
    except msgspec.ValidationError as error:
        raise Rejected(
            "policy.parameters",
            f"parameters do not fit {name}",
            field="policy",
            value=fields,
            allowed=str(error),
        ) from error
