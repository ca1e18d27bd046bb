"""Ready voters: one with a fixed ranking, one that scores, one that follows the majority."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from mabeam.agents.agent import Answer, Heard
from mabeam.agents.policies.policy import AgentPolicy
from mabeam.core.events import Event
from mabeam.core.session.state import SessionState
from mabeam.core.voting import VoteCast, VoteOpened, empty_tally

__all__ = ["ApprovingVoter", "MajorityFollower", "RankedVoter"]


class RankedVoter(AgentPolicy, frozen=True, kw_only=True, tag="ranked_voter"):
    """Votes once, and sincerely, by a fixed ranking or by scores.

    It names only options that are voted on. If a rule takes no ties, options with the same
    score are ranked by name.

    Attributes:
        ranking: Options, the best first.
        scores: What each option is worth to it, in place of a ranking; the most is best.
        confidence: How sure it is.
        ties: Whether options with the same score are tied.
    """

    ranking: tuple[str, ...] = ()
    scores: dict[str, float] = {}
    confidence: Decimal = Decimal(1)
    ties: bool = False

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the session says all
        heard: Heard,  # noqa: ARG002 - likewise
    ) -> Sequence[Answer]:
        """Cast the ballot, if it has not been cast."""
        opening = _open_vote(me, session)
        if opening is None:
            return ()
        groups: list[tuple[str, ...]] = [(o,) for o in self.ranking if o in opening.options]
        if not self.ranking:
            groups = self._by_score(opening.options)
        return (VoteCast(ranking=tuple(groups), confidence=self.confidence),)

    def _by_score(self, options: Sequence[str]) -> list[tuple[str, ...]]:
        scored = sorted(o for o in options if o in self.scores)
        falling = sorted(scored, key=lambda option: -self.scores[option])
        if not self.ties:
            return [(option,) for option in falling]
        levels = sorted({self.scores[option] for option in falling}, reverse=True)
        return [tuple(o for o in scored if self.scores[o] == level) for level in levels]


class ApprovingVoter(AgentPolicy, frozen=True, kw_only=True, tag="approving_voter"):
    """Approves once of every option that is worth enough to it.

    Attributes:
        approves: Options it approves of.
        scores: What options are worth to it, beside those.
        least: The score from which on it approves.
    """

    approves: tuple[str, ...] = ()
    scores: dict[str, float] = {}
    least: float = 0.5

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the session says all
        heard: Heard,  # noqa: ARG002 - likewise
    ) -> Sequence[Answer]:
        """Cast the ballot, if it has not been cast."""
        opening = _open_vote(me, session)
        if opening is None:
            return ()
        good = {option for option, score in self.scores.items() if score >= self.least}
        approved = tuple(o for o in opening.options if o in self.approves or o in good)
        return (VoteCast(ranking=(approved,) if approved else ()),)


class MajorityFollower(AgentPolicy, frozen=True, kw_only=True, tag="majority_follower"):
    """Votes once, for what most of the weight heard so far has first, ties by name.

    It knows nothing of its own, so it waits for others; where they are blank, and in a sealed
    vote, where nobody looks at them, its ballot is blank. It can start a cascade: two who are
    wrong are followed by all who follow (Bikhchandani, Hirshleifer and Welch, Journal of
    Political Economy 100, 1992).

    Attributes:
        after: How many others must have voted before it does.
    """

    after: int = 1

    def answer(
        self,
        me: str,
        session: SessionState,
        event: Event,  # noqa: ARG002 - the session says all
        heard: Heard,  # noqa: ARG002 - likewise
    ) -> Sequence[Answer]:
        """Cast the ballot, if enough others have."""
        opening = _open_vote(me, session)
        if opening is None:
            return ()
        if opening.visibility == "sealed":
            return (VoteCast(),)
        if len(session.spoken) < max(self.after, 1):
            return ()
        tally = empty_tally(opening.options)
        for agent, spoken in session.spoken.items():
            ballot = cast("VoteCast", spoken.speech)
            tally = tally.added(ballot.ranking, session.weights.get(agent, 1))
        votes = dict(zip(opening.options, tally.first_groups(), strict=True))
        most = max(votes.values())
        followed = min(option for option in votes if votes[option] == most)
        return (VoteCast(ranking=((followed,),) if most else ()),)


def _open_vote(me: str, session: SessionState) -> VoteOpened | None:
    """Return the question, if one can still vote and has not."""
    if session.phase != "open" or me in session.spoken or me in session.refused:
        return None
    return session.opening if isinstance(session.opening, VoteOpened) else None
