"""Trees of delegates made from a team: clusters, their representatives, clusters of those.

Sizes within a level differ by one at most. If that exceeds the tolerance, more and smaller
clusters are tried; where no number of them keeps it, the fewest are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.hierarchy.tree import NODES_MAX, Node
from mabeam.core.session.events import Participant

__all__ = ["AGENTS_MIN", "Member", "Shape", "Strategy", "build_tree", "imbalance", "restructure"]

Strategy: TypeAlias = Literal["expertise", "load", "round_robin"]

CLUSTER_MIN: Final = 2
"""Below it, no level would have fewer clusters than the one under it has."""
AGENTS_MIN: Final = 6
"""How many agents make a hierarchy worth while."""


class Member(msgspec.Struct, frozen=True):
    """An agent, as far as it matters for its place.

    Attributes:
        agent: Its name.
        expertise: What it is expert in, the most important first.
        load: How busy it is.
    """

    agent: str
    expertise: tuple[str, ...] = ()
    load: int = 0


class Shape(msgspec.Struct, frozen=True):
    """How a tree is to be.

    Attributes:
        cluster_size: How many members a cluster has at most, but for that of the root.
        max_levels: How many levels of clusters at most; the last is the root alone.
        tolerance: By which part of the greatest cluster of a level the least may be smaller.
        strategy: ``expertise``: who is expert in the same is together, and the most versatile
            represents. ``load``: clusters are equally busy, and the least busy represents.
            ``round_robin``: in turn, by name, and the first represents.
        stakes: The greatest stake that nodes of each level may decide about, from below, none
            less than the one before it; those of further levels, and the root, have no limit.
    """

    cluster_size: int = 5
    max_levels: int = 4
    tolerance: Decimal = Decimal("0.3")
    strategy: Strategy = "round_robin"
    stakes: tuple[int, ...] = ()


def build_tree(members: Sequence[Member], shape: Shape) -> tuple[Node, ...]:
    """Return the nodes of a tree over a team, from the clusters of agents up to the root.

    Raises:
        Rejected: The shape is none, an agent is named twice, there are too few, or the tree
            would have more nodes than a session can ask.
    """
    _check_shape(shape)
    known = {member.agent: member for member in members}
    if len(known) != len(members):
        raise _refusal("members", "members", [m.agent for m in members], "each agent once")
    if len(known) < AGENTS_MIN:
        raise _refusal("insufficient", "members", len(known), f"{AGENTS_MIN} or more")
    nodes: list[Node] = []
    current = sorted(known)
    below: list[str] = []
    level = 0
    while True:
        is_last = level == shape.max_levels - 1
        sizes = [len(current)] if is_last else _sizes(len(current), shape)
        clusters = _clusters([known[agent] for agent in current], sizes, shape.strategy)
        made = [
            Node(
                name=f"level{level}-{number}",
                members=tuple(Participant(member.agent) for member in cluster),
                representative=_representative(cluster, shape.strategy),
                stake_max=shape.stakes[level] if level < len(shape.stakes) else None,
            )
            for number, cluster in enumerate(clusters, 1)
        ]
        nodes = _under(nodes, below, made)
        below = [node.name for node in made]
        if len(made) == 1:
            break
        current = sorted(node.speaker for node in made)
        nodes += made
        level += 1
    if len(nodes) >= NODES_MAX:
        allowed = f"at most {NODES_MAX} nodes; for less, a greater cluster_size or tolerance"
        raise _refusal("shape", "nodes", len(nodes) + 1, allowed)
    return (*nodes, msgspec.structs.replace(made[0], stake_max=None))


def _under(nodes: list[Node], below: Sequence[str], made: Sequence[Node]) -> list[Node]:
    """Put each node of the level below under the cluster that its representative is in."""
    above = {agent: node.name for node in made for agent in node.agents}
    return [
        msgspec.structs.replace(node, parent=above[node.speaker]) if node.name in below else node
        for node in nodes
    ]


def _sizes(agents: int, shape: Shape) -> list[int]:
    fewest = -(-agents // shape.cluster_size)
    for clusters in range(fewest, max(agents // 2, fewest) + 1):
        sizes = _even(agents, clusters)
        if imbalance(sizes) <= Fraction(shape.tolerance):
            return sizes
    return _even(agents, fewest)


def _even(agents: int, clusters: int) -> list[int]:
    each, more = divmod(agents, clusters)
    return [each + 1] * more + [each] * (clusters - more)


def imbalance(sizes: Sequence[int]) -> Fraction:
    """Return by which part of the greatest the least is smaller."""
    return Fraction(max(sizes) - min(sizes), max(sizes))


def _clusters(
    members: Sequence[Member], sizes: Sequence[int], strategy: Strategy
) -> list[list[Member]]:
    clusters: list[list[Member]] = [[] for _ in sizes]
    if strategy == "expertise":
        alike = iter(sorted(members, key=lambda member: (member.expertise, member.agent)))
        return [[next(alike) for _ in range(size)] for size in sizes]
    if strategy == "round_robin":
        for number, member in enumerate(members):
            clusters[number % len(sizes)].append(member)
        return clusters
    for member in sorted(members, key=lambda member: (-member.load, member.agent)):
        open_ = [n for n, size in enumerate(sizes) if len(clusters[n]) < size]
        least = min(open_, key=lambda n: (sum(one.load for one in clusters[n]), n))
        clusters[least].append(member)
    return clusters


def _representative(cluster: Sequence[Member], strategy: Strategy) -> str:
    def rank(member: Member) -> tuple[int, str]:
        ranks = {"expertise": -len(member.expertise), "load": member.load, "round_robin": 0}
        return (ranks[strategy], member.agent)

    return min(cluster, key=rank).agent


def restructure(
    nodes: tuple[Node, ...],
    members: Sequence[Member],
    shape: Shape,
    *,
    score: Decimal,
    target: Decimal,
) -> tuple[Node, ...]:
    """Return a tree built anew if the present one does not do well enough, else the present one.

    Args:
        nodes: The present tree.
        members: The team. Nobody gets lost: whoever is in it has a place in the new tree.
        shape: How the new tree is to be.
        score: How well the present tree does.
        target: How well it should.

    Raises:
        Rejected: The new tree cannot be built.
    """
    return nodes if score >= target else build_tree(members, shape)


def _check_shape(shape: Shape) -> None:
    strategies = get_args(Strategy)
    stakes = [0, *shape.stakes]
    for field, holds, allowed in (
        ("cluster_size", shape.cluster_size >= CLUSTER_MIN, f"{CLUSTER_MIN} or more"),
        ("max_levels", shape.max_levels >= 1, "1 or more"),
        ("tolerance", shape.tolerance.is_finite() and 0 <= shape.tolerance <= 1, "0 to 1"),
        ("strategy", shape.strategy in strategies, ", ".join(strategies)),
        # Mandates widen on the way up, or no session would be held by the tree.
        ("stakes", stakes == sorted(stakes), "0 or more, none below the one before it"),
    ):
        if not holds:
            raise _refusal("shape", field, getattr(shape, field), allowed)


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        f"hierarchy.{code}", "no such hierarchy", field=field, value=value, allowed=allowed
    )
