"""Alternating offers as sessions: the stacked alternating offers protocol.

The parties speak in turns, in the order in which they are named. Who has the turn makes an
offer, or accepts the one that stands, or walks away. An offer that all others have accepted
is agreed; another offer takes its place and turns it down. Every turn has a time limit, and
every party a number of turns, so a negotiation ends. What an outcome is worth to a party,
and below what it accepts none, stays with the party.

Reyhan Aydoğan, David Festen, Koen Hindriks and Catholijn Jonker, Alternating Offers
Protocols for Multilateral Negotiation, in Modern Approaches to Agent-based Complex Automated
Negotiation, Springer 2017.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

import msgspec

from mabeam.core.checking import check_facts, check_text, check_within, disproved
from mabeam.core.ids import derived_id
from mabeam.core.negotiation.events import (
    Move,
    NegotiationDecided,
    NegotiationOpened,
    OfferAccepted,
    Offered,
    OfferMade,
    TalksEnd,
    TurnPassed,
    WalkedAway,
)
from mabeam.core.negotiation.rules import CERTIFICATE, agreed, check_parties, check_rounds
from mabeam.core.negotiation.space import TEXT_LENGTH_MAX, as_value, check_issues, normal
from mabeam.core.session.course import Course, Due, Said, Start
from mabeam.core.session.events import Alternative, Decision, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["LISTED_MAX", "NEGOTIATION", "Talks"]

_NOTHING: Final = (0, "", (), None)
LISTED_MAX: Final = 64
"""How many of the latest offers a decision lists; its digest covers them all."""

NOTE_LENGTH_MAX: Final = 1_000
_MS: Final = 1_000_000


class Talks(msgspec.Struct, frozen=True):
    """How a negotiation stands.

    Attributes:
        parties: In the order of their turns.
        since_ns: When the present turn began, on the log's clock.
        cause: Id of the event with which it began.
        cause_position: Where a party said that; 0 where no party did.
        turn: How many turns are over.
        passed: How many of them passed unused.
        standing: The offer that stands, or None.
        accepted_by: Who has accepted it.
        ended: Why it is over; empty while it is not.
        ended_by: Whose word ended it.
        offers_count: How many offers were made.
        offers: The latest of them.
        digest: Digest of all of them.
    """

    parties: tuple[str, ...]
    since_ns: int
    cause: str
    cause_position: int = 0
    turn: int = 0
    passed: int = 0
    standing: Offered | None = None
    accepted_by: tuple[str, ...] = ()
    ended: str = ""
    ended_by: str = ""
    offers_count: int = 0
    offers: tuple[Offered, ...] = ()
    digest: str = ""

    @property
    def next(self) -> str:
        """Whose turn it is."""
        return self.parties[self.turn % len(self.parties)]


def check_opening(opening: NegotiationOpened) -> None:
    """Refuse a negotiation that cannot be held.

    Raises:
        Rejected: The rule is another one, or parties, issues, rounds or times are out of range.
    """
    check_parties(opening, "negotiation")
    check_issues(opening.issues)
    check_rounds(opening.rounds, "turn_ms", opening.turn_ms)
    check_text("negotiation.text", "subject", opening.subject, NOTE_LENGTH_MAX)


def check_speech(opening: NegotiationOpened, speech: Speech) -> None:
    """Refuse a move that could never count.

    Raises:
        Rejected: The offer is no outcome, or a text is too long.
    """
    if isinstance(speech, OfferMade):
        normal(opening.issues, speech.values)
    if isinstance(speech, OfferAccepted):
        check_within("negotiation.offer", "offer", speech.offer, 0, 10**9)
    text = speech.reason if isinstance(speech, WalkedAway) else getattr(speech, "note", "")
    check_text("negotiation.text", "note", text, NOTE_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write a move as text."""
    if isinstance(speech, OfferMade):
        return ", ".join(value[:TEXT_LENGTH_MAX] for value in speech.values)
    return "accepts" if isinstance(speech, OfferAccepted) else "walks away"


def initial(opening: NegotiationOpened, start: Start) -> Talks:
    """Give the first party its turn."""
    parties = tuple(participant.agent for participant in opening.participants)
    return Talks(parties, start.recorded_ns, start.event_id)


def object_to(opening: NegotiationOpened, talks: Talks, said: Said) -> str:  # noqa: ARG001 - one signature for all
    """Refuse a move after the end, out of turn, or that accepts what does not stand."""
    if talks.ended:
        return "ended"
    if said.agent != talks.next:
        return "out_of_turn"
    if isinstance(said.event, OfferAccepted):
        return _no_acceptance(talks, said.event, said.agent)
    return ""


def _no_acceptance(talks: Talks, acceptance: OfferAccepted, agent: str) -> str:
    if talks.standing is None:
        return "nothing_to_accept"
    if acceptance.offer not in {0, talks.standing.number}:
        return "not_standing"
    return "own_offer" if talks.standing.agent == agent else ""


def evolve(opening: NegotiationOpened, talks: Talks, said: Said) -> Talks:
    """Apply a move, or that a turn passed."""
    match said.event:
        case OfferMade(values=values):
            return _turned(opening, _offered(opening, talks, values, said), said)
        case OfferAccepted():
            accepted_by = tuple(dict.fromkeys((*talks.accepted_by, said.agent)))
            everybody = len(accepted_by) == len(talks.parties) - 1
            accepted = msgspec.structs.replace(
                talks,
                accepted_by=accepted_by,
                ended="agreement" if everybody else "",
                ended_by=said.agent if everybody else "",
            )
            return _turned(opening, accepted, said)
        case WalkedAway():
            left = msgspec.structs.replace(talks, ended="walked_away", ended_by=said.agent)
            return _turned(opening, left, said)
        case TurnPassed(turn=turn, agent=agent):
            # One that a move was quicker than, or that protocol code never said, is of no turn.
            if talks.ended or turn != talks.turn or agent != talks.next:
                return talks
            passed = msgspec.structs.replace(talks, passed=talks.passed + 1)
            return _turned(opening, passed, said)
        case _:
            return talks


def _offered(
    opening: NegotiationOpened, talks: Talks, values: tuple[str, ...], said: Said
) -> Talks:
    number = talks.offers_count + 1
    offer = Offered(number, said.agent, normal(opening.issues, values), said.position)
    return msgspec.structs.replace(
        talks,
        standing=offer,
        accepted_by=(),
        offers_count=number,
        offers=(*talks.offers, offer)[-LISTED_MAX:],
        digest=derived_id(talks.digest, offer.agent, offer.position, *offer.values),
    )


def _turned(opening: NegotiationOpened, talks: Talks, said: Said) -> Talks:
    turn = talks.turn + 1
    is_last = turn == opening.rounds * len(talks.parties)
    return msgspec.structs.replace(
        talks,
        turn=turn,
        since_ns=said.recorded_ns,
        cause=said.event_id,
        cause_position=0 if isinstance(said.event, TurnPassed) else said.position,
        ended=talks.ended or ("rounds" if is_last else ""),
    )


def due(opening: NegotiationOpened, talks: Talks, now_ns: int) -> Due:
    """Close when it is over; announce that a turn passed when its time is up."""
    if talks.ended:
        return Due(close="complete", cause=talks.cause, position=talks.cause_position)
    at_ns = talks.since_ns + opening.turn_ms * _MS
    if now_ns < at_ns:
        return Due(at_ns=at_ns)
    passed = TurnPassed(turn=talks.turn, agent=talks.next)
    return Due(announce=passed, cause=talks.cause, position=talks.cause_position)


def decide(hearing: Hearing[NegotiationOpened]) -> NegotiationDecided:
    """Decide a closed negotiation: what stands and all have accepted, else nothing."""
    talks, opening = cast("Talks", hearing.course), hearing.opening
    offer = talks.standing if talks.ended == "agreement" else None
    return NegotiationDecided(
        outcome="no_quorum" if offer is None else "decided",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=(*_turned_down(hearing), *hearing.invalid()),
        superseded=hearing.superseded,
        ended=cast("TalksEnd", talks.ended or "deadline"),
        ended_by=talks.ended_by,
        agreement=() if offer is None else offer.values,
        number=None if offer is None else as_value(opening.issues, offer.values),
        offer=0 if offer is None else offer.number,
        offered_by="" if offer is None else offer.agent,
        accepted_by=talks.accepted_by,
        turns=talks.turn,
        passed=talks.passed,
        offers_count=talks.offers_count,
        offers=talks.offers,
        offers_digest=talks.digest,
    )


def _turned_down(hearing: Hearing[NegotiationOpened]) -> tuple[Alternative, ...]:
    """Return the latest offer of each party that did not become the agreement."""
    talks = cast("Talks", hearing.course)
    latest = {offer.agent: offer for offer in talks.offers}
    reason = "no_agreement" if talks.ended != "agreement" else "countered"
    return tuple(
        Alternative(agent, ", ".join(latest[agent].values), latest[agent].position, reason)
        for agent in sorted(latest)
        if reason == "no_agreement" or latest[agent] != talks.standing
    )


def verify(hearing: Hearing[NegotiationOpened], decision: Decision) -> None:
    """Check a decision against what was said.

    Raises:
        Rejected: It states an agreement that not all others accepted while it stood, or none
            where there is one, or another history than the log has.
    """
    if not isinstance(decision, NegotiationDecided):
        raise disproved(CERTIFICATE, "outcome", type(decision).__name__, "that of a negotiation")
    talks = cast("Talks", hearing.course)
    check_facts(
        CERTIFICATE,
        (
            *terms(hearing, decision),
            ("alternatives", decision.alternatives, (*_turned_down(hearing), *hearing.invalid())),
            ("offers", decision.offers, talks.offers),
            ("offers_count", decision.offers_count, talks.offers_count),
            ("offers_digest", decision.offers_digest, talks.digest),
            ("turns", decision.turns, talks.turn),
            ("passed", decision.passed, talks.passed),
            ("ended", decision.ended, talks.ended or "deadline"),
            ("ended_by", decision.ended_by, talks.ended_by),
            ("accepted_by", decision.accepted_by, talks.accepted_by),
        ),
    )
    _verify_agreement(hearing, decision)


def _verify_agreement(hearing: Hearing[NegotiationOpened], decision: NegotiationDecided) -> None:
    found = (decision.offer, decision.offered_by, decision.agreement, decision.number)
    if decision.ended != "agreement":
        facts = (
            ("outcome", decision.outcome, "no_quorum"),
            ("agreement", found, (0, "", (), None)),
        )
        check_facts(CERTIFICATE, facts)
        return
    # The offer that stands is the last; whoever did not make it must have accepted it.
    last = decision.offers[-1]
    number = as_value(hearing.opening.issues, last.values)
    stands = (last.number, last.agent, last.values, number)
    others = {p.agent for p in hearing.opening.participants} - {last.agent}
    check_facts(
        CERTIFICATE,
        (
            ("outcome", decision.outcome, "decided"),
            ("agreement", found, stands),
            ("accepted_by", set(decision.accepted_by), others),
        ),
    )


def result(decision: Decision) -> Decimal | str | None:
    """Return the agreement, which becomes the value of the variable at stake."""
    if not isinstance(decision, NegotiationDecided):
        return None
    return agreed(decision, decision.agreement, decision.number)


def standing(hearing: Hearing[NegotiationOpened]) -> Standing:
    """Show the latest offers, and whose turn it is."""
    talks = cast("Talks", hearing.course)
    rows = tuple(
        (str(offer.number), offer.agent, ", ".join(offer.values), str(offer.position))
        for offer in talks.offers
    )
    names = ", ".join(issue.name for issue in hearing.opening.issues)
    remark = f"it ended: {talks.ended}" if talks.ended else f"it is the turn of {talks.next}"
    accepted = ", ".join(talks.accepted_by)
    remarks = (remark, *((f"accepted by {accepted}",) if accepted else ()))
    return Standing(("number", "agent", names, "position"), rows, remarks)


NEGOTIATION: Final = Protocol(
    name="negotiation",
    opening=NegotiationOpened,
    speech=Move,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
NEGOTIATION.register()
