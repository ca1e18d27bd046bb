"""What is said when agents agree on a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mabeam.app.telling.words import because, digits_of, joined, shown
from mabeam.core.consensus.events import Contribution
from mabeam.core.numbers import in_lowest_terms, to_decimal
from mabeam.core.policies import Policy
from mabeam.core.refinement.events import (
    FeedbackGiven,
    RefinementDecided,
    RefinementOpened,
    RoundClosed,
    RoundSummary,
    ValueOffered,
)

__all__ = ["number_in_words", "of_refinement"]

_MEAN_PLACES: Final = 4


def number_in_words(
    rule: Policy, contributions: Sequence[Contribution], dropped: Sequence[str], number: str
) -> str:
    """Return how a number came about: its terms, and what was made of them."""
    exactly = in_lowest_terms(number)
    # Whoever forged a decision may have written anything there.
    value = shown(number) if exactly is None else to_decimal(exactly, _MEAN_PLACES)
    without = f", without {joined(dropped)}" if dropped else ""
    if rule.name == "median":
        cast = joined([f"{c.weight} x {c.value}" for c in contributions])
        return f"the median of {cast}{without}"
    terms = " + ".join(f"{c.weight} x {c.value}" for c in contributions)
    return f"({terms}) / {sum(c.weight for c in contributions)} = {value}{without}"


def of_refinement(event: object) -> str:
    """Return what an event of a refinement says; nothing for any other."""
    match event:
        case RefinementOpened():
            question = event.question or event.variable or "which number"
            span = f"{digits_of(event.low)} to {digits_of(event.high)}"
            return f"asks in up to {event.rounds_max} rounds: {question}, {span}"
        case ValueOffered():
            return f"offers {event.value} in round {event.round}{because(event.note)}"
        case FeedbackGiven():
            note = because(event.note)
            return f"gives the offer of {event.about} {event.score} of 100{note}"
        case RoundClosed(summary=summary):
            end = "they agree" if event.is_agreed else "they do not agree"
            why = "" if summary.reason == "complete" else ", its time being up"
            return f"closes round {summary.number}{why}: {_offers(summary)}, {end}"
        case RefinementDecided():
            return _decided(event)
        case _:
            return ""


def _offers(summary: RoundSummary) -> str:
    if not summary.offers:
        return "no offers"
    count = "1 offer" if summary.offers == 1 else f"{summary.offers} offers"
    return f"{count} from {summary.low} to {summary.high}"


def _decided(event: RefinementDecided) -> str:
    count = len(event.rounds)
    after = f"after {count} round{'' if count == 1 else 's'}"
    if event.outcome != "decided":
        value = "nothing" if event.value is None else f"the default {event.value}"
        return f"decides {value} {after}"
    made = number_in_words(event.rule, event.contributions, event.dropped, event.mean)
    return f"decides {event.value} {after}: {made}"
