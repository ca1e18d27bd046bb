"""Iterative refinement as a session: what is asked, what is decided, how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from mabeam.core.consensus.certificate import check_finite, prove
from mabeam.core.consensus.events import Contribution
from mabeam.core.consensus.numeric import (
    check_liars,
    check_number,
    check_range,
    is_enough,
    lost,
    rounded,
)
from mabeam.core.consensus.tallies import TALLIES
from mabeam.core.errors import Rejected
from mabeam.core.refinement.course import COURSE, Rounds, spread_is_within
from mabeam.core.refinement.events import (
    FeedbackGiven,
    RefinementDecided,
    RefinementOpened,
    RefinementSpeech,
    RoundSummary,
    ValueOffered,
)
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import OPEN_MS_MAX, Hearing, Protocol, Standing, terms

__all__ = ["REFINEMENT"]

PARTICIPANTS_MAX: Final = 1_000
ROUNDS_MAX: Final = 100
SCORE_MAX: Final = 100


def check_opening(opening: RefinementOpened) -> None:
    """Refuse a refinement that cannot be held.

    Raises:
        Rejected: The rule is unknown, nobody is asked or too few for the rule, range, step and
            default contradict each other, or a bound is out of its range.
    """
    TALLIES.find(opening.rule)
    check_liars(opening)
    check_range(opening)
    check_number("tolerance", opening.tolerance)
    counts = (
        ("participants", len(opening.participants), 1, PARTICIPANTS_MAX),
        ("rounds_max", opening.rounds_max, 1, ROUNDS_MAX),
        ("round_ms", opening.round_ms, 0, OPEN_MS_MAX),
    )
    for field, value, least, most in counts:
        if not least <= value <= most:
            raise _refusal(field, value, f"{least} to {most}")
    if opening.tolerance < 0:
        raise _refusal("tolerance", opening.tolerance, "0 or more")


def check_speech(opening: RefinementOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a word that cannot count in any round.

    Raises:
        Rejected: The value is no number, or the score is out of its range.
    """
    if isinstance(speech, ValueOffered):
        check_number("value", speech.value)
    elif isinstance(speech, FeedbackGiven) and not 0 <= speech.score <= SCORE_MAX:
        raise _refusal("score", speech.score, f"0 to {SCORE_MAX}")


def say(speech: Speech) -> str:
    """Write a word as text."""
    match speech:
        case ValueOffered(value=value):
            return str(value)
        case FeedbackGiven(about=about, score=score):
            return f"{about}: {score}"
        case _:
            return ""


def decide(hearing: Hearing[RefinementOpened]) -> RefinementDecided:
    """Decide by the rule that the opening names, of the latest offer of each."""
    opening, rounds = hearing.opening, _rounds(hearing)
    offers = _offers(hearing)
    is_agreed = _is_agreed(hearing)
    is_decided = is_agreed or not opening.must_converge
    tally = None
    if _has_quorum(hearing) and is_decided:
        tally = TALLIES.find(opening.rule)(offers)
    value = opening.default if tally is None else rounded(opening, tally.value)
    outcome: Outcome = "decided"
    if tally is None:
        outcome = "no_quorum" if value is None else "default_taken"
    dropped = () if tally is None else tally.dropped
    shortfall = "" if tally is not None else _shortfall(is_decided=is_decided)
    return RefinementDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(*lost(offers, dropped, shortfall), *hearing.invalid()),
        superseded=hearing.superseded,
        value=value,
        is_agreed=is_agreed,
        rounds=rounds.closed,
        contributions=() if tally is None else tally.counted,
        mean="" if tally is None else str(tally.value),
        dropped=dropped,
    )


def verify(hearing: Hearing[RefinementOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without tallying again.

    Raises:
        Rejected: The rounds, the offers, the alternatives or the number that follows from them
            are others, or the outcome is not the one that they allow.
    """
    if not isinstance(decision, RefinementDecided):
        raise _disproved("outcome", type(decision).__name__, "a decision of a refinement")
    check_finite((decision.value, *(c.value for c in decision.contributions)))
    check_finite(end for summary in decision.rounds for end in (summary.low, summary.high))
    opening = hearing.opening
    is_agreed = _is_agreed(hearing)
    for field, stated, due in (
        *terms(hearing, decision),
        ("rounds", decision.rounds, _rounds(hearing).closed),
        ("is_agreed", decision.is_agreed, is_agreed),
    ):
        if stated != due:
            raise _disproved(field, stated, str(due))
    offers = _offers(hearing)
    value: Decimal | None
    shortfall = ""
    is_counted = is_agreed or not opening.must_converge
    if is_counted and _has_quorum(hearing) and is_enough(opening.rule, len(offers)):
        number = prove(
            opening.rule, offers, decision.contributions, decision.dropped, decision.mean
        )
        outcome, value = "decided", rounded(opening, number)
    else:
        outcome = "no_quorum" if opening.default is None else "default_taken"
        value = opening.default
        shortfall = _shortfall(is_decided=is_counted)
        if decision.contributions or decision.mean or decision.dropped:
            raise _disproved("contributions", decision.contributions, "none without a tally")
    alternatives = (*lost(offers, decision.dropped, shortfall), *hearing.invalid())
    for field, stated, due in (
        ("outcome", decision.outcome, outcome),
        ("value", decision.value, value),
        ("alternatives", decision.alternatives, alternatives),
    ):
        if stated != due:
            raise _disproved(field, stated, str(due))


def result(decision: Decision) -> Decimal | str | None:
    """Return the number, which becomes the value of the variable at stake."""
    return decision.value if isinstance(decision, RefinementDecided) else None


def standing(hearing: Hearing[RefinementOpened]) -> Standing:
    """Show the latest offers, and what the closed rounds came to."""
    rounds = _rounds(hearing)
    rows = tuple(
        (o.agent, str(o.weight), str(o.value), str(rounds.offers[o.agent].round))
        for o in _offers(hearing)
    )
    return Standing(
        ("agent", "weight", "offer", "in round"), rows, tuple(map(_told, rounds.closed))
    )


def _told(summary: RoundSummary) -> str:
    if not summary.offers:
        return f"round {summary.number}: no offers"
    return f"round {summary.number}: {summary.offers} offers from {summary.low} to {summary.high}"


def _rounds(hearing: Hearing[RefinementOpened]) -> Rounds:
    return cast("Rounds", hearing.course)


def _offers(hearing: Hearing[RefinementOpened]) -> tuple[Contribution, ...]:
    offers = _rounds(hearing).offers
    return tuple(
        Contribution(agent, hearing.weight(agent), offers[agent].value, offers[agent].position)
        for agent in sorted(offers)
    )


def _has_quorum(hearing: Hearing[RefinementOpened]) -> bool:
    # Feedback alone is no offer.
    weight = sum(map(hearing.weight, _rounds(hearing).offers))
    return weight >= max(hearing.opening.quorum, 1)


def _shortfall(*, is_decided: bool) -> str:
    return "no_quorum" if is_decided else "no_agreement"


def _is_agreed(hearing: Hearing[RefinementOpened]) -> bool:
    """Tell whether the offers agree that stand at the closing, all having offered."""
    rounds = _rounds(hearing)
    values = [offer.value for offer in rounds.offers.values()]
    if len(values) < len(rounds.participants):
        return False
    return spread_is_within(hearing.opening.tolerance, values)


def _refusal(field: str, value: object, allowed: str) -> Rejected:
    text = "the refinement cannot be held"
    return Rejected(f"refinement.{field}", text, field=field, value=value, allowed=allowed)


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "refinement.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )


REFINEMENT: Final = Protocol(
    name="refinement",
    opening=RefinementOpened,
    speech=RefinementSpeech,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=COURSE,
    standing=standing,
)
REFINEMENT.register()
