"""How a question goes through a hierarchy: nodes decide in sessions of their own, or pass it up.

At any time one node has the question: at first the lowest with authority, then one ancestor
after the other. A node decides in a session among its members. With ``consult``, the nodes below
it decide before, in sessions likewise, level by level. Who is in a session is fixed by the
announcement that delegates to it, so a loss changes only sessions that come later.

Every step is an announcement, so the question moves up at most as often as the tree is deep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec
from immutables import Map

from mabeam.core.asking import opening_of
from mabeam.core.errors import Rejected
from mabeam.core.hierarchy.events import (
    Delegated,
    Delegation,
    Escalated,
    GivenUp,
    HierarchyOpened,
    LossReported,
    RepresentativeReplaced,
    Ruled,
)
from mabeam.core.hierarchy.tree import (
    Node,
    ancestors,
    authority,
    by_name,
    children_of,
    root_of,
    subtree,
)
from mabeam.core.ids import derived_id
from mabeam.core.session.course import Child, Course, Due, Said, Start
from mabeam.core.session.events import Announcement, ChildEnded, Opening, Participant
from mabeam.core.session.protocol import protocol_named

__all__ = [
    "COURSE",
    "GIVEN",
    "Answered",
    "Deliberation",
    "Held",
    "child_name",
    "is_number",
    "is_ruling",
    "members_of",
    "opening_for",
    "representative_of",
    "verdict",
]

GIVEN: Final = frozenset({"participants", "open_for_ms", "variable", "parent"})
"""Fields of a node's session that the hierarchy gives."""
DIGITS_MAX: Final = 30
_NS_PER_MS: Final = 1_000_000


class Held(msgspec.Struct, frozen=True, gc=False):
    """A session of a node.

    Attributes:
        members: Who is in it.
        cause: Id of the event that delegated to the node.
        begun_ns: When that was recorded, on the log's clock.
    """

    members: tuple[Participant, ...]
    cause: str
    begun_ns: int


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What came of a node's session.

    Attributes:
        ended: How it ended, or ``timeout``.
        result: What it came to, as text; empty for nothing.
        support: The share of the weight heard behind it, as a fraction, or empty.
        at_ns: When that was recorded.
    """

    ended: str
    result: str
    support: str
    at_ns: int


class Deliberation(msgspec.Struct, frozen=True, gc=False):
    """How a question stands.

    Attributes:
        session: Name of the session.
        active: The node that has the question.
        begun_ns: When it got it, on the log's clock.
        last_id: Id of the latest announcement, or of a report since then that was enough, or of
            the opening.
        last_at: Where it stands if a participant said it, else 0.
        left: The nodes that had it before, in order, each with the reason why it went up.
        held: The sessions that were delegated, by node.
        answered: What came of them, by node.
        lost: Who is gone, each with its successor, or an empty text.
        reports: By whom somebody is said to be gone, who is not yet taken to be.
        ruling: What the root's representative ruled; empty for nothing.
        ruled_by: Who that was.
        ruled_id: Id of the word.
        ruled_at: Where it stands.
    """

    session: str
    active: str
    begun_ns: int
    last_id: str
    last_at: int = 0
    left: tuple[tuple[str, str], ...] = ()
    held: Map[str, Held] = Map()
    answered: Map[str, Answered] = Map()
    lost: Map[str, str] = Map()
    reports: Map[str, tuple[str, ...]] = Map()
    ruling: str = ""
    ruled_by: str = ""
    ruled_id: str = ""
    ruled_at: int = 0


def initial(opening: HierarchyOpened, start: Start) -> Deliberation:
    """Begin at the lowest node with authority."""
    node = authority(opening.nodes, opening.subject, opening.stake, opening.at)
    return Deliberation(start.session, node.name, start.recorded_ns, start.event_id)


def child_name(session: str, node: str) -> str:
    """Return the name of the session of a node."""
    return derived_id(session, "hierarchy", node)


def opening_for(
    opening: HierarchyOpened, members: tuple[Participant, ...], session: str
) -> Opening:
    """Return the opening of a node's session.

    Raises:
        Rejected: The question has a field that its protocol does not take.
    """
    kind = protocol_named(opening.protocol).opening
    known = set(kind.__struct_encode_fields__) - GIVEN
    for field in opening.question:
        if field not in known:
            raise Rejected(
                "hierarchy.question",
                "no such field of the question",
                field=f"question.{field}",
                value=opening.question[field],
                allowed=", ".join(sorted(known)),
            )
    fields: dict[str, Any] = {
        **opening.question,
        "participants": members,
        "open_for_ms": opening.node_ms,
        "parent": f"session/{session}",
    }
    try:
        return opening_of(opening.protocol, fields)
    except Rejected as refusal:
        raise Rejected(
            "hierarchy.question",
            "the question does not fit its protocol",
            field="question",
            value=opening.question,
            allowed=refusal.allowed,
        ) from refusal


def members_of(node: Node, lost: Map[str, str]) -> tuple[Participant, ...]:
    """Return the members of a node after losses.

    Each has its own weight there, or that of the place that it has taken.
    """
    own = {member.agent: member.weight for member in node.members}
    found: dict[str, Participant] = {}
    for member in node.members:
        agent = _present(member.agent, lost)
        if agent:
            found.setdefault(agent, Participant(agent, own.get(agent, member.weight)))
    return tuple(found.values())


def _present(agent: str, lost: Map[str, str]) -> str:
    while agent in lost:
        agent = lost[agent]
    return agent


def representative_of(node: Node, lost: Map[str, str]) -> str:
    """Return who speaks for a node after losses; empty if nobody is left."""
    return _present(node.speaker, lost)


def home_of(opening: HierarchyOpened, agent: str) -> Node | None:
    """Return the lowest node that an agent is a member of, the first declared of equals."""
    of = [node for node in opening.nodes if agent in node.agents]
    return max(of, key=lambda node: len(ancestors(opening.nodes, node.name)), default=None)


def object_to(opening: HierarchyOpened, state: Deliberation, said: Said) -> str:
    """Refuse rulings of others or before their time, and reports by those who are elsewhere."""
    if isinstance(said.event, Ruled):
        if not is_ruling(opening, state):
            return "not_asked: the root has not failed to decide"
        representative = representative_of(root_of(opening.nodes), state.lost)
        return "" if said.agent == representative else f"not_yours: {representative} rules"
    assert isinstance(said.event, LossReported)
    agent = said.event.agent
    home = home_of(opening, agent)
    if home is None or agent in state.lost:
        return f"not_there: {agent}"
    if said.agent != agent and said.agent not in home.agents:
        return f"not_yours: {agent} is in {home.name}"
    return ""


def evolve(opening: HierarchyOpened, state: Deliberation, said: Said) -> Deliberation:
    """Apply a word that counts, or an announcement."""
    match said.event:
        case Ruled(value=value):
            return msgspec.structs.replace(
                state,
                ruling=value,
                ruled_by=said.agent,
                ruled_id=said.event_id,
                ruled_at=said.position,
            )
        case LossReported(agent=agent):
            return _reported(opening, state, agent, said)
        case _:
            announced = _announced(opening, state, said)
            return msgspec.structs.replace(announced, last_id=said.event_id, last_at=0)


def _reported(
    opening: HierarchyOpened, state: Deliberation, agent: str, said: Said
) -> Deliberation:
    by = state.reports.get(agent, ())
    if said.agent not in by:
        state = msgspec.structs.replace(state, reports=state.reports.set(agent, (*by, said.agent)))
    if not _is_gone(opening, state, agent):
        return state
    return msgspec.structs.replace(state, last_id=said.event_id, last_at=said.position)


def _is_gone(opening: HierarchyOpened, state: Deliberation, agent: str) -> bool:
    home, by = home_of(opening, agent), state.reports.get(agent, ())
    assert home is not None
    others = [one for one in home.agents if one != agent and one not in state.lost]
    return agent in by or 2 * len(set(by).intersection(others)) > len(others)


def _announced(opening: HierarchyOpened, state: Deliberation, said: Said) -> Deliberation:
    known = by_name(opening.nodes)
    match said.event:
        case Delegated(to=to):
            held = state.held
            for one in to:
                if one.node in known and one.node not in held:
                    session = Held(one.members, said.event_id, said.recorded_ns)
                    held = held.set(one.node, session)
            return msgspec.structs.replace(state, held=held)
        case ChildEnded() as event:
            answer = Answered(event.outcome, event.result, event.support, said.recorded_ns)
            of = (n for n in state.held if child_name(state.session, n) == event.child)
            return _answered(state, next(of, ""), answer)
        case GivenUp(nodes=nodes):
            for node in nodes:
                state = _answered(state, node, Answered("timeout", "", "", said.recorded_ns))
            return state
        case Escalated(origin=origin, to=to, reason=reason) if origin == state.active:
            if not to or to != known[origin].parent:
                return state
            left = (*state.left, (origin, reason))
            return msgspec.structs.replace(state, active=to, begun_ns=said.recorded_ns, left=left)
        case RepresentativeReplaced(agent=agent, successor=successor):
            return _replaced(opening, state, agent, successor)
        case _:
            return state


def _answered(state: Deliberation, node: str, answer: Answered) -> Deliberation:
    if node not in state.held or node in state.answered:
        return state
    return msgspec.structs.replace(state, answered=state.answered.set(node, answer))


def _replaced(
    opening: HierarchyOpened, state: Deliberation, agent: str, successor: str
) -> Deliberation:
    present = {one for node in opening.nodes for one in node.agents} - set(state.lost)
    # Who is gone takes nobody's place, so no chain of successors comes back to its beginning.
    if agent not in present or (successor and successor not in present - {agent}):
        return state
    return msgspec.structs.replace(
        state,
        lost=state.lost.set(agent, successor),
        reports=state.reports.delete(agent) if agent in state.reports else state.reports,
    )


def verdict(opening: HierarchyOpened, state: Deliberation) -> str | None:
    """Return why the active node has not decided; empty if it has, None if it is at it."""
    answer = state.answered.get(state.active)
    if answer is None:
        node = by_name(opening.nodes)[state.active]
        is_lost = state.active not in state.held and not members_of(node, state.lost)
        return "lost" if is_lost else None
    if answer.ended != "decided":
        return answer.ended
    if not answer.result or (opening.is_number and not is_number(answer.result)):
        return "no_result"
    if opening.support_min is not None and not _is_supported(answer, opening.support_min):
        return "low_confidence"
    return ""


def is_number(text: str) -> bool:
    """Tell whether a text is a number that can become the value of a variable."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return False
    return (
        number.is_finite() and abs(number.adjusted()) <= DIGITS_MAX and len(text) <= 2 * DIGITS_MAX
    )


def _is_supported(answer: Answered, support_min: Decimal) -> bool:
    try:
        return Fraction(answer.support) >= Fraction(support_min)
    except (ValueError, ZeroDivisionError):
        return False


def is_ruling(opening: HierarchyOpened, state: Deliberation) -> bool:
    """Tell whether the root has failed to decide, so that its representative may rule."""
    is_root = state.active == root_of(opening.nodes).name
    return is_root and bool(verdict(opening, state)) and not state.ruled_id


def due(opening: HierarchyOpened, state: Deliberation, now_ns: int) -> Due:
    """Replace who is gone, close when it is decided, pass it up, delegate, or wait."""
    next_ = _next(opening, state, now_ns)
    if next_.close:
        return next_
    # What was delegated stays so: a slow coordinator may open a session that is given up.
    children = tuple(
        Child(
            child_name(state.session, name),
            opening_for(opening, held.members, state.session),
            held.cause,
        )
        for name, held in sorted(state.held.items())
        if name not in state.answered or state.answered[name].ended == "timeout"
    )
    return msgspec.structs.replace(next_, children=children)


def _next(opening: HierarchyOpened, state: Deliberation, now_ns: int) -> Due:
    if state.ruled_id:
        return Due(close="complete", cause=state.ruled_id, position=state.ruled_at)
    gone = next((one for one in sorted(state.reports) if _is_gone(opening, state, one)), "")
    if gone:
        replaced = RepresentativeReplaced(agent=gone, successor=_successor(opening, state, gone))
        return _said(state, replaced)
    reason = verdict(opening, state)
    if reason == "":
        return Due(close="complete", cause=state.last_id, position=state.last_at)
    if reason is not None:
        return _passed_up(opening, state, reason, now_ns)
    ready = _ready(opening, state)
    if ready:
        return _said(state, Delegated(to=ready))
    return _waiting(opening, state, now_ns)


def _said(state: Deliberation, announcement: Announcement) -> Due:
    # Each announcement is the cause of the next, so no two of a type have the same.
    return Due(announce=announcement, cause=state.last_id, position=state.last_at)


def _successor(opening: HierarchyOpened, state: Deliberation, agent: str) -> str:
    home = home_of(opening, agent)
    assert home is not None
    left = (one for one in home.agents if one != agent and one not in state.lost)
    return next(left, "")


def _passed_up(opening: HierarchyOpened, state: Deliberation, reason: str, now_ns: int) -> Due:
    above = ancestors(opening.nodes, state.active)
    if above:
        up = Escalated(origin=state.active, to=above[0].name, reason=reason)
        return _said(state, up)
    answer = state.answered.get(state.active)
    begun_ns = state.begun_ns if answer is None else answer.at_ns
    at_ns = begun_ns + opening.node_ms * _NS_PER_MS
    has_ruler = representative_of(root_of(opening.nodes), state.lost)
    if now_ns >= at_ns or not has_ruler:
        return Due(close="deadline", cause=state.last_id, position=state.last_at)
    return Due(at_ns=at_ns)


def _ready(opening: HierarchyOpened, state: Deliberation) -> tuple[Delegation, ...]:
    """Return the nodes that can decide now: all that they wait for have answered."""
    wanted = subtree(opening.nodes, state.active) if opening.consult else {state.active}
    below, known = children_of(opening.nodes), by_name(opening.nodes)
    members = {name: members_of(known[name], state.lost) for name in wanted}
    ready: list[Delegation] = []
    for node in opening.nodes:
        if node.name not in wanted or node.name in state.held or not members[node.name]:
            continue
        waiting = _nearest(below, members, node.name)
        if all(one in state.answered for one in waiting):
            ready.append(Delegation(node.name, members[node.name]))
    return tuple(ready)


def _nearest(
    below: Mapping[str, tuple[str, ...]],
    members: Mapping[str, tuple[Participant, ...]],
    name: str,
) -> Iterator[str]:
    """Go through the nodes below one; for a node without members, those below that."""
    for one in below[name]:
        if members.get(one):
            yield one
        elif one in members:
            yield from _nearest(below, members, one)


def _waiting(opening: HierarchyOpened, state: Deliberation, now_ns: int) -> Due:
    open_ = {name: one for name, one in state.held.items() if name not in state.answered}
    patience_ns = opening.patience_ms * _NS_PER_MS
    late = sorted(name for name, one in open_.items() if now_ns >= one.begun_ns + patience_ns)
    if late:
        return _said(state, GivenUp(nodes=tuple(late)))
    at_ns = min((one.begun_ns + patience_ns for one in open_.values()), default=0)
    return Due(at_ns=at_ns)


COURSE: Final = Course(initial, object_to, evolve, due)
