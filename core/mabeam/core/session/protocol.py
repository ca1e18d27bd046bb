"""What a protocol adds to the life cycle that all sessions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from immutables import Map

from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key
from mabeam.core.session.course import Course
from mabeam.core.session.events import Alternative, Considered, Decision, Opening, Speech
from mabeam.core.subjects import Boundary, check_name

__all__ = [
    "PROTOCOLS",
    "Hearing",
    "Protocol",
    "Refusal",
    "Spoken",
    "Standing",
    "check_opening",
    "protocol_named",
    "protocol_of",
    "terms",
]

OPEN_MS_MAX: Final = 366 * 24 * 3600 * 1000
WEIGHT_MAX: Final = 10**9


class Spoken(msgspec.Struct, frozen=True, gc=False):
    """The latest valid word of a participant.

    Attributes:
        agent: Who said it.
        speech: What was said.
        position: Where it stands.
        since: Where the speaker first said the same without a change since. A note may
            change: what counts is the word as the protocol writes it.
        event_id: Id of the event.
        former: Ids of the speaker's latest words before it, by which one that is recorded
            again is known for a repetition.
    """

    agent: str
    speech: Speech
    position: int
    since: int
    event_id: str
    former: tuple[str, ...] = ()


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The latest invalid word of somebody, and why it does not count."""

    agent: str
    said: str
    position: int
    reason: str

    @property
    def alternative(self) -> Alternative:
        """The same, as a decision lists it."""
        return Alternative(self.agent, self.said, self.position, self.reason)


OpeningT = TypeVar("OpeningT", bound=Opening)


@dataclass(frozen=True, slots=True)
class Hearing(Generic[OpeningT]):
    """A closed session, as the deciding rule sees it.

    Attributes:
        session: Name of the session.
        opening: What was asked.
        considered: The positions considered.
        spoken: Latest valid word of each speaker, by agent.
        refused: Latest invalid word of each who said one, by agent.
        superseded: How many words were replaced by a later one.
        weights: Declared weight of each participant; empty when everybody may speak.
        course: State of the protocol's course, if it has one.
    """

    session: str
    opening: OpeningT
    considered: Considered
    spoken: Map[str, Spoken]
    refused: Map[str, Refusal]
    superseded: int
    weights: Map[str, int]
    course: Any = None

    def by_agent(self) -> tuple[Spoken, ...]:
        """Return the valid words in the order of the agents' names."""
        return tuple(self.spoken[agent] for agent in sorted(self.spoken))

    def invalid(self) -> tuple[Alternative, ...]:
        """Return the invalid words, in the order of the agents' names."""
        return tuple(self.refused[agent].alternative for agent in sorted(self.refused))

    def weight(self, agent: str) -> int:
        """Return the declared weight of a speaker; 1 where everybody may speak."""
        return self.weights.get(agent, 1)

    def has_quorum(self) -> bool:
        """Tell whether the valid speakers weigh enough."""
        return sum(map(self.weight, self.spoken)) >= max(self.opening.quorum, 1)

    def tie_key(self, spoken: Spoken) -> tuple[int, bytes]:
        """Return the key by which the declared tie-break orders equals; the least wins."""
        earliest = spoken.since if self.opening.tie_break == "earliest" else 0
        return (earliest, order_key(self.session, self.considered.closed, spoken.agent))


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How things stand in a session, for people: a tally, a book, a ladder.

    Attributes:
        columns: Headings.
        rows: One cell for each heading.
        remarks: Whole sentences about it.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Protocol(Generic[OpeningT]):
    """One way to come to a decision.

    A protocol whose outcome needs a solver gives its ``problem`` and ``conclude`` in place of
    ``decide``: another solver finds another of several optima, so its decision is recorded
    and proved by its certificate, and never made again.

    Attributes:
        name: Its name, ``auction``.
        opening: Class of its opening event.
        speech: Class of what its participants say, or the base class of several.
        check_opening: Raises `Rejected` for an opening that cannot be held.
        check_speech: Raises `Rejected` for a word that cannot count.
        say: Writes a word as text, for alternatives.
        decide: The decision that follows from a closed session.
        verify: Raises `Rejected` if a decision's certificate does not prove it. It must
            not use ``decide``.
        result: What the decision makes of the variable at stake, or None.
        results: What it makes of further variables, each at most once, by their names.
        course: How it goes on, if that is more than one word of each and a decision.
        problem: What a solver is to find for a closed session; None if ``decide`` can do it.
        conclude: The decision that follows from what the solver has found.
        standing: How things stand, before the decision and after it. The hearing of a
            session that is still open has the position 0 for its closing.
        support: The share of the weight heard that stands behind a decision, or None.
        settled: Whether an open session need not wait for more: the words heard in it, of
            which the one given is the newest, fix who is chosen, whatever else is said. None
            if all are always waited for.
    """

    name: str
    opening: type[OpeningT]
    speech: type[Speech]
    check_opening: Callable[[OpeningT], None]
    check_speech: Callable[[OpeningT, Speech], None]
    say: Callable[[Speech], str]
    decide: Callable[[Hearing[OpeningT]], Decision]
    verify: Callable[[Hearing[OpeningT], Decision], None]
    result: Callable[[Decision], Decimal | str | None]
    results: Callable[[OpeningT, Decision], tuple[tuple[str, Decimal | str], ...]] | None = None
    course: Course[OpeningT, Any] | None = None
    problem: Callable[[Hearing[OpeningT]], msgspec.Struct | None] | None = None
    conclude: Callable[[Hearing[OpeningT], msgspec.Struct], Decision] | None = None
    standing: Callable[[Hearing[OpeningT]], Standing] | None = None
    support: Callable[[Decision], Fraction | None] | None = None
    settled: Callable[[Hearing[OpeningT], Spoken], bool] | None = None

    def register(self) -> None:
        """Let openings of its class be of this protocol."""
        PROTOCOLS[self.opening] = cast("Protocol[Opening]", self)


def terms(hearing: Hearing[OpeningT], decision: Decision) -> tuple[tuple[str, object, object], ...]:
    """Return what a decision of any protocol states of its session.

    Returns:
        Name of each field, what the decision says, and what is so.
    """
    return (
        ("rule", decision.rule, hearing.opening.rule),
        ("considered", decision.considered, hearing.considered),
        ("superseded", decision.superseded, hearing.superseded),
    )


PROTOCOLS: Final[dict[type[Opening], Protocol[Opening]]] = {}
"""The known protocols by the class of their opening event."""


def protocol_of(opening: Opening) -> Protocol[Opening]:
    """Return the protocol that an opening belongs to.

    Raises:
        Rejected: No such protocol is registered.
    """
    try:
        return PROTOCOLS[type(opening)]
    except KeyError:
        raise Rejected(
            "session.protocol",
            "unknown protocol",
            field="opening",
            value=type(opening).__name__,
            allowed=", ".join(sorted(protocol.name for protocol in PROTOCOLS.values())),
        ) from None


def protocol_named(name: str) -> Protocol[Opening]:
    """Return a protocol by its name.

    Raises:
        Rejected: No such protocol is registered.
    """
    named = {protocol.name: protocol for protocol in PROTOCOLS.values()}
    if name not in named:
        raise Rejected(
            "session.protocol",
            "unknown protocol",
            field="protocol",
            value=name,
            allowed=", ".join(sorted(named)),
        )
    return named[name]


def check_opening(opening: Opening) -> None:
    """Refuse an opening that cannot be held.

    Raises:
        Rejected: A field is out of its range; the error names it.
    """
    protocol = protocol_of(opening)
    if not 1 <= opening.open_for_ms <= OPEN_MS_MAX:
        raise Rejected(
            "session.open_for",
            "no such duration",
            field="open_for_ms",
            value=opening.open_for_ms,
            allowed=f"1 to {OPEN_MS_MAX}",
        )
    agents = [check_name("actor", p.agent, "participants") for p in opening.participants]
    if len(set(agents)) != len(agents):
        raise Rejected(
            "session.participants",
            "a participant is named twice",
            field="participants",
            value=agents,
            allowed="each agent once",
        )
    for participant in opening.participants:
        if not 1 <= participant.weight <= WEIGHT_MAX:
            raise Rejected(
                "session.weight",
                "no such weight",
                field=f"weight of {participant.agent}",
                value=participant.weight,
                allowed=f"1 to {WEIGHT_MAX}",
            )
    weights = sum(participant.weight for participant in opening.participants)
    if opening.quorum < 0 or (agents and opening.quorum > weights):
        allowed = f"0 to {weights}" if agents else "0 or more"
        raise Rejected(
            "session.quorum",
            "no such quorum",
            field="quorum",
            value=opening.quorum,
            allowed=allowed,
        )
    if opening.variable:
        check_name("entity", opening.variable, "variable")
    if opening.parent:
        Boundary.parse(opening.parent)
    protocol.check_opening(opening)
