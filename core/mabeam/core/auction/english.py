"""Open outcry (English auction) as a session: each bid must beat the one that stands.

Bidding has an end, which late bids move (a soft close, so that nobody gains by waiting for
the last moment), and the session's own deadline, which nothing moves. What is asked of a
bid depends on what stands when it is recorded; a bid that comes too low is listed so.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.auction.checks import (
    NOTE_LENGTH_MAX,
    check_length,
    check_lot,
    check_range,
    disproved,
    prove,
)
from mabeam.core.auction.events import (
    BidderWithdrew,
    BidPlaced,
    EnglishAuctionDecided,
    EnglishAuctionOpened,
    OutcryBasis,
    OutcryWord,
    Ranked,
)
from mabeam.core.auction.rules import OUTCRIES
from mabeam.core.session.course import Course, Due, Said, Start
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["ENGLISH_AUCTION", "LADDER_MAX", "Outcry", "bid_wanted"]

LADDER_MAX: Final = 2_000
"""After so many bids the last one wins: the decision that lists them must fit into the log."""

SOFT_CLOSE_MS_MAX: Final = 24 * 3600 * 1000
_MS: Final = 1_000_000


class Outcry(msgspec.Struct, frozen=True):
    """How an open outcry stands.

    Attributes:
        opened_id: Id of the opening.
        ends_ns: When bidding ends, on the log's clock.
        named: Who may bid; empty for everybody.
        ladder: The bids that counted, as they came.
        withdrawn: Who bids no more, and where each said so.
        over_id: Id of the word after which nothing is left to wait for; empty before it.
        over_at: Where that word stands.
    """

    opened_id: str
    ends_ns: int
    named: tuple[str, ...] = ()
    ladder: tuple[Ranked, ...] = ()
    withdrawn: Map[str, int] = Map()
    over_id: str = ""
    over_at: int = 0

    @property
    def leader(self) -> str:
        """Who holds the bid that stands; empty if there is none."""
        return self.ladder[-1].agent if self.ladder else ""


def bid_wanted(opening: EnglishAuctionOpened, outcry: Outcry) -> int:
    """Return the least amount that the next bid must have."""
    if not outcry.ladder:
        return max(opening.reserve, 1)
    return _beating(opening, outcry.ladder[-1])


def _beating(opening: EnglishAuctionOpened, rung: Ranked) -> int:
    """Return the least amount that beats a bid. Who buys at once beats any."""
    least = rung.amount + opening.increment
    return least if opening.buy_now is None else min(least, opening.buy_now)


def check_opening(opening: EnglishAuctionOpened) -> None:
    """Refuse an outcry that cannot be held.

    Raises:
        Rejected: The rule is unknown, or an amount or a duration is out of range.
    """
    OUTCRIES.find(opening.rule)
    check_lot(opening.lot, opening.unit)
    check_range("reserve", opening.reserve, 0)
    check_range("increment", opening.increment, 1)
    check_range("bid_for_ms", opening.bid_for_ms, 0, opening.open_for_ms)
    check_range("soft_close_ms", opening.soft_close_ms, 0, SOFT_CLOSE_MS_MAX)
    if opening.buy_now is not None:
        check_range("buy_now", opening.buy_now, max(opening.reserve, 1))


def check_speech(opening: EnglishAuctionOpened, speech: Speech) -> None:
    """Refuse a word that could never count.

    Raises:
        Rejected: The amount is out of range or below the reserve, or the note is too long.
    """
    if isinstance(speech, BidPlaced):
        check_range("amount", speech.amount, max(opening.reserve, 1))
    if isinstance(speech, BidPlaced | BidderWithdrew):
        check_length("note", speech.note, NOTE_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write a word as text."""
    return str(speech.amount) if isinstance(speech, BidPlaced) else "withdraws"


def initial(opening: EnglishAuctionOpened, start: Start) -> Outcry:
    """Begin."""
    bid_for_ms = opening.bid_for_ms or opening.open_for_ms // 2
    return Outcry(start.event_id, start.recorded_ns + bid_for_ms * _MS, tuple(start.weights))


def object_to(opening: EnglishAuctionOpened, outcry: Outcry, said: Said) -> str:
    """Refuse a bid that does not beat the one that stands."""
    if outcry.over_id:
        return "over"
    if said.agent in outcry.withdrawn:
        return "withdrawn"
    if isinstance(said.event, BidPlaced) and said.event.amount < bid_wanted(opening, outcry):
        return f"too_low: at least {bid_wanted(opening, outcry)}"
    return ""


def evolve(opening: EnglishAuctionOpened, outcry: Outcry, said: Said) -> Outcry:
    """Let a bid stand, or a bidder withdraw."""
    match said.event:
        case BidPlaced(amount=amount):
            rung = Ranked(said.agent, amount, said.position)
            # The session's own deadline comes first, however far bids move this end.
            extended = max(outcry.ends_ns, said.recorded_ns + opening.soft_close_ms * _MS)
            outcry = msgspec.structs.replace(
                outcry, ladder=(*outcry.ladder, rung), ends_ns=extended
            )
        case BidderWithdrew():
            withdrawn = outcry.withdrawn.set(said.agent, said.position)
            outcry = msgspec.structs.replace(outcry, withdrawn=withdrawn)
        case _:
            return outcry
    if _is_over(opening, outcry):
        return msgspec.structs.replace(outcry, over_id=said.event_id, over_at=said.position)
    return outcry


def _is_over(opening: EnglishAuctionOpened, outcry: Outcry) -> bool:
    best = outcry.ladder[-1].amount if outcry.ladder else 0
    is_bought = opening.buy_now is not None and best >= opening.buy_now
    is_quiet = bool(outcry.named) and all(
        agent == outcry.leader or agent in outcry.withdrawn for agent in outcry.named
    )
    return is_bought or is_quiet or len(outcry.ladder) >= LADDER_MAX


def due(opening: EnglishAuctionOpened, outcry: Outcry, now_ns: int) -> Due:  # noqa: ARG001 - the state says when
    """Close when the lot is bought, when all others have withdrawn, or when bidding ends."""
    if outcry.over_id:
        return Due(close="complete", cause=outcry.over_id, position=outcry.over_at)
    if now_ns >= outcry.ends_ns:
        return Due(close="deadline", cause=outcry.opened_id)
    return Due(at_ns=outcry.ends_ns)


def decide(hearing: Hearing[EnglishAuctionOpened]) -> EnglishAuctionDecided:
    """Award the lot to the last bid that counted."""
    opening, outcry = hearing.opening, _outcry(hearing)
    is_sold = bool(outcry.ladder) and hearing.has_quorum()
    winner, price, basis = "", None, None
    if is_sold:
        winner = outcry.leader
        price, basis = OUTCRIES.find(opening.rule)(outcry.ladder[-1].amount, opening.buy_now)
    latest = {rung.agent: rung for rung in outcry.ladder}
    reason = "outbid" if is_sold else "no_quorum"
    lost = (latest[agent] for agent in sorted(latest) if agent != winner)
    return EnglishAuctionDecided(
        outcome="decided" if is_sold else "no_quorum",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(
            *(Alternative(one.agent, str(one.amount), one.position, reason) for one in lost),
            *hearing.invalid(),
        ),
        superseded=hearing.superseded,
        lot=opening.lot,
        winner=winner,
        price=price,
        ladder=outcry.ladder,
        price_basis=basis,
    )


def verify(hearing: Hearing[EnglishAuctionOpened], decision: Decision) -> None:
    """Check a decision by its ladder, without holding the auction again.

    Raises:
        Rejected: The ladder is not that of the session or does not rise as declared, or
            outcome, winner or price do not follow from it; or the decision is about other
            positions, another rule or another lot.
    """
    if not isinstance(decision, EnglishAuctionDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of an open outcry")
    opening, ladder = hearing.opening, decision.ladder
    prove(
        (
            *terms(hearing, decision),
            ("lot", decision.lot, opening.lot),
            ("ladder", ladder, _outcry(hearing).ladder),
        )
    )
    if ladder and ladder[0].amount < opening.reserve:
        raise disproved("ladder", ladder[0], f"at least {opening.reserve}")
    for lower, higher in pairwise(ladder):
        least = _beating(opening, lower)
        if higher.amount < least or higher.position <= lower.position:
            raise disproved("ladder", higher, f"at least {least}")
    outcome: Outcome = "decided" if ladder and hearing.has_quorum() else "no_quorum"
    winner, price, basis = _award(opening, ladder) if outcome == "decided" else ("", None, None)
    prove(
        (
            ("outcome", decision.outcome, outcome),
            ("winner", decision.winner, winner),
            ("price", decision.price, price),
            ("price_basis", decision.price_basis, basis),
        )
    )


def _award(
    opening: EnglishAuctionOpened, ladder: tuple[Ranked, ...]
) -> tuple[str, int, OutcryBasis]:
    best = ladder[-1]
    if opening.buy_now is None or best.amount < opening.buy_now:
        return best.agent, best.amount, "own_bid"
    return best.agent, opening.buy_now, "buy_now"


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner, which becomes the value of the variable at stake."""
    if isinstance(decision, EnglishAuctionDecided) and decision.outcome == "decided":
        return decision.winner
    return None


def standing(hearing: Hearing[EnglishAuctionOpened]) -> Standing:
    """Show the ladder, the bid that stands first."""
    outcry = _outcry(hearing)
    rows = tuple((rung.agent, str(rung.amount), str(rung.position)) for rung in outcry.ladder)
    remarks: list[str] = []
    if not hearing.considered.closed and not outcry.over_id:
        remarks.append(f"the next bid must be at least {bid_wanted(hearing.opening, outcry)}")
    if outcry.withdrawn:
        remarks.append(f"withdrawn: {', '.join(sorted(outcry.withdrawn))}")
    return Standing(("bidder", "amount", "position"), rows[::-1], tuple(remarks))


def _outcry(hearing: Hearing[EnglishAuctionOpened]) -> Outcry:
    assert isinstance(hearing.course, Outcry)
    return hearing.course


ENGLISH_AUCTION: Final = Protocol(
    name="english_auction",
    opening=EnglishAuctionOpened,
    speech=OutcryWord,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
ENGLISH_AUCTION.register()
