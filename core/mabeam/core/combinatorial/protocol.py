"""Combinatorial auctions as sessions: which bids count, and how things stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeVar

from mabeam.core.combinatorial.events import BidsPlaced, BundlesAwarded, BundlesOffered
from mabeam.core.combinatorial.language import check_bundles, check_goods, check_range, contents
from mabeam.core.combinatorial.outcome import auction_sale, conclude, decide, problem, say
from mabeam.core.combinatorial.pricing import PRICINGS
from mabeam.core.combinatorial.verification import examine
from mabeam.core.combinatorial.winners import greedy
from mabeam.core.errors import Rejected
from mabeam.core.session.events import Decision, Opening, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing

__all__ = ["COMBINATORIAL_AUCTION", "check_session", "sealed"]

SOLVER_MS_MAX: Final = 600_000
BUNDLES_MAX: Final = 200
OpeningT = TypeVar("OpeningT", bound=Opening)


def check_opening(opening: BundlesOffered) -> None:
    """Refuse an auction that cannot be held.

    Raises:
        Rejected: The rule is unknown, or a field out of its range.
    """
    PRICINGS.find(opening.rule)
    check_goods(opening.goods)
    check_session(opening, opening.solver_ms, opening.bundles_max)


def check_session(opening: Opening, solver_ms: int, bundles_max: int) -> None:
    """Refuse what no session with a solver can have.

    Raises:
        Rejected: A field is out of its range.
    """
    check_range("solver_ms", solver_ms, 1, SOLVER_MS_MAX)
    check_range("bundles_max", bundles_max, 1, BUNDLES_MAX)
    if opening.tie_break == "refuse":
        # That nothing else is as good would be another problem, as hard as the first.
        raise Rejected(
            "bundles.tie_break",
            "whether another allocation is as good is not known",
            field="tie_break",
            value=opening.tie_break,
            allowed="canonical, earliest",
        )


def check_speech(opening: BundlesOffered, speech: Speech) -> None:
    """Refuse bids that cannot count. One below the reserve is valid, it merely loses.

    Raises:
        Rejected: A bundle is empty, holds what is not offered, or an amount is out of range.
    """
    if isinstance(speech, BidsPlaced):
        quantities = {good.name: good.quantity for good in opening.goods}
        check_bundles(speech.bundles, quantities, opening.bundles_max)


def verify(hearing: Hearing[BundlesOffered], decision: Decision) -> None:
    """Check a decision by its certificate, with little work.

    Raises:
        Rejected: It does not hold.
    """
    examine(hearing, decision)


def result(decision: Decision) -> Decimal | str | None:
    """Return who gets what, as text, which becomes the value of the variable at stake."""
    if isinstance(decision, BundlesAwarded) and decision.outcome == "decided":
        return "; ".join(
            f"{award.agent}: {contents(award.goods.items())}" for award in decision.awards
        )
    return None


def standing(hearing: Hearing[BundlesOffered]) -> Standing:
    """Show every bundle, and which would be accepted by a quick look, unless under seal."""
    shown = sealed(hearing, "bidder", "bids")
    if shown is not None:
        return shown
    sale = auction_sale(hearing)
    accepted = {sale.placed[number] for number in greedy(sale.problem)}
    rows = [
        (
            one.agent,
            contents(one.goods),
            str(one.amount),
            "below reserve" if one in sale.below else "accepted" if one in accepted else "",
        )
        for one in sorted((*sale.placed, *sale.below), key=lambda one: (one.agent, one.number))
    ]
    value = sum(one.amount for one in accepted)
    return Standing(
        ("bidder", "bundle", "amount", "provisional"),
        tuple(rows),
        (f"Accepted in this quick look: {value}. The decision looks for more.",) if rows else (),
    )


def sealed(hearing: Hearing[OpeningT], who: str, what: str) -> Standing | None:
    """Return who has spoken, and no more, as long as a session under seal is open; else None."""
    if hearing.opening.visibility != "sealed" or hearing.considered.closed:
        return None
    rows = tuple((spoken.agent, str(spoken.position)) for spoken in hearing.by_agent())
    return Standing((who, "position"), rows, (f"the {what} are sealed until the closing",))


COMBINATORIAL_AUCTION: Final = Protocol(
    name="combinatorial_auction",
    opening=BundlesOffered,
    speech=BidsPlaced,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    problem=problem,
    conclude=conclude,
    standing=standing,
)
COMBINATORIAL_AUCTION.register()
