"""The rules by which an assignment is made, and how each is proved.

Every rule stands here twice: once to assign, and once to check what was assigned. The check
uses the definitions of cost, marginal gain and rank, and never the assigning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final, TypeVar

import msgspec

from mabeam.core.allocation.bundles import diminishing, sequential_greedy
from mabeam.core.allocation.events import Assigned, AssignmentDecided, Priced, Task, WorkOffered
from mabeam.core.allocation.matching import assign, flaw
from mabeam.core.allocation.pools import (
    Limits,
    Member,
    Rank,
    best_match,
    least_loaded,
    round_robin,
    share_out,
)
from mabeam.core.allocation.rules import NoParameters
from mabeam.core.policies import Policies

__all__ = ["ASSIGNING", "PROVING", "Keep", "Shared", "Work"]

PERCENT: Final = 100
ParametersT = TypeVar("ParametersT", bound=msgspec.Struct)


class Work(msgspec.Struct, frozen=True):
    """What an agent offers."""

    agent: str
    offer: WorkOffered

    def is_capable(self, task: Task) -> bool:
        """Tell whether the agent has all that a task requires."""
        return set(task.requires) <= set(self.offer.capabilities)

    def can(self, task: Task, rule: str) -> bool:
        """Tell whether the agent would do a task if it had a place."""
        amounts = {"exact": self.offer.costs, "greedy": self.offer.gains}.get(rule)
        return self.is_capable(task) and (amounts is None or task.name in amounts)


class Shared(msgspec.Struct, frozen=True):
    """What a rule comes to."""

    assigned: tuple[Assigned, ...] = ()
    total: str = ""
    task_prices: tuple[Priced, ...] = ()
    agent_prices: tuple[Priced, ...] = ()


class Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much each further task of an agent counts.

    Attributes:
        keep_percent: The second best of its tasks counts so much of its gain, the third that
            part of that part, and so on; 0 to 100.
    """

    keep_percent: int = 100

    def __post_init__(self) -> None:
        """Refuse what is no part of a whole, or bundles could gain by growing."""
        if not 0 <= self.keep_percent <= PERCENT:
            raise ValueError(f"keep_percent from 0 to {PERCENT}")


ASSIGNING: Policies[[Sequence[Task], Sequence[Work]], Shared] = Policies("rule of assignment")
PROVING: Policies[[Sequence[Task], Sequence[Work], AssignmentDecided], str] = Policies(
    "rule of assignment"
)
"""Why a decision is not proved, for each rule; an empty text if it is."""


def _costs(tasks: Sequence[Task], works: Sequence[Work]) -> list[list[int | None]]:
    return [
        [work.offer.costs[task.name] if work.can(task, "exact") else None for work in works]
        for task in tasks
    ]


@ASSIGNING.register("exact", 1, NoParameters)
def _exact(parameters: NoParameters, tasks: Sequence[Task], works: Sequence[Work]) -> Shared:  # noqa: ARG001 - it has none
    costs = _costs(tasks, works)
    found = assign(costs, [work.offer.capacity for work in works])
    assigned = tuple(
        Assigned(task.name, works[agent].agent, str(costs[number][agent]))
        for number, (task, agent) in enumerate(zip(tasks, found.agent_of, strict=True))
        if agent is not None
    )
    return Shared(
        assigned,
        str(found.cost),
        tuple(
            Priced(task.name, price) for task, price in zip(tasks, found.task_prices, strict=True)
        ),
        tuple(Priced(w.agent, price) for w, price in zip(works, found.agent_prices, strict=True)),
    )


@PROVING.register("exact", 1, NoParameters)
def _exact_flaw(
    parameters: NoParameters,  # noqa: ARG001 - it has none
    tasks: Sequence[Task],
    works: Sequence[Work],
    decision: AssignmentDecided,
) -> str:
    names = [work.agent for work in works]
    agent_of = {one.task: names.index(one.agent) for one in decision.assigned}
    order = [task.name for task in tasks if task.name in agent_of]
    if [one.name for one in decision.task_prices] != [task.name for task in tasks]:
        return "one price for each task"
    if [one.name for one in decision.agent_prices] != names:
        return "one price for each agent"
    if [one.task for one in decision.assigned] != order:
        return "the tasks in their order"
    costs = _costs(tasks, works)
    places = [agent_of.get(task.name) for task in tasks]
    paid = [costs[n][agent] for n, agent in enumerate(places) if agent is not None]
    if [one.worth for one in decision.assigned] != list(map(str, paid)):
        return "what each said that it costs"
    if decision.total != str(sum(cost or 0 for cost in paid)):
        return "the sum of the costs"
    return flaw(
        costs,
        [work.offer.capacity for work in works],
        places,
        [one.price for one in decision.task_prices],
        [one.price for one in decision.agent_prices],
    )


def _marginal(
    tasks: Sequence[Task], works: Sequence[Work], keep: Fraction
) -> Callable[[str, tuple[str, ...], str], Fraction | None]:
    """Return what a task adds for an agent that has some already."""
    task_of = {task.name: task for task in tasks}
    work_of = {work.agent: work for work in works}

    def marginal(agent: str, held: tuple[str, ...], task: str) -> Fraction | None:
        work = work_of[agent]
        if len(held) >= work.offer.capacity or not work.can(task_of[task], "greedy"):
            return None
        gains = [work.offer.gains[one] for one in held]
        more = diminishing([*gains, work.offer.gains[task]], keep)
        return more - diminishing(gains, keep)

    return marginal


@ASSIGNING.register("greedy", 1, Keep)
def _greedy(parameters: Keep, tasks: Sequence[Task], works: Sequence[Work]) -> Shared:
    ranks = {work.agent: place for place, work in enumerate(works)}
    steps = sequential_greedy(
        [task.name for task in tasks],
        [work.agent for work in works],
        _marginal(tasks, works, _keep(parameters)),
        lambda task, agent: (ranks[agent], task),
    )
    assigned = tuple(Assigned(step.task, step.agent, str(step.gain)) for step in steps)
    return Shared(assigned, str(sum((step.gain for step in steps), Fraction(0))))


def _keep(parameters: Keep) -> Fraction:
    return Fraction(parameters.keep_percent, PERCENT)


@PROVING.register("greedy", 1, Keep)
def _greedy_flaw(
    parameters: Keep, tasks: Sequence[Task], works: Sequence[Work], decision: AssignmentDecided
) -> str:
    marginal = _marginal(tasks, works, _keep(parameters))
    ranks = {work.agent: place for place, work in enumerate(works)}
    held: dict[str, tuple[str, ...]] = dict.fromkeys(ranks, ())
    adds = {
        (t.name, agent): marginal(agent, (), t.name) or Fraction(0)
        for t in tasks
        for agent in ranks
    }
    total = Fraction(0)
    for one in decision.assigned:
        mine = adds[one.task, one.agent]
        best = min((-gain, ranks[agent], task) for (task, agent), gain in adds.items())
        if mine <= 0 or str(mine) != one.worth or best != (-mine, ranks[one.agent], one.task):
            return f"{one.task} with {one.agent} was not the best step"
        total += mine
        held[one.agent] = (*held[one.agent], one.task)
        adds = {pair: gain for pair, gain in adds.items() if pair[0] != one.task}
        for task, agent in adds:
            if agent == one.agent:
                adds[task, agent] = marginal(agent, held[agent], task) or Fraction(0)
    if any(gain > 0 for gain in adds.values()):
        return "a task that would add something is left"
    if (decision.total, decision.task_prices, decision.agent_prices) != (str(total), (), ()):
        return "the sum of what the steps added"
    return ""


def _members(works: Sequence[Work]) -> list[Member]:
    return [
        Member(
            work.agent,
            work.offer.capacity,
            frozenset(work.offer.capabilities),
            work.offer.cpu,
            work.offer.memory_mb,
            work.offer.active,
        )
        for work in works
    ]


def _stepwise(tasks: Sequence[Task], works: Sequence[Work], rank: Rank) -> Shared:
    members = _members(works)
    order = {member.name: place for place, member in enumerate(members)}
    needs = {task.name: frozenset(task.requires) for task in tasks}
    shared = share_out(needs, members, rank, order.__getitem__)
    return Shared(tuple(Assigned(task, agent, str(place)) for task, agent, place in shared))


def _stepwise_flaw(
    tasks: Sequence[Task], works: Sequence[Work], decision: AssignmentDecided, rank: Rank
) -> str:
    left = list(decision.assigned)
    members = {member.name: member for member in _members(works)}
    given: list[str] = []
    for task in tasks:
        needs = frozenset(task.requires)
        ranks: list[tuple[Fraction, int, str]] = []
        for place, member in enumerate(members.values()):
            mine = rank(member, given.count(member.name), needs)
            if mine is None or not needs <= member.capabilities:
                continue
            if given.count(member.name) < member.capacity:
                ranks.append((mine, place, member.name))
        if not ranks:
            if left and left[0].task == task.name:
                return f"nobody can take {task.name}"
            continue
        worth, _, agent = min(ranks)
        if not left or left.pop(0) != Assigned(task.name, agent, str(worth)):
            return f"{task.name} was the turn of {agent}"
        given.append(agent)
    if (left, decision.total, decision.task_prices, decision.agent_prices) != ([], "", (), ()):
        return "no more than the tasks in their order"
    return ""


def _register(
    name: str, parameters: type[ParametersT], rank_of: Callable[[ParametersT], Rank]
) -> None:
    def assigning(given: ParametersT, tasks: Sequence[Task], works: Sequence[Work]) -> Shared:
        return _stepwise(tasks, works, rank_of(given))

    def proving(
        given: ParametersT,
        tasks: Sequence[Task],
        works: Sequence[Work],
        decision: AssignmentDecided,
    ) -> str:
        return _stepwise_flaw(tasks, works, decision, rank_of(given))

    ASSIGNING.register(name, 1, parameters)(assigning)
    PROVING.register(name, 1, parameters)(proving)


def _always(rank: Rank) -> Callable[[NoParameters], Rank]:
    def of(parameters: NoParameters) -> Rank:  # noqa: ARG001 - it has none
        return rank

    return of


_register("round_robin", NoParameters, _always(round_robin))
_register("best_match", NoParameters, _always(best_match))
_register("least_loaded", Limits, least_loaded)
