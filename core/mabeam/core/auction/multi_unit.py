"""Several units of one good as a session: sealed bids, cleared by one of three rules."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Final, cast

from mabeam.core.auction.checks import (
    AMOUNT_MAX,
    NOTE_LENGTH_MAX,
    check_length,
    check_lot,
    check_range,
    disproved,
    prove,
)
from mabeam.core.auction.events import (
    DemandStated,
    MultiUnitAuctionDecided,
    MultiUnitAuctionOpened,
    UnitAward,
)
from mabeam.core.auction.rules import UNIT_CLEARINGS
from mabeam.core.auction.unit_proof import check_awards
from mabeam.core.auction.units import DemandBid, UnitClearing
from mabeam.core.errors import Rejected
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Spoken, Standing, terms

__all__ = ["AMOUNTS_MAX", "MULTI_UNIT_AUCTION", "UNITS_MAX"]

UNITS_MAX: Final = 1_000
AMOUNTS_MAX: Final = 100
"""How many units a bidder may ask for: the decision lists all amounts and must fit the log."""


def check_opening(opening: MultiUnitAuctionOpened) -> None:
    """Refuse an auction that cannot be held.

    Raises:
        Rejected: The rule is unknown, or an amount or a number is out of range.
    """
    UNIT_CLEARINGS.find(opening.rule)
    check_lot(opening.lot, opening.unit)
    check_range("units", opening.units, 1, UNITS_MAX)
    check_range("reserve", opening.reserve, 0, AMOUNT_MAX // UNITS_MAX)


def check_speech(opening: MultiUnitAuctionOpened, speech: Speech) -> None:
    """Refuse a bid that cannot count. Amounts below the reserve are valid, they merely lose.

    Raises:
        Rejected: There are none, too many, or one above that before it, or out of range.
    """
    if not isinstance(speech, DemandStated):
        return
    check_length("note", speech.note, NOTE_LENGTH_MAX)
    check_range("number_of_amounts", len(speech.amounts), 1, min(opening.units, AMOUNTS_MAX))
    for amount in speech.amounts:
        check_range("amount", amount, 1, AMOUNT_MAX // UNITS_MAX)
    if any(later > earlier for earlier, later in pairwise(speech.amounts)):
        raise Rejected(
            "auction.amounts",
            "a further unit is worth more than the one before it",
            field="amounts",
            value=speech.amounts,
            allowed="none more than the one before it",
        )


def say(speech: Speech) -> str:
    """Write a bid as text."""
    return " + ".join(map(str, speech.amounts)) if isinstance(speech, DemandStated) else ""


def decide(hearing: Hearing[MultiUnitAuctionOpened]) -> MultiUnitAuctionDecided:
    """Decide a closed auction by the rule that its opening names."""
    opening = hearing.opening
    clearing = UNIT_CLEARINGS.find(opening.rule)(
        [DemandBid(spoken.agent, _amounts(spoken)) for spoken in hearing.by_agent()],
        opening.units,
        opening.reserve,
        lambda agent: hearing.tie_key(hearing.spoken[agent]),
    )
    outcome: Outcome = "decided"
    if not hearing.has_quorum() or not clearing.allotments:
        outcome = "no_quorum"
    elif clearing.tied and opening.tie_break == "refuse":
        outcome = "tie_unresolved"
    is_sold = outcome == "decided"
    return MultiUnitAuctionDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_alternatives(hearing, clearing, outcome),
        superseded=hearing.superseded,
        lot=opening.lot,
        units=opening.units,
        awards=_awards(hearing, clearing) if is_sold else (),
        lowest_accepted=clearing.lowest_accepted if is_sold else None,
        highest_rejected=clearing.highest_rejected if is_sold else None,
    )


def _awards(
    hearing: Hearing[MultiUnitAuctionOpened], clearing: UnitClearing
) -> tuple[UnitAward, ...]:
    allotted = {one.bidder: one for one in clearing.allotments}
    awards: list[UnitAward] = []
    for spoken in hearing.by_agent():
        amounts, one = _amounts(spoken), allotted.get(spoken.agent)
        if amounts[0] >= hearing.opening.reserve:
            units, pays = (0, 0) if one is None else (one.units, one.pays)
            awards.append(UnitAward(spoken.agent, amounts, spoken.position, units, pays))
    return tuple(awards)


def _alternatives(
    hearing: Hearing[MultiUnitAuctionOpened], clearing: UnitClearing, outcome: Outcome
) -> tuple[Alternative, ...]:
    winners = {one.bidder for one in clearing.allotments} if outcome == "decided" else set[str]()
    lost: list[Alternative] = []
    for spoken in hearing.by_agent():
        if spoken.agent in winners:
            continue
        if _amounts(spoken)[0] < hearing.opening.reserve:
            reason = "below_reserve"
        elif outcome == "no_quorum":
            reason = "no_quorum"
        elif spoken.agent in clearing.tied:
            reason = "tie_lost" if outcome == "decided" else "tie_unresolved"
        else:
            reason = "outbid" if outcome == "decided" else "tie_unresolved"
        text = say(spoken.speech)
        shown = text if len(text) <= _SAID_MAX else f"{text[: _SAID_MAX - 1]}…"
        lost.append(Alternative(spoken.agent, shown, spoken.position, reason))
    return (*lost, *hearing.invalid())


_SAID_MAX: Final = 100


def verify(hearing: Hearing[MultiUnitAuctionOpened], decision: Decision) -> None:
    """Check a decision by its awards, without clearing the auction again.

    Raises:
        Rejected: The awards are not of exactly the bids that count, or give units to lower
            amounts than they refuse, or a payment or the outcome does not follow; or the
            decision is about other positions, another rule or another lot.
    """
    if not isinstance(decision, MultiUnitAuctionDecided):
        raise disproved("outcome", type(decision).__name__, "a decision about several units")
    opening = hearing.opening
    said = tuple((s.agent, _amounts(s), s.position) for s in hearing.by_agent())
    counted = tuple(one for one in said if one[1][0] >= opening.reserve)
    ranked = sorted(
        ((a, agent) for agent, each, _ in counted for a in each if a >= opening.reserve),
        reverse=True,
    )
    outcome: Outcome = "decided"
    if not ranked or not hearing.has_quorum():
        outcome = "no_quorum"
    elif opening.tie_break == "refuse" and _is_tied(ranked, opening.units):
        outcome = "tie_unresolved"
    prove(
        (
            *terms(hearing, decision),
            ("lot", decision.lot, opening.lot),
            ("units", decision.units, opening.units),
            ("outcome", decision.outcome, outcome),
        )
    )
    if outcome != "decided":
        prove(
            (
                ("awards", decision.awards, ()),
                ("lowest_accepted", decision.lowest_accepted, None),
                ("highest_rejected", decision.highest_rejected, None),
            )
        )
        return
    listed = tuple((one.agent, one.amounts, one.position) for one in decision.awards)
    prove((("awards", listed, counted),))
    keys = {agent: hearing.tie_key(hearing.spoken[agent]) for agent, _, _ in counted}
    check_awards(decision, opening.reserve, keys)


def _is_tied(ranked: list[tuple[int, str]], units: int) -> bool:
    if len(ranked) <= units:
        return False
    margin = ranked[units][0]
    at_margin = {agent for amount, agent in ranked if amount == margin}
    return ranked[units - 1][0] == margin and len(at_margin) > 1


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner if there is but one; several are no value for a variable."""
    if isinstance(decision, MultiUnitAuctionDecided) and decision.outcome == "decided":
        winners = [one.agent for one in decision.awards if one.units]
        return winners[0] if len(winners) == 1 else None
    return None


def standing(hearing: Hearing[MultiUnitAuctionOpened]) -> Standing:
    """Show the bids and what they win; under seal only who has bid, as long as it is open."""
    if hearing.opening.visibility == "sealed" and not hearing.considered.closed:
        agents = tuple((spoken.agent, str(spoken.position)) for spoken in hearing.by_agent())
        return Standing(("bidder", "position"), agents, ("the bids are sealed until the closing",))
    ladder = sorted(hearing.by_agent(), key=lambda s: [-amount for amount in _amounts(s)])
    won = {one.agent: (str(one.units), str(one.pays)) for one in decide(hearing).awards}
    rows = tuple(
        (spoken.agent, say(spoken.speech), *won.get(spoken.agent, ("", ""))) for spoken in ladder
    )
    remark = f"{hearing.opening.units} units"
    if not hearing.considered.closed:
        remark += "; who wins them and pays what as of now"
    return Standing(("bidder", "amounts", "units", "pays"), rows, (remark,))


def _amounts(spoken: Spoken) -> tuple[int, ...]:
    return cast("DemandStated", spoken.speech).amounts


MULTI_UNIT_AUCTION: Final = Protocol(
    name="multi_unit_auction",
    opening=MultiUnitAuctionOpened,
    speech=DemandStated,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    standing=standing,
)
MULTI_UNIT_AUCTION.register()
