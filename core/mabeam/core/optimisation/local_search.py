"""Local search in rounds: each variable moves, or stays, by what it sees of its neighbours.

MGM, maximum gain message (Maheswaran, Pearce and Tambe, "Distributed algorithms for DCOP: a
graphical-game-based approach", PDCS 2004): in each round those move whose gain is the greatest
among their neighbours. No two neighbours move at once, so the total never rises; where nobody
can gain any more, the assignment is 1-optimal: no single change is better. It need not be
optimal.

DSA, the distributed stochastic algorithm in its variant A (Zhang, Wang, Xing and Wittenburg,
"Distributed stochastic search and distributed breakout", Artificial Intelligence 161, 2005):
whoever can gain moves with a certain probability. Neighbours may move at once and make things
worse. Chance is a hash of session, round and variable, so that anybody can throw it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from mabeam.core.ids import order_key
from mabeam.core.optimisation.model import Problem

__all__ = ["activates", "best_move", "dsa", "is_one_optimal", "mgm", "winners"]

_FACES: Final = 2**128


def best_move(problem: Problem, values: Sequence[int], variable: int) -> tuple[int, int]:
    """Return the best value of a variable while all others stay, and what it gains.

    The gain is 0, and the value the present one, if no value is better. Of several that are
    equally good, it is the first of the domain.
    """
    tried = list(values)
    costs: list[int] = []
    for value in range(problem.sizes[variable]):
        tried[variable] = value
        costs.append(sum(problem.cost(number, tried) for number in problem.touching[variable]))
    present, least = costs[values[variable]], min(costs)
    if least == present:
        return values[variable], 0
    return costs.index(least), present - least


def is_one_optimal(problem: Problem, values: Sequence[int]) -> bool:
    """Tell whether no single variable can gain."""
    variables = range(len(problem.sizes))
    return all(best_move(problem, values, variable)[1] == 0 for variable in variables)


def winners(problem: Problem, gains: Mapping[int, int], *seed: str | int) -> frozenset[int]:
    """Return who moves by MGM: whose gain is greater than that of every neighbour.

    Args:
        problem: What is to be minimised.
        gains: What each variable would gain; who is not in it gains nothing.
        seed: Equal gains of neighbours are parted by a hash of it and the variable's name.
    """
    ranks = {
        variable: (gain, order_key(*seed, problem.variables[variable].name))
        for variable, gain in gains.items()
        if gain > 0
    }
    return frozenset(
        variable
        for variable, rank in ranks.items()
        if all(ranks[near] < rank for near in problem.neighbours(variable) if near in ranks)
    )


def activates(probability: Fraction, *seed: str | int) -> bool:
    """Tell whether chance lets one move, by a hash of the seed."""
    return Fraction(int.from_bytes(order_key(*seed)), _FACES) < probability


def mgm(
    problem: Problem, values: Sequence[int], rounds: int, seed: str = ""
) -> list[tuple[int, ...]]:
    """Return the assignments that MGM goes through, the first one first.

    It ends after so many rounds, or as soon as nobody can gain.
    """
    trace = [tuple(values)]
    for number in range(1, rounds + 1):
        moves = _moves(problem, trace[-1])
        if not moves:
            break
        gains = {variable: gain for variable, (_, gain) in moves.items()}
        chosen = winners(problem, gains, seed, number)
        trace.append(_moved(trace[-1], {one: moves[one][0] for one in chosen}))
    return trace


def dsa(
    problem: Problem, values: Sequence[int], rounds: int, probability: Fraction, seed: str = ""
) -> list[tuple[int, ...]]:
    """Return the assignments that DSA goes through, the first one first.

    It ends after so many rounds, or as soon as nobody can gain.
    """
    trace = [tuple(values)]
    for number in range(1, rounds + 1):
        moves = _moves(problem, trace[-1])
        if not moves:
            break
        chosen = {
            one: value
            for one, (value, _) in moves.items()
            if activates(probability, seed, number, problem.variables[one].name)
        }
        trace.append(_moved(trace[-1], chosen))
    return trace


def _moves(problem: Problem, values: Sequence[int]) -> dict[int, tuple[int, int]]:
    found = {one: best_move(problem, values, one) for one in range(len(problem.sizes))}
    return {one: move for one, move in found.items() if move[1] > 0}


def _moved(values: Sequence[int], moves: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(moves.get(one, value) for one, value in enumerate(values))
