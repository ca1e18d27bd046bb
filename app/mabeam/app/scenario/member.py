"""Agents of a scenario: real ones, hosted like any other, whose answers follow named policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mabeam.agents.agent import Agent, Heard, hears
from mabeam.app.scenario.policies import Bidding, Proposing, Voting
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.consensus.events import BallotCast, ConsensusOpened
from mabeam.core.session.state import SessionState
from mabeam.core.variable.events import Changed, Declared, Proposed

__all__ = ["Member"]


class Member(Agent):
    """One agent of a scenario.

    Args:
        name: The name under which it speaks.
        role: Its role in the team.
        capabilities: What it can do.
        metadata: Free text by name.
        bidding: How it bids; None to keep out of auctions.
        voting: How it votes; None to keep out of votes.
        proposing: How it proposes values; None not to.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        name: str,
        *,
        role: str = "executor",
        capabilities: Sequence[str] = (),
        metadata: dict[str, str] | None = None,
        bidding: Bidding | None = None,
        voting: Voting | None = None,
        proposing: Proposing | None = None,
    ) -> None:
        super().__init__(name)
        self.role = role
        self.capabilities = tuple(capabilities)
        self.metadata = dict(metadata or {})
        self._bidding: Final = bidding
        self._voting: Final = voting
        self._proposing: Final = proposing
        self._proposed: Final[Counter[str]] = Counter()
        self._voted: Final[set[str]] = set()

    @hears(AuctionOpened)
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced | None:  # noqa: ARG002 - the signature of handlers
        """Bid for a lot."""
        return None if self._bidding is None else self._bidding.bid(opened)

    @hears(ConsensusOpened)
    def vote(self, opened: ConsensusOpened, heard: Heard) -> BallotCast | None:
        """Vote when asked."""
        return self._ballot(opened, heard)

    @hears(BallotCast)
    def reconsider(self, cast: BallotCast, heard: Heard) -> BallotCast | None:  # noqa: ARG002 - the session tells more
        """Vote when another has voted, if that was what it waited for."""
        opening = heard.world.session(heard.entity).state.opening
        return self._ballot(opening, heard) if isinstance(opening, ConsensusOpened) else None

    @hears(Declared)
    def declared(self, event: Declared, heard: Heard) -> Proposed | None:  # noqa: ARG002 - the signature of handlers
        """Propose a value for a new variable."""
        return self._wish(heard)

    @hears(Changed)
    def changed(self, event: Changed, heard: Heard) -> Proposed | None:
        """Propose again when another value has been taken."""
        if not self._proposed[heard.entity] or event.by == self.name:
            return None
        return self._wish(heard)

    def _ballot(self, opened: ConsensusOpened, heard: Heard) -> BallotCast | None:
        state = heard.world.session(heard.entity).state
        if self._voting is None or heard.entity in self._voted or not self._may_vote(state):
            return None
        others = {agent: word.speech for agent, word in state.spoken.items() if agent != self.name}
        values = {a: said.value for a, said in others.items() if isinstance(said, BallotCast)}
        awaited = len(set(state.weights) - set(others) - {self.name})
        ballot = self._voting.vote(opened.variable or heard.entity, values, awaited)
        if ballot is not None:
            self._voted.add(heard.entity)
        return ballot

    def _may_vote(self, state: SessionState) -> bool:
        eligible = not state.weights or self.name in state.weights
        return eligible and state.phase == "open" and self.name not in state.spoken

    def _wish(self, heard: Heard) -> Proposed | None:
        if self._proposing is None:
            return None
        told = self._proposed[heard.entity]
        proposed = self._proposing.propose(heard.entity, heard.position, told)
        if proposed is not None:
            self._proposed[heard.entity] += 1
        return proposed
