"""How a decision of a hierarchy is checked: the way of the question, node by node."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Final, cast

from mabeam.core.errors import Rejected
from mabeam.core.hierarchy.course import Deliberation
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
            parent, something else came of a node, or value, node and outcome do not follow from
            the last step; or the decision is about other positions or another rule.
    """
    if not isinstance(decision, HierarchyDecided):
        raise _disproved("outcome", type(decision).__name__, "a decision of a hierarchy")
    opening, state = hearing.opening, cast("Deliberation", hearing.course)
    for field, stated, due in (
        *terms(hearing, decision),
        ("is_number", decision.is_number, opening.is_number),
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
    for step in decision.steps:
        _verify_step(state, step)
    _verify_value(opening, state, decision)


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


def _verify_step(state: Deliberation, step: Step) -> None:
    answer = state.answered.get(step.node)
    came = ("", "", "")
    if answer is not None:
        came = (answer.ended, answer.result[:_RESULT_LENGTH_MAX], answer.support)
    if (step.ended, step.result, step.support) != came:
        raise _disproved("steps", step, f"{step.node} came to {came}")


def _verify_value(
    opening: HierarchyOpened, state: Deliberation, decision: HierarchyDecided
) -> None:
    last = decision.steps[-1]
    root = next(node.name for node in opening.nodes if not node.parent)
    answer = state.answered.get(last.node)
    if decision.by == "node":
        if answer is None or answer.ended != "decided" or last.reason:
            raise _disproved("by", last, "a node that has decided")
        if opening.support_min is not None:
            _verify_support(answer.support, Fraction(opening.support_min))
        due = ("decided", answer.result, last.node)
    elif not last.reason:
        raise _disproved("by", decision.by, "node, which has decided")
    elif decision.by == "ruling":
        if not state.ruled_id or last.node != root:
            raise _disproved("by", "ruling", "a ruling, and the question at the root")
        due = ("decided", state.ruling, root)
    else:
        if state.ruled_id:
            raise _disproved("by", "default", f"the ruling {state.ruling}")
        due = ("default_taken", opening.default, root)
    for field, stated, one in zip(
        ("outcome", "value", "node"),
        (decision.outcome, decision.value, decision.node),
        due,
        strict=True,
    ):
        if stated != one:
            raise _disproved(field, stated, one)


def _verify_support(shown: str, least: Fraction) -> None:
    try:
        is_enough = Fraction(shown) >= least
    except (ValueError, ZeroDivisionError):
        is_enough = False
    if not is_enough:
        raise _disproved("support", shown, f"{least} or more")


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "hierarchy.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )
