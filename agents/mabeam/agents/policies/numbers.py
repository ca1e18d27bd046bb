"""How agents vote on numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import msgspec

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.consensus.events import BallotCast, ConsensusOpened
from mabeam.core.events import Event
from mabeam.core.numbers import exact, to_decimal
from mabeam.core.session.state import SessionState
from mabeam.core.variable.strategies import latest
from mabeam.core.variable.types import is_numeric

__all__ = ["FixedVoter", "Supervisor", "VoterInTheMiddle"]


class FixedVoter(AgentPolicy, frozen=True, kw_only=True, tag="fixed_voter"):
    """Votes for its wish, whatever the others say.

    Attributes:
        wishes: The wish by the variable at stake, or by the session where there is none.
    """

    wishes: dict[str, int | float]

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,
    ) -> Sequence[Answer]:
        """Vote once, unless it has no wish."""
        wish = _wish(self.wishes, me, session, heard)
        if wish is None or not isinstance(event, ConsensusOpened):
            return ()
        return (BallotCast(value=Decimal(str(wish))),)


class VoterInTheMiddle(AgentPolicy, frozen=True, kw_only=True, tag="voter_in_the_middle"):
    """Waits for all other named voters, then votes halfway between its wish and their mean.

    Two of them in one session wait for each other until the deadline. Where ballots are sealed
    it does not look at them, and votes for its wish.

    Attributes:
        wishes: The wish by the variable at stake, or by the session where there is none.
    """

    wishes: dict[str, int | float]

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - few policies mind all
        heard: Heard,
    ) -> Sequence[Answer]:
        """Vote once, unless it has no wish or others are awaited."""
        wish = _wish(self.wishes, me, session, heard)
        spoken = {agent: word.speech for agent, word in session.spoken.items()}
        if wish is not None and _is_sealed(session):
            return (BallotCast(value=Decimal(str(wish))),)
        awaited = set(session.weights) - set(spoken) - set(session.excluded) - {me}
        if wish is None or awaited:
            return ()
        values = [exact(said.value) for said in spoken.values() if isinstance(said, BallotCast)]
        if not values:
            return (BallotCast(value=Decimal(str(wish))),)
        mean = sum(values, Fraction(0)) / len(values)
        note = f"between {wish} and the others' mean {to_decimal(mean, 3)}"
        return (BallotCast(value=to_decimal((exact(wish) + mean) / 2), note=note),)


class Supervisor(AgentPolicy, frozen=True, kw_only=True, tag="supervisor"):
    """Rules on conflicts over variables that are escalated to it, by whom it favours.

    It answers with the number of the value of the first agent of its list that competes, and
    where a number itself is asked for, with that value.

    Attributes:
        favours: Names of agents, the most favoured first.
    """

    favours: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,
        heard: Heard,
    ) -> Sequence[Answer]:
        """Rule once, unless nobody whom it favours competes."""
        if not _may_vote(me, session) or not isinstance(event, ConsensusOpened):
            return ()
        variable = heard.world.variable(_parent_of(session)).variable.state
        conflict = variable.conflict
        if conflict is None or conflict.session != heard.entity:
            return ()
        words = latest(conflict.candidates)
        numbers = {candidate.by: number for number, candidate in enumerate(words, 1)}
        favourite = next((name for name in self.favours if name in numbers), None)
        if favourite is None or variable.declaration is None:
            return ()
        number: object = numbers[favourite]
        if is_numeric(variable.declaration.type):
            number = words[numbers[favourite] - 1].value
        return (BallotCast(value=Decimal(str(number)), note=f"in favour of {favourite}"),)


def _wish(
    wishes: Mapping[str, int | float], me: str, session: SessionState, heard: Heard
) -> int | float | None:
    if not _may_vote(me, session) or session.opening is None:
        return None
    return wishes.get(session.opening.variable or _parent_of(session) or heard.entity)


def _parent_of(session: SessionState) -> str:
    """Return the variable over which a conflict has led to the session, if one."""
    assert session.opening is not None
    kind, _, entity = session.opening.parent.partition("/")
    return entity if kind == "variable" else ""


def _is_sealed(session: SessionState) -> bool:
    return session.opening is not None and session.opening.visibility == "sealed"


def _may_vote(me: str, session: SessionState) -> bool:
    is_asked = isinstance(session.opening, ConsensusOpened) and session.phase == "open"
    return is_asked and me not in session.spoken
