"""A rising clock (Japanese auction) as a session: who does not accept a price is out.

The price rises by announcements. Who is left alone pays the last price at which another was
still in, so nobody pays a price it has not accepted, and staying up to one's value is a
dominant strategy. Silence is leaving: an agent that is down wins nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.auction.checks import check_lot, check_range, disproved, prove
from mabeam.core.auction.clock import ClockAward
from mabeam.core.auction.events import (
    BiddingEnded,
    ClockAuctionDecided,
    ClockAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
    Ranked,
)
from mabeam.core.auction.rules import RISING_CLOCKS, tie_key
from mabeam.core.auction.ticking import (
    ROUNDS_MAX,
    Clock,
    begin,
    check_answer,
    price_of,
    say,
    tick,
    ticks_at,
)
from mabeam.core.session.course import Course, Due, Said, Start
from mabeam.core.session.events import Alternative, Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["CLOCK_AUCTION", "RisingClock", "Stay", "is_in"]


class Stay(msgspec.Struct, frozen=True, gc=False):
    """The last round whose price a bidder accepted, and where it did."""

    round: int
    position: int


class RisingClock(msgspec.Struct, frozen=True):
    """How a rising clock stands.

    Attributes:
        clock: The round.
        stays: The last round that each bidder accepted.
        left: Who has left with a word and not by silence, and where each said so.
        is_ended: Whether the last price was put to all who were in.
    """

    clock: Clock
    stays: Map[str, Stay] = Map()
    left: Map[str, int] = Map()
    is_ended: bool = False


def is_in(state: RisingClock, agent: str) -> bool:
    """Tell whether a bidder may accept the price that the clock shows."""
    if agent in state.left or state.is_ended:
        return False
    return state.clock.round == 1 or _accepted(state, agent) >= state.clock.round - 1


def _accepted(state: RisingClock, agent: str) -> int:
    stay = state.stays.get(agent)
    return 0 if stay is None else stay.round


def _active(state: RisingClock) -> tuple[str, ...]:
    """Return who accepted the last price that all were asked; in the first round, the named."""
    if state.clock.round == 1:
        return state.clock.named
    asked = state.clock.round - 1
    return tuple(agent for agent, stay in state.stays.items() if stay.round >= asked)


def check_opening(opening: ClockAuctionOpened) -> None:
    """Refuse a clock that cannot run.

    Raises:
        Rejected: The rule is unknown, or an amount or a number is out of range.
    """
    RISING_CLOCKS.find(opening.rule)
    check_lot(opening.lot, opening.unit)
    check_range("start", opening.start, 0)
    check_range("step", opening.step, 1)
    check_range("tick_ms", opening.tick_ms, 1, opening.open_for_ms)
    check_range("rounds_max", opening.rounds_max, 1, ROUNDS_MAX)
    check_range("last_price", opening.start + opening.step * (opening.rounds_max - 1), 0)


def check_speech(opening: ClockAuctionOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse an answer that could never count.

    Raises:
        Rejected: The price is out of range.
    """
    check_answer(speech)


def initial(opening: ClockAuctionOpened, start: Start) -> RisingClock:  # noqa: ARG001 - all alike
    """Begin."""
    return RisingClock(begin(start))


def object_to(opening: ClockAuctionOpened, state: RisingClock, said: Said) -> str:
    """Refuse who is out, and a yes to another price than the clock shows."""
    answer = said.event
    assert isinstance(answer, PriceAnswered)
    if not is_in(state, said.agent):
        return "out"
    if answer.accepts and answer.price != price_of(opening, state.clock.round):
        return f"other_price: the clock shows {price_of(opening, state.clock.round)}"
    if answer.accepts and _accepted(state, said.agent) == state.clock.round:
        return "said_already"
    return ""


def evolve(opening: ClockAuctionOpened, state: RisingClock, said: Said) -> RisingClock:
    """Let a bidder stay or leave, and the clock go on."""
    match said.event:
        case PriceAnswered(accepts=True):
            stay = Stay(state.clock.round, said.position)
            return msgspec.structs.replace(state, stays=state.stays.set(said.agent, stay))
        case PriceAnswered():
            left = state.left.set(said.agent, said.position)
            return msgspec.structs.replace(state, left=left)
        case BiddingEnded():
            return msgspec.structs.replace(state, is_ended=True)
        case _:
            return msgspec.structs.replace(state, clock=tick(opening, state.clock, said))


def due(opening: ClockAuctionOpened, state: RisingClock, now_ns: int) -> Due:
    """Go on while two are in, as soon as all have answered or the tick is over."""
    clock = state.clock
    active = _active(state)
    if state.is_ended or (clock.round > 1 and len(active) <= 1):
        return Due(close="complete", cause=clock.begun_id)
    has_answered = all(
        agent in state.left or _accepted(state, agent) >= clock.round for agent in active
    )
    ends_ns = ticks_at(opening, clock)
    if now_ns < ends_ns and not (active and has_answered):
        return Due(at_ns=ends_ns)
    # What is announced follows from the round alone. A word that slips in before it counts
    # in the round it ends, and cannot make it another announcement.
    if clock.round >= opening.rounds_max:
        return Due(announce=BiddingEnded(round=clock.round), cause=clock.begun_id)
    number = clock.round + 1
    announced = PriceAnnounced(round=number, price=price_of(opening, number))
    return Due(announce=announced, cause=clock.begun_id)


def _reached(state: RisingClock) -> int:
    """Return the last round whose price was put to all who were in."""
    return state.clock.round if state.is_ended else max(state.clock.round - 1, 1)


def decide(hearing: Hearing[ClockAuctionOpened]) -> ClockAuctionDecided:
    """Award the lot to who was left alone."""
    opening, state = hearing.opening, _state(hearing)
    award = RISING_CLOCKS.find(opening.rule)(
        {agent: price_of(opening, stay.round) for agent, stay in state.stays.items()},
        price_of(opening, _reached(state)),
        opening.start,
        opening.step,
        lambda agent: tie_key(hearing, agent, state.stays[agent].position),
    )
    outcome = _outcome(hearing, award)
    is_sold = outcome == "decided"
    stays = _stays(hearing)
    return ClockAuctionDecided(
        outcome=outcome,
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_alternatives(hearing, award, outcome),
        superseded=hearing.superseded,
        lot=opening.lot,
        winner=award.winner or "" if is_sold else "",
        price=award.price if is_sold else None,
        rounds=award.rounds if is_sold else _reached(state),
        reached=price_of(opening, _reached(state)),
        stays=stays,
    )


def _outcome(hearing: Hearing[ClockAuctionOpened], award: ClockAward) -> Outcome:
    if not hearing.has_quorum() or not (award.winner or award.tied):
        return "no_quorum"
    refuses = bool(award.tied) and hearing.opening.tie_break == "refuse"
    return "tie_unresolved" if award.is_undecided or refuses else "decided"


def _stays(hearing: Hearing[ClockAuctionOpened]) -> tuple[Ranked, ...]:
    opening, state = hearing.opening, _state(hearing)
    reached = _reached(state)
    found = [
        Ranked(agent, price_of(opening, min(stay.round, reached)), stay.position)
        for agent, stay in state.stays.items()
    ]
    return tuple(
        sorted(found, key=lambda one: (-one.amount, tie_key(hearing, one.agent, one.position)))
    )


def _alternatives(
    hearing: Hearing[ClockAuctionOpened], award: ClockAward, outcome: Outcome
) -> tuple[Alternative, ...]:
    if outcome == "no_quorum":
        among, others = "no_quorum", "no_quorum"
    elif award.is_undecided:
        among, others = "undecided", "left"
    else:
        among, others = ("tie_lost" if outcome == "decided" else "tie_unresolved"), "left"
    lost = (
        Alternative(
            stay.agent,
            f"yes to {stay.amount}",
            stay.position,
            among if stay.agent in award.tied else others,
        )
        for stay in sorted(_stays(hearing), key=lambda one: one.agent)
        if outcome != "decided" or stay.agent != award.winner
    )
    return (*lost, *hearing.invalid())


def verify(hearing: Hearing[ClockAuctionOpened], decision: Decision) -> None:
    """Check a decision by the prices that each accepted, without running the clock again.

    Raises:
        Rejected: These are not those of the session, or outcome, winner or price do not
            follow from them; or the decision is about other positions, another rule or lot.
    """
    if not isinstance(decision, ClockAuctionDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a rising clock")
    opening, state = hearing.opening, _state(hearing)
    reached = _reached(state)
    prove(
        (
            *terms(hearing, decision),
            ("lot", decision.lot, opening.lot),
            ("reached", decision.reached, price_of(opening, reached)),
            ("stays", decision.stays, _stays(hearing)),
        )
    )
    outcome, winner, price = _award(hearing, decision.stays, decision.reached)
    due_price = decision.reached if price is None else price
    prove(
        (
            ("outcome", decision.outcome, outcome),
            ("winner", decision.winner, winner),
            ("price", decision.price, price),
            ("rounds", decision.rounds, (due_price - opening.start) // opening.step + 1),
        )
    )


def _award(
    hearing: Hearing[ClockAuctionOpened], stays: tuple[Ranked, ...], reached: int
) -> tuple[Outcome, str, int | None]:
    if not stays or not hearing.has_quorum():
        return "no_quorum", "", None
    if len(stays) == 1:
        return "decided", stays[0].agent, hearing.opening.start
    first, second = stays[:2]
    if first.amount > second.amount:
        return "decided", first.agent, second.amount
    if first.amount == reached or hearing.opening.tie_break == "refuse":
        return "tie_unresolved", "", None
    return "decided", first.agent, first.amount


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner, which becomes the value of the variable at stake."""
    if isinstance(decision, ClockAuctionDecided) and decision.outcome == "decided":
        return decision.winner
    return None


def standing(hearing: Hearing[ClockAuctionOpened]) -> Standing:
    """Show the price, and the last price that each accepted."""
    opening, state = hearing.opening, _state(hearing)
    rows = tuple(
        (agent, str(price_of(opening, stay.round)), "in" if is_in(state, agent) else "out")
        for agent, stay in sorted(state.stays.items(), key=lambda one: (-one[1].round, one[0]))
    )
    number = state.clock.round
    return Standing(
        ("bidder", "accepted", "remark"),
        rows,
        (f"round {number}: the clock shows {price_of(opening, number)}",),
    )


def _state(hearing: Hearing[ClockAuctionOpened]) -> RisingClock:
    assert isinstance(hearing.course, RisingClock)
    return hearing.course


CLOCK_AUCTION: Final = Protocol(
    name="clock_auction",
    opening=ClockAuctionOpened,
    speech=PriceAnswered,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
CLOCK_AUCTION.register()
