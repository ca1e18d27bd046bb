"""Trade the journal of a continuous market once more, by other means than the market itself.

A plain matching engine on two heaps that are changed in place. It shares no code with the
book, and so is what its decisions are checked against.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

import msgspec

from mabeam.core.market.book import Resting
from mabeam.core.market.events import Account, ContinuousMarketOpened, Fill, Traded
from mabeam.core.market.floor import Gone

__all__ = ["Audited", "audit"]


class Audited(msgspec.Struct, frozen=True):
    """What a journal comes to.

    Attributes:
        batches: What was traded, by incoming order.
        accounts: What each agent traded, by the agents' names; only those who did.
        unfilled: What rests at the end, those to buy first, by their priority.
    """

    batches: tuple[Traded, ...]
    accounts: tuple[Account, ...]
    unfilled: tuple[Resting, ...]


class _Desk:
    """Two heaps, and what is left of each order."""

    def __init__(self, opening: ContinuousMarketOpened) -> None:
        self._opening = opening
        self._heaps: dict[str, list[tuple[int, int, Resting]]] = {"buy": [], "sell": []}
        self.left: dict[str, int] = {}
        self._owned: dict[str, int] = {}
        self.totals: dict[str, list[int]] = {}

    def end(self, order: Resting) -> None:
        """Let an order rest no more."""
        del self.left[order.order]
        self._owned[order.agent] -= 1

    def place(self, number: int, order: Resting) -> tuple[Fill, ...]:
        """Let an order trade, and rest if something is left that may."""
        heap = self._heaps["sell" if order.side == "buy" else "buy"]
        wanted, fills = order.quantity, list[Fill]()
        while wanted and heap:
            resting = heap[0][2]
            if resting.order not in self.left:
                heappop(heap)
            elif not _meet(order, resting):
                break
            elif resting.agent == order.agent:
                if self._opening.self_trade != "cancel_oldest":
                    return tuple(fills)
                self.end(resting)
            else:
                wanted -= self._fill(order, resting, wanted, fills)
        self._rest(number, order, wanted)
        return tuple(fills)

    def resting(self) -> tuple[Resting, ...]:
        """Return what is left of the orders that still rest."""
        return tuple(
            msgspec.structs.replace(order, quantity=self.left[order.order])
            for side in ("buy", "sell")
            for _, _, order in sorted(self._heaps[side], key=lambda entry: entry[:2])
            if order.order in self.left
        )

    def _fill(self, order: Resting, resting: Resting, wanted: int, fills: list[Fill]) -> int:
        price = resting.price or 0
        pieces = min(wanted, self.left[resting.order])
        fills.append(Fill(resting.order, resting.agent, price, pieces))
        self.left[resting.order] -= pieces
        if not self.left[resting.order]:
            self.end(resting)
        buyer, seller = order.agent, resting.agent
        if order.side == "sell":
            buyer, seller = seller, buyer
        got, gave = (self.totals.setdefault(agent, [0, 0, 0, 0]) for agent in (buyer, seller))
        got[0] += pieces
        got[2] += pieces * price
        gave[1] += pieces
        gave[3] += pieces * price
        return pieces

    def _rest(self, number: int, order: Resting, quantity: int) -> None:
        owned = self._owned.get(order.agent, 0)
        is_full = (
            len(self.left) >= self._opening.resting_max
            or owned >= self._opening.resting_per_agent_max
        )
        if quantity and order.price is not None and not is_full:
            sign = -1 if order.side == "buy" else 1
            heappush(self._heaps[order.side], (sign * order.price, number, order))
            self.left[order.order] = quantity
            self._owned[order.agent] = owned + 1


def _meet(order: Resting, resting: Resting) -> bool:
    if order.price is None or resting.price is None:
        return True
    return (order.price - resting.price) * (1 if order.side == "buy" else -1) >= 0


def audit(opening: ContinuousMarketOpened, journal: Iterable[Resting | Gone]) -> Audited:
    """Return what orders and what was taken back come to, in their order."""
    desk, orders, batches = _Desk(opening), dict[str, Resting](), list[Traded]()
    for number, entry in enumerate(journal):
        if isinstance(entry, Gone):
            desk.end(orders[entry.order])
            continue
        orders[entry.order] = entry
        fills = desk.place(number, entry)
        if fills:
            batches.append(
                Traded(
                    order=entry.order,
                    agent=entry.agent,
                    side=entry.side,
                    fills=fills,
                    position=entry.position,
                )
            )
    accounts = tuple(Account(agent, *desk.totals[agent]) for agent in sorted(desk.totals))
    return Audited(tuple(batches), accounts, desk.resting())
