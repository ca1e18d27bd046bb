"""Votes in words."""

from __future__ import annotations

from mabeam.app.telling.events import audience, ending, told
from mabeam.app.telling.words import because, joined, policy_in_words
from mabeam.core.voting import VoteCast, VoteDecided, VoteOpened, VoteStanding, text_of

__all__: list[str] = []


@told.register
def _(event: VoteOpened) -> str:
    question = event.question or event.variable or "which one"
    options = joined(list(event.options), "or")
    seats = f", {event.seats} of them" if event.seats > 1 else ""
    rule = policy_in_words(event.rule)
    return f"asks{audience(event, ' ')}: {question}: {options}{seats}, by {rule}"


@told.register
def _(event: VoteCast) -> str:
    sure = "" if event.confidence == 1 else f", confidence {event.confidence}"
    return f"votes {text_of(event.ranking) or 'blank'}{sure}{because(event.note)}"


@told.register
def _(event: VoteDecided) -> str:
    if event.outcome == "default_taken":
        why = f"the {event.shortfall} was missed" if event.shortfall else "nothing beat it"
        return f"chooses {event.winner}, the default: {why}"
    if event.shortfall == "majority":
        return "chooses nothing: nobody has enough"
    if event.outcome != "decided":
        return f"chooses nothing: {ending(event.outcome)}"
    losses = [_loss(one) for one in event.standings if one.option not in event.winners]
    return f"chooses {joined(list(event.winners))}{because('; '.join(losses))}"


def _loss(standing: VoteStanding) -> str:
    reason = standing.reason.replace("_", " ")
    by = f" by {standing.by}" if standing.by and standing.reason == "beaten" else ""
    score = f" {standing.score}" if standing.score else ""
    at = f" in round {standing.round}" if standing.round else ""
    return f"{standing.option}{score} {reason}{by}{at}"
