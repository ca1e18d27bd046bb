"""Ballots: one form for all rules, and what of it each rule reads.

A ballot ranks options in groups, the best group first. Options in one group are tied, and
options that are not named are tied behind all that are. A vote for a single option is a
first group of one, an approval ballot is a first group of several, and an empty ranking is
a blank ballot, which counts toward a quorum and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, TypeAlias

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key

__all__ = [
    "Ballot",
    "Profile",
    "Ranking",
    "TieKey",
    "ranking_of",
    "text_of",
    "tie_key",
]

Ranking: TypeAlias = tuple[tuple[str, ...], ...]
TieKey: TypeAlias = Callable[[str], tuple[int, bytes]]
"""Orders tied options; the least wins."""

ABOVE: Final = ">"
LEVEL: Final = "="


class Ballot(msgspec.Struct, frozen=True):
    """A ballot as it is counted.

    Attributes:
        ranking: Groups of options, the best first.
        weight: How much it weighs.
        confidence: How sure the voter is, from 0 to 1; most rules do not mind it.
    """

    ranking: Ranking
    weight: int = 1
    confidence: Fraction = Fraction(1)


class Profile(msgspec.Struct, frozen=True):
    """All that is counted.

    Attributes:
        options: What is voted on, in the order of the opening.
        ballots: The ballots, in any order, at least one; blank ones are left out.
        seats: How many options are elected.
        default: The option that holds if no other is chosen, or empty.
        eligible: Weight of all who may vote; that of the ballots where everybody may.
    """

    options: tuple[str, ...]
    ballots: tuple[Ballot, ...]
    seats: int = 1
    default: str = ""
    eligible: int = 0

    @property
    def weight(self) -> int:
        """The weight of all ballots together."""
        return sum(ballot.weight for ballot in self.ballots)

    def grouped(self) -> tuple[tuple[Ranking, int], ...]:
        """Return each ranking that occurs with its weight, in the order of the rankings."""
        weights: dict[Ranking, int] = {}
        for ballot in self.ballots:
            weights[ballot.ranking] = weights.get(ballot.ranking, 0) + ballot.weight
        return tuple(sorted(weights.items()))


def tie_key(session: str, closed: int, order: Iterable[str] = ()) -> TieKey:
    """Return the key by which tied options are ordered; the least wins.

    Args:
        session: Name of the session.
        closed: Position of its closing.
        order: Options whose order was declared beforehand, the one that wins ties first.
            Without it, nobody could choose the order.
    """
    places = {option: place for place, option in enumerate(order)}

    def key(option: str) -> tuple[int, bytes]:
        return (places.get(option, len(places)), order_key(session, closed, option))

    return key


def ranking_of(text: str) -> Ranking:
    """Read a ranking such as ``B > A = C``.

    Raises:
        Rejected: A place between the signs is empty.
    """
    if not text.strip():
        return ()
    ranking = tuple(
        tuple(option.strip() for option in group.split(LEVEL)) for group in text.split(ABOVE)
    )
    if not all(option for group in ranking for option in group):
        raise Rejected(
            "vote.ranking",
            "no such ranking",
            field="ranking",
            value=text,
            allowed="names of options with > and = between them",
        )
    return ranking


def text_of(ranking: Ranking) -> str:
    """Write a ranking as text; options in one group by name."""
    return f" {ABOVE} ".join(f" {LEVEL} ".join(sorted(group)) for group in ranking)
