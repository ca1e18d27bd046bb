"""Hierarchies of delegates: the lowest node with authority decides, or passes the question up."""

from mabeam.core.hierarchy.building import (
    Member,
    Shape,
    Strategy,
    build_tree,
    imbalance,
    restructure,
)
from mabeam.core.hierarchy.course import Deliberation, child_name, is_ruling, representative_of
from mabeam.core.hierarchy.events import (
    Delegated,
    Delegation,
    Escalated,
    GivenUp,
    HierarchyDecided,
    HierarchyOpened,
    LossReported,
    RepresentativeReplaced,
    Ruled,
    Step,
)
from mabeam.core.hierarchy.majority import delegated_majority, direct_majority
from mabeam.core.hierarchy.protocol import HIERARCHY
from mabeam.core.hierarchy.tree import (
    Node,
    ancestors,
    authority,
    check_tree,
    children_of,
    depth,
    may_decide,
    root_of,
    subtree,
)

__all__ = [
    "HIERARCHY",
    "Delegated",
    "Delegation",
    "Deliberation",
    "Escalated",
    "GivenUp",
    "HierarchyDecided",
    "HierarchyOpened",
    "LossReported",
    "Member",
    "Node",
    "RepresentativeReplaced",
    "Ruled",
    "Shape",
    "Step",
    "Strategy",
    "ancestors",
    "authority",
    "build_tree",
    "check_tree",
    "child_name",
    "children_of",
    "delegated_majority",
    "depth",
    "direct_majority",
    "imbalance",
    "is_ruling",
    "may_decide",
    "representative_of",
    "restructure",
    "root_of",
    "subtree",
]
