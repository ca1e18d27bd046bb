"""Exact assignment with dual prices: a pure function that knows no events.

As many tasks as possible are given to agents, one agent each, no agent more than its
capacity, at the least total cost. The method is that of shortest augmenting paths (Harold
Kuhn, The Hungarian Method for the Assignment Problem, Naval Research Logistics Quarterly 2,
1955; Roy Jonker and Anton Volgenant, A Shortest Augmenting Path Algorithm for Dense and
Sparse Linear Assignment Problems, Computing 38, 1987), in whole numbers. The work grows with
tasks squared times tasks plus agents.

Beside the assignment it returns prices that prove it (linear-programming duality): a task's
price and an agent's never exceed together the cost of the pair, an agent's price is not
above 0 and below 0 only if it is full, a task that nobody does has the price of leaving it,
and who is assigned pays exactly: then no assignment is cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["Matching", "assign", "flaw", "price_of_leaving"]


class Matching(msgspec.Struct, frozen=True):
    """An assignment and its prices.

    Attributes:
        agent_of: Number of the agent of each task, None for a task that nobody does.
        cost: Sum of the costs of what is assigned.
        task_prices: Dual price of each task.
        agent_prices: Dual price of a place with each agent, 0 or less.
    """

    agent_of: tuple[int | None, ...]
    cost: int
    task_prices: tuple[int, ...]
    agent_prices: tuple[int, ...]


def price_of_leaving(costs: Sequence[Sequence[int | None]]) -> int:
    """Return what leaving a task counts: more than any set of tasks could cost.

    So an assignment of more tasks is always cheaper than one of fewer.
    """
    known = [abs(cost) for row in costs for cost in row if cost is not None]
    return 2 * max(known, default=0) * len(costs) + 1


def assign(costs: Sequence[Sequence[int | None]], capacities: Sequence[int]) -> Matching:
    """Assign tasks at the least cost.

    >>> assign([[4, 1], [2, 0]], [1, 1]).agent_of
    (1, 0)

    Args:
        costs: For each task, what it costs with each agent; None if it cannot be done there.
        capacities: How many tasks each agent takes, 0 or more.
    """
    tasks, agents = len(costs), len(capacities)
    leaving = price_of_leaving(costs)
    # The last place takes all that nobody does. It is never full, so its price stays 0.
    limits = [*capacities, tasks + 1]
    table = [[(leaving * 4 if cost is None else cost) for cost in row] + [leaving] for row in costs]
    task_prices, agent_prices = [0] * tasks, [0] * (agents + 1)
    held: list[list[int]] = [[] for _ in limits]
    place_of: list[int | None] = [None] * tasks
    for task in range(tasks):
        _augment(task, table, limits, (task_prices, agent_prices), (held, place_of))
    agent_of = tuple(None if place == agents else place for place in place_of)
    cost = sum(table[task][place] for task, place in enumerate(agent_of) if place is not None)
    return Matching(agent_of, cost, tuple(task_prices), tuple(agent_prices[:agents]))


def _augment(
    first: int,
    table: Sequence[Sequence[int]],
    limits: Sequence[int],
    prices: tuple[list[int], list[int]],
    state: tuple[list[list[int]], list[int | None]],
) -> None:
    """Find a place for one more task, moving others along a cheapest path."""
    task_prices, agent_prices = prices
    held, place_of = state
    slack: dict[int, int] = {}
    came_from: dict[int, int] = {}
    reached: list[int] = []
    tree, fresh = [first], [first]
    while True:
        for place in range(len(limits)):
            if place in reached or not limits[place]:
                continue
            for task in fresh:
                excess = table[task][place] - task_prices[task] - agent_prices[place]
                if place not in slack or excess < slack[place]:
                    slack[place], came_from[place] = excess, task
        place = min(slack, key=slack.__getitem__)
        step = slack.pop(place)
        for task in tree:
            task_prices[task] += step
        for other in reached:
            agent_prices[other] -= step
        for other in slack:
            slack[other] -= step
        if len(held[place]) < limits[place]:
            break
        reached.append(place)
        fresh = list(held[place])
        tree += fresh
    _move(place, came_from, held, place_of)


def _move(
    place: int,
    came_from: dict[int, int],
    held: list[list[int]],
    place_of: list[int | None],
) -> None:
    target: int | None = place
    while target is not None:
        task = came_from[target]
        before = place_of[task]
        if before is not None:
            held[before].remove(task)
        held[target].append(task)
        place_of[task] = target
        target = before


def flaw(
    costs: Sequence[Sequence[int | None]],
    capacities: Sequence[int],
    agent_of: Sequence[int | None],
    task_prices: Sequence[int],
    agent_prices: Sequence[int],
) -> str:
    """Return why prices do not prove an assignment; an empty text if they do.

    It only compares: who trusts this need not trust how the assignment was found.
    """
    leaving = price_of_leaving(costs)
    load = [sum(1 for one in agent_of if one == agent) for agent in range(len(capacities))]
    if any(held > limit for held, limit in zip(load, capacities, strict=True)):
        return "an agent has more than its capacity"
    for place, price in enumerate(agent_prices):
        is_full = 0 < capacities[place] == load[place]
        if price > 0 or (price < 0 and not is_full):
            return f"a place with agent {place} that is not full has a price"
    for task, row in enumerate(costs):
        price = task_prices[task]
        agent = agent_of[task]
        if price > leaving or (agent is None and price != leaving):
            return f"the price of task {task} is not that of leaving it"
        for number, cost in enumerate(row):
            if cost is not None and capacities[number] and price + agent_prices[number] > cost:
                return f"task {task} would be cheaper with agent {number}"
        if agent is not None and row[agent] is None:
            return f"task {task} cannot be done by agent {agent}"
        if agent is not None and price + agent_prices[agent] != row[agent]:
            return f"task {task} does not cost what its prices say"
    return ""
