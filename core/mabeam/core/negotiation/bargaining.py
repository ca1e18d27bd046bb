"""Bargaining as sessions: parties state their utilities openly, and a solution decides.

The rule of the opening names the solution. It is a computation on what the parties say, so a
party that says what is not true may gain by it: no solution here is truthful.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm, prod
from typing import Final, cast

from mabeam.core.checking import check_facts, check_text, check_within, disproved, plain
from mabeam.core.ids import derived_id, order_key
from mabeam.core.negotiation.alternating import NOTE_LENGTH_MAX
from mabeam.core.negotiation.events import (
    BargainingDecided,
    BargainingOpened,
    Gain,
    UtilityDeclared,
)
from mabeam.core.negotiation.rules import CERTIFICATE, agreed, check_parties
from mabeam.core.negotiation.solutions import Point, Solution, solve
from mabeam.core.negotiation.space import as_value, check_issues, outcome_at, values_of
from mabeam.core.negotiation.utility import check_evaluations, table, utility
from mabeam.core.numbers import exact
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["BARGAINING", "WORTHS_MAX"]

WORTHS_MAX: Final = 300_000
"""How many outcomes times parties there may be: each is looked at."""

EQUALS_MAX: Final = 100


def check_opening(opening: BargainingOpened) -> None:
    """Refuse a bargaining that cannot be held.

    Raises:
        Rejected: The rule is another one, or parties or issues are out of range.
    """
    check_parties(opening, "bargaining")
    check_issues(opening.issues)
    check_text("negotiation.text", "subject", opening.subject, NOTE_LENGTH_MAX)
    worths = _outcomes_count(opening) * len(opening.participants)
    check_within("negotiation.issues", "outcomes times parties", worths, 1, WORTHS_MAX)


def _outcomes_count(opening: BargainingOpened) -> int:
    count = 1
    for issue in opening.issues:
        count *= len(values_of(issue))
    return count


def check_speech(opening: BargainingOpened, speech: Speech) -> None:
    """Refuse utilities that do not fit the issues.

    Raises:
        Rejected: One is missing or too many, or is no number to reckon with.
    """
    if isinstance(speech, UtilityDeclared):
        check_evaluations(opening.issues, speech.evaluations)
        plain("negotiation.utility", "reservation", speech.reservation)
        check_text("negotiation.text", "note", speech.note, NOTE_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write utilities as text: the weights, a digest of all values, and what none is worth.

    What is written alike counts as the same word, so nothing of the digest may be left out.
    """
    if not isinstance(speech, UtilityDeclared):
        return ""
    weights = " ".join(str(evaluation.weight) for evaluation in speech.evaluations)
    values = [str(value) for evaluation in speech.evaluations for value in evaluation.values]
    return f"weights {weights}, values {derived_id(*values)}, none {speech.reservation}"


def _declared(hearing: Hearing[BargainingOpened]) -> list[UtilityDeclared]:
    return [cast("UtilityDeclared", spoken.speech) for spoken in hearing.by_agent()]


def _is_complete(hearing: Hearing[BargainingOpened]) -> bool:
    # An agreement binds everybody, so each must have said what it is worth to it.
    return len(hearing.spoken) == len(hearing.weights) and hearing.has_quorum()


def _points(hearing: Hearing[BargainingOpened]) -> tuple[int, list[Point], Point]:
    """Return a common scale, the worth of all outcomes, and that of no agreement."""
    issues, declared = hearing.opening.issues, _declared(hearing)
    tables = [table(issues, one.evaluations) for one in declared]
    least = [exact(one.reservation) for one in declared]
    scale = lcm(*(one.scale for one in tables), *(one.denominator for one in least))
    columns = [[unit * (scale // one.scale) for unit in one.units] for one in tables]
    points = cast("list[Point]", list(zip(*columns, strict=True)))
    return scale, points, [int(one * scale) for one in least]


def decide(hearing: Hearing[BargainingOpened]) -> BargainingDecided:
    """Decide a closed bargaining by the solution that its opening names."""
    opening = hearing.opening
    found, scale = Solution((), (), (), 0), 1
    if _is_complete(hearing):
        scale, points, least = _points(hearing)
        found = solve(opening.rule.name, points, least)
    outcome: Outcome = "decided" if found.best else "no_quorum"
    if len(found.best) > 1 and opening.tie_break == "refuse":
        outcome = "tie_unresolved"
    chosen = _chosen(hearing, found.best) if outcome == "decided" else None
    agreement = () if chosen is None else outcome_at(opening.issues, chosen)
    return BargainingDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_unmet(hearing, outcome),
        superseded=hearing.superseded,
        agreement=agreement,
        number=as_value(opening.issues, agreement),
        gains=() if chosen is None else _gains(hearing, agreement, found.ideal, scale),
        criterion=_criterion(opening.rule.name, found.criterion, found.ideal, scale),
        outcomes_count=_outcomes_count(opening),
        rational_count=found.rational_count,
        equals=found.best[:EQUALS_MAX],
        equals_count=len(found.best),
    )


def _chosen(hearing: Hearing[BargainingOpened], best: Sequence[int]) -> int:
    """Return the one of equally good outcomes that the declared tie-break prefers."""
    if hearing.opening.tie_break == "earliest":
        return best[0]
    closed = hearing.considered.closed
    return min(best, key=lambda number: order_key(hearing.session, closed, str(number)))


def _gains(
    hearing: Hearing[BargainingOpened],
    agreement: tuple[str, ...],
    ideal: Sequence[int | Fraction],
    scale: int,
) -> tuple[Gain, ...]:
    gains: list[Gain] = []
    for spoken, most in zip(hearing.by_agent(), ideal, strict=True):
        declared = cast("UtilityDeclared", spoken.speech)
        worth = utility(hearing.opening.issues, declared.evaluations, agreement)
        gain = worth - exact(declared.reservation)
        gains.append(
            Gain(spoken.agent, str(worth), str(gain), str(Fraction(most) / scale), spoken.position)
        )
    return tuple(gains)


def _criterion(
    concept: str,
    criterion: Sequence[int | Fraction],
    ideal: Sequence[int | Fraction],
    scale: int,
) -> tuple[str, ...]:
    """Return what is greatest, on the parties' own scale, as fractions."""
    if concept == "kalai_smorodinsky":
        return tuple(map(str, criterion))
    powers = [1] * len(criterion)
    if concept == "nash" and powers:
        powers[0] = sum(1 for most in ideal if most)
    return tuple(
        str(Fraction(part) / scale**power) for part, power in zip(criterion, powers, strict=True)
    )


_UNMET: Final[dict[str, str]] = {
    "no_quorum": "no_agreement",
    "tie_unresolved": "tie_unresolved",
}


def _unmet(hearing: Hearing[BargainingOpened], outcome: Outcome) -> tuple[Alternative, ...]:
    lost = (
        tuple(
            Alternative(s.agent, say(s.speech), s.position, _UNMET[outcome])
            for s in hearing.by_agent()
        )
        if outcome in _UNMET
        else ()
    )
    return (*lost, *hearing.invalid())


def verify(hearing: Hearing[BargainingOpened], decision: Decision) -> None:
    """Check a decision: the gains are those of the agreement, and no outcome is better.

    Every outcome is held against the best, in whole numbers, and what is greatest is computed
    by its definition; nothing is solved again.

    Raises:
        Rejected: An outcome is better or as good as one that is not listed, a gain is not
            what it is said to be, or a tie was broken otherwise than declared.
    """
    if not isinstance(decision, BargainingDecided):
        raise disproved(CERTIFICATE, "outcome", type(decision).__name__, "that of a bargaining")
    check_facts(
        CERTIFICATE,
        (
            *terms(hearing, decision),
            ("outcomes_count", decision.outcomes_count, _outcomes_count(hearing.opening)),
        ),
    )
    gains, scale = _rational_gains(hearing) if _is_complete(hearing) else ({}, 1)
    ideal = tuple(map(max, zip(*gains.values(), strict=True)))
    concept = hearing.opening.rule.name
    ranks = {number: _rank(concept, gain, ideal) for number, gain in gains.items()}
    best = max(ranks.values(), default=())
    equals = tuple(number for number, rank in ranks.items() if rank == best)
    outcome: Outcome = "decided" if equals else "no_quorum"
    if len(equals) > 1 and hearing.opening.tie_break == "refuse":
        outcome = "tie_unresolved"
    agreement: tuple[str, ...] = ()
    if outcome == "decided":
        agreement = outcome_at(hearing.opening.issues, _chosen(hearing, equals))
    ideals = [Fraction(most, scale) for most in ideal]
    stands = [Fraction(gain, scale) for gain in gains[equals[0]]] if equals else []
    check_facts(
        CERTIFICATE,
        (
            ("rational_count", decision.rational_count, len(gains)),
            ("equals", decision.equals, equals[:EQUALS_MAX]),
            ("equals_count", decision.equals_count, len(equals)),
            ("outcome", decision.outcome, outcome),
            ("agreement", decision.agreement, agreement),
            ("number", decision.number, as_value(hearing.opening.issues, agreement)),
            ("criterion", decision.criterion, _defined(concept, stands, ideals)),
            ("gains", decision.gains, _proved_gains(hearing, agreement, ideals)),
            ("alternatives", decision.alternatives, _unmet(hearing, outcome)),
        ),
    )


def _rational_gains(
    hearing: Hearing[BargainingOpened],
) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return the gains of each rational outcome in whole numbers, and how many make 1."""
    worths = [table(hearing.opening.issues, one.evaluations) for one in _declared(hearing)]
    least = [exact(one.reservation) for one in _declared(hearing)]
    scale = lcm(*(one.scale for one in worths), *(one.denominator for one in least))
    columns = [
        [unit * (scale // one.scale) - int(none * scale) for unit in one.units]
        for one, none in zip(worths, least, strict=True)
    ]
    gains = enumerate(zip(*columns, strict=True))
    return {number: gain for number, gain in gains if min(gain) >= 0}, scale


def _rank(concept: str, gain: tuple[int, ...], ideal: tuple[int, ...]) -> tuple[int, ...]:
    """Return what outcomes are compared by, in whole numbers; the greatest is best."""
    if concept == "max_welfare":
        return (sum(gain),)
    able = [place for place, most in enumerate(ideal) if most]
    product = prod(gain[place] for place in able)
    if concept == "nash":
        return (product,) if product else (0, sum(gain))
    # A part of the ideal, times the product of all ideals, is whole.
    ideals = prod(ideal[place] for place in able) if concept == "kalai_smorodinsky" else 1
    divided = ideal if concept == "kalai_smorodinsky" else (1,) * len(ideal)
    return tuple(sorted(gain[place] * (ideals // divided[place]) for place in able))


def _defined(concept: str, gain: list[Fraction], ideal: list[Fraction]) -> tuple[str, ...]:
    """Return what is greatest for one outcome, by the definition of the solution."""
    if not gain:
        return ()
    able = [(one, most) for one, most in zip(gain, ideal, strict=True) if most]
    total = sum(gain, Fraction(0))
    if concept == "max_welfare":
        return (str(total),)
    if concept == "nash":
        product = prod((one for one, _ in able), start=Fraction(1))
        return (str(product),) if product else ("0", str(total))
    over = concept == "kalai_smorodinsky"
    return tuple(map(str, sorted(one / most if over else one for one, most in able)))


def _proved_gains(
    hearing: Hearing[BargainingOpened], agreement: tuple[str, ...], ideals: Sequence[Fraction]
) -> tuple[Gain, ...]:
    if not agreement:
        return ()
    return tuple(
        Gain(
            spoken.agent,
            str(worth := utility(hearing.opening.issues, declared.evaluations, agreement)),
            str(worth - exact(declared.reservation)),
            str(most),
            spoken.position,
        )
        for spoken, declared, most in zip(
            hearing.by_agent(), _declared(hearing), ideals, strict=True
        )
    )


def standing(hearing: Hearing[BargainingOpened]) -> Standing:
    """Show what each party says that its best outcome is worth to it, and none at all."""
    opening = hearing.opening
    heard = len(hearing.spoken)
    remarks = (f"{heard} of {len(hearing.weights)} parties have said what outcomes are worth",)
    if opening.visibility == "sealed" and not hearing.considered.closed:
        return Standing((), (), remarks)
    worths = [table(opening.issues, one.evaluations) for one in _declared(hearing)]
    rows = tuple(
        (
            spoken.agent,
            " ".join(str(one.weight) for one in declared.evaluations),
            str(Fraction(max(worth.units), worth.scale)),
            str(declared.reservation),
            str(spoken.position),
        )
        for spoken, declared, worth in zip(
            hearing.by_agent(), _declared(hearing), worths, strict=True
        )
    )
    return Standing(("party", "weights", "best", "none", "position"), rows, remarks)


def result(decision: Decision) -> Decimal | str | None:
    """Return the agreement, which becomes the value of the variable at stake."""
    if not isinstance(decision, BargainingDecided):
        return None
    return agreed(decision, decision.agreement, decision.number)


BARGAINING: Final = Protocol(
    name="bargaining",
    opening=BargainingOpened,
    speech=UtilityDeclared,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    standing=standing,
)
BARGAINING.register()
