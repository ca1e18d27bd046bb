"""A coordinator that dies between any two steps loses and doubles nothing, whatever is held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.agents.policies import PolicyAgent, RefiningVoter
from mabeam.core.auction import AuctionOpened, BidPlaced
from mabeam.core.consensus import BallotCast, ConsensusOpened
from mabeam.core.refinement import RefinementOpened
from mabeam.core.session import Opening, Participant
from support.crashing import Case, crash_at_each_append

TEAM = ("ann", "ben", "cho")


class Member(Agent):
    """Bids and votes by its number."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name)
        self._number = number

    @hears(AuctionOpened)
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:
        """Bid."""
        return BidPlaced(amount=10 * self._number)

    @hears(ConsensusOpened)
    def vote(self, opened: ConsensusOpened, heard: Heard) -> BallotCast:
        """Vote."""
        return BallotCast(value=Decimal(self._number))


def members() -> list[Agent]:
    return [Member(name, number) for number, name in enumerate(TEAM, 1)]


def among_all(opening: type[Opening], **fields: Any) -> Opening:  # noqa: ANN401 - of any opening
    return opening(participants=tuple(map(Participant, TEAM)), **fields)


def refining() -> list[Agent]:
    return [
        PolicyAgent(name, [RefiningVoter(wish=Decimal(3 * number))])
        for number, name in enumerate(TEAM)
    ]


CASES = [
    Case(
        "refinement",
        among_all(RefinementOpened, low=Decimal(0), high=Decimal(9), tolerance=Decimal(1)),
        refining,
    ),
    Case("auction", among_all(AuctionOpened, lot="login"), members),
    Case("auction by its deadline", AuctionOpened(lot="login", open_for_ms=30), members),
    Case("consensus", among_all(ConsensusOpened, low=Decimal(0), high=Decimal(9)), members),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_session_survives_the_death_of_its_coordinator_anywhere(case: Case) -> None:
    assert await crash_at_each_append(case) >= 2 * 2
