"""Max-Sum: messages between variables and constraints, exact where they form a tree.

Each variable tells each of its constraints what its values cost by all the others, and each
constraint tells each of its variables what each value costs at best. On a tree the messages
stand still after as many rounds as it is deep, and each variable then knows what each of its
values costs at best overall. On a loop a message comes back to whom it came from and is counted
again: nothing is promised there.

Aji and McEliece, "The generalized distributive law" (IEEE Transactions on Information Theory
46, 2000); for teams of agents: Farinelli, Rogers, Petcu and Jennings, "Decentralised
coordination of low-power embedded devices using the max-sum algorithm" (AAMAS 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from mabeam.core.optimisation.model import Problem

__all__ = ["is_tree", "max_sum"]


def is_tree(problem: Problem) -> bool:
    """Tell whether variables and constraints, joined by the scopes, have no loop."""
    root = list(range(len(problem.sizes)))

    def root_of(one: int) -> int:
        while root[one] != one:
            one = root[one]
        return one

    for table in problem.tables:
        roots = [root_of(one) for one in table.scope]
        if len(set(roots)) != len(roots):
            return False
        for one in roots:
            root[one] = roots[0]
    return True


def max_sum(problem: Problem, rounds: int) -> tuple[int, ...]:
    """Return the values that seem best after so many rounds of messages.

    Ties, which pass messages cannot part consistently, are parted by deciding one variable
    after the other and sending the messages anew each time.

    Args:
        problem: What is to be minimised.
        rounds: How often all messages are sent; on a tree, as many as there are variables and
            constraints are enough.
    """
    allowed = [list(range(size)) for size in problem.sizes]
    for variable in range(len(problem.sizes)):
        beliefs = _beliefs(problem, allowed, rounds)[variable]
        allowed[variable] = [min((beliefs[value], value) for value in allowed[variable])[1]]
    return tuple(values[0] for values in allowed)


def _beliefs(
    problem: Problem, allowed: Sequence[Sequence[int]], rounds: int
) -> list[dict[int, int]]:
    """Return what each value of each variable seems to cost at best."""
    edges = [(n, one) for n, table in enumerate(problem.tables) for one in table.scope]
    told = {edge: dict.fromkeys(allowed[edge[1]], 0) for edge in edges}
    for _ in range(rounds):
        asked = {
            (number, one): {
                value: sum(told[n, one][value] for n in problem.touching[one] if n != number)
                for value in allowed[one]
            }
            for number, one in edges
        }
        told = {edge: _told(problem, allowed, asked, *edge) for edge in edges}
    return [
        {value: sum(told[n, one][value] for n in problem.touching[one]) for value in values}
        for one, values in enumerate(allowed)
    ]


def _told(
    problem: Problem,
    allowed: Sequence[Sequence[int]],
    asked: dict[tuple[int, int], dict[int, int]],
    number: int,
    target: int,
) -> dict[int, int]:
    """Return what a constraint tells a variable: the least for each value, made relative."""
    scope = problem.tables[number].scope
    best: dict[int, int] = {}
    chosen = [0] * len(problem.sizes)
    for values in product(*(allowed[one] for one in scope)):
        cost = 0
        for one, value in zip(scope, values, strict=True):
            chosen[one] = value
            cost += 0 if one == target else asked[number, one][value]
        cost += problem.cost(number, chosen)
        value = chosen[target]
        best[value] = min(best.get(value, cost), cost)
    # On loops the sums would grow without end; only differences matter.
    least = min(best.values())
    return {value: cost - least for value, cost in best.items()}
