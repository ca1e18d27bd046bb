"""What is said when agents agree on a number, in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mabeam.app.telling.numbers import number_in_words, of_refinement
from mabeam.core.consensus import Contribution
from mabeam.core.events import Event
from mabeam.core.policies import Policy
from mabeam.core.refinement import (
    FeedbackGiven,
    RefinementDecided,
    RefinementOpened,
    RoundClosed,
    RoundSummary,
    ValueOffered,
)
from mabeam.core.session import Considered

ANN, BEN = Contribution("ann", 2, Decimal(4), 2), Contribution("ben", 1, Decimal(7), 3)
MEAN = Policy("weighted_mean")
SUMMARY = RoundSummary(1, 2, Decimal(4), Decimal(7), "complete")
DECIDED = RefinementDecided(
    outcome="decided",
    rule=MEAN,
    considered=Considered(1, 9),
    value=Decimal(5),
    rounds=(SUMMARY,),
    contributions=(ANN, BEN),
    mean="5",
)


@pytest.mark.parametrize(
    ("rule", "dropped", "words"),
    [
        (MEAN, (), "(2 x 4 + 1 x 7) / 3 = 5"),
        (Policy("trimmed_mean"), ("cho", "dee"), "(2 x 4 + 1 x 7) / 3 = 5, without cho and dee"),
        (Policy("median"), (), "the median of 2 x 4 and 1 x 7"),
    ],
)
def test_a_number_is_told_with_its_terms(
    rule: Policy, dropped: tuple[str, ...], words: str
) -> None:
    assert number_in_words(rule, (ANN, BEN), dropped, "5") == words


@pytest.mark.parametrize("number", ["1e999999999", "", "much"])
def test_a_number_that_nobody_can_read_is_told_as_it_is(number: str) -> None:
    assert number_in_words(MEAN, (ANN, BEN), (), number) == f"(2 x 4 + 1 x 7) / 3 = {number}"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            RefinementOpened(low=Decimal(0), high=Decimal(9), question="how warm?"),
            "asks in up to 5 rounds: how warm?, 0 to 9",
        ),
        (ValueOffered(round=2, value=Decimal(4), note="fair"), "offers 4 in round 2 (fair)"),
        (FeedbackGiven(round=1, about="ben", score=7), "gives the offer of ben 7 of 100"),
        (
            RoundClosed(summary=SUMMARY, is_agreed=False),
            "closes round 1: 2 offers from 4 to 7, they do not agree",
        ),
        (
            RoundClosed(
                summary=RoundSummary(2, 1, Decimal(4), Decimal(4), "time"), is_agreed=False
            ),
            "closes round 2, its time being up: 1 offer from 4 to 4, they do not agree",
        ),
        (
            RoundClosed(summary=RoundSummary(1, 0, None, None, "time"), is_agreed=False),
            "closes round 1, its time being up: no offers, they do not agree",
        ),
        (
            RefinementOpened(low=Decimal("-1e999999999"), high=Decimal("0.50"), question="what?"),
            "asks in up to 5 rounds: what?, -1E+999999999 to 0.5",
        ),
        (DECIDED, "decides 5 after 1 round: (2 x 4 + 1 x 7) / 3 = 5"),
        (
            RefinementDecided(outcome="no_quorum", rule=MEAN, considered=Considered(1, 9)),
            "decides nothing after 0 rounds",
        ),
    ],
)
def test_a_refinement_is_told(event: Event, words: str) -> None:
    assert of_refinement(event) == words
