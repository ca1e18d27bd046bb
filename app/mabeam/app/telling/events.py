"""What each event says, as half a sentence whose subject is the actor."""

from __future__ import annotations

from functools import singledispatch
from typing import Final

import msgspec

from mabeam.app.telling.bundles import of_bundles
from mabeam.app.telling.numbers import number_in_words, of_refinement
from mabeam.app.telling.variables import of_variable
from mabeam.app.telling.words import because, digits_of, joined, reason_in_words
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
from mabeam.core.session.events import (
    Cancelled,
    ChildEnded,
    Closed,
    Decision,
    Failed,
    Opening,
)

__all__ = ["asides", "audience", "ending", "tell", "told"]

_BASES: Final = {"reserve": "the reserve", "own_bid": "its own bid"}
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
    words = of_variable(event, recorded.entity) or of_refinement(event) or of_bundles(event)
    return words or told(event)


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
def told(event: Event) -> str:
    """Return what an event says; by its payload itself where no words are registered for it."""
    name = type(event).__name__
    return f"{name} {msgspec.json.encode(event).decode()}"


@told.register
def _(event: Registered) -> str:
    return f"registers as {event.role}{because(', '.join(event.capabilities))}"


@told.register
def _(event: Updated) -> str:
    return f"is now {event.role}{because(', '.join(event.capabilities))}"


@told.register
def _(event: Suspended) -> str:
    return f"is suspended{because(event.reason)}"


@told.register
def _(event: Resumed) -> str:  # noqa: ARG001 - the type says it all
    return "takes part again"


@told.register
def _(event: Deregistered) -> str:
    return f"leaves{because(event.reason)}"


@told.register
def _(event: HandlerFailed) -> str:
    return f"failed in its handler {event.handler}: {event.error}: {event.message}"


@told.register
def _(event: AuctionOpened) -> str:
    reserve = f", reserve {event.reserve:,}" if event.reserve else ""
    unit = f" {event.unit}" if event.unit and event.reserve else ""
    return f"offers {event.lot!r}{audience(event, ' to ')}{reserve}{unit}"


@told.register
def _(event: BidPlaced) -> str:
    return f"bids {event.amount:,}{because(event.note)}"


@told.register
def _(event: AuctionDecided) -> str:
    if event.outcome != "decided":
        return f"awards it to nobody: {_ENDINGS.get(event.outcome, event.outcome)}"
    basis = _BASES.get(event.price_basis or "", "the second-highest bid")
    return f"awards it to {event.winner} at {event.price:,}, {basis}"


@told.register
def _(event: ConsensusOpened) -> str:
    question = event.question or event.variable or "which number"
    step = "" if event.step is None else f" in steps of {digits_of(event.step)}"
    span = f"{digits_of(event.low)} to {digits_of(event.high)}"
    return f"asks{audience(event, ' ')}: {question}, {span}{step}"


@told.register
def _(event: BallotCast) -> str:
    return f"votes {event.value}{because(event.note)}"


@told.register
def _(event: ConsensusDecided) -> str:
    if event.outcome != "decided":
        value = "" if event.value is None else f"{event.value}, because "
        return f"decides {value or 'nothing: '}{ending(event.outcome)}"
    made = number_in_words(event.rule, event.contributions, event.dropped, event.mean)
    return f"decides {event.value}: {made}"


@told.register
def _(event: Closed) -> str:
    why = "all have spoken" if event.reason == "complete" else "time is up"
    return f"closes it: {why}"


@told.register
def _(event: ChildEnded) -> str:
    came_to = f", it came to {event.result}" if event.result else ""
    return f"hears that {event.child} has ended: {event.outcome.replace('_', ' ')}{came_to}"


@told.register
def _(event: Cancelled) -> str:
    return f"takes it back{because(event.reason)}"


@told.register
def _(event: Failed) -> str:
    return f"ends it, for it cannot be held: {event.detail}"


def ending(outcome: str) -> str:
    """Return how a session ended without a decision."""
    return _ENDINGS.get(outcome, outcome)


def audience(opening: Opening, preposition: str) -> str:
    """Return who may speak, with their weights; nothing where everybody may."""
    agents = [
        spoken.agent if spoken.weight == 1 else f"{spoken.agent} x{spoken.weight}"
        for spoken in opening.participants
    ]
    return f"{preposition}{joined(agents)}" if agents else ""
