"""What a scenario file may say, as structs. The file is read by `mabeam.app.scenario.reading`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from mabeam.core.policies import Policy
from mabeam.core.session.events import TieBreak
from mabeam.core.variable.constraints import Constraint
from mabeam.core.variable.events import UpdatePolicy, ViolationPolicy
from mabeam.core.variable.types import VariableType

__all__ = [
    "AgentSpec",
    "AuctionStep",
    "ConsensusStep",
    "DeclareStep",
    "Expectation",
    "HeldStep",
    "ProposalSpec",
    "ProposeStep",
    "SayStep",
    "Scenario",
    "SessionStep",
    "Step",
    "VariableSpec",
    "WaitStep",
]

Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=3_600)]
Number: TypeAlias = int | float
WITHIN_SECONDS: Final = 10.0


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One agent.

    Attributes:
        name: Its name.
        role: Its role in the team.
        capabilities: What it can do.
        metadata: Free text by name.
        policies: What it follows, each a table with the name under ``policy``.
    """

    name: str
    role: str = "executor"
    capabilities: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    policies: tuple[dict[str, Any], ...] = ()


class VariableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One variable.

    Attributes:
        values: What values it may take.
        update: Who may change it.
        on_conflict: How proposals that contradict each other are resolved.
        scope: The agents who may propose; empty for all.
        on_violation: Whether a proposal that breaks a constraint is refused, or a conflict.
    """

    values: VariableType
    update: UpdatePolicy = "last_writer"
    on_conflict: Policy | None = None
    scope: tuple[str, ...] = ()
    on_violation: ViolationPolicy = "refuse"


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="do"):
    """Base of all steps; the field ``do`` of the file names which.

    Attributes:
        title: Heading in the story.
        story: What the reader should know beforehand.
    """

    title: str = ""
    story: str = ""


class DeclareStep(_Step, frozen=True, kw_only=True, tag="declare"):
    """Declare variables of the file, and wait until what agents want of them is judged.

    Attributes:
        variables: Their names.
        within_seconds: After so long the scenario fails.
    """

    variables: tuple[str, ...]
    within_seconds: Seconds = WITHIN_SECONDS


class AuctionStep(_Step, frozen=True, kw_only=True, tag="auction"):
    """Hold an auction.

    Attributes:
        name: Name of the session.
        lot: What is offered.
        reserve: Least price.
        unit: What amounts are counted in.
        bidders: Who may bid; empty for all. With a list it ends when all have bid.
        variable: The variable that takes the winner's name as its value.
        visibility: Whether bids are asked to be kept from readers until the end.
        tie_break: Who wins among equals.
        quorum: How many must bid.
        open_for_seconds: It closes after so long at the latest.
        wait: Whether the next step waits for the decision.
    """

    name: str
    lot: str
    reserve: int = 0
    unit: str = ""
    bidders: tuple[str, ...] = ()
    variable: str = ""
    visibility: Literal["open", "sealed"] = "sealed"
    tie_break: TieBreak = "canonical"
    quorum: int = 0
    open_for_seconds: Seconds = WITHIN_SECONDS
    wait: bool = True


class ConsensusStep(_Step, frozen=True, kw_only=True, tag="consensus"):
    """Ask for a number.

    Attributes:
        name: Name of the session.
        variable: The variable that takes the number; range and step are its own.
        question: What is asked, for people.
        low: Least outcome, where there is no variable.
        high: Greatest outcome, where there is no variable.
        step: Grid of the outcome.
        default: Taken when the quorum is missed.
        voters: Weight by name, or names; empty for all. With a list it ends when all voted.
        quorum: Least weight of ballots.
        open_for_seconds: It closes after so long at the latest.
        wait: Whether the next step waits for the decision.
    """

    name: str
    variable: str = ""
    question: str = ""
    low: Number | None = None
    high: Number | None = None
    step: Number | None = None
    default: Number | None = None
    voters: dict[str, int] | tuple[str, ...] = ()
    quorum: int = 0
    open_for_seconds: Seconds = WITHIN_SECONDS
    wait: bool = True


class SessionStep(_Step, frozen=True, kw_only=True, tag="session"):
    """Hold a session of any protocol.

    Attributes:
        name: Name of the session.
        protocol: Its protocol, as `mabeam session open` takes it.
        fields: Fields of its opening; `participants` may be a list of names or a table of
            weights, and `open_for_seconds` stands for `open_for_ms`.
        wait: Whether the next step waits for the end.
    """

    name: str
    protocol: str
    fields: dict[str, Any] = {}
    wait: bool = True


class SayStep(_Step, frozen=True, kw_only=True, tag="say"):
    """Let an agent say something in a session that is open.

    Attributes:
        session: Name of the session, or `variable/NAME` for the one that a conflict over a
            variable is referred to.
        by: Who says it.
        type: Short name of the event; it may be left out where the protocol has but one.
        fields: Fields of the event.
        within_seconds: After so long without such a session the scenario fails.
    """

    session: str
    by: str
    type: str = ""
    fields: dict[str, Any] = {}
    within_seconds: Seconds = WITHIN_SECONDS


class ProposalSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One proposal.

    Attributes:
        by: Who makes it.
        value: What the variable should be.
        reason: Why, for people.
    """

    by: str
    value: Any
    reason: str = ""


class ProposeStep(_Step, frozen=True, kw_only=True, tag="propose"):
    """Propose values in the name of agents, all against the value that the variable has now.

    A value that cannot be allowed is refused and not recorded.

    Attributes:
        variable: Name of the variable.
        proposals: In this order.
        wait: Whether the next step waits until they are judged.
        within_seconds: After so long the scenario fails.
    """

    variable: str
    proposals: tuple[ProposalSpec, ...]
    wait: bool = True
    within_seconds: Seconds = WITHIN_SECONDS


class WaitStep(_Step, frozen=True, kw_only=True, tag="wait"):
    """Wait until sessions have ended and parts of the state have values.

    Attributes:
        sessions: Names of sessions.
        state: Value by path, as in `Expectation`.
        within_seconds: After so long the scenario fails.
    """

    sessions: tuple[str, ...] = ()
    state: dict[str, Any] = {}
    within_seconds: Seconds = WITHIN_SECONDS


HeldStep: TypeAlias = AuctionStep | ConsensusStep | SessionStep
Step: TypeAlias = DeclareStep | HeldStep | SayStep | ProposeStep | WaitStep


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What must be so in the end.

    Attributes:
        state: Value by path, as `mabeam state SPACE PATH` takes it.
        events: How many events of a type the run has recorded.
    """

    state: dict[str, Any] = {}
    events: dict[str, int] = {}


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file.

    Attributes:
        space: What the name of the run's space begins with.
        title: Heading of the story.
        story: What the reader should know beforehand.
        agents: Who takes part.
        variables: What is at stake, by name. Those that no step declares are declared at first.
        constraints: What values must satisfy together, by name; declared after the variables.
        steps: What happens, in this order.
        expect: What must be so in the end.
    """

    space: str
    agents: tuple[AgentSpec, ...]
    steps: tuple[Step, ...]
    title: str = ""
    story: str = ""
    variables: dict[str, VariableSpec] = {}
    constraints: dict[str, Constraint] = {}
    expect: Expectation = Expectation()
