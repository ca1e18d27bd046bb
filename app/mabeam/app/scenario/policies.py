"""Named policies: how the agents of a scenario bid, vote and propose.

A policy is data from the scenario file and one pure method. `mabeam.app.scenario.member`
makes a hosted agent of them, which hears and answers over the log like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.consensus.events import BallotCast
from mabeam.core.numbers import exact, to_decimal
from mabeam.core.variable.events import Proposed

__all__ = [
    "Bidding",
    "FixedVoter",
    "MeetInTheMiddle",
    "OnceProposer",
    "Proposing",
    "ShadingBidder",
    "StubbornProposer",
    "TruthfulBidder",
    "Voting",
]

ANY: Final = "*"
_PERCENT: Final = 100


class _Policy(msgspec.Struct, frozen=True, kw_only=True, tag_field="policy"):
    """Base of all policies; the field ``policy`` of the file names which."""


class TruthfulBidder(_Policy, frozen=True, kw_only=True, tag="truthful"):
    """Bids what the lot is worth to it, the best it can do at a second price.

    Attributes:
        worth: Worth in minor units by a word that occurs in the lot; ``*`` is any lot.
    """

    worth: dict[str, int]

    def bid(self, opened: AuctionOpened) -> BidPlaced | None:
        """Return the bid, or None for a lot that is worth nothing to it."""
        amount = _worth(self.worth, opened.lot)
        return None if amount is None else BidPlaced(amount=amount)


class ShadingBidder(_Policy, frozen=True, kw_only=True, tag="shading"):
    """Bids less than the lot is worth to it, hoping to pay less.

    Attributes:
        worth: Worth in minor units by a word that occurs in the lot; ``*`` is any lot.
        percent: How much of the worth it bids.
    """

    worth: dict[str, int]
    percent: Annotated[int, msgspec.Meta(ge=1, le=_PERCENT)]

    def bid(self, opened: AuctionOpened) -> BidPlaced | None:
        """Return the bid, or None for a lot that is worth nothing to it."""
        worth = _worth(self.worth, opened.lot)
        if worth is None:
            return None
        note = f"worth {worth}, shaded to {self.percent} %"
        return BidPlaced(amount=max(1, worth * self.percent // _PERCENT), note=note)


class FixedVoter(_Policy, frozen=True, kw_only=True, tag="fixed"):
    """Votes for its wish, whatever the others say.

    Attributes:
        wishes: The wish by the variable at stake, or by the session where there is none.
    """

    wishes: dict[str, int | float]

    def vote(self, matter: str, others: Mapping[str, Decimal], awaited: int) -> BallotCast | None:  # noqa: ARG002 - every voter is asked alike
        """Return the ballot, or None if it has no wish."""
        wish = self.wishes.get(matter)
        return None if wish is None else BallotCast(value=Decimal(str(wish)))


class MeetInTheMiddle(_Policy, frozen=True, kw_only=True, tag="meet_in_the_middle"):
    """Waits for all other named voters, then votes halfway between its wish and their mean.

    Two of them in one session wait for each other until the deadline.

    Attributes:
        wishes: The wish by the variable at stake, or by the session where there is none.
    """

    wishes: dict[str, int | float]

    def vote(self, matter: str, others: Mapping[str, Decimal], awaited: int) -> BallotCast | None:
        """Return the ballot, or None as long as others are awaited or if it has no wish."""
        wish = self.wishes.get(matter)
        if wish is None or awaited:
            return None
        if not others:
            return BallotCast(value=Decimal(str(wish)))
        mean = sum(map(exact, others.values()), Fraction(0)) / len(others)
        note = f"between {wish} and the others' mean {to_decimal(mean, 3)}"
        return BallotCast(value=to_decimal((exact(wish) + mean) / 2), note=note)


class OnceProposer(_Policy, frozen=True, kw_only=True, tag="once"):
    """Proposes its wish when a variable is declared, and accepts what becomes of it.

    Attributes:
        wishes: The wish by the name of the variable.
        reason: Why, for people.
    """

    wishes: dict[str, Any]
    reason: str = ""

    def propose(self, variable: str, base: int, told: int) -> Proposed | None:
        """Return a proposal against the position just heard of, or None.

        Args:
            variable: Name of the variable.
            base: Position of the declaration or change.
            told: How often it has proposed a value for it before.
        """
        if variable not in self.wishes or told:
            return None
        return Proposed(value=self.wishes[variable], base=base, reason=self.reason)


class StubbornProposer(_Policy, frozen=True, kw_only=True, tag="stubborn"):
    """Proposes its wish again whenever another value has been taken, a few times at most.

    Attributes:
        wishes: The wish by the name of the variable.
        reason: Why, for people.
        times: How often it proposes it in all.
    """

    wishes: dict[str, Any]
    reason: str = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3

    def propose(self, variable: str, base: int, told: int) -> Proposed | None:
        """Return a proposal against the position just heard of, or None.

        Args:
            variable: Name of the variable.
            base: Position of the declaration or change.
            told: How often it has proposed a value for it before.
        """
        if variable not in self.wishes or told >= self.times:
            return None
        return Proposed(value=self.wishes[variable], base=base, reason=self.reason)


Bidding: TypeAlias = TruthfulBidder | ShadingBidder
Voting: TypeAlias = FixedVoter | MeetInTheMiddle
Proposing: TypeAlias = OnceProposer | StubbornProposer


def _worth(worth: Mapping[str, int], lot: str) -> int | None:
    text = lot.casefold()
    for word, amount in worth.items():
        if word == ANY or word.casefold() in text:
            return amount
    return None
