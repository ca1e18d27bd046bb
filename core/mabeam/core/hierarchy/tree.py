"""Trees of delegates: nodes with members, a mandate each, and the way up.

A node's mandate is the subjects it may decide, up to a stake. Mandates widen on the way up, and
the root's is without limits, so for every question there is a node that may decide it. A tree is
what is declared: whether it came from `mabeam.core.hierarchy.building` or from a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.session.events import Participant

__all__ = [
    "MEMBERS_MAX",
    "NODES_MAX",
    "Node",
    "ancestors",
    "authority",
    "by_name",
    "check_tree",
    "children_of",
    "depth",
    "may_decide",
    "root_of",
    "subtree",
]

NODES_MAX: Final = 200
"""How many nodes a tree may have."""
MEMBERS_MAX: Final = 1000
"""How many members all nodes may have together."""
SUBJECTS_MAX: Final = 50
"""How many subjects a mandate may name."""
NAME_LENGTH_MAX: Final = 64


class Node(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Agents that decide together.

    Attributes:
        name: Its name in the tree.
        members: Who decides, and how much each one's word weighs.
        representative: Which member speaks for it one level up; the first if empty.
        parent: Name of the node above it; empty for the root.
        scope: The subjects that it may decide; None for all.
        stake_max: The greatest stake that it may decide about; None for any.
    """

    name: str
    members: tuple[Participant, ...]
    representative: str = ""
    parent: str = ""
    scope: tuple[str, ...] | None = None
    stake_max: int | None = None

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of its members."""
        return tuple(member.agent for member in self.members)

    @property
    def speaker(self) -> str:
        """Who speaks for it one level up."""
        return self.representative or self.members[0].agent


def by_name(nodes: Sequence[Node]) -> dict[str, Node]:
    """Return the nodes by their names."""
    return {node.name: node for node in nodes}


def check_tree(nodes: Sequence[Node]) -> None:
    """Refuse nodes that are no tree of mandates.

    Raises:
        Rejected: There is no root or more than one, a parent is unknown, nodes are in a circle,
            a node has no members or a representative that is none of them, or a mandate is
            wider than the one above it.
    """
    names = [node.name for node in nodes]
    if not 1 <= len(nodes) <= NODES_MAX:
        raise _refusal("nodes", "nodes", len(nodes), f"1 to {NODES_MAX}")
    if len(set(names)) != len(names) or not all(0 < len(n) <= NAME_LENGTH_MAX for n in names):
        allowed = f"1 to {NAME_LENGTH_MAX} characters, each once"
        raise _refusal("nodes", "names of nodes", names, allowed)
    if sum(len(node.members) for node in nodes) > MEMBERS_MAX:
        raise _refusal("members", "members", "too many", f"at most {MEMBERS_MAX} in all nodes")
    for node in nodes:
        _check_members(node)
    roots = [node for node in nodes if not node.parent]
    if len(roots) != 1:
        raise _refusal("root", "nodes without a parent", [r.name for r in roots], "exactly one")
    known = by_name(nodes)
    for node in nodes:
        if node.parent and node.parent not in known:
            raise _refusal("parent", f"parent of {node.name}", node.parent, ", ".join(names))
    for node in nodes:
        if roots[0].name not in {above.name for above in (node, *ancestors(nodes, node.name))}:
            raise _refusal("cycle", f"parent of {node.name}", node.parent, "a way to the root")
    _check_mandates(nodes, roots[0])


def _check_members(node: Node) -> None:
    agents = node.agents
    if not agents or len(set(agents)) != len(agents):
        raise _refusal("members", f"members of {node.name}", agents, "one or more, each once")
    if node.representative and node.representative not in agents:
        field = f"representative of {node.name}"
        raise _refusal("representative", field, node.representative, ", ".join(agents))


def _check_mandates(nodes: Sequence[Node], root: Node) -> None:
    if root.scope is not None or root.stake_max is not None:
        field = f"mandate of {root.name}"
        raise _refusal("mandate", field, (root.scope, root.stake_max), "no limits at the root")
    known = by_name(nodes)
    for node in nodes:
        if node.scope is not None and len(node.scope) > SUBJECTS_MAX:
            allowed = f"at most {SUBJECTS_MAX} subjects"
            raise _refusal("mandate", f"scope of {node.name}", len(node.scope), allowed)
        above = known.get(node.parent)
        if above is None:
            continue
        if above.scope is not None and not (
            node.scope is not None and set(node.scope) <= set(above.scope)
        ):
            allowed = f"within that of {above.name}: {', '.join(above.scope)}"
            raise _refusal("mandate", f"scope of {node.name}", node.scope, allowed)
        if above.stake_max is not None and (
            node.stake_max is None or node.stake_max > above.stake_max
        ):
            allowed = f"at most {above.stake_max}, as {above.name}"
            raise _refusal("mandate", f"stake_max of {node.name}", node.stake_max, allowed)


def root_of(nodes: Sequence[Node]) -> Node:
    """Return the root of a checked tree."""
    return next(node for node in nodes if not node.parent)


def ancestors(nodes: Sequence[Node], name: str) -> tuple[Node, ...]:
    """Return the nodes above one, the nearest first. A circle is gone round once."""
    known = by_name(nodes)
    found: dict[str, Node] = {}
    node = known[name]
    while node.parent in known and node.parent not in found:
        node = known[node.parent]
        found[node.name] = node
    return tuple(found.values())


def children_of(nodes: Sequence[Node]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the nodes directly below each node."""
    found: dict[str, tuple[str, ...]] = {node.name: () for node in nodes}
    for node in nodes:
        if node.parent:
            found[node.parent] = (*found[node.parent], node.name)
    return found


def subtree(nodes: Sequence[Node], name: str) -> frozenset[str]:
    """Return the names of a node and of all nodes below it."""
    below = children_of(nodes)
    found = {name}
    waiting = [name]
    while waiting:
        more = below[waiting.pop()]
        found.update(more)
        waiting.extend(more)
    return frozenset(found)


def depth(nodes: Sequence[Node]) -> int:
    """Return the number of steps from the lowest node of a checked tree to the root."""
    return max(len(ancestors(nodes, node.name)) for node in nodes)


def may_decide(node: Node, subject: str, stake: int) -> bool:
    """Tell whether a question is within a node's mandate."""
    in_scope = node.scope is None or subject in node.scope
    return in_scope and (node.stake_max is None or stake <= node.stake_max)


def authority(nodes: Sequence[Node], subject: str, stake: int, at: str = "") -> Node:
    """Return the lowest node that may decide a question.

    Args:
        nodes: A checked tree.
        subject: What the question is about.
        stake: How much is at stake.
        at: The node where the question arises, which passes it up as far as needed. Without
            it, the deepest node of all that may decide is taken, the first declared of equals.
    """
    if at:
        node = by_name(nodes)[at]
        way = (node, *ancestors(nodes, at))
        return next(one for one in way if may_decide(one, subject, stake))
    able = [node for node in nodes if may_decide(node, subject, stake)]
    return max(able, key=lambda node: len(ancestors(nodes, node.name)))


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        f"hierarchy.{code}", "no such hierarchy", field=field, value=value, allowed=allowed
    )
