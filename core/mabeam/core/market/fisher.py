"""Equilibria of Fisher markets with linear utilities, exact wherever they can be. Knows no events.

Buyers have budgets and no use for money; goods are divisible. At equilibrium prices each
buyer spends its budget on goods that give it the most per unit of money, and every good is
sold out. Edmund Eisenberg and David Gale (Annals of Mathematical Statistics 30, 1959): such
shares are those that maximise the sum of budget times log utility; prices are unique. They
are Pareto efficient, and with equal budgets nobody envies another.

Proportional response (Fang Wu and Li Zhang, STOC 2007; Benjamin Birnbaum, Nikhil Devanur and
Lin Xiao, EC 2011) finds them nearly: every buyer spends on each good in proportion to the
utility it had of it. From where the money flows, the goods that each buyer wants most are
guessed; then prices follow exactly, and a flow of money shows whether they clear. Binary
fractions serve to find, never to prove: they are added by `math.fsum`, whose result is the
same on every machine, and whatever is found is checked in exact fractions by `violation`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, TypeAlias

import msgspec

__all__ = ["WORK_MAX", "Matrix", "Shares", "equilibrium_shares", "violation"]

Matrix: TypeAlias = Sequence[Sequence[int]]

WORK_MAX: Final = 1_000_000
"""How many amounts are reckoned at most; about a second."""

_THRESHOLDS: Final = (1e-2, 1e-3, 1e-5)
"""From which share on, of its budget or of the good, a buyer is taken to want a good most."""

_LEAST: Final = 1e-9
_DIGITS: Final = 15
_Spending: TypeAlias = list[dict[int, float]]
"""What each buyer spends on each good."""


class _Market(msgspec.Struct, frozen=True):
    utilities: Matrix
    budgets: Sequence[int]
    supplies: Sequence[int]


class Shares(msgspec.Struct, frozen=True):
    """Prices and shares.

    Attributes:
        prices: Of one unit of each good.
        quantities: Of each good that each buyer gets; what is zero is left out.
    """

    prices: tuple[Fraction, ...]
    quantities: dict[tuple[int, int], Fraction]


def equilibrium_shares(
    utilities: Matrix, budgets: Sequence[int], supplies: Sequence[int]
) -> Shares:
    """Return an equilibrium, exact if the guess succeeds in time, else as near as time allows.

    Args:
        utilities: Of a unit of each good to each buyer, 0 or more, and one above 0 in each row.
        budgets: Of each buyer, 1 or more; at least one buyer.
        supplies: Of each good, 1 or more.
    """
    market = _Market(utilities, budgets, supplies)
    # What all of a good is worth, for money is spent on shares of it.
    worth = [
        [value * supply for value, supply in zip(row, supplies, strict=True)] for row in utilities
    ]
    spent = [
        {good: budget * value / sum(row) for good, value in enumerate(row) if value}
        for row, budget in zip(worth, budgets, strict=True)
    ]
    work, step = 0, 32
    while work < WORK_MAX:
        for _ in range(step):
            spent = _responded(market, worth, spent)
            work += sum(map(len, spent))
        step *= 2
        spent = _pruned(market, spent)
        for threshold in _THRESHOLDS:
            prices = _guessed(market, spent, threshold)
            found = None if prices is None else _cleared(market, prices)
            if found is not None:
                return found
    return _rounded(supplies, spent)


def _responded(market: _Market, worth: Matrix, spent: _Spending) -> _Spending:
    """Return what each spends next: in proportion to the utility that it has of each good."""
    prices = _prices(market, spent)
    after: _Spending = []
    for row, budget, values in zip(spent, market.budgets, worth, strict=True):
        gained = {good: values[good] * money / prices[good] for good, money in row.items()}
        scale = budget / math.fsum(gained.values())
        after.append({good: one * scale for good, one in gained.items()})
    return after


def _pruned(market: _Market, spent: _Spending) -> _Spending:
    """Leave out what almost no money is spent on: a wrong guess is found out by the proof."""
    weights = _weights(market, spent)
    return [
        {good: money for good, money in row.items() if weights[buyer, good] > _LEAST}
        for buyer, row in enumerate(spent)
    ]


def _weights(market: _Market, spent: _Spending) -> dict[tuple[int, int], float]:
    """Return the share of a buyer's budget that it spends on a good, or of the good that it buys.

    The greater of both counts: on a good that is worth little beside others, everybody spends
    a small share of its budget, and yet somebody buys it.
    """
    prices = _prices(market, spent)
    return {
        (buyer, good): max(money / market.budgets[buyer], money / prices[good])
        for buyer, row in enumerate(spent)
        for good, money in row.items()
    }


def _prices(market: _Market, spent: _Spending) -> list[float]:
    """Return what all of each good costs: what is spent on it."""
    columns: list[list[float]] = [[] for _ in market.supplies]
    for row in spent:
        for good, money in row.items():
            columns[good].append(money)
    return [math.fsum(column) for column in columns]


def _guessed(market: _Market, spent: _Spending, threshold: float) -> list[Fraction] | None:
    """Return the exact prices if the goods on which money is spent are those wanted most.

    A buyer who wants two goods most fixes the ratio of their prices; goods that are so
    connected share the money of their buyers.
    """
    buyers, goods = len(market.budgets), len(market.supplies)
    weights = _weights(market, spent)
    edges = [(weight, *edge) for edge, weight in weights.items() if weight > threshold]
    edges.sort(key=lambda edge: (-edge[0], edge[1], edge[2]))
    # The strongest edges that close no circle.
    parts = list(range(buyers + goods))
    near: list[list[int]] = [[] for _ in parts]
    for _, buyer, good in edges:
        one, two = _root(parts, buyer), _root(parts, buyers + good)
        if one != two:
            parts[one] = two
            near[buyer].append(buyers + good)
            near[buyers + good].append(buyer)
    worth: list[Fraction | None] = [None] * (buyers + goods)
    for good in range(goods):
        if worth[buyers + good] is None:
            _spread(market, near, worth, buyers + good)
    prices = [price or Fraction(0) for price in worth[buyers:]]
    wanted = [any(row[good] for row in market.utilities) for good in range(goods)]
    return None if any(w and not p for w, p in zip(wanted, prices, strict=True)) else prices


def _root(parts: list[int], node: int) -> int:
    while parts[node] != node:
        parts[node] = parts[parts[node]]
        node = parts[node]
    return node


def _spread(
    market: _Market, near: list[list[int]], worth: list[Fraction | None], start: int
) -> None:
    """Set the prices of all goods in one part: a buyer's node holds its utility for money."""
    budgets, buyers = market.budgets, len(market.budgets)
    worth[start] = Fraction(1)
    waiting, part = deque([start]), [start]
    while waiting:
        node = waiting.popleft()
        known = worth[node]
        assert known is not None
        for other in near[node]:
            if worth[other] is None:
                buyer, good = min(node, other), max(node, other) - buyers
                worth[other] = market.utilities[buyer][good] / known
                waiting.append(other)
                part.append(other)
    money = sum(budgets[node] for node in part if node < buyers)
    # What the goods of the part cost at these prices.
    cost = sum(
        (worth[node] or 0) * market.supplies[node - buyers] for node in part if node >= buyers
    )
    for node in part:
        if node >= buyers:
            worth[node] = (worth[node] or 0) * Fraction(money) / cost


def _cleared(market: _Market, prices: list[Fraction]) -> Shares | None:
    """Return shares at which these prices clear the market exactly, or None."""
    utilities = market.utilities
    values = [price * supply for price, supply in zip(prices, market.supplies, strict=True)]
    scale = math.lcm(*(value.denominator for value in values))
    sold = [int(value * scale) for value in values]
    money = [budget * scale for budget in market.budgets]
    wanted = [
        [good for good in range(len(prices)) if row[good] and row[good] == best * prices[good]]
        for row, best in zip(utilities, _most_per_money(utilities, prices), strict=True)
    ]
    flow = _flow(wanted, money, sold)
    if flow is None:
        return None
    quantities = {
        (buyer, good): Fraction(amount, scale) / prices[good]
        for (buyer, good), amount in sorted(flow.items())
        if amount
    }
    return Shares(tuple(prices), quantities)


def _most_per_money(utilities: Matrix, prices: Sequence[Fraction]) -> list[Fraction]:
    return [
        max(Fraction(value) / price for value, price in zip(row, prices, strict=True) if price)
        for row in utilities
    ]


def _flow(
    wanted: list[list[int]], money: list[int], sold: list[int]
) -> dict[tuple[int, int], int] | None:
    """Return how all money flows to goods that are wanted most; None if it cannot."""
    flow: dict[tuple[int, int], int] = {}
    left = list(sold)
    buyers_of: list[list[int]] = [[] for _ in sold]
    for buyer, goods in enumerate(wanted):
        for good in goods:
            buyers_of[good].append(buyer)
    for buyer, budget in enumerate(money):
        rest = budget
        while rest:
            way = _way(buyer, wanted, buyers_of, flow, left)
            if way is None:
                return None
            back = [(way[n + 1], way[n]) for n in range(1, len(way) - 1, 2)]
            amount = min(rest, left[way[-1]], *(flow[edge] for edge in back))
            for edge in ((way[n], way[n + 1]) for n in range(0, len(way), 2)):
                flow[edge] = flow.get(edge, 0) + amount
            for edge in back:
                flow[edge] -= amount
            left[way[-1]] -= amount
            rest -= amount
    return flow


def _way(
    buyer: int,
    wanted: list[list[int]],
    buyers_of: list[list[int]],
    flow: dict[tuple[int, int], int],
    left: list[int],
) -> list[int] | None:
    """Return the shortest way from a buyer to a good with something left: buyer, good, ..."""
    came: dict[int, int] = {}
    seen = {buyer: -1}
    waiting = deque([buyer])
    while waiting:
        one = waiting.popleft()
        for good in wanted[one]:
            if good in came:
                continue
            came[good] = one
            if left[good]:
                way = [good]
                while True:
                    way.append(came[way[-1]])
                    if seen[way[-1]] < 0:
                        return way[::-1]
                    way.append(seen[way[-1]])
            for other in buyers_of[good]:
                if other not in seen and flow.get((other, good)):
                    seen[other] = good
                    waiting.append(other)
    return None


def _rounded(supplies: Sequence[int], spent: _Spending) -> Shares:
    """Write down what was found nearly, in decimals."""
    money = {
        (buyer, good): _decimal(one)
        for buyer, row in enumerate(spent)
        for good, one in row.items()
        if one
    }
    prices = [Fraction(0) for _ in supplies]
    for (_, good), amount in money.items():
        prices[good] += amount / supplies[good]
    quantities = {edge: amount / prices[edge[1]] for edge, amount in money.items()}
    return Shares(tuple(prices), quantities)


def _decimal(number: float) -> Fraction:
    return Fraction(f"{number:.{_DIGITS}g}")


def violation(
    utilities: Matrix, budgets: Sequence[int], supplies: Sequence[int], shares: Shares
) -> Fraction | None:
    """Return by how much prices and shares violate the conditions of equilibrium at most.

    The conditions: each budget is spent; each good is sold out, unless it is free; and each
    buyer has the utility that its budget buys at best. Each violation is relative to the
    budget, the supply, or that utility. None if a good is free that somebody wants, or a
    price or share is negative.
    """
    prices, quantities = shares.prices, shares.quantities
    if any(price < 0 for price in prices) or any(one < 0 for one in quantities.values()):
        return None
    free = [good for good, price in enumerate(prices) if not price]
    if any(row[good] for row in utilities for good in free):
        return None
    sold = [Fraction(0)] * len(prices)
    paid = [Fraction(0)] * len(budgets)
    gained = [Fraction(0)] * len(budgets)
    for (buyer, good), quantity in quantities.items():
        sold[good] += quantity
        paid[buyer] += quantity * prices[good]
        gained[buyer] += quantity * utilities[buyer][good]
    best = _most_per_money(utilities, prices)
    gaps = [Fraction(0)]
    for price, supply, amount in zip(prices, supplies, sold, strict=True):
        gaps.append(abs(amount / supply - 1) if price else max(amount / supply - 1, Fraction(0)))
    for budget, money, utility, most in zip(budgets, paid, gained, best, strict=True):
        gaps += (abs(money / budget - 1), 1 - utility / (budget * most))
    return max(gaps)
