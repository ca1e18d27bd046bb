"""Policies of agents that take on tasks."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.allocation import (
    AssignmentOpened,
    Contracting,
    ContractNetOpened,
    ContractsAwarded,
    TaskDone,
    TaskFailed,
    TaskProposed,
    TaskRefused,
    WorkOffered,
)
from mabeam.core.events import Event
from mabeam.core.session.state import SessionState

__all__ = ["CapableContractor", "CostReporter", "FailingContractor"]


class CapableContractor(AgentPolicy, frozen=True, kw_only=True, tag="capable_contractor"):
    """Proposes to do what it is capable of, at its cost, and reports that it is done.

    It stands for an agent that works: to have it do anything, derive from it and give
    `report` something to do.

    Attributes:
        capabilities: What it is capable of.
        cost: At what cost it does any task.
        score: How well.
        result: What it reports.
    """

    capabilities: tuple[str, ...] = ()
    cost: int
    score: int = 0
    result: str = ""

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - the state says it all
    ) -> Sequence[Answer]:
        """Propose or refuse when called, report when accepted."""
        net = session.course
        if session.phase != "open" or not isinstance(net, Contracting) or me == net.initiator:
            return ()
        if isinstance(event, ContractNetOpened) and me not in net.replies and not net.awarded:
            return (self._reply(event),)
        if isinstance(event, ContractsAwarded) and me in net.under_way:
            return self.report()
        return ()

    def _reply(self, opening: ContractNetOpened) -> TaskProposed | TaskRefused:
        missing = sorted(set(opening.requires) - set(self.capabilities))
        if missing:
            return TaskRefused(reason=f"not capable of {', '.join(missing)}")
        return TaskProposed(cost=self.cost, score=self.score, capabilities=self.capabilities)

    def report(self) -> Sequence[Answer]:
        """Return what it says once its proposal is accepted."""
        return (TaskDone(result=self.result),)


class FailingContractor(CapableContractor, frozen=True, kw_only=True, tag="failing_contractor"):
    """Proposes like a capable one, and then fails, or never says anything again.

    Attributes:
        reason: Why it fails.
        is_silent: Whether it never reports, so that its time runs out.
    """

    reason: str = "out of order"
    is_silent: bool = False

    def report(self) -> Sequence[Answer]:
        """Return that it has failed, or nothing."""
        return () if self.is_silent else (TaskFailed(reason=self.reason),)


class CostReporter(AgentPolicy, frozen=True, kw_only=True, tag="cost_reporter"):
    """Says what tasks would cost it and be worth with it, and how busy it is.

    Attributes:
        costs: By name of the task.
        gains: By name of the task.
        capacity: How many tasks it takes at most.
        capabilities: What it is capable of.
        cpu: Share of its processor in use.
        memory_mb: Memory in use.
        active: Tasks under way.
    """

    costs: dict[str, int] = {}
    gains: dict[str, int] = {}
    capacity: int = 1
    capabilities: tuple[str, ...] = ()
    cpu: Decimal = Decimal(0)
    memory_mb: int = 0
    active: int = 0

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,  # noqa: ARG002 - the state says it all
    ) -> Sequence[Answer]:
        """Say so once, of the tasks that are asked about."""
        if not isinstance(event, AssignmentOpened) or session.phase != "open":
            return ()
        if me in session.spoken:
            return ()
        names = {task.name for task in event.tasks}
        return (
            WorkOffered(
                costs={task: cost for task, cost in self.costs.items() if task in names},
                gains={task: gain for task, gain in self.gains.items() if task in names},
                capacity=self.capacity,
                capabilities=self.capabilities,
                cpu=self.cpu,
                memory_mb=self.memory_mb,
                active=self.active,
            ),
        )
