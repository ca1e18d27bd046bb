"""Sealed auctions as sessions: which bids count, how they clear, how a stranger checks it."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Final, cast

from mabeam.core.auction.checks import AMOUNT_MAX, check_range, disproved, prove
from mabeam.core.auction.clearing import Bid, Clearing
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced, PriceBasis, Ranked
from mabeam.core.auction.rules import CLEARINGS, due_in_seal
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing, terms

__all__ = ["AMOUNT_MAX", "AUCTION", "CLEARINGS", "basis_of"]


def check_opening(opening: AuctionOpened) -> None:
    """Refuse an auction that cannot be held.

    Raises:
        Rejected: The clearing rule is unknown or the reserve is out of range.
    """
    CLEARINGS.find(opening.rule)
    check_range("reserve", opening.reserve, 0)


def check_speech(opening: AuctionOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a bid that cannot count. One below the reserve is valid, it merely loses.

    Raises:
        Rejected: The amount is out of range.
    """
    if isinstance(speech, BidPlaced):
        check_range("amount", speech.amount, 1)


def say(speech: Speech) -> str:
    """Write a bid as text."""
    return str(speech.amount) if isinstance(speech, BidPlaced) else ""


def decide(hearing: Hearing[AuctionOpened]) -> AuctionDecided:
    """Decide a closed auction by the rule that its opening names."""
    opening = hearing.opening
    clearing = _cleared(hearing)
    outcome: Outcome = "decided"
    if not hearing.has_quorum() or clearing.winner is None:
        outcome = "no_quorum"
    elif clearing.tied and opening.tie_break == "refuse":
        outcome = "tie_unresolved"
    decided = outcome == "decided"
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
        price_basis=basis_of(opening.rule.name, clearing) if decided else None,
    )


def basis_of(rule: str, clearing: Clearing) -> PriceBasis:
    """Tell what the price of a clearing was taken from."""
    if rule == "first_price":
        return "own_bid"
    return "reserve" if clearing.price_is_reserve else "second_bid"


def _cleared(hearing: Hearing[AuctionOpened]) -> Clearing:
    return CLEARINGS.find(hearing.opening.rule)(
        [Bid(spoken.agent, _bid(spoken).amount) for spoken in hearing.by_agent()],
        hearing.opening.reserve,
        lambda bid: hearing.tie_key(hearing.spoken[bid.bidder]),
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
        raise disproved("outcome", type(decision).__name__, "a decision of an auction")
    prove((*terms(hearing, decision), ("lot", decision.lot, hearing.opening.lot)))
    _verify_ranking(hearing, decision.ranking)
    outcome = _outcome_of(hearing, decision.ranking)
    prove((("outcome", decision.outcome, outcome),))
    award = _award(hearing.opening, decision.ranking) if outcome == "decided" else _NO_AWARD
    prove((field, getattr(decision, field), due) for field, due in award.items())


def _verify_ranking(hearing: Hearing[AuctionOpened], ranking: tuple[Ranked, ...]) -> None:
    listed = {(ranked.agent, ranked.amount, ranked.position) for ranked in ranking}
    said = {(s.agent, _bid(s).amount, s.position) for s in hearing.spoken.values()}
    counted = {one for one in said if one[1] >= hearing.opening.reserve}
    if listed != counted or len(ranking) != len(counted):
        raise disproved("ranking", sorted(listed), str(sorted(counted)))
    order = [(-one.amount, hearing.tie_key(hearing.spoken[one.agent])) for one in ranking]
    if any(later < earlier for earlier, later in pairwise(order)):
        raise disproved("ranking", ranking, "the highest first, ties as declared")


def _outcome_of(hearing: Hearing[AuctionOpened], ranking: tuple[Ranked, ...]) -> Outcome:
    if not ranking or not hearing.has_quorum():
        return "no_quorum"
    tied = len(ranking) > 1 and ranking[0].amount == ranking[1].amount
    return "tie_unresolved" if tied and hearing.opening.tie_break == "refuse" else "decided"


_NO_AWARD: Final[dict[str, object]] = {"winner": "", "price": None, "price_basis": None}


def _award(opening: AuctionOpened, ranking: tuple[Ranked, ...]) -> dict[str, object]:
    amounts = [ranked.amount for ranked in ranking]
    rule = opening.rule
    price, basis = due_in_seal(rule.name, rule.version, amounts, opening.reserve)
    return {"winner": ranking[0].agent, "price": price, "price_basis": basis}


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner, which becomes the value of the variable at stake."""
    if isinstance(decision, AuctionDecided) and decision.outcome == "decided":
        return decision.winner
    return None


def standing(hearing: Hearing[AuctionOpened]) -> Standing:
    """Show the bids, the highest first; under seal only who has bid, as long as it is open."""
    opening, is_open = hearing.opening, not hearing.considered.closed
    if opening.visibility == "sealed" and is_open:
        agents = tuple((spoken.agent, str(spoken.position)) for spoken in hearing.by_agent())
        return Standing(("bidder", "position"), agents, ("the bids are sealed until the closing",))
    ladder = sorted(hearing.by_agent(), key=lambda spoken: -_bid(spoken).amount)
    rows = tuple(
        (spoken.agent, say(spoken.speech), "" if counts else "below the reserve")
        for spoken in ladder
        for counts in (_bid(spoken).amount >= opening.reserve,)
    )
    return Standing(("bidder", "amount", "remark"), rows)


def _bid(spoken: Spoken) -> BidPlaced:
    return cast("BidPlaced", spoken.speech)


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
    standing=standing,
)
AUCTION.register()
