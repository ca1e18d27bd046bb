"""Agreement on a number as a session: weighted mean, clamped, with a quorum.

The mean of the ballots, each times its voter's declared weight, is computed in exact
fractions, clamped into the range and moved to the nearest step. One voter with any weight
can drag it anywhere within the range: the mean has breakdown point 0.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

import msgspec

from mabeam.core.consensus.events import (
    BallotCast,
    ConsensusDecided,
    ConsensusOpened,
    Contribution,
)
from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact, on_grid, to_decimal, to_grid, weighted_mean
from mabeam.core.policies import Policies
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, terms

__all__ = ["CONSENSUS", "TALLIES"]

DIGITS_MAX: Final = 30
PLACES: Final = 9
"""How many decimal places an outcome has at most where range and step have no more."""

TALLIES: Policies[[Hearing[ConsensusOpened]], Fraction] = Policies("tally rule")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


@TALLIES.register("weighted_mean", 1, NoParameters)
def _weighted_mean(parameters: NoParameters, hearing: Hearing[ConsensusOpened]) -> Fraction:  # noqa: ARG001 - it has none
    return weighted_mean(
        (hearing.weight(spoken.agent), exact(_ballot(spoken).value))
        for spoken in hearing.by_agent()
    )


def check_opening(opening: ConsensusOpened) -> None:
    """Refuse a question that cannot be answered.

    Raises:
        Rejected: The rule is unknown, or range, step and default contradict each other.
    """
    TALLIES.find(opening.rule)
    for field in ("low", "high", "step", "default"):
        number = cast("Decimal | None", getattr(opening, field))
        if number is not None:
            _check_number(field, number)
    if opening.low > opening.high:
        raise _refusal("consensus.range", "low", opening.low, f"at most {opening.high}")
    if opening.step is not None and opening.step <= 0:
        raise _refusal("consensus.step", "step", opening.step, "above 0")
    if opening.default is not None:
        within = opening.low <= opening.default <= opening.high
        step = None if opening.step is None else exact(opening.step)
        if not within or not on_grid(exact(opening.default), exact(opening.low), step):
            allowed = f"{opening.low} to {opening.high}, on the step"
            raise _refusal("consensus.default", "default", opening.default, allowed)


def check_speech(opening: ConsensusOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a ballot that cannot be added. One outside the range is valid: it is clamped.

    Raises:
        Rejected: The value is not finite or has too many digits.
    """
    if isinstance(speech, BallotCast):
        _check_number("value", speech.value)


def _check_number(field: str, number: Decimal) -> None:
    # A short text such as 1e999999 would otherwise become an integer of a million digits.
    if not number.is_finite() or not -DIGITS_MAX <= number.adjusted() <= DIGITS_MAX:
        raise _refusal("consensus.number", field, number, f"a number below 1e{DIGITS_MAX}")
    # Its text has more characters than digits, and costs a fraction of taking it apart.
    if len(str(number)) > DIGITS_MAX and len(number.as_tuple().digits) > DIGITS_MAX:
        raise _refusal("consensus.number", field, number, f"at most {DIGITS_MAX} digits")


def say(speech: Speech) -> str:
    """Write a ballot as text."""
    return str(speech.value) if isinstance(speech, BallotCast) else ""


def decide(hearing: Hearing[ConsensusOpened]) -> ConsensusDecided:
    """Decide a closed vote by the rule that its opening names."""
    opening = hearing.opening
    outcome: Outcome = "decided"
    value: Decimal | None = None
    mean = ""
    if hearing.has_quorum():
        found = TALLIES.find(opening.rule)(hearing)
        value, mean = _rounded(opening, found), str(found)
    elif opening.default is not None:
        outcome, value = "default_taken", opening.default
    else:
        outcome = "no_quorum"
    counted = outcome == "decided"
    unheard = tuple(
        Alternative(s.agent, say(s.speech), s.position, "no_quorum") for s in hearing.by_agent()
    )
    return ConsensusDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(*(() if counted else unheard), *hearing.invalid()),
        superseded=hearing.superseded,
        value=value,
        contributions=_contributions(hearing) if counted else (),
        mean=mean,
    )


def _contributions(hearing: Hearing[ConsensusOpened]) -> tuple[Contribution, ...]:
    return tuple(
        Contribution(s.agent, hearing.weight(s.agent), _ballot(s).value, s.position)
        for s in hearing.by_agent()
    )


def _rounded(opening: ConsensusOpened, mean: Fraction) -> Decimal:
    step = None if opening.step is None else exact(opening.step)
    # With fewer places than the ends and the step have, rounding would leave the range.
    ends = (opening.low, opening.high, opening.step or opening.low)
    places = max(PLACES, *(-cast("int", end.as_tuple().exponent) for end in ends))
    return to_decimal(to_grid(mean, exact(opening.low), exact(opening.high), step), places)


def verify(hearing: Hearing[ConsensusOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without tallying again.

    Raises:
        Rejected: The contributions are not the ballots counted, the mean times the weights
            is not their sum, or the value is not the allowed one nearest to the mean; or the
            decision has another outcome than ballots and quorum allow, or is about other
            positions or another rule.
    """
    if not isinstance(decision, ConsensusDecided):
        raise _disproved("outcome", type(decision).__name__, "a decision of a consensus")
    for field, stated, due in terms(hearing, decision):
        if stated != due:
            raise _disproved(field, stated, str(due))
    outcome: Outcome = "decided"
    value: Decimal | None
    if hearing.has_quorum():
        value = _proved(hearing, decision)
    else:
        value = hearing.opening.default
        outcome = "no_quorum" if value is None else "default_taken"
        if decision.contributions or decision.mean:
            raise _disproved("contributions", decision.contributions, "none without a quorum")
    if decision.outcome != outcome:
        raise _disproved("outcome", decision.outcome, outcome)
    if decision.value != value:
        raise _disproved("value", decision.value, str(value))


def _proved(hearing: Hearing[ConsensusOpened], decision: ConsensusDecided) -> Decimal:
    """Return the value that follows from the certificate, if that holds."""
    if decision.contributions != _contributions(hearing):
        raise _disproved("contributions", decision.contributions, str(_contributions(hearing)))
    weights = sum(c.weight for c in decision.contributions)
    weighted = sum(c.weight * exact(c.value) for c in decision.contributions)
    try:
        mean = Fraction(decision.mean)
    except (ValueError, ZeroDivisionError):
        raise _disproved("mean", decision.mean, "a fraction") from None
    if mean * weights != weighted or str(mean) != decision.mean:
        raise _disproved("mean", decision.mean, "the sum of weight times value over the weights")
    return _rounded(hearing.opening, mean)


def result(decision: Decision) -> Decimal | str | None:
    """Return the number, which becomes the value of the variable at stake."""
    return decision.value if isinstance(decision, ConsensusDecided) else None


def _ballot(spoken: Spoken) -> BallotCast:
    return cast("BallotCast", spoken.speech)


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(code, "the question cannot be held", field=field, value=value, allowed=allowed)


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "consensus.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )


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
)
CONSENSUS.register()
