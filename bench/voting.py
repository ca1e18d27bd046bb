"""What counting votes costs, against pref_voting where it is installed, and a full recount.

``python -m bench.voting`` measures this alone, and needs nothing but the core: so it can run
in the environment of ``make test-oracles``, where pref_voting is.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from bench.figures import Figure, alternate, table
from bench.sizes import FULL, Sizes
from mabeam.core.policies import Policy
from mabeam.core.voting import RULES, Ballot, Profile, empty_tally, tie_key

__all__ = ["measure_votes"]

_OPTIONS: Final = 10
_RECOUNTED: Final = 1_000
_RULES: Final = {
    "plurality": "plurality",
    "borda": "borda",
    "copeland": "copeland",
    "minimax": "minimax",
    "schulze": "beat_path",
    "ranked_pairs": "ranked_pairs_tb",
    "instant_runoff": "instant_runoff",
    "coombs": "coombs",
    "kemeny": "kemeny_young",
}
"""Our rules, and their names there."""

_SMALL: Final = 7
"""Options for Kemeny: theirs tries all orders."""


async def measure_votes(sizes: Sizes) -> list[Figure]:
    """Add ballots one by one, and count them under each rule."""
    ballots = max(sizes.pipelined // 30, 10)
    rankings = _drawn(ballots, _OPTIONS)
    kept, again = await alternate(
        sizes.repetitions,
        _adding([*rankings] * max(1, 3_000 // ballots)),
        _recounting(rankings[:_RECOUNTED]),
    )
    against = f"counting {min(ballots, _RECOUNTED):,} ballots anew"
    name = f"keep the tally of {_OPTIONS} options current"
    figures = [Figure(name=name, unit="µs/ballot", ours=kept, raw=again, against=against)]
    for rule, theirs in _RULES.items():
        size = _SMALL if rule == "kemeny" else _OPTIONS
        figures.append(await _counted(sizes, rule, theirs, _drawn(ballots, size)))
    return figures


async def _counted(sizes: Sizes, rule: str, theirs: str, rankings: list[list[int]]) -> Figure:
    ours = _counting(rule, rankings)
    name = f"{rule} of {len(rankings):,} ballots on {len(rankings[0])} options"
    if find_spec("pref_voting") is None:
        (samples,) = await alternate(sizes.repetitions, ours)
        return Figure(
            name=name, unit="ms", ours=samples, against="nothing: pref_voting is not installed"
        )
    other = _counting_there(theirs, rankings)
    # What is compiled at the first call is compiled before anything is measured.
    await other()
    samples, raw = await alternate(sizes.repetitions, ours, other)
    return Figure(
        name=name, unit="ms", ours=samples, raw=raw, against="pref_voting, once it is compiled"
    )


def _drawn(ballots: int, options: int) -> list[list[int]]:
    chance = random.Random(7)
    return [chance.sample(range(options), options) for _ in range(ballots)]


def _ranking(order: list[int]) -> tuple[tuple[str, ...], ...]:
    return tuple((f"o{option}",) for option in order)


def _timed(work: Callable[[], object], scale: float) -> Callable[[], Awaitable[float]]:
    async def run() -> float:
        gc.collect()
        began = time.process_time()
        work()
        return (time.process_time() - began) * scale

    return run


def _adding(orders: list[list[int]]) -> Callable[[], Awaitable[float]]:
    rankings = [_ranking(order) for order in orders]

    def add() -> None:
        tally = empty_tally([f"o{option}" for option in range(_OPTIONS)])
        for ranking in rankings:
            tally = tally.added(ranking)

    return _timed(add, 1e6 / len(rankings))


def _recounting(orders: list[list[int]]) -> Callable[[], Awaitable[float]]:
    rankings = [_ranking(order) for order in orders]

    def recount() -> None:
        tally = empty_tally([f"o{option}" for option in range(_OPTIONS)])
        for ranking in rankings:
            tally = tally.added(ranking)
        tally.matrix()

    return _timed(recount, 1e6)


def _counting(rule: str, orders: list[list[int]]) -> Callable[[], Awaitable[float]]:
    count, ties = RULES.find(Policy(rule))().count, tie_key("bench", 1)
    options = tuple(f"o{option}" for option in range(len(orders[0])))

    def run() -> None:
        count(Profile(options, tuple(Ballot(_ranking(order)) for order in orders)), ties)

    return _timed(run, 1e3)


def _counting_there(rule: str, orders: list[list[int]]) -> Callable[[], Awaitable[float]]:
    # Neither is there everywhere, nor has any types.
    method: Any = getattr(import_module("pref_voting.voting_methods"), rule)
    profile: Any = import_module("pref_voting.profiles").Profile
    return _timed(lambda: method(profile(orders)), 1e3)


if __name__ == "__main__":
    print(table(asyncio.run(measure_votes(FULL))))
