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
    "Candidate",
    "Changed",
    "ConflictDetected",
    "ConflictResolved",
    "Constrained",
    "Declared",
    "Features",
    "Proposed",
    "Refused",
    "ResolutionChosen",
    "Shadow",
    "UpdatePolicy",
]

UpdatePolicy: TypeAlias = Literal["last_writer", "coordinated"]


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
    """

    type: VariableType
    update: UpdatePolicy = "last_writer"
    on_conflict: Policy | None = None
    scope: tuple[str, ...] = ()


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
        value: What it should be.
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
    """

    value: Value
    previous: Value
    base: int
    proposal: str = ""
    by: str = ""
    conflict: str = ""
    session: str = ""
    decided_at: int = 0


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
    """Proposals from the same base contradict each other. Said by protocol code alone.

    Attributes:
        conflict: Id of the conflict: that of the proposal which brought it about.
        base: Position of the change that all of them were made against.
        candidates: The values in the order of their positions.
        features: What may be learnt from.
    """

    conflict: str
    base: int
    candidates: tuple[Candidate, ...]
    features: Features


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
        chooser: The policy that chose, ``declared`` for the variable's declaration.
        model_position: Up to where a learning chooser had read the log; 0 without one.
        shadows: What other registered policies would have made of it.
    """

    conflict: str
    chosen: Policy
    eligible: tuple[Policy, ...]
    propensities: tuple[str, ...]
    chooser: str = "declared"
    model_position: int = 0
    shadows: tuple[Shadow, ...] = ()


@event_type("mabeam.conflict.resolved.v1", kind="variable")
class ConflictResolved(Event, frozen=True, kw_only=True):
    """The conflict came out so. Said by protocol code alone.

    Attributes:
        conflict: Which conflict.
        value: The value it came to.
        winner: The agent whose value it is; empty when values were merged.
        reason: The rule and the numbers, for people.
    """

    conflict: str
    value: Value
    winner: str = ""
    reason: str = ""
