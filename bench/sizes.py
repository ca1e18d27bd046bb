"""How much is measured: enough to trust, enough to look, or just enough to run."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["FULL", "MILLION", "QUICK", "TINY", "Sizes"]


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of all benchmarks.

    Attributes:
        repetitions: How often ours and raw take turns.
        failovers: How often each fault is made.
        one_by_one: Events appended one after the other.
        pipelined: Events appended side by side.
        boundaries: How many boundaries are appended to at once.
        history: Events of the history that is replayed.
        spaces: Spaces that are folded side by side.
        recorded: Events that the library `eventsourcing` reads again.
        rounds: Decisions for each number of agents.
        sessions: Sessions that are held side by side.
        bundles: Bidders and goods of each random auction of bundles.
        cats: How many auctions of CATS are solved, where there are any.
        starts: How often a program is started.
        marks: Events after which memory is looked at.
    """

    repetitions: int
    failovers: int
    one_by_one: int
    pipelined: int
    boundaries: int
    history: int
    spaces: int
    recorded: int
    rounds: tuple[tuple[int, int], ...]
    sessions: int
    bundles: tuple[tuple[int, int], ...]
    cats: int
    starts: int
    marks: tuple[int, ...]


FULL: Final = Sizes(
    repetitions=7,
    failovers=5,
    one_by_one=3_000,
    pipelined=30_000,
    boundaries=256,
    history=150_000,
    spaces=8,
    recorded=10_000,
    rounds=((3, 100), (10, 100), (100, 40)),
    sessions=1_000,
    bundles=((10, 10), (20, 20), (50, 30)),
    cats=2,
    starts=20,
    marks=(20_000, 50_000, 100_000),
)
QUICK: Final = Sizes(
    repetitions=3,
    failovers=3,
    one_by_one=1_000,
    pipelined=10_000,
    boundaries=256,
    history=50_000,
    spaces=4,
    recorded=5_000,
    rounds=((3, 40), (10, 40), (100, 10)),
    sessions=200,
    bundles=((10, 10), (20, 20)),
    cats=1,
    starts=5,
    marks=(10_000, 20_000),
)
TINY: Final = Sizes(
    repetitions=2,
    failovers=1,
    one_by_one=20,
    pipelined=100,
    boundaries=10,
    history=300,
    spaces=2,
    recorded=200,
    rounds=((3, 2), (4, 2)),
    sessions=5,
    bundles=((3, 4),),
    cats=0,
    starts=1,
    marks=(100, 200),
)
MILLION: Final = (100_000, 500_000, 1_000_000)
"""Marks of the long run."""
