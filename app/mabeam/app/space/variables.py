"""The variables of a space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mabeam.agents.transact import transact
from mabeam.app.space.desk import Desk
from mabeam.core.decider import Entity
from mabeam.core.errors import CodecError, NotFound
from mabeam.core.policies import Policy
from mabeam.core.ports import Write
from mabeam.core.subjects import Boundary, Filter, check_name
from mabeam.core.variable.constraint import CONSTRAINT_INITIAL, declare_constraint
from mabeam.core.variable.constraints import Constraint, variables_of
from mabeam.core.variable.decider import VARIABLE, Declare, check_proposal
from mabeam.core.variable.events import (
    Affirmed,
    Changed,
    ConflictDetected,
    Proposed,
    Refused,
    UpdatePolicy,
    ViolationPolicy,
)
from mabeam.core.variable.state import VariableState
from mabeam.core.variable.types import Value, VariableType
from mabeam.projections.world import World

__all__ = ["ProposalMade", "Variables"]


@dataclass(frozen=True, slots=True)
class ProposalMade:
    """A proposal that is recorded and not yet judged.

    Attributes:
        variable: Name of the variable.
        id: Id of the proposal.
        position: Where it stands.
    """

    desk: Desk
    variable: str
    id: str
    position: int

    async def outcome(self) -> Changed | Affirmed | Refused:
        """Return what became of it: the change it led to, alone or with others, or a refusal.

        It is affirmed where the variable was already what it asks for.
        """
        conflict = ""
        wanted = Filter(kind="variable", entity=self.variable)
        async with self.desk.store.follow(wanted, after=self.position) as pages:
            async for page in pages:
                for recorded in (part for whole in page for part in whole.parts):
                    try:
                        event = recorded.data
                    except CodecError:
                        continue
                    match event:
                        case Changed() | Refused() if self.id == event.proposal or (
                            conflict and event.conflict == conflict
                        ):
                            await self.desk.live.wait_for(recorded.position)
                            return event
                        case Affirmed() if self.id == event.proposal:
                            await self.desk.live.wait_for(recorded.position)
                            return event
                        case ConflictDetected() if self._is_in(event):
                            conflict = event.conflict
                        case _:
                            pass
        raise AssertionError("a follower has no end")

    def _is_in(self, event: ConflictDetected) -> bool:
        return any(candidate.proposal == self.id for candidate in event.candidates)


@dataclass(frozen=True, slots=True)
class Variables:
    """Declare variables, propose values, bind variables to each other, look them up."""

    desk: Desk

    async def declare(  # noqa: PLR0913 - each is a choice of its own
        self,
        name: str,
        type: VariableType,  # noqa: A002 - the word of the declaration
        *,
        update: UpdatePolicy = "last_writer",
        on_conflict: Policy | None = None,
        scope: Sequence[str] = (),
        on_violation: ViolationPolicy = "refuse",
        by: str | None = None,
    ) -> VariableState:
        """Declare a variable; the same declaration again changes nothing.

        Args:
            name: Its name in the space.
            type: What values it may take, with the default.
            update: ``last_writer``, or ``coordinated`` if only sessions may change it.
            on_conflict: How proposals that contradict each other are resolved, such as
                ``Policy("priority", parameters={"priorities": {…}})``; without one the later
                of two proposals from the same base is refused.
            scope: The agents who may propose; empty for everybody.
            on_violation: ``resolve`` to make a conflict of a proposal that breaks a constraint.
            by: Who declares it.

        Raises:
            Rejected: It is declared otherwise, or the declaration contradicts itself.
        """
        check_name("entity", name)
        command = Declare(type, update, on_conflict, tuple(scope), on_violation)

        def entity(world: World) -> Entity[VariableState]:
            return world.variable(name).variable

        await self.desk.command(Boundary("variable", name), VARIABLE, entity, command, by)
        return entity(self.desk.live.state).state

    async def constrain(self, name: str, constraint: Constraint, *, by: str | None = None) -> None:
        """Bind variables to each other; the same constraint again changes nothing.

        Raises:
            Rejected: The name is taken, a variable is undeclared, or the present values
                break the constraint.
        """
        check_name("entity", name)

        def decide(world: World) -> Sequence[Write]:
            present = world.constraints.get(name, Entity(0, CONSTRAINT_INITIAL))
            variables = {v: world.variable(v).variable for v in variables_of(constraint)}
            parts = declare_constraint(name, constraint, present, variables)
            return self.desk.together(parts, by)

        await transact(self.desk.store, self.desk.live, decide)

    async def propose(  # noqa: PLR0913 - each is a choice of its own
        self,
        name: str,
        value: Value,
        *,
        by: str,
        base: int | None = None,
        blind: bool = False,
        reason: str = "",
    ) -> ProposalMade:
        """Propose a value; what cannot be allowed is refused and not recorded.

        Args:
            name: Name of the variable.
            value: What it should be; where the value is shared, what the agent claims of it.
            by: Who proposes it.
            base: Position of the change that the proposer has seen; the present one if None.
            blind: Propose whatever has happened since: the last writer wins.
            reason: Why, for people.

        Raises:
            Rejected: The variable is undeclared or coordinated, the agent is out of its
                scope, or the value breaks its type or a constraint.
        """
        view = self.desk.live.state.variable(name)
        canonical = check_proposal(name, view, by, value)
        seen = view.variable.state.position if base is None else base
        proposed = Proposed(value=canonical, base=None if blind else seen, reason=reason)
        id_, position = await self.desk.say(Boundary("variable", name), proposed, by)
        return ProposalMade(self.desk, name, id_, position)

    def get(self, name: str) -> VariableState:
        """Return a variable as it is now.

        Raises:
            NotFound: It was never declared.
        """
        state = self.desk.live.state.variable(name).variable.state
        if state.declaration is None:
            raise NotFound(f"no variable {name!r} in space {self.desk.store.space!r}")
        return state

    def value(self, name: str) -> Value:
        """Return the value a variable has now.

        Raises:
            NotFound: It was never declared.
        """
        return self.get(name).value

    def all(self) -> dict[str, VariableState]:
        """Return every declared variable by name, sorted."""
        found = self.desk.live.state.variables
        states = {name: found[name].state for name in sorted(found)}
        return {name: state for name, state in states.items() if state.declaration is not None}
