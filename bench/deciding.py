"""How long a team waits for its decision, with real agents on the whole path.

Everybody bids in an auction, or votes, as soon as it opens, but one, who speaks when the words
of all others are on the log. From there to the decision in the live state are three appends,
one behind the other: the word, the closing, the decision.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from typing import Final

from bench.figures import Figure
from bench.plain import Plain, plain
from bench.sizes import Sizes
from mabeam.agents.agent import Agent, Heard, hears
from mabeam.app.composition import connect
from mabeam.app.space.space import Space
from mabeam.core.auction.events import AuctionOpened, BidPlaced
from mabeam.core.policies import Policy
from mabeam.core.session import Opening, Participant
from mabeam.core.voting import VoteCast, VoteOpened
from mabeam.infra.embedded import EmbeddedServer

__all__ = ["measure_decisions"]

PERCENTILES: Final = (50, 95, 99)
P95_MS_MAX: Final = {10: 10.0, 100: 20.0}
"""The aims, by the number of agents."""

OPTIONS: Final = ("one", "two", "three", "four", "five")

# As long as a bid, a closing and a decision among ten are.
_BODIES: Final = (b"b" * 430, b"c" * 420, b"d" * 1_500)
_SESSIONS: Final = itertools.count(1)


class Bidder(Agent):
    """Bids at once."""

    def __init__(self, name: str, amount: int) -> None:
        super().__init__(name)
        self._amount: Final = amount

    @hears(AuctionOpened)
    def bid(self, opened: AuctionOpened, heard: Heard) -> BidPlaced:  # noqa: ARG002 - as handlers are called
        """Bid what it always bids."""
        return BidPlaced(amount=self._amount)

    @hears(VoteOpened)
    def vote(self, opened: VoteOpened, heard: Heard) -> VoteCast:  # noqa: ARG002 - as handlers are called
        """Rank the options, each bidder from another one on."""
        first = self._amount % len(OPTIONS)
        return VoteCast(ranking=tuple((o,) for o in (*OPTIONS[first:], *OPTIONS[:first])))


class LastBidder(Agent):
    """Bids when it has seen the bids of all others; votes likewise.

    Attributes:
        sent: When it bid, by session.
    """

    def __init__(self, name: str, others: int) -> None:
        super().__init__(name)
        self._others: Final = others
        self.sent: Final[dict[str, float]] = {}

    @hears(BidPlaced)
    def bid(self, placed: BidPlaced, heard: Heard) -> BidPlaced | None:  # noqa: ARG002 - as handlers are called
        """Bid once, as the last one."""
        return BidPlaced(amount=5) if self._is_next(heard) else None

    @hears(VoteCast)
    def vote(self, cast: VoteCast, heard: Heard) -> VoteCast | None:  # noqa: ARG002 - as handlers are called
        """Vote once, as the last one."""
        return VoteCast(ranking=(("one",),)) if self._is_next(heard) else None

    def _is_next(self, heard: Heard) -> bool:
        spoken = heard.world.session(heard.entity).state.spoken
        if len(spoken) < self._others or heard.entity in self.sent:
            return False
        self.sent[heard.entity] = time.perf_counter()
        return True


async def measure_decisions(sizes: Sizes) -> list[Figure]:
    """Take decisions with few agents and with many."""
    figures: list[Figure] = []
    for agents, rounds in sizes.rounds:
        async with EmbeddedServer() as server, plain(server.url) as baseline:
            figures += await _measure(server.url, baseline, agents, rounds, sizes.repetitions)
    return figures


async def _measure(
    url: str, baseline: Plain, agents: int, rounds: int, repetitions: int
) -> list[Figure]:
    bidders = [Bidder(f"bidder-{number}", 10 + number) for number in range(1, agents)]
    last = LastBidder("the-last", len(bidders))
    names = [bidder.name for bidder in (*bidders, last)]
    from_bid: list[list[float]] = []
    from_vote: list[list[float]] = []
    from_opening: list[list[float]] = []
    raw: list[list[float]] = []
    async with connect("bench", server=url) as space:
        await space.host(*bidders, last)
        team = tuple(map(Participant, names))
        auction = AuctionOpened(lot="a task", participants=team)
        vote = VoteOpened(options=OPTIONS, rule=Policy("schulze"), participants=team)
        await _rounds(space, last, auction, 2)
        await _rounds(space, last, vote, 2)
        for number in range(repetitions):
            taken = await _rounds(space, last, auction, rounds)
            from_bid.append([bid for bid, _ in taken])
            from_opening.append([opening for _, opening in taken])
            from_vote.append([cast for cast, _ in await _rounds(space, last, vote, rounds)])
            raw.append(await baseline.decide(f"plain.{number}", _BODIES, rounds))
    figures = [
        Figure(
            name=f"last {word} to decision, {agents} agents, p{percentile}",
            unit="ms",
            ours=_percentiles(blocks, percentile),
            raw=_percentiles(raw, percentile),
            against="the same three messages by hand",
            ours_max=P95_MS_MAX.get(agents) if percentile == 95 else None,
        )
        for word, blocks in (("bid", from_bid), ("ballot", from_vote))
        for percentile in PERCENTILES
    ]
    opening = _percentiles(from_opening, 50)
    return [
        *figures,
        Figure(name=f"opening to decision, {agents} agents, p50", unit="ms", ours=opening),
    ]


async def _rounds(
    space: Space, last: LastBidder, opening: Opening, rounds: int
) -> list[tuple[float, float]]:
    """Hold sessions one after the other; return the seconds from last word and from opening."""
    taken: list[tuple[float, float]] = []
    for _ in range(rounds):
        name = f"session-{next(_SESSIONS)}"
        opened = time.perf_counter()
        session = await space.sessions.open(opening, name=name)
        async with asyncio.timeout(30):
            decision = await session.decision()
        decided = time.perf_counter()
        assert decision.outcome == "decided"
        assert len(session.state.spoken) == len(opening.participants)
        taken.append((decided - last.sent[name], decided - opened))
    return taken


def _percentiles(blocks: list[list[float]], percentile: int) -> tuple[float, ...]:
    """Return a percentile of each repetition, in milliseconds."""
    return tuple(
        statistics.quantiles(block, n=100, method="inclusive")[percentile - 1] * 1_000
        for block in blocks
    )
