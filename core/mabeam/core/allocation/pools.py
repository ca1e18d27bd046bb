"""Pools of agents: rules that share out tasks one by one, each to the first in some order.

Pure functions that know no events. The order in which agents stand for a task depends on
what they declared and on what they were given before:

- *round robin*: who was given least so far, then who is named first;
- *least loaded*: whose busiest resource is least busy (the dominant share of Ali Ghodsi and
  others, Dominant Resource Fairness, NSDI 2011), counting each task given as one more under
  way; who is over a limit takes none;
- *best match*: who can do least beyond what the task requires, so that who can do much is
  left for what needs it; then who was given least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

import msgspec

from mabeam.core.checking import plain
from mabeam.core.numbers import exact

__all__ = [
    "Limits",
    "Member",
    "Rank",
    "best_match",
    "least_loaded",
    "load_of",
    "round_robin",
    "share_out",
]


class Member(msgspec.Struct, frozen=True):
    """An agent of a pool.

    Attributes:
        name: Its name.
        capacity: How many tasks it takes at most.
        capabilities: What it is capable of.
        cpu: Share of its processor in use.
        memory_mb: Memory in use.
        active: Tasks under way.
    """

    name: str
    capacity: int
    capabilities: frozenset[str] = frozenset()
    cpu: Decimal = Decimal(0)
    memory_mb: int = 0
    active: int = 0


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an agent is overloaded: at any of them, or above.

    Attributes:
        cpu_max: Share of the processor in use.
        memory_max_mb: Memory in use.
        active_max: Tasks under way.
    """

    cpu_max: Decimal = Decimal("0.9")
    memory_max_mb: int = 4_096
    active_max: int = 10

    def __post_init__(self) -> None:
        """Refuse limits that nobody is below."""
        plain("pool.limits", "cpu_max", self.cpu_max)
        if self.cpu_max <= 0 or self.memory_max_mb < 1 or self.active_max < 1:
            raise ValueError("limits above 0")


Rank: TypeAlias = Callable[[Member, int, frozenset[str]], Fraction | None]
"""Where an agent stands for a task, the least first; None if it takes none.

It is asked with the agent, how many tasks it was given before, and what the task requires.
"""


def round_robin(member: Member, given: int, requires: frozenset[str]) -> Fraction | None:  # noqa: ARG001 - one signature for all
    """Prefer who was given least so far."""
    return Fraction(given)


def load_of(member: Member, given: int, limits: Limits) -> Fraction:
    """Return how busy the busiest resource of an agent is; 1 or more is overloaded."""
    return max(
        exact(member.cpu) / exact(limits.cpu_max),
        Fraction(member.memory_mb, limits.memory_max_mb),
        Fraction(member.active + given, limits.active_max),
    )


def least_loaded(limits: Limits) -> Rank:
    """Prefer whose busiest resource is least busy; who is overloaded takes none."""

    def rank(member: Member, given: int, requires: frozenset[str]) -> Fraction | None:  # noqa: ARG001 - one signature for all
        load = load_of(member, given, limits)
        return load if load < 1 else None

    return rank


def best_match(member: Member, given: int, requires: frozenset[str]) -> Fraction | None:
    """Prefer who can do least beyond what is required; among those, who was given least."""
    beyond = len(member.capabilities - requires)
    # The number of tasks is bounded, so what was given never outweighs a capability.
    return beyond + Fraction(given, given + 1)


def share_out(
    tasks: Mapping[str, frozenset[str]],
    members: Sequence[Member],
    rank: Rank,
    tie_key: Callable[[str], object],
) -> tuple[tuple[str, str, Fraction], ...]:
    """Give each task, in their order, to the first in rank who can do it and has a place.

    Args:
        tasks: What each requires, by name.
        members: The pool.
        rank: Where an agent stands for a task.
        tie_key: Orders equals by name; the least is taken.

    Returns:
        Task, agent and rank of each that somebody takes, in the order of the tasks.
    """
    given = dict.fromkeys((member.name for member in members), 0)
    shared: list[tuple[str, str, Fraction]] = []
    for task, requires in tasks.items():
        found = [
            (place, tie_key(member.name), member.name)
            for member in members
            if given[member.name] < member.capacity
            and requires <= member.capabilities
            and (place := rank(member, given[member.name], requires)) is not None
        ]
        if found:
            place, _, name = min(found)
            given[name] += 1
            shared.append((task, name, place))
    return tuple(shared)
