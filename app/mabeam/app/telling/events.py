"""What each event says, as half a sentence whose subject is the actor."""

from __future__ import annotations

from fractions import Fraction
from functools import singledispatch
from typing import Final

import msgspec

from mabeam.app.telling.bundles import of_bundles
from mabeam.app.telling.variables import of_variable
from mabeam.app.telling.words import because, joined, reason_in_words
from mabeam.core.agent.events import (
    Deregistered,
    HandlerFailed,
    Registered,
    Resumed,
    Suspended,
    Updated,
)
from mabeam.core.auction.events import AuctionDecided, AuctionOpened, BidPlaced
from mabeam.core.consensus.events import BallotCast, ConsensusDecided, ConsensusOpened
from mabeam.core.envelope import Recorded
from mabeam.core.errors import CodecError, UnknownEventType
from mabeam.core.events import Event, Several
from mabeam.core.numbers import to_decimal
from mabeam.core.session.events import Cancelled, Closed, Decision, Failed, Opening

__all__ = ["asides", "tell"]

_MEAN_PLACES: Final = 4
_ENDINGS: Final = {
    "no_quorum": "the quorum was missed",
    "tie_unresolved": "a tie was left unresolved",
    "default_taken": "the quorum was missed, so the default holds",
}


def tell(recorded: Recorded) -> str:
    """Return what an event says, in words where it is one of mabeam's own."""
    try:
        event = recorded.data
    except UnknownEventType as error:
        data = recorded.envelope.data
        raw = b"" if data is msgspec.UNSET else bytes(data)
        return f"{error.type} {raw.decode('utf-8', 'replace')}".rstrip()
    except CodecError as error:
        return f"says what nobody can read: {error}"
    if isinstance(event, Several):
        return "; ".join(map(tell, recorded.parts)) or "says what counts no more"
    return of_variable(event, recorded.entity) or of_bundles(event) or _told(event)


def asides(recorded: Recorded) -> list[str]:
    """Return what else a decision tells: who did not get their way, and why."""
    return [text for part in recorded.parts for text in _asides(part)]


def _asides(recorded: Recorded) -> list[str]:
    try:
        event = recorded.data
    except CodecError:
        return []
    if not isinstance(event, Decision):
        return []
    verb = "lost with" if isinstance(event, AuctionDecided) else "said"
    return [
        f"{other.agent} {verb} {other.said}: {reason_in_words(other.reason)}"
        for other in event.alternatives
    ]


@singledispatch
def _told(event: Event) -> str:
    """Fall back on the payload itself for events that have no words here."""
    name = type(event).__name__
    return f"{name} {msgspec.json.encode(event).decode()}"


@_told.register
def _(event: Registered) -> str:
    return f"registers as {event.role}{because(', '.join(event.capabilities))}"


@_told.register
def _(event: Updated) -> str:
    return f"is now {event.role}{because(', '.join(event.capabilities))}"


@_told.register
def _(event: Suspended) -> str:
    return f"is suspended{because(event.reason)}"


@_told.register
def _(event: Resumed) -> str:  # noqa: ARG001 - the type says it all
    return "takes part again"


@_told.register
def _(event: Deregistered) -> str:
    return f"leaves{because(event.reason)}"


@_told.register
def _(event: HandlerFailed) -> str:
    return f"failed in its handler {event.handler}: {event.error}: {event.message}"


@_told.register
def _(event: AuctionOpened) -> str:
    reserve = f", reserve {event.reserve:,}" if event.reserve else ""
    unit = f" {event.unit}" if event.unit and event.reserve else ""
    return f"offers {event.lot!r}{_audience(event, ' to ')}{reserve}{unit}"


@_told.register
def _(event: BidPlaced) -> str:
    return f"bids {event.amount:,}{because(event.note)}"


@_told.register
def _(event: AuctionDecided) -> str:
    if event.outcome != "decided":
        return f"awards it to nobody: {_ENDINGS.get(event.outcome, event.outcome)}"
    basis = "the reserve" if event.price_basis == "reserve" else "the second-highest bid"
    return f"awards it to {event.winner} at {event.price:,}, {basis}"


@_told.register
def _(event: ConsensusOpened) -> str:
    question = event.question or event.variable or "which number"
    step = "" if event.step is None else f" in steps of {event.step.normalize()}"
    span = f"{event.low.normalize():f} to {event.high.normalize():f}"
    return f"asks{_audience(event, ' ')}: {question}, {span}{step}"


@_told.register
def _(event: BallotCast) -> str:
    return f"votes {event.value}{because(event.note)}"


@_told.register
def _(event: ConsensusDecided) -> str:
    if event.outcome != "decided":
        value = "" if event.value is None else f"{event.value}, because "
        return f"decides {value or 'nothing: '}{_ENDINGS.get(event.outcome, event.outcome)}"
    terms = " + ".join(f"{c.weight} x {c.value}" for c in event.contributions)
    weights = sum(c.weight for c in event.contributions)
    mean = to_decimal(Fraction(event.mean), _MEAN_PLACES)
    return f"decides {event.value}: ({terms}) / {weights} = {mean}"


@_told.register
def _(event: Closed) -> str:
    why = "all have spoken" if event.reason == "complete" else "time is up"
    return f"closes it: {why}"


@_told.register
def _(event: Cancelled) -> str:
    return f"takes it back{because(event.reason)}"


@_told.register
def _(event: Failed) -> str:
    return f"ends it, for it cannot be held: {event.detail}"


def _audience(opening: Opening, preposition: str) -> str:
    agents = [
        spoken.agent if spoken.weight == 1 else f"{spoken.agent} x{spoken.weight}"
        for spoken in opening.participants
    ]
    return f"{preposition}{joined(agents)}" if agents else ""
