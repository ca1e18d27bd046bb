"""The rounds of iterative refinement: offer, judge, offer again.

A round is over when all participants have offered and, where asked, judged each other; or
when its time is up. Who offers nothing in a round stands by the former offer. It ends when
the offers agree, or after the last round. Nothing is promised about agreement: participants
who move half the way to the others' mean converge, stubborn ones do not, and the bound on
rounds ends it for both (cf. Morris H. DeGroot, Reaching a Consensus, JASA 69, 1974).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
from immutables import Map

from mabeam.core.numbers import exact
from mabeam.core.refinement.events import (
    FeedbackGiven,
    RefinementOpened,
    RoundClosed,
    RoundSummary,
    ValueOffered,
)
from mabeam.core.session.course import Course, Due, Said, Start

__all__ = ["COURSE", "Offer", "Rounds", "spread_is_within"]

_NS_PER_MS: Final = 1_000_000
_NOBODY: Final[Map[str, int]] = Map()


class Offer(msgspec.Struct, frozen=True, gc=False):
    """The latest offer of a participant.

    Attributes:
        value: The number.
        position: Where it stands.
        round: In which round it was made.
    """

    value: Decimal
    position: int
    round: int


class Rounds(msgspec.Struct, frozen=True, gc=False):
    """How a refinement stands.

    Attributes:
        participants: Who takes part.
        round: The round that is open, from 1.
        begun_ns: When it began, on the log's clock.
        cause: Id of the event that the next announcement follows.
        cause_at: Position of that event, if a participant said it.
        offers: Latest offer of each, by agent.
        before: The same when the last round was closed; all see these alike, however quickly
            others offer anew.
        judged: Whom each has judged in this round, by agent.
        closed: What each closed round came to.
        is_agreed: Whether the offers agreed at the end of the last of them.
    """

    participants: tuple[str, ...]
    round: int
    begun_ns: int
    cause: str
    cause_at: int = 0
    offers: Map[str, Offer] = Map()
    before: Map[str, Offer] = Map()
    judged: Map[str, Map[str, int]] = Map()
    closed: tuple[RoundSummary, ...] = ()
    is_agreed: bool = False


def initial(opening: RefinementOpened, start: Start) -> Rounds:
    """Begin with the first round."""
    participants = tuple(participant.agent for participant in opening.participants)
    return Rounds(participants, 1, start.recorded_ns, start.event_id)


def object_to(opening: RefinementOpened, rounds: Rounds, said: Said) -> str:
    """Say why a word does not count in this round."""
    event = said.event
    if not isinstance(event, ValueOffered | FeedbackGiven) or event.round != rounds.round:
        return f"wrong_round: it is round {rounds.round}"
    if isinstance(event, ValueOffered):
        offer = rounds.offers.get(said.agent)
        return "offered_already" if offer is not None and offer.round == rounds.round else ""
    if not opening.gives_feedback:
        return "not_asked_for_feedback"
    if event.about == said.agent:
        return "about_oneself"
    if event.about not in rounds.offers:
        return "no_such_offer"
    return "judged_already" if event.about in rounds.judged.get(said.agent, _NOBODY) else ""


def evolve(opening: RefinementOpened, rounds: Rounds, said: Said) -> Rounds:
    """Take an offer or a judgement, or begin with the next round."""
    match said.event:
        case ValueOffered(value=value, round=number):
            offer = Offer(value, said.position, number)
            return _spoken(opening, rounds, said, offers=rounds.offers.set(said.agent, offer))
        case FeedbackGiven(about=about, score=score):
            mine = rounds.judged.get(said.agent, _NOBODY).set(about, score)
            return _spoken(opening, rounds, said, judged=rounds.judged.set(said.agent, mine))
        case RoundClosed(summary=summary, is_agreed=is_agreed) if not is_over(opening, rounds):
            return msgspec.structs.replace(
                rounds,
                round=rounds.round + 1,
                begun_ns=said.recorded_ns,
                cause=said.event_id,
                cause_at=0,
                before=rounds.offers,
                judged=Map(),
                closed=(*rounds.closed, summary),
                is_agreed=is_agreed,
            )
        case _:
            return rounds


def _spoken(
    opening: RefinementOpened, rounds: Rounds, said: Said, **changed: Map[str, object]
) -> Rounds:
    spoken = msgspec.structs.replace(rounds, **changed)
    if is_complete(opening, rounds) or not is_complete(opening, spoken):
        return spoken
    # The first word that completes the round is the cause of its closing.
    return msgspec.structs.replace(spoken, cause=said.event_id, cause_at=said.position)


def is_complete(opening: RefinementOpened, rounds: Rounds) -> bool:
    """Tell whether all have said what is asked of them in this round."""
    offered = [a for a, offer in rounds.offers.items() if offer.round == rounds.round]
    if len(offered) < len(rounds.participants):
        return False
    judged = sum(len(about) for about in rounds.judged.values())
    return not opening.gives_feedback or judged == len(offered) * (len(offered) - 1)


def is_over(opening: RefinementOpened, rounds: Rounds) -> bool:
    """Tell whether there is no further round."""
    return rounds.is_agreed or rounds.round > opening.rounds_max


def due(opening: RefinementOpened, rounds: Rounds, now_ns: int) -> Due:
    """Close the round when all have spoken or its time is up, and the session after the last."""
    if is_over(opening, rounds):
        return Due(close="complete", cause=rounds.cause)
    if is_complete(opening, rounds):
        closed = _closed(opening, rounds, is_complete=True)
        return Due(announce=closed, cause=rounds.cause, position=rounds.cause_at)
    if not opening.round_ms:
        return Due()
    at_ns = rounds.begun_ns + opening.round_ms * _NS_PER_MS
    if now_ns < at_ns:
        return Due(at_ns=at_ns)
    return Due(announce=_closed(opening, rounds, is_complete=False), cause=rounds.cause)


def _closed(opening: RefinementOpened, rounds: Rounds, *, is_complete: bool) -> RoundClosed:
    values = [offer.value for offer in rounds.offers.values()]
    low, high = min(values, default=None), max(values, default=None)
    summary = RoundSummary(
        rounds.round, len(values), low, high, "complete" if is_complete else "time"
    )
    # One who has not offered yet may still disagree.
    is_heard = len(values) == len(rounds.participants)
    is_agreed = is_heard and spread_is_within(opening.tolerance, values)
    return RoundClosed(summary=summary, is_agreed=is_agreed)


def spread_is_within(tolerance: Decimal, values: Sequence[Decimal]) -> bool:
    """Tell whether offers, of which there are some, lie close together."""
    return exact(max(values)) - exact(min(values)) <= exact(tolerance)


COURSE: Final[Course[RefinementOpened, Rounds]] = Course(initial, object_to, evolve, due)
