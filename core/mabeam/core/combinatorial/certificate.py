"""How a stranger checks what was found: arithmetic where it suffices, and a search of our own.

What is checked of an economy: its bundles can be accepted together, nothing that costs nobody
anything was left out, value and sums are right, no quick or bounded exact search finds more
than its bound, and its proof is one. Prices are checked by arithmetic and a ``search`` by
repeating it; where the proof is a ``solver``, optimality itself is its word unless the search
here comes to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mabeam.core.combinatorial.bounds import ascend, bound_by
from mabeam.core.combinatorial.clearing import without
from mabeam.core.combinatorial.events import BundleRef, Economy
from mabeam.core.combinatorial.language import Placed, Sale
from mabeam.core.combinatorial.search import nodes_for, search
from mabeam.core.combinatorial.winners import (
    Found,
    Proof,
    WinnerProblem,
    completed,
    greedy,
    objection_to,
    value_of,
)
from mabeam.core.errors import Rejected

__all__ = [
    "NODES_CHECKED",
    "Claim",
    "Examiner",
    "disproved",
    "economy_of",
    "refs_of",
]

NODES_CHECKED: Final = 300
"""So many nodes are spent on each claim of a solver when a log is verified."""

PRICES_KEPT_MAX: Final = 30_000
ROUNDS: Final = 60


class Claim(msgspec.Struct, frozen=True):
    """What a decision claims to be the best, and how that was checked.

    Attributes:
        subject: What it is about: ``all``, ``without ann``, or ``coalitions``.
        claimed: The proof that the decision gives.
        checked: ``prices`` or ``search`` if it was proved here and now; empty where the decision
            does not claim it, or where it remains the word of a solver.
    """

    subject: str
    claimed: Proof
    checked: Proof


def disproved(field: str, value: object, allowed: str) -> Rejected:
    """Return the refusal of a decision whose certificate does not hold."""
    return Rejected(
        "bundles.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )


def refs_of(placed: Sequence[Placed], accepted: Sequence[int]) -> tuple[BundleRef, ...]:
    """Return bundles by who named them, in the order of the names."""
    refs = (BundleRef(placed[number].agent, placed[number].number) for number in accepted)
    return tuple(sorted(refs, key=lambda ref: (ref.agent, ref.number)))


def economy_of(sale: Sale, found: Found, without: str = "", *, economies: int = 1) -> Economy:
    """Return what was found as a decision states it.

    Args:
        sale: The bids.
        found: What was found.
        without: Who is left out.
        economies: How many are stated. Of many with many goods the prices are not kept, and
            what they prove is then a solver's word.
    """
    keeps = len(found.prices) * economies <= PRICES_KEPT_MAX and found.proof in {"prices", "search"}
    return Economy(
        value=found.value,
        bound=found.bound,
        accepted=refs_of(sale.placed, found.accepted),
        without=without,
        proof=found.proof if keeps or not found.proof else "solver",
        prices=found.prices if keeps else (),
    )


class Examiner:
    """Checks the claims of one decision.

    Args:
        placed: The bundles that count, as the problems number them.
        nodes_max: How many nodes to spend on each claim that only a solver proves.
    """

    def __init__(self, placed: Sequence[Placed], nodes_max: int) -> None:
        self.claims: list[Claim] = []
        self._number_of = {(one.agent, one.number): n for n, one in enumerate(placed)}
        self._nodes_max = nodes_max

    def numbers(self, field: str, refs: Sequence[BundleRef]) -> tuple[int, ...]:
        """Return the numbers of some bundles.

        Raises:
            Rejected: There is no such bundle among those that count.
        """
        try:
            return tuple(sorted(self._number_of[ref.agent, ref.number] for ref in refs))
        except KeyError as error:
            raise disproved(field, error.args[0], "bundles that count") from error

    def check(
        self,
        subject: str,
        problem: WinnerProblem,
        economy: Economy,
        places: Mapping[int, int] | None = None,
    ) -> tuple[int, ...]:
        """Check an economy; return the bundles by the numbers of the problem.

        Args:
            subject: What it is about.
            problem: Who takes part.
            economy: What is claimed.
            places: Where the bundles that take part stand in the problem; None for all as they are.

        Raises:
            Rejected: The claim does not hold.
        """
        found = self.numbers(f"{subject}: accepted", economy.accepted)
        accepted = found if places is None else tuple(places.get(one, -1) for one in found)
        objection = objection_to(problem, accepted)
        if objection:
            raise disproved(f"{subject}: accepted", objection, "bundles that fit together")
        if completed(problem, accepted) != accepted:
            raise disproved(f"{subject}: accepted", economy.accepted, "nothing more fits")
        self.check_best(subject, problem, economy, accepted)
        return accepted

    def check_marginals(
        self,
        sale: Sale,
        winners: Sequence[int],
        accepted: Sequence[int],
        economies: Sequence[Economy],
    ) -> None:
        """Check the economies without each of some winners.

        Args:
            sale: The bids.
            winners: Who is left out, one after the other.
            accepted: The bids that are accepted of all: others have them without a winner, too.
            economies: What is claimed.

        Raises:
            Rejected: One is missing, or does not hold.
        """
        left_out = [economy.without for economy in economies]
        if left_out != [sale.agents[winner] for winner in winners]:
            raise disproved("marginal", left_out, "each winner once, if the rule needs it")
        most = value_of(sale.problem, accepted)
        for winner, economy in zip(winners, economies, strict=True):
            subject = f"without {economy.without}"
            others, numbers = without(sale.problem, winner)
            places = {number: place for place, number in enumerate(numbers)}
            self.check(subject, others, economy, places)
            kept = tuple(places[number] for number in accepted if number in places)
            least = 0 if objection_to(others, kept) else value_of(others, kept)
            if not least <= economy.value <= most:
                raise disproved(
                    f"{subject}: value", economy.value, f"{least} to {most}, as with it"
                )

    def check_best(
        self, subject: str, problem: WinnerProblem, economy: Economy, accepted: tuple[int, ...]
    ) -> None:
        """Check that some bids, which fit together, are worth what is claimed and are the best.

        Raises:
            Rejected: The claim does not hold.
        """
        self._value(subject, problem, economy, value_of(problem, accepted))
        checked = self._proof(subject, problem, economy, accepted)
        self.claims.append(Claim(subject, economy.proof, checked))

    @staticmethod
    def _value(subject: str, problem: WinnerProblem, economy: Economy, value: int) -> None:
        if economy.value != value:
            raise disproved(f"{subject}: value", economy.value, str(value))
        least = value_of(problem, greedy(problem))
        if value < least:
            raise disproved(f"{subject}: value", value, f"{least} or more, as quickly found")
        if economy.bound < value or bool(economy.proof) != (economy.bound == value):
            raise disproved(f"{subject}: bound", economy.bound, "the value if and only if proved")

    def _proof(
        self, subject: str, problem: WinnerProblem, economy: Economy, accepted: tuple[int, ...]
    ) -> Proof:
        prices = economy.prices
        if prices and (len(prices) != len(problem.capacities) or min(prices) < 0):
            raise disproved(f"{subject}: prices", prices, "one price of 0 or more for each good")
        if economy.proof == "prices":
            bound = bound_by(problem, prices or (0,) * len(problem.capacities))
            if bound > economy.value:
                raise disproved(f"{subject}: prices", bound, f"a proof of {economy.value}")
            return "prices"
        nodes = self._nodes_max
        if economy.proof == "search":
            nodes = max(nodes, nodes_for(problem))
        best = search(problem, accepted, prices or ascend(problem, accepted, ROUNDS), nodes)
        if best.value > economy.bound:
            raise disproved(f"{subject}: bound", economy.bound, f"{best.value} or more")
        if economy.proof == "search" and not best.proof:
            raise disproved(f"{subject}: proof", "search", "a search that ends")
        return best.proof if economy.proof else ""
