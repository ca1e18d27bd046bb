"""What a protocol adds to the life cycle that all sessions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, TypeVar

import msgspec
from immutables import Map

from mabeam.core.errors import Rejected
from mabeam.core.ids import order_key
from mabeam.core.session.events import Alternative, Considered, Decision, Opening, Speech
from mabeam.core.subjects import check_name

__all__ = [
    "PROTOCOLS",
    "Hearing",
    "Protocol",
    "Refusal",
    "Spoken",
    "check_opening",
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
    """

    session: str
    opening: OpeningT
    considered: Considered
    spoken: Map[str, Spoken]
    refused: Map[str, Refusal]
    superseded: int
    weights: Map[str, int]

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


@dataclass(frozen=True, slots=True)
class Protocol(Generic[OpeningT]):
    """One way to come to a decision.

    Attributes:
        name: Its name, ``auction``.
        opening: Class of its opening event.
        speech: Class of what its participants say.
        check_opening: Raises `Rejected` for an opening that cannot be held.
        check_speech: Raises `Rejected` for a word that cannot count.
        say: Writes a word as text, for alternatives.
        decide: The decision that follows from a closed session.
        verify: Raises `Rejected` if a decision's certificate does not prove it. It must
            not use ``decide``.
        result: What the decision makes of the variable at stake, or None.
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
    protocol.check_opening(opening)
