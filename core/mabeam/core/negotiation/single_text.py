"""The mediated single text as sessions: one text is proposed, judged by all, and changed.

Protocol code is the mediator. It proposes a text; every party accepts or rejects it; if all
accept, it is kept. The next text is the kept one (or, as long as none is kept, the latest)
with the value of one issue changed. Which change it is follows from a hash that the opening
and its position declare, so nobody draws it and everybody can check it. What is kept never
becomes worse for a party that accepts only what is better for it; the parties may do better
by accepting now and then what is a little worse.

Mark Klein, Peyman Faratin, Hiroki Sayama and Yaneer Bar-Yam, Negotiating Complex Contracts,
Group Decision and Negotiation 12 (2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, cast

import msgspec
from immutables import Map

from mabeam.core.checking import check_facts, check_text, check_within, disproved
from mabeam.core.ids import order_key
from mabeam.core.negotiation.alternating import NOTE_LENGTH_MAX
from mabeam.core.negotiation.events import (
    Judgement,
    SingleTextDecided,
    SingleTextOpened,
    TextJudged,
    TextProposed,
)
from mabeam.core.negotiation.rules import CERTIFICATE, agreed, check_parties, check_rounds
from mabeam.core.negotiation.space import (
    Issue,
    Outcome,
    as_value,
    check_issues,
    normal,
    number_of,
    outcome_at,
    values_of,
)
from mabeam.core.session.course import Course, Due, Said, Start
from mabeam.core.session.events import Alternative, Decision, Speech
from mabeam.core.session.protocol import Hearing, Protocol, Standing, terms

__all__ = ["SINGLE_TEXT", "Draft", "changed"]

LISTED_MAX: Final = 200
_MS: Final = 1_000_000


class Draft(msgspec.Struct, frozen=True):
    """How the text stands.

    Attributes:
        session: Name of the session.
        opened_at: Position of its opening.
        parties: Who judges.
        since_ns: When the present round began, on the log's clock.
        cause: Id of the latest event that changed anything.
        cause_position: Where a party said that; 0 where no party did.
        round: Number of the present round, 0 before the first.
        text: What is judged in it.
        accepts: What each party said of it so far.
        kept: What all have accepted last; empty for nothing.
        kept_in: The round in which they did.
        judgements: What became of the latest texts.
    """

    session: str
    opened_at: int
    parties: tuple[str, ...]
    since_ns: int
    cause: str
    cause_position: int = 0
    round: int = 0
    text: Outcome = ()
    accepts: Map[str, bool] = Map()
    kept: Outcome = ()
    kept_in: int = 0
    judgements: tuple[Judgement, ...] = ()


def changed(issues: Sequence[Issue], base: Outcome, key: bytes) -> Outcome:
    """Return an outcome that differs from another in one issue; which one, a hash says.

    Every such change is as likely as any other. Where no issue has a second value, the
    outcome stays as it is.

    Args:
        issues: What is to be settled.
        base: The outcome to begin with.
        key: A hash.
    """
    changes = [
        (place, value)
        for place, issue in enumerate(issues)
        for value in values_of(issue)
        if value != base[place]
    ]
    if not changes:
        return base
    place, value = changes[int.from_bytes(key, "big") % len(changes)]
    return (*base[:place], value, *base[place + 1 :])


def check_opening(opening: SingleTextOpened) -> None:
    """Refuse a mediation that cannot be held.

    Raises:
        Rejected: The rule is another one, or parties, issues, rounds or times are out of
            range, or the start is no outcome.
    """
    check_parties(opening, "single_text")
    check_issues(opening.issues)
    check_rounds(opening.rounds, "round_ms", opening.round_ms)
    check_text("negotiation.text", "subject", opening.subject, NOTE_LENGTH_MAX)
    if opening.start:
        normal(opening.issues, opening.start)


def check_speech(opening: SingleTextOpened, speech: Speech) -> None:
    """Refuse a judgement that could never count.

    Raises:
        Rejected: There will be no such round, or the note is too long.
    """
    if isinstance(speech, TextJudged):
        check_within("negotiation.round", "round", speech.round, 1, opening.rounds)
        check_text("negotiation.text", "note", speech.note, NOTE_LENGTH_MAX)


def say(speech: Speech) -> str:
    """Write a judgement as text."""
    if not isinstance(speech, TextJudged):
        return ""
    return f"{'accepts' if speech.accept else 'rejects'} text {speech.round}"


def initial(opening: SingleTextOpened, start: Start) -> Draft:
    """Begin before the first round."""
    parties = tuple(participant.agent for participant in opening.participants)
    return Draft(start.session, start.position, parties, start.recorded_ns, start.event_id)


def object_to(opening: SingleTextOpened, draft: Draft, said: Said) -> str:  # noqa: ARG001 - one signature for all
    """Refuse a judgement of another round, and a second one of the same."""
    assert isinstance(said.event, TextJudged)
    if said.event.round != draft.round:
        return "another_round"
    return "judged_already" if said.agent in draft.accepts else ""


def evolve(opening: SingleTextOpened, draft: Draft, said: Said) -> Draft:
    """Apply a judgement, or the beginning of a round."""
    match said.event:
        case TextJudged(accept=accept):
            return msgspec.structs.replace(
                draft,
                accepts=draft.accepts.set(said.agent, accept),
                cause=said.event_id,
                cause_position=said.position,
            )
        case TextProposed() as proposed if proposed == _next(opening, draft):
            # A judgement that slips in before the announcement may make it untrue; then it is
            # of no effect, and the true one follows.
            settled = _settled(opening, draft)
            return msgspec.structs.replace(
                settled,
                round=proposed.round,
                text=proposed.values,
                accepts=Map(),
                since_ns=said.recorded_ns,
                cause=said.event_id,
                cause_position=0,
            )
        case _:
            return draft


def _next(opening: SingleTextOpened, draft: Draft) -> TextProposed | None:
    if draft.round == opening.rounds:
        return None
    settled = _settled(opening, draft)
    if not draft.round:
        first = normal(opening.issues, opening.start) if opening.start else None
        values = first or outcome_at(opening.issues, 0)
    else:
        key = order_key(draft.session, draft.opened_at, "text", draft.round)
        values = changed(opening.issues, settled.kept or draft.text, key)
    return TextProposed(round=draft.round + 1, values=values, kept=settled.kept)


def _settled(opening: SingleTextOpened, draft: Draft) -> Draft:
    """Return the draft with the present round's text kept or not."""
    if not draft.round:
        return draft
    accepted_by = tuple(sorted(agent for agent, accept in draft.accepts.items() if accept))
    kept = len(accepted_by) == len(draft.parties)
    judgement = Judgement(draft.round, number_of(opening.issues, draft.text), accepted_by, kept)
    return msgspec.structs.replace(
        draft,
        kept=draft.text if kept else draft.kept,
        kept_in=draft.round if kept else draft.kept_in,
        judgements=(*draft.judgements, judgement)[-LISTED_MAX:],
    )


def due(opening: SingleTextOpened, draft: Draft, now_ns: int) -> Due:
    """Begin the next round when all have judged or time is up; close after the last."""
    at_ns = draft.since_ns + opening.round_ms * _MS
    if draft.round and len(draft.accepts) < len(draft.parties) and now_ns < at_ns:
        return Due(at_ns=at_ns)
    proposed = _next(opening, draft)
    if proposed is None:
        return Due(close="complete", cause=draft.cause, position=draft.cause_position)
    return Due(announce=proposed, cause=draft.cause, position=draft.cause_position)


def decide(hearing: Hearing[SingleTextOpened]) -> SingleTextDecided:
    """Decide a closed mediation: the text that all have accepted last."""
    draft = _settled(hearing.opening, cast("Draft", hearing.course))
    return SingleTextDecided(
        outcome="decided" if draft.kept else "no_quorum",
        rule=hearing.opening.rule,
        considered=hearing.considered,
        alternatives=(*_rejected(hearing), *hearing.invalid()),
        superseded=hearing.superseded,
        agreement=draft.kept,
        number=as_value(hearing.opening.issues, draft.kept),
        kept_in=draft.kept_in,
        rounds=draft.round,
        judgements=draft.judgements,
    )


def _rejected(hearing: Hearing[SingleTextOpened]) -> tuple[Alternative, ...]:
    """Return the latest word of each party that rejected a text."""
    return tuple(
        Alternative(s.agent, say(s.speech), s.position, "not_kept")
        for s in hearing.by_agent()
        if not cast("TextJudged", s.speech).accept
    )


def verify(hearing: Hearing[SingleTextOpened], decision: Decision) -> None:
    """Check a decision against what was said.

    Raises:
        Rejected: It states a text that not all have accepted, or not the last such one.
    """
    if not isinstance(decision, SingleTextDecided):
        raise disproved(CERTIFICATE, "outcome", type(decision).__name__, "that of a single text")
    draft, issues = cast("Draft", hearing.course), hearing.opening.issues
    lasts: tuple[Judgement, ...] = ()
    if draft.round:
        yes = tuple(sorted(agent for agent in draft.accepts if draft.accepts[agent]))
        is_kept = set(yes) == set(draft.parties)
        lasts = (Judgement(draft.round, number_of(issues, draft.text), yes, is_kept),)
    settled = (*draft.judgements, *lasts)[-LISTED_MAX:]
    # A text that fell out of the list was kept in an earlier round, as the course remembers.
    kept = [judgement for judgement in settled if judgement.kept]
    agreement = outcome_at(issues, kept[-1].outcome) if kept else draft.kept
    check_facts(
        CERTIFICATE,
        (
            *terms(hearing, decision),
            ("alternatives", decision.alternatives, (*_rejected(hearing), *hearing.invalid())),
            ("rounds", decision.rounds, draft.round),
            ("judgements", decision.judgements, settled),
            ("outcome", decision.outcome, "decided" if agreement else "no_quorum"),
            ("agreement", decision.agreement, agreement),
            ("number", decision.number, as_value(issues, agreement)),
            ("kept_in", decision.kept_in, kept[-1].round if kept else draft.kept_in),
        ),
    )


def result(decision: Decision) -> Decimal | str | None:
    """Return the text, which becomes the value of the variable at stake."""
    if not isinstance(decision, SingleTextDecided):
        return None
    return agreed(decision, decision.agreement, decision.number)


def standing(hearing: Hearing[SingleTextOpened]) -> Standing:
    """Show what became of the texts so far."""
    draft, issues = cast("Draft", hearing.course), hearing.opening.issues
    rows = tuple(
        (
            str(one.round),
            ", ".join(outcome_at(issues, one.outcome)),
            ", ".join(one.accepted_by),
            "kept" if one.kept else "",
        )
        for one in draft.judgements
    )
    remarks = (
        f"text {draft.round} is judged: {', '.join(draft.text)}",
        f"kept so far: {', '.join(draft.kept) or 'nothing'}",
    )
    return Standing(("round", "text", "accepted by", ""), rows, remarks)


SINGLE_TEXT: Final = Protocol(
    name="single_text",
    opening=SingleTextOpened,
    speech=TextJudged,
    check_opening=check_opening,
    check_speech=check_speech,
    say=say,
    decide=decide,
    verify=verify,
    result=result,
    course=Course(initial, object_to, evolve, due),
    standing=standing,
)
SINGLE_TEXT.register()
