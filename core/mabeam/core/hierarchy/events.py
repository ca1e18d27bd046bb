"""Facts of questions to a hierarchy. Names and fields are on disk: add, never change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

from mabeam.core.events import event_type
from mabeam.core.hierarchy.tree import Node
from mabeam.core.policies import Policy
from mabeam.core.session.events import Announcement, Decision, Opening, Participant, Speech

__all__ = [
    "Delegated",
    "Delegation",
    "Escalated",
    "GivenUp",
    "HierarchyDecided",
    "HierarchyOpened",
    "HierarchySpeech",
    "LossReported",
    "RepresentativeReplaced",
    "Ruled",
    "Settled",
    "Step",
]

Settled: TypeAlias = Literal["node", "ruling", "default"]


@event_type("mabeam.hierarchy.opened.v1", kind="session")
class HierarchyOpened(Opening, frozen=True, kw_only=True):
    """A question is put to a tree of delegates.

    Attributes:
        nodes: The tree: its root has no parent and no limits.
        protocol: By which protocol a node decides among its members, ``consensus``.
        question: Fields of that protocol's opening, but for those that the hierarchy gives:
            participants, open_for_ms, variable and parent.
        default: What holds if nobody decides, the root neither.
        subject: What the question is about; a node decides it if its scope has the subject.
        stake: How much is at stake; a node decides it if its limit is not below.
        at: The node where the question arises, whose ancestors alone are asked; empty for
            any. The lowest node with authority decides.
        consult: Whether the nodes below decide first, so that their representatives can say
            what they came to.
        support_min: A decision behind which less than this share of the weight heard stands
            goes one level up; None for any.
        node_ms: How long a node has to decide, and then the root's representative to rule.
        patience_ms: When a node is given up that has not answered at all; more than node_ms.
            Both are for one node. Whatever node has the question when open_for_ms is over, the
            default holds, so its default gives time for all the way up a tall tree.
        is_number: Whether the result is a number, and changes the variable at stake as such.
    """

    nodes: tuple[Node, ...]
    protocol: str
    default: str
    question: dict[str, Any] = {}
    subject: str = ""
    stake: int = 0
    at: str = ""
    consult: bool = False
    support_min: Decimal | None = None
    node_ms: int = 30_000
    patience_ms: int = 60_000
    open_for_ms: int = 600_000
    is_number: bool = False
    rule: Policy = Policy("lowest_authority")


class HierarchySpeech(Speech, frozen=True, kw_only=True):
    """Base of what is said about a question in a hierarchy. Opinions are said to the nodes."""


@event_type("mabeam.hierarchy.ruled.v1", kind="session")
class Ruled(HierarchySpeech, frozen=True, kw_only=True):
    """The root's representative decides, since the root has not.

    Attributes:
        value: What it decides, as text.
        note: Why, for people.
    """

    value: str
    note: str = ""


@event_type("mabeam.hierarchy.loss_reported.v1", kind="session")
class LossReported(HierarchySpeech, frozen=True, kw_only=True):
    """A member is gone. Its own word is enough, else that of most others of its lowest node.

    Attributes:
        agent: Who is gone.
        note: How one knows, for people.
    """

    agent: str
    note: str = ""


class Delegation(msgspec.Struct, frozen=True, gc=False):
    """A node that is to decide.

    Attributes:
        node: Its name.
        members: Who decides there.
    """

    node: str
    members: tuple[Participant, ...]


@event_type("mabeam.hierarchy.delegated.v1", kind="session")
class Delegated(Announcement, frozen=True, kw_only=True):
    """Nodes are to decide now, each in a session of its own. Said by protocol code alone.

    Attributes:
        to: The nodes.
    """

    to: tuple[Delegation, ...]


@event_type("mabeam.hierarchy.escalated.v1", kind="session")
class Escalated(Announcement, frozen=True, kw_only=True):
    """A node has not decided, so the question goes up. Said by protocol code alone.

    Attributes:
        origin: The node that has not decided.
        to: The node that is to decide now.
        reason: ``timeout``, ``low_confidence``, ``lost`` for a node without members, or how
            its session ended.
    """

    origin: str
    to: str
    reason: str


@event_type("mabeam.hierarchy.given_up.v1", kind="session")
class GivenUp(Announcement, frozen=True, kw_only=True):
    """Nodes have not answered in time. Said by protocol code alone.

    Attributes:
        nodes: Their names.
    """

    nodes: tuple[str, ...]


@event_type("mabeam.hierarchy.representative_replaced.v1", kind="session")
class RepresentativeReplaced(Announcement, frozen=True, kw_only=True):
    """A member is gone, and another of the same node takes its places. Said by protocol code alone.

    Sessions that are under way go on as they are; those opened later have the other one.

    Attributes:
        agent: Who is gone.
        successor: Who takes its places; empty if nobody of its node is left.
    """

    agent: str
    successor: str


class Step(msgspec.Struct, frozen=True, gc=False):
    """A node that was to decide, and what came of it.

    Attributes:
        node: Its name.
        ended: How its session ended, ``timeout``, or ``lost``.
        result: What it came to, cut if it is long; empty for nothing.
        support: The share of the weight heard behind it, as a fraction, or empty.
        reason: Why it was not the decision; empty if it was.
    """

    node: str
    ended: str
    result: str = ""
    support: str = ""
    reason: str = ""


@event_type("mabeam.hierarchy.decided.v1", kind="session")
class HierarchyDecided(Decision, frozen=True, kw_only=True):
    """What was decided, and by whom. Said by protocol code alone.

    Attributes:
        value: What was decided, as text.
        node: The node that decided; the root where its representative ruled or the default holds.
        by: ``node``: its members. ``ruling``: the root's representative. ``default``: nobody.
        steps: Certificate: the nodes that had the question, in order, each with what came of it.
        is_number: Whether the value is a number.
    """

    value: str
    node: str
    by: Settled
    steps: tuple[Step, ...] = ()
    is_number: bool = False
