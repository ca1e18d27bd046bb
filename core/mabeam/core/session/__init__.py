"""Sessions: one run of a protocol, from its opening to exactly one outcome."""

from mabeam.core.session.decider import SESSION, Cancel, Open, SessionCommand
from mabeam.core.session.events import (
    Alternative,
    Cancelled,
    Closed,
    Considered,
    Decision,
    Failed,
    Opening,
    Outcome,
    Participant,
    Speech,
    TieBreak,
)
from mabeam.core.session.protocol import (
    PROTOCOLS,
    Hearing,
    Protocol,
    Refusal,
    Spoken,
    check_opening,
    protocol_of,
)
from mabeam.core.session.reactor import SESSIONS
from mabeam.core.session.state import Phase, SessionState, hearing, is_complete

__all__ = [
    "PROTOCOLS",
    "SESSION",
    "SESSIONS",
    "Alternative",
    "Cancel",
    "Cancelled",
    "Closed",
    "Considered",
    "Decision",
    "Failed",
    "Hearing",
    "Open",
    "Opening",
    "Outcome",
    "Participant",
    "Phase",
    "Protocol",
    "Refusal",
    "SessionCommand",
    "SessionState",
    "Speech",
    "Spoken",
    "TieBreak",
    "check_opening",
    "hearing",
    "is_complete",
    "protocol_of",
]
