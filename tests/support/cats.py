"""Auctions in the format of CATS, the Combinatorial Auction Test Suite.

Each line is a bid: a number, a price, and goods. Goods beyond the real ones are dummies: bids
that share one exclude each other, so they are the bids of one XOR bidder (K. Leyton-Brown,
M. Pearson, Y. Shoham, Towards a Universal Test Suite for Combinatorial Auction Algorithms,
EC 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from mabeam.core.combinatorial import AtomicBid, Bundle, WinnerProblem

__all__ = ["Cats", "read_cats", "read_wcsp"]


@dataclass(frozen=True)
class Cats:
    """An auction of single goods.

    Attributes:
        goods: How many goods there are.
        scale: How many minor units one unit of price is.
        bids: Bidder, price in minor units and goods of each bid. A bidder is ``SB`` with the
            number of its only bid, or ``DB`` with the number of its dummy.
    """

    goods: int
    scale: int
    bids: tuple[tuple[str, int, tuple[int, ...]], ...]

    @property
    def bidders(self) -> tuple[str, ...]:
        """The bidders in the order of their first bids."""
        return tuple(dict.fromkeys(bidder for bidder, _, _ in self.bids))

    @property
    def problem(self) -> WinnerProblem:
        """The auction as a problem, one group for each bidder."""
        number_of = {bidder: number for number, bidder in enumerate(self.bidders)}
        return WinnerProblem(
            (1,) * self.goods,
            tuple(
                AtomicBid(number_of[bidder], number_of[bidder], price, tuple((g, 1) for g in goods))
                for bidder, price, goods in self.bids
            ),
        )

    def bundles(self, bidder: str) -> tuple[Bundle, ...]:
        """Return the bids of a bidder in words; goods are called ``g0``, ``g1`` and so on."""
        return tuple(
            Bundle({f"g{good}": 1 for good in goods}, price)
            for one, price, goods in self.bids
            if one == bidder
        )

    def minor(self, price: object) -> int:
        """Return a price in minor units."""
        exact = Decimal(str(price)) * self.scale
        assert exact == int(exact)
        return int(exact)


def read_cats(path: Path, scale: int = 10**4) -> Cats:
    """Return the auction that a file holds."""
    goods = 0
    found: list[tuple[str, int, tuple[int, ...]]] = []
    for line in path.read_text().splitlines():
        head, *rest = line.partition("%")[0].replace("#", " ").split() or [""]
        if head == "goods":
            goods = int(rest[0])
        elif head.isdigit():
            price, *numbers = rest
            wanted = [int(number) for number in numbers]
            dummies = [number for number in wanted if number >= goods]
            bidder = f"DB{dummies[0]}" if dummies else f"SB{head}"
            real = tuple(sorted(number for number in wanted if number < goods))
            # Prices of some files have more digits than any money; they are cut alike.
            found.append((bidder, int(Decimal(price) * scale), real))
    return Cats(goods, scale, tuple(found))


def read_wcsp(path: Path) -> tuple[WinnerProblem, int]:
    """Return an auction that toulbar2 keeps as a weighted CSP, and the sum of its prices.

    A variable is a bid: to leave it out costs its price, and two that want the same good, or of
    a clique more than one, cannot both be taken.
    """
    lines = [line.split() for line in path.read_text().splitlines()]
    prices: dict[int, int] = {}
    exclusive: list[list[int]] = []
    for number, words in enumerate(lines[2:], start=2):
        if "clique" in words:
            exclusive.append([int(word) for word in words[1 : 1 + int(words[0])]])
        elif len(words) == 4 and words[0] == "1":
            left_out = {value: int(cost) for value, cost in lines[number + 1 : number + 3]}
            prices[int(words[1])] = left_out["0"]
        elif len(words) == 5 and words[0] == "2":
            exclusive.append([int(words[1]), int(words[2])])
    uses: dict[int, list[tuple[int, int]]] = {number: [] for number in prices}
    for good, members in enumerate(exclusive):
        for number in members:
            uses[number].append((good, 1))
    bids = tuple(
        AtomicBid(number, number, price, tuple(uses[number]))
        for number, price in sorted(prices.items())
    )
    return WinnerProblem((1,) * len(exclusive), bids), sum(prices.values())
