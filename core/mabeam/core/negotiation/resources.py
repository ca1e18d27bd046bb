"""Bargaining about a resource as sessions: ask, hear what would be proportional, concede.

In each round every party asks for an amount. If there is enough for all, each gets what it
asked for. Otherwise protocol code announces what each would have in proportion to its
request, and the parties ask again. Requests that still do not fit after the last round are
a deadlock, and it is escalated: who is named for it may be asked, in a vote of its own, whether
the proportional shares are given all the same. Otherwise nothing is given, and the decision
names who is to decide.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

import msgspec
from immutables import Map

from mabeam.core.checking import check_facts, check_text, check_within, disproved
from mabeam.core.ids import derived_id
from mabeam.core.negotiation.alternating import NOTE_LENGTH_MAX
from mabeam.core.negotiation.events import (
    AmountRequested,
    ResourceDecided,
    ResourceEnd,
    ResourceOpened,
    Share,
    SharesProposed,
)
from mabeam.core.negotiation.rules import CERTIFICATE, MS_MAX, check_parties, check_rounds
from mabeam.core.negotiation.shares import proportional
from mabeam.core.session.course import Child, Course, Due, Said, Start
from mabeam.core.session.events import Alternative, ChildEnded, Decision, Participant, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms
from mabeam.core.subjects import check_name
from mabeam.core.voting.events import VoteOpened

__all__ = ["AMOUNT_MAX", "GIVE", "RESOURCE", "Claims", "vote_on"]

AMOUNT_MAX: Final = 2**53 - 1
"""The largest amount that every JSON parser reads exactly (RFC 8259, section 6)."""

GIVE: Final = "proportional"
"""The option of a ruling by which the proportional shares are given."""

_SHOWN_MAX: Final = 100
_MS: Final = 1_000_000


class Claims(msgspec.Struct, frozen=True):
    """How the requests stand.

    Attributes:
        parties: Who asks, in the order in which they are named.
        since_ns: When the present round began, on the log's clock.
        cause: Id of the latest event that changed anything.
        cause_position: Where a party said that; 0 where no party did.
        round: Number of the present round, from 1.
        asked: Who has asked in it.
        requests: The latest request of each.
        shares: What was announced last.
        session: Name of the session.
        ruling: What became of the vote on a deadlock; None as long as nothing did.
    """

    parties: tuple[str, ...]
    since_ns: int
    cause: str
    cause_position: int = 0
    round: int = 1
    asked: tuple[str, ...] = ()
    requests: Map[str, int] = Map()
    shares: tuple[Share, ...] = ()
    session: str = ""
    ruling: str | None = None

    @property
    def total(self) -> int:
        """How much is asked for, all together."""
        return sum(self.requests.values())


def check_opening(opening: ResourceOpened) -> None:
    """Refuse a bargaining that cannot be held.

    Raises:
        Rejected: The rule is another one, or parties, amount, rounds or times are out of range,
            or nobody is named who could rule.
    """
    check_parties(opening, "resource")
    check_rounds(opening.rounds, "round_ms", opening.round_ms)
    check_within("negotiation.amount", "amount", opening.amount, 0, AMOUNT_MAX)
    check_text("negotiation.text", "resource", opening.resource, NOTE_LENGTH_MAX)
    check_within("negotiation.duration", "ruling_ms", opening.ruling_ms, 0, MS_MAX)
    if opening.escalate_to or opening.ruling_ms:
        check_name("actor", opening.escalate_to, "escalate_to")


def check_speech(opening: ResourceOpened, speech: Speech) -> None:  # noqa: ARG001 - all alike
    """Refuse a request that could never count.

    Raises:
        Rejected: The amount is out of range, or the note is too long.
    """
    if isinstance(speech, AmountRequested):
        check_within("negotiation.amount", "amount", speech.amount, 0, AMOUNT_MAX)
        check_text("negotiation.text", "note", speech.note, NOTE_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write a request as text."""
    return str(speech.amount) if isinstance(speech, AmountRequested) else ""


def initial(opening: ResourceOpened, start: Start) -> Claims:
    """Begin the first round."""
    parties = tuple(participant.agent for participant in opening.participants)
    return Claims(parties, start.recorded_ns, start.event_id, session=start.session)


def object_to(opening: ResourceOpened, claims: Claims, said: Said) -> str:
    """Refuse a second request in the same round, and one while a deadlock is ruled on."""
    if said.agent in claims.asked:
        return "asked_already"
    is_last = bool(opening.ruling_ms) and claims.round == opening.rounds
    return "late" if is_last and _is_over(opening, claims, said.recorded_ns) else ""


def _is_over(opening: ResourceOpened, claims: Claims, now_ns: int) -> bool:
    """Tell whether all have asked in the present round, or its time is up."""
    return len(claims.asked) == len(claims.parties) or now_ns >= _end_ns(opening, claims)


def _end_ns(opening: ResourceOpened, claims: Claims) -> int:
    return claims.since_ns + opening.round_ms * _MS


def evolve(opening: ResourceOpened, claims: Claims, said: Said) -> Claims:
    """Apply a request, or the end of a round."""
    match said.event:
        case AmountRequested(amount=amount):
            return msgspec.structs.replace(
                claims,
                asked=(*claims.asked, said.agent),
                requests=claims.requests.set(said.agent, amount),
                cause=said.event_id,
                cause_position=said.position,
            )
        case SharesProposed() as proposed if proposed == _proposed(opening, claims):
            # A request that slips in before the announcement makes it untrue; then it is of no
            # effect, and the true one follows.
            return msgspec.structs.replace(
                claims,
                round=claims.round + 1,
                asked=(),
                shares=proposed.shares,
                since_ns=said.recorded_ns,
                cause=said.event_id,
                cause_position=0,
            )
        case ChildEnded(child=child, result=ruling) if child == vote_on(
            claims.session
        ) and _awaits_ruling(opening, claims):
            return msgspec.structs.replace(
                claims, ruling=ruling, cause=said.event_id, cause_position=0
            )
        case _:
            return claims


def vote_on(session: str) -> str:
    """Return the name of the vote on a deadlock in a session."""
    return derived_id(session, "ruling")


def _is_deadlock(opening: ResourceOpened, claims: Claims) -> bool:
    return claims.round == opening.rounds and claims.total > opening.amount


def _awaits_ruling(opening: ResourceOpened, claims: Claims) -> bool:
    is_open = bool(opening.ruling_ms) and claims.ruling is None
    return is_open and _is_deadlock(opening, claims)


def _proposed(opening: ResourceOpened, claims: Claims) -> SharesProposed | None:
    if claims.round == opening.rounds or claims.total <= opening.amount:
        return None
    return SharesProposed(round=claims.round, shares=_shares(opening, claims))


def _shares(opening: ResourceOpened, claims: Claims) -> tuple[Share, ...]:
    """Return what each party that asked gets, or would have in proportion to its request."""
    agents = [agent for agent in claims.parties if agent in claims.requests]
    requests = [claims.requests[agent] for agent in agents]
    amounts = proportional(opening.amount, requests)
    return tuple(map(Share, agents, requests, amounts))


def due(opening: ResourceOpened, claims: Claims, now_ns: int) -> Due:
    """End a round when all have asked or time is up; close when it fits or after the last.

    A deadlock is ruled on before, if it is to be.
    """
    if not _is_over(opening, claims, now_ns):
        return Due(at_ns=_end_ns(opening, claims))
    if _awaits_ruling(opening, claims):
        return Due(children=(_vote(opening, claims),))
    proposed = _proposed(opening, claims)
    if proposed is None:
        return Due(close="complete", cause=claims.cause, position=claims.cause_position)
    return Due(announce=proposed, cause=claims.cause, position=claims.cause_position)


def _vote(opening: ResourceOpened, claims: Claims) -> Child:
    asked_for = f"{claims.total} of {opening.amount} are asked for"
    vote = VoteOpened(
        options=(GIVE, "nothing"),
        question=f"{opening.resource[:_SHOWN_MAX]}: {asked_for}. Who gets what?",
        participants=(Participant(opening.escalate_to),),
        open_for_ms=opening.ruling_ms,
        parent=f"session/{claims.session}",
    )
    return Child(vote_on(claims.session), vote, claims.cause)


def decide(hearing: Hearing[ResourceOpened]) -> ResourceDecided:
    """Decide a closed bargaining: what was asked for if it fits, else what was ruled."""
    claims, opening = cast("Claims", hearing.course), hearing.opening
    fits = hearing.has_quorum() and claims.total <= opening.amount
    is_given = hearing.has_quorum() and claims.ruling == GIVE
    deadlocked = _is_deadlock(opening, claims)
    unruled: ResourceEnd = "deadlock" if deadlocked else "deadline"
    return ResourceDecided(
        outcome="decided" if fits or is_given else "no_quorum",
        rule=opening.rule,
        considered=hearing.considered,
        alternatives=_unmet(hearing, fits=fits),
        superseded=hearing.superseded,
        resource=opening.resource,
        amount=opening.amount,
        ended="agreement" if fits else "ruling" if is_given else unruled,
        rounds=claims.round,
        requested=claims.total,
        shares=_shares(opening, claims),
        escalated_to=opening.escalate_to if deadlocked else "",
    )


def _unmet(hearing: Hearing[ResourceOpened], *, fits: bool) -> tuple[Alternative, ...]:
    lost = (
        Alternative(s.agent, say(s.speech), s.position, "no_agreement")
        for s in hearing.by_agent()
        if not fits
    )
    return (*lost, *hearing.invalid())


def verify(hearing: Hearing[ResourceOpened], decision: Decision) -> None:
    """Check a decision: who asked for what, and whether there is enough for it.

    Raises:
        Rejected: A share is not what was asked for, or is no proportional one where there is
            not enough; more is given than there is; or the outcome does not follow.
    """
    if not isinstance(decision, ResourceDecided):
        raise disproved(CERTIFICATE, "outcome", type(decision).__name__, "that of a resource")
    claims, opening = cast("Claims", hearing.course), hearing.opening
    total = sum(share.requested for share in decision.shares)
    is_agreed = total <= opening.amount and hearing.has_quorum()
    is_ruled = claims.ruling == GIVE and hearing.has_quorum()
    check_facts(
        CERTIFICATE,
        (
            *terms(hearing, decision),
            ("resource", decision.resource, opening.resource),
            ("amount", decision.amount, opening.amount),
            ("rounds", decision.rounds, claims.round),
            (
                "shares",
                tuple((share.agent, share.requested) for share in decision.shares),
                tuple((a, claims.requests[a]) for a in claims.parties if a in claims.requests),
            ),
            ("requested", decision.requested, total),
            ("outcome", decision.outcome, "decided" if is_agreed or is_ruled else "no_quorum"),
            ("alternatives", decision.alternatives, _unmet(hearing, fits=is_agreed)),
        ),
    )
    _verify_shares(decision)
    _verify_end(hearing, decision, total)


def _verify_shares(decision: ResourceDecided) -> None:
    given = sum(share.amount for share in decision.shares)
    check_facts(CERTIFICATE, (("shares", given, min(decision.requested, decision.amount)),))
    for share in decision.shares:
        # Less than one unit from the exact proportion; the sum then leaves little to choose.
        exact_part = decision.amount * share.requested
        if decision.requested <= decision.amount:
            off = share.amount != share.requested
        else:
            off = abs(share.amount * decision.requested - exact_part) >= decision.requested
        if off:
            raise disproved(CERTIFICATE, "shares", share, "in proportion to the request")
    _verify_remainders(decision)


def _verify_remainders(decision: ResourceDecided) -> None:
    """Check that what rounding down left went to the largest remainders."""
    if decision.requested <= decision.amount:
        return
    ranks = [
        (-(decision.amount * share.requested % decision.requested), -share.requested, place)
        for place, share in enumerate(decision.shares)
    ]
    is_more = [
        share.amount * decision.requested > decision.amount * share.requested
        for share in decision.shares
    ]
    favoured = [rank for rank, more in zip(ranks, is_more, strict=True) if more]
    others = [rank for rank, more in zip(ranks, is_more, strict=True) if not more]
    if favoured and max(favoured) > min(others):
        raise disproved(CERTIFICATE, "shares", decision.shares, "the largest remainders first")


def _verify_end(hearing: Hearing[ResourceOpened], decision: ResourceDecided, total: int) -> None:
    opening = hearing.opening
    is_last = decision.rounds == opening.rounds and total > opening.amount
    ended = "deadlock" if is_last else "deadline"
    if decision.outcome == "decided":
        ended = "ruling" if total > opening.amount else "agreement"
    escalated_to = opening.escalate_to if ended in {"deadlock", "ruling"} else ""
    check_facts(
        CERTIFICATE,
        (
            ("ended", decision.ended, ended),
            ("escalated_to", decision.escalated_to, escalated_to),
        ),
    )


def result(decision: Decision) -> Decimal | str | None:
    """Return the shares as text, which becomes the value of the variable at stake."""
    if not isinstance(decision, ResourceDecided) or decision.outcome != "decided":
        return None
    return ", ".join(f"{share.agent} {share.amount}" for share in decision.shares)


def standing(hearing: Hearing[ResourceOpened]) -> Standing:
    """Show the latest request of each, and its proportional share."""
    claims, opening = cast("Claims", hearing.course), hearing.opening
    rows = tuple(
        (share.agent, str(share.requested), str(share.amount)) for share in _shares(opening, claims)
    )
    remarks = [f"round {claims.round} of {opening.rounds}: {claims.total} of {opening.amount}"]
    if opening.ruling_ms and claims.round == opening.rounds:
        vote = vote_on(claims.session)
        remarks.append(f"a deadlock is ruled on by {opening.escalate_to}, in the session {vote}")
    return Standing(("agent", "requested", "share"), rows, tuple(remarks))


RESOURCE: Final = Protocol(
    name="resource",
    opening=ResourceOpened,
    speech=AmountRequested,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
RESOURCE.register()
