"""Agreement on a number as a session: a tally, clamped, with a quorum.

What the rule makes of the ballots, in exact fractions, is clamped into the range and moved to
the nearest step. The rules are those of `mabeam.core.consensus.tallies`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from mabeam.core.consensus.certificate import check_finite, disproved, prove
from mabeam.core.consensus.events import (
    BallotCast,
    ConsensusDecided,
    ConsensusOpened,
    Contribution,
)
from mabeam.core.consensus.numeric import (
    check_liars,
    check_number,
    check_range,
    is_enough,
    lost,
    rounded,
)
from mabeam.core.consensus.tallies import TALLIES
from mabeam.core.numbers import in_digits
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing, terms

__all__ = ["CONSENSUS"]


def check_opening(opening: ConsensusOpened) -> None:
    """Refuse a question that cannot be answered.

    Raises:
        Rejected: The rule is unknown or needs more participants, or range, step and default
            contradict each other.
    """
    TALLIES.find(opening.rule)
    check_liars(opening)
    check_range(opening)


def check_speech(opening: ConsensusOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a ballot that cannot be added. One outside the range is valid: it is clamped.

    Raises:
        Rejected: The value is not finite or has too many digits.
    """
    if isinstance(speech, BallotCast):
        check_number("value", speech.value)


def say(speech: Speech) -> str:
    """Write a ballot as text, the same for the same number."""
    return in_digits(speech.value) if isinstance(speech, BallotCast) else ""


def decide(hearing: Hearing[ConsensusOpened]) -> ConsensusDecided:
    """Decide a closed vote by the rule that its opening names."""
    opening = hearing.opening
    outcome: Outcome = "decided"
    ballots = _ballots(hearing)
    tally = TALLIES.find(opening.rule)(ballots) if hearing.has_quorum() else None
    value = None if tally is None else rounded(opening, tally.value)
    if tally is None:
        value = opening.default
        outcome = "no_quorum" if value is None else "default_taken"
    dropped = () if tally is None else tally.dropped
    shortfall = "no_quorum" if tally is None else ""
    return ConsensusDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(*lost(ballots, dropped, shortfall), *hearing.invalid()),
        superseded=hearing.superseded,
        value=value,
        contributions=() if tally is None else tally.counted,
        mean="" if tally is None else str(tally.value),
        dropped=dropped,
    )


def _ballots(hearing: Hearing[ConsensusOpened]) -> tuple[Contribution, ...]:
    return tuple(
        Contribution(s.agent, hearing.weight(s.agent), _ballot(s).value, s.position)
        for s in hearing.by_agent()
    )


def verify(hearing: Hearing[ConsensusOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without tallying again.

    Raises:
        Rejected: The contributions are not the ballots that count by the rule, the alternatives
            are not the others, the number does not follow from them, or the value is not the
            allowed one nearest to it; or the decision has another outcome than ballots and
            quorum allow, or is about other positions or another rule.
    """
    if not isinstance(decision, ConsensusDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a consensus")
    check_finite((decision.value, *(c.value for c in decision.contributions)))
    for field, stated, due in terms(hearing, decision):
        if stated != due:
            raise disproved(field, stated, str(due))
    outcome: Outcome = "decided"
    ballots = _ballots(hearing)
    value: Decimal | None
    shortfall = ""
    if hearing.has_quorum() and is_enough(hearing.opening.rule, len(hearing.spoken)):
        number = prove(
            hearing.opening.rule,
            ballots,
            decision.contributions,
            decision.dropped,
            decision.mean,
        )
        value = rounded(hearing.opening, number)
    else:
        value = hearing.opening.default
        outcome = "no_quorum" if value is None else "default_taken"
        shortfall = "no_quorum"
        if decision.contributions or decision.mean or decision.dropped:
            raise disproved("contributions", decision.contributions, "none without a quorum")
    alternatives = (*lost(ballots, decision.dropped, shortfall), *hearing.invalid())
    for field, stated, due in (
        ("outcome", decision.outcome, outcome),
        ("value", decision.value, value),
        ("alternatives", decision.alternatives, alternatives),
    ):
        if stated != due:
            raise disproved(field, stated, str(due))


def standing(hearing: Hearing[ConsensusOpened]) -> Standing:
    """Show the ballots, and what they come to; under seal only who has voted, while it is open."""
    if hearing.opening.visibility == "sealed" and not hearing.considered.closed:
        agents = tuple((spoken.agent, str(spoken.position)) for spoken in hearing.by_agent())
        remark = "the ballots are sealed until the closing"
        return Standing(("agent", "position"), agents, (remark,))
    ballots = _ballots(hearing)
    tally = TALLIES.find(hearing.opening.rule)(ballots) if ballots else None
    rows = tuple((b.agent, str(b.weight), str(b.value), str(b.position)) for b in ballots)
    remarks = () if tally is None else (f"as it stands: {rounded(hearing.opening, tally.value)}",)
    return Standing(("agent", "weight", "value", "position"), rows, remarks)


def result(decision: Decision) -> Decimal | str | None:
    """Return the number, which becomes the value of the variable at stake."""
    return decision.value if isinstance(decision, ConsensusDecided) else None


def _ballot(spoken: Spoken) -> BallotCast:
    return cast("BallotCast", spoken.speech)


CONSENSUS: Final = Protocol(
    name="consensus",
    opening=ConsensusOpened,
    speech=BallotCast,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    standing=standing,
)
CONSENSUS.register()
