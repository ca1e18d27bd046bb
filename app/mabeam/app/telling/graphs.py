"""What events of optimisation and of hierarchies say, as half a sentence after the actor."""

from __future__ import annotations

from mabeam.app.telling.events import told
from mabeam.app.telling.words import because, joined
from mabeam.core.hierarchy.events import (
    Delegated,
    Escalated,
    GivenUp,
    HierarchyDecided,
    HierarchyOpened,
    LossReported,
    RepresentativeReplaced,
    Ruled,
)
from mabeam.core.optimisation.events import (
    CostsDeclared,
    MoveProposed,
    OptimisationDecided,
    OptimisationOpened,
    RoundPlayed,
)

__all__: list[str] = []

_STATUS = {
    "infeasible": "every assignment breaks a constraint",
    "unsolved": "no assignment was found that breaks none",
    "unheard": "the quorum was missed",
}


@told.register
def _(event: OptimisationOpened) -> str:
    names = [f"{variable.agent} {variable.name}" for variable in event.variables]
    aim = "the least sum of costs" if event.objective == "min" else "the greatest sum"
    question = event.question or aim
    return f"asks {joined(names)}: {question}, by {event.rule.name.replace('_', ' ')}"


@told.register
def _(event: CostsDeclared) -> str:
    scopes = [" and ".join(constraint.scope) for constraint in event.constraints]
    return f"declares costs of {'; '.join(scopes)}" if scopes else "knows of no costs"


@told.register
def _(event: MoveProposed) -> str:
    moves = [f"{move.variable} = {move.value}, gaining {move.gain}" for move in event.moves]
    return f"would take {'; '.join(moves)}" if moves else "stays as it is"


@told.register
def _(event: RoundPlayed) -> str:
    moved = [f"{one.variable} = {one.value}" for one in event.moved]
    broken = f", {event.violated} broken" if event.violated else ""
    return (
        f"closes round {event.round}: {joined(moved) or 'nothing moves'}, cost {event.cost}{broken}"
    )


@told.register
def _(event: OptimisationDecided) -> str:
    if event.outcome != "decided":
        return f"decides nothing: {_STATUS.get(event.status, event.status)}"
    values = [f"{one.variable} = {one.value}" for one in event.assignment]
    bound = f"and nothing is better than {event.bound}"
    proof = "proved the best" if event.status == "optimal" else bound
    return f"decides {joined(values)} at {event.cost}, {proof}"


@told.register
def _(event: HierarchyOpened) -> str:
    subject = f" about {event.subject}" if event.subject else ""
    where = f" at {event.at}" if event.at else ""
    return (
        f"asks a hierarchy of {len(event.nodes)} nodes{where}{subject}, stake {event.stake:,},"
        f" each to decide by {event.protocol}; else {event.default!r} holds"
    )


@told.register
def _(event: Ruled) -> str:
    return f"rules {event.value}{because(event.note)}"


@told.register
def _(event: LossReported) -> str:
    return f"reports that {event.agent} is gone{because(event.note)}"


@told.register
def _(event: Delegated) -> str:
    nodes = [f"{one.node} ({', '.join(m.agent for m in one.members)})" for one in event.to]
    return f"delegates to {joined(nodes)}"


@told.register
def _(event: Escalated) -> str:
    return f"escalates from {event.origin} to {event.to}: {event.reason.replace('_', ' ')}"


@told.register
def _(event: GivenUp) -> str:
    return f"gives up on {joined(event.nodes)}, who did not answer in time"


@told.register
def _(event: RepresentativeReplaced) -> str:
    return f"puts {event.successor or 'nobody'} in the place of {event.agent}, who is gone"


@told.register
def _(event: HierarchyDecided) -> str:
    if event.by == "default":
        return f"decides {event.value} by default, for {event.node} did not decide"
    ruled = " by its representative" if event.by == "ruling" else ""
    hops = len(event.steps) - 1
    up = f", {hops} up" if hops else ""
    return f"decides {event.value}, as {event.node} has decided{ruled}{up}"
