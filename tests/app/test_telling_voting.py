"""Votes in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mabeam.app.telling import tell
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.session import Considered, Outcome, Participant
from mabeam.core.testing import history
from mabeam.core.voting import VoteCast, VoteDecided, VoteOpened, VoteStanding, ranking_of
from mabeam.core.voting.events import Shortfall


def told(event: Event) -> str:
    return tell(history(event)[0])


def decision(
    outcome: Outcome,
    winners: tuple[str, ...] = (),
    shortfall: Shortfall = "",
    standings: tuple[VoteStanding, ...] = (),
) -> VoteDecided:
    return VoteDecided(
        outcome=outcome,
        rule=Policy("schulze"),
        considered=Considered(1, 2),
        winner=winners[0] if winners else "",
        winners=winners,
        shortfall=shortfall,
        standings=standings,
    )


def test_a_question_is_told_with_its_options_and_its_rule() -> None:
    asked = VoteOpened(
        options=("a", "b", "c"),
        seats=2,
        rule=Policy("single_transferable_vote"),
        participants=(Participant("ann", 2), Participant("ben")),
    )
    assert told(asked) == (
        "asks ann x2 and ben: which one: a, b or c, 2 of them, by single transferable vote"
    )


def test_a_ballot_is_told_with_confidence_and_reason() -> None:
    cast = VoteCast(ranking=ranking_of("b > a = c"), confidence=Decimal("0.5"), note="cheap")
    assert told(cast) == "votes b > a = c, confidence 0.5 (cheap)"
    assert told(VoteCast()) == "votes blank"


@pytest.mark.parametrize(
    ("decided", "words"),
    [
        (
            decision(
                "decided",
                ("a",),
                standings=(
                    VoteStanding("a", "elected", "4"),
                    VoteStanding("b", "beaten", "3:5", "a"),
                    VoteStanding("c", "eliminated", "1", round=2),
                    VoteStanding("d", "tie_lost", by="a"),
                ),
            ),
            "chooses a (b 3:5 beaten by a; c 1 eliminated in round 2; d tie lost)",
        ),
        (decision("decided", ("a", "b")), "chooses a and b"),
        (
            decision("default_taken", ("c",), "majority"),
            "chooses c, the default: the majority was missed",
        ),
        (decision("default_taken", ("c",)), "chooses c, the default: nothing beat it"),
        (decision("no_quorum", shortfall="majority"), "chooses nothing: nobody has enough"),
        (
            decision("no_quorum", shortfall="quorum"),
            "chooses nothing: the quorum was missed",
        ),
        (decision("tie_unresolved"), "chooses nothing: a tie was left unresolved"),
    ],
)
def test_a_decision_is_told_with_why_others_lost(decided: VoteDecided, words: str) -> None:
    assert told(decided) == words
