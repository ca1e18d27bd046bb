"""A falling clock (Dutch auction) as a session: the first who accepts its price has the lot.

Of two who accept the same price the one that stands earlier in the log was first. Who
accepts a price just before a lower one is recorded gets the lot at the lower one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.auction.checks import check_lot, check_range, disproved, prove
from mabeam.core.auction.events import (
    DutchAuctionDecided,
    DutchAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
)
from mabeam.core.auction.rules import FALLING_CLOCKS
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
from mabeam.core.session.events import Decision, Outcome, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["DUTCH_AUCTION", "FallingClock", "rounds_of"]


class FallingClock(msgspec.Struct, frozen=True):
    """How a falling clock stands.

    Attributes:
        clock: The round.
        passed: The last round to whose price each bidder said no.
        stopped_by: Who stopped it; empty while it runs.
        stopped_at: Where the word stands that stopped it.
    """

    clock: Clock
    passed: Map[str, int] = Map()
    stopped_by: str = ""
    stopped_at: int = 0


def rounds_of(opening: DutchAuctionOpened) -> int:
    """Return how many prices the clock shows if nobody stops it."""
    down = (opening.start - opening.reserve) // opening.step + 1
    return min(down, opening.rounds_max or down)


def check_opening(opening: DutchAuctionOpened) -> None:
    """Refuse a clock that cannot run.

    Raises:
        Rejected: The rule is unknown, or an amount or a number is out of range.
    """
    FALLING_CLOCKS.find(opening.rule)
    check_lot(opening.lot, opening.unit)
    check_range("reserve", opening.reserve, 0)
    check_range("start", opening.start, opening.reserve)
    check_range("step", opening.step, 1)
    check_range("tick_ms", opening.tick_ms, 1, opening.open_for_ms)
    check_range("rounds_max", opening.rounds_max, 0, ROUNDS_MAX)
    check_range("rounds", rounds_of(opening), 1, ROUNDS_MAX)


def check_speech(opening: DutchAuctionOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse an answer that could never count.

    Raises:
        Rejected: The price is out of range.
    """
    check_answer(speech)


def initial(opening: DutchAuctionOpened, start: Start) -> FallingClock:  # noqa: ARG001 - all alike
    """Begin."""
    return FallingClock(begin(start))


def object_to(opening: DutchAuctionOpened, state: FallingClock, said: Said) -> str:
    """Refuse who comes second, and who wants the lot for less than the clock shows."""
    answer, shown = said.event, price_of(opening, state.clock.round)
    assert isinstance(answer, PriceAnswered)
    if state.stopped_by:
        return "stopped_already"
    if answer.accepts:
        return f"below_the_clock: it shows {shown}" if answer.price < shown else ""
    return "" if answer.price == shown else f"other_price: the clock shows {shown}"


def evolve(opening: DutchAuctionOpened, state: FallingClock, said: Said) -> FallingClock:
    """Let a bidder stop the clock or wait, and the clock go on."""
    match said.event:
        case PriceAnswered(accepts=True):
            return msgspec.structs.replace(state, stopped_by=said.agent, stopped_at=said.position)
        case PriceAnswered():
            passed = state.passed.set(said.agent, state.clock.round)
            return msgspec.structs.replace(state, passed=passed)
        case _ if state.stopped_by:
            # The price that was accepted stays, though another was being announced.
            return state
        case _:
            return msgspec.structs.replace(state, clock=tick(opening, state.clock, said))


def due(opening: DutchAuctionOpened, state: FallingClock, now_ns: int) -> Due:
    """Go on until somebody stops the clock or it has shown all its prices."""
    clock = state.clock
    if state.stopped_by:
        return Due(close="complete", cause=clock.begun_id)
    all_passed = bool(clock.named) and all(
        state.passed.get(agent) == clock.round for agent in clock.named
    )
    ends_ns = ticks_at(opening, clock)
    if now_ns < ends_ns and not all_passed:
        return Due(at_ns=ends_ns)
    if clock.round >= rounds_of(opening):
        return Due(close="complete", cause=clock.begun_id)
    number = clock.round + 1
    announced = PriceAnnounced(round=number, price=price_of(opening, number))
    return Due(announce=announced, cause=clock.begun_id)


def decide(hearing: Hearing[DutchAuctionOpened]) -> DutchAuctionDecided:
    """Award the lot to who stopped the clock."""
    opening, state = hearing.opening, _state(hearing)
    is_sold = bool(state.stopped_by) and hearing.has_quorum()
    price = FALLING_CLOCKS.find(opening.rule)(opening.start, opening.step, state.clock.round)
    return DutchAuctionDecided(
        outcome="decided" if is_sold else "no_quorum",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=hearing.invalid(),
        superseded=hearing.superseded,
        lot=opening.lot,
        winner=state.stopped_by if is_sold else "",
        price=price if is_sold else None,
        rounds=state.clock.round,
        stopped_at=state.stopped_at,
    )


def verify(hearing: Hearing[DutchAuctionOpened], decision: Decision) -> None:
    """Check a decision by the word that stopped the clock.

    Raises:
        Rejected: Winner or price are not those of that word, or the outcome does not follow;
            or the decision is about other positions, another rule or another lot.
    """
    if not isinstance(decision, DutchAuctionDecided):
        raise disproved("outcome", type(decision).__name__, "a decision of a falling clock")
    opening, state = hearing.opening, _state(hearing)
    is_sold = state.stopped_at > 0 and hearing.has_quorum()
    outcome: Outcome = "decided" if is_sold else "no_quorum"
    price = opening.start - opening.step * (decision.rounds - 1)
    prove(
        (
            *terms(hearing, decision),
            ("lot", decision.lot, opening.lot),
            ("rounds", decision.rounds, state.clock.round),
            ("stopped_at", decision.stopped_at, state.stopped_at),
            ("outcome", decision.outcome, outcome),
            ("winner", decision.winner, state.stopped_by if is_sold else ""),
            ("price", decision.price, price if is_sold else None),
        )
    )
    if is_sold:
        _verify_word(hearing, decision, price)


def _verify_word(
    hearing: Hearing[DutchAuctionOpened], decision: DutchAuctionDecided, price: int
) -> None:
    """Check that the winner's word stands where it is said to, and accepts such a price."""
    spoken = hearing.spoken[decision.winner]
    answer = spoken.speech
    accepts = isinstance(answer, PriceAnswered) and answer.accepts and answer.price >= price
    if spoken.position != decision.stopped_at or not accepts or price < hearing.opening.reserve:
        raise disproved("stopped_at", decision.stopped_at, f"a yes to {price} or more")


def result(decision: Decision) -> Decimal | str | None:
    """Return the winner, which becomes the value of the variable at stake."""
    if isinstance(decision, DutchAuctionDecided) and decision.outcome == "decided":
        return decision.winner
    return None


def standing(hearing: Hearing[DutchAuctionOpened]) -> Standing:
    """Show the price, and who has said no to it."""
    opening, state = hearing.opening, _state(hearing)
    shown = price_of(opening, state.clock.round)
    rows = tuple(
        (agent, str(price_of(opening, number)), "waits")
        for agent, number in sorted(state.passed.items())
        if agent != state.stopped_by
    )
    if state.stopped_by:
        rows = ((state.stopped_by, str(shown), "stops the clock"), *rows)
    return Standing(
        ("bidder", "price", "remark"),
        rows,
        (f"round {state.clock.round} of {rounds_of(opening)}: the clock shows {shown}",),
    )


def _state(hearing: Hearing[DutchAuctionOpened]) -> FallingClock:
    assert isinstance(hearing.course, FallingClock)
    return hearing.course


DUTCH_AUCTION: Final = Protocol(
    name="dutch_auction",
    opening=DutchAuctionOpened,
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
DUTCH_AUCTION.register()
