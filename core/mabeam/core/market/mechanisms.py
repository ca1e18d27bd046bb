"""Double auctions: how a ladder of orders clears, and at what prices. Knows no events.

Roger Myerson and Mark Satterthwaite (Journal of Economic Theory 29, 1983) proved that no
mechanism is efficient, truthful, individually rational and balanced at once. So each gives
up something:

| mechanism           | efficient       | truthful       | surplus          | takes            |
|---------------------|-----------------|----------------|------------------|------------------|
| `k_double_auction`  | yes             | no             | 0                | any orders       |
| `pairwise`          | yes             | no             | 0                | any orders       |
| `mcafee`            | all but a trade | yes            | 0 or more        | one piece each   |
| `trade_reduction`   | all but a trade | yes            | 0                | one piece each   |
| `vcg`               | yes             | yes            | a deficit        | one side each    |
| `huang`             | all but an order| in prices only | 0 or more        | one order each   |

Truthful means that no other order serves a trader better than its true value, whatever the
others say. All are exact. Nobody pays more than its order says or gets less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from mabeam.core.market.ladder import Ladder, Order, Pair, Price

__all__ = [
    "Clearing",
    "First",
    "Lottery",
    "Settlement",
    "Trade",
    "average",
    "contested",
    "equal_losses",
    "huang",
    "k_double_auction",
    "mcafee",
    "pairwise",
    "trade_reduction",
    "vcg",
]

Lottery: TypeAlias = Callable[[str], bytes]
"""A key of each agent that no order influences; the greatest loses."""

First: TypeAlias = Literal["buyer", "seller"]


class Trade(msgspec.Struct, frozen=True, gc=False):
    """Pieces that change hands.

    Attributes:
        buy: Place of the buy order in the ladder.
        sell: Place of the sell order in the ladder.
        quantity: How many pieces.
        pays: What the buyer pays for each; None where agents pay in total.
        gets: What the seller gets for each; None likewise.
    """

    buy: int
    sell: int
    quantity: int
    pays: Fraction | None
    gets: Fraction | None


class Settlement(msgspec.Struct, frozen=True):
    """What an agent trades and pays in total."""

    agent: str
    bought: int = 0
    sold: int = 0
    pays: Fraction = Fraction(0)
    gets: Fraction = Fraction(0)


class Clearing(msgspec.Struct, frozen=True):
    """What a mechanism makes of a ladder.

    Attributes:
        trades: Who trades with whom.
        settlements: What each trader trades and pays, by the agents' names.
        price: The one price for all, or None.
        drawn: The side on which the lottery decided who trades, if it did.
        shared: Whether all before the last order of each side give up pieces alike.
    """

    trades: tuple[Trade, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    price: Fraction | None = None
    drawn: Literal["", "buy", "sell"] = ""
    shared: bool = False

    @property
    def volume(self) -> int:
        """How many pieces are traded."""
        return sum(trade.quantity for trade in self.trades)

    @property
    def surplus(self) -> Fraction:
        """What buyers pay more than sellers get; negative is a deficit."""
        return sum((one.pays - one.gets for one in self.settlements), Fraction(0))


def k_double_auction(found: Ladder, k: Fraction) -> Clearing:
    """Let all trade that should, at one price within the interval of those that clear.

    Kalyan Chatterjee and William Samuelson, Bargaining under Incomplete Information,
    Operations Research 31 (1983).

    Args:
        found: The orders.
        k: Where in the interval, from 0 for its low end to 1 for its high one.
    """
    if not found.pairs:
        return Clearing()
    low, high = found.interval
    return _at_one_price(found, found.pairs, Fraction(low + k * (high - low)))


def average(found: Ladder) -> Clearing:
    """Let all trade that should, at the middle of the interval of prices that clear."""
    return k_double_auction(found, Fraction(1, 2))


def pairwise(found: Ladder, k: Fraction) -> Clearing:
    """Pair the best with the best, each pair at a price between its two.

    Args:
        found: The orders.
        k: Where between them, from 0 for the seller's price to 1 for the buyer's.
    """
    trades: list[Trade] = []
    for pair in found.pairs:
        ask, bid = found.sells[pair.sell].price, found.buys[pair.buy].price
        price = Fraction(ask + k * (bid - ask))
        trades.append(Trade(pair.buy, pair.sell, pair.quantity, price, price))
    return _settled(found, trades)


def mcafee(found: Ladder) -> Clearing:
    """Let all trade at a price of the excluded, or else all but the last pair at its prices.

    R. Preston McAfee, A Dominant Strategy Double Auction, Journal of Economic Theory 56
    (1992). Each agent must want or offer one piece.
    """
    if not found.pairs:
        return Clearing()
    bid, ask = found.last_buy.price, found.last_sell.price
    if found.next_buy is not None and found.next_sell is not None:
        middle = Fraction(found.next_buy + found.next_sell, 2)
        if ask <= middle <= bid:
            return _at_one_price(found, found.pairs, middle)
    pays, gets = Fraction(bid), Fraction(ask)
    return _settled(found, [Trade(p.buy, p.sell, p.quantity, pays, gets) for p in found.pairs[:-1]])


def trade_reduction(found: Ladder, first: First, lottery: Lottery) -> Clearing:
    """Let all trade at the price of one who is excluded, and lose one trade if need be.

    Erel Segal-Halevi, Avinatan Hassidim and Yonatan Aumann, SBBA: A Strongly-Budget-Balanced
    Double-Auction Mechanism (arXiv:1607.05139), section 4. With the buyers first, the price is
    the last trading buyer's or the first excluded seller's, whichever is less. If it is the
    former, that buyer does not trade, and a lottery that no order influences excludes one of
    the sellers. Each agent must want or offer one piece.

    Args:
        found: The orders.
        first: Whose last price is looked at first; it changes the price.
        lottery: The greatest key among those who should trade loses.
    """
    if not found.pairs:
        return Clearing()
    if first == "buyer":
        mine, theirs = found.last_buy.price, found.next_sell
        full = theirs is not None and theirs <= mine
    else:
        mine, theirs = found.last_sell.price, found.next_buy
        full = theirs is not None and theirs >= mine
    if full:
        assert theirs is not None
        return _at_one_price(found, found.pairs, Fraction(theirs))
    # One piece each, so that the places in both ladders count the pairs.
    count = len(found.pairs)
    drawn, side = (found.sells, "sell") if first == "buyer" else (found.buys, "buy")
    loser = max(range(count), key=lambda place: lottery(drawn[place].owner))
    chosen = [place for place in range(count) if place != loser]
    places = zip(range(count - 1), chosen, strict=True)
    pairs = [Pair(a, b, 1) if first == "buyer" else Pair(b, a, 1) for a, b in places]
    cleared = _at_one_price(found, pairs, Fraction(mine))
    return msgspec.structs.replace(cleared, drawn=side)


def vcg(found: Ladder) -> Clearing:
    """Let all trade that should; each pays what it costs the others, and gets what it saves them.

    William Vickrey (Journal of Finance 16, 1961), Edward Clarke, Theodore Groves. A buyer of
    some pieces pays the most that others would have made of as many; a seller gets the least
    for which others would have given as many. The difference is somebody's loss. Each agent
    must only buy or only sell.
    """
    trades = tuple(Trade(p.buy, p.sell, p.quantity, None, None) for p in found.pairs)
    bought, sold = _traded(found, found.pairs)
    bids = _alternatives(found.buys, bought, found.sells, sold)
    asks = _alternatives(found.sells, sold, found.buys, bought)
    settlements: list[Settlement] = []
    for agent, quantity in _by_owner(found.buys, bought).items():
        cost = sum(map(Fraction, _best(bids, agent, quantity, greatest=True)), Fraction(0))
        settlements.append(Settlement(agent, bought=quantity, pays=cost))
    for agent, quantity in _by_owner(found.sells, sold).items():
        saved = sum(map(Fraction, _best(asks, agent, quantity, greatest=False)), Fraction(0))
        settlements.append(Settlement(agent, sold=quantity, gets=saved))
    return Clearing(trades, tuple(sorted(settlements, key=lambda one: one.agent)))


def _alternatives(
    mine: Sequence[Order],
    filled: Sequence[int],
    theirs: Sequence[Order],
    taken: Sequence[int],
) -> tuple[tuple[tuple[str, Price, int], ...], tuple[tuple[str, Price, int], ...]]:
    """Return what else could be done with a piece: an order left over gets it, or a trade ends."""
    left = tuple(
        (order.owner, order.price, order.quantity - done)
        for order, done in zip(mine, filled, strict=True)
        if order.quantity > done
    )
    # The worst of those that trade would be the first to stop.
    ended = tuple(
        (order.owner, order.price, done)
        for order, done in zip(reversed(theirs), reversed(taken), strict=True)
        if done
    )
    return left, ended


def _best(
    alternatives: tuple[Sequence[tuple[str, Price, int]], Sequence[tuple[str, Price, int]]],
    agent: str,
    quantity: int,
    *,
    greatest: bool,
) -> Iterable[Price]:
    """Yield price times pieces of the best alternatives for so many pieces of an agent."""
    left, ended = alternatives
    one = iter([a for a in left[: _reach(left, agent, quantity)] if a[0] != agent])
    two = iter(ended)
    first, second = next(one, None), next(two, None)
    while quantity:
        # As many pieces of others trade as anybody's, so these do not run out.
        assert second is not None
        if first is not None and (first[1] >= second[1]) == greatest:
            chosen, first = first, next(one, None)
        else:
            chosen, second = second, next(two, None)
        pieces = min(quantity, chosen[2])
        quantity -= pieces
        yield chosen[1] * pieces


def _reach(left: Sequence[tuple[str, Price, int]], agent: str, quantity: int) -> int:
    """Return how many orders that are left over may matter for so many pieces."""
    for place, (owner, _, pieces) in enumerate(left):
        if quantity <= 0:
            return place
        quantity -= 0 if owner == agent else pieces
    return len(left)


def huang(found: Ladder, lottery: Lottery) -> Clearing:
    """Let all trade but the last order of each side that should, at these two orders' prices.

    Pu Huang, Alan Scheller-Wolf and Katia Sycara, Design of a Multi-Unit Double Auction
    E-Market, Computational Intelligence 18 (2002). Where more is wanted than offered among
    those who trade, or the reverse, each gives up as many pieces as any other. Each agent must
    have one order. No order is better than one with the true price; to overstate the quantity
    may help who is short.

    Args:
        found: The orders.
        lottery: Who gives up one piece more where the loss is not divisible.
    """
    if not found.pairs:
        return Clearing()
    last = found.pairs[-1]
    buys, sells = found.buys[: last.buy], found.sells[: last.sell]
    quantity = min(sum(o.quantity for o in buys), sum(o.quantity for o in sells))
    bought = equal_losses(buys, quantity, lottery)
    sold = equal_losses(sells, quantity, lottery)
    pays, gets = Fraction(found.last_buy.price), Fraction(found.last_sell.price)
    pairs = _zipped(bought, sold)
    cleared = _settled(found, [Trade(p.buy, p.sell, p.quantity, pays, gets) for p in pairs])
    return msgspec.structs.replace(cleared, shared=True)


def equal_losses(orders: Sequence[Order], quantity: int, lottery: Lottery) -> list[int]:
    """Share fewer pieces than are ordered so that all give up the same, or all they have.

    Args:
        orders: At most one of each owner.
        quantity: How many pieces there are; at most as many as are ordered.
        lottery: Who gives up one piece more: the greatest keys.
    """
    shares = [order.quantity for order in orders]
    loss = sum(shares) - quantity
    losing = sorted(range(len(orders)), key=lambda place: orders[place].quantity)
    while losing and shares[losing[0]] * len(losing) < loss:
        loss -= shares[losing[0]]
        shares[losing.pop(0)] = 0
    if losing:
        each, more = divmod(loss, len(losing))
        losing.sort(key=lambda place: lottery(orders[place].owner), reverse=True)
        for number, place in enumerate(losing):
            shares[place] -= each + (number < more)
    return shares


def _zipped(bought: Sequence[int], sold: Sequence[int]) -> list[Pair]:
    """Pair equal totals of both sides, the first with the first."""
    pairs: list[Pair] = []
    asks = ((place, pieces) for place, pieces in enumerate(sold) if pieces)
    ask, offered = -1, 0
    for bid, pieces in enumerate(bought):
        wanted = pieces
        while wanted:
            if not offered:
                ask, offered = next(asks)
            quantity = min(wanted, offered)
            pairs.append(Pair(bid, ask, quantity))
            wanted -= quantity
            offered -= quantity
    return pairs


def contested(found: Ladder, clearing: Clearing) -> tuple[str, ...]:
    """Return the agents whose order was put before or behind another's of the same price.

    Where the lottery draws, or all give up pieces alike, nothing is contested: it is the rule,
    and no tie.
    """
    bought, sold = _traded(found, clearing.trades)
    if clearing.shared:
        last = found.pairs[-1]
        bought = [order.quantity * (place < last.buy) for place, order in enumerate(found.buys)]
        sold = [order.quantity * (place < last.sell) for place, order in enumerate(found.sells)]
    sides = (("buy", found.buys, bought), ("sell", found.sells, sold))
    return tuple(
        sorted(
            {
                agent
                for side, orders, filled in sides
                if side != clearing.drawn
                for agent in _parted(orders, filled)
            }
        )
    )


def _parted(orders: Sequence[Order], filled: Sequence[int]) -> Iterable[str]:
    served: dict[Price, set[str]] = {}
    unserved: dict[Price, set[str]] = {}
    for order, done in zip(orders, filled, strict=True):
        if done:
            served.setdefault(order.price, set()).add(order.owner)
        if done < order.quantity:
            unserved.setdefault(order.price, set()).add(order.owner)
    for price in served.keys() & unserved.keys():
        both = served[price] | unserved[price]
        if len(both) > 1:
            yield from both


def _at_one_price(found: Ladder, pairs: Iterable[Pair], price: Fraction) -> Clearing:
    """Let pairs trade at a price; the pieces are counted first, which is faster than fractions."""
    trades = tuple(Trade(p.buy, p.sell, p.quantity, price, price) for p in pairs)
    bought, sold = _traded(found, trades)
    got, gave = _by_owner(found.buys, bought), _by_owner(found.sells, sold)
    settlements: list[Settlement] = []
    for agent in sorted(got.keys() | gave.keys()):
        one, two = got.get(agent, 0), gave.get(agent, 0)
        settlements.append(Settlement(agent, one, two, price * one, price * two))
    return Clearing(trades, tuple(settlements), price if trades else None)


def _settled(found: Ladder, trades: Sequence[Trade]) -> Clearing:
    totals: dict[str, list[Fraction | int]] = {}
    for trade in trades:
        assert trade.pays is not None
        assert trade.gets is not None
        buyer = totals.setdefault(found.buys[trade.buy].owner, [0, 0, Fraction(0), Fraction(0)])
        buyer[0] += trade.quantity
        buyer[2] += trade.pays * trade.quantity
        seller = totals.setdefault(found.sells[trade.sell].owner, [0, 0, Fraction(0), Fraction(0)])
        seller[1] += trade.quantity
        seller[3] += trade.gets * trade.quantity
    settlements = (
        Settlement(agent, int(bought), int(sold), Fraction(pays), Fraction(gets))
        for agent, (bought, sold, pays, gets) in sorted(totals.items())
    )
    return Clearing(tuple(trades), tuple(settlements))


def _traded(found: Ladder, pairs: Iterable[Pair | Trade]) -> tuple[list[int], list[int]]:
    bought, sold = [0] * len(found.buys), [0] * len(found.sells)
    for pair in pairs:
        bought[pair.buy] += pair.quantity
        sold[pair.sell] += pair.quantity
    return bought, sold


def _by_owner(orders: Sequence[Order], filled: Sequence[int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for order, done in zip(orders, filled, strict=True):
        if done:
            total[order.owner] = total.get(order.owner, 0) + done
    return total
