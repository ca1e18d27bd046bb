"""How many sessions a team can hold, one beside the other, and what the bus adds to the rule.

Ten agents bid in every auction by themselves. For the rate, auctions are opened some at a
time, and each is decided as soon as all have bid. For the delay under load, a thousand are
held open together until one bid is missing in each; then all the last bids are said at once.
Delays are read from the log: from the record of the last bid to that of the decision.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Final

from immutables import Map

from bench.deciding import PERCENTILES, Bidder
from bench.figures import Figure
from bench.sizes import Sizes
from mabeam.app.composition import connect
from mabeam.app.space import Session
from mabeam.app.space.space import Space
from mabeam.core.auction import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.session import (
    Considered,
    Decision,
    Hearing,
    Opening,
    Participant,
    Spoken,
    protocol_of,
)
from mabeam.infra.embedded import EmbeddedServer

__all__ = ["measure_sessions"]

AGENTS: Final = 10
SIDE_BY_SIDE: Final = 64
OPEN_SECONDS: Final = 300.0


async def measure_sessions(sizes: Sizes) -> list[Figure]:
    """Hold many sessions in turns, and all together."""
    rates: list[float] = []
    pure: list[float] = []
    delays: list[list[float]] = []
    for _ in range(min(sizes.repetitions, 3)):
        async with EmbeddedServer() as server, connect("bench", server=server.url) as space:
            bidders = [Bidder(f"bidder-{number}", 10 + number) for number in range(1, AGENTS)]
            rates.append(await _rate(space, bidders, sizes.sessions))
        pure.append(_pure_rate())
        async with EmbeddedServer() as server, connect("bench", server=server.url) as space:
            delays.append(await _delays(space, sizes.sessions))
    return [
        Figure(
            name=f"sessions decided, {AGENTS} agents, {SIDE_BY_SIDE} at a time",
            unit="sessions/s",
            ours=tuple(rates),
            raw=tuple(pure),
            against="the rule alone, without a bus",
        ),
        *(
            Figure(
                name=f"last bid to decision, {sizes.sessions} sessions at once, p{percentile}",
                unit="ms",
                ours=tuple(
                    statistics.quantiles(block, n=100, method="inclusive")[percentile - 1]
                    for block in delays
                ),
            )
            for percentile in PERCENTILES
        ),
    ]


async def _rate(space: Space, bidders: list[Bidder], sessions: int) -> float:
    await space.host(*bidders, Bidder("bidder-10", 20))
    names = [f"bidder-{number}" for number in range(1, AGENTS + 1)]
    slots = asyncio.Semaphore(SIDE_BY_SIDE)

    async def hold(number: int) -> None:
        async with slots:
            session = await _open(space, f"lot-{number}", names)
            _ = await session.decision()

    begun = time.perf_counter()
    await asyncio.gather(*map(hold, range(sessions)))
    return sessions / (time.perf_counter() - begun)


async def _delays(space: Space, sessions: int) -> list[float]:
    bidders = [Bidder(f"bidder-{number}", 10 + number) for number in range(1, AGENTS)]
    await space.host(*bidders)
    names = [*(bidder.name for bidder in bidders), "the-last"]
    held = [await _open(space, f"lot-{number}", names) for number in range(sessions)]
    await space.until(
        lambda world: all(len(world.session(s.name).state.spoken) == AGENTS - 1 for s in held)
    )
    await asyncio.gather(*(session.bid(5, by="the-last") for session in held))
    await asyncio.gather(*(session.decision() for session in held))
    last: dict[str, int] = {}
    found: list[float] = []
    async for page in space.store.read():
        for recorded in page:
            if isinstance(recorded.data, BidPlaced):
                last[recorded.entity] = recorded.recorded_ns
            elif isinstance(recorded.data, Decision):
                found.append((recorded.recorded_ns - last[recorded.entity]) / 1e6)
    assert len(found) == sessions
    return found


async def _open(space: Space, name: str, names: list[str]) -> Session[AuctionDecided]:
    return await space.sessions.open_auction(
        "a task", bidders=names, name=name, open_for_seconds=OPEN_SECONDS
    )


def _pure_rate() -> float:
    """Decide the same auction again and again, from memory."""
    names = [f"bidder-{number}" for number in range(1, AGENTS + 1)]
    opening = AuctionOpened(lot="a task", participants=tuple(map(Participant, names)))
    spoken = {
        name: Spoken(name, BidPlaced(amount=10 + n), 2 + n, 2 + n, str(n))
        for n, name in enumerate(names)
    }
    hearing: Hearing[Opening] = Hearing(
        "lot", opening, Considered(1, 99), Map(spoken), Map(), 0, Map(dict.fromkeys(names, 1))
    )
    protocol = protocol_of(opening)
    rounds = 2_000
    begun = time.perf_counter()
    for _ in range(rounds):
        _ = protocol.decide(hearing)
    return rounds / (time.perf_counter() - begun)
