"""Proofs of bounds: a problem written anew, so that anybody sees what no assignment undercuts.

Take the tables of a problem in groups, and move from each group to a later one what it costs at
least, whatever the value of one variable: the message. What is left in a group is then never
negative, what is moved is counted once, and the sum over all groups and messages is the sum of
all tables, for every assignment. What is moved out of the last groups, which depends on nothing
any more, is therefore a bound on all assignments. Such an equivalence-preserving transformation
proves a bound in weighted constraint satisfaction (Cooper et al., "Soft arc consistency
revisited", Artificial Intelligence 174, 2010).

To check it, each combination of each group is looked at once. Nothing is ordered, planned,
decoded or chosen, and no code of the elimination is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Final

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.optimisation.model import Problem

__all__ = ["GROUP_CELLS_MAX", "Group", "proved_bound"]

GROUP_CELLS_MAX: Final = 2_000_000
"""How many combinations a proof may have to be looked at."""


class Group(msgspec.Struct, frozen=True, gc=False):
    """Tables taken together, and what they pass on.

    Attributes:
        variable: Number of the variable whose value the message does not depend on.
        tables: Numbers of the constraints in it.
        messages: Numbers of earlier groups whose messages are in it.
        scope: Numbers of the variables that the message depends on, ascending.
        costs: The message: for each combination, the least that the group costs, in millionths.
    """

    variable: int
    tables: tuple[int, ...]
    messages: tuple[int, ...]
    scope: tuple[int, ...]
    costs: tuple[int, ...]


def proved_bound(problem: Problem, groups: Sequence[Group]) -> int:
    """Return the bound that groups prove; nothing costs less.

    Raises:
        Rejected: They prove none: a table or message is missing or is counted twice, or a
            message is not the least that its group costs.
    """
    _check_use(problem, groups)
    bound = 0
    for number, group in enumerate(groups):
        _check_scope(problem, groups, number)
        inputs = [(problem.tables[n].scope, problem.tables[n].costs) for n in group.tables]
        inputs += [(groups[n].scope, groups[n].costs) for n in group.messages]
        _check_message(problem, number, group, inputs)
        bound += 0 if group.scope else group.costs[0]
    return bound


def _check_use(problem: Problem, groups: Sequence[Group]) -> None:
    tables = sorted(number for group in groups for number in group.tables)
    if tables != list(range(len(problem.tables))):
        raise _disproved("tables", tables, f"each of the {len(problem.tables)} once")
    passed_on = sorted(number for group in groups for number in group.messages)
    due = [number for number, group in enumerate(groups) if group.scope]
    if passed_on != due:
        raise _disproved("messages", passed_on, f"each once that depends on something: {due}")


def _check_scope(problem: Problem, groups: Sequence[Group], number: int) -> None:
    group = groups[number]
    known = range(len(problem.sizes))
    scope = (*group.scope, group.variable)
    if list(group.scope) != sorted(set(group.scope)) or len(set(scope)) != len(scope):
        raise _disproved(f"scope of group {number}", scope, "variables in order, none twice")
    if not all(one in known for one in scope):
        raise _disproved(f"scope of group {number}", scope, f"0 to {len(known) - 1}")
    if any(earlier >= number for earlier in group.messages):
        raise _disproved(f"messages of group {number}", group.messages, "earlier groups")
    inner = [problem.tables[n].scope for n in group.tables]
    inner += [groups[n].scope for n in group.messages]
    beyond = {one for inside in inner for one in inside} - set(scope)
    if beyond:
        raise _disproved(f"scope of group {number}", sorted(beyond), f"within {scope}")
    cells = prod(problem.sizes[one] for one in group.scope)
    if len(group.costs) != cells or cells * problem.sizes[group.variable] > GROUP_CELLS_MAX:
        allowed = f"{cells}, with at most {GROUP_CELLS_MAX} combinations"
        raise _disproved(f"message of group {number}", len(group.costs), allowed)


def _check_message(
    problem: Problem,
    number: int,
    group: Group,
    inputs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    choices = [range(problem.sizes[one]) for one in group.scope]
    for cell, chosen in enumerate(product(*choices)):
        values = dict(zip(group.scope, chosen, strict=True))
        sums: list[int] = []
        for value in range(problem.sizes[group.variable]):
            values[group.variable] = value
            sums.append(sum(costs[_cell(problem, scope, values)] for scope, costs in inputs))
        if group.costs[cell] != min(sums):
            field = f"message of group {number} at {chosen}"
            raise _disproved(field, group.costs[cell], f"{min(sums)}, the least it costs")


def _cell(problem: Problem, scope: Sequence[int], values: Mapping[int, int]) -> int:
    cell = 0
    for one in scope:
        cell = cell * problem.sizes[one] + values[one]
    return cell


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "optimisation.certificate",
        "the certificate does not prove the bound",
        field=field,
        value=value,
        allowed=allowed,
    )
