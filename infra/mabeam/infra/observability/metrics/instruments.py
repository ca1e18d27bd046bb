"""What is measured: every metric, declared once, for the registry and for its reference page.

Labels take few values, whatever happens: names of spaces, of consumers and followers that
code chooses, of registered protocols and of outcomes; never those of entities or agents.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

__all__ = [
    "APPEND_SECONDS",
    "DECISION_SECONDS",
    "DELIVERIES",
    "EVENTS_READ",
    "EVENTS_RECORDED",
    "EVENTS_UNREADABLE",
    "FOLLOWER_LAG_EVENTS",
    "FOLLOWER_LAG_SECONDS",
    "FOLLOWER_POSITION",
    "HANDLING_SECONDS",
    "INSTRUMENTS",
    "LOG_HEAD",
    "LOG_REACHABLE",
    "PAGES_READ",
    "RECONNECTS",
    "REDELIVERIES",
    "SESSIONS_ENDED",
    "TABLES_ACTIVE",
    "TABLES_PARKED",
    "TABLES_SKIPPED",
    "UNSETTLED",
    "Instrument",
]

_WAITS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0)
# From a decision within a machine to one that people take part in.
_AGREEING: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0)


class Instrument(msgspec.Struct, frozen=True):
    """One metric.

    Attributes:
        kind: What sort of metric it is.
        name: Its name on the wire, with its unit.
        help: What it tells, in a sentence.
        labels: By what it is told apart, each with its values in words.
        buckets: Upper bounds of a histogram, in its unit.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: dict[str, str]
    buckets: tuple[float, ...] = ()


_SPACE: Final = {"space": "name of the space"}
_WAY: Final = _SPACE | {"way": "`read`, `follow` or `latest`"}
_CONSUMER: Final = _SPACE | {"consumer": "name of the durable consumer, such as `coordinator`"}
_FOLLOWER: Final = _SPACE | {
    "follower": "`coordinator`, `agents` (those hosted here), `space` (what a connection shows)"
    ", a projection into tables, or the name that a program gives; the hindmost of one name"
}
_PROJECTION: Final = _SPACE | {"projection": "name of a projection into tables"}

APPEND_SECONDS: Final = Instrument(
    "histogram",
    "mabeam_append_duration_seconds",
    "Time from the call of an append to its outcome.",
    _SPACE
    | {
        "outcome": "`recorded`, `conflict`, `fenced`, `unknown`, `unavailable`, `full`, "
        "`rejected`, `too_large`, `not_authorized`, `cancelled` or `failed`"
    },
    _WAITS,
)
EVENTS_RECORDED: Final = Instrument(
    "counter",
    "mabeam_events_recorded_total",
    "Events that appends of this process reported as recorded.",
    _SPACE,
)
PAGES_READ: Final = Instrument(
    "counter", "mabeam_pages_read_total", "Pages of events read by this process.", _WAY
)
EVENTS_READ: Final = Instrument(
    "counter", "mabeam_events_read_total", "Events read by this process.", _WAY
)
EVENTS_UNREADABLE: Final = Instrument(
    "counter",
    "mabeam_events_unreadable_total",
    "Events recorded since this process looks on that nobody can read.",
    _SPACE,
)
DELIVERIES: Final = Instrument(
    "counter",
    "mabeam_deliveries_total",
    "Events that a durable consumer handed to this process.",
    _CONSUMER,
)
REDELIVERIES: Final = Instrument(
    "counter",
    "mabeam_redeliveries_total",
    "Events among them that had been handed out before, to this process or another.",
    _CONSUMER,
)
UNSETTLED: Final = Instrument(
    "gauge",
    "mabeam_unsettled_events",
    "Events that this process has in hand: delivered, not settled, and not yet due again.",
    _CONSUMER,
)
LOG_HEAD: Final = Instrument(
    "gauge",
    "mabeam_log_head_position",
    "Position of the last event recorded, when the log was last asked.",
    _SPACE,
)
LOG_REACHABLE: Final = Instrument(
    "gauge",
    "mabeam_log_reachable",
    "1 if the log answered when it was last asked, else 0.",
    _SPACE,
)
FOLLOWER_POSITION: Final = Instrument(
    "gauge", "mabeam_follower_position", "Position of the last event folded.", _FOLLOWER
)
FOLLOWER_LAG_EVENTS: Final = Instrument(
    "gauge",
    "mabeam_follower_lag_events",
    "Events between the head of the log and the last event folded.",
    _FOLLOWER,
)
FOLLOWER_LAG_SECONDS: Final = Instrument(
    "gauge",
    "mabeam_follower_lag_seconds",
    "Age of the first event not folded yet, on the log's clock; 0 at the head.",
    _FOLLOWER,
)
TABLES_ACTIVE: Final = Instrument(
    "gauge",
    "mabeam_projection_active",
    "1 if any process keeps the tables that readers see, else 0; also when nobody answers.",
    _PROJECTION,
)
TABLES_PARKED: Final = Instrument(
    "gauge",
    "mabeam_projection_parked_events",
    "Events missing from the tables that readers see, for a person to try again.",
    _PROJECTION,
)
TABLES_SKIPPED: Final = Instrument(
    "gauge",
    "mabeam_projection_skipped_events",
    "Events missing from the tables that readers see, for good.",
    _PROJECTION,
)
HANDLING_SECONDS: Final = Instrument(
    "histogram",
    "mabeam_handling_duration_seconds",
    "Time that the handling of an event took, with all that was recorded because of it.",
    _SPACE
    | {
        "role": "`coordinator` (a reaction), `deadline` (a reaction to one), `agent` (a handler), "
        "`consumer` (a program's own)",
        "outcome": "`done` or `failed`",
    },
    _WAITS,
)
SESSIONS_ENDED: Final = Instrument(
    "counter",
    "mabeam_sessions_ended_total",
    "Sessions that ended since this process looks on.",
    _SPACE
    | {
        "protocol": "name of a registered protocol",
        "outcome": "`decided`, `no_quorum`, `tie_unresolved`, `default_taken`, `cancelled` or "
        "`failed`",
    },
)
DECISION_SECONDS: Final = Instrument(
    "histogram",
    "mabeam_decision_duration_seconds",
    "Time to the decision of a session, on the log's clock.",
    _SPACE
    | {
        "protocol": "name of a registered protocol",
        "since": "`opening`, or `last_speech`: the last word before the closing, if there was one",
    },
    _AGREEING,
)
RECONNECTS: Final = Instrument(
    "counter",
    "mabeam_reconnects_total",
    "How often a lost connection to the log was there again.",
    _SPACE,
)

INSTRUMENTS: Final = (
    APPEND_SECONDS,
    EVENTS_RECORDED,
    PAGES_READ,
    EVENTS_READ,
    EVENTS_UNREADABLE,
    DELIVERIES,
    REDELIVERIES,
    UNSETTLED,
    HANDLING_SECONDS,
    SESSIONS_ENDED,
    DECISION_SECONDS,
    LOG_HEAD,
    LOG_REACHABLE,
    FOLLOWER_POSITION,
    FOLLOWER_LAG_EVENTS,
    FOLLOWER_LAG_SECONDS,
    TABLES_ACTIVE,
    TABLES_PARKED,
    TABLES_SKIPPED,
    RECONNECTS,
)
"""All of them, in the order of the reference."""
