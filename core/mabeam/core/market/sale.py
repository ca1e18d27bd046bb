"""Sales at a posted price as sessions: first come, first served, as long as there is some.

Who comes first stands first in the log, and no later word takes anything from it. A buyer
can do no better than ask for what it wants at once: the price depends on nobody's word.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, cast

import msgspec
from immutables import Map

from mabeam.core.market.continuous import check_no_quorum
from mabeam.core.market.events import (
    Account,
    Endowment,
    PostedPriceDecided,
    PostedPriceOpened,
    PurchaseMade,
    Sale,
)
from mabeam.core.market.ledger import Ledger
from mabeam.core.market.limits import (
    AGENTS_MAX,
    PRICE_MAX,
    QUANTITY_MAX,
    check_endowments,
    check_no_holdings,
    check_participants,
    check_range,
    check_text,
    disproved,
)
from mabeam.core.policies import Policies
from mabeam.core.session.course import NOTHING_DUE, Course, Due, Said, Start
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["POSTED_PRICE", "SALES_MAX", "SALE_RULES", "Shelf"]

SALES_MAX: Final = 2_000
"""How many purchases a sale takes: the decision lists them all."""

SALE_RULES: Policies[[], None] = Policies("rule of a sale")


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes no parameters."""


@SALE_RULES.register("posted_price", 1, _None)
def _posted_price(parameters: _None) -> None:
    """Sell at the price to whoever comes first."""


class Shelf(msgspec.Struct, frozen=True, gc=False):
    """What is left, and what was sold.

    Attributes:
        left: Pieces that are left.
        limits: What buyers may spend, by agent.
        sales: Each sale, by number from 0.
        known: Ids of the words that bought something.
        bought: Pieces of each buyer.
        last: Id of the latest of them.
    """

    left: int
    limits: Map[str, Endowment]
    sales: Ledger[Sale] = Ledger()
    known: Map[str, int] = Map()
    bought: Map[str, int] = Map()
    last: str = ""


def check_opening(opening: PostedPriceOpened) -> None:
    """Refuse a sale that cannot be held.

    Raises:
        Rejected: The rule is unknown, a field is out of its range, or a quorum is asked for.
    """
    SALE_RULES.find(opening.rule)
    check_no_quorum(opening.quorum)
    check_participants(opening)
    check_endowments(opening.endowments)
    check_no_holdings(opening.endowments)
    check_range("price", opening.price, 1, PRICE_MAX)
    check_range("quantity", opening.quantity, 1, QUANTITY_MAX)
    if opening.per_buyer_max is not None:
        check_range("per_buyer_max", opening.per_buyer_max, 1, QUANTITY_MAX)
    for field in ("good", "unit"):
        check_text(field, getattr(opening, field))


def check_speech(opening: PostedPriceOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a purchase of nothing.

    Raises:
        Rejected: The quantity is out of its range.
    """
    if isinstance(speech, PurchaseMade):
        check_range("quantity", speech.quantity, 1, QUANTITY_MAX)


def say(speech: Speech) -> str:
    """Write a purchase as text."""
    return str(speech.quantity) if isinstance(speech, PurchaseMade) else ""


def initial(opening: PostedPriceOpened, start: Start) -> Shelf:  # noqa: ARG001 - as courses begin
    """Return the full shelf."""
    return Shelf(opening.quantity, Map({one.agent: one for one in opening.endowments}))


def object_to(opening: PostedPriceOpened, shelf: Shelf, said: Said) -> str:
    """Return why a purchase does not count, or nothing."""
    if said.event_id in shelf.known:
        return "repeated"
    if shelf.sales.count >= SALES_MAX or (
        said.agent not in shelf.bought and len(shelf.bought) >= AGENTS_MAX
    ):
        return "too_many_sales"
    pieces, reason = _served(opening, shelf, said)
    return "" if pieces else reason


def _served(opening: PostedPriceOpened, shelf: Shelf, said: Said) -> tuple[int, str]:
    """Return how many pieces a word gets, and what limits that."""
    asked = cast("PurchaseMade", said.event).quantity
    had = shelf.bought.get(said.agent, 0)
    bounds = [(shelf.left, "sold_out")]
    if opening.per_buyer_max is not None:
        bounds.append((opening.per_buyer_max - had, "beyond_limit"))
    limit = shelf.limits.get(said.agent)
    if limit is not None and limit.budget is not None:
        bounds.append((limit.budget // opening.price - had, "beyond_budget"))
    most, reason = min(bounds)
    if asked <= most:
        return asked, ""
    return (most, "") if opening.partial and most > 0 else (0, reason)


def evolve(opening: PostedPriceOpened, shelf: Shelf, said: Said) -> Shelf:
    """Sell what a word gets."""
    if not isinstance(said.event, PurchaseMade):
        return shelf
    pieces, _ = _served(opening, shelf, said)
    number = shelf.sales.count
    sale = Sale(said.agent, said.event.quantity, pieces, said.position)
    return Shelf(
        shelf.left - pieces,
        shelf.limits,
        shelf.sales.with_entry(sale),
        shelf.known.set(said.event_id, number),
        shelf.bought.set(said.agent, shelf.bought.get(said.agent, 0) + pieces),
        said.event_id,
    )


def due(opening: PostedPriceOpened, shelf: Shelf, now_ns: int) -> Due:  # noqa: ARG001 - as courses are asked
    """Close the sale when nothing is left."""
    return NOTHING_DUE if shelf.left else Due(close="complete", cause=shelf.last)


def decide(hearing: Hearing[PostedPriceOpened]) -> PostedPriceDecided:
    """Sum up a closed sale."""
    opening, shelf = hearing.opening, _shelf(hearing)
    sold = opening.quantity - shelf.left
    return PostedPriceDecided(
        outcome="decided" if sold else "no_quorum",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=hearing.invalid(),
        superseded=hearing.superseded,
        good=opening.good,
        price=opening.price,
        sold=sold,
        revenue=sold * opening.price,
        left=shelf.left,
        sales=tuple(shelf.sales.entries()),
        accounts=tuple(
            Account(agent, bought=pieces, paid=pieces * opening.price)
            for agent, pieces in sorted(shelf.bought.items())
        ),
    )


def verify(hearing: Hearing[PostedPriceOpened], decision: Decision) -> None:
    """Check a decision by its sales: each gets what it asked for, or all it could have.

    Raises:
        Rejected: Somebody was served before its time, or got more or less than there was for
            it; the sums are wrong; or it is about other positions, another rule or good.
    """
    if not isinstance(decision, PostedPriceDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a sale")
    opening = hearing.opening
    left, totals = _sold_in_turn(opening, decision.sales)
    sold = opening.quantity - left
    outcome: Outcome = "decided" if sold else "no_quorum"
    accounts = tuple(
        Account(agent, bought=pieces, paid=pieces * opening.price)
        for agent, pieces in sorted(totals.items())
    )
    for field, stated, so in (
        *terms(hearing, decision),
        ("good", decision.good, opening.good),
        ("price", decision.price, opening.price),
        ("outcome", decision.outcome, outcome),
        ("sold", decision.sold, sold),
        ("left", decision.left, left),
        ("revenue", decision.revenue, sold * opening.price),
        ("accounts", decision.accounts, accounts),
        ("alternatives", decision.alternatives, hearing.invalid()),
        ("sales", _words(decision.sales), _words(_shelf(hearing).sales.entries())),
    ):
        if stated != so:
            raise disproved(field, stated, so)


def _words(sales: Iterable[Sale]) -> list[tuple[str, int, int]]:
    return [(one.agent, one.asked, one.position) for one in sales]


def _sold_in_turn(
    opening: PostedPriceOpened, sales: tuple[Sale, ...]
) -> tuple[int, dict[str, int]]:
    """Return what is left after the sales and what each buyer has, if each was due."""
    budgets = {one.agent: one.budget for one in opening.endowments}
    left, before, totals = opening.quantity, 0, dict[str, int]()
    for one in sales:
        had = totals.get(one.agent, 0)
        budget = budgets.get(one.agent)
        afford = left if budget is None else budget // opening.price - had
        allowed = left if opening.per_buyer_max is None else opening.per_buyer_max - had
        there = min(left, afford, allowed)
        got = min(one.asked, there) if opening.partial else one.asked
        if one.quantity != got or not 1 <= got <= there or one.position <= before:
            raise disproved("sales", one, f"{got} of {there} pieces, after position {before}")
        left, before, totals[one.agent] = left - got, one.position, had + got
    return left, totals


def result(decision: Decision) -> Decimal | str | None:
    """Return how many pieces were sold, which becomes the value of the variable at stake."""
    if isinstance(decision, PostedPriceDecided) and decision.outcome == "decided":
        return Decimal(decision.sold)
    return None


def standing(hearing: Hearing[PostedPriceOpened]) -> Standing:
    """Return the sales so far, and what is left."""
    shelf, opening = _shelf(hearing), hearing.opening
    rows = tuple(
        (one.agent, str(one.asked), str(one.quantity), str(one.position))
        for one in shelf.sales.entries()
    )
    unit = f" {opening.unit}" if opening.unit else ""
    remark = f"{shelf.left} of {opening.quantity} are left at {opening.price}{unit}."
    return Standing(("agent", "asked", "got", "position"), rows, (remark,))


def _shelf(hearing: Hearing[PostedPriceOpened]) -> Shelf:
    return cast("Shelf", hearing.course)


POSTED_PRICE: Final = Protocol(
    name="posted_price",
    opening=PostedPriceOpened,
    speech=PurchaseMade,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
POSTED_PRICE.register()
