"""What follows from a proposal: a change, an affirmation, a conflict, or a refusal.

Detection is complete: a proposal that was made against another value than the present one
never changes it silently. It is merged where it touches other parts, affirmed where it asks
for the same, and otherwise reported as a conflict, or refused where none was declared or the
proposal is more than one change behind.
"""

from __future__ import annotations

from typing import Final

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact
from mabeam.core.reactor import Effects
from mabeam.core.variable.decider import VariableView, check_constraints, check_proposal
from mabeam.core.variable.events import (
    Affirmed,
    Candidate,
    Changed,
    ConflictDetected,
    ConflictKind,
    Features,
)
from mabeam.core.variable.merging import rebased
from mabeam.core.variable.recording import change, one, refusal_of
from mabeam.core.variable.shares import AllocationType, SharedType, in_full, is_shared, shortage
from mabeam.core.variable.state import BLIND, VariableState, claims_with
from mabeam.core.variable.strategies import claims_of
from mabeam.core.variable.types import (
    CompositeType,
    FloatType,
    IntegerType,
    VariableType,
)

__all__ = ["CANDIDATES_MAX", "judge", "stale"]

CANDIDATES_MAX: Final = 64
"""How many proposals from one base may compete; more are refused, to bound the events."""


def judge(name: str, view: VariableView, state: VariableState, oldest: Candidate) -> Effects:
    """Answer a proposal."""
    try:
        return _accept(name, view, state, oldest)
    except Rejected as refusal:
        refused = msgspec.structs.replace(
            refusal_of(refusal), proposal=oldest.proposal, by=oldest.by
        )
        return one(name, view, oldest.proposal, refused, oldest.position)


def _accept(name: str, view: VariableView, state: VariableState, oldest: Candidate) -> Effects:
    value = check_proposal(name, view, oldest.by, oldest.value)
    declared = state.declaration
    assert declared is not None
    if oldest.base >= oldest.position:
        raise Rejected(
            "variable.base_ahead",
            "nobody had seen the base when this was proposed",
            field="base",
            value=oldest.base,
            allowed=f"below {oldest.position}",
        )
    word = msgspec.structs.replace(oldest, value=value)
    if is_shared(declared.type):
        return _claim(name, view, state, declared.type, word)
    if oldest.base in {BLIND, state.position}:
        return _change(name, view, state, word)
    contested = oldest.base == state.base and bool(state.standing)
    if not contested or declared.on_conflict is None or len(state.standing) >= CANDIDATES_MAX:
        raise stale(oldest.base, state)
    return _contest(name, view, state, declared.type, word)


def stale(base: int, state: VariableState) -> Rejected:
    """Return the refusal of what was said before the variable has changed."""
    return Rejected(
        "variable.stale_base",
        "the variable has changed since; read it and propose again",
        field="base",
        value=base,
        allowed=str(state.position),
    )


def _change(
    name: str,
    view: VariableView,
    state: VariableState,
    word: Candidate,
    claims: tuple[Candidate, ...] = (),
) -> Effects:
    """Let a proposal against the present value become it, if the constraints allow it.

    Where the value is shared, it is made of claims, and they are what competes.
    """
    try:
        check_constraints(name, view, word.value)
    except Rejected as violation:
        return _violate(name, view, claims or (_present(state), word), violation)
    changed = Changed(
        value=word.value,
        previous=state.value,
        base=state.position,
        proposal=word.proposal,
        by=word.by,
    )
    return change(name, view, word.proposal, changed, word.position)


def _present(state: VariableState) -> Candidate:
    """Return the present value as one that competes: of its proposer, if it has but one."""
    if len(state.standing) == 1:
        return state.standing[0]
    return Candidate("", "", state.value, state.position, state.base)


def _violate(
    name: str, view: VariableView, candidates: tuple[Candidate, ...], violation: Rejected
) -> Effects:
    """Make a conflict of a value that breaks a constraint, if that is declared."""
    declared = view.variable.state.declaration
    if declared is None or declared.on_violation == "refuse" or declared.on_conflict is None:
        raise violation
    detail = f"{violation.field}: {violation.value}, allowed: {violation.allowed}"
    return _detect(name, view, candidates, "constraint_violation", detail)


def _contest(
    name: str, view: VariableView, state: VariableState, type_: VariableType, word: Candidate
) -> Effects:
    """Set a proposal against those that the present value was made of from the same base."""
    value, clashes = rebased(type_, state.before, state.value, word.value)
    rebuilt = msgspec.structs.replace(word, value=value)
    if value == state.value:
        affirmed = Affirmed(proposal=word.proposal, by=word.by, base=word.base)
        return one(name, view, word.proposal, affirmed, word.position)
    if clashes:
        kind: ConflictKind = (
            "overlapping_writes"
            if isinstance(type_, FloatType | IntegerType | CompositeType)
            else "incompatible_values"
        )
        return _detect(name, view, (*state.standing, rebuilt), kind)
    try:
        check_constraints(name, view, value)
    except Rejected as violation:
        return _violate(name, view, (*state.standing, rebuilt), violation)
    changed = Changed(
        value=value,
        previous=state.value,
        base=word.base,
        proposal=word.proposal,
        by=word.by,
        merged=True,
    )
    return change(name, view, word.proposal, changed, word.position)


def _claim(
    name: str, view: VariableView, state: VariableState, type_: SharedType, word: Candidate
) -> Effects:
    """Grant all claims in full, or set them against each other."""
    candidates = claims_with(type_, state, word)
    claims = claims_of(type_, candidates)
    value = in_full(type_, claims)
    if value is not None:
        granted = msgspec.structs.replace(word, value=value)
        return _change(name, view, state, granted, candidates)
    kind: ConflictKind = "oversubscribed" if isinstance(type_, AllocationType) else "temporal_clash"
    detail = shortage(type_, claims)
    declared = state.declaration
    if declared is None or declared.on_conflict is None or len(candidates) > CANDIDATES_MAX:
        raise Rejected(
            f"variable.{kind}",
            "the claims together are more than there is",
            field="value",
            value=word.value,
            allowed=detail,
        )
    return _detect(name, view, candidates, kind, detail)


def _detect(
    name: str,
    view: VariableView,
    candidates: tuple[Candidate, ...],
    kind: ConflictKind,
    detail: str = "",
) -> Effects:
    latest = candidates[-1]
    detected = ConflictDetected(
        conflict=latest.proposal,
        base=latest.base,
        candidates=candidates,
        features=_features(view.variable.state, candidates),
        kind=kind,
        detail=detail,
    )
    return one(name, view, latest.proposal, detected, latest.position)


def _features(state: VariableState, candidates: tuple[Candidate, ...]) -> Features:
    spread = ""
    if state.declaration is not None and isinstance(
        state.declaration.type, FloatType | IntegerType | AllocationType
    ):
        numbers = [exact(c.value) for c in candidates if isinstance(c.value, int | float)]
        spread = str(max(numbers) - min(numbers)) if numbers else ""
    return Features(
        schema=1,
        candidates=len(candidates),
        proposers=len({c.by for c in candidates if c.by}),
        distinct=len({msgspec.json.encode(c.value) for c in candidates}),
        spread=spread,
        staleness=candidates[-1].position - candidates[-1].base,
    )
