"""Every conflict from its detection to what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final, Literal, TypeAlias

import msgspec
from immutables import Map

from mabeam.core.actors import from_coordinator
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError
from mabeam.core.policies import Policy
from mabeam.core.variable.events import (
    Candidate,
    Changed,
    ConflictDetected,
    ConflictKind,
    ConflictResolved,
    Refused,
    ResolutionChosen,
)
from mabeam.core.variable.types import Value
from mabeam.projections.projection import Projection

__all__ = ["CONFLICTS", "ConflictRecord", "ConflictStatus"]

ConflictStatus: TypeAlias = Literal["detected", "chosen", "resolved", "applied", "refused"]


class ConflictRecord(msgspec.Struct, frozen=True, gc=False):
    """One conflict.

    Attributes:
        variable: The variable in dispute.
        candidates: The values that competed, in the order of their positions.
        detected_at: Position of its detection.
        status: How far it has come.
        policy: How it is resolved, once chosen.
        value: What it came to, once resolved.
        winner: Whose value that is; empty when merged.
        reason: The rule and the numbers.
        kind: What is at odds.
        detail: The same in words, where the candidates do not tell it.
        session: Name of the session that it is, or was, referred to; the latest of several.
    """

    variable: str
    candidates: tuple[Candidate, ...]
    detected_at: int
    status: ConflictStatus = "detected"
    policy: Policy | None = None
    value: Value | None = None
    winner: str = ""
    reason: str = ""
    kind: ConflictKind = ""
    detail: str = ""
    session: str = ""


Conflicts: TypeAlias = Map[str, ConflictRecord]


def apply(conflicts: Conflicts, recorded: Recorded) -> Conflicts:
    """Apply one event."""
    if recorded.kind != "variable" or not from_coordinator(recorded):
        return conflicts
    return reduce(_apply, recorded.parts, conflicts)


def _apply(conflicts: Conflicts, recorded: Recorded) -> Conflicts:
    try:
        event = recorded.data
    except CodecError:
        return conflicts
    match event:
        case ConflictDetected() if event.conflict not in conflicts:
            found = ConflictRecord(
                recorded.entity,
                event.candidates,
                recorded.position,
                kind=event.kind,
                detail=event.detail,
            )
            return conflicts.set(event.conflict, found)
        case ResolutionChosen():
            fields = {"session": event.session} if event.session else {}
            return _change(
                conflicts, event.conflict, status="chosen", policy=event.chosen, **fields
            )
        case ConflictResolved():
            return _change(
                conflicts,
                event.conflict,
                status="resolved",
                value=event.value,
                winner=event.winner,
                reason=event.reason,
            )
        case Changed() if event.conflict:
            return _change(conflicts, event.conflict, status="applied")
        case Refused() if event.conflict:
            return _change(conflicts, event.conflict, status="refused", reason=event.detail)
        case _:
            return conflicts


def _change(conflicts: Conflicts, conflict: str, **fields: object) -> Conflicts:
    known = conflicts.get(conflict)
    if known is None:
        return conflicts
    return conflicts.set(conflict, msgspec.structs.replace(known, **fields))


def apply_page(conflicts: Conflicts, page: Sequence[Recorded]) -> Conflicts:
    """Apply a page of events, of which few concern a conflict."""
    for recorded in page:
        if recorded.kind == "variable":
            conflicts = apply(conflicts, recorded)
    return conflicts


CONFLICTS: Final[Projection[Conflicts]] = Projection("conflicts", 2, Map(), apply, apply_page)
