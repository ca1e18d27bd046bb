"""What is said in negotiations and when tasks are shared out, as half a sentence each."""

from __future__ import annotations

from mabeam.app.telling.events import told
from mabeam.app.telling.words import because, joined, policy_in_words
from mabeam.core.allocation.events import (
    AssignmentDecided,
    AssignmentOpened,
    ContractCancelled,
    ContractNetDecided,
    ContractNetOpened,
    ContractsAwarded,
    TaskDone,
    TaskFailed,
    TaskNotUnderstood,
    TaskProposed,
    TaskRefused,
    WorkOffered,
)
from mabeam.core.negotiation.events import (
    AmountRequested,
    BargainingDecided,
    BargainingOpened,
    NegotiationDecided,
    NegotiationOpened,
    OfferAccepted,
    OfferMade,
    ResourceDecided,
    ResourceOpened,
    SharesProposed,
    SingleTextDecided,
    SingleTextOpened,
    TextJudged,
    TextProposed,
    TurnPassed,
    UtilityDeclared,
    WalkedAway,
)
from mabeam.core.session.events import Opening

__all__: list[str] = []

_ENDS = {
    "walked_away": "somebody walked away",
    "rounds": "the rounds are over",
    "deadline": "time is up",
    "deadlock": "nobody gave way any more",
}


def _who(opening: Opening) -> str:
    return joined([participant.agent for participant in opening.participants]) or "everybody"


def _about(opening: NegotiationOpened | SingleTextOpened | BargainingOpened) -> str:
    return opening.subject or joined([issue.name for issue in opening.issues])


@told.register
def _(event: NegotiationOpened) -> str:
    return f"lets {_who(event)} negotiate {_about(event)}, at most {event.rounds} turns each"


@told.register
def _(event: OfferMade) -> str:
    return f"offers {', '.join(event.values)}{because(event.note)}"


@told.register
def _(event: OfferAccepted) -> str:
    return f"accepts the offer{because(event.note)}"


@told.register
def _(event: WalkedAway) -> str:
    return f"walks away{because(event.reason)}"


@told.register
def _(event: TurnPassed) -> str:
    return f"passes the turn of {event.agent}, whose time is up"


@told.register
def _(event: NegotiationDecided) -> str:
    if event.outcome != "decided":
        return f"finds no agreement: {_ENDS.get(event.ended, event.ended)}"
    return f"finds them agreed on {', '.join(event.agreement)}, as {event.offered_by} offered"


@told.register
def _(event: SingleTextOpened) -> str:
    return f"puts one text to {_who(event)}, on {_about(event)}, in {event.rounds} rounds"


@told.register
def _(event: TextProposed) -> str:
    return f"proposes text {event.round}: {', '.join(event.values)}"


@told.register
def _(event: TextJudged) -> str:
    verb = "accepts" if event.accept else "rejects"
    return f"{verb} text {event.round}{because(event.note)}"


@told.register
def _(event: SingleTextDecided) -> str:
    if event.outcome != "decided":
        return "finds no text that all accept"
    return f"keeps text {event.kept_in} of {event.rounds}: {', '.join(event.agreement)}"


@told.register
def _(event: BargainingOpened) -> str:
    rule = policy_in_words(event.rule)
    return f"asks {_who(event)} what outcomes are worth to them, on {_about(event)}, for {rule}"


@told.register
def _(event: UtilityDeclared) -> str:
    weights = ", ".join(str(evaluation.weight) for evaluation in event.evaluations)
    return f"weighs the issues {weights}{because(event.note)}"


@told.register
def _(event: BargainingDecided) -> str:
    if event.outcome != "decided":
        return "finds no outcome for all" if event.outcome == "no_quorum" else "leaves a tie"
    gains = joined([f"{gain.agent} {gain.gain}" for gain in event.gains])
    return f"settles on {', '.join(event.agreement)}; they gain: {gains}"


@told.register
def _(event: ResourceOpened) -> str:
    return f"has {event.amount:,} {event.resource} for {_who(event)}"


@told.register
def _(event: AmountRequested) -> str:
    return f"asks for {event.amount:,}{because(event.note)}"


@told.register
def _(event: SharesProposed) -> str:
    shares = joined([f"{share.agent} {share.amount:,}" for share in event.shares])
    return f"finds that too much; in proportion it would be {shares}"


@told.register
def _(event: ResourceDecided) -> str:
    if event.outcome != "decided":
        to = f", {event.escalated_to} is to decide" if event.escalated_to else ""
        return f"gives nothing: {_ENDS.get(event.ended, event.ended)}{to}"
    ruled = f", as {event.escalated_to} has ruled" if event.ended == "ruling" else ""
    return f"gives {joined([f'{share.agent} {share.amount:,}' for share in event.shares])}{ruled}"


@told.register
def _(event: ContractNetOpened) -> str:
    needs = f", which takes {joined(list(event.requires))}" if event.requires else ""
    return f"asks {_who(event)} who can do {event.task!r}{needs}"


@told.register
def _(event: TaskProposed) -> str:
    return f"would do it at {event.cost:,}{because(event.note)}"


@told.register
def _(event: TaskRefused) -> str:
    return f"will not do it{because(event.reason)}"


@told.register
def _(event: TaskNotUnderstood) -> str:
    return f"does not understand the call{because(event.reason)}"


@told.register
def _(event: ContractsAwarded) -> str:
    accepted = joined([award.agent for award in event.awards if award.accepted])
    return f"accepts the proposal of {accepted or 'nobody'}"


@told.register
def _(event: TaskDone) -> str:
    return f"has done it{because(event.result)}"


@told.register
def _(event: TaskFailed) -> str:
    return f"has failed{because(event.reason)}"


@told.register
def _(event: ContractCancelled) -> str:
    return f"cancels the contract of {event.contractor or 'everybody'}{because(event.reason)}"


@told.register
def _(event: ContractNetDecided) -> str:
    ends = joined([f"{one.agent} {one.ended.replace('_', ' ')}" for one in event.contracts])
    return f"closes the call: {ends or 'nobody answered'}"


@told.register
def _(event: AssignmentOpened) -> str:
    tasks = joined([task.name for task in event.tasks])
    return f"shares out {tasks} among {_who(event)} by {policy_in_words(event.rule)}"


@told.register
def _(event: WorkOffered) -> str:
    return f"takes {event.capacity} at most{because(event.note)}"


@told.register
def _(event: AssignmentDecided) -> str:
    if event.outcome != "decided":
        return "assigns nothing"
    left = joined([one.task for one in event.unassigned])
    given = joined([f"{one.task} to {one.agent}" for one in event.assigned])
    return f"assigns {given}{f'; nobody does {left}' if left else ''}"
