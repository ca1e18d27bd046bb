"""Core-selecting payments: nobody together with the seller could do better.

A coalition blocks if the seller and its members could accept bids among themselves that leave
the seller more than all payments and each member what it has now. Payments that no coalition
blocks are in the core. Which one blocks most is itself a winner determination, in which the
bids of each winner are lowered by what it gains; so conditions are generated until none is
missed (R. Day and S. Raghavan, Fair Payments for Efficient Allocations in Public Sector
Combinatorial Auctions, Management Science 53, 2007). Among the core payments of least revenue
the one nearest to VCG is taken (R. Day and P. Cramton, Quadratic Core-Selecting Payment Rules
for Combinatorial Auctions, Operations Research 60, 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import msgspec

from mabeam.core.combinatorial.nearest import Demand, Nearest, nearest
from mabeam.core.combinatorial.winners import AtomicBid, Found, WinnerProblem, objection_to

__all__ = ["Block", "CoreSearch", "Question", "core_payments", "gains_of"]


class Block(msgspec.Struct, frozen=True):
    """Bids that a coalition could have had accepted instead.

    Attributes:
        accepted: Their numbers, ascending.
    """

    accepted: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Who blocks some payments most.

    Attributes:
        problem: The same bids, times a scale, lowered by what winners gain.
        ceiling: What nothing may exceed if no coalition is to block.
        scale: By how much the amounts were multiplied, to be whole.
    """

    problem: WinnerProblem
    ceiling: int
    scale: int


def gains_of(problem: WinnerProblem, accepted: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the bidders some of whose bids are accepted, and what these amount to."""
    gained: dict[int, int] = {}
    for number in accepted:
        bid = problem.bids[number]
        gained[bid.bidder] = gained.get(bid.bidder, 0) + bid.amount
    return tuple(sorted(gained.items()))


class CoreSearch:
    """The winners of a problem, and what they would pay by VCG.

    Args:
        problem: All bids.
        main: Those that are accepted.
        without: Value of the best without each winner, in the order of their numbers.
    """

    def __init__(self, problem: WinnerProblem, main: Found, without: Sequence[int]) -> None:
        self.problem = problem
        self.main = main
        gains = gains_of(problem, main.accepted)
        self.winners = tuple(bidder for bidder, _ in gains)
        self.caps = tuple(gain for _, gain in gains)
        self.vcg = tuple(
            min(max(0, cap - (main.value - value)), cap)
            for cap, value in zip(self.caps, without, strict=True)
        )

    def demand(self, block: Block) -> Demand:
        """Return what must be paid lest a coalition blocks."""
        bids = [self.problem.bids[number] for number in block.accepted]
        coalition = {bid.bidder for bid in bids}
        inside = sum(
            cap for bidder, cap in zip(self.winners, self.caps, strict=True) if bidder in coalition
        )
        payers = tuple(
            place for place, bidder in enumerate(self.winners) if bidder not in coalition
        )
        return Demand(payers, sum(bid.amount for bid in bids) - inside)

    def question(self, payments: Sequence[Fraction]) -> Question:
        """Return the problem whose solution blocks payments most, if anything does.

        A bidder with one group has each of its bids lowered. One with several gives up its gain
        once, whatever it is accepted for: it must bring a good of its own that its bids use.
        """
        scale = lcm(*(payment.denominator for payment in payments))
        gains = {
            bidder: int((cap - payment) * scale)
            for bidder, cap, payment in zip(self.winners, self.caps, payments, strict=True)
        }
        groups: dict[int, set[int]] = {}
        for bid in self.problem.bids:
            groups.setdefault(bid.bidder, set()).add(bid.group)
        goods = len(self.problem.capacities)
        entry = {
            bidder: goods + place
            for place, bidder in enumerate(b for b in self.winners if len(groups[b]) > 1)
        }
        bids = [self._lowered(bid, scale, gains, entry) for bid in self.problem.bids]
        group = max(bid.group for bid in bids) + 1
        for place, (bidder, good) in enumerate(entry.items()):
            fee = AtomicBid(bidder, group + place, -gains[bidder], ((good, -len(groups[bidder])),))
            bids.append(fee)
        capacities = (*self.problem.capacities, *(0 for _ in entry))
        ceiling = int(sum(payments, Fraction(0)) * scale)
        return Question(WinnerProblem(capacities, tuple(bids)), ceiling, scale)

    @staticmethod
    def _lowered(
        bid: AtomicBid, scale: int, gains: dict[int, int], entry: dict[int, int]
    ) -> AtomicBid:
        if bid.bidder in entry:
            uses = (*bid.uses, (entry[bid.bidder], 1))
            return AtomicBid(bid.bidder, bid.group, bid.amount * scale, uses)
        amount = bid.amount * scale - gains.get(bid.bidder, 0)
        return AtomicBid(bid.bidder, bid.group, amount, bid.uses)

    def hint(self, question: Question) -> tuple[int, ...]:
        """Return bids of the question that can be accepted: those that were."""
        count = len(self.problem.bids)
        fees = range(count, len(question.problem.bids))
        accepted = (*self.main.accepted, *fees)
        return () if objection_to(question.problem, accepted) else accepted

    def block(self, found: Found) -> Block:
        """Return what was found for a question as a block."""
        count = len(self.problem.bids)
        return Block(tuple(number for number in found.accepted if number < count))


def core_payments(search: CoreSearch, blocks: Sequence[Block]) -> Nearest | None:
    """Return the payments of least revenue nearest to VCG that none of these coalitions blocks."""
    return nearest(search.vcg, search.caps, [search.demand(block) for block in blocks])
