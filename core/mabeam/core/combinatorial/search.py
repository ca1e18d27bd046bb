"""An exact search for the best set of bids, which proves small problems without any solver.

Depth-first branch and bound over the groups of bids. Prices bound what is still to be gained:
whatever falls short of the best bid of its group, and whatever stock can no longer be sold, is
lost against the bound of the prices, and a branch that has lost more than the gap to the best
known value is cut. With the dual prices of the linear relaxation this is its reduced-cost
fixing. The work is exponential in the worst case and bounded by a number of nodes; memory is
groups times goods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mabeam.core.combinatorial.bounds import PRICE_SCALE, ascend, bound_by, reduced
from mabeam.core.combinatorial.winners import (
    Found,
    WinnerProblem,
    completed,
    greedy,
    groups_of,
    value_of,
)

__all__ = ["SEARCH_NODES_MAX", "exact", "nodes_for", "search"]

SEARCH_NODES_MAX: Final = 1_500
"""With so many nodes, fewer where there are many goods, anybody must be able to repeat what is
called a search."""

STEPS_MAX: Final = 50_000

ROUNDS = 150


def nodes_for(problem: WinnerProblem, nodes_max: int = SEARCH_NODES_MAX) -> int:
    """Return how many nodes are looked at in bounded time: each takes a look at all goods."""
    return min(nodes_max, STEPS_MAX // (len(problem.capacities) or 1))


def exact(problem: WinnerProblem, nodes_max: int) -> Found:
    """Return the best set of bids if so many nodes suffice, else the best one found."""
    first = greedy(problem)
    return search(problem, first, ascend(problem, first, ROUNDS), nodes_max)


def search(
    problem: WinnerProblem, incumbent: Sequence[int], prices: Sequence[int], nodes_max: int
) -> Found:
    """Return the best set of bids if so many nodes suffice, else the best one found.

    Args:
        problem: What is to be found.
        incumbent: A set of bids that can be accepted together.
        prices: One of 0 or more for each good; the better they are, the sooner it ends.
        nodes_max: How many branches are looked at.
    """
    incumbent = max(incumbent, (), key=lambda one: value_of(problem, one))
    value, bound = value_of(problem, incumbent), bound_by(problem, prices)
    if bound <= value:
        accepted = completed(problem, incumbent)
        return Found(accepted, value, value, tuple(prices), "prices")
    tree = _Tree(problem, tuple(prices), value)
    tree.walk(nodes_max)
    accepted = completed(problem, incumbent if tree.best is None else tree.best)
    value = value_of(problem, accepted)
    if tree.is_done:
        return Found(accepted, value, value, tuple(prices), "search")
    return Found(
        accepted, value, max(bound, value), tuple(prices), "prices" if bound <= value else ""
    )


@dataclass(slots=True)
class _Option:
    """A choice for a group: one of its bids or, as -1, none; and what it loses."""

    number: int
    loss: int
    uses: tuple[tuple[int, int], ...]


_NOTHING: Final = _Option(-1, 0, ())


class _Tree:
    """The branches of one search."""

    def __init__(self, problem: WinnerProblem, prices: tuple[int, ...], value: int) -> None:
        self.best: list[int] | None = None
        self.is_done = False
        self._prices = prices
        self._left = list(problem.capacities)
        offers = reduced(problem, prices)
        groups = groups_of(problem)
        stock = sum(map(int.__mul__, prices, problem.capacities))
        self._limit = stock + sum(max(0, *(offers[n] for n in group)) for group in groups)
        self._allowed = 0
        self._improve(value)
        # Bids that want the same goods stand side by side, so that unsold stock shows early. The
        # order must not depend on the value to beat: who knows a better one needs no more nodes.
        groups.sort(key=lambda group: min(problem.bids[number].uses for number in group))
        choices = [self._options(problem, group, offers) for group in groups]
        self._choices = [options for options in choices if options != [_NOTHING]]
        self._demand, self._supply = self._ahead(len(prices))

    def _improve(self, value: int) -> None:
        """Look only for what is worth at least one more from now on."""
        self._allowed = self._limit - (value + 1) * PRICE_SCALE

    def _options(
        self, problem: WinnerProblem, group: list[int], offers: list[int]
    ) -> list[_Option]:
        best = max(0, *(offers[number] for number in group))
        found = [_Option(-1, best, ())]
        found += [_Option(n, best - offers[n], problem.bids[n].uses) for n in group]
        return sorted(
            (option for option in found if option.loss <= self._allowed),
            key=lambda option: option.loss,
        )

    def _ahead(self, goods: int) -> tuple[list[list[int]], list[list[int]]]:
        """Return how much of each good the groups from each level on could use, and bring."""
        demand, supply = [[0] * goods], [[0] * goods]
        for options in reversed(self._choices):
            most_used, most_brought = [0] * goods, [0] * goods
            for option in options:
                for good, quantity in option.uses:
                    most_used[good] = max(most_used[good], quantity)
                    most_brought[good] = max(most_brought[good], -quantity)
            demand.append(list(map(int.__add__, demand[-1], most_used)))
            supply.append(list(map(int.__add__, supply[-1], most_brought)))
        demand.reverse()
        supply.reverse()
        return demand, supply

    def walk(self, nodes_max: int) -> None:
        """Look at all branches, or at so many."""
        depth = len(self._choices)
        turns = [0]
        chosen: list[_Option] = []
        lost = 0
        while turns:
            level = len(turns) - 1
            if len(chosen) > level:
                undone = chosen.pop()
                lost -= undone.loss
                self._use(undone, -1)
            if turns[-1] >= len(self._choices[level]) if level < depth else True:
                turns.pop()
                continue
            option = self._choices[level][turns[-1]]
            turns[-1] += 1
            if lost + option.loss > self._allowed:
                # The options stand in the order of their loss.
                turns.pop()
                continue
            if nodes_max <= 0:
                return
            nodes_max -= 1
            chosen.append(option)
            lost += option.loss
            self._use(option, 1)
            if self._is_hopeless(level + 1, lost):
                continue
            if level + 1 == depth:
                self._keep(chosen, lost)
            else:
                turns.append(0)
        self.is_done = True

    def _use(self, option: _Option, sign: int) -> None:
        for good, quantity in option.uses:
            self._left[good] -= sign * quantity

    def _is_hopeless(self, level: int, lost: int) -> bool:
        left = self._left
        if any(one + more < 0 for one, more in zip(left, self._supply[level], strict=True)):
            return True
        idle = sum(
            price * (one - wanted)
            for price, one, wanted in zip(self._prices, left, self._demand[level], strict=True)
            if one > wanted
        )
        return lost + idle > self._allowed

    def _keep(self, chosen: list[_Option], lost: int) -> None:
        idle = sum(map(int.__mul__, self._prices, self._left))
        self.best = sorted(option.number for option in chosen if option.number >= 0)
        self._improve((self._limit - lost - idle) // PRICE_SCALE)
