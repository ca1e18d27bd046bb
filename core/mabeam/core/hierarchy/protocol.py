"""Questions to a hierarchy as sessions: the lowest node with authority decides, or it goes up.

The root always decides: by its members, by the word of its representative, or by the default
that the opening declares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.hierarchy.course import (
    COURSE,
    Deliberation,
    child_name,
    is_number,
    is_ruling,
    members_of,
    opening_for,
    representative_of,
    verdict,
)
from mabeam.core.hierarchy.events import (
    HierarchyDecided,
    HierarchyOpened,
    HierarchySpeech,
    LossReported,
    Ruled,
    Settled,
    Step,
)
from mabeam.core.hierarchy.proving import verify
from mabeam.core.hierarchy.tree import by_name, check_tree, children_of, root_of
from mabeam.core.policies import Policies
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import (
    Hearing,
    Protocol,
    Standing,
    protocol_named,
)
from mabeam.core.session.protocol import (
    check_opening as check_session,
)

__all__ = ["HIERARCHY", "RULES"]

STAKE_MAX: Final = 2**53 - 1
"""Above it, JSON of other languages is no longer exact."""
TEXT_LENGTH_MAX: Final = 1000
QUESTION_BYTES_MAX: Final = 20_000
RESULT_LENGTH_MAX: Final = 100
PATIENCE_MS_MAX: Final = 31 * 24 * 3600 * 1000
_SUPPORT_LENGTH_MAX: Final = 20

RULES: Policies[[], str] = Policies("hierarchy rule")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


@RULES.register("lowest_authority", 1, NoParameters)
def _lowest_authority(parameters: NoParameters) -> str:  # noqa: ARG001 - it has none
    return "lowest_authority"


def check_opening(opening: HierarchyOpened) -> None:
    """Refuse a question that cannot go through its hierarchy.

    Raises:
        Rejected: The nodes are no tree of mandates, a limit is out of range, or the question
            could not be held by one of the nodes.
    """
    RULES.find(opening.rule)()
    check_tree(opening.nodes)
    nodes = by_name(opening.nodes)
    has_support = protocol_named(opening.protocol).support is not None
    support_min = opening.support_min
    for field, holds, allowed in (
        ("participants", not opening.participants, "none: the nodes have members"),
        ("quorum", not opening.quorum, "0: give it in the question"),
        ("tie_break", opening.tie_break == "canonical", "canonical: give it in the question"),
        ("revising", opening.revising == "latest", "latest: give it in the question"),
        ("protocol", opening.protocol != "hierarchy", "any other than hierarchy"),
        ("at", not opening.at or opening.at in nodes, ", ".join(nodes)),
        ("stake", 0 <= opening.stake <= STAKE_MAX, f"0 to {STAKE_MAX}"),
        ("subject", len(opening.subject) <= TEXT_LENGTH_MAX, f"{TEXT_LENGTH_MAX} characters"),
        ("default", _is_value(opening, opening.default), _allowed(opening)),
        ("node_ms", 1 <= opening.node_ms < opening.patience_ms, "from 1, below patience_ms"),
        ("patience_ms", opening.patience_ms <= PATIENCE_MS_MAX, f"at most {PATIENCE_MS_MAX}"),
        ("support_min", support_min is None or _is_share(support_min), "above 0, at most 1"),
        (
            "support_min",
            support_min is None or has_support,
            f"none, for {opening.protocol} knows no support",
        ),
    ):
        if not holds:
            raise _refusal(field, getattr(opening, field), allowed)
    size = len(msgspec.json.encode(opening.question))
    if size > QUESTION_BYTES_MAX:
        raise _refusal("question", f"{size} bytes", f"at most {QUESTION_BYTES_MAX} bytes")
    for node in opening.nodes:
        check_session(opening_for(opening, node.members, "parent"))


def _is_share(support_min: Decimal) -> bool:
    if not support_min.is_finite() or len(str(support_min)) > _SUPPORT_LENGTH_MAX:
        return False
    return support_min.adjusted() > -_SUPPORT_LENGTH_MAX and 0 < support_min <= 1


def _is_value(opening: HierarchyOpened, value: str) -> bool:
    if opening.is_number:
        return is_number(value)
    return 0 < len(value) <= TEXT_LENGTH_MAX


def _allowed(opening: HierarchyOpened) -> str:
    return "a number" if opening.is_number else f"a text of 1 to {TEXT_LENGTH_MAX} characters"


def check_speech(opening: HierarchyOpened, speech: Speech) -> None:
    """Refuse a word that can never count.

    Raises:
        Rejected: The ruling is no value, or a text is too long.
    """
    if isinstance(speech, Ruled):
        if not _is_value(opening, speech.value):
            raise _refusal("value", speech.value, _allowed(opening))
    elif not isinstance(speech, LossReported):
        raise _refusal("type", type(speech).__name__, "a ruling or a report of a loss")


def say(speech: Speech) -> str:
    """Write a word as text."""
    match speech:
        case Ruled(value=value):
            return value
        case LossReported(agent=agent):
            return f"{agent} is gone"
        case _:
            return ""


def decide(hearing: Hearing[HierarchyOpened]) -> HierarchyDecided:
    """Decide by what the node with the question came to, by the root's word, or by default."""
    opening, state = hearing.opening, cast("Deliberation", hearing.course)
    reason = verdict(opening, state)
    root = root_of(opening.nodes).name
    outcome: Outcome = "decided"
    by: Settled = "ruling"
    value, node = state.ruling, root
    if not state.ruled_id and reason == "":
        by, value, node = "node", state.answered[state.active].result, state.active
    elif not state.ruled_id:
        by, value, outcome = "default", opening.default, "default_taken"
    last = "unfinished" if reason is None else reason
    return HierarchyDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=hearing.invalid(),
        superseded=hearing.superseded,
        value=value,
        node=node,
        by=by,
        steps=tuple(_step(state, *one) for one in (*state.left, (state.active, last))),
        is_number=opening.is_number,
    )


def _step(state: Deliberation, node: str, reason: str) -> Step:
    answer = state.answered.get(node)
    if answer is None:
        return Step(node, "", reason=reason)
    return Step(node, answer.ended, answer.result[:RESULT_LENGTH_MAX], answer.support, reason)


def result(decision: Decision) -> Decimal | str | None:
    """Return the value, which becomes that of the variable at stake."""
    if not isinstance(decision, HierarchyDecided):
        return None
    return Decimal(decision.value) if decision.is_number else decision.value


def support(decision: Decision) -> Fraction | None:
    """Return the share behind the decision of the node; None where none decided."""
    if not isinstance(decision, HierarchyDecided) or decision.by != "node":
        return None
    shown = decision.steps[-1].support
    return Fraction(shown) if shown else None


def standing(hearing: Hearing[HierarchyOpened]) -> Standing:
    """Show the tree, with what every node is at."""
    opening, state = hearing.opening, cast("Deliberation", hearing.course)
    columns = ("node", "members", "speaks", "state", "result", "session")
    left = dict(state.left)
    rows = tuple(_row(opening, state, left, name, indent) for name, indent in _in_order(opening))
    told = _told(hearing)
    gone = [f"{one} is gone, {by or 'nobody'} takes its place" for one, by in state.lost.items()]
    return Standing(columns, rows, (f"{told}.", *(f"{one}." for one in sorted(gone))))


def _told(hearing: Hearing[HierarchyOpened]) -> str:
    opening, state = hearing.opening, cast("Deliberation", hearing.course)
    if hearing.considered.closed:
        decision = decide(hearing)
        ends = {
            "node": f"{decision.node} has decided",
            "ruling": f"{state.ruled_by} has ruled",
            "default": "nobody has decided, so the default holds",
        }
        return f"{ends[decision.by]}: {decision.value}"
    if is_ruling(opening, state):
        representative = representative_of(root_of(opening.nodes), state.lost)
        return f"{state.active} has not decided, and {representative or 'nobody'} may rule"
    return f"{state.active} has the question"


def _in_order(opening: HierarchyOpened) -> Iterator[tuple[str, int]]:
    below = children_of(opening.nodes)
    waiting = [(root_of(opening.nodes).name, 0)]
    while waiting:
        name, indent = waiting.pop()
        yield name, indent
        waiting += [(child, indent + 1) for child in reversed(below[name])]


def _row(
    opening: HierarchyOpened,
    state: Deliberation,
    left: Mapping[str, str],
    name: str,
    indent: int,
) -> tuple[str, ...]:
    node, answer, held = (
        by_name(opening.nodes)[name],
        state.answered.get(name),
        state.held.get(name),
    )
    members = members_of(node, state.lost) if held is None else held.members
    if name in left:
        told = f"passed it up: {left[name]}"
    elif answer is not None:
        told = answer.ended
    else:
        told = "" if held is None else "decides"
    return (
        "  " * indent + name,
        " ".join(member.agent for member in members),
        representative_of(node, state.lost),
        told,
        "" if answer is None else answer.result[:RESULT_LENGTH_MAX],
        "" if held is None else child_name(state.session, name),
    )


def _refusal(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        f"hierarchy.{field}",
        "the question cannot go through the hierarchy",
        field=field,
        value=value,
        allowed=allowed,
    )


HIERARCHY: Final = Protocol(
    name="hierarchy",
    opening=HierarchyOpened,
    speech=HierarchySpeech,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=COURSE,
    standing=standing,
    support=support,
)
HIERARCHY.register()
