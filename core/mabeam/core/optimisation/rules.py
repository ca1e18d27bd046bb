"""The rules of optimisation that an opening may name."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.optimisation.elimination import Size
from mabeam.core.policies import Policies

__all__ = ["RULES", "SIZE", "Search"]

SIZE: Final = Size(cells=200_000, message_cells=15_000)
"""How much an elimination may take in a session: its messages are part of the decision."""

ROUNDS_MAX: Final = 1000
ROUND_MS_MAX: Final = 24 * 3600 * 1000
_PROBABILITY_LENGTH_MAX: Final = 20


class Search(msgspec.Struct, frozen=True):
    """How an assignment is found.

    Attributes:
        by: ``elimination`` or ``max_sum`` by protocol code, or moves of the agents by ``mgm`` or
            ``dsa``.
        rounds: How many rounds of moves, or of messages, at most.
        round_ms: How long a round lasts at most, in milliseconds.
        probability: With which probability a variable that can gain may move, under DSA.
    """

    by: Literal["elimination", "max_sum", "mgm", "dsa"]
    rounds: int = 0
    round_ms: int = 0
    probability: Fraction = Fraction(1)

    @property
    def is_played(self) -> bool:
        """Whether the agents search, in rounds of moves."""
        return self.by in {"mgm", "dsa"}


RULES: Policies[[], Search] = Policies("optimisation rule")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


class MaxSumParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of Max-Sum.

    Attributes:
        rounds: How many rounds of messages at most.
    """

    rounds: int = 500


class MgmParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of MGM.

    Attributes:
        rounds: How many rounds of moves at most.
        round_ms: How long a round lasts at most, in milliseconds.
    """

    rounds: int = 20
    round_ms: int = 5000


class DsaParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of DSA.

    Attributes:
        rounds: How many rounds of moves at most.
        round_ms: How long a round lasts at most, in milliseconds.
        probability: With which probability a variable that can gain may move.
    """

    rounds: int = 20
    round_ms: int = 5000
    probability: Decimal = Decimal("0.7")


@RULES.register("bucket_elimination", 1, NoParameters)
def _bucket_elimination(parameters: NoParameters) -> Search:  # noqa: ARG001 - it has none
    return Search("elimination")


@RULES.register("max_sum", 1, MaxSumParameters)
def _max_sum(parameters: MaxSumParameters) -> Search:
    _check_rounds(parameters.rounds, 1)
    return Search("max_sum", parameters.rounds)


@RULES.register("mgm", 1, MgmParameters)
def _mgm(parameters: MgmParameters) -> Search:
    _check_rounds(parameters.rounds, parameters.round_ms)
    return Search("mgm", parameters.rounds, parameters.round_ms)


@RULES.register("dsa", 1, DsaParameters)
def _dsa(parameters: DsaParameters) -> Search:
    _check_rounds(parameters.rounds, parameters.round_ms)
    probability = parameters.probability
    # Its length first: as a fraction, 1e-999999 is a number of a million digits.
    short = probability.is_finite() and -_PROBABILITY_LENGTH_MAX < probability.adjusted() < 1
    short = short and len(probability.as_tuple().digits) <= _PROBABILITY_LENGTH_MAX
    if not short or not 0 < probability <= 1:
        raise _refusal("probability", probability, "above 0, at most 1, with at most 20 digits")
    return Search("dsa", parameters.rounds, parameters.round_ms, Fraction(probability))


def _check_rounds(rounds: int, round_ms: int) -> None:
    if not 1 <= rounds <= ROUNDS_MAX:
        raise _refusal("rounds", rounds, f"1 to {ROUNDS_MAX}")
    if not 1 <= round_ms <= ROUND_MS_MAX:
        raise _refusal("round_ms", round_ms, f"1 to {ROUND_MS_MAX}")


def _refusal(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "optimisation.rule", "no such rule", field=f"rule.{field}", value=value, allowed=allowed
    )
