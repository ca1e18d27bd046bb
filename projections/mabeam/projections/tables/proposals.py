"""Proposals for variables: each as it was made, what they came to in conflict, and refusals.

A proposal that was accepted is named by a row of ``variable_history``, one that asked for
what was so by a row of ``affirmations``, one that was refused by a row of ``refusals``, and
one that is named by none waits to be judged.
"""

from __future__ import annotations

from typing import Final

from mabeam.core.envelope import Recorded
from mabeam.core.events import Event
from mabeam.core.tables import Column, Row, Table
from mabeam.core.variable.decider import VARIABLE
from mabeam.core.variable.events import (
    Affirmed,
    Changed,
    ConflictDetected,
    ConflictResolved,
    Proposed,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.state import VariableState
from mabeam.projections.tables.cells import (
    LATEST,
    ORIGIN,
    instant,
    json,
    place,
    text,
    text_or_none,
    whole,
)
from mabeam.projections.world import World

__all__ = ["TABLES", "rows", "settled", "state_of"]

PROPOSALS: Final = Table(
    "proposals",
    "Somebody's wish for a variable.",
    (
        *ORIGIN,
        Column("variable", "text", "Name of the variable."),
        Column("agent", "text", "Who wants it."),
        Column("value", "json", "What it should be."),
        Column(
            "base_position",
            "integer",
            "The change that its proposer had seen last; nothing to propose it blindly.",
            is_optional=True,
        ),
        Column("reason", "text", "Why, for people.", is_optional=True),
        Column(
            "is_repeated", "boolean", "Whether the same event was recorded before; then it is void."
        ),
    ),
    (("variable",),),
)
CONFLICTS: Final = Table(
    "conflicts",
    "Proposals that contradict each other, or what must hold, and what came of them.",
    (
        Column("detected_position", "integer", "Where it was detected.", is_key=True),
        Column("variable", "text", "Name of the variable."),
        Column(
            "proposal_position", "integer", "The proposal that brought it about.", is_optional=True
        ),
        Column(
            "status",
            "text",
            "`detected`, `chosen`, `resolved`, and in the end `applied` or `refused`.",
        ),
        Column(
            "kind",
            "text",
            "`overlapping_writes`, `incompatible_values`, `constraint_violation`, "
            "`oversubscribed` or `temporal_clash`; nothing if it was recorded before kinds were.",
            is_optional=True,
        ),
        Column("detail", "text", "What is at odds, for people.", is_optional=True),
        Column("candidates", "json", "The values that compete, in the order of the log."),
        Column("policy", "json", "How it is resolved, once chosen.", is_optional=True),
        Column("session", "text", "The latest session it was referred to.", is_optional=True),
        Column("value", "json", "What it came to, once resolved.", is_optional=True),
        Column("winner", "text", "Whose value that is, unless merged.", is_optional=True),
        Column("reason", "text", "The rule and the numbers.", is_optional=True),
        *LATEST,
    ),
    (("variable",),),
)
REFUSALS: Final = Table(
    "refusals",
    "A proposal, resolution or decision that cannot become the value of a variable.",
    (
        *ORIGIN,
        Column("variable", "text", "Name of the variable."),
        Column("code", "text", "The rule that refuses, such as `variable.out_of_range`."),
        Column("detail", "text", "The rule in words."),
        Column("field", "text", "Which part of the input is at fault.", is_optional=True),
        Column("given", "text", "What stood there.", is_optional=True),
        Column("allowed", "text", "What may stand there.", is_optional=True),
        Column("agent", "text", "Who proposed it.", is_optional=True),
        Column("proposal_position", "integer", "The refused proposal.", is_optional=True),
        Column(
            "conflict_position",
            "integer",
            "Where the conflict was detected whose resolution is refused.",
            is_optional=True,
        ),
        Column("session", "text", "The session whose decision is refused.", is_optional=True),
        Column("decision_position", "integer", "Where it decided so.", is_optional=True),
    ),
    (("variable",), ("proposal_position",)),
)
AFFIRMATIONS: Final = Table(
    "affirmations",
    "A proposal that asked for what the variable was already.",
    (
        *ORIGIN,
        Column("variable", "text", "Name of the variable."),
        Column("agent", "text", "Who proposed it.", is_optional=True),
        Column("proposal_position", "integer", "The proposal.", is_optional=True),
    ),
    (("variable",), ("proposal_position",)),
)
TABLES: Final = (PROPOSALS, CONFLICTS, REFUSALS, AFFIRMATIONS)


def rows(before: World, recorded: Recorded, event: Event, after: World) -> tuple[Row, ...]:
    """Return what an event changes among proposals, conflicts and refusals."""
    match event:
        case Proposed():
            return (_proposal(before, recorded, event, after),)
        case Refused():
            refusal = _refusal(before, recorded, event, after)
            return (*refusal, *_conflict(before, recorded, event.conflict, after))
        case Affirmed():
            return _affirmation(before, recorded, event, after)
        case ConflictDetected() | ResolutionChosen() | ConflictResolved() | Changed():
            return _conflict(before, recorded, event.conflict, after)
        case _:
            return ()


def state_of(world: World, recorded: Recorded) -> VariableState:
    """Return the state of the variable that an event is about."""
    known = world.variables.get(recorded.entity)
    return VARIABLE.initial if known is None else known.state


def settled(was: VariableState, now: VariableState) -> int | None:
    """Return the position of the latest proposal that is no longer pending, if there is one."""
    pending = {candidate.position for candidate in now.pending}
    gone = [one.position for one in was.pending if one.position not in pending]
    return gone[-1] if gone else None


def _proposal(before: World, recorded: Recorded, event: Proposed, after: World) -> Row:
    is_repeated = state_of(after, recorded).pending == state_of(before, recorded).pending
    values = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        text(recorded.actor),
        json(event.value),
        whole(event.base),
        text_or_none(event.reason),
        is_repeated,
    )
    return Row(PROPOSALS.name, values)


def _refusal(before: World, recorded: Recorded, event: Refused, after: World) -> tuple[Row, ...]:
    was, now = state_of(before, recorded), state_of(after, recorded)
    if now == was:
        return ()
    conflict = before.conflicts.get(event.conflict)
    values = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        text(event.code),
        text(event.detail),
        text_or_none(event.field),
        text_or_none(event.value),
        text_or_none(event.allowed),
        text_or_none(event.by),
        settled(was, now),
        None if conflict is None else conflict.detected_at,
        text_or_none(event.session),
        place(event.decided_at),
    )
    return (Row(REFUSALS.name, values),)


def _affirmation(
    before: World, recorded: Recorded, event: Affirmed, after: World
) -> tuple[Row, ...]:
    was, now = state_of(before, recorded), state_of(after, recorded)
    if now == was:
        return ()
    values = (
        recorded.position,
        instant(recorded.recorded_ns),
        text(recorded.entity),
        text_or_none(event.by),
        settled(was, now),
    )
    return (Row(AFFIRMATIONS.name, values),)


def _conflict(before: World, recorded: Recorded, conflict: str, after: World) -> tuple[Row, ...]:
    now = after.conflicts.get(conflict)
    if now is None or now == before.conflicts.get(conflict):
        return ()
    values = (
        now.detected_at,
        text(now.variable),
        place(now.candidates[-1].position) if now.candidates else None,
        now.status,
        text_or_none(now.kind),
        text_or_none(now.detail),
        json(now.candidates),
        None if now.policy is None else json(now.policy),
        text_or_none(now.session),
        None if now.value is None else json(now.value),
        text_or_none(now.winner),
        text_or_none(now.reason),
        recorded.position,
        instant(recorded.recorded_ns),
    )
    return (Row(CONFLICTS.name, values),)
