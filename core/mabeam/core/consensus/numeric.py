"""Ranges, grids, numbers and lost ballots of questions whose answer is one number."""

from __future__ import annotations

from collections.abc import Container, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final, Protocol, cast

from mabeam.core.consensus.events import Contribution
from mabeam.core.errors import Rejected
from mabeam.core.numbers import exact, on_grid, to_decimal, to_grid
from mabeam.core.policies import Policy
from mabeam.core.session.events import Alternative, Participant

__all__ = [
    "Numeric",
    "check_liars",
    "check_number",
    "check_range",
    "is_enough",
    "lost",
    "rounded",
]

DIGITS_MAX: Final = 30
PLACES: Final = 9
"""How many decimal places an outcome has at most where range and step have no more."""


class Numeric(Protocol):
    """An opening that asks for a number."""

    @property
    def rule(self) -> Policy:
        """How the number follows from what is said."""
        ...

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who may speak; empty for everybody."""
        ...

    @property
    def low(self) -> Decimal:
        """Least outcome."""
        ...

    @property
    def high(self) -> Decimal:
        """Greatest outcome."""
        ...

    @property
    def step(self) -> Decimal | None:
        """Grid of the outcome from its low end."""
        ...

    @property
    def default(self) -> Decimal | None:
        """What is taken when nothing is agreed."""
        ...


def check_range(opening: Numeric) -> None:
    """Refuse a range, step and default that contradict each other.

    Raises:
        Rejected: One of them is no number, or out of its range.
    """
    for field in ("low", "high", "step", "default"):
        number = cast("Decimal | None", getattr(opening, field))
        if number is not None:
            check_number(field, number)
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


def check_number(field: str, number: Decimal) -> None:
    """Refuse what cannot be reckoned with.

    Raises:
        Rejected: It is not finite or has too many digits.
    """
    # A short text such as 1e999999 would otherwise become an integer of a million digits.
    if not number.is_finite() or not -DIGITS_MAX <= number.adjusted() <= DIGITS_MAX:
        raise _no_number(field, number, f"a number below 1e{DIGITS_MAX}")
    # Its text has more characters than digits, and costs a fraction of taking it apart.
    if len(str(number)) > DIGITS_MAX and len(number.as_tuple().digits) > DIGITS_MAX:
        raise _no_number(field, number, f"at most {DIGITS_MAX} digits")


def rounded(opening: Numeric, number: Fraction) -> Decimal:
    """Clamp a number into the range and move it to the nearest step, as a decimal."""
    step = None if opening.step is None else exact(opening.step)
    # With fewer places than the ends and the step have, rounding would leave the range.
    ends = (opening.low, opening.high, opening.step or opening.low)
    places = max(PLACES, *(-cast("int", end.as_tuple().exponent) for end in ends))
    return to_decimal(to_grid(number, exact(opening.low), exact(opening.high), step), places)


def check_liars(opening: Numeric) -> None:
    """Refuse a rule that would drop all that the participants can say.

    Raises:
        Rejected: They are not more than twice as many as those who may lie.
    """
    team = len(opening.participants)
    if team and not is_enough(opening.rule, team):
        allowed = f"more than twice as many as may lie, which is {opening.rule.parameters['liars']}"
        raise _refusal("consensus.participants", "participants", team, allowed)


def is_enough(rule: Policy, ballots: int) -> bool:
    """Tell whether there are more ballots than the rule drops."""
    liars: int = rule.parameters.get("liars", 0)
    return ballots > 2 * liars


def lost(
    ballots: Iterable[Contribution], dropped: Container[str], shortfall: str
) -> tuple[Alternative, ...]:
    """Return the ballots that nothing was made of, as a decision lists them.

    Args:
        ballots: What was cast.
        dropped: Whose ballots were dropped as extreme.
        shortfall: Why nothing was made of any of them; empty where a number was.
    """
    return tuple(
        Alternative(ballot.agent, str(ballot.value), ballot.position, shortfall or "trimmed")
        for ballot in ballots
        if shortfall or ballot.agent in dropped
    )


def _no_number(field: str, value: Decimal, allowed: str) -> Rejected:
    text = "no number to reckon with"
    return Rejected("consensus.number", text, field=field, value=value, allowed=allowed)


def _refusal(code: str, field: str, value: object, allowed: str) -> Rejected:
    return Rejected(code, "the question cannot be held", field=field, value=value, allowed=allowed)
