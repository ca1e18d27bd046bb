"""How ballots become one number: the tally rules, as pure functions in exact fractions.

``weighted_mean``: the mean, each ballot times its voter's weight. One voter with any weight
can drag it anywhere within the range: its breakdown point is 0.

``median``: the lower weighted median, the least number with half of the weight at or below
it. It is one of the numbers said, and no voter gains by misstating a single-peaked wish
(Herve Moulin, On strategy-proofness and single peakedness, Public Choice 35, 1980).

``trimmed_mean``: without the f least and the f greatest ballots, the mean of the rest. With
at least 2f + 1 ballots of which at most f lie, it lies within the range of the honest ones:
whatever a liar says beyond them is dropped, or hides an honest ballot beyond what remains
(Danny Dolev et al., Reaching approximate agreement in the presence of faults, JACM 33, 1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Final

import msgspec

from mabeam.core.consensus.events import Contribution
from mabeam.core.numbers import exact
from mabeam.core.numbers import weighted_mean as mean_of
from mabeam.core.policies import Policies
from mabeam.core.weights import capped

__all__ = ["TALLIES", "CapParameters", "Tally", "TrimParameters", "median", "trimmed"]

LIARS_MAX: Final = 1_000_000


class Tally(msgspec.Struct, frozen=True):
    """What ballots come to.

    Attributes:
        value: The number, before it is clamped and rounded.
        counted: The ballots it was made of, with the weight each had.
        dropped: Voters whose ballots were dropped as extreme.
    """

    value: Fraction
    counted: tuple[Contribution, ...]
    dropped: tuple[str, ...] = ()


class CapParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many percent of the weight may be one voter's; the excess is taken away."""

    share_percent_max: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100


class TrimParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many voters may lie: so many ballots are dropped at each end."""

    liars: Annotated[int, msgspec.Meta(ge=0, le=LIARS_MAX)] = 0


TALLIES: Policies[[Sequence[Contribution]], Tally | None] = Policies("tally rule")
"""From ballots in the order of their voters' names, at least one, to what they come to; None
if they are too few."""


@TALLIES.register("weighted_mean", 1, CapParameters)
def _weighted_mean(parameters: CapParameters, ballots: Sequence[Contribution]) -> Tally:
    counted = _capped(ballots, parameters.share_percent_max)
    return Tally(mean_of((c.weight, exact(c.value)) for c in counted), counted)


@TALLIES.register("median", 1, CapParameters)
def _median(parameters: CapParameters, ballots: Sequence[Contribution]) -> Tally:
    counted = _capped(ballots, parameters.share_percent_max)
    return Tally(median([(c.weight, exact(c.value)) for c in counted]), counted)


@TALLIES.register("trimmed_mean", 1, TrimParameters)
def _trimmed_mean(parameters: TrimParameters, ballots: Sequence[Contribution]) -> Tally | None:
    found = trimmed(ballots, parameters.liars)
    if found is None:
        return None
    counted, dropped = found
    value = mean_of((c.weight, exact(c.value)) for c in counted)
    return Tally(value, counted, tuple(sorted(c.agent for c in dropped)))


def median(terms: Sequence[tuple[int, Fraction]]) -> Fraction:
    """Return the least value with at least half of the weight at or below it.

    The work grows with n log n.

    Args:
        terms: Weight and value of each ballot, at least one.
    """
    half = Fraction(sum(weight for weight, _ in terms), 2)
    below = 0
    for weight, value in sorted(terms, key=lambda term: term[1]):
        below += weight
        if below >= half:
            return value
    raise AssertionError("there is a ballot")


def trimmed(
    ballots: Sequence[Contribution], liars: int
) -> tuple[tuple[Contribution, ...], tuple[Contribution, ...]] | None:
    """Part ballots into those that count, and the extreme ones; None if all would be extreme.

    Equal numbers stand in the order of their voters' names. The work grows with n log n.

    Args:
        ballots: At most one of each voter.
        liars: How many are dropped at each end.
    """
    if len(ballots) <= 2 * liars:
        return None
    order = sorted(ballots, key=lambda ballot: (ballot.value, ballot.agent))
    kept = order[liars : len(order) - liars]
    dropped = (*order[:liars], *order[len(order) - liars :])
    return tuple(sorted(kept, key=lambda ballot: ballot.agent)), dropped


def _capped(ballots: Sequence[Contribution], percent: int) -> tuple[Contribution, ...]:
    weights = capped({ballot.agent: ballot.weight for ballot in ballots}, Fraction(percent, 100))
    # Without a cap in force the weights stay as declared.
    if percent == 100:  # noqa: PLR2004 - all of it
        return tuple(ballots)
    return tuple(
        msgspec.structs.replace(ballot, weight=weights[ballot.agent]) for ballot in ballots
    )
