"""What is said in auctions of every form, as half a sentence whose subject is the actor."""

from __future__ import annotations

from typing import Final

from mabeam.app.telling.events import audience, told
from mabeam.app.telling.words import because
from mabeam.core.auction.events import (
    BidCommitted,
    BidderWithdrew,
    BiddingEnded,
    BidRevealed,
    ClockAuctionDecided,
    ClockAuctionOpened,
    CommitsClosed,
    CommittedAuctionDecided,
    CommittedAuctionOpened,
    DemandStated,
    DutchAuctionDecided,
    DutchAuctionOpened,
    EnglishAuctionDecided,
    EnglishAuctionOpened,
    MultiUnitAuctionDecided,
    MultiUnitAuctionOpened,
    PriceAnnounced,
    PriceAnswered,
)

__all__: list[str] = []

_ENDINGS: Final = {
    "no_quorum": "nothing that counts was bid",
    "tie_unresolved": "a tie was left unresolved",
}
_BASES: Final = {
    "second_bid": "the second-highest bid",
    "reserve": "the reserve",
    "own_bid": "its own bid",
    "buy_now": "the price to buy at once",
}


@told.register
def _(event: EnglishAuctionOpened) -> str:
    unit = _unit(event.unit)
    return (
        f"offers {event.lot!r}{audience(event, ' to ')} in open outcry, "
        f"from {max(event.reserve, 1):,} by {event.increment:,}{unit}"
    )


@told.register
def _(event: ClockAuctionOpened) -> str:
    return (
        f"offers {event.lot!r}{audience(event, ' to ')} on a rising clock, "
        f"from {event.start:,} by {event.step:,}{_unit(event.unit)}"
    )


@told.register
def _(event: DutchAuctionOpened) -> str:
    return (
        f"offers {event.lot!r}{audience(event, ' to ')} on a falling clock, "
        f"from {event.start:,} by {event.step:,} to {event.reserve:,}{_unit(event.unit)}"
    )


@told.register
def _(event: MultiUnitAuctionOpened) -> str:
    reserve = f", reserve {event.reserve:,}{_unit(event.unit)}" if event.reserve else ""
    return f"offers {event.units:,} x {event.lot!r}{audience(event, ' to ')}{reserve}"


@told.register
def _(event: CommittedAuctionOpened) -> str:
    reserve = f", reserve {event.reserve:,}{_unit(event.unit)}" if event.reserve else ""
    return f"offers {event.lot!r}{audience(event, ' to ')} for bids under seal{reserve}"


@told.register
def _(event: BidderWithdrew) -> str:
    return f"bids no more{because(event.note)}"


@told.register
def _(event: PriceAnnounced) -> str:
    return f"shows the price {event.price:,} in round {event.round}"


@told.register
def _(event: BiddingEnded) -> str:
    return f"stops the clock after round {event.round}"


@told.register
def _(event: PriceAnswered) -> str:
    return f"{'accepts' if event.accepts else 'does not accept'} {event.price:,}"


@told.register
def _(event: DemandStated) -> str:
    amounts = " + ".join(f"{amount:,}" for amount in event.amounts)
    return f"bids {amounts}{because(event.note)}"


@told.register
def _(event: BidCommitted) -> str:
    return f"seals a bid as {event.commitment[:8]}"


@told.register
def _(event: CommitsClosed) -> str:  # noqa: ARG001 - the type says it all
    return "lets the bids be revealed"


@told.register
def _(event: BidRevealed) -> str:
    return f"reveals {event.amount:,}"


@told.register
def _(event: EnglishAuctionDecided | CommittedAuctionDecided) -> str:
    forfeits = getattr(event, "forfeits", ())
    lost = f"; {', '.join(one.agent for one in forfeits)} did not reveal" if forfeits else ""
    basis = f", {_BASES[event.price_basis]}" if event.price_basis else ""
    return f"{_award(event.outcome, event.winner, event.price)}{basis}{lost}"


@told.register
def _(event: ClockAuctionDecided | DutchAuctionDecided) -> str:
    award = _award(event.outcome, event.winner, event.price)
    return f"{award}, after {event.rounds:,} round{'' if event.rounds == 1 else 's'}"


@told.register
def _(event: MultiUnitAuctionDecided) -> str:
    won = [
        f"{award.units:,} to {award.agent} for {award.pays:,}"
        for award in event.awards
        if award.units
    ]
    return f"awards {', '.join(won)}" if won else _award(event.outcome, "", None)


def _award(outcome: str, winner: str, price: int | None) -> str:
    if price is None:
        return f"awards it to nobody: {_ENDINGS.get(outcome, outcome)}"
    return f"awards it to {winner} at {price:,}"


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
