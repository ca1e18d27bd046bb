"""Facts of task allocation. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Speech

__all__ = [
    "Assigned",
    "AssignmentDecided",
    "AssignmentOpened",
    "Award",
    "ContractCancelled",
    "ContractEnd",
    "ContractNetDecided",
    "ContractNetOpened",
    "ContractWord",
    "ContractsAwarded",
    "Ending",
    "Priced",
    "Task",
    "TaskDone",
    "TaskFailed",
    "TaskNotUnderstood",
    "TaskProposed",
    "TaskRefused",
    "Unassigned",
    "WorkOffered",
]

Ending: TypeAlias = Literal[
    "done",
    "failed",
    "cancelled",
    "timed_out",
    "rejected",
    "refused",
    "not_understood",
    "silent",
]


@event_type("mabeam.contract_net.opened.v1", kind="session")
class ContractNetOpened(Opening, frozen=True, kw_only=True):
    """A call for proposals: who can do a task, and at what cost?

    Who opens it is the initiator. If participants are named and the initiator is to take
    single contracts back, it must be named too; it is no contractor.

    Attributes:
        task: What is to be done, for people and agents.
        requires: What a contractor must be capable of; proposals without it are rejected.
        awards: How many proposals are accepted at most.
        cost_max: Proposals above it are rejected; None for no bound.
        reply_by_ms: Proposals count until so long after the opening, on the log's clock. It
            ends earlier when all named contractors have answered.
        done_by_ms: Who has not reported by so long after the awards has timed out.
        rule: ``lowest_cost`` or ``best_score``.
    """

    task: str
    requires: tuple[str, ...] = ()
    awards: int = 1
    cost_max: int | None = None
    reply_by_ms: int = 10_000
    done_by_ms: int = 3_600_000
    open_for_ms: int = 86_400_000
    rule: Policy = Policy("lowest_cost")


class ContractWord(Speech, frozen=True, kw_only=True):
    """Base of what contractors, and the initiator, say in a contract net."""


@event_type("mabeam.contract_net.task_proposed.v1", kind="session")
class TaskProposed(ContractWord, frozen=True, kw_only=True):
    """A contractor would do the task (FIPA: propose). Its latest word before the awards counts.

    Attributes:
        cost: At what cost, in minor units.
        score: How well, in whole units of a scale that the task names; more is better.
        capabilities: What it is capable of.
        note: Why, for people.
    """

    cost: int
    score: int = 0
    capabilities: tuple[str, ...] = ()
    note: str = ""


@event_type("mabeam.contract_net.task_refused.v1", kind="session")
class TaskRefused(ContractWord, frozen=True, kw_only=True):
    """A contractor will not do the task (FIPA: refuse).

    Attributes:
        reason: Why, for people.
    """

    reason: str = ""


@event_type("mabeam.contract_net.task_not_understood.v1", kind="session")
class TaskNotUnderstood(ContractWord, frozen=True, kw_only=True):
    """A contractor cannot make sense of the call (FIPA: not-understood).

    Attributes:
        reason: What it did not understand, for people.
    """

    reason: str = ""


@event_type("mabeam.contract_net.task_done.v1", kind="session")
class TaskDone(ContractWord, frozen=True, kw_only=True):
    """A contractor has done the task (FIPA: inform-done, with a result inform-result).

    Attributes:
        result: What came of it, at most 4,000 characters; larger things by reference.
    """

    result: str = ""


@event_type("mabeam.contract_net.task_failed.v1", kind="session")
class TaskFailed(ContractWord, frozen=True, kw_only=True):
    """A contractor could not do the task after all (FIPA: failure).

    Attributes:
        reason: Why, for people.
    """

    reason: str = ""


@event_type("mabeam.contract_net.contract_cancelled.v1", kind="session")
class ContractCancelled(ContractWord, frozen=True, kw_only=True):
    """The initiator takes a contract back (FIPA: cancel).

    Attributes:
        contractor: Whose; empty for all that are still under way.
        reason: Why, for people.
    """

    contractor: str = ""
    reason: str = ""


class Award(msgspec.Struct, frozen=True, gc=False):
    """What became of a proposal.

    Attributes:
        agent: Who made it.
        cost: Its cost.
        score: Its score.
        position: Where it stands.
        accepted: Whether it is accepted (FIPA: accept-proposal or reject-proposal).
        reason: Why it is not: ``incapable``, ``too_costly``, ``outbid``, ``tie_lost`` or
            ``tie_unresolved``; empty where it is.
    """

    agent: str
    cost: int
    score: int
    position: int
    accepted: bool
    reason: str = ""


@event_type("mabeam.contract_net.contracts_awarded.v1", kind="session")
class ContractsAwarded(Announcement, frozen=True, kw_only=True):
    """Proposals are accepted and rejected. Said by protocol code alone.

    Attributes:
        awards: All proposals that count, the best first.
    """

    awards: tuple[Award, ...]


class ContractEnd(msgspec.Struct, frozen=True, gc=False):
    """How it ended for a contractor.

    Attributes:
        agent: The contractor.
        ended: How: a contract in exactly one of ``done``, ``failed``, ``cancelled`` and
            ``timed_out``.
        cost: What it proposed; None if nothing.
        position: Where its last word that counts stands, or the word that ended it.
        detail: The result, the reason, or why the proposal was rejected.
    """

    agent: str
    ended: Ending
    cost: int | None = None
    position: int = 0
    detail: str = ""


@event_type("mabeam.contract_net.decided.v1", kind="session")
class ContractNetDecided(Decision, frozen=True, kw_only=True):
    """How a call for proposals ended for everybody. Said by protocol code alone.

    Attributes:
        task: What was to be done.
        contracts: Every contractor that was named or spoke, in the order of their names.
        done_by: Who has done it, in the order of their names.
        awards: Certificate: all proposals that counted, the best first.
        cost: What those who have done it proposed, together.
    """

    task: str
    contracts: tuple[ContractEnd, ...] = ()
    done_by: tuple[str, ...] = ()
    awards: tuple[Award, ...] = ()
    cost: int = 0


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to be done by one agent.

    Attributes:
        name: Its name.
        requires: What the agent must be capable of.
    """

    name: str
    requires: tuple[str, ...] = ()


@event_type("mabeam.assignment.opened.v1", kind="session")
class AssignmentOpened(Opening, frozen=True, kw_only=True):
    """Tasks are shared out among agents that say what they can do, at what cost or gain.

    Attributes:
        tasks: Each goes to one agent at most.
        rule: ``exact`` (least total cost), ``greedy`` (highest marginal gain first),
            ``round_robin``, ``least_loaded`` or ``best_match``.
    """

    tasks: tuple[Task, ...]
    rule: Policy = Policy("exact")


@event_type("mabeam.assignment.work_offered.v1", kind="session")
class WorkOffered(Speech, frozen=True, kw_only=True):
    """An agent's latest word on what it can take on.

    Attributes:
        costs: What each task would cost it, by name; for ``exact``, a task that is left out
            is none of its own.
        gains: What each task would be worth with it, by name, for ``greedy``; likewise.
        capacity: How many tasks it takes at most.
        capabilities: What it is capable of.
        cpu: Share of its processor in use, 0 to 1.
        memory_mb: Memory in use.
        active: Tasks under way.
        note: Why, for people.
    """

    costs: dict[str, int] = {}
    gains: dict[str, int] = {}
    capacity: int = 1
    capabilities: tuple[str, ...] = ()
    cpu: Decimal = Decimal(0)
    memory_mb: int = 0
    active: int = 0
    note: str = ""


class Assigned(msgspec.Struct, frozen=True, gc=False):
    """A task and who does it.

    Attributes:
        task: Name of the task.
        agent: Who does it.
        worth: Its cost for ``exact``, its marginal gain for ``greedy``; else what the rule
            compared. Numbers are fractions, as text.
    """

    task: str
    agent: str
    worth: str


class Unassigned(msgspec.Struct, frozen=True, gc=False):
    """A task that nobody does.

    Attributes:
        task: Name of the task.
        reason: ``incapable``: nobody offers it or can do it; ``no_suitable_agent``: those who
            can have enough to do, or would gain nothing; ``no_quorum``: too few offered anything.
    """

    task: str
    reason: str


class Priced(msgspec.Struct, frozen=True, gc=False):
    """What a task, or a place with an agent, is worth at the margin.

    Attributes:
        name: The task or agent.
        price: Dual price.
    """

    name: str
    price: int


@event_type("mabeam.assignment.decided.v1", kind="session")
class AssignmentDecided(Decision, frozen=True, kw_only=True):
    """Who does what. Said by protocol code alone.

    Attributes:
        assigned: Certificate: the tasks that somebody does; for step-wise rules in the order
            of the steps.
        unassigned: The tasks that nobody does.
        total: Sum of costs or gains, as a fraction; empty for rules that know none.
        task_prices: Certificate of ``exact``: dual price of each task.
        agent_prices: Certificate of ``exact``: dual price of a place with each agent.
    """

    assigned: tuple[Assigned, ...] = ()
    unassigned: tuple[Unassigned, ...] = ()
    total: str = ""
    task_prices: tuple[Priced, ...] = ()
    agent_prices: tuple[Priced, ...] = ()
