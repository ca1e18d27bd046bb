"""How a decision of a hierarchy is checked: the way of the question, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, cast

from mabeam.core.errors import Rejected
from mabeam.core.hierarchy.course import Deliberation, is_number, members_of
from mabeam.core.hierarchy.events import HierarchyDecided, HierarchyOpened, Step
from mabeam.core.hierarchy.tree import Node, may_decide
from mabeam.core.session.events import Decision
from mabeam.core.session.protocol import Hearing, terms

__all__ = ["verify"]

_RESULT_LENGTH_MAX: Final = 100


def verify(hearing: Hearing[HierarchyOpened], decision: Decision) -> None:
    """Check a decision by the steps that it lists, without going them again.

    Raises:
        Rejected: The first node is not the lowest with authority, a step does not lead to the
            parent or is not on record, something else came of a node, or value, node and outcome
            do not follow from the last step; or the decision is about other positions, another
            rule or other words.
    """
    if not isinstance(decision, HierarchyDecided):
        raise _disproved("outcome", type(decision).__name__, "a decision of a hierarchy")
    opening, state = hearing.opening, cast("Deliberation", hearing.course)
    for field, stated, due in (
        *terms(hearing, decision),
        ("is_number", decision.is_number, opening.is_number),
        ("alternatives", decision.alternatives, hearing.invalid()),
    ):
        if stated != due:
            raise _disproved(field, stated, str(due))
    nodes = {node.name: node for node in opening.nodes}
    if not decision.steps or not all(step.node in nodes for step in decision.steps):
        raise _disproved("steps", decision.steps, f"one or more of {', '.join(nodes)}")
    _verify_first(opening, nodes, nodes[decision.steps[0].node])
    for lower, upper in pairwise(decision.steps):
        if nodes[lower.node].parent != upper.node:
            raise _disproved("steps", upper.node, f"{nodes[lower.node].parent} above {lower.node}")
        if not lower.reason:
            raise _disproved("steps", lower.node, "a reason why it went up")
    _verify_way(state, decision.steps)
    _verify_value(opening, state, decision, nodes[decision.steps[-1].node])


def _verify_first(opening: HierarchyOpened, nodes: dict[str, Node], first: Node) -> None:
    """Refuse a node without authority, or one that has another with authority below it."""
    if not may_decide(first, opening.subject, opening.stake):
        raise _disproved("steps", first.name, "a node within whose mandate the question is")
    if opening.at:
        lower = _way(nodes, opening.at)
        if first.name not in lower:
            raise _disproved("steps", first.name, f"{opening.at} or a node above it")
        lower = lower[: lower.index(first.name)]
    else:
        height = len(_way(nodes, first.name))
        ways = {name: len(_way(nodes, name)) for name in nodes}
        # Of nodes equally deep, the first declared.
        names = list(nodes)
        lower = [
            name
            for name in names
            if ways[name] > height
            or (ways[name] == height and names.index(name) < names.index(first.name))
        ]
    for name in lower:
        if may_decide(nodes[name], opening.subject, opening.stake):
            raise _disproved("steps", first.name, f"{name}, which may decide it and is lower")


def _way(nodes: dict[str, Node], name: str) -> list[str]:
    way = [name]
    while nodes[way[-1]].parent:
        way.append(nodes[way[-1]].parent)
    return way


def _verify_way(state: Deliberation, steps: Sequence[Step]) -> None:
    """Refuse steps other than those that the question is on record to have taken."""
    *lower, last = steps
    taken = tuple((step.node, step.reason) for step in lower)
    if taken != state.left or last.node != state.active:
        raise _disproved("steps", (*taken, last.node), f"{(*state.left, state.active)}")
    for step in steps:
        answer = state.answered.get(step.node)
        came = ("", "", "")
        if answer is not None:
            came = (answer.ended, answer.result[:_RESULT_LENGTH_MAX], answer.support)
        if (step.ended, step.result, step.support) != came:
            raise _disproved("steps", step, f"{step.node} came to {came}")


def _verify_value(
    opening: HierarchyOpened, state: Deliberation, decision: HierarchyDecided, last: Node
) -> None:
    reason = _why_not(opening, state, last)
    if decision.steps[-1].reason != reason:
        raise _disproved("steps", decision.steps[-1], f"{reason!r}, why it has not decided")
    root = next(node.name for node in opening.nodes if not node.parent)
    due = ("default", "default_taken", opening.default, root)
    if not reason:
        due = ("node", "decided", state.answered[last.name].result, last.name)
    elif state.ruled_id:
        due = ("ruling", "decided", state.ruling, root)
    for field, one in zip(("by", "outcome", "value", "node"), due, strict=True):
        if getattr(decision, field) != one:
            raise _disproved(field, getattr(decision, field), one)


def _why_not(opening: HierarchyOpened, state: Deliberation, node: Node) -> str:
    """Return why a node has not decided, as far as is on record; empty if it has."""
    answer = state.answered.get(node.name)
    if answer is None:
        is_asked = node.name in state.held or members_of(node, state.lost)
        return "unfinished" if is_asked else "lost"
    if answer.ended != "decided":
        return answer.ended
    if not answer.result or (opening.is_number and not is_number(answer.result)):
        return "no_result"
    least = opening.support_min
    is_enough = least is None or _is_at_least(answer.support, Fraction(least))
    return "" if is_enough else "low_confidence"


def _is_at_least(shown: str, least: Fraction) -> bool:
    try:
        return Fraction(shown) >= least
    except (ValueError, ZeroDivisionError):
        return False


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "hierarchy.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )
