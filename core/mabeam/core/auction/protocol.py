"""Auctions as sessions: which bids count, how they clear, how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Final, cast

import msgspec

from mabeam.core.auction.clearing import Bid, Clearing, second_price
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced, PriceBasis, Ranked
from mabeam.core.errors import Rejected
from mabeam.core.policies import Policies
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, terms

__all__ = ["AMOUNT_MAX", "AUCTION", "CLEARINGS"]

AMOUNT_MAX: Final = 2**53 - 1
"""The largest amount that every JSON parser reads exactly (RFC 8259, section 6)."""

CLEARINGS: Policies[[Hearing[AuctionOpened]], Clearing] = Policies("clearing rule")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule takes none."""


@CLEARINGS.register("second_price", 1, NoParameters)
def _second_price(parameters: NoParameters, hearing: Hearing[AuctionOpened]) -> Clearing:  # noqa: ARG001 - it has none
    bids = [Bid(spoken.agent, _bid(spoken).amount) for spoken in hearing.by_agent()]
    return second_price(
        bids, hearing.opening.reserve, lambda bid: hearing.tie_key(hearing.spoken[bid.bidder])
    )


def check_opening(opening: AuctionOpened) -> None:
    """Refuse an auction that cannot be held.

    Raises:
        Rejected: The clearing rule is unknown or the reserve is out of range.
    """
    CLEARINGS.find(opening.rule)
    if not 0 <= opening.reserve <= AMOUNT_MAX:
        raise Rejected(
            "auction.reserve",
            "no such reserve",
            field="reserve",
            value=opening.reserve,
            allowed=f"0 to {AMOUNT_MAX}",
        )


def check_speech(opening: AuctionOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a bid that cannot count. One below the reserve is valid, it merely loses.

    Raises:
        Rejected: The amount is out of range.
    """
    if isinstance(speech, BidPlaced) and not 1 <= speech.amount <= AMOUNT_MAX:
        raise Rejected(
            "auction.amount",
            "no such amount",
            field="amount",
            value=speech.amount,
            allowed=f"1 to {AMOUNT_MAX}",
        )


def say(speech: Speech) -> str:
    """Write a bid as text."""
    return str(speech.amount) if isinstance(speech, BidPlaced) else ""


def decide(hearing: Hearing[AuctionOpened]) -> AuctionDecided:
    """Decide a closed auction by the rule that its opening names."""
    opening = hearing.opening
    clearing = CLEARINGS.find(opening.rule)(hearing)
    outcome: Outcome = "decided"
    if not hearing.has_quorum() or clearing.winner is None:
        outcome = "no_quorum"
    elif clearing.tied and opening.tie_break == "refuse":
        outcome = "tie_unresolved"
    decided = outcome == "decided"
    basis: PriceBasis = "reserve" if clearing.price_is_reserve else "second_bid"
    return AuctionDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_alternatives(hearing, clearing, outcome),
        superseded=hearing.superseded,
        lot=opening.lot,
        winner=clearing.winner or "" if decided else "",
        price=clearing.price if decided else None,
        ranking=tuple(
            Ranked(bid.bidder, bid.amount, hearing.spoken[bid.bidder].position)
            for bid in clearing.ranking
        ),
        price_basis=basis if decided else None,
    )


def _alternatives(
    hearing: Hearing[AuctionOpened], clearing: Clearing, outcome: Outcome
) -> tuple[Alternative, ...]:
    lost: list[Alternative] = []
    for spoken in hearing.by_agent():
        bid = _bid(spoken)
        if outcome == "decided" and spoken.agent == clearing.winner:
            continue
        if bid.amount < hearing.opening.reserve:
            reason = "below_reserve"
        elif outcome == "no_quorum":
            reason = "no_quorum"
        elif spoken.agent in clearing.tied:
            reason = "tie_lost" if outcome == "decided" else "tie_unresolved"
        else:
            reason = "outbid"
        lost.append(Alternative(spoken.agent, str(bid.amount), spoken.position, reason))
    return (*lost, *hearing.invalid())


def verify(hearing: Hearing[AuctionOpened], decision: Decision) -> None:
    """Check a decision by its certificate, without clearing the auction again.

    Raises:
        Rejected: The ranking does not list exactly the bids that count, in order, ties as
            declared; or outcome, winner or price do not follow from it; or the decision is
            about other positions, another rule or another lot.
    """
    if not isinstance(decision, AuctionDecided):
        raise _disproved("outcome", type(decision).__name__, "a decision of an auction")
    for field, stated, due in (
        *terms(hearing, decision),
        ("lot", decision.lot, hearing.opening.lot),
    ):
        if stated != due:
            raise _disproved(field, stated, str(due))
    _verify_ranking(hearing, decision.ranking)
    outcome = _outcome_of(hearing, decision.ranking)
    if decision.outcome != outcome:
        raise _disproved("outcome", decision.outcome, outcome)
    award = _award(decision.ranking, hearing.opening.reserve) if outcome == "decided" else _NO_AWARD
    for field, due in award.items():
        if getattr(decision, field) != due:
            raise _disproved(field, getattr(decision, field), str(due))


def _verify_ranking(hearing: Hearing[AuctionOpened], ranking: tuple[Ranked, ...]) -> None:
    listed = {(ranked.agent, ranked.amount, ranked.position) for ranked in ranking}
    said = {(s.agent, _bid(s).amount, s.position) for s in hearing.spoken.values()}
    counted = {one for one in said if one[1] >= hearing.opening.reserve}
    if listed != counted or len(ranking) != len(counted):
        raise _disproved("ranking", sorted(listed), str(sorted(counted)))
    order = [(-one.amount, hearing.tie_key(hearing.spoken[one.agent])) for one in ranking]
    if any(later < earlier for earlier, later in pairwise(order)):
        raise _disproved("ranking", ranking, "the highest first, ties as declared")


def _outcome_of(hearing: Hearing[AuctionOpened], ranking: tuple[Ranked, ...]) -> Outcome:
    if not ranking or not hearing.has_quorum():
        return "no_quorum"
    tied = len(ranking) > 1 and ranking[0].amount == ranking[1].amount
    return "tie_unresolved" if tied and hearing.opening.tie_break == "refuse" else "decided"


_NO_AWARD: Final[dict[str, object]] = {"winner": "", "price": None, "price_basis": None}


def _award(ranking: tuple[Ranked, ...], reserve: int) -> dict[str, object]:
    best, *others = ranking
    basis: PriceBasis = "second_bid" if others else "reserve"
    price = others[0].amount if others else reserve
    return {"winner": best.agent, "price": price, "price_basis": basis}


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner, which becomes the value of the variable at stake."""
    if isinstance(decision, AuctionDecided) and decision.outcome == "decided":
        return decision.winner
    return None


def _bid(spoken: Spoken) -> BidPlaced:
    return cast("BidPlaced", spoken.speech)


def _disproved(field: str, value: object, allowed: str) -> Rejected:
    return Rejected(
        "auction.certificate",
        "the certificate does not prove the decision",
        field=field,
        value=value,
        allowed=allowed,
    )


AUCTION: Final = Protocol(
    name="auction",
    opening=AuctionOpened,
    speech=BidPlaced,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
)
AUCTION.register()
