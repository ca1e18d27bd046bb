"""Small protocols with a course, a child or a problem, to test what carries them."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import msgspec

from mabeam.core.consensus import ConsensusOpened
from mabeam.core.errors import Rejected
from mabeam.core.events import event_type
from mabeam.core.policies import Policy
from mabeam.core.session import (
    Announcement,
    Child,
    ChildEnded,
    Course,
    Decision,
    Due,
    Hearing,
    Opening,
    Participant,
    Protocol,
    Said,
    Speech,
    Start,
)

__all__ = ["RELAY", "Lap", "LapRun", "RelayDecided", "RelayOpened"]


@event_type("com.example.relay.opened.v1", kind="session")
class RelayOpened(Opening, frozen=True, kw_only=True):
    """Runners run in turns, some laps; then a vote is held, or a solver asked, if so wished."""

    rule: Policy = Policy("relay")
    laps: int = 1
    lap_ms: int = 1_000
    asks: bool = False
    solves: bool = False


@event_type("com.example.relay.lap_run.v1", kind="session")
class LapRun(Speech, frozen=True, kw_only=True):
    """A runner has run."""

    metres: int = 100


@event_type("com.example.relay.lap.v1", kind="session")
class Lap(Announcement, frozen=True, kw_only=True):
    """A lap is over."""

    number: int


@event_type("com.example.relay.decided.v1", kind="session")
class RelayDecided(Decision, frozen=True, kw_only=True):
    """How far they came."""

    metres: int = 0
    verdict: str = ""


class Track(msgspec.Struct, frozen=True):
    """How the relay stands."""

    session: str
    runners: tuple[str, ...]
    begun_ns: int
    cause: str
    runs: int = 0
    laps: int = 0
    metres: int = 0
    verdict: str = ""


def initial(opening: RelayOpened, start: Start) -> Track:
    """Begin."""
    runners = tuple(p.agent for p in opening.participants)
    return Track(start.session, runners, start.recorded_ns, start.event_id)


def object_to(opening: RelayOpened, track: Track, said: Said) -> str:
    """Refuse who is not next."""
    return "" if said.agent == track.runners[track.runs % len(track.runners)] else "out_of_turn"


def evolve(opening: RelayOpened, track: Track, said: Said) -> Track:
    """Count."""
    match said.event:
        case LapRun(metres=metres):
            return msgspec.structs.replace(
                track, runs=track.runs + 1, metres=track.metres + metres, cause=said.event_id
            )
        case Lap():
            return msgspec.structs.replace(
                track,
                laps=track.laps + 1,
                runs=0,
                begun_ns=said.recorded_ns,
                cause=said.event_id,
            )
        case ChildEnded(result=result):
            return msgspec.structs.replace(track, verdict=result, cause=said.event_id)
        case _:
            return track


def due(opening: RelayOpened, track: Track, now_ns: int) -> Due:
    """Announce a lap when all have run or its time is up; then ask; then close."""
    if track.laps < opening.laps:
        at_ns = track.begun_ns + opening.lap_ms * 1_000_000
        if track.runs == len(track.runners) or now_ns >= at_ns:
            return Due(announce=Lap(number=track.laps + 1), cause=track.cause)
        return Due(at_ns=at_ns)
    if opening.asks and not track.verdict:
        question = ConsensusOpened(
            low=Decimal(0),
            high=Decimal(10),
            participants=tuple(map(Participant, track.runners)),
            parent=f"session/{track.session}",
        )
        return Due(children=(Child(f"{track.session}-verdict", question, track.cause),))
    return Due(close="complete", cause=track.cause)


def decide(hearing: Hearing[RelayOpened]) -> RelayDecided:
    """Tell how far they came."""
    track = cast("Track", hearing.course)
    return RelayDecided(
        outcome="decided",
        rule=hearing.opening.rule,
        considered=hearing.considered,
        metres=track.metres,
        verdict=track.verdict,
    )


class Problem(msgspec.Struct, frozen=True):
    """How far they ran."""

    metres: int


class Solution(msgspec.Struct, frozen=True):
    """Some number that is not smaller."""

    bound: int


def problem(hearing: Hearing[RelayOpened]) -> Problem | None:
    """Ask for a bound if so wished."""
    track = cast("Track", hearing.course)
    return Problem(track.metres) if hearing.opening.solves else None


def conclude(hearing: Hearing[RelayOpened], solution: msgspec.Struct) -> RelayDecided:
    """Decide by the bound that was found."""
    assert isinstance(solution, Solution)
    return msgspec.structs.replace(decide(hearing), verdict=str(solution.bound))


def verify(hearing: Hearing[RelayOpened], decision: Decision) -> None:
    """Check the metres, and the bound."""
    track = cast("Track", hearing.course)
    assert isinstance(decision, RelayDecided)
    is_right = decision.metres == track.metres
    if hearing.opening.solves:
        is_right = is_right and int(decision.verdict) >= track.metres
    if not is_right:
        raise Rejected("relay.certificate", "no proof", field="metres", value=decision.metres)


def check_opening(opening: RelayOpened) -> None:
    """Runners are needed."""
    if not opening.participants:
        raise Rejected("relay.runners", "nobody runs", field="participants", value=())


RELAY = Protocol(
    name="relay",
    opening=RelayOpened,
    speech=LapRun,
    check_opening=check_opening,
    check_speech=lambda _opening, _speech: None,
    say=lambda speech: str(getattr(speech, "metres", "")),
    decide=decide,
    verify=verify,
    result=lambda decision: str(getattr(decision, "metres", "")),
    course=Course(initial, object_to, evolve, due),
    problem=problem,
    conclude=conclude,
)
