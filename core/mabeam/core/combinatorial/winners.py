"""Winner determination: which bids on bundles are accepted. Pure, exact, without events.

Accept bids so that their amounts sum to the most, no good is used beyond what there is, and
of each group at most one bid is accepted (XOR). Every bid being a group of its own is the
language OR; several groups of one bidder are OR-of-XOR (N. Nisan, Bidding Languages, in:
Combinatorial Auctions, MIT Press 2006). A bid may also bring goods, as negative use, for a
negative amount: then the same problem clears an exchange.

The problem is weighted set packing: NP-hard, and hard to approximate within √goods
(M. Rothkopf et al., Management Science 44, 1998; T. Sandholm, Artificial Intelligence 135,
2002). Everything here is polynomial; `search` and the solvers of `infra` are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

__all__ = [
    "AtomicBid",
    "Found",
    "Proof",
    "WinnerProblem",
    "completed",
    "fits",
    "greedy",
    "groups_of",
    "objection_to",
    "restricted",
    "value_of",
]

FINENESS: Final = 10**15
"""In such fractions densities are told apart."""

Proof: TypeAlias = Literal["", "prices", "search", "solver"]


class AtomicBid(msgspec.Struct, frozen=True, gc=False):
    """One bundle and what it is worth.

    Attributes:
        bidder: Number of the bidder, from 0.
        group: Number of the group, from 0; of its bids at most one is accepted.
        amount: What is gained by accepting it; negative for what a seller asks.
        uses: Number of each good and how much of it is used, never 0; negative if it is brought.
    """

    bidder: int
    group: int
    amount: int
    uses: tuple[tuple[int, int], ...]


class WinnerProblem(msgspec.Struct, frozen=True, gc=False):
    """Which bids to accept.

    Attributes:
        capacities: How much there is of each good, 0 or more.
        bids: The bids; a group belongs to one bidder.
    """

    capacities: tuple[int, ...]
    bids: tuple[AtomicBid, ...]


class Found(msgspec.Struct, frozen=True, gc=False):
    """What was found for a problem.

    Attributes:
        accepted: Numbers of the accepted bids, ascending.
        value: Sum of their amounts.
        bound: No set of bids has a greater value.
        prices: A price of each good in thousandths, which proves a bound by itself; or none.
        proof: How it is known that nothing better exists: the ``prices`` prove it, the exact
            ``search`` of this package does, a ``solver`` attests it, or it is not known.
    """

    accepted: tuple[int, ...]
    value: int
    bound: int
    prices: tuple[int, ...] = ()
    proof: Proof = ""

    @property
    def proved(self) -> bool:
        """Whether nothing better exists."""
        return bool(self.proof)


def value_of(problem: WinnerProblem, accepted: Iterable[int]) -> int:
    """Return the sum of the amounts of some bids."""
    return sum(problem.bids[number].amount for number in accepted)


def objection_to(problem: WinnerProblem, accepted: Sequence[int]) -> str:
    """Return why some bids cannot be accepted together, or an empty text. Linear in the bids."""
    count = len(problem.bids)
    if any(not 0 <= number < count for number in accepted):
        return "there is no such bid"
    if list(accepted) != sorted(set(accepted)):
        return "a bid is listed twice, or out of order"
    groups = [problem.bids[number].group for number in accepted]
    if len(set(groups)) != len(groups):
        return "two bids of one group are accepted"
    for good, left in enumerate(_left(problem, accepted)):
        if left < 0:
            return f"good {good} is used beyond what there is, by {-left}"
    return ""


def _left(problem: WinnerProblem, accepted: Iterable[int]) -> list[int]:
    left = list(problem.capacities)
    for number in accepted:
        for good, quantity in problem.bids[number].uses:
            left[good] -= quantity
    return left


def fits(left: Sequence[int], bid: AtomicBid) -> bool:
    """Tell whether a bid can be accepted on top, with so much left of each good."""
    return all(left[good] >= quantity for good, quantity in bid.uses)


def groups_of(problem: WinnerProblem) -> list[list[int]]:
    """Return the numbers of the bids of each group, in the order of the groups' first bids."""
    found: dict[int, list[int]] = {}
    for number, bid in enumerate(problem.bids):
        found.setdefault(bid.group, []).append(number)
    return list(found.values())


def restricted(
    problem: WinnerProblem, keep: Callable[[AtomicBid], bool]
) -> tuple[WinnerProblem, tuple[int, ...]]:
    """Return the problem with some bids only, and the number that each had before."""
    numbers = tuple(number for number, bid in enumerate(problem.bids) if keep(bid))
    bids = tuple(problem.bids[number] for number in numbers)
    return WinnerProblem(problem.capacities, bids), numbers


def greedy(problem: WinnerProblem) -> tuple[int, ...]:
    """Return bids that can be accepted together, quickly.

    Bids are taken in the order of amount / √(units used), equals in the order listed: for
    single units of goods within √goods of the best (D. Lehmann, L. O'Callaghan, Y. Shoham,
    Journal of the ACM 49, 2002). What a bid lacks is bought from the sellers who bring most
    for their price, if that leaves a gain. The work grows with bids times sellers.
    """
    left = list(problem.capacities)
    taken: set[int] = set()
    accepted: list[int] = []
    bids = problem.bids
    order = sorted(
        (number for number, bid in enumerate(bids) if bid.amount > 0),
        key=lambda number: _density(bids[number]),
        reverse=True,
    )
    sellers = [number for number, bid in enumerate(bids) if any(q < 0 for _, q in bid.uses)]
    for number in order:
        if bids[number].group in taken:
            continue
        plan = _plan(problem, number, left, taken, sellers)
        if sum(bids[one].amount for one in plan) <= 0:
            continue
        for one in plan:
            accepted.append(one)
            taken.add(bids[one].group)
            for good, quantity in bids[one].uses:
                left[good] -= quantity
    return completed(problem, accepted)


def _density(bid: AtomicBid) -> int:
    """Return the square of amount / √units, so that it is a whole number on every machine."""
    units = sum(quantity for _, quantity in bid.uses if quantity > 0)
    return bid.amount * bid.amount * FINENESS // (units or 1)


def _plan(
    problem: WinnerProblem, number: int, left: list[int], taken: set[int], sellers: list[int]
) -> list[int]:
    """Return a bid and the sellers that it needs, or nothing."""
    bids = problem.bids
    plan, groups = [number], taken | {bids[number].group}
    short = {
        good: quantity - left[good] for good, quantity in bids[number].uses if quantity > left[good]
    }
    while short:
        best, best_score = -1, (0, 0)
        for seller in sellers:
            if bids[seller].group in groups:
                continue
            brings = sum(min(-q, short.get(good, 0)) for good, q in bids[seller].uses if q < 0)
            is_needy = any(q > max(left[good], 0) for good, q in bids[seller].uses if q > 0)
            if brings and not is_needy:
                cost = -bids[seller].amount
                score = (1, -cost) if cost <= 0 else (0, brings * FINENESS // cost)
                if score > best_score:
                    best, best_score = seller, score
        if best < 0:
            return []
        plan.append(best)
        groups = groups | {bids[best].group}
        for good, quantity in bids[best].uses:
            if good in short:
                short[good] += quantity
        short = {good: lack for good, lack in short.items() if lack > 0}
    return plan


def completed(problem: WinnerProblem, accepted: Iterable[int]) -> tuple[int, ...]:
    """Accept also what still fits and costs nothing, in the order listed; return all, ascending."""
    numbers = sorted(set(accepted))
    left = _left(problem, numbers)
    taken = {problem.bids[number].group for number in numbers}
    for number, bid in enumerate(problem.bids):
        if bid.amount >= 0 and bid.group not in taken and fits(left, bid):
            numbers.append(number)
            taken.add(bid.group)
            for good, quantity in bid.uses:
                left[good] -= quantity
    return tuple(sorted(numbers))
