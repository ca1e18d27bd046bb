"""Max-Sum: messages between variables and constraints, exact where they form a tree.

Each variable tells each of its constraints what its values cost by all the others, and each
constraint tells each of its variables what each value costs at best. On a tree the messages
stand still after as many rounds as it is deep, and each variable then knows what each of its
values costs at best overall. On a loop a message comes back to whom it came from and is counted
again: nothing is promised there.

Aji and McEliece, "The generalized distributive law" (IEEE Transactions on Information Theory
46, 2000); for teams of agents: Farinelli, Rogers, Petcu and Jennings, "Decentralised
coordination of low-power embedded devices using the max-sum algorithm" (AAMAS 2008), from which
the small preferences are that part equals.
"""

from __future__ import annotations

from itertools import product
from typing import Final, TypeAlias

from mabeam.core.ids import order_key
from mabeam.core.optimisation.model import Problem

__all__ = ["is_tree", "max_sum"]

_PREFERENCE_BYTES: Final = 6
_FINE: Final = 2 ** (8 * _PREFERENCE_BYTES + 16)
"""What one millionth weighs beside preferences: more than those of all variables together."""

Edge: TypeAlias = tuple[int, int]
Messages: TypeAlias = dict[Edge, list[int]]


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


def max_sum(problem: Problem, rounds: int, seed: str = "") -> tuple[int, ...]:
    """Return the values that seem best after so many rounds of messages.

    A round takes as many steps as all tables have combinations, times their arity. It ends
    sooner if no message changes any more.

    Args:
        problem: What is to be minimised, with at most 65,536 variables.
        rounds: How often all messages are sent; on a tree, as many as there are variables and
            constraints are enough.
        seed: Equally good values are parted by a hash of it, the variable and the value, which
            counts as a preference too small to outweigh any cost.
    """
    preferences = [
        [
            int.from_bytes(order_key(seed, variable.name, value)[:_PREFERENCE_BYTES])
            for value in variable.domain
        ]
        for variable in problem.variables
    ]
    told: Messages = {
        (number, one): [0] * problem.sizes[one]
        for number, table in enumerate(problem.tables)
        for one in table.scope
    }
    for _ in range(rounds):
        known = _known(problem, preferences, told)
        heard = _told(problem, known, told)
        if heard == told:
            break
        told = heard
    known = _known(problem, preferences, told)
    return tuple(costs.index(min(costs)) for costs in known)


def _known(problem: Problem, preferences: list[list[int]], told: Messages) -> list[list[int]]:
    """Return what each value of each variable seems to cost at best."""
    return [
        [
            sum(costs)
            for costs in zip(own, *(told[n, one] for n in problem.touching[one]), strict=True)
        ]
        for one, own in enumerate(preferences)
    ]


def _told(problem: Problem, known: list[list[int]], told: Messages) -> Messages:
    """Return what constraints tell their variables: the least for each value, made relative."""
    messages: Messages = {}
    for number, table in enumerate(problem.tables):
        # What a constraint has said itself must not come back to it as news.
        asked = [
            [now - own for now, own in zip(known[one], told[number, one], strict=True)]
            for one in table.scope
        ]
        best: list[dict[int, int]] = [{} for _ in table.scope]
        cells = product(*(range(problem.sizes[one]) for one in table.scope))
        for cost, values in zip(table.costs, cells, strict=True):
            parts = [others[value] for others, value in zip(asked, values, strict=True)]
            total = cost * _FINE + sum(parts)
            for found, value, part in zip(best, values, parts, strict=True):
                without = total - part
                if value not in found or without < found[value]:
                    found[value] = without
        for one, found in zip(table.scope, best, strict=True):
            # On loops the sums would grow without end; only differences matter.
            least = min(found.values())
            messages[number, one] = [found[value] - least for value in range(problem.sizes[one])]
    return messages
