"""All that must be found to clear a session of bundles: winners, marginal economies, blocks.

The steps are pure; who finds the winners is a parameter. A solver process passes one that
knows the time, tests and small problems pass the exact search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from mabeam.core.combinatorial.bounds import bound_by
from mabeam.core.combinatorial.core_prices import Block, CoreSearch, core_payments
from mabeam.core.combinatorial.nearest import Nearest
from mabeam.core.combinatorial.search import exact, nodes_for
from mabeam.core.combinatorial.winners import (
    Found,
    WinnerProblem,
    completed,
    greedy,
    objection_to,
    restricted,
    value_of,
)

__all__ = [
    "Ask",
    "ClearingProblem",
    "ClearingSolution",
    "Marginal",
    "clear",
    "clear_exactly",
    "clear_greedily",
    "settled",
    "winners_among",
    "without",
]

Wanted: TypeAlias = Literal["winners", "marginals", "core"]

Ask: TypeAlias = Callable[[WinnerProblem, tuple[int, ...], int], Found]
"""Finds winners from a problem, bids that can be accepted as a hint, and how many such
problems are still to be solved in the same time, this one included."""

BLOCKS_MAX: Final = 200


class ClearingProblem(msgspec.Struct, frozen=True, tag=True):
    """What a solver is asked for.

    Attributes:
        winners: The problem.
        wanted: The ``winners`` alone, also the ``marginals``: the best without each of them; or
            the ``core``: also who could block.
        fallback: What to look for instead of the marginals alone if one of them, or the winners,
            stay unproved.
        limit_ms: How long it may take altogether.
    """

    winners: WinnerProblem
    wanted: Wanted
    fallback: Wanted
    limit_ms: int


class Marginal(msgspec.Struct, frozen=True):
    """The best without one of the winners.

    Attributes:
        bidder: Who is left out.
        found: The bids accepted then, by their numbers in the whole problem.
    """

    bidder: int
    found: Found


class ClearingSolution(msgspec.Struct, frozen=True, tag=True):
    """What a solver has found.

    Attributes:
        main: The winners.
        marginals: The best without each winner, in the order of their numbers; or nothing.
        blocks: Bids that others could have accepted instead; each made the payments rise.
        closing: What was found when nothing blocked any more; None if that was not reached.
        paid: What the winners pay then, and its proof.
    """

    main: Found
    marginals: tuple[Marginal, ...] = ()
    blocks: tuple[Block, ...] = ()
    closing: Found | None = None
    paid: Nearest | None = None


def winners_among(problem: WinnerProblem, accepted: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of the bidders some of whose bids are accepted."""
    return tuple(sorted({problem.bids[number].bidder for number in accepted}))


def settled(problem: WinnerProblem, found: Found, hint: Sequence[int]) -> Found:
    """Return what was found as far as it holds, and never less than the hint or the greedy bids.

    Whoever found it may be mistaken, or speak in rounded numbers: what it accepts is checked
    and counted anew. What it says of the bound is believed, unless its prices prove a better.
    """
    candidates = [completed(problem, hint), greedy(problem)]
    if not objection_to(problem, found.accepted):
        candidates.insert(0, completed(problem, found.accepted))
    accepted = max(candidates, key=lambda one: value_of(problem, one))
    value, bound, proof = value_of(problem, accepted), found.bound, found.proof
    prices: tuple[int, ...] = ()
    if len(found.prices) == len(problem.capacities) and min(found.prices, default=0) >= 0:
        prices = found.prices
        proven = bound_by(problem, prices)
        bound = min(bound, proven)
        if proven <= value:
            proof = "prices"
    bound = max(bound, value)
    return Found(accepted, value, bound, prices, proof if bound == value else "")


def clear(problem: ClearingProblem, ask: Ask) -> Iterator[ClearingSolution]:
    """Yield what is found, step by step; each solution holds all that the one before held."""
    winners = problem.winners
    start = greedy(winners)
    main = settled(winners, ask(winners, start, 1 if problem.wanted == "winners" else 2), start)
    yield ClearingSolution(main)
    if problem.wanted == "winners" or not main.accepted:
        return
    while True:
        marginals = _marginals(winners, main, ask)
        best = max((one.found for one in marginals), key=lambda one: one.value)
        if best.value <= main.value:
            break
        # Only winners that were not proved can be outdone, and each time by more.
        main = msgspec.structs.replace(main, accepted=best.accepted, proof="")
        main = settled(winners, main, best.accepted)
    solution = ClearingSolution(main, marginals)
    yield solution
    is_proved = main.proved and all(one.found.proved for one in marginals)
    if problem.wanted == "core" or (problem.fallback == "core" and not is_proved):
        yield from _unblocked(winners, solution, ask)


def without(problem: WinnerProblem, bidder: int) -> tuple[WinnerProblem, tuple[int, ...]]:
    """Return the problem without one bidder, and the number that each bid had before."""
    return restricted(problem, lambda bid: bid.bidder != bidder)


def _marginals(winners: WinnerProblem, main: Found, ask: Ask) -> tuple[Marginal, ...]:
    bidders = winners_among(winners, main.accepted)
    found: list[Marginal] = []
    for place, bidder in enumerate(bidders):
        others, numbers = without(winners, bidder)
        kept = {number: index for index, number in enumerate(numbers)}
        hint = tuple(kept[number] for number in main.accepted if number in kept)
        if objection_to(others, hint):
            hint = ()
        best = settled(others, ask(others, hint, len(bidders) - place + 1), hint)
        accepted = tuple(numbers[index] for index in best.accepted)
        found.append(Marginal(bidder, msgspec.structs.replace(best, accepted=accepted)))
    return tuple(found)


def _unblocked(
    winners: WinnerProblem, solution: ClearingSolution, ask: Ask
) -> Iterator[ClearingSolution]:
    """Yield the solution with ever more coalitions that would have blocked."""
    blocks: tuple[Block, ...] = ()
    search = CoreSearch(winners, solution.main, [one.found.value for one in solution.marginals])
    for _ in range(BLOCKS_MAX):
        paid = core_payments(search, blocks)
        if paid is None:
            return
        question = search.question(paid.payments)
        hint = search.hint(question)
        found = settled(question.problem, ask(question.problem, hint, 2), hint)
        if found.value <= question.ceiling:
            yield msgspec.structs.replace(solution, blocks=blocks, closing=found, paid=paid)
            return
        # They meet the conditions of all blocks so far, so what blocks them is another.
        blocks = (*blocks, search.block(found))
        yield msgspec.structs.replace(solution, blocks=blocks)


def clear_greedily(
    problem: ClearingProblem, so_far: ClearingSolution | None = None
) -> ClearingSolution:
    """Return what is found without any solver, at once; or finish what a solver left.

    Nobody is looked for who could block: that takes as many problems as there are coalitions.
    """
    if so_far is not None and (so_far.marginals or problem.wanted == "winners"):
        return so_far
    if problem.wanted != "winners":
        problem = msgspec.structs.replace(problem, wanted="marginals", fallback="marginals")

    def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:  # noqa: ARG001 - it is quick
        if so_far is not None and winners is problem.winners:
            return so_far.main
        unbounded = sum(max(0, bid.amount) for bid in winners.bids)
        return Found(hint, 0, unbounded, (0,) * len(winners.capacities))

    *_, last = clear(problem, ask)
    return last


def clear_exactly(problem: ClearingProblem, nodes_max: int = 0) -> ClearingSolution:
    """Return what the exact search finds, with so many nodes for each problem, or a few if 0."""

    def ask(winners: WinnerProblem, hint: tuple[int, ...], share: int) -> Found:  # noqa: ARG001 - it is quick
        return exact(winners, nodes_max or nodes_for(winners))

    *_, last = clear(problem, ask)
    return last
