"""Negotiations and shared tasks in words: every event has some."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mabeam.app.telling import tell
from mabeam.core.allocation import (
    Assigned,
    AssignmentDecided,
    AssignmentOpened,
    ContractCancelled,
    ContractNetDecided,
    ContractNetOpened,
    ContractsAwarded,
    Task,
    TaskDone,
    TaskFailed,
    TaskNotUnderstood,
    TaskProposed,
    TaskRefused,
    Unassigned,
    WorkOffered,
)
from mabeam.core.events import Event
from mabeam.core.negotiation import (
    AmountRequested,
    BargainingDecided,
    BargainingOpened,
    Evaluation,
    Gain,
    NegotiationDecided,
    NegotiationOpened,
    OfferAccepted,
    OfferMade,
    OptionsIssue,
    ResourceDecided,
    ResourceOpened,
    Share,
    SharesProposed,
    SingleTextDecided,
    SingleTextOpened,
    TextJudged,
    TextProposed,
    TurnPassed,
    UtilityDeclared,
    WalkedAway,
)
from mabeam.core.policies import Policy
from mabeam.core.session import Considered, Participant
from mabeam.core.testing import history

PAIR = (Participant("ann"), Participant("bob"))
DAY = (OptionsIssue("day", ("Mon",)),)
RULE = Policy("nash")
AT = Considered(1, 2)
SHARES = (Share("ann", 9, 6), Share("bob", 6, 4))

TOLD: list[tuple[Event, str]] = [
    (
        NegotiationOpened(issues=DAY, participants=PAIR, rounds=3),
        "lets ann and bob negotiate day, at most 3 turns each",
    ),
    (OfferMade(values=("Mon", "2"), note="so"), "offers Mon, 2 (so)"),
    (WalkedAway(reason="no"), "walks away (no)"),
    (
        NegotiationDecided(
            outcome="decided",
            rule=RULE,
            considered=AT,
            ended="agreement",
            agreement=("Mon",),
            offered_by="ann",
        ),
        "finds them agreed on Mon, as ann offered",
    ),
    (
        NegotiationDecided(outcome="no_quorum", rule=RULE, considered=AT, ended="rounds"),
        "finds no agreement: the rounds are over",
    ),
    (
        SingleTextOpened(issues=DAY, participants=PAIR, rounds=9),
        "puts one text to ann and bob, on day, in 9 rounds",
    ),
    (TextJudged(round=1, accept=False, note="dear"), "rejects text 1 (dear)"),
    (
        SingleTextDecided(outcome="no_quorum", rule=RULE, considered=AT),
        "finds no text that all accept",
    ),
    (ContractNetOpened(task="x"), "asks everybody who can do 'x'"),
    (TaskProposed(cost=1200), "would do it at 1,200"),
    (TaskDone(result="merged"), "has done it (merged)"),
    (TaskFailed(), "has failed"),
    (OfferAccepted(note="fine"), "accepts the offer (fine)"),
    (TurnPassed(turn=1, agent="bob"), "passes the turn of bob, whose time is up"),
    (TextProposed(round=2, values=("Mon",)), "proposes text 2: Mon"),
    (TextJudged(round=2, accept=True), "accepts text 2"),
    (
        SingleTextDecided(
            outcome="decided", rule=RULE, considered=AT, agreement=("Mon",), kept_in=1, rounds=2
        ),
        "keeps text 1 of 2: Mon",
    ),
    (
        BargainingOpened(issues=DAY, participants=PAIR, subject="the day"),
        "asks ann and bob what outcomes are worth to them, on the day, for nash",
    ),
    (
        UtilityDeclared(evaluations=(Evaluation(Decimal("0.5"), (Decimal(1),)),)),
        "weighs the issues 0.5",
    ),
    (
        BargainingDecided(
            outcome="decided",
            rule=RULE,
            considered=AT,
            agreement=("Mon",),
            gains=(Gain("ann", "1/2", "1/2", "1", 3),),
        ),
        "settles on Mon; they gain: ann 1/2",
    ),
    (
        BargainingDecided(outcome="no_quorum", rule=RULE, considered=AT),
        "finds no outcome for all",
    ),
    (BargainingDecided(outcome="tie_unresolved", rule=RULE, considered=AT), "leaves a tie"),
    (
        ResourceOpened(resource="hours", amount=10, participants=PAIR),
        "has 10 hours for ann and bob",
    ),
    (AmountRequested(amount=1200, note="much"), "asks for 1,200 (much)"),
    (
        SharesProposed(round=1, shares=SHARES),
        "finds that too much; in proportion it would be ann 6 and bob 4",
    ),
    (
        ResourceDecided(
            outcome="no_quorum",
            rule=RULE,
            considered=AT,
            resource="hours",
            amount=10,
            ended="deadlock",
            escalated_to="boss",
        ),
        "gives nothing: nobody gave way any more, boss is to decide",
    ),
    (
        ResourceDecided(
            outcome="no_quorum",
            rule=RULE,
            considered=AT,
            resource="hours",
            amount=10,
            ended="deadline",
        ),
        "gives nothing: time is up",
    ),
    (
        ResourceDecided(
            outcome="decided",
            rule=RULE,
            considered=AT,
            resource="hours",
            amount=10,
            ended="agreement",
            shares=SHARES,
        ),
        "gives ann 6 and bob 4",
    ),
    (
        ResourceDecided(
            outcome="decided",
            rule=RULE,
            considered=AT,
            resource="hours",
            amount=10,
            ended="ruling",
            shares=SHARES,
            escalated_to="boss",
        ),
        "gives ann 6 and bob 4, as boss has ruled",
    ),
    (TaskRefused(reason="busy"), "will not do it (busy)"),
    (TaskNotUnderstood(reason="what?"), "does not understand the call (what?)"),
    (ContractsAwarded(awards=()), "accepts the proposal of nobody"),
    (ContractCancelled(), "cancels the contract of everybody"),
    (
        ContractNetDecided(outcome="no_quorum", rule=RULE, considered=AT, task="x"),
        "closes the call: nobody answered",
    ),
    (
        AssignmentOpened(tasks=(Task("a"), Task("b"))),
        "shares out a and b among everybody by exact",
    ),
    (WorkOffered(capacity=2), "takes 2 at most"),
    (AssignmentDecided(outcome="no_quorum", rule=RULE, considered=AT), "assigns nothing"),
    (
        AssignmentDecided(
            outcome="decided",
            rule=RULE,
            considered=AT,
            assigned=(Assigned("a", "ann", "1"),),
            unassigned=(Unassigned("b", "incapable"),),
        ),
        "assigns a to ann; nobody does b",
    ),
    (
        AssignmentDecided(
            outcome="decided", rule=RULE, considered=AT, assigned=(Assigned("a", "ann", "1"),)
        ),
        "assigns a to ann",
    ),
]


@pytest.mark.parametrize(("event", "words"), TOLD)
def test_it_is_told_in_words(event: Event, words: str) -> None:
    (recorded,) = history(event)
    assert tell(recorded) == words
