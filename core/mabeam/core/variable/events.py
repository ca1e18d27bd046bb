"""Facts about one variable. Names and fields are on disk: add, never change."""

from __future__ import annotations

from math import isfinite
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.events import Event, event_type
from mabeam.core.numbers import exact
from mabeam.core.policies import Policy
from mabeam.core.variable.types import Value, VariableType

__all__ = [
    "Affirmed",
    "Candidate",
    "Changed",
    "ConflictDetected",
    "ConflictKind",
    "ConflictResolved",
    "Constrained",
    "Declared",
    "Features",
    "Proposed",
    "Refused",
    "ResolutionChosen",
    "Shadow",
    "UpdatePolicy",
    "ViolationPolicy",
]

UpdatePolicy: TypeAlias = Literal["last_writer", "coordinated"]
ViolationPolicy: TypeAlias = Literal["refuse", "resolve"]
ConflictKind: TypeAlias = Literal[
    "",
    "overlapping_writes",
    "incompatible_values",
    "constraint_violation",
    "oversubscribed",
    "temporal_clash",
]


@event_type("mabeam.variable.declared.v1", kind="variable")
class Declared(Event, frozen=True, kw_only=True):
    """The variable exists, and these are its rules.

    Attributes:
        type: What values it may take, with the default.
        update: ``last_writer``: each proposal against the present value changes it.
            ``coordinated``: only the decision of a session changes it.
        on_conflict: How two proposals from the same base are resolved; without one, the
            later of the two is refused.
        scope: The agents who may propose; empty for everybody in the space.
        on_violation: ``refuse``: a proposal that breaks a constraint is refused. ``resolve``:
            it is a conflict with the present value, and resolved like any other.
    """

    type: VariableType
    update: UpdatePolicy = "last_writer"
    on_conflict: Policy | None = None
    scope: tuple[str, ...] = ()
    on_violation: ViolationPolicy = "refuse"


@event_type("mabeam.variable.constrained.v1", kind="variable")
class Constrained(Event, frozen=True, kw_only=True):
    """From now on the variable's changes are checked against a constraint.

    Attributes:
        constraint: Name of the constraint.
    """

    constraint: str


@event_type("mabeam.variable.proposed.v1", kind="variable")
class Proposed(Event, frozen=True, kw_only=True):
    """Somebody wants the variable to be so.

    Attributes:
        value: What it should be; where the value is shared, what the agent claims of it.
        base: Position of the change that the proposer had seen last; None to propose
            whatever has happened since.
        reason: Why, for people.
    """

    value: Value
    base: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what would be written as null, and answered by nobody.

        Raises:
            Rejected: The value is infinite or no number at all.
        """
        if isinstance(self.value, float) and not isfinite(self.value):
            exact(self.value)


@event_type("mabeam.variable.changed.v1", kind="variable")
class Changed(Event, frozen=True, kw_only=True):
    """The variable is now so. Said by protocol code alone.

    Attributes:
        value: What it is.
        previous: What it was.
        base: Position of the change that this one builds on.
        proposal: Id of the proposal it follows, if one.
        by: The agent whose proposal it follows, if one alone.
        conflict: Id of the conflict it resolves, if one.
        session: Id of the session that decided it, if one.
        decided_at: Position of that session's decision.
        merged: Whether the proposal was made against ``base`` and touches nothing that has
            been touched since, so that both stand.
    """

    value: Value
    previous: Value
    base: int
    proposal: str = ""
    by: str = ""
    conflict: str = ""
    session: str = ""
    decided_at: int = 0
    merged: bool = False


@event_type("mabeam.variable.affirmed.v1", kind="variable")
class Affirmed(Event, frozen=True, kw_only=True):
    """A proposal asks for what the variable is already. Said by protocol code alone.

    Attributes:
        proposal: Id of the proposal, which counts should another contest the value.
        by: Who proposed it.
        base: Position of the change that it was made against.
    """

    proposal: str
    by: str
    base: int


@event_type("mabeam.variable.refused.v1", kind="variable")
class Refused(Event, frozen=True, kw_only=True):
    """A proposal, resolution or decision cannot become the value. Said by protocol code alone.

    Attributes:
        code: The rule that refuses.
        detail: The rule in words.
        field: Which part of the input is at fault.
        value: What was given there, as text.
        allowed: What may stand there.
        proposal: Id of the refused proposal, if one.
        by: Who proposed it.
        conflict: Id of the conflict whose resolution is refused, if one.
        session: Id of the session whose decision is refused, if one.
        decided_at: Position of that session's decision.
    """

    code: str
    detail: str
    field: str = ""
    value: str = ""
    allowed: str = ""
    proposal: str = ""
    by: str = ""
    conflict: str = ""
    session: str = ""
    decided_at: int = 0


class Candidate(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One of the values in conflict.

    Attributes:
        proposal: Id of the proposal.
        by: Who proposed it.
        value: What it should be.
        position: Where the proposal stands.
        base: Position of the change it was made against.
    """

    proposal: str
    by: str
    value: Value
    position: int
    base: int


class Features(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What may later be learnt from; taken only from events before the conflict.

    Attributes:
        schema: Version of this list of features.
        candidates: How many values compete.
        proposers: How many agents proposed them.
        distinct: How many of the values differ.
        spread: Largest minus smallest as exact text, empty unless numeric.
        staleness: Positions between the base and the latest proposal.
    """

    schema: int
    candidates: int
    proposers: int
    distinct: int
    spread: str = ""
    staleness: int = 0


@event_type("mabeam.conflict.detected.v1", kind="variable")
class ConflictDetected(Event, frozen=True, kw_only=True):
    """Proposals contradict each other, or what must hold. Said by protocol code alone.

    Attributes:
        conflict: Id of the conflict: that of the proposal which brought it about.
        base: Position of the change that the latest of them was made against.
        candidates: The values in the order of their positions.
        features: What may be learnt from.
        kind: ``overlapping_writes``: values from one base, between which there are others.
            ``incompatible_values``: values from one base that exclude each other.
            ``constraint_violation``: a value that breaks a constraint.
            ``oversubscribed``: claims for more than there is.
            ``temporal_clash``: claims for the same slots. Empty in conflicts that were
            recorded before their kinds were.
        detail: What is at odds, for people.
    """

    conflict: str
    base: int
    candidates: tuple[Candidate, ...]
    features: Features
    kind: ConflictKind = ""
    detail: str = ""


class Shadow(msgspec.Struct, frozen=True, gc=False):
    """What another policy would have chosen, recorded for comparison only.

    Attributes:
        policy: Name of the policy.
        value: What it would have chosen.
    """

    policy: str
    value: Value


@event_type("mabeam.conflict.resolution_chosen.v1", kind="variable")
class ResolutionChosen(Event, frozen=True, kw_only=True):
    """A way to resolve the conflict was chosen. Said by protocol code alone.

    Attributes:
        conflict: Which conflict.
        chosen: The policy that will resolve it.
        eligible: Policies it was chosen from.
        propensities: Probability of each of them, as decimal text; ``1`` where a
            declaration left no choice.
        chooser: The policy that chose: ``declared`` for the variable's declaration,
            ``fallback`` for the fallback that is declared with it.
        model_position: Up to where a learning chooser had read the log; 0 without one.
        shadows: What other registered policies would have made of it.
        session: Name of the session that is opened for it, if the policy refers it to one.
        follows: The session that came to nothing, if this policy is its fallback.
        decided_at: Position of that session's end; 0 if it was no longer waited for.
    """

    conflict: str
    chosen: Policy
    eligible: tuple[Policy, ...]
    propensities: tuple[str, ...]
    chooser: str = "declared"
    model_position: int = 0
    shadows: tuple[Shadow, ...] = ()
    session: str = ""
    follows: str = ""
    decided_at: int = 0


@event_type("mabeam.conflict.resolved.v1", kind="variable")
class ConflictResolved(Event, frozen=True, kw_only=True):
    """The conflict came out so. Said by protocol code alone.

    Attributes:
        conflict: Which conflict.
        value: The value it came to.
        winner: The agent whose value it is; empty when values were merged.
        reason: The rule and the numbers, for people.
        session: The session that came to it, if one.
        decided_at: Position of that session's end.
    """

    conflict: str
    value: Value
    winner: str = ""
    reason: str = ""
    session: str = ""
    decided_at: int = 0
