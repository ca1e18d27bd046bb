"""What a continuous market comes to, word by word: its course.

Orders trade in the fold, where they stand; that they have traded is then announced, one
event for each incoming order. So nobody must wait for the announcement to know the book, and
an announcement that is missing, late or forged changes nothing of it.
"""

from __future__ import annotations

from typing import Final

import msgspec
from immutables import Map

from mabeam.core.market.book import (
    EMPTY_BOOK,
    Book,
    Matched,
    Resting,
    cancel,
    match,
    reaches,
    rest,
)
from mabeam.core.market.events import (
    Account,
    ContinuousMarketOpened,
    Endowment,
    OrderCancelled,
    OrderPlaced,
    OrderReplaced,
    Traded,
)
from mabeam.core.market.ledger import Ledger
from mabeam.core.market.limits import AGENTS_MAX, AMOUNT_MAX
from mabeam.core.session.course import NOTHING_DUE, Course, Due, Said, Start

__all__ = ["COURSE", "ID_MAX", "ORDERS_MAX", "Floor", "Gone", "Held"]

ORDERS_MAX: Final = 100_000
"""How many orders a market takes in all."""

ID_MAX: Final = 64
"""How long the id of an order may be: it is repeated in trades, which must fit into the log."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """What an agent's resting orders would cost and give away.

    Attributes:
        cash: To buy.
        goods: To sell.
    """

    cash: int = 0
    goods: int = 0


class Gone(msgspec.Struct, frozen=True, gc=False):
    """That an agent took back what was left of an order.

    Attributes:
        order: Its name.
    """

    order: str


class Floor(msgspec.Struct, frozen=True, gc=False):
    """A continuous market and all that was said in it that counts.

    Attributes:
        limits: What traders may spend and sell, by agent.
        book: The orders that rest.
        journal: Orders and what was taken back, by number from 0, in their order.
        known: The number of each order, by its id.
        batches: What was traded, by number from 0: one for each order that traded at once.
        announced: How many of these are announced.
        accounts: What each agent has traded, by agent; all who ever placed an order.
        held: What resting orders of agents with limits hold, by agent.
        worth: Price times quantity of all orders with a price, summed.
        pieces: Pieces of all orders, summed.
    """

    limits: Map[str, Endowment]
    book: Book = EMPTY_BOOK
    journal: Ledger[Resting | Gone] = Ledger()
    known: Map[str, int] = Map()
    batches: Ledger[Traded] = Ledger()
    announced: int = 0
    accounts: Map[str, Account] = Map()
    held: Map[str, Held] = Map()
    worth: int = 0
    pieces: int = 0


def initial(opening: ContinuousMarketOpened, start: Start) -> Floor:  # noqa: ARG001 - as courses begin
    """Return the empty floor."""
    return Floor(Map({one.agent: one for one in opening.endowments}))


def object_to(opening: ContinuousMarketOpened, floor: Floor, said: Said) -> str:
    """Return why a word does not count there and then, or nothing."""
    match said.event:
        case OrderPlaced() as event:
            order = Resting(
                said.event_id, said.agent, event.side, event.price, event.quantity, said.position
            )
            return _object_to_order(opening, floor, order)
        case OrderCancelled() as event:
            return _object_to_owner(floor, event.order, said.agent)
        case OrderReplaced() as event:
            reason = _object_to_owner(floor, event.order, said.agent)
            if reason:
                return reason
            former = floor.book.left_of(event.order)
            if former is None:
                return "not_resting"
            order = _replacement(former, event, said)
            return _object_to_order(opening, _taken_back(floor, event.order), order)
        case _:
            return "not_understood"


def _replacement(former: Resting, event: OrderReplaced, said: Said) -> Resting:
    return Resting(
        said.event_id, said.agent, former.side, event.price, event.quantity, said.position
    )


def _object_to_owner(floor: Floor, order: str, agent: str) -> str:
    number = floor.known.get(order)
    placed = None if number is None else floor.journal.entry(number)
    if not isinstance(placed, Resting):
        return "no_such_order"
    return "" if placed.agent == agent else "not_yours"


def _object_to_order(opening: ContinuousMarketOpened, floor: Floor, order: Resting) -> str:
    if len(order.order) > ID_MAX:
        return "id_too_long"
    if order.order in floor.known:
        return "repeated"
    return _object_to_size(floor, order) or _object_to_place(opening, floor, order)


def _object_to_size(floor: Floor, order: Resting) -> str:
    if len(floor.known) >= ORDERS_MAX:
        return "too_many_orders"
    if order.agent not in floor.accounts and len(floor.accounts) >= AGENTS_MAX:
        return "too_many_traders"
    worth = (order.price or 0) * order.quantity
    # Beyond it, totals would not be read exactly by every JSON parser.
    too_much = floor.worth + worth > AMOUNT_MAX or floor.pieces + order.quantity > AMOUNT_MAX
    return "too_much" if too_much else ""


def _object_to_place(opening: ContinuousMarketOpened, floor: Floor, order: Resting) -> str:
    if not reaches(floor.book, order):
        if order.price is None:
            return "nothing_to_meet"
        if not _has_room(opening, floor.book, order.agent):
            return "book_full"
    limit = floor.limits.get(order.agent)
    if opening.self_trade != "refuse" and limit is None:
        return ""
    if opening.self_trade == "refuse":
        matched = match(floor.book, order, "cancel_oldest")
        if matched.dropped:
            return "self_trade"
    else:
        matched = match(floor.book, order, opening.self_trade)
    return "" if limit is None else _object_to_means(floor, limit, order, matched)


def _object_to_means(floor: Floor, limit: Endowment, order: Resting, matched: Matched) -> str:
    account = floor.accounts.get(order.agent, Account(order.agent))
    held = floor.held.get(order.agent, Held())
    if order.side == "buy" and limit.budget is not None:
        there = limit.budget - account.paid + account.earned - held.cash
        cost = sum(fill.price * fill.quantity for fill in matched.fills)
        if order.price is not None:
            cost = order.price * order.quantity
        return "beyond_budget" if cost > there else ""
    if order.side == "sell" and limit.holding is not None:
        there = limit.holding + account.bought - account.sold - held.goods
        return "beyond_holding" if order.quantity > there else ""
    return ""


def _has_room(opening: ContinuousMarketOpened, book: Book, agent: str) -> bool:
    return (
        len(book.index) < opening.resting_max
        and book.counts.get(agent, 0) < opening.resting_per_agent_max
    )


def evolve(opening: ContinuousMarketOpened, floor: Floor, said: Said) -> Floor:
    """Apply a word that counts, or the announcement of a trade."""
    match said.event:
        case OrderPlaced() as event:
            order = Resting(
                said.event_id, said.agent, event.side, event.price, event.quantity, said.position
            )
            return _placed(opening, floor, order)
        case OrderCancelled() as event:
            return _taken_back(floor, event.order)
        case OrderReplaced() as event:
            former = floor.book.left_of(event.order)
            assert former is not None
            floor = _taken_back(floor, event.order)
            return _placed(opening, floor, _replacement(former, event, said))
        case Traded() as event if _is_next(floor, event):
            return msgspec.structs.replace(floor, announced=floor.announced + 1)
        case _:
            return floor


def _is_next(floor: Floor, event: Traded) -> bool:
    batch = floor.batches.entry(floor.announced)
    return batch is not None and batch.order == event.order


def _taken_back(floor: Floor, order: str) -> Floor:
    left = floor.book.left_of(order)
    if left is None:
        return floor
    return msgspec.structs.replace(
        floor,
        book=cancel(floor.book, order),
        journal=floor.journal.with_entry(Gone(order)),
        held=_released(floor.limits, floor.held, left, left.quantity),
    )


def _placed(opening: ContinuousMarketOpened, floor: Floor, order: Resting) -> Floor:
    matched = match(floor.book, order, opening.self_trade)
    book, held = matched.book, floor.held
    for one in matched.dropped:
        held = _released(floor.limits, held, one, one.quantity)
    if floor.limits:
        for fill in matched.fills:
            resting = floor.book.index[fill.order]
            held = _released(floor.limits, held, resting, fill.quantity)
    if matched.left and order.price is not None and _has_room(opening, book, order.agent):
        left = order
        if matched.left != order.quantity:
            left = msgspec.structs.replace(order, quantity=matched.left)
        book = rest(book, left)
        held = _released(floor.limits, held, left, -left.quantity)
    number = floor.journal.count
    batches, accounts = floor.batches, floor.accounts
    if order.agent not in accounts:
        accounts = accounts.set(order.agent, Account(order.agent))
    if matched.fills:
        batch = Traded(
            order=order.order,
            agent=order.agent,
            side=order.side,
            fills=matched.fills,
            position=order.position,
        )
        batches = batches.with_entry(batch)
        accounts = _booked(accounts, batch)
    return Floor(
        floor.limits,
        book,
        floor.journal.with_entry(order),
        floor.known.set(order.order, number),
        batches,
        floor.announced,
        accounts,
        held,
        floor.worth + (order.price or 0) * order.quantity,
        floor.pieces + order.quantity,
    )


def _released(
    limits: Map[str, Endowment], held: Map[str, Held], order: Resting, quantity: int
) -> Map[str, Held]:
    """Return what is held when so many pieces of a resting order no longer are."""
    if order.agent not in limits:
        return held
    assert order.price is not None
    before = held.get(order.agent, Held())
    if order.side == "buy":
        after = Held(before.cash - order.price * quantity, before.goods)
    else:
        after = Held(before.cash, before.goods - quantity)
    return held.set(order.agent, after)


def _booked(accounts: Map[str, Account], batch: Traded) -> Map[str, Account]:
    is_buy, pieces, value = batch.side == "buy", 0, 0
    for fill in batch.fills:
        worth = fill.price * fill.quantity
        pieces += fill.quantity
        value += worth
        accounts = _traded(accounts, fill.agent, fill.quantity, worth, is_buy=not is_buy)
    return _traded(accounts, batch.agent, pieces, value, is_buy=is_buy)


def _traded(
    accounts: Map[str, Account], agent: str, pieces: int, value: int, *, is_buy: bool
) -> Map[str, Account]:
    was = accounts[agent]
    if is_buy:
        now = Account(agent, was.bought + pieces, was.sold, was.paid + value, was.earned)
    else:
        now = Account(agent, was.bought, was.sold + pieces, was.paid, was.earned + value)
    return accounts.set(agent, now)


def due(opening: ContinuousMarketOpened, floor: Floor, now_ns: int) -> Due:  # noqa: ARG001 - as courses are asked
    """Announce the next trade that is not announced yet."""
    batch = floor.batches.entry(floor.announced)
    if batch is None:
        return NOTHING_DUE
    return Due(announce=batch, cause=batch.order, position=batch.position)


COURSE: Final[Course[ContinuousMarketOpened, Floor]] = Course(initial, object_to, evolve, due)
