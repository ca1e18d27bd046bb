"""What rising and falling clocks share: rounds, and who has answered in them.

A round begins when its price is recorded and ends at the record of the next price, so that
a coordinator that was away does not rush through the prices it has missed. What stands
between these two records counts in the round.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from mabeam.core.auction.checks import check_range
from mabeam.core.auction.events import (
    ClockAuctionOpened,
    DutchAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
)
from mabeam.core.session.course import Said, Start
from mabeam.core.session.events import Speech

__all__ = ["ROUNDS_MAX", "Clock", "begin", "check_answer", "price_of", "say", "tick", "ticks_at"]

ROUNDS_MAX: Final = 10_000
_MS: Final = 1_000_000

ClockOpening: TypeAlias = ClockAuctionOpened | DutchAuctionOpened


class Clock(msgspec.Struct, frozen=True):
    """How the clock of an auction stands.

    Attributes:
        begun_id: Id of the event that began the round.
        begun_ns: When it was recorded, on the log's clock.
        named: Who may answer; empty for everybody.
        round: Number of the round, from 1.
    """

    begun_id: str
    begun_ns: int
    named: tuple[str, ...] = ()
    round: int = 1


def begin(start: Start) -> Clock:
    """Return the clock at its first price."""
    return Clock(start.event_id, start.recorded_ns, tuple(start.weights))


def price_of(opening: ClockOpening, number: int) -> int:
    """Return the price of a round."""
    falls = isinstance(opening, DutchAuctionOpened)
    return opening.start + (-opening.step if falls else opening.step) * (number - 1)


def tick(opening: ClockOpening, clock: Clock, said: Said) -> Clock:
    """Let the next round begin if its price, and no other, is announced."""
    number = clock.round + 1
    if said.event != PriceAnnounced(round=number, price=price_of(opening, number)):
        return clock
    return msgspec.structs.replace(
        clock, begun_id=said.event_id, begun_ns=said.recorded_ns, round=number
    )


def ticks_at(opening: ClockOpening, clock: Clock) -> int:
    """Return when the round ends though somebody is silent, on the log's clock."""
    return clock.begun_ns + opening.tick_ms * _MS


def check_answer(speech: Speech) -> None:
    """Refuse an answer that could never count.

    Raises:
        Rejected: The price is out of range.
    """
    if isinstance(speech, PriceAnswered):
        check_range("price", speech.price, 0)


def say(speech: Speech) -> str:
    """Write an answer as text."""
    if not isinstance(speech, PriceAnswered):
        return ""
    return f"{'yes' if speech.accepts else 'no'} to {speech.price}"
