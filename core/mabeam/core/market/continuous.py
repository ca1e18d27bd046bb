"""Continuous markets as sessions: an order book, what was traded in it, how it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Final, cast

import msgspec

from mabeam.core.errors import Rejected
from mabeam.core.market.audit import audit
from mabeam.core.market.book import Resting
from mabeam.core.market.events import (
    ContinuousMarketDecided,
    ContinuousMarketOpened,
    MarketWord,
    OrderCancelled,
    OrderPlaced,
    OrderReplaced,
    Traded,
)
from mabeam.core.market.floor import COURSE, ID_MAX, Floor
from mabeam.core.market.limits import (
    PRICE_MAX,
    QUANTITY_MAX,
    check_endowments,
    check_participants,
    check_range,
    check_text,
    disproved,
)
from mabeam.core.policies import Policies
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["BOOK_RULES", "CONTINUOUS_MARKET", "RESTING_MAX", "digest_of"]

RESTING_MAX: Final = 2_000
"""How many orders may rest in any book: one that meets them all is announced in one event."""

LISTED_MAX: Final = 500
"""How many trades a decision lists; of more it holds the digest."""

UNFILLED_LISTED_MAX: Final = 500

BOOK_RULES: Policies[[], None] = Policies("rule of an order book")


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes no parameters."""


@BOOK_RULES.register("price_time", 1, _None)
def _price_time(parameters: _None) -> None:
    """Trade at the best price, and at one price with whoever came first."""


def check_opening(opening: ContinuousMarketOpened) -> None:
    """Refuse a market that cannot be held.

    Raises:
        Rejected: The rule is unknown, a field is out of its range, or a quorum is asked for.
    """
    BOOK_RULES.find(opening.rule)
    check_no_quorum(opening.quorum)
    check_participants(opening)
    check_endowments(opening.endowments)
    check_range("resting_max", opening.resting_max, 1, RESTING_MAX)
    check_range("resting_per_agent_max", opening.resting_per_agent_max, 1, RESTING_MAX)
    for field in ("good", "unit"):
        check_text(field, getattr(opening, field))


def check_no_quorum(quorum: int) -> None:
    """Refuse a quorum where words have their effect at once, and nothing undoes it.

    Raises:
        Rejected: One is asked for.
    """
    if quorum:
        raise Rejected(
            "market.quorum",
            "what is traded is traded, however many come later",
            field="quorum",
            value=quorum,
            allowed="0",
        )


def check_speech(opening: ContinuousMarketOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse an order that can never count.

    Raises:
        Rejected: A number or text is out of its range.
    """
    if isinstance(speech, OrderPlaced | OrderReplaced):
        check_range("quantity", speech.quantity, 1, QUANTITY_MAX)
        if speech.price is not None:
            check_range("price", speech.price, 1, PRICE_MAX)
    if isinstance(speech, OrderCancelled | OrderReplaced) and not 1 <= len(speech.order) <= ID_MAX:
        raise Rejected(
            "market.order",
            "no order has such an id",
            field="order",
            value=speech.order,
            allowed=f"1 to {ID_MAX} characters",
        )


def say(speech: Speech) -> str:
    """Write an order as text."""
    match speech:
        case OrderPlaced(side=side, quantity=quantity, price=price):
            return f"{side} {quantity}" if price is None else f"{side} {quantity} @ {price}"
        case OrderCancelled(order=order):
            return f"cancel {order}"
        case OrderReplaced(order=order, quantity=quantity, price=price):
            return f"replace {order} by {quantity} @ {price}"
        case _:
            return ""


def digest_of(batches: Iterable[Traded]) -> str:
    """Return the hash of all trades, by which a list that is kept elsewhere is recognised."""
    digest = blake2b(digest_size=32)
    for batch in batches:
        digest.update(msgspec.json.encode(batch) + b"\n")
    return digest.hexdigest()


def decide(hearing: Hearing[ContinuousMarketOpened]) -> ContinuousMarketDecided:
    """Sum up a closed market."""
    floor = _floor(hearing)
    batches = tuple(floor.batches.entries())
    fills = [fill for batch in batches for fill in batch.fills]
    volume = sum(fill.quantity for fill in fills)
    turnover = sum(fill.quantity * fill.price for fill in fills)
    traders = (floor.accounts[agent] for agent in sorted(floor.accounts))
    return ContinuousMarketDecided(
        outcome="decided" if floor.known else "no_quorum",
        rule=hearing.opening.rule,
        considered=hearing.considered,
        alternatives=(*_unfilled(_resting(floor)), *hearing.invalid()),
        superseded=hearing.superseded,
        good=hearing.opening.good,
        orders=len(floor.known),
        trades=len(fills),
        volume=volume,
        turnover=turnover,
        average=str(Fraction(turnover, volume)) if volume else "",
        last=fills[-1].price if fills else None,
        listed=batches if len(fills) <= LISTED_MAX else (),
        digest=digest_of(batches),
        accounts=tuple(one for one in traders if one.bought or one.sold),
        unfilled=len(floor.book.index),
    )


def _resting(floor: Floor) -> tuple[Resting, ...]:
    return (*floor.book.orders("buy"), *floor.book.orders("sell"))


def _unfilled(resting: Sequence[Resting]) -> Iterable[Alternative]:
    for one in resting[:UNFILLED_LISTED_MAX]:
        said = f"{one.side} {one.quantity} @ {one.price}"
        yield Alternative(one.agent, said, one.position, "unfilled")


def verify(hearing: Hearing[ContinuousMarketOpened], decision: Decision) -> None:
    """Check a decision by trading the journal once more, on another engine.

    Raises:
        Rejected: It does not sum up what was said; or it is about other positions, another
            rule or good.
    """
    if not isinstance(decision, ContinuousMarketDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a continuous market")
    floor = _floor(hearing)
    found = audit(hearing.opening, floor.journal.entries())
    fills = [fill for batch in found.batches for fill in batch.fills]
    bought = sum(one.bought for one in found.accounts)
    paid = sum(one.paid for one in found.accounts)
    outcome: Outcome = "decided" if floor.known else "no_quorum"
    for field, stated, so in (
        *terms(hearing, decision),
        ("good", decision.good, hearing.opening.good),
        ("outcome", decision.outcome, outcome),
        ("orders", decision.orders, len(floor.known)),
        ("trades", decision.trades, len(fills)),
        ("volume", decision.volume, bought),
        ("turnover", decision.turnover, paid),
        ("average", decision.average, str(Fraction(paid, bought)) if bought else ""),
        ("last", decision.last, fills[-1].price if fills else None),
        ("listed", decision.listed, found.batches if len(fills) <= LISTED_MAX else ()),
        ("digest", decision.digest, digest_of(found.batches)),
        ("accounts", decision.accounts, found.accounts),
        ("unfilled", decision.unfilled, len(found.unfilled)),
        (
            "alternatives",
            decision.alternatives,
            (*_unfilled(found.unfilled), *hearing.invalid()),
        ),
    ):
        if stated != so:
            raise disproved(field, stated, so)


def result(decision: Decision) -> Decimal | str | None:
    """Return the price of the last trade, which becomes the value of the variable at stake."""
    if isinstance(decision, ContinuousMarketDecided) and decision.last is not None:
        return Decimal(decision.last)
    return None


def standing(hearing: Hearing[ContinuousMarketOpened]) -> Standing:
    """Return the book, the dearest offer first."""
    floor = _floor(hearing)
    sells, buys = floor.book.orders("sell"), floor.book.orders("buy")
    rows = tuple(
        (one.side, str(one.price), str(one.quantity), one.agent, one.order)
        for one in (*reversed(sells), *buys)
    )
    batches = tuple(floor.batches.entries())
    volume = sum(fill.quantity for batch in batches for fill in batch.fills)
    remarks = [f"{volume} traded by {len(floor.known)} orders."]
    if batches:
        last = batches[-1].fills[-1]
        remarks.append(f"The last trade: {last.quantity} at {last.price}.")
    return Standing(("side", "price", "quantity", "agent", "order"), rows, tuple(remarks))


def _floor(hearing: Hearing[ContinuousMarketOpened]) -> Floor:
    return cast("Floor", hearing.course)


CONTINUOUS_MARKET: Final = Protocol(
    name="continuous_market",
    opening=ContinuousMarketOpened,
    speech=MarketWord,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=COURSE,
    standing=standing,
)
CONTINUOUS_MARKET.register()
