"""How fast markets match: an order book as a value, its session's fold, and batches at once.

The baseline is what one would write otherwise: two heaps and a dict that are changed in place,
which knows no earlier state, no limits, no journal and no certificate; and for batches two
sorted lists of tuples.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from bench.figures import Figure, alternate
from bench.sizes import Sizes
from mabeam.core.decider import fold
from mabeam.core.envelope import Recorded
from mabeam.core.market.book import EMPTY_BOOK, Book, Resting, cancel, match, rest
from mabeam.core.market.events import ContinuousMarketOpened, OrderCancelled, OrderPlaced, Side
from mabeam.core.market.ladder import Order, ladder
from mabeam.core.market.mechanisms import average
from mabeam.core.session.decider import SESSION
from mabeam.core.session.state import SessionState
from mabeam.core.testing.history import Said, history, said

__all__ = ["measure_matching"]

AGENTS = 40
BATCHES = (1_000, 10_000, 100_000)

Word = tuple[str, str, Side, int, int | None]
"""Name, agent, side, quantity and price of an order; quantity 0 takes the order back."""


def words(count: int) -> list[Word]:
    """Return orders round a price that wanders, one in eight without a price, and cancellations."""
    chance = random.Random(7)
    middle, made = 10_000, list[Word]()
    for number in range(count):
        middle += chance.choice((-1, 0, 1))
        agent = f"agent-{chance.randrange(AGENTS)}"
        side: Side = chance.choice(("buy", "sell"))
        kind = chance.random()
        if kind < 0.3 and number:
            earlier = made[max(number - 1 - chance.randrange(200), 0)]
            made.append((earlier[0], earlier[1], side, 0, None))
            continue
        away = chance.randrange(-8, 12)
        price = middle - away if side == "buy" else middle + away
        limit = None if kind > 0.9 else price
        made.append((f"event-{number + 2}", agent, side, chance.randrange(1, 100), limit))
    return made


def run_book(orders: Sequence[Word]) -> Book:
    """Match on books that are never changed."""
    book = EMPTY_BOOK
    for position, (name, agent, side, quantity, price) in enumerate(orders):
        if not quantity:
            book = cancel(book, name)
            continue
        matched = match(
            book, Resting(name, agent, side, price, quantity, position), "cancel_oldest"
        )
        book = matched.book
        if matched.left and price is not None:
            book = rest(book, Resting(name, agent, side, price, matched.left, position))
    return book


def run_heaps(orders: Sequence[Word]) -> dict[str, list[object]]:
    """Match on two heaps and a dict that are changed in place."""
    heaps: dict[str, list[tuple[int, int, str]]] = {"buy": [], "sell": []}
    left: dict[str, list[object]] = {}
    for position, (name, agent, side, wanted, price) in enumerate(orders):
        if not wanted:
            left.pop(name, None)
            continue
        heap, sign = (heaps["sell"], 1) if side == "buy" else (heaps["buy"], -1)
        quantity, fills = wanted, list[tuple[str, int, int]]()
        while quantity and heap:
            key, _, resting = heap[0]
            if price is not None and key > sign * price:
                break
            entry = left.get(resting)
            if entry is None or entry[0] == agent:
                heappop(heap)
                left.pop(resting, None)
                continue
            there: int = entry[1]  # type: ignore[assignment]  # a list of two kinds, for speed
            pieces = min(quantity, there)
            fills.append((resting, abs(key), pieces))
            quantity -= pieces
            if pieces == there:
                heappop(heap)
                del left[resting]
            else:
                entry[1] = there - pieces
        if quantity and price is not None:
            heappush(heaps[side], (-sign * price, position, name))
            left[name] = [agent, quantity]
    return left


def events(orders: Sequence[Word]) -> tuple[Recorded, ...]:
    """Return a session in which the same is said."""
    spoken: list[Said] = []
    for number, (name, agent, side, quantity, price) in enumerate(orders):
        word = OrderPlaced(side=side, quantity=quantity, price=price)
        said_id = f"event-{number + 2}"
        spoken.append(said(word if quantity else OrderCancelled(order=name), agent, id=said_id))
    opening = ContinuousMarketOpened(
        good="cpu", self_trade="cancel_oldest", resting_max=2_000, resting_per_agent_max=2_000
    )
    return history(opening, *spoken)


def batch(per_side: int) -> list[Order]:
    """Return as many orders of each side."""
    chance = random.Random(7)
    return [
        Order(f"{side}-{n}", side, chance.randrange(10**6), chance.randrange(1, 10))
        for side in ("buy", "sell")
        for n in range(per_side)
    ]


def run_lists(orders: Sequence[Order]) -> tuple[int, int]:
    """Clear a batch by two sorted lists; return volume and price."""
    buys = sorted(((o.price, o.quantity) for o in orders if o.side == "buy"), reverse=True)
    sells = sorted((o.price, o.quantity) for o in orders if o.side == "sell")
    bid = ask = bought = sold = volume = 0
    low = high = 0
    while bid < len(buys) and ask < len(sells) and buys[bid][0] >= sells[ask][0]:
        pieces = min(buys[bid][1] - bought, sells[ask][1] - sold)
        high, low = int(buys[bid][0]), int(sells[ask][0])
        volume, bought, sold = volume + pieces, bought + pieces, sold + pieces
        if bought == buys[bid][1]:
            bid, bought = bid + 1, 0
        if sold == sells[ask][1]:
            ask, sold = ask + 1, 0
    return volume, (low + high) // 2


async def measure_matching(sizes: Sizes) -> list[Figure]:
    """Match one by one and all at once."""
    count = max(sizes.history // 3, 100)
    orders = words(count)
    recorded = events(orders)
    # The three must come to the same book, or their speeds mean nothing.
    state = fold(SESSION, recorded).state
    assert isinstance(state, SessionState)
    rests = {one.order for one in state.course.book.index.values()}
    assert rests == set(run_book(orders).index) == set(run_heaps(orders))
    heaps = _rate(lambda: run_heaps(orders), count)
    book, heaps_of_book = await alternate(
        sizes.repetitions, _rate(lambda: run_book(orders), count), heaps
    )
    folded, heaps_of_fold = await alternate(
        sizes.repetitions, _rate(lambda: fold(SESSION, recorded), count), heaps
    )
    against = "two heaps and a dict, changed in place"
    figures = [
        Figure(
            name="orders into a book that is a value",
            unit="orders/s",
            ours=book,
            raw=heaps_of_book,
            against=against,
        ),
        Figure(
            name="orders folded as a session, with limits and journal",
            unit="orders/s",
            ours=folded,
            raw=heaps_of_fold,
            against=against,
        ),
    ]
    largest = max(sizes.history, BATCHES[0])
    sides = [per_side for per_side in BATCHES if per_side <= largest]
    return [*figures, *[await _batch(per_side, sizes.repetitions) for per_side in sides]]


async def _batch(per_side: int, repetitions: int) -> Figure:
    orders = batch(per_side)
    cleared, plain = average(ladder(orders)), run_lists(orders)
    assert cleared.volume == plain[0]

    ours, raw = await alternate(
        repetitions,
        _milliseconds(lambda: average(ladder(orders))),
        _milliseconds(lambda: run_lists(orders)),
    )
    return Figure(
        name=f"clearing {per_side:,} orders of each side, with all payments",
        unit="ms CPU",
        ours=ours,
        raw=raw,
        against="two sorted lists of tuples, volume and price alone",
    )


def _rate(work: Callable[[], object], count: int) -> Callable[[], asyncio.Future[float]]:
    return _sampled(work, lambda seconds: count / seconds)


def _milliseconds(work: Callable[[], object]) -> Callable[[], asyncio.Future[float]]:
    return _sampled(work, lambda seconds: seconds * 1e3)


def _sampled(
    work: Callable[[], object], figure: Callable[[float], float]
) -> Callable[[], asyncio.Future[float]]:
    """Return what does some work once, and gives a figure of the CPU time that it took."""

    async def sample() -> float:
        gc.collect()
        began = time.process_time()
        work()
        return figure(max(time.process_time() - began, 1e-9))

    return lambda: asyncio.ensure_future(sample())
