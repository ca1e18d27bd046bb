"""How agents take part in rounds of refinement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final

import msgspec

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.events import Event
from mabeam.core.numbers import exact, to_decimal
from mabeam.core.refinement import FeedbackGiven, RefinementOpened, Rounds, ValueOffered
from mabeam.core.session.state import SessionState

__all__ = ["RefiningVoter"]

_PERCENT: Final = 100


class RefiningVoter(AgentPolicy, frozen=True, kw_only=True, tag="refining_voter"):
    """Offers its wish, and in each further round moves towards the mean of the others' offers.

    It goes by the offers with which the round before was closed, so what it says does not depend
    on who is quicker.

    Asked for feedback, it scores another's offer by how near it lies to its own wish.

    Attributes:
        wish: What it wants.
        pull_percent: How much of the way it moves; 0 is stubborn, 100 gives in at once.
    """

    wish: Decimal
    pull_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the state tells
        heard: Heard,  # noqa: ARG002 - the state tells
    ) -> Sequence[Answer]:
        """Say what the round still wants of it."""
        opening, rounds = session.opening, session.course
        if not isinstance(opening, RefinementOpened) or session.phase != "open":
            return ()
        assert isinstance(rounds, Rounds)
        if rounds.is_agreed or rounds.round > opening.rounds_max:
            return ()
        mine = rounds.offers.get(me)
        if mine is None or mine.round < rounds.round:
            return (ValueOffered(round=rounds.round, value=self._offer(me, rounds)),)
        if not opening.gives_feedback:
            return ()
        judged: Collection[str] = rounds.judged.get(me, ())
        return [
            FeedbackGiven(
                round=rounds.round,
                about=other,
                score=self._score(opening, rounds.offers[other].value),
            )
            for other in sorted(rounds.offers)
            if other not in {me, *judged} and rounds.offers[other].round == rounds.round
        ]

    def _offer(self, me: str, rounds: Rounds) -> Decimal:
        mine = rounds.before.get(me)
        others = [exact(offer.value) for agent, offer in rounds.before.items() if agent != me]
        if mine is None or not others:
            return self.wish
        mean = sum(others, Fraction(0)) / len(others)
        return to_decimal(
            exact(mine.value) + (mean - exact(mine.value)) * self.pull_percent / _PERCENT
        )

    def _score(self, opening: RefinementOpened, value: Decimal) -> int:
        width = exact(opening.high) - exact(opening.low)
        distance = abs(exact(value) - exact(self.wish))
        return max(0, int(_PERCENT - _PERCENT * distance / width)) if width else 0
