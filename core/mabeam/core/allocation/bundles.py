"""Sequential greedy bundles: a pure function that knows no events.

Tasks are assigned one by one; each time the pair of task and agent goes that adds most to
what the agent gains. This is what the consensus-based bundle algorithm comes to once all
agents know all bids, which on one log they do (Han-Lim Choi, Luc Brunet and Jonathan How,
Consensus-Based Decentralized Auctions for Robust Task Allocation, IEEE Transactions on
Robotics 25, 2009). Where a task never adds more to a larger bundle, the sum of the gains is
at least half of the greatest possible (George Nemhauser, Laurence Wolsey and Marshall Fisher,
An Analysis of Approximations for Maximizing Submodular Set Functions, Mathematical
Programming 14, 1978). The work grows with tasks squared times agents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import msgspec

__all__ = ["Marginal", "Step", "diminishing", "sequential_greedy"]

Marginal: TypeAlias = Callable[[str, tuple[str, ...], str], Fraction | None]
"""What a task adds for an agent that has some already; None if it cannot take it."""


class Step(msgspec.Struct, frozen=True):
    """One assignment.

    Attributes:
        task: The task.
        agent: Who does it.
        gain: What it added.
    """

    task: str
    agent: str
    gain: Fraction


def sequential_greedy(
    tasks: Sequence[str],
    agents: Sequence[str],
    marginal: Marginal,
    tie_key: Callable[[str, str], object],
) -> tuple[Step, ...]:
    """Assign tasks one by one to whom they add most, as long as they add anything.

    Args:
        tasks: Their names.
        agents: Their names.
        marginal: What a task adds for an agent that has some already.
        tie_key: Orders equal pairs of task and agent; the least is taken.
    """
    held: dict[str, tuple[str, ...]] = dict.fromkeys(agents, ())
    adds = {(task, agent): marginal(agent, (), task) for task in tasks for agent in agents}
    steps: list[Step] = []
    while True:
        found = [
            Step(task, agent, gain)
            for (task, agent), gain in adds.items()
            if gain is not None and gain > 0
        ]
        if not found:
            return tuple(steps)
        best = min(found, key=lambda step: (-step.gain, tie_key(step.task, step.agent)))
        steps.append(best)
        held[best.agent] = bundle = (*held[best.agent], best.task)
        # Only for the agent that has one more now is anything worth something else.
        adds = {
            (task, agent): marginal(agent, bundle, task) if agent == best.agent else gain
            for (task, agent), gain in adds.items()
            if task != best.task
        }


def diminishing(gains: Sequence[int], keep: Fraction) -> Fraction:
    """Return what a bundle is worth if each further task counts less.

    The best of them counts in full, the second best times ``keep``, the third times its
    square, and so on. A task never adds more to a larger bundle.

    Args:
        gains: What each task of the bundle would be worth alone.
        keep: From 0 to 1.
    """
    worth, share = Fraction(0), Fraction(1)
    for gain in sorted(gains, reverse=True):
        worth += gain * share
        share *= keep
    return worth
