"""What the events of one session come to, whatever its protocol."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec
from immutables import Map

from mabeam.core.actors import from_coordinator
from mabeam.core.envelope import Recorded
from mabeam.core.errors import Rejected
from mabeam.core.session.course import Course, Said, Start
from mabeam.core.session.events import (
    Announcement,
    Cancelled,
    ChildEnded,
    Closed,
    Considered,
    Decision,
    Failed,
    Opening,
    Outcome,
    Speech,
)
from mabeam.core.session.protocol import (
    Hearing,
    Refusal,
    Spoken,
    Standing,
    check_opening,
    protocol_of,
)

__all__ = ["Phase", "SessionState", "evolve", "hearing", "is_complete", "standing"]

SAID_LENGTH_MAX: Final = 100
"""How much of an invalid word is kept: the decision that lists it must fit into the log."""

REFUSED_MAX: Final = 256
"""Of how many speakers an invalid word is kept, beside those of named participants."""

EQUIVOCATED: Final = "equivocated"

FORMER_MAX: Final = 16
"""How many former words of a speaker are known again."""

Phase: TypeAlias = Literal["unopened", "broken", "open", "closed", "ended"]


class SessionState(msgspec.Struct, frozen=True, gc=False):
    """A session and what was said in it so far.

    Attributes:
        phase: ``broken`` when the opening cannot be held and nobody has said so yet.
        opening: What was asked, or None before the opening.
        opened_id: Id of the opening event.
        opened_by: Who opened it.
        correlation_id: The run that the opening belongs to, and with it the session.
        opened_at: Position of the opening.
        due_ns: When it closes at the latest, on the log's clock.
        weights: Declared weight of each participant; empty when everybody may speak.
        trouble: Why the opening cannot be held, or None.
        spoken: Latest valid word of each speaker, by agent.
        refused: Latest invalid word of each who said one, by agent, or the first by which it
            equivocated. Of strangers only the first `REFUSED_MAX` are kept, so that nobody can
            swell the decision that lists them.
        superseded: How many words were replaced by a later one of the same speaker.
        excluded: Position of the word by which each lost its say for having said another before.
        completed_id: Id of the first word of the last participant to speak, or of the one after
            which the rest could change nothing; empty before, and for ever where everybody
            may speak or the protocol has a course.
        course: State of the protocol's course; None if it has none.
        children: Sessions that were opened for this one and have ended, by name.
        late: Position of the latest word that came too late, by agent.
        closed_at: Position of the closing, 0 before it.
        closed_id: Id of the closing event.
        outcome: How it ended, or None.
        decision: The event that ended it, or None; cancelled and failed ones have none.
        decided_at: Position of the end, 0 before it.
        decided_id: Id of the event that ended it.
        reason: Why it was closed, cancelled or failed.
    """

    phase: Phase = "unopened"
    opening: Opening | None = None
    opened_id: str = ""
    opened_by: str = ""
    correlation_id: str = ""
    opened_at: int = 0
    due_ns: int = 0
    weights: Map[str, int] = Map()
    trouble: Refusal | None = None
    spoken: Map[str, Spoken] = Map()
    refused: Map[str, Refusal] = Map()
    superseded: int = 0
    excluded: Map[str, int] = Map()
    completed_id: str = ""
    course: Any = None
    children: Map[str, ChildEnded] = Map()
    late: Map[str, int] = Map()
    closed_at: int = 0
    closed_id: str = ""
    outcome: Outcome | None = None
    decision: Decision | None = None
    decided_at: int = 0
    decided_id: str = ""
    reason: str = ""


def evolve(state: SessionState, recorded: Recorded) -> SessionState:
    """Apply one fact."""
    match recorded.data:
        case Speech() as event:
            return _heard(state, event, recorded)
        case Opening() as event:
            return _opened(state, event, recorded)
        case Announcement() as event if from_coordinator(recorded) and state.phase == "open":
            return _announced(state, event, recorded)
        case Closed() as event if from_coordinator(recorded) and state.phase == "open":
            return msgspec.structs.replace(
                state,
                phase="closed",
                closed_at=recorded.position,
                closed_id=recorded.id,
                reason=event.reason,
            )
        case Decision() as event if from_coordinator(recorded) and state.phase == "closed":
            return _ended(state, recorded, event.outcome, decision=event)
        case Cancelled() as event if _may_cancel(state, recorded):
            return _ended(state, recorded, "cancelled", reason=event.reason)
        case Failed() as event if from_coordinator(recorded) and state.phase in {
            "broken",
            "closed",
        }:
            return _ended(state, recorded, "failed", reason=f"{event.detail} [{event.code}]")
        case _:
            return state


def is_complete(state: SessionState) -> bool:
    """Tell whether nobody need be waited for."""
    return bool(state.completed_id)


def hearing(session: str, state: SessionState, *, is_open: bool = False) -> Hearing[Opening]:
    """Return a closed session as the deciding rule sees it.

    Args:
        session: Its name.
        state: What is known of it.
        is_open: Whether one is wanted that is not closed yet, to look at.

    Raises:
        AssertionError: The session was never opened or is not closed.
    """
    assert state.opening is not None
    assert state.closed_at or is_open
    return Hearing(
        session,
        state.opening,
        Considered(state.opened_at, state.closed_at),
        state.spoken,
        state.refused,
        state.superseded,
        state.weights,
        state.course,
    )


def standing(session: str, state: SessionState) -> Standing:
    """Return how things stand in a session, open or not; nothing if it could not be held.

    Raises:
        AssertionError: It was never opened.
    """
    assert state.opening is not None
    if state.trouble is not None:
        return Standing((), ())
    protocol = protocol_of(state.opening)
    present = hearing(session, state, is_open=not state.closed_at)
    if protocol.standing is not None:
        return protocol.standing(present)
    rows = tuple((s.agent, protocol.say(s.speech), str(s.position)) for s in present.by_agent())
    return Standing(("agent", "said", "position"), rows)


def _opened(state: SessionState, event: Opening, recorded: Recorded) -> SessionState:
    # The first opening holds; a stray second one must not change the question.
    if state.opening is not None:
        return state
    opened = SessionState(
        phase="open",
        opening=event,
        opened_id=recorded.id,
        opened_by=recorded.actor,
        correlation_id=recorded.envelope.correlationid,
        opened_at=recorded.position,
        weights=Map({p.agent: p.weight for p in event.participants}),
    )
    try:
        check_opening(event)
    except Rejected as refusal:
        trouble = Refusal(recorded.actor, refusal.code, recorded.position, str(refusal))
        return msgspec.structs.replace(opened, phase="broken", trouble=trouble)
    due_ns = recorded.recorded_ns + event.open_for_ms * 1_000_000
    return msgspec.structs.replace(opened, due_ns=due_ns, course=_begun(event, recorded))


def _begun(opening: Opening, recorded: Recorded) -> msgspec.Struct | None:
    course = protocol_of(opening).course
    if course is None:
        return None
    start = Start(
        recorded.entity,
        recorded.actor,
        recorded.position,
        recorded.recorded_ns,
        recorded.id,
        {p.agent: p.weight for p in opening.participants},
    )
    begun: msgspec.Struct = course.initial(opening, start)
    return begun


def _announced(state: SessionState, event: Announcement, recorded: Recorded) -> SessionState:
    opening = state.opening
    assert opening is not None
    if isinstance(event, ChildEnded):
        if event.child in state.children:
            return state
        state = msgspec.structs.replace(state, children=state.children.set(event.child, event))
    course = protocol_of(opening).course
    if course is None:
        return state
    evolved = course.evolve(opening, state.course, _said_at(recorded, event))
    return msgspec.structs.replace(state, course=evolved)


def _said_at(recorded: Recorded, event: Speech | Announcement) -> Said:
    return Said(recorded.actor, event, recorded.position, recorded.recorded_ns, recorded.id)


def _heard(state: SessionState, speech: Speech, recorded: Recorded) -> SessionState:
    opening = state.opening
    if opening is None:
        return state
    if state.phase != "open":
        late = state.late.set(recorded.actor, recorded.position)
        return msgspec.structs.replace(state, late=late)
    said = _said_at(recorded, speech)
    course = protocol_of(opening).course
    if course is None:
        return _latest(state, opening, said, speech)
    before = state.spoken.get(said.agent)
    if before is not None and _is_repeated(said, before):
        # Out of turn when it comes again, it would be told as an offence.
        return state
    reason = _objection(state, opening, said.agent, speech)
    reason = reason or course.object_to(opening, state.course, said)
    if reason:
        return _refused(state, opening, said, reason)
    return _gone_on(state, opening, course, said, before)


def _latest(state: SessionState, opening: Opening, said: Said, speech: Speech) -> SessionState:
    """Hear a word where of each speaker only one counts."""
    agent, position = said.agent, said.position
    reason = _objection(state, opening, agent, speech)
    if reason:
        return _refused(state, opening, said, reason)
    if agent in state.excluded:
        return state
    before = state.spoken.get(agent)
    if before is None:
        word = Spoken(agent, speech, position, position, said.event_id)
        return _counted(state, opening, word)
    if _is_repeated(said, before):
        return state
    say = protocol_of(opening).say
    if say(speech) == say(before.speech):
        word = _next_word(before, said, speech, before.since)
        return msgspec.structs.replace(state, spoken=state.spoken.set(agent, word))
    if opening.revising != "latest":
        return _equivocated(state, opening, said, before)
    word = _next_word(before, said, speech, position)
    return msgspec.structs.replace(
        state, spoken=state.spoken.set(agent, word), superseded=state.superseded + 1
    )


def _counted(state: SessionState, opening: Opening, word: Spoken) -> SessionState:
    """Take the first word of a speaker."""
    state = msgspec.structs.replace(state, spoken=state.spoken.set(word.agent, word))
    if state.completed_id:
        return state
    has_all = len(state.spoken) + len(state.excluded) == len(state.weights)
    if has_all or _is_settled(state, opening, word):
        return msgspec.structs.replace(state, completed_id=word.event_id)
    return state


def _is_settled(state: SessionState, opening: Opening, word: Spoken) -> bool:
    settled = protocol_of(opening).settled
    return settled is not None and settled(hearing("", state, is_open=True), word)


def _equivocated(state: SessionState, opening: Opening, said: Said, before: Spoken) -> SessionState:
    """Keep the evidence that a speaker has said two things where only one may be said."""
    former = _shortened(opening, before.speech)
    reason = f"{EQUIVOCATED}: said {former} at position {before.position}"
    state = _refused(state, opening, said, reason)
    if opening.revising == "first":
        return state
    return msgspec.structs.replace(
        state,
        spoken=state.spoken.delete(said.agent),
        excluded=state.excluded.set(said.agent, said.position),
    )


def _refused(state: SessionState, opening: Opening, said: Said, reason: str) -> SessionState:
    assert isinstance(said.event, Speech)
    before = state.refused.get(said.agent)
    if before is not None and before.reason.startswith(EQUIVOCATED):
        # Whoever lies must not be able to cover it with a word of no meaning.
        return state
    is_known = before is not None or said.agent in state.weights or said.agent in state.spoken
    if not is_known and len(state.refused) >= REFUSED_MAX:
        return state
    refusal = Refusal(said.agent, _shortened(opening, said.event), said.position, reason)
    return msgspec.structs.replace(state, refused=state.refused.set(said.agent, refusal))


def _is_repeated(said: Said, before: Spoken) -> bool:
    return said.event_id == before.event_id or said.event_id in before.former


def _next_word(before: Spoken, said: Said, speech: Speech, since: int) -> Spoken:
    former = (*before.former, before.event_id)[-FORMER_MAX:]
    return Spoken(said.agent, speech, said.position, since, said.event_id, former)


def _gone_on(
    state: SessionState,
    opening: Opening,
    course: Course[Opening, Any],
    said: Said,
    before: Spoken | None,
) -> SessionState:
    assert isinstance(said.event, Speech)
    first = Spoken(said.agent, said.event, said.position, said.position, said.event_id)
    word = first if before is None else _next_word(before, said, said.event, said.position)
    return msgspec.structs.replace(
        state,
        spoken=state.spoken.set(said.agent, word),
        course=course.evolve(opening, state.course, said),
    )


def _objection(state: SessionState, opening: Opening, agent: str, speech: Speech) -> str:
    protocol = protocol_of(opening)
    if not isinstance(speech, protocol.speech):
        return f"not_understood: {type(speech).__name__} in a session of {protocol.name}"
    if state.weights and agent not in state.weights:
        return "not_eligible"
    try:
        protocol.check_speech(opening, speech)
    except Rejected as refusal:
        return f"invalid: {refusal}"
    return ""


def _shortened(opening: Opening, speech: Speech) -> str:
    protocol = protocol_of(opening)
    if not isinstance(speech, protocol.speech):
        return type(speech).__name__
    said = protocol.say(speech)
    return said if len(said) <= SAID_LENGTH_MAX else said[: SAID_LENGTH_MAX - 1] + "…"


def _may_cancel(state: SessionState, recorded: Recorded) -> bool:
    in_time = state.phase in {"open", "closed"}
    return in_time and (recorded.actor == state.opened_by or from_coordinator(recorded))


def _ended(
    state: SessionState,
    recorded: Recorded,
    outcome: Outcome,
    *,
    decision: Decision | None = None,
    reason: str = "",
) -> SessionState:
    return msgspec.structs.replace(
        state,
        phase="ended",
        outcome=outcome,
        decision=decision,
        decided_at=recorded.position,
        decided_id=recorded.id,
        reason=reason or state.reason,
    )
